"""``octopush preview``: what a text becomes and costs."""

import gzip
import json
from decimal import Decimal

import pytest

from aiooctopush.sandbox import Gateway, GatewaySettings


@pytest.fixture
def preview(run):
    """Run ``octopush preview``."""

    def preview(text, *arguments):
        return run("preview", "--text", text, *arguments)

    return preview


def test_plain_text(preview):
    """A short text of GSM-7 is one part, and nothing is odd."""
    result = preview("Your code is 1234")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "  Text      17 characters",
        "  Encoding  GSM-7",
        "  Parts     1 (17 of 160 septets)",
    ]
    assert result.stderr == ""


def test_several_parts(preview):
    """What does not fit into one part says how much fits into each."""
    assert "  Parts     2 (161 septets, 153 in each part)" in preview("a" * 161).stdout


def test_stricter_count(preview):
    """Where the gateway may count more, that is said."""
    result = preview("$" + "a" * 159)

    assert "At most   2 parts, by the gateway's stricter count" in result.stdout


def test_character_that_forces_unicode(preview):
    """It is shown with its name and place, since it may be invisible."""
    result = preview("Hello Łódź")

    told = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert told[1:5] == [
        "Encoding Unicode",
        "Parts 1 (10 of 70 units)",
        "Unicode by 'Ł' (LATIN CAPITAL LETTER L WITH STROKE, U+0141), character 7",
        "'ź' (LATIN SMALL LETTER Z WITH ACUTE, U+017A), character 10",
    ]
    assert told[5] == "With --plain GSM-7, 1 part"


def test_characters_that_take_two_places(preview):
    """All of them with their count, and not the braces of a placeholder."""
    result = preview("[a] [b] {first_name} €")

    told = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert told[3:] == [
        "Takes two '[' (LEFT SQUARE BRACKET, U+005B), 2 times, first as character 1",
        "']' (RIGHT SQUARE BRACKET, U+005D), 2 times, first as character 3",
        "'€' (EURO SIGN, U+20AC), character 22",
    ]


def test_many_costly_characters(preview):
    """The first eight, and how many more there are."""
    assert "and 2 more" in preview("αβγδεζηθικ".replace("δ", "ά")).stdout


def test_text_that_is_made_plain(preview):
    """What has a plain form is replaced, and nothing else."""
    told = json.loads(preview("“C’est l’œuvre” ✓\xa0…", "--plain", "--json").stdout)

    assert [one["character"] for one in told["costly"]] == ["✓"]
    assert (told["units"], told["replaced"]) == (22, [])


def test_character_without_a_name(preview):
    """A control character has a number only."""
    assert r"'\x01' (U+0001), character 1" in preview("\x01").stdout


def test_character_that_is_replaced(preview):
    """What the gateway's optimization does, and what it saves."""
    result = preview("prêt " * 20)

    assert "'ê' (LATIN SMALL LETTER E WITH CIRCUMFLEX, U+00EA), char" in result.stdout
    assert "character 3, becomes 'e'" in result.stdout
    assert "and 15 more" in result.stdout
    assert "would be Unicode: 2 parts" in result.stdout


def test_json_of_a_text(preview):
    """With --json stdout holds one document."""
    assert json.loads(preview("prêt ✓", "--json").stdout) == {
        "encoding": "unicode",
        "units": 6,
        "parts": 1,
        "parts_at_most": 1,
        "forced_by": "✓",
        "forced_name": "CHECK MARK",
        "forced_at": 5,
        "replaced": [{"at": 2, "from": "ê", "to": "e"}],
        "costly": [
            {
                "character": "✓",
                "name": "CHECK MARK",
                "count": 1,
                "first_at": 5,
                "forces_unicode": True,
            }
        ],
        "warnings": [],
    }


