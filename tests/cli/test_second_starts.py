"""A command that is typed once more: what it knows of the start before, and says."""

import asyncio
import json
import re

import pytest
from attrs import evolve
from ledger_kinds import NOW, batch_record, run_record

from aiooctopush.bulk.sources.people import ALREADY, NEW, People
from aiooctopush.cli.bulk.record import recorded
from aiooctopush.cli.targets.ledger import LedgerPlace
from aiooctopush.cli.wording import RunLocation
from aiooctopush.ledgers.batch import pack_figures
from aiooctopush.ledgers.records import BatchState
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger


GOOD = "+33600000001,Ada"
ONE, TWO = 33600000001, 33600000002
S = BatchState


def test_the_refused_stay_refused_unless_asked(bulk, people, tmp_path, gateway):
    """Their numbers are known, and --retry-refused asks again under new ids."""
    ledger = ("--ledger", tmp_path / "run.db", "--run", "week-48")
    options = ("--purpose", "wholesale", "--type", "sms_low_cost", *ledger)
    bulk(people(), *options)

    still = bulk(people(), *options)
    again = bulk(people(), *options, "--retry-refused", "--json")

    assert "Nothing to send: all 3 people of people.csv were planned" in still.stdout
    assert "and not all are accepted." in still.stdout
    assert (still.exit_code, again.exit_code) == (1, 1)
    assert json.loads(again.stdout)["attempts"] == 2
    assert len(gateway.sent_log) == 0


ON_PURPOSE = "To send it to them once more on purpose"


def test_advice_to_send_again_is_for_those_who_had_it(bulk, people, tmp_path, gateway):
    """After a start that sent nothing, another name would be no way to go on."""
    gateway.credit = 0
    ledger = ("--ledger", tmp_path / "run.db")
    bulk(people(), *ledger)

    still = bulk(people(), *ledger)
    gateway.credit = 10
    sent = bulk(people(), *ledger)
    again = bulk(people(), *ledger)

    assert still.stdout.startswith("Paused: 0 of 3 recipients are accepted.")
    assert ON_PURPOSE not in still.stdout + sent.stdout
    assert ON_PURPOSE in again.stdout
    assert gateway.sent_log.times("+33600000001") == 1


def test_a_start_that_reached_nobody_is_not_done(bulk, people, tmp_path, gateway):
    """It says so as `octopush report` does, at the first time and at the second."""
    ledger = ("--ledger", tmp_path / "run.db", "--faults", "connection_refused=1")

    first, second = (bulk(people(), *ledger) for _ in range(2))

    for result in (first, second):
        assert result.exit_code == 1
        assert result.stdout.startswith("Unfinished: 0 of 3 recipients are accepted.")
        assert "run the same command again" in result.stdout
        assert ON_PURPOSE not in result.stdout
    assert len(gateway.sent_log) == 0


def test_an_empty_file_becomes_a_ledger(bulk, people, tmp_path, gateway):
    """As one of `mktemp` is."""
    (tmp_path / "run.db").touch()

    result = bulk(people(), "--ledger", tmp_path / "run.db")

    assert result.exit_code == 0
    assert len(gateway.sent_log.numbers()) == 3


@pytest.fixture
def split(tmp_path):
    """Write a run whose only batch was split: one part accepted, one not sent."""
    path = tmp_path / "run.db"
    batches = [
        batch_record(numbers=pack_figures((ONE, TWO)), count=2, state=S.SPLIT),
        batch_record(part="1", numbers=pack_figures((ONE,)), count=1, state=S.ACCEPTED),
        batch_record(part="2", numbers=pack_figures((TWO,)), count=1, state=S.NOT_SENT),
    ]
    batches[1] = evolve(batches[1], concluded_at=NOW)

    async def write():
        async with SQLiteLedger(path) as ledger:
            run = await ledger.open_run(
                run_record(planned=2, batches=1, new=2, items=2)
            )
            await ledger.plan(run, batches, ())
            await ledger.release_run("run")

    asyncio.run(write())
    return path


def test_who_was_in_a_split_batch_is_known_once(split):
    """By the parts, and not by the whole as well."""
    people = People(by_number=True, keeps_copies=True)

    found = asyncio.run(recorded(LedgerPlace(str(split)), "run", people))

    assert (len(people.known), found.done, found.ended_at) == (2, 1, NOW)
    assert list(people.sift([ONE, ONE], [ONE, ONE])) == [ALREADY, NEW]


