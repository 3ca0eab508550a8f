"""The check of prose finds the habits, and nothing else; and what is clean stays so."""

import pytest
from project import prose
from project.prose import AREAS, CLEAN, CODE, check, findings, opening


def habits_of(sentence, kind="paragraph"):
    """The habits that are found in a sentence, by the first word of their names."""
    passage = prose.Passage(kind, 1, sentence)
    return {found.habit.split(" ")[0] for found in findings("page.md", [passage])}


BAD = [
    ("What no id protects is sent once.", "H1"),
    ("Whoever was planned is skipped.", "H1"),
    ("Numbers are counted and what remains is listed.", "H1"),
    ("Delivery receipts tell for sure.", "H2"),
    ("A price that was not told is left out.", "H2"),
    ("Only then does a worker send.", "H3"),
    ("Whether it repeats is undocumented.", "H3"),
    ("The ledger knows the recipients.", "H5"),
    ("A long wait is not believed.", "H5"),
    ("The intent before the first byte of a batch.", "H6"),
    ("A message for its people is sent.", "H7"),
    ("Both are read from the file.", "H7"),
    ("A batch that nobody is at is queued.", "H8"),
    ("The run continues by itself.", "H9"),
    ("The call is repeated after silence.", "H10"),
    ("A try that had no response is repeated.", "H10"),
    ("The client waits for an answer.", "H10"),
    ("A wrong code is a result and no error.", "H11"),
    ("The file never has no rows.", "H11"),
    ("The file is kept, and never changed.", "H12"),
    ("It is a floor, not a rival.", "H12"),
    ("mix.db: another process writes to it: wait for it.", "H13"),
    ("It waits for some seconds.", "H14"),
    ("It calls a URL of yours.", "H14"),
    ("The file need not exist.", "H15"),
    ("The run goes on.", "H15"),
    ("The recipients are normalised first.", "H16"),
    ("The behaviour is documented.", "H16"),
    (f"The file has {'very ' * 30}long lines.", "long"),
]

GOOD = [
    "Calls without an idempotency key are not retried after a timeout.",
    "What happens after a timeout?",
    "It needs no account and sends no real SMS.",
    "aiooctopush tells you whether the message was sent.",
    "Count the recipients, and see what is not yet verified.",
    "Without an account, run the sandbox.",
    "To resume, run the same program again.",
    "In a clone of the repository:",
    "An unclaimed batch is queued again by the next sweep.",
    "You answer one question and the client tries to send again.",
    "A foreign key names the table of runs.",
    "Exercise the promise of precise and otherwise wise enterprises.",
    "The file is at most 30 words long: this is one colon.",
    f"Set {CODE} to the number of attempts.",
    f"The file has {'very ' * 24}long lines.",
]


@pytest.mark.parametrize(("sentence", "number"), BAD)
def test_habit_is_found(sentence, number):
    """Each habit is found, by its number in the guide."""
    assert habits_of(sentence) == {number}


@pytest.mark.parametrize("sentence", GOOD)
def test_plain_sentence_is_clean(sentence):
    """What resembles a habit is not one."""
    assert habits_of(sentence) == set()


def test_heading_and_cell_have_rules_of_their_own():
    """A heading may not be a riddle; a cell may be short of a verb."""
    assert habits_of("What stays", "heading") == {"H4"}
    assert habits_of("Supported versions", "heading") == set()
    assert habits_of("the first row of the file", "cell") == set()


def test_two_semicolons_in_a_paragraph():
    """One is enough."""
    assert habits_of("It waits; it sends. It stops.") == set()
    assert habits_of("It waits; it sends. It stops; it ends.") == {"H13"}


PAGE = f"""---
title: nobody
---
# A page

![nobody](nobody.svg)

This page is for `nobody` who reads
[a link](nobody.md). It has {{meth}}`nobody`.

<!-- nobody -->
:::{{toctree}}
nobody
:::

* Item one.
* Item two tells
  a story. {"Word " * 31}

```python
nobody = 1
```

| head | nobody |
|---|---|
| cell | nobody waits |
"""


def test_page_is_read_without_its_code():
    """Paragraphs, items and cells have their lines; code and comments are not read."""
    found = [
        (one.line, one.habit.split(" ")[0])
        for one in findings("page.md", prose.markdown(PAGE))
    ]

    assert found == [(17, "H2"), (17, "long"), (24, "H8"), (26, "H8")]


@pytest.mark.parametrize(
    ("text", "is_good"),
    [
        (PAGE, True),
        ("# Title\n\n[![badge](a.svg)](b)\n\nThis page lists errors.\n", True),
        ("# Title\n\n```{octopush-command} bulk\n```\n", True),
        ("# Title\n\n```python\ncode\n```\n\n## Heading\n", False),
        ("# Title\n\n## Heading\n\nThis page is late.\n", False),
        ("# Title\n\nA fragment\n", False),
        ("# Title\n\nToo short.\n", False),
        ("# Title\n", False),
    ],
)
def test_page_begins_with_a_sentence(text, is_good):
    """A title alone, code or a fragment is no beginning."""
    found = list(opening("page.md", prose.markdown(text)))

    assert [one.habit for one in found] == ([] if is_good else [prose.NO_OPENING])