@pytest.mark.parametrize(
    ("text", "arguments", "warning"),
    [
        (
            "{firstname}",
            (),
            "{firstname} is no placeholder and would be sent as it ",
        ),
        ("{Param 1}", (), "did you mean {param1}?"),
        (
            "{whatever}",
            (),
            "would be sent as it stands. Braces",
        ),
        ("Buy", ("--purpose", "wholesale"), "without the mention 'STOP au XXXXX'"),
        (
            "Buy",
            ("--purpose", "wholesale", "--type", "sms_low_cost"),
            "without the mention 'no PUB=STOP'",
        ),
        ("XXXXX STOP au XXXXX", (), "XXXXX occurs in the text more than once"),
    ],
)
def test_warnings(preview, text, arguments, warning):
    """What will hardly do what is wanted is pointed out, on stderr."""
    result = preview(text, *arguments)

    assert result.exit_code == 0
    assert warning in result.stderr


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("Buy", ("--purpose", "alert")),
        ("Buy STOP au XXXXX", ("--purpose", "wholesale")),
        ("no PUB=STOP", ("--purpose", "wholesale", "--type", "sms_low_cost")),
    ],
)
def test_no_warnings(preview, text, arguments):
    """What is as it should be is not pointed out."""
    assert preview(text, *arguments).stderr == ""


@pytest.mark.parametrize("name", ["people.jsonl", "people.ndjson.gz", "people.txt"])
def test_json_lines_are_read_as_bulk_reads_them(preview, tmp_path, name):
    """Known by the name or by word, packed or not."""
    line = b'{"phone_number": "+33639980001", "first_name": "Zo\xc3\xa9"}\n'
    path = tmp_path / name
    path.write_bytes(gzip.compress(line) if name.endswith(".gz") else line)
    said = ("--format", "json") if name.endswith(".txt") else ()

    result = preview("Hi {first_name}", str(path), *said)

    assert (result.exit_code, result.stderr) == (0, "")
    assert "  Recipients  1\n" in result.stdout


SUNDAY = "2026-11-29T12:00+01:00"


def test_quiet_hours(preview):
    """Marketing on a Sunday is pointed out, with the hour when it may go."""
    result = preview("STOP au XXXXX", "--purpose", "wholesale", "--at", SUNDAY)

    assert result.exit_code == 0
    assert result.stderr == (
        "Warning: it is 2026-11-29 12:00 in France when this goes out: marketing "
        "should not reach French numbers before 2026-11-30 08:00.\n"
    )


@pytest.mark.parametrize(
    ("number", "purpose"), [("+33600000001", "alert"), ("+4915112345678", "wholesale")]
)
def test_quiet_hours_are_for_marketing_to_france(preview, people, number, purpose):
    """Alerts may go at any time, and of other countries we know nothing."""
    path = people(lines=[f"{number},Ada"])

    result = preview("STOP au XXXXX", path, "--purpose", purpose, "--at", SUNDAY)

    assert result.stderr == ""


@pytest.mark.parametrize("text", ["", "a" * 1_225], ids=["empty", "long"])
def test_text_that_cannot_be_sent(preview, text):
    """The limits are those of sending."""
    result = preview(text)

    assert result.exit_code == 2
    assert "--text: must have 1 to 1,224 characters" in result.stderr


# --- with a file ----------------------------------------------------------------------

ROWS = [
    "+33600000001,Ada",
    "+33600000004,",
    "+33600000002,Łukasz",
    "+33600000003,Jürgen",
    "+33600000001,Ada",
]


