"""``octopush runs``, ``unresolved``, ``resolve`` and ``purge``: what a ledger holds."""

import asyncio
import csv
import json
import stat
from decimal import Decimal

import click
import pytest

from aiooctopush.cli.terminal.export import harmless, new_file
from aiooctopush.cli.terminal.values import printable
from aiooctopush.cli.wording import RunLocation, error_in_words
from aiooctopush.errors import OctopushError
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger


SILENT = ("--faults", "hang_after_commit=1", "--wait-for-gateway", "0")


@pytest.fixture
def ledger(tmp_path):
    """Where runs are written down."""
    return tmp_path / "run.db"


@pytest.fixture
def sent(bulk, people, ledger):
    """Send to that many people under a key."""

    def sent(key, *arguments, count=3, **settings):
        options = ("--ledger", ledger, "--run", key, *arguments)
        return bulk(people(count), *options, **settings)

    return sent


@pytest.fixture
def doubtful(sent, gateway):
    """A run of which 3 recipients are in doubt, and the gateway has them."""
    sent("mine", *SILENT)
    # So that nobody asks the gateway any more.
    gateway.clock.jump(48 * 3600)


# --- runs -----------------------------------------------------------------------------


def test_runs_are_listed(run, sent, ledger):
    """Each has a line: what it is called, how far it is, what it costs."""
    sent("first", count=1_200)
    sent("second")

    result = run("runs", ledger)
    lines = result.stdout.splitlines()

    assert result.exit_code == 0
    assert lines[0].split()[:2] == ["Run", "State"]
    assert {line.split()[0] for line in lines[1:]} == {"first", "second"}
    first = next(line for line in lines if line.startswith("  first"))
    assert first.split()[1:6] == [
        "done",
        "2026-01-05",
        "10:00:00",
        "1,200",
        "1,200",
    ]
    assert first.endswith("60.00 €")


def test_runs_as_json(run, sent, ledger):
    """Programs get the figures of a report."""
    sent("mine")

    told = json.loads(run("runs", ledger, "--json").stdout)

    assert told["runs"][0]["ledger"] == str(ledger)
    (one,) = told["runs"]
    assert (one["name"], one["state"]) == ("mine", "done")
    assert one["begun"] == "2026-01-05T10:00:00+00:00"
    assert (one["accepted"], one["cost"]) == (3, "0.15")


def test_paused_run_says_why(run, sent, ledger, gateway):
    """A pause is named in the list already."""
    gateway.credit = Decimal(0)
    sent("mine")

    assert "mine is paused: not enough credit." in run("runs", ledger).stdout


def test_run_whose_process_is_gone_is_not_running(run, sent, ledger):
    """The lock of the file tells, however recently it was written."""
    sent("mine", *SILENT)

    assert "unfinished" in run("runs", ledger).stdout


def test_run_whose_ledger_is_locked_is_running(run, sent, ledger):
    """However long it waits: somebody holds the lock of the file."""
    sent("mine", *SILENT)

    async def look_meanwhile():
        async with SQLiteLedger(ledger) as held:
            (record,) = await held.runs()
            await held.open_run(record)
            return await asyncio.to_thread(run, "runs", ledger)

    assert " running " in asyncio.run(look_meanwhile()).stdout


def test_runs_on_a_narrow_terminal(run, sent, ledger):
    """A line that does not fit becomes a list; where nobody looks it stays a line."""
    sent("first")
    narrow = {"COLUMNS": "80", "NO_COLOR": "1"}

    seen = run("runs", ledger, env=narrow | {"FORCE_COLOR": "1"}).stdout
    piped = run("runs", ledger, env=narrow).stdout

    lines = [line.rstrip() for line in click.unstyle(seen).splitlines()]
    assert lines == [
        "  Run            first",
        "  State          done",
        "  Started (UTC)  2026-01-05 10:00:00",
        "  Planned        3",
        "  Accepted       3",
        "  Presumed       0",
        "  Unknown        0",
        "  Refused        0",
        "  Cost           0.15 €",
        "",
    ]
    assert len(piped.splitlines()) == 2


