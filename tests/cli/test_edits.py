"""Nine edits of a list between two starts of one command: nobody gets it twice."""

import asyncio
import sys
import threading
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from attrs import frozen
from services import postgres
from taskiq import InMemoryBroker

from aiooctopush import Message, OctopushSession, Recipient, SQLiteLedger
from aiooctopush._clock import SystemClock
from aiooctopush.bulk.fleet.planning import plan
from aiooctopush.integrations.taskiq import Fleet
from aiooctopush.ledgers.protocols import FleetLedger
from aiooctopush.sandbox import SandboxTransport


ACCOUNT = {"OCTOPUSH_API_LOGIN": "me", "OCTOPUSH_API_KEY": "k3y"}
PEOPLE = [f"+336{number:08},Ada,Lyon" for number in range(60)]


BOB = "+33699887766,Bob,Nice"
HI = Message(text="Hi {first_name}", sender="Acme", purpose="alert")
MESSAGE = (
    *("--sender", "Acme", "--purpose", "alert"),
    *("--text", "Hi {first_name}", "--batch-size", "20"),
)


@pytest.fixture
def written(tmp_path):
    """Write a list."""

    def written(rows, name="people.csv"):
        path = tmp_path / name
        lines = ["phone_number,first_name,city", *rows]
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    return written


@pytest.fixture
def start(run, written, server):
    """Write the list, and start the same command once more."""

    def start(rows, *arguments, name="people.csv"):
        return run(
            *("bulk", written(rows, name), *MESSAGE, *arguments),
            env=ACCOUNT | {"OCTOPUSH_BASE_URL": server.url},
        )

    return start


@frozen
class Kind:
    """
    A kind of ledger that a fleet may have.

    Attributes:
        made: Makes one in the folder of a test.
        refuses: What it says while another process is at the run.
    """

    made: Callable[[], FleetLedger]
    refuses: str


@pytest.fixture(params=["sqlite", "postgres"])
def fleet(request, gateway, tmp_path, monkeypatch):
    """Offer a fleet as ``app:fleet``, whose batches the command sends itself."""

    async def sleep(_, seconds):
        await asyncio.sleep(0)

    def session():
        transport = SandboxTransport(gateway)
        return OctopushSession("me", "key", transport=transport, clock=gateway.clock)

    kinds = {
        "sqlite": Kind(
            lambda: SQLiteLedger(tmp_path / "fleet.db"),
            refuses="another process is writing to it",
        ),
        "postgres": Kind(
            lambda: postgres.ledger_at(tmp_path),
            refuses="another process or task is sending run 'nov', so nothing was "
            "planned from here. Start again when it is done; new recipients",
        ),
    }
    kind = kinds[request.param]
    monkeypatch.setattr(SystemClock, "sleep", sleep)
    module = types.ModuleType("app")
    module.fleet = Fleet(InMemoryBroker(), session=session, ledger=kind.made)
    monkeypatch.setitem(sys.modules, "app", module)
    return kind


@pytest.fixture
def submit(run, written, fleet):
    """Write the list, and submit it once more."""

    def submit(rows, *arguments, name="people.csv"):
        path = written(rows, name)
        app = ("--app", "app:fleet", "--run", "nov")
        return run("fleet", "submit", path, *app, *MESSAGE, *arguments)

    return submit


def numbers_of(rows):
    """The numbers of rows, as the sent log has them."""
    return {row.partition(",")[0] for row in rows}


BROKEN = ["0699887766,Bob,Nice", *PEOPLE]
EDITS = {
    "repaired": (BROKEN, ["+33699887766,Bob,Nice", *PEOPLE], ()),
    "appended": (PEOPLE[:50], PEOPLE, ()),
    "corrected": (PEOPLE, [row.replace("Ada", "Eva") for row in PEOPLE], ()),
    "unused-column": (PEOPLE, [row.replace("Lyon", "Nice") for row in PEOPLE], ()),
    "batch-size": (PEOPLE, PEOPLE, ("--batch-size", 7)),
    "reordered": (PEOPLE, PEOPLE[::-1], ()),
    "put-in-front": (PEOPLE, ["+33699887766,Bob,Nice", *PEOPLE], ()),
    "taken-out": (PEOPLE, PEOPLE[1:], ()),
    "duplicated": (PEOPLE, [*PEOPLE, *PEOPLE[:5]], ()),
}


@pytest.mark.parametrize(("first", "second", "options"), EDITS.values(), ids=EDITS)
def test_edited_list(start, server, first, second, options):
    """Whoever had it is left out, and whoever is new gets it."""
    start(first)
    result = start(second, *options)

    times = server.gateway.sent_log.numbers()
    wanted = {one for one in numbers_of([*first, *second]) if one.startswith("+")}
    assert result.exit_code == 0
    assert times == dict.fromkeys(wanted, 1)


@pytest.mark.parametrize(("first", "second", "options"), EDITS.values(), ids=EDITS)
def test_edited_list_of_a_fleet(submit, gateway, first, second, options):
    """Submitted again, it adds whoever is new."""
    submit(first)
    result = submit(second, *options)

    wanted = {one for one in numbers_of([*first, *second]) if one.startswith("+")}
    assert result.exit_code == 0, result.output
    assert gateway.sent_log.numbers() == dict.fromkeys(wanted, 1)