def test_file_is_worked_out_for_each(preview, people):
    """The distribution of parts, and the sum, after merging."""
    text = "Hello {first_name}" + "a" * 150

    path = people(lines=ROWS)

    result = preview(text, path, "--price", "0.05", "--on-missing", "send")

    assert result.stdout.splitlines() == [
        "  Text      168 characters, with {first_name}",
        "  Encoding  GSM-7",
        "  Parts     1 (156 of 160 septets), placeholders left empty",
        "",
        "  Recipients   Encoding   Parts   SMS",
        "           2      GSM-7       1     2",
        "           1      GSM-7       2     2",
        "           1    Unicode       3     3",
        "",
        f"This would send to 4 recipients of {path}.",
        "  Recipients  4",
        "  Duplicates  1 row",
        "",
        "The first messages",
        "  1  Hello Ada" + "a" * 150,
        "  2  Hello " + "a" * 150,
        "  3  Hello Łukasz" + "a" * 150,
        "",
        "Cost and time",
        "  SMS each    1 to 3",
        "  SMS billed  about 7",
        "  Cost        about 0.35 €",
        "  Goes out    at once",
        "  Cancel      not possible: more than 2 recipients, or sent at once",
    ]
    for words in (
        "{first_name} has no value for 1 recipient, first in line 3.",
        "the values of 1 recipient make the text Unicode, first in line 4 by 'Ł' (LATI",
        "1 row with a number that already occurs in the file: only the first is sent.",
    ):
        assert f"Warning: {words}" in result.stderr


def test_people_without_a_value_are_left_out_as_bulk_leaves_them_out(preview, people):
    """By default, and each is listed."""
    result = preview("Hello {first_name}", people(lines=ROWS))

    assert "This would send to 3 recipients of" in result.stdout
    assert "  Rejected    1 row" in result.stdout
    assert "line 3, column first_name" in result.stderr


def test_a_file_in_which_most_lack_a_value(preview, people):
    """It is looked at, and what bulk would say of it is a warning."""
    result = preview("Hello {first_name}", people(lines=["+33600000001,"]))

    assert result.exit_code == 0
    assert "--on-missing" in result.stderr


def test_only_the_first_such_row_is_named(preview, people):
    """Others are counted."""
    path = people(lines=["+33600000001,Łukasz", "+33600000002,Łucja"])

    result = preview("Hello {first_name}", path)

    assert "the values of 2 recipients make the text Unicode, first in line 2" in (
        result.stderr
    )


def test_text_in_unicode_anyway(preview, people):
    """Values are not blamed for what the text does itself."""
    result = preview("✓ {first_name}", people(lines=["+33600000001,Łukasz"]))

    assert "make the text Unicode" not in result.stderr


def test_merged_text_that_is_too_long(preview, people):
    """The limit of the text holds after merging, too, as far as anybody knows."""
    text = "{first_name}" + "a" * 148

    result = preview(
        text, people(lines=["+33600000001," + "b" * 13]), "--type", "sms_low_cost"
    )

    assert "more than 160 characters for 1 recipient" in result.stderr


def test_json_of_a_file(preview, people):
    """The same figures for programs."""
    told = json.loads(
        preview(
            *("Hello {first_name}", people(lines=ROWS), "--json"),
            *("--on-missing", "send"),
        ).stdout
    )

    warnings = told.pop("warnings")
    about_the_file = list(told)[list(told).index("items") :]
    assert {name: told[name] for name in about_the_file if told[name] is not None} == {
        "items": 5,
        "recipients": 4,
        "already": 0,
        "excluded": 0,
        "duplicates": 1,
        "rejected": 0,
        "rejections": [],
        "rejected_by_reason": {},
        "can_be_cancelled": False,
        "lacking": 0,
        "missing_columns": {},
        "countries": {"FR": 4},
        "price_unknown": "OCTOPUSH_API_LOGIN: this environment variable is not set",
        "refusals": [],
        "unknown_placeholders": [],
        "missing_values": {"first_name": 1},
        "first_missing": {
            "first_name": {"count": 1, "position": 1, "line": 3, "character": None}
        },
        "long_values": {},
        "messages": [
            {"encoding": "gsm7", "parts": 1, "recipients": 3},
            {"encoding": "unicode", "parts": 1, "recipients": 1},
        ],
        "too_long": 0,
        "forced": {"count": 1, "position": 2, "line": 4, "character": "Ł"},
        "sms_needed": 4,
        "sms_needed_at_most": 4,
        "requests": 1,
        "without_mention": {},
        "in_quiet_hours": 0,
    }
    assert [words.partition(" ")[0] for words in warnings] == [
        "{first_name}",
        "the",
        "1",
    ]