def test_empty_ledger(run, empty_ledger):
    """A ledger without runs says so."""
    result = run("runs", empty_ledger)

    assert result.exit_code == 0
    assert "holds no run." in result.stdout


def test_no_ledger(run, ledger):
    """Reading makes no file."""
    result = run("runs", ledger)

    assert result.exit_code == 1
    assert "there is no such ledger" in result.stderr
    assert not ledger.exists()


# --- which run ------------------------------------------------------------------------


def test_only_run_need_not_be_named(run, sent, ledger):
    """With one run there is nothing to choose."""
    sent("mine")

    assert run("unresolved", ledger).stdout == "Nothing to decide about mine.\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--run: must name the run; "),
        (("--run", "third"), "--run: names no run: "),
    ],
    ids=["none-said", "unknown"],
)
def test_run_must_be_clear(run, sent, ledger, arguments, words):
    """With several runs one is named; the error lists them."""
    sent("first")
    sent("second")

    result = run("unresolved", ledger, *arguments)

    assert result.exit_code == 2
    assert words in result.stderr
    assert "first" in result.stderr


def test_run_is_found_by_its_key(run, sent, ledger):
    """The order of runs does not matter."""
    sent("first")
    sent("second")

    for key in ("first", "second"):
        said = run("unresolved", ledger, "--run", key).stdout
        assert said == f"Nothing to decide about {key}.\n"


def test_run_of_an_empty_ledger(run, empty_ledger):
    """Where there is no run none can be named."""
    result = run("unresolved", empty_ledger)

    assert result.exit_code == 2
    assert "holds no run" in result.stderr


# --- unresolved -----------------------------------------------------------------------


@pytest.mark.usefixtures("doubtful")
def test_worklist(run, ledger):
    """What is in doubt is listed with what to do, and no number."""
    result = run("unresolved", ledger)
    line = result.stdout.splitlines()[1]

    assert result.exit_code == 0
    assert line.split()[:3] == ["1", "Unknown", "3"]
    assert line.endswith("no response")
    assert "A delivery receipt for any number of the batch" in result.stdout
    assert (
        f"octopush resolve {ledger} BATCH DECISION --by NAME --run mine"
        in result.stdout
    )
    assert "0000" not in result.stdout.replace(str(ledger), "")


@pytest.mark.usefixtures("doubtful")
@pytest.mark.parametrize(
    ("option", "number"),
    [("--numbers", "+336****0001"), ("--show-numbers", "+33600000001")],
)
def test_numbers_of_the_worklist(run, ledger, option, number):
    """Numbers are masked unless somebody asks for them in full."""
    told = json.loads(run("unresolved", ledger, option, "--json").stdout)

    assert number in run("unresolved", ledger, option).stdout
    assert told["batches"][0]["numbers"][1] == number


@pytest.mark.usefixtures("doubtful")
def test_worklist_as_json(run, ledger):
    """Programs get instants and the id, and numbers only if they ask."""
    told = json.loads(run("unresolved", ledger, "--json").stdout)

    (batch,) = told["batches"]
    assert batch["state"] == "unknown"
    assert batch["recipients"] == 3
    assert batch["error"] == "UnknownOutcomeError"
    assert batch["first_tried_at"] == "2026-01-05T10:00:00+00:00"
    assert "numbers" not in batch


@pytest.mark.usefixtures("doubtful")
def test_worklist_as_csv(run, ledger, tmp_path):
    """The file is for its owner, and its numbers are text to a spreadsheet."""
    path = tmp_path / "check.csv"

    result = run("unresolved", ledger, "--csv", path)
    rows = list(csv.DictReader(path.read_text().splitlines()))

    assert result.exit_code == 0
    assert [row["phone_number"] for row in rows] == [
        "+33600000000",
        "+33600000001",
        "+33600000002",
    ]
    assert '"+33600000000"' in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.usefixtures("doubtful")
