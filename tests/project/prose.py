"""
Finds the habits that make prose hard to read, in pages, docstrings, help and messages.

``python tests/project/prose.py`` reads the areas in `CLEAN`, as `nox -s lint` does.
Names of areas or files read those: ``prose.py docstrings aiooctopush/retry.py``.
Each finding names the place, the habit, the words that show it, what to do instead, and
the sentence. Code, links and comments are not read.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Final

import yaml
from attrs import frozen
from markdown_it import MarkdownIt
from markdown_it.token import Token


ROOT: Final = Path(__file__).parents[2]
LONGEST: Final = 30
NO_OPENING: Final = "page without a first sentence"
CODE: Final = "\N{LOZENGE}"  # stands for a piece of code, which is not read

CLEAN: Final = (
    *("readme", "project", "forms", "docs", "pictures", "examples"),
    *("docstrings", "help", "messages"),
)
"""The areas that have no finding, which the tests and `nox -s lint` keep so."""


# --- habits ---------------------------------------------------------------------------


@frozen
class Habit:
    """A habit: its number in the guide, its pattern, and what to do instead."""

    name: str
    pattern: re.Pattern[str]
    instead: str
    kinds: frozenset[str]


def habit(name: str, pattern: str, instead: str, *kinds: str) -> Habit:
    """Return a habit whose pattern ignores upper case and spaces of two kinds."""
    return Habit(
        name,
        re.compile(re.sub(r"\s+", " ", pattern.strip()), re.IGNORECASE),
        instead,
        frozenset(kinds or (*_SENTENCES, "heading")),
    )


_SENTENCES: Final = ("paragraph", "docstring", "cell")
_PARTS: Final = (
    "gateway|client|server|sandbox|ledger|worker|run|process|library|session|code|"
    "fleet|broker|database|program|aiooctopush|report|command|receiver|network|source|"
    "system|machine|service|it"
)
_COUNTS: Final = (
    r"a|an|the|each|every|any|no|one|two|three|four|twenty|first|second|third|last|next|"
    r"earlier|further|more|other|another|single|of|all|these|\d+"
)

HABITS: Final = (
    habit(
        "H1 free relative clause",
        r"^(?-i:What|Whoever|Whatever|Whichever|That which|Of)\b(?!.*\?$)"
        r"|\b(whoever|whichever|whatever)\b"
        r"|^((?!\b(what|how|whether|which)\b).)*"
        r"(,|;|\b(and|but|or|of|in|for|by|with|to|from|than)) what\b"
        r"(?! to\b)"
        r"|\bthose (who|that|which)\b",
        "name the noun: 'invalid numbers', 'requests without an idempotency key'",
        *_SENTENCES,
    ),
    habit(
        "H2 tell",
        r"\b(tells?|telling)\b(?! you\b)|\btold\b|\b(speaks?|spoke|spoken)\b",
        "show, report, indicate, confirm",
    ),
    habit(
        "H3 inverted order",
        r"^(Nor|Neither)\b|^(?-i:Whether)\b(?=.*,? (is|are|was|were) \w+\.$)"
        r"|\b(nor|so|only (then|there|so)) (do|does|did|is|are|was|can|has|have)\b"
        r"|^Never (do|does|did|is|are|was|has)\b",
        "subject, verb, object",
    ),
    habit(
        "H4 riddle heading",
        r"^(What|Who|Whoever|Whom|Where|Which|That|Documented,)\b",
        "name the task, or the term that one would search for",
        "heading",
    ),
    habit(
        "H5 personified machine",
        rf"\b({_PARTS})s? (\w+ly )?(believe|know|think|sleep|want|forget|learn"
        r"|remember|trust|promise)s?\b"
        rf"|\b({_PARTS}) (sees|hears|likes|lives)\b"
        r"|\bown word\b|\b(is|are|not|and) believed\b|\bsleeps? on\b"
        r"|\b(gateway|server)'s (yes|no|word)\b|\bknows nobody\b|\bthat knows\b",
        "assume, report, indicate, wait, record",
    ),
    habit(
        "H7 pronoun without a noun",
        r"\bits people\b|\basked about\b|\b(theirs|thereof|therein)\b"
        r"|^(That|Those|Both|None|Others?|Some|All|Each|Such) "
        r"(is|are|was|were|has|have|had|can|do|does|may|must|will|need)\b",
        "repeat the noun",
        *_SENTENCES,
    ),
    habit(
        "H8 somebody",
        r"\b(nobody|no one|somebody|anybody|everybody|someone|anyone)\b",
        "name the part or the person: 'an unclaimed batch', 'an operator'",
    ),
    habit(
        "H9 by itself",
        r"\bby (itself|themselves)\b|\bis asked (about|under|for)\b",
        "automatically; or say who acts",
    ),
    habit(
        "H10 private term",
        r"\b(silence|silent|silently)\b|\blaws?\b|\bthe book\b|\bchapters?\b|\bburnt\b"
        r"|\bforeign (?!key|lang)|\bplayed\b|\btime-outs?\b|\brun keys?\b"
        rf"|\b({_COUNTS}) (\w+ )?(try|tries)\b(?! to\b)"
        r"|\b(an|the|no|each|every|its|gateway's|server's|without|late) answers?\b"
        r"|\b(is|are|was|were|be|been|not|it) answered\b"
        r"|\banswers (at|with|in|within|after)\b"
        r"|\bin doubt\b|\bopen batches\b|\b(was|were|is|are|be) taken\b"
        r"|\bgets? through\b|\bthe look\b",
        "timeout, no response, namespace, sent log, attempt, response, unknown",
    ),
    habit(
        "H11 double negative",
        r"\band no errors?\b|\bdid no\b|\bis none\b|\bnot un(?!i|d)\w+"
        r"|\b(?-i:[Nn]o|[Nn]ever|[Nn]ot|[Nn]othing|none|cannot)\b"
        r" ((?!(and|or) )[^,;:.()]){0,30}\b(?-i:no|not|nothing|none|never)\b"
        r"(?! (only|yet|found)\b)",
        "the positive form: 'returns a result instead of raising'",
        *_SENTENCES,
    ),
    habit(
        "H12 'X, and not Y'",
        r", (and|but) (not|no|nothing|never|none|cannot|nowhere)\b"
        r"|, not (a|an|the|what|by|for|in|of|on|one|its|your|our|to|from|with|at) \w+"
        r"|, and (was|is) (left|not)\b",
        "one claim per sentence",
        "paragraph",
        "docstring",
    ),
    habit(
        "H13 colon chain",
        r": .*: ",
        "one colon at most, then a sentence",
    ),
    habit(
        "H14 wrong article",
        r"\bsome (milli|micro)?(seconds?|minutes|hours|days|bytes|lines)\b"
        r"|\b(sessions?|clients?|servers?) of (aiohttp|httpx|asyncio)\b"
        r"|\ball 1\b|\bof (yours|ours|mine|theirs)\b",
        "'a few seconds', 'an aiohttp session', 'your URL'",
    ),
    habit(
        "H15 dated word",
        r"\b(till|lest|hardly|beforehand|hitherto|whence|thence|whilst|amid|upon|anew"
        r"|henceforth|shall|ought|wherever|besides?|thereby)\b|\breckon(s|ed)?\b"
        r"|\bneed not\b|\b(is|are|be|of no) of use\b|\bof (no )?use\b"
        r"|\b(go|goes|going|went|gone) on\b|\b(became|become|becomes) of\b"
        r"|\bstands? (in|under|on|at|for|there|alone|as)\b|\bleaves? to\b",
        "until, calculated, hardly any, continue, outcome, is",
    ),
    habit(
        "H16 British spelling",
        r"\b(?!(?:prom|exerc|prec|conc|otherw|likew|surpr|enterpr|rev|adv|superv|compr"
        r"|compro|rais|pra|w|r|no|ar|improv|prem|franch|disgu|expert|merchand|dev|pa)is)"
        r"\w{3,}is(e|es|ed|ing|ation)\b(?<!promise)(?<!compromise)(?<!compromised)"
        r"|\b(behaviou?rs?(?<=our)|behaviours|colou?rs?(?<=lour)|colours|favou?r(?<=our)"
        r"|neighbours?|centre|metres?|licence|defence|grey|programme|artefacts?"
        r"|judgement|fulfil|learnt|spelt|catalogue|travell\w+|modell\w+|labell\w+)\b",
        "American spelling",
    ),
)


def length(sentence: str) -> int:
    """Return how many words a sentence has; a piece of code is one."""
    return sum(bool(re.search(rf"[\w{CODE}]", one)) for one in sentence.split())


_VERBS: Final = re.compile(
    r"\b(is|are|was|were|be|been|am|has|have|had|do|does|did|can|could|will|would|may"
    r"|might|must|should|sent|ran|made|kept|came|got|gave|took|lost|held|let|need|cannot|[a-z]+n't|\w+ed|\w+ing|\w+(?<!')s)\b|\w+'(s|re|ll)\b",
)
_NO_VERBS: Final = re.compile(
    r"\b(its|this|less|across|always|as|thus|plus|perhaps|us|unless|sometimes)\b"
)
_STARTS: Final = re.compile(
    r"(an?|the|no|not|one|two|three|each|every|its|their|our|your|more|most|nothing|only"
    r"|some|in|on|at|under|over|after|before|between|by|for|with|without|from)\b"
)


def telegraphic(sentence: str) -> bool:
    """Whether a sentence of a paragraph has nothing that could be a verb."""
    words = _NO_VERBS.sub("", sentence.lower())
    if _VERBS.search(words) or length(sentence) < 4 or sentence.endswith(":"):
        return False
    # In 'Without an account, run it' the verb stands first after the comma.
    return all(_STARTS.match(one.lower()) for one in sentence.split(", "))


# --- reading --------------------------------------------------------------------------


@frozen
class Passage:
    """Words of one kind, and the line where they begin."""

    kind: str
    line: int
    words: str


@frozen
class Finding:
    """A sentence with a habit."""

    path: str
    line: int
    habit: str
    shown: str
    instead: str
    sentence: str

    def __str__(self) -> str:
        return (
            f"{self.path}:{self.line}: {self.habit} ({self.shown.strip()}): "
            f"{self.instead}\n    {self.sentence.replace(CODE, '`…`')}"
        )


_ENDS: Final = re.compile(
    rf"(?<!\be\.g)(?<!\bi\.e)(?<!\betc)(?<!\bvs)[.!?…][)\"'”’]*\s+"
    rf"(?=[\"'“(]*(?:[A-Z{CODE}]|aiooctopush\b|octopush\b))"
)


def sentences(words: str) -> list[str]:
    """Split a passage into its sentences."""
    words = " ".join(words.split())
    ends = [found.end() for found in _ENDS.finditer(words)]
    pairs = zip([0, *ends], [*ends, None], strict=True)
    return [one for one in (words[a:b].strip() for a, b in pairs) if one]


def inline(token: Token) -> str:
    """Return what readers see of inline Markdown, and a sign for each piece of code."""
    parts = []
    for one in token.children or ():
        if one.type in {"code_inline", "image"}:
            parts.append(CODE)
        elif one.type == "text":
            parts.append(re.sub(r"\{[\w:.-]+\}$", "", one.content))
        elif one.type in {"softbreak", "hardbreak"}:
            parts.append(" ")
    return "".join(parts)


_MARKDOWN: Final = MarkdownIt("commonmark").enable("table")
_NO_PROSE: Final = re.compile(
    r"\A---\n.*?^---$|^:::+(?:\{toctree\}.*?^:::+|.*?$)$", re.MULTILINE | re.DOTALL
)
_OPENERS: Final = {"heading_open": "heading", "td_open": "cell", "th_open": "cell"}


def markdown(text: str) -> Iterator[Passage]:
    """Yield the passages of a page: paragraphs, items, cells, headings."""
    text = _NO_PROSE.sub(lambda found: "\n" * found[0].count("\n"), text)
    kind, line = "paragraph", 0
    depth = 0
    for token in _MARKDOWN.parse(text):
        if token.map:
            line = token.map[0] + 1
        if token.type in _OPENERS:
            kind = _OPENERS[token.type]
        elif token.type == "list_item_open":
            depth += 1
        elif token.type == "list_item_close":
            depth -= 1
        elif token.type == "paragraph_open":
            kind = "item" if depth else "paragraph"
        elif token.type == "inline":
            yield Passage(kind, line, inline(token))
        elif token.type == "fence" and token.info.startswith("{octopush-"):
            yield Passage("generated", line, token.info)


_QUOTED: Final = re.compile(r"``.+?``|`[^`\n]+?`|:\w+:`[^`]+`", re.DOTALL)
_ENTRY: Final = re.compile(r"^(\*{0,2}\w[\w. |\[\]*,]*|\*\*\w+): +(?=\S)")
_SECTION: Final = re.compile(
    r"^(Args|Returns|Raises|Attributes|Yields|Example|Examples|Note|Warns):$"
)


def docstring(text: str, line: int) -> Iterator[Passage]:
    """Yield the passages of a docstring; what follows ``::`` is code."""
    lines = dedent(text.expandtabs()).splitlines()
    first = text.splitlines()[:1]
    if first and first[0].strip():
        lines = [
            first[0].strip(),
            *dedent("\n".join(text.splitlines()[1:])).splitlines(),
        ]
    held: list[str] = []
    start = line
    literal: int | None = None
    for number, one in enumerate([*lines, ""], line):
        indent = len(one) - len(one.lstrip())
        if literal is not None:
            if not one.strip() or indent > literal:
                continue
            literal = None
        entry = _ENTRY.match(one.strip()) if indent else None
        if held and (not one.strip() or entry or one.lstrip().startswith(("* ", "- "))):
            yield Passage("docstring", start, _QUOTED.sub(CODE, " ".join(held)))
            held = []
        if one.rstrip().endswith("::"):
            literal = indent
        if not one.strip() or _SECTION.match(one.strip()):
            continue
        start = start if held else number
        held.append(
            re.sub(r"::$", ":", _ENTRY.sub("", one.strip()) if entry else one.strip())
        )


def _words_of(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(one.value) if isinstance(one, ast.Constant) else CODE
            for one in node.values
        )
    return None


def docstrings(text: str) -> Iterator[Passage]:
    """Yield the passages of all docstrings, those of attributes included."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            words = node.value.value
            if isinstance(words, str):
                yield from docstring(words, node.lineno)