def test_figures_of_a_file_without_placeholders(preview, people):
    """What the first release said is said under the same names."""
    told = json.loads(preview("Hello", people(lines=ROWS), "--json").stdout)
    names = (
        "recipients",
        "duplicates",
        "missing_values",
        "messages",
        "too_long",
        "sms_needed",
        "sms_needed_at_most",
    )

    assert {name: told[name] for name in names} == {
        "recipients": 4,
        "duplicates": 1,
        "missing_values": {},
        "messages": [{"encoding": "gsm7", "parts": 1, "recipients": 4}],
        "too_long": 0,
        "sms_needed": 4,
        "sms_needed_at_most": 4,
    }


def test_bad_rows(preview, people):
    """They are listed and counted by reason, and all else is shown."""
    result = preview("Hello", people(lines=["0699887766,Ada", "+33600000001,Bob"]))

    assert result.exit_code == 0
    assert "line 2, column phone_number: must start with" in result.stderr
    assert "This would send to 1 recipient of" in result.stdout
    assert "  Rejected    1 row\n" in result.stdout
    assert "1 × phone_number must start with '+' and the" in result.stdout


def test_no_row_that_can_be_used(preview, people):
    """That is a finding, and no failure."""
    result = preview("Hello", people(lines=["0699887766,Ada"]))

    assert result.exit_code == 0
    assert "This would send to 0 recipients of" in result.stdout


# --- the price of the account ---------------------------------------------------------


@pytest.fixture
def asked(monkeypatch):
    """What a sandbox is asked: the last part of each path, and the query."""
    requests = []

    def handle(self, request):
        path, _, query = request.path.partition("?")
        requests.append((path.rpartition("/")[2], query or dict(request.query)))
        return whole(self, request)

    whole = Gateway.handle
    monkeypatch.setattr(Gateway, "handle", handle)
    return requests


def test_cost_by_the_balance(preview, people, asked):
    """The account is asked once for what its balance buys, where it goes to."""
    result = preview("Hello", people(lines=ROWS), "--sandbox")

    assert "  Cost        about 0.20 €\n" in result.stdout
    assert "at 0.05 € per SMS, derived from the balance\n" in result.stdout
    assert asked == [
        ("check-balance", {}),
        ("check-credits", {"country_codes[]": "FR"}),
    ]


def test_cost_of_the_cheaper_route(preview, people):
    """It has a price of its own."""
    result = preview("Hi", people(1), "--sandbox", "--type", "sms_low_cost", "--json")

    told = json.loads(result.stdout)
    assert (told["price_per_sms"], told["estimated_cost"]) == ("0.03", "0.03")
    assert told["price_unknown"] is None


def test_price_that_is_given(preview, people, asked):
    """Nothing is asked then, nor without a file."""
    preview("Hello", people(1), "--sandbox", "--price", "0.04")
    preview("Hello", "--sandbox")

    assert asked == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--sandbox", "--faults", "rst_accept=1"), "a reset"),
        (("--sandbox", "--faults", "error_500=1"), "the gateway"),
        ((), "OCTOPUSH_API_LOGIN: this environment variable is not set"),
    ],
    ids=["network", "error", "account"],
)
def test_price_that_is_not_told(preview, people, options, words):
    """The look goes on, and says why."""
    result = preview("Hello", people(1), *options)

    assert result.exit_code == 0
    assert "  Cost        unknown: " in result.stdout
    assert words in " ".join(result.stdout.split())
    assert "; --price EUR estimates it" in result.stdout


def test_account_without_money(run, people):
    """It has no price either."""
    gateway = Gateway(GatewaySettings(credit=Decimal(0)))

    result = run("preview", people(1), "--text", "Hi", "--sandbox", gateway=gateway)

    assert "unknown: the balance buys no message" in result.stdout