def test_csv_that_cannot_be_written(run, ledger, tmp_path):
    """It is told in a line, and nothing is left lying about."""
    result = run("unresolved", ledger, "--csv", tmp_path / "none" / "check.csv")

    assert result.exit_code == 2
    assert "cannot be written (No such file or directory" in result.stderr


def test_file_is_whole_or_not_there(tmp_path):
    """What fails half-way leaves the file that was there before."""
    path = tmp_path / "report.html"
    path.write_text("before")

    def write_half():
        with new_file(path, private=False) as file:
            file.write("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OctopushError):
        write_half()

    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@a", "'@a"),
        ("\ta", "'\ta"),
        ("\ra", "'\ra"),
        ("a=1", "a=1"),
        ("", ""),
    ],
    ids=["equals", "plus", "minus", "at", "tab", "return", "plain", "empty"],
)
def test_no_cell_is_a_formula(cell, safe):
    """A spreadsheet shows what it is given, and runs nothing."""
    assert harmless(cell) == safe


def test_refused_is_listed_on_request(run, sent, ledger):
    """Nothing is in doubt about it, but it may be sent again."""
    sent("mine", "--purpose", "wholesale", "--type", "sms_low_cost")

    assert "Nothing to decide" in run("unresolved", ledger).stdout
    assert "code 122" in run("unresolved", ledger, "--refused").stdout


# --- resolve --------------------------------------------------------------------------


@pytest.mark.usefixtures("doubtful")
@pytest.mark.parametrize(
    ("decision", "words", "state"),
    [
        ("sent", "Batch 1: accepted.", "accepted"),
        ("skip", "Batch 1: skipped.", "skipped"),
    ],
    ids=["sent", "skip"],
)
def test_decision_is_written_down(run, ledger, decision, words, state):
    """Who decided is kept, and the worklist is shorter."""
    result = run("resolve", ledger, "1", decision, "--by", "Ada")
    told = json.loads(run("runs", ledger, "--json").stdout)["runs"][0]

    assert result.exit_code == 0
    assert result.stdout == f"{words}\n"
    assert told[state] == 3
    assert "Nothing to decide" in run("unresolved", ledger).stdout


@pytest.mark.usefixtures("doubtful")
def test_decision_as_json(run, ledger):
    """Programs get the batch as it stands now."""
    told = json.loads(
        run("resolve", ledger, "1", "sent", "--by", "Ada", "--json").stdout
    )

    assert told == {
        "ledger": str(ledger),
        "name": "mine",
        "batch": "1",
        "state": "accepted",
        "recipients": 3,
        "resolution": "sent, by Ada, " + told["resolution"].rpartition(" ")[2],
    }


@pytest.mark.usefixtures("doubtful")
@pytest.mark.parametrize("answer", ["n\n", ""], ids=["no", "nobody"])
def test_resend_asks_first(run, ledger, answer):
    """It costs money, and may reach people twice."""
    result = run("resolve", ledger, "1", "resend", "--by", "Ada", input=answer)

    assert result.exit_code == 1
    assert "Recipients who have it get it twice" in result.stderr
    assert "Nothing was changed." in result.stderr
    assert "Unknown" in run("unresolved", ledger).stdout


@pytest.mark.usefixtures("doubtful")
@pytest.mark.parametrize("yes", [False, True], ids=["asked", "yes"])
def test_resend_is_sent_when_the_run_goes_on(run, sent, ledger, gateway, yes):
    """Under a new id the gateway takes it once more."""
    resend = ("resolve", ledger, "1", "resend", "--by", "Ada")
    decided = run(*resend, "--yes") if yes else run(*resend, input="y\n")
    sent("mine")

    assert decided.exit_code == 0
    assert "To send it, run its" in decided.stdout
    assert set(gateway.sent_log.numbers().values()) == {2}


