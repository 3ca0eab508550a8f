"""``octopush bulk``: one text to everyone in a file."""

import json
import os
from decimal import Decimal

import pytest

from aiooctopush.sandbox import Gateway


EXACTLY_ONCE = "each exactly once"


class TouchingGateway(Gateway):
    """Calls something before its second request."""

    def __init__(self, touch, **settings):
        super().__init__(**settings)
        self._touch = touch
        self._requests = 0

    def handle(self, request):
        """Execute a request."""
        self._requests += 1
        if self._requests == 2:
            self._touch()
        return super().handle(request)


def test_sends_to_everyone(bulk, people, gateway):
    """Everyone in the file gets it once, and the book is the witness."""
    result = bulk(people(3_000))

    assert result.exit_code == 0
    assert result.stdout.startswith("Done: all 3,000 recipients are accepted.\n")
    assert "3,000 numbers, each exactly once" in result.stdout
    assert set(gateway.book.numbers().values()) == {1}
    assert len(gateway.book) == 6


def test_json_is_the_only_output(bulk, people):
    """With --json stdout holds one document, and stderr is silent."""
    path = people(3)

    result = bulk(path, "--json", "--key", "mine")
    told = json.loads(result.stdout)

    assert told == {
        "key": "mine",
        "planned": 3,
        "batches": 1,
        "sending": 0,
        "accepted": 3,
        "presumed": 0,
        "refused": 0,
        "not_sent": 0,
        "in_doubt": 0,
        "foreign": 0,
        "sms_needed": 3,
        "cost": "0.15",
        "residual_credit": "999.85",
        "attempts": 1,
        "seconds": 0.0,
        "paused": None,
        "complete": True,
        "problems": {},
        "recipients": 3,
        "interrupted": False,
        "simulated": False,
        "file": str(path),
        "duplicates": 0,
        "error": None,
        "sandbox_book": {"numbers": 3, "messages": 3, "more_than_once": 0},
    }
    assert result.stderr == ""


def test_simulation(bulk, people):
    """--simulate is passed on, and said."""
    result = bulk(people(), "--simulate")

    assert result.stdout.startswith("Simulated: the gateway would take all 3 ")
    assert "empty: nobody got a message" in result.stdout


@pytest.mark.usefixtures("scheduled")
def test_survives_faults(bulk, people, gateway):
    """Faults cost tries, and nobody gets it twice."""
    result = bulk(people(3_000), "--faults", "fin_after_commit,error_503")

    assert result.exit_code == 0
    assert "Presumed accepted" in result.stdout
    assert "tries)" in result.stdout
    assert "SMS billed         at least " in result.stdout
    assert set(gateway.book.numbers().values()) == {1}


def test_same_command_sends_nothing_twice(bulk, people, gateway):
    """Without --key, file name and settings make the key."""
    path = people(1_000)
    bulk(path)

    result = bulk(path)

    assert result.exit_code == 0
    assert "Sent earlier    1,000" in result.stdout
    assert "use another --key" in result.stdout
    assert set(gateway.book.numbers().values()) == {1}


def test_another_key_sends_again(bulk, people, gateway):
    """A new key is a new run, on purpose."""
    path = people(3)
    bulk(path)

    result = bulk(path, "--key", "once-more")

    assert "3 numbers, 3 of them more than once (6 SMS)" in result.stdout
    assert set(gateway.book.numbers().values()) == {2}


def test_changed_file_keeps_what_is_the_same(bulk, people, gateway):
    """A row that is added does not send to the others again."""
    lines = [f"+336{number:08},Ada" for number in range(501)]
    bulk(people(lines=lines[:500]))

    bulk(people(lines=lines))

    assert set(gateway.book.numbers().values()) == {1}


def test_other_settings_are_another_run(bulk, people):
    """Another text makes another key."""
    path = people(3)
    keys = [
        json.loads(bulk(path, "--json", text=text).stdout)["key"]
        for text in ("Hello", "Hello", "Goodbye")
    ]

    assert keys[0] == keys[1] != keys[2]
    assert keys[0].startswith("people-")


# --- the file -------------------------------------------------------------------------