MODULE = '''"""One line that nobody wrote.

Some prose that tells, and an example::

    nobody = "tells"

Back to prose of ``nobody``.
"""

import json

LIMIT = 1
"""It needs ``nobody``, and
is told twice."""


def function(one):
    """
    Do it.

    Args:
        one: The first, as `nobody`.
        two: What comes next
            is told here.

    * An item that nobody reads.
    """
    raise ValueError(f"{one}: nobody waits for it")


QUERY = "SELECT name FROM nobody WHERE 1"
NAMES = "some_name, nobody, another, more"
SHORT = "nobody waits"
COUNT = 1_000
...
'''


def test_docstrings_are_read():
    """So are those of attributes; what stands after two colons is code."""
    found = sorted(
        (one.line, one.habit.split(" ")[0])
        for one in findings("module.py", prose.docstrings(MODULE))
    )

    assert found == [
        (1, "H8"),
        (3, "H2"),
        (13, "H2"),
        (23, "H1"),
        (23, "H2"),
        (26, "H8"),
    ]


def test_messages_are_read():
    """A string of four words is one, unless it is SQL or a list of names."""
    found = list(findings("module.py", prose.strings(MODULE)))

    assert [(one.line, one.habit.split(" ")[0]) for one in found] == [(28, "H8")]


def test_forms_are_read():
    """Labels and explanations, but not keys."""
    text = (
        'name: Bug\nbody:\n  - type: input\n    id: nobody\n    label: "For nobody"\n'
    )

    found = list(findings("bug.yml", prose.form(text)))

    assert [(one.line, one.shown) for one in found] == [(5, "nobody")]


def test_pictures_are_read():
    """Words and title, but no drawing."""
    text = '<svg>\n<text x="1">nobody</text><rect id="nobody"/>\n<title>told</title>\n'

    found = list(findings("one.svg", prose.picture(text)))

    assert [(one.line, one.shown) for one in found] == [(2, "nobody"), (3, "told")]


def test_finding_says_what_to_do():
    """Place, habit, what shows it, what to do, and the sentence."""
    (found,) = findings("page.md", [prose.Passage("cell", 7, f"told {CODE} twice")])

    assert str(found) == (
        "page.md:7: H2 tell (told): show, report, indicate, confirm\n    told `…` twice"
    )


SEARCHED = (
    "2FA",
    "crash recovery",
    "deduplication",
    "distributed",
    "DLR",
    "dry run",
    "exactly once",
    "idempotency key",
    "opt-out",
    "quickstart",
    "rate limit",
    "segment",
    "unsubscribe",
    "webhook",
)


@pytest.mark.parametrize("term", SEARCHED)
def test_glossary_has_the_terms_that_readers_search_for(term):
    """Ours stand beside them, so that a search finds the page."""
    assert term in (prose.ROOT / "docs" / "glossary.md").read_text("utf-8")


def test_every_area_has_files():
    """A folder that was renamed does not leave the check without a word."""
    assert all(area.files() for area in AREAS.values())


@pytest.mark.parametrize("area", CLEAN)
def test_clean_area_stays_clean(area):
    """To work on another one: `python tests/project/prose.py AREA`."""
    assert [str(one) for one in check([area])] == []


def test_script_prints_its_findings(monkeypatch, tmp_path, capsys):
    """Without arguments it reads the clean areas; a file alone is read in each area."""
    (tmp_path / "README.md").write_text("# Title\n\nThis page tells of numbers.\n")
    (tmp_path / "SECURITY.md").write_text("# Title\n\nThis page is for nobody.\n")
    monkeypatch.setattr(prose, "ROOT", tmp_path)
    monkeypatch.setattr(prose, "CLEAN", ("readme",))

    assert prose.main([]) == 1
    assert "README.md:3: H2 tell (tells)" in capsys.readouterr().out
    assert prose.main(["project"]) == 1
    assert "SECURITY.md:3: H8 somebody (nobody)" in capsys.readouterr().out
    assert prose.main([str(tmp_path / "README.md")]) == 1
    assert capsys.readouterr().out.endswith("1 findings\n")
    assert prose.main(["docs"]) == 0


def test_script_reads_code(monkeypatch, tmp_path, capsys):
    """A module has no title, and needs no first sentence."""
    (tmp_path / "aiooctopush").mkdir()
    (tmp_path / "aiooctopush/one.py").write_text('"""A batch that nobody reads."""\n')
    monkeypatch.setattr(prose, "ROOT", tmp_path)

    assert prose.main(["docstrings", "messages"]) == 1
    assert capsys.readouterr().out.count("one.py:1: ") == 1