def test_resend_of_what_was_refused_is_no_risk(run, sent, ledger):
    """The question says so."""
    sent("mine", "--purpose", "wholesale", "--type", "sms_low_cost")

    result = run("resolve", ledger, "1", "resend", "--by", "Ada", input="y\n")

    assert result.exit_code == 0
    assert "Nothing of it was sent so far." in result.stderr


@pytest.mark.parametrize(
    ("batch", "words"),
    [("1", "BATCH: is accepted: there is nothing"), ("9", "BATCH: is not in this run")],
    ids=["accepted", "unknown"],
)
def test_nothing_to_decide(run, sent, ledger, batch, words):
    """What is known needs no decision."""
    sent("mine")

    result = run("resolve", ledger, batch, "resend", "--yes", "--by", "Ada")

    assert result.exit_code == 2
    assert words in result.stderr


def test_resolve_makes_no_ledger(run, ledger):
    """A name that is misspelt leaves no file behind."""
    result = run("resolve", ledger, "1", "sent", "--by", "Ada")

    assert result.exit_code == 1
    assert not ledger.exists()


# --- purge ----------------------------------------------------------------------------


def test_purge_forgets_numbers(run, sent, ledger):
    """What is left are figures."""
    sent("mine", "--purpose", "wholesale", "--type", "sms_low_cost")

    result = run("purge", ledger)
    listed = run("unresolved", ledger, "--refused", "--numbers")

    assert result.exit_code == 0
    assert result.stdout == "Purged mine: only its figures are left.\n"
    assert "purged" in listed.stdout


@pytest.mark.usefixtures("doubtful")
def test_unfinished_run_is_not_purged(run, ledger):
    """What is to be decided needs its numbers."""
    result = run("purge", ledger)

    assert result.exit_code == 2
    assert "--run: names a run that is not finished" in result.stderr


def test_a_paused_run_is_purged_on_purpose_only(bulk, people, run, ledger, gateway):
    """Its name would not know any more who had the message, and who had not."""
    options = ("--ledger", ledger, "--run", "mine", "--batch-size", 1)
    paused = bulk(people(), *options, "--max-cost", "0.01")

    kept = run("purge", ledger)
    resumed = bulk(people(), *options)
    bulk(people(), *options[:-3], "other", "--batch-size", 1, "--max-cost", "0.01")
    purged = run("purge", ledger, "--run", "other", "--abandon")

    assert "Paused: 1 of 3 recipients are accepted." in paused.stdout
    assert kept.exit_code == 2
    assert kept.stderr == (
        "Error: --run: names a run that has not reached all of its recipients; resume "
        "it first, or give them up (--abandon) (got 'mine').\n"
    )
    assert "Done: all 3 recipients are accepted." in resumed.stdout
    assert purged.stdout == "Purged other: only its figures are left.\n"
    assert gateway.sent_log.times("+33600000001") == 1


# --- words ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ServerError 503", "server error (status 503)"),
        ("RefusedError (code 122)", "refused (code 122)"),
        ("NotSentError", "no connection"),
        ("OtherError", "OtherError"),
        ("", ""),
    ],
    ids=["status", "code", "plain", "unknown", "empty"],
)
def test_error_in_words(name, words):
    """An error is told in words, and one that has none by its name."""
    assert error_in_words(name) == words


@pytest.mark.parametrize(
    ("key", "command"),
    [
        ("mine", "octopush report 'my run.db' --run mine"),
        ("it's", "octopush report 'my run.db' --run 'it'\"'\"'s'"),
        ("-x", "octopush report 'my run.db' --run=-x"),
    ],
    ids=["plain", "quote", "option"],
)
def test_command_can_be_pasted(key, command):
    """A shell reads the words as they are meant."""
    assert RunLocation(name=key, ledger="my run.db").command("report") == command


def test_foreign_words_move_no_cursor():
    """A terminal obeys nothing of what somebody else wrote."""
    assert printable("a\x1b[2Jb") == "a\ufffd[2Jb"