def test_bad_rows_are_listed_and_nothing_is_sent(bulk, people, gateway):
    """All of them are found before the first message leaves."""
    path = people(lines=["+33600000001,Ada", *["0699887766,Bob"] * 25])

    result = bulk(path)

    assert result.exit_code == 2
    assert f"{path}, line 3, column phone_number: must start" in result.stderr
    assert result.stderr.count("column phone_number") == 20
    assert "… and 5 more." in result.stderr
    assert "25 of 26 rows" in result.stderr
    assert "0699887766" not in result.stderr
    assert len(gateway.book) == 0


def test_bad_rows_as_json(bulk, people):
    """Programs get the places, too."""
    path = people(lines=["+33600000001,Ada", "0699887766,Bob"])

    result = bulk(path, "--json")
    told = json.loads(result.stdout)

    assert told["error"] == "SourceError"
    assert told["outcome"] == "not_sent"
    assert told["bad_rows"] == 1
    assert told["first_bad_rows"][0]["line"] == 3
    assert told["first_bad_rows"][0]["shown"] == "06****66"
    assert "… and" not in result.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("phone_number\n", "holds no recipients"),
        ("name\nAda\n", "has no column phone_number"),
        (None, "there is no such file"),
    ],
    ids=["no-rows", "no-column", "no-file"],
)
def test_unusable_file(bulk, tmp_path, gateway, text, words):
    """A file that cannot be used is told in a line."""
    path = tmp_path / "people.csv"
    if text is not None:
        path.write_text(text)

    result = bulk(path)

    assert result.exit_code == 2
    assert words in result.stderr
    assert len(gateway.book) == 0


def test_pipe_is_refused(bulk, tmp_path):
    """A pipe could be checked, or sent, but not both."""
    path = tmp_path / "pipe"
    os.mkfifo(path)

    result = bulk(path)

    assert result.exit_code == 2
    assert "a pipe only once" in result.stderr


def test_folder_is_refused(bulk, tmp_path):
    """The words of the source are used where it has some."""
    assert "is a folder" in bulk(tmp_path).stderr


def test_encoding_and_delimiter(bulk, tmp_path, gateway):
    """Files of Excel are read as it writes them."""
    path = tmp_path / "people.csv"
    path.write_bytes("phone_number|first_name\n+33600000001|Zoé\n".encode("cp1252"))

    result = bulk(path, "--encoding", "cp1252", "--delimiter", "|")

    assert result.exit_code == 0
    assert gateway.book.entries[0].texts == ("Hello Zoé",)


def test_unknown_encoding(bulk, people):
    """Options of the file are checked like all others."""
    result = bulk(people(), "--encoding", "klingon")

    assert result.exit_code == 2
    assert "--encoding: must be an encoding" in result.stderr


def test_warns_of_what_is_odd(bulk, people):
    """What can be sent but hardly does what is wanted is pointed out."""
    path = people(lines=["+33600000001,Ada", "+33600000001,", "+33600000002,"])

    result = bulk(
        path, "--at", "2020-01-01T00:00Z", text="Hi {firstname}, {first_name}!"
    )

    for words in (
        "{firstname} is no placeholder and is sent as it stands; did you mean {first_",
        "{first_name} has no value for 2 recipients, first in line 3.",
        "1 row with a number that stands in the file already: these people get",
        "--at is in the past: the gateway sends at once.",
    ):
        assert f"Warning: {words}" in result.stderr
    assert result.exit_code == 0


def test_columns_that_are_not_used_are_named(bulk, tmp_path):
    """A misspelt column is found before it is missed."""
    path = tmp_path / "people.csv"
    path.write_text("phone_number,firstname\n+33600000001,Ada\n")

    assert "columns that are not used: 'firstname'" in bulk(path).stderr


# --- how runs end ---------------------------------------------------------------------


def test_out_of_credit_pauses(bulk, people, gateway):
    """The run stops cleanly, says why, and goes on with the same command."""
    gateway.credit = Decimal(50)
    path = people(3_000)

    paused = bulk(path, "--concurrency", 1)
    gateway.credit = Decimal(1_000)
    finished = bulk(path)

    assert paused.exit_code == 1
    assert paused.stdout.startswith("Paused: 1,000 of 3,000 recipients are accepted.")
    assert "Not reached     1,500" in paused.stdout
    assert "Top it up, then run the same command again." in paused.stdout
    assert finished.exit_code == 0
    assert set(gateway.book.numbers().values()) == {1}
    assert len(gateway.book.numbers()) == 3_000