def strings(text: str) -> Iterator[Passage]:
    """Yield the strings that have at least four words: errors, help, reports."""
    tree = ast.parse(text)
    skipped = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Expr, ast.JoinedStr))
        for child in ast.iter_child_nodes(node)
        if isinstance(child, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and id(node) not in skipped:
            words = _words_of(node)
            if words and length(words) >= 4 and not _IS_CODE.search(words):
                yield Passage("cell", node.lineno, _QUOTED.sub(CODE, words))


_IS_CODE: Final = re.compile(
    r"^\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|WITH|GRANT|PRAGMA|BEGIN)\b"
    r"|^octopush "
    r"|^[\w,\s]*\w_\w[\w,\s]*$|[{}<>\\|]|\$\d|--\w|\n.*\n"
)


def form(text: str) -> Iterator[Passage]:
    """Yield what an issue form asks, and what it explains."""
    for line, one in enumerate(text.splitlines(), 1):
        found = re.match(r"\s*(?:- )?(?:label|description|about|value|name): (.+)", one)
        if found:
            words = str(yaml.safe_load(found[1]))
            yield Passage("item", line, _QUOTED.sub(CODE, words))


def picture(text: str) -> Iterator[Passage]:
    """Yield the words in a picture, and its title."""
    for line, one in enumerate(text.splitlines(), 1):
        for words in re.findall(r"<(?:text|title)\b[^>]*>([^<]+)<", one):
            yield Passage("cell", line, words)


# --- areas ----------------------------------------------------------------------------


@frozen
class Area:
    """Files, and how they are read."""

    read: Callable[[str], Iterable[Passage]]
    patterns: tuple[str, ...]
    outside: str = "/_build/"

    def files(self) -> list[Path]:
        """The files of the area, sorted."""
        found = {one for pattern in self.patterns for one in ROOT.glob(pattern)}
        return sorted(one for one in found if self.outside not in f"/{one.as_posix()}")


AREAS: Final = {
    "readme": Area(markdown, ("README.md",)),
    "project": Area(markdown, ("C*.md", "SECURITY.md", ".github/*.md")),
    "forms": Area(form, (".github/ISSUE_TEMPLATE/*.yml",)),
    "docs": Area(markdown, ("docs/**/*.md",)),
    "pictures": Area(picture, ("docs/**/*.svg",)),
    "examples": Area(markdown, ("examples/**/*.md",)),
    "docstrings": Area(docstrings, ("aiooctopush/**/*.py",)),
    "help": Area(strings, ("aiooctopush/cli/**/*.py",)),
    "messages": Area(strings, ("aiooctopush/**/*.py",), outside="/aiooctopush/cli/"),
}


def findings(path: str, passages: Iterable[Passage]) -> Iterator[Finding]:
    """Yield what is found in the passages of one file."""
    for passage in passages:
        kind = "paragraph" if passage.kind == "item" else passage.kind
        for sentence in sentences(passage.words):
            place = (path, passage.line)
            for one in HABITS:
                found = one.pattern.search(sentence) if kind in one.kinds else None
                if found:
                    shown = found[0][-30:]
                    yield Finding(*place, one.name, shown, one.instead, sentence)
            if passage.kind == "paragraph" and telegraphic(sentence):
                shown = " ".join(sentence.split()[:3])
                yield Finding(*place, "H6 fragment", shown, "give it a verb", sentence)
            if length(sentence) > LONGEST:
                shown = f"{length(sentence)} words"
                yield Finding(*place, "long sentence", shown, "split it", sentence)
        if kind != "cell" and passage.words.count("; ") > 1:
            yield Finding(
                *(path, passage.line, "H13 semicolons"),
                *("; … ;", "one semicolon per paragraph at most", passage.words),
            )


def opening(path: str, passages: Iterable[Passage]) -> Iterator[Finding]:
    """Yield a finding if no sentence follows the title of a page."""
    words = (one for one in passages if one.words.strip(f" {CODE}"))
    kinds = [(one.kind, one.words) for one in words][:2]
    if [kind for kind, _ in kinds] == ["heading", "generated"]:
        return  # the help of the command, which is checked where it is written
    good = [kind for kind, _ in kinds] == ["heading", "paragraph"]
    first = kinds[1][1] if good else ""
    if not good or length(sentences(first)[0]) < 4 or not re.search(r"[.:?]$", first):
        yield Finding(
            *(path, 1, NO_OPENING, "none"),
            *("say what the page is for and who needs it", first),
        )


def check(areas: Iterable[str], only: Iterable[str] = ()) -> list[Finding]:
    """Return the findings in areas; in those of their files alone, if any are given."""
    wanted = {Path(one).resolve() for one in only}
    found = []
    for name in areas:
        area = AREAS[name]
        for path in area.files():
            if wanted and path not in wanted:
                continue
            passages = list(area.read(path.read_text("utf-8")))
            place = path.relative_to(ROOT).as_posix()
            found += findings(place, passages)
            if area.read is markdown and path.parent.name != ".github":
                found += opening(place, passages)
    return found


def main(arguments: list[str]) -> int:
    """Print the findings; return 1 if there are any."""
    files = [one for one in arguments if one not in AREAS]
    areas = [one for one in arguments if one in AREAS]
    found = check(areas or (AREAS if files else CLEAN), files)
    for one in found:
        print(one)
    print(f"{len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