def test_each_copy_of_a_number_is_known(bulk, people, tmp_path, gateway):
    """Where copies are kept, the look and the start agree that all had it."""
    options = ("--ledger", tmp_path / "run.db", "--on-duplicate", "keep")
    path = people(lines=[GOOD, GOOD])
    bulk(path, *options)

    look = bulk(path, *options, "--dry-run")
    again = bulk(path, *options)

    assert "This would send to 0 recipients" in look.stdout
    assert "Already     2 had it" in look.stdout
    assert "Nothing to send" in again.stdout
    assert gateway.sent_log.times("+33600000001") == 2


def test_a_row_for_each_recipient_of_a_split_batch(split, run, tmp_path):
    """Again by the parts."""
    result = run("report", split, "--csv", tmp_path / "rows.csv")

    assert result.exit_code == 0, result.output

    _, *rows = (tmp_path / "rows.csv").read_text("utf-8").splitlines()
    assert [row.split(",")[0].strip('"') for row in rows] == [f"+{ONE}", f"+{TWO}"]


def test_another_run_of_the_same_ledger_knows_nobody(bulk, people, tmp_path, gateway):
    """A name of its own is a run of its own, which sends to everyone again."""
    ledger = ("--ledger", tmp_path / "run.db")
    bulk(people(), *ledger, "--run", "week-48")

    result = bulk(people(), *ledger, "--run", "week-49")

    assert result.exit_code == 0
    assert set(gateway.sent_log.numbers().values()) == {2}


def test_the_look_counts_who_is_left_out(bulk, people, tmp_path, gateway):
    """Excluded people and duplicates, and the commonest reasons of rejected rows."""
    stop = people(lines=["+33600000009,Eve"], name="stop.csv")
    bad = ["06,A", "+33x,A", ",A", "12,A", "+33(0)6,A", "+1234567890123456789,A"]
    path = people(lines=[GOOD, GOOD, "+33600000009,Eve", *bad])

    result = bulk(path, "--dry-run", "--exclude", stop)

    assert "Excluded" in result.stdout
    assert "Duplicates" in result.stdout
    assert "and other reasons" in result.stdout
    assert len(gateway.sent_log) == 0


def test_the_report_says_when_a_run_goes_out(bulk, run, people, tmp_path):
    """In the text as on the page."""
    ledger = tmp_path / "run.db"
    bulk(people(), "--ledger", ledger, "--at", "2027-03-28T08:00Z")

    result = run("report", ledger)

    assert (
        "Goes out     2027-03-28 08:00 UTC, 2027-03-28 10:00 in France" in result.stdout
    )


def test_the_page_counts_duplicates(bulk, run, people, tmp_path):
    """They stand in the sum of the rows."""
    ledger, page = tmp_path / "run.db", tmp_path / "report.html"
    bulk(people(lines=[GOOD, GOOD]), "--ledger", ledger)

    run("report", ledger, "--html", page)

    assert "1 duplicate" in page.read_text("utf-8")


def test_a_fleet_run_may_begin_with_a_dash():
    """Its name is not taken for an option."""
    place = RunLocation(name="-odd", ledger=None)

    assert place.fleet_command("wait") == "octopush fleet wait -- -odd"


def test_a_file_without_a_bad_row_goes_out_whole(bulk, people, gateway):
    """Also where one bad row would be refused."""
    result = bulk(people(), "--on-invalid", "error")

    assert result.exit_code == 0
    assert len(gateway.sent_log.numbers()) == 3


def test_all_that_is_refused_is_listed(bulk, people, gateway):
    """The first reason is the error, and the others stand above it."""
    result = bulk(people(), "--purpose", "wholesale", text="Hi {prenom}")

    assert result.exit_code == 2
    assert "STOP au XXXXX" in result.stderr
    assert "did you mean {first_name}?" in result.stderr
    assert len(gateway.sent_log) == 0


def test_the_look_counts_who_had_it(bulk, people, tmp_path):
    """Beside those who are new."""
    ledger = tmp_path / "run.db"
    bulk(people(), "--ledger", ledger)

    result = bulk(people(4), "--ledger", ledger, "--dry-run")

    assert "This would send to 1 recipient" in result.stdout
    assert "3 had it, or are planned, in this run" in result.stdout


def test_a_headline_is_not_broken_within_a_word(bulk, people, tmp_path):
    """On a narrow terminal, as one that is 80 wide."""
    ledger = ("--ledger", tmp_path / "run.db", "--run", "week-48-of-our-shop")
    bulk(people(), *ledger)

    env = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "60"}
    result = bulk(people(), *ledger, env=env)

    words = re.sub(r"\x1b\[[0-9;]*m", "", result.stdout)
    assert words.splitlines()[0].startswith("Nothing to send: all 3 people of")
    assert max(map(len, words.splitlines()[:2])) <= 60