def test_refused_run(bulk, people, gateway):
    """A refusal is told with its reason."""
    result = bulk(people(), "--purpose", "wholesale")

    assert result.exit_code == 1
    assert result.stdout.startswith("Done: 0 of 3 recipients are accepted.")
    assert "Why             3 × refused with code 121" in result.stdout
    assert "Warning: marketing to French numbers" in result.stderr
    assert len(gateway.book) == 0


def test_silence_is_in_doubt(bulk, people, gateway):
    """What nobody answered is exit code 3, and the same command settles it."""
    path = people(3)

    doubtful = bulk(path, "--faults", "hang_after_commit=1")
    bulk(path)

    assert doubtful.exit_code == 3
    assert "In doubt        3" in doubtful.stdout
    assert "within 23 hours" in doubtful.stdout
    assert set(gateway.book.numbers().values()) == {1}


def test_file_that_changes_underway(bulk, people, clock):
    """A row that turns bad breaks the run off, and what was sent is told."""
    path = people(12_000)

    def spoil():
        path.write_text("phone_number,first_name\nnonsense\n" * 5_000)

    result = bulk(
        path, "--json", "--concurrency", 1, gateway=TouchingGateway(spoil, clock=clock)
    )
    told = json.loads(result.stdout)

    assert result.exit_code == 1
    assert told["error"]["error"] == "SourceError"
    assert 0 < told["accepted"] < 12_000


def test_file_that_changes_underway_in_words(bulk, people, clock):
    """People are told where it broke off."""
    path = people(12_000)

    def spoil():
        path.write_text("phone_number,first_name\nnonsense\n" * 5_000)

    result = bulk(path, "--concurrency", 1, gateway=TouchingGateway(spoil, clock=clock))

    assert result.stdout.startswith(f"Broken off: {path}, line ")


# --- Ctrl-C ---------------------------------------------------------------------------


def test_first_interrupt_finishes_what_is_underway(bulk, people, gateway, pressing):
    """Nothing new begins, nothing is cut off, and the same command goes on."""
    path = people(3_000)
    faults = ("--faults", "error_503=0.9")

    stopped = bulk(path, *faults, "--concurrency", 2, clock=pressing(1))
    told_then = gateway.book.numbers()
    finished = bulk(path)

    assert stopped.exit_code == 130
    assert "Stopping once the requests on their way are answered" in stopped.stderr
    assert stopped.stdout.startswith("Interrupted: 1,000 of 3,000 recipients ")
    assert "To go on: run the same command again" in stopped.stdout
    assert len(told_then) == 1_000
    assert finished.exit_code == 0
    assert len(gateway.book.numbers()) == 3_000
    assert set(gateway.book.numbers().values()) == {1}


def test_second_interrupt_cuts_off(bulk, people, gateway, pressing):
    """What was on its way is told apart, and settled by the same command."""
    path = people(3_000)
    faults = ("--faults", "hang_after_commit=1")

    stopped = bulk(path, *faults, clock=pressing(2))
    bulk(path)

    assert stopped.exit_code == 130
    assert "Cut off         2,000" in stopped.stdout
    assert len(gateway.book.numbers()) == 3_000
    assert set(gateway.book.numbers().values()) == {1}


def test_interrupt_with_nothing_underway(bulk, people, gateway, pressing):
    """Ctrl-C after the last request changes nothing any more."""
    result = bulk(people(3), "--faults", "error_503=0.9", clock=pressing(1))

    assert result.exit_code == 0
    assert len(gateway.book.numbers()) == 3


def test_interrupt_while_checking(bulk, people, gateway, monkeypatch):
    """Before the first message, Ctrl-C has sent nothing."""

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("aiooctopush.cli.bulk.check_file", interrupt)

    result = bulk(people())

    assert result.exit_code == 130
    assert "Interrupted: nothing was sent." in result.stderr
    assert len(gateway.book) == 0