def test_renamed_list_of_a_fleet(submit, gateway):
    """Nobody is new."""
    submit(PEOPLE)
    result = submit(PEOPLE, name="people (1).csv")

    assert result.exit_code == 0, result.output
    assert "0 new, 60 in this run before\n" in result.stdout
    assert gateway.sent_log.numbers() == dict.fromkeys(numbers_of(PEOPLE), 1)


def test_paused_fleet_and_one_who_was_served_taken_out(submit, run, gateway):
    """The rest gets it once it is resumed, and those who had it do not once more."""
    credit, gateway.credit = gateway.credit, Decimal("1.00")
    paused = submit(PEOPLE)
    gateway.credit = credit
    served = next(row for row in PEOPLE if row[:12] in gateway.sent_log.numbers())
    rows = [row for row in PEOPLE if row != served]

    still = submit([*rows, BOB])
    had = gateway.sent_log.numbers().total()
    result = run("fleet", "resume", "nov", "--app", "app:fleet")

    everyone = numbers_of([*PEOPLE, BOB])
    assert [paused.exit_code, still.exit_code, result.exit_code] == [1, 1, 0]
    assert (had, "Paused" in still.stdout) == (20, True)
    assert gateway.sent_log.numbers() == dict.fromkeys(everyone, 1)


def test_purged_fleet_run_knows_nobody(submit, run, gateway):
    """It is not gone on with, and the words say so."""
    submit(PEOPLE)
    purged = run("purge", "app:fleet", "--run", "nov")
    result = submit(PEOPLE)

    assert purged.exit_code == 0, purged.output
    assert result.exit_code == 2
    assert "names a purged run" in result.stderr
    assert set(gateway.sent_log.numbers().values()) == {1}


def test_two_who_submit_at_once(submit, fleet, gateway):
    """The second plans nobody, and says so; started again it adds its people."""
    is_under_way, may_end = threading.Event(), threading.Event()

    async def source():
        for row in PEOPLE:
            yield Recipient(row[:12], first_name="Ada")
        is_under_way.set()
        await asyncio.to_thread(may_end.wait, 15)

    async def plan_elsewhere():
        async with fleet.made() as ledger:
            await plan(ledger, "nov", HI, source(), batch_size=20)

    with ThreadPoolExecutor(1) as elsewhere:
        first = elsewhere.submit(asyncio.run, plan_elsewhere())
        is_under_way.wait(15)
        refused = submit([*PEOPLE, BOB])
        may_end.set()
        first.result(15)
    had = len(gateway.sent_log)
    again = submit([*PEOPLE, BOB])

    assert (refused.exit_code, again.exit_code, had) == (1, 0, 0)
    assert fleet.refuses in refused.stderr
    assert "Run the same command again" in refused.stderr
    assert gateway.sent_log.numbers() == dict.fromkeys(numbers_of([*PEOPLE, BOB]), 1)


def test_renamed_list(start, server):
    """The file says who gets it, and its name says nothing."""
    start(PEOPLE)
    result = start(PEOPLE, name="people (1).csv")

    assert result.exit_code == 0
    assert set(server.gateway.sent_log.numbers().values()) == {1}
    assert "all 60 people of people (1).csv had this text" in result.stdout


def test_paused_and_one_who_was_served_taken_out(start, server):
    """The rest gets it, and those who had it do not once more."""
    paused = start(PEOPLE, "--max-cost", "1.00", "--concurrency", 1)
    result = start(PEOPLE[1:], "--max-cost", "100", "--concurrency", 1)

    times = server.gateway.sent_log.numbers()
    assert paused.exit_code == 1
    assert result.exit_code == 0
    assert times == dict.fromkeys(numbers_of(PEOPLE), 1)


def test_new_people_are_told_from_those_who_had_it(start):
    """The figures of this start stand beside those of the run."""
    start(PEOPLE[:50])
    result = start(PEOPLE)

    assert "  Now          10 new, 50 in this run before\n" in result.stdout
    assert "  Accepted     60\n" in result.stdout


def test_another_instant_is_no_second_message(start, server):
    """What else a run holds must be the same; what differs is named."""
    start(PEOPLE)
    result = start(PEOPLE, "--at", "2099-01-01T09:00+01:00")

    assert result.exit_code == 2
    assert "send_at" in result.stderr or "--at" in result.stderr
    assert set(server.gateway.sent_log.numbers().values()) == {1}


def test_excluded_people_get_nothing(start, tmp_path, server):
    """They are counted, and a file that cannot be read stops everything."""
    (tmp_path / "stop.csv").write_text("phone_number\n+33600000000\n+33600000001\n")
    (tmp_path / "bad.csv").write_text("phone_number\n0600000000\n")

    refused = start(PEOPLE, "--exclude", tmp_path / "bad.csv")
    nothing = dict(server.gateway.sent_log.numbers())
    missing = start(PEOPLE, "--exclude", tmp_path / "none.csv")
    result = start(PEOPLE, "--exclude", tmp_path / "stop.csv")

    assert (refused.exit_code, missing.exit_code, nothing) == (2, 2, {})
    assert result.exit_code == 0
    assert "  Excluded     2\n" in result.stdout
    assert numbers_of(PEOPLE[2:]) == set(server.gateway.sent_log.numbers())


def test_purged_run_knows_nobody(start, run, server):
    """It is not gone on with, and the words say so."""
    start(PEOPLE, "--run", "week-48")
    run("purge", "week-48")
    result = start(PEOPLE, "--run", "week-48")

    assert result.exit_code != 0
    assert "purge" in result.stderr
    assert set(server.gateway.sent_log.numbers().values()) == {1}
