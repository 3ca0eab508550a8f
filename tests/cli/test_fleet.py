"""``octopush fleet``: submit, status, wait, sweep, resume, judged by the sent log."""

import asyncio
import json
import signal
import sys
import types

import pytest
from attrs import evolve
from taskiq import AsyncBroker, InMemoryBroker

from aiooctopush import MemoryLedger, Message, OctopushSession, SQLiteLedger
from aiooctopush._clock import SystemClock
from aiooctopush.bulk.fleet.planning import plan
from aiooctopush.integrations.taskiq import BrokerTimeoutError, Fleet
from aiooctopush.ledgers.records import LedgerError, Pause
from aiooctopush.sandbox import Gateway, SandboxTransport, VirtualClock


APP = ("--app", "app:fleet")
TERMINAL = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
MESSAGE = Message(text="Hello", sender="Acme", purpose="alert")


class Elsewhere(AsyncBroker):
    """
    A broker with workers that are not in this process.

    Attributes:
        woken: Names of the batches that it was told of.
        away: What it is not there for: ``startup``, ``kick`` or nothing.
    """

    def __init__(self):
        super().__init__()
        self.woken = []
        self.away = None

    async def startup(self):
        """See `AsyncBroker.startup`."""
        if self.away == "startup":
            raise ConnectionRefusedError("amqp://guest:s3cret@nowhere")
        await super().startup()

    async def kick(self, message):
        """See `AsyncBroker.kick`."""
        if self.away == "kick":
            raise ConnectionResetError("amqp://guest:s3cret@nowhere")
        self.woken.append(json.loads(message.message)["args"][1])

    def listen(self):
        """See `AsyncBroker.listen`; nobody does."""


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Let waits pass at once."""

    async def sleep(_, seconds):
        await asyncio.sleep(0)

    monkeypatch.setattr(SystemClock, "sleep", sleep)


@pytest.fixture(autouse=True)
def ctrl_c():
    """Have Ctrl-C interrupt, also where tests run in the background and ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


async def press(*_, **__):
    """Have somebody press Ctrl-C while a run is waited for."""
    signal.raise_signal(signal.SIGINT)
    await asyncio.Event().wait()


@pytest.fixture
def broker():
    """One with workers elsewhere."""
    return Elsewhere()


@pytest.fixture
def ledger(tmp_path):
    """Make the ledger of the fleet, as often as somebody needs it."""
    return lambda: SQLiteLedger(tmp_path / "fleet.db")


@pytest.fixture
def serve(monkeypatch, gateway, ledger):
    """Offer a fleet as ``app:fleet``, over the sandbox."""

    def serve(broker):
        def session():
            transport = SandboxTransport(gateway)
            return OctopushSession(
                "me", "key", transport=transport, clock=gateway.clock
            )

        module = types.ModuleType("app")
        module.fleet = Fleet(broker, session=session, ledger=ledger)
        module.broker = broker
        monkeypatch.setitem(sys.modules, "app", module)
        return module.fleet

    return serve


@pytest.fixture
def submit(run, people):
    """Run ``octopush fleet submit``."""

    def submit(*arguments, path=None, count=30, key="nov", app=APP, **settings):
        return run(
            *("fleet", "submit", path or people(count), *app, "--run", key),
            *("--text", "Hello {first_name}", "--sender", "Acme"),
            *("--purpose", "alert", "--batch-size", "10", *arguments),
            **settings,
        )

    return submit


@pytest.fixture
def write(ledger):
    """Do something with the ledger."""

    def write(work):
        async def run():
            async with ledger() as opened:
                return await work(opened)

        return asyncio.run(run())

    return write


def planned(key="nov", count=3, **settings):
    """Plan a run of so many batches, of ten recipients each."""
    numbers = [f"+336{number:08}" for number in range(10 * count)]
    return lambda ledger: plan(ledger, key, MESSAGE, numbers, batch_size=10, **settings)


# --- submit ---------------------------------------------------------------------------


def test_submit_plans_and_wakes(serve, broker, submit, gateway):
    """Each batch once; nothing is sent from here."""
    serve(broker)

    result = submit()

    assert result.exit_code == 0, result.output
    assert broker.woken == ["1", "2", "3"]
    assert len(gateway.sent_log) == 0
    assert result.stdout == (
        "Planned: 30 recipients in 3 batches.\n"
        "  Woken  workers for 3 batches\n"
        "  Run    nov\n"
        "  Fleet  app:fleet\n"
        "\n"
        "  octopush fleet status nov --app app:fleet\n"
    )


def test_submit_again_only_wakes(serve, broker, submit):
    """A job that submits may be repeated."""
    serve(broker)
    submit()

    result = submit()

    assert result.exit_code == 0
    assert result.stdout.startswith("Planned before: 30 recipients in 3 batches.\n")
    assert broker.woken == ["1", "2", "3"] * 2


def test_submit_of_more_people_tells_who_is_new(serve, broker, submit):
    """The run in all, and what this submission added."""
    serve(broker)
    submit(count=20)

    told = submit(count=25)
    document = json.loads(submit("--json", count=25).stdout)

    assert told.stdout.startswith("Planned: 25 recipients in 3 batches.\n")
    assert "  Now    5 new, 20 in this run before\n" in told.stdout
    assert (document["new"], document["already"], document["planned"]) == (0, 25, 25)
    assert document["was_planned"] is True


def test_submit_to_a_run_that_is_paused(serve, broker, submit, write):
    """Nobody is woken, and it says what has to be done."""
    serve(broker)
    submit()
    broker.woken.clear()
    write(lambda ledger: ledger.pause("nov", Pause.CREDENTIALS))

    result = submit(count=40)

    assert result.exit_code == 1
    assert broker.woken == []
    assert result.stdout.startswith(
        "Planned, but the run is paused: 40 recipients in 4 batches.\n"
    )
    assert "  Paused  login or key refused\n" in result.stdout
    assert "run `octopush fleet resume nov --app app:fleet`." in result.stdout


def test_submit_of_something_else_under_the_key(serve, broker, submit, people):
    """Is refused by name, and wakes nobody."""
    serve(broker)
    submit()
    broker.woken.clear()

    result = submit("--sender", "Other")

    assert result.exit_code == 2
    assert "another sender" in result.stderr
    assert broker.woken == []


def test_submit_tells_what_it_leaves_out(serve, broker, submit, people):
    """Rows that cannot be used, and people who stand there twice; as `bulk` does."""
    serve(broker)
    path = people(lines=["+33600000001,Ada", "+33600000001,Ada", "06,Bob"])

    result = submit(path=path)

    assert result.exit_code == 1
    assert "  Duplicates  1 row\n  Rejected    1 row\n" in result.stdout
    assert "line 4" in result.stderr


def test_submit_as_json(serve, broker, submit):
    """One document for programs."""
    serve(broker)

    result = submit("--json")
    document = json.loads(result.stdout)

    assert document.pop("file").endswith("people.csv")
    assert document == {
        "name": "nov",
        "planned": 30,
        "batches": 3,
        "new": 30,
        "already": 0,
        "duplicates": 0,
        "rejected": 0,
        "woken": 3,
        "was_planned": False,
        "paused": None,
        "first_bad_rows": [],
        "error": None,
    }


@pytest.mark.parametrize(
    ("away", "problem"),
    [
        ("startup", "cannot be reached (ConnectionRefusedError)"),
        ("kick", "does not accept wake-ups (ConnectionResetError)"),
    ],
)
def test_submit_without_a_broker_loses_nothing(serve, submit, run, away, problem):
    """The run stands, and the next sweep wakes the workers; no password is shown."""
    broker = serve(Elsewhere()).broker
    broker.away = away

    result = submit()
    broker.away = None
    swept = run("fleet", "sweep", *APP)

    assert result.exit_code == 1
    assert result.stdout.startswith("Planned, but no worker was woken: 30 ")
    assert problem in result.stderr
    assert "octopush fleet sweep nov --app app:fleet" in result.stderr
    assert "s3cret" not in result.output
    assert swept.stdout == "Woke workers for 3 batches.\n"
    assert broker.woken == ["1", "2", "3"]


def test_submit_without_a_broker_as_json(serve, broker, submit):
    """The error stands beside what was planned."""
    serve(broker)
    broker.away = "startup"

    document = json.loads(submit("--json").stdout)

    assert (document["planned"], document["woken"]) == (30, 0)
    assert document["error"]["error"] == "BrokerError"


def test_submit_with_a_broker_in_this_process(serve, submit, gateway, write):
    """There are no workers, so the command sends, and tells what became of all."""
    serve(InMemoryBroker())

    result = submit()

    assert result.exit_code == 0, result.output
    assert "This broker has no workers" in result.stderr
    assert result.stdout.startswith("Done: all 30 recipients are accepted.\n")
    assert gateway.sent_log.numbers().total() == len(gateway.sent_log.numbers()) == 30


def test_submit_that_is_interrupted_goes_on(serve, submit, gateway, monkeypatch):
    """Ctrl-C while this process sends; the same command then sends each once."""
    fleet = serve(InMemoryBroker())
    wait = Fleet.wait
    monkeypatch.setattr(Fleet, "wait", press)

    def goes_on(stopped):
        monkeypatch.setattr(Fleet, "wait", wait)
        result = submit()

        assert stopped.exit_code == 130
        assert "Interrupted. Run the same command again to continue." in stopped.stderr
        assert result.exit_code == 0, result.output
        assert set(gateway.sent_log.numbers().values()) == {1}
        assert fleet.is_in_process

    # On one line: now and then coverage loses the rest of what was interrupted.
    goes_on(submit())


def test_submit_leaves_out_who_is_excluded(serve, submit, people, gateway):
    """Two files of numbers, read like the list; the second one gets it once."""
    serve(InMemoryBroker())
    stops = people(lines=["+33600000000,"], name="stops.csv")
    more = people(lines=["+33600000001,"], name="more.csv")

    result = submit("--exclude", stops, "--exclude", more, count=3)

    assert result.exit_code == 0, result.output
    assert gateway.sent_log.numbers() == {"+33600000002": 1}


def test_submit_that_is_no_more_than_a_look(serve, broker, submit, gateway, write):
    """With --dry-run nothing is planned, and the same is shown as by bulk."""
    serve(broker)

    result = submit("--dry-run", "--price", "0.05")
    told = json.loads(submit("--dry-run", "--json").stdout)

    assert result.exit_code == 0, result.output
    assert "This would send to 30 recipients of " in result.stdout
    assert "about 1.50" in result.stdout
    assert (told["new"], told["name"], told["ledger"]) == (30, "nov", "app:fleet")
    assert write(lambda ledger: ledger.runs()) == []
    assert broker.woken == []


def test_submit_knows_whom_the_run_has(serve, broker, submit):
    """Before it is planned, the look tells who is new."""
    serve(broker)
    submit(count=20)

    told = json.loads(submit("--dry-run", "--json", count=30).stdout)

    assert (told["new"], told["already"]) == (10, 20)


@pytest.mark.usefixtures("somebody")
@pytest.mark.parametrize(("answer", "planned"), [("y", 30), ("n", 0)])
def test_submit_asks_once(serve, submit, gateway, answer, planned):
    """On a terminal; without a yes nothing is sent."""
    serve(InMemoryBroker())

    result = submit(input=answer, env=TERMINAL)

    assert "Send to 30 recipients?" in result.output
    assert len(gateway.sent_log.numbers()) == planned


def test_submit_with_replies_and_without_the_stop_list(serve, submit, gateway, write):
    """Both are part of the message that the run keeps."""
    serve(InMemoryBroker())
    gateway.blacklist.add("+33600000001")

    result = submit("--with-replies", "--remove-blacklisted", count=3)

    (run,) = write(lambda ledger: ledger.runs())
    assert result.exit_code == 0, result.output
    assert run.settings["with_replies"] == "True"
    assert set(gateway.sent_log.numbers()) == {"+33600000000", "+33600000002"}


def test_submit_while_somebody_else_plans(serve, broker, submit, ledger):
    """The ledger says who is in the way; nothing was sent."""
    serve(broker)
    other = ledger()
    with asyncio.Runner() as runner:
        runner.run(planned(key="other")(other))
        result = submit()
        runner.run(other.close())

    assert result.exit_code == 1
    assert "another process is writing" in result.stderr
    assert "Nothing is lost. Run the same command again to continue." in result.stderr


# --- status ---------------------------------------------------------------------------


def test_status_of_nothing(serve, broker, run):
    """An empty ledger says so."""
    serve(broker)

    assert run("fleet", "status", *APP, "--once").stdout == "The ledger holds no run.\n"


def test_status_of_all(serve, broker, submit, run, write):
    """How far each run is, the latest first, and why one stands still."""
    serve(broker)
    submit(key="old")
    submit(key="nov")
    write(lambda ledger: ledger.pause("old", Pause.CREDIT))
    broker.away = "startup"  # nobody needs it

    result = run("fleet", "status", *APP)

    assert result.exit_code == 0
    assert result.stdout == (
        "nov  sending\n"
        "  0%  0/30\n"
        "  waiting 30\n"
        "old  paused\n"
        "  0%  0/30\n"
        "  waiting 30\n"
        "  not enough credit; then octopush fleet resume old --app app:fleet\n"
    )


def test_status_as_json(serve, broker, submit, run):
    """The same for programs."""
    serve(broker)
    submit()

    result = run("fleet", "status", "nov", *APP, "--json", env=TERMINAL)
    (told,) = json.loads(result.stdout)["runs"]

    assert told.pop("begun").startswith("20")
    assert told == {
        "name": "nov",
        "stage": "sending",
        "paused": None,
        "planned": 30,
        "done": 0,
        "recipients": {"not_sent": 30},
        "batches": {"not_sent": 3},
    }


def test_status_of_a_run_that_is_not_planned_to_its_end(serve, broker, run, write):
    """Whoever planned it may be gone."""
    serve(broker)

    async def broken(ledger):
        def numbers():
            yield from (f"+336{number:08}" for number in range(200))
            raise OSError("torn")

        with pytest.raises(OSError, match="torn"):
            await plan(ledger, "nov", MESSAGE, numbers(), batch_size=1)

    write(broken)

    result = run("fleet", "status", *APP)

    assert result.stdout.startswith("nov  planning\n  0%  0/200\n")
    assert "submit it again" in result.stdout


def test_status_leaves_out_old_runs_that_are_done(serve, submit, run):
    """Ten are enough; how to see all is told."""
    serve(InMemoryBroker())
    for number in range(11):
        submit(key=f"run-{number}", count=1)

    result = run("fleet", "status", *APP)

    assert result.stdout.count("  done\n") == 10
    assert result.stdout.endswith(
        "… and 1 more that are done: octopush runs app:fleet\n"
    )


@pytest.mark.parametrize("command", ["status", "wait", "sweep", "resume"])
def test_a_run_that_is_not_there(serve, broker, run, command):
    """Is bad input, whatever is asked about it."""
    serve(broker)

    result = run("fleet", command, "nope", *APP)

    assert result.exit_code == 2
    assert result.stderr == "Error: NAME: names no run of this ledger (got 'nope').\n"


class Kept(MemoryLedger):
    """Outlives its end, as what is in a database does."""

    is_durable = True

    async def close(self):
        """See `Ledger.close`."""


class Sending(VirtualClock):
    """In each wait a worker sends a batch, from some moment on."""

    def __init__(self, ledger, since=0):
        super().__init__()
        self.gateway = Gateway()
        self.ledger, self.since = ledger, since

    async def sleep(self, seconds):
        """Send, and let time pass."""
        if self.monotonic() >= self.since:
            transport = SandboxTransport(self.gateway)
            async with OctopushSession("me", "key", transport=transport) as session:
                await session.worker(self.ledger).send_next("nov")
        await super().sleep(seconds)


@pytest.fixture
def kept(serve, broker, monkeypatch):
    """A ledger in memory, with a run of three batches, and a fleet over it."""
    ledger = Kept()
    asyncio.run(planned()(ledger))
    monkeypatch.setattr(serve(broker), "_make_ledger", lambda: ledger)
    return ledger


def test_watch_on_a_terminal(kept, run):
    """A bar for each run until all are done, and then the last look stays."""
    result = run("fleet", "status", *APP, clock=Sending(kept), env=TERMINAL)

    assert result.exit_code == 0, result.output
    assert "33%  10/30  10/s  0:02 left" in result.stderr
    assert "━" in result.stdout
    assert "100%  30/30" in result.stdout


def test_watch_on_a_narrow_terminal(kept, run):
    """The figures need the room more than a bar."""
    env = {**TERMINAL, "COLUMNS": "50", "NO_COLOR": "1"}

    result = run("fleet", "status", *APP, clock=Sending(kept), env=env)

    assert "━" not in result.stdout
    assert "100%  30/30" in result.stdout.splitlines()[1]


def test_watch_elsewhere(kept, run):
    """A line now and then if something changed, and in the end the result."""
    result = run("fleet", "status", *APP, "--watch", clock=Sending(kept, since=40))

    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines() == [
        "nov: sending, 0%  0/30, waiting 30",
        "nov: sending, 33%  10/30  0/s  1:00 left, accepted 10  waiting 20",
        "nov: sending, 67%  20/30  1/s  0:15 left, accepted 20  waiting 10",
    ]
    assert result.stdout == "nov  done\n  100%  30/30\n  accepted 30\n"


class Restarted(Sending):
    """The ledger's database is away from the first wait on, for so many seconds."""

    def __init__(self, ledger, seconds):
        super().__init__(ledger)
        self.back_at = seconds
        self.look, ledger.progress = ledger.progress, self.progress

    async def progress(self, key):
        """See `FleetLedger.progress`."""
        if 0 < self.monotonic() < self.back_at:
            raise LedgerError("the database is being stopped or started: wait")
        return await self.look(key)


AWAY = "the database is being stopped or started: wait. Looking again."


def test_a_watch_goes_on_when_the_database_is_started_again(kept, run):
    """Under the last look it says why nothing moves; in the end all is well."""
    env = {**TERMINAL, "COLUMNS": "100"}
    result = run("fleet", "status", *APP, clock=Restarted(kept, 2.5), env=env)

    assert result.exit_code == 0, result.output
    assert AWAY in result.stderr
    assert "100%  30/30" in result.stdout
    assert AWAY not in result.stdout


def test_a_watch_says_once_that_the_database_is_away(kept, run):
    """In a log, too."""
    result = run("fleet", "status", *APP, "--watch", clock=Restarted(kept, 25))

    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines() == ["nov: sending, 0%  0/30, waiting 30", AWAY]
    assert result.stdout.startswith("nov  done\n")


def test_a_watch_ends_when_the_database_stays_away(kept, run):
    """After two minutes."""
    clock = Restarted(kept, 10_000)

    result = run("fleet", "status", *APP, "--watch", clock=clock)

    assert result.exit_code == 1
    assert result.stderr.endswith("being stopped or started: wait.\n")
    assert clock.monotonic() == 130


def test_watch_and_json(serve, broker, run):
    """A document has an end."""
    serve(broker)

    assert run("fleet", "status", *APP, "--watch", "--json").exit_code == 2


# --- wait -----------------------------------------------------------------------------


def test_wait_tells_what_became_of_a_run(serve, submit, run, broker):
    """With the figures and exit code of `bulk`."""
    serve(InMemoryBroker())
    submit()
    serve(broker)

    result = run("fleet", "wait", "nov", *APP)

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Done: all 30 recipients are accepted.\n")
    assert "Ledger      app:fleet\n" in result.stdout


def test_wait_for_workers_that_find_no_credit(serve, gateway, run, submit):
    """The pause is told, and the command that ends it."""
    gateway.credit = 0
    serve(InMemoryBroker())
    submit()

    result = run("fleet", "wait", "nov", *APP)

    assert result.exit_code == 1
    assert result.stdout.startswith("Paused: 0 of 30 recipients are accepted.\n")
    assert "run `octopush fleet resume nov --app app:fleet`" in result.stdout
    assert "fleet wait" not in result.stdout


@pytest.mark.parametrize(
    ("patience", "told"), [((), 1), (("--wait-for-gateway", "0"), 0)]
)
def test_wait_for_a_gateway_that_is_silent(
    *, serve, broker, submit, run, monkeypatch, patience, told
):
    """That it waits is told once, if it does; what is not sent is exit code 1."""
    serve(broker)
    submit()

    async def wait(fleet, key, *, progress, wait_for_gateway):
        seen = await fleet.ledger.progress(key)
        progress(seen)
        for _ in range(2):
            progress(evolve(seen, run=evolve(seen.run, paused=Pause.OUTAGE)))
        return await fleet.report(key)

    monkeypatch.setattr(Fleet, "wait", wait)

    result = run("fleet", "wait", "nov", *APP, *patience)

    assert result.exit_code == 1, result.output
    assert result.stderr.count("Waiting for the gateway") == told


def test_wait_for_a_run_that_somebody_else_has_sent(serve, broker, submit, run, write):
    """What a fleet has no option for is not advised."""
    serve(broker)
    submit()
    write(lambda ledger: ledger.pause("nov", Pause.ALREADY_SENT))

    result = run("fleet", "wait", "nov", *APP)

    assert result.exit_code == 1
    assert "octopush fleet resume nov --app app:fleet`: the rest" in result.stdout
    assert "--on-already-sent" not in result.stdout


def test_wait_is_interrupted(serve, broker, submit, run, monkeypatch):
    """Only the wait ends."""
    serve(broker)
    submit()

    monkeypatch.setattr(Fleet, "wait", press)
    result = run("fleet", "wait", "nov", *APP)

    assert result.exit_code == 130
    assert "No longer waiting. The workers continue." in result.stderr


def test_wait_without_a_broker(serve, broker, submit, run):
    """It could not wake anybody, so it says so."""
    serve(broker)
    submit()
    broker.away = "startup"

    result = run("fleet", "wait", "nov", *APP)

    assert result.exit_code == 1
    assert result.stderr == (
        "Error: the broker cannot be reached (ConnectionRefusedError); check that it "
        "runs, and its address.\n"
        "Only the wait has ended. The run is in the ledger, and the workers continue "
        "as soon as they can.\n"
    )


# --- sweep and resume -----------------------------------------------------------------


@pytest.mark.parametrize("silent", ["startup", "kick"])
def test_sweep_of_a_silent_broker(serve, submit, run, monkeypatch, silent):
    """Silence is told apart from a broker that is not there; no password is shown."""
    serve(Elsewhere())
    submit()

    async def hang(*_):
        raise BrokerTimeoutError from TimeoutError("amqp://guest:s3cret@nowhere")

    name = "__aenter__" if silent == "startup" else "sweep"
    monkeypatch.setattr(Fleet, name, hang)

    result = run("fleet", "sweep", "nov", *APP)

    assert result.exit_code == 1
    assert (
        "the broker does not respond; check that it runs, and that no memory or disk "
        "alarm" in result.stderr
    )
    assert "s3cret" not in result.output


def test_sweep_in_this_process(serve, broker, submit, run, gateway):
    """What it wakes, it sends."""
    serve(broker)
    submit()
    serve(InMemoryBroker())

    result = run("fleet", "sweep", "nov", *APP)

    assert result.stdout == "Woke 3 batches, and sent them in this process.\n"
    assert gateway.sent_log.numbers().total() == 30


def test_resume(serve, broker, submit, run, write):
    """What stood still goes on, and the workers are told."""
    serve(broker)
    submit()
    write(lambda ledger: ledger.pause("nov", Pause.CREDIT))
    broker.woken.clear()

    result = run("fleet", "resume", "nov", *APP)

    assert result.stdout == "Resumed nov: woke workers for 3 batches.\n"
    assert broker.woken == ["1", "2", "3"]


def test_resume_in_this_process(serve, submit, run, gateway):
    """Once there is credit, it sends what is left, and tells."""
    gateway.credit = 0
    serve(InMemoryBroker())
    submit()
    gateway.credit = 1_000

    result = run("fleet", "resume", "nov", *APP)

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Done: all 30 recipients are accepted.\n")
    assert set(gateway.sent_log.numbers().values()) == {1}


def test_resume_without_a_broker_changes_nothing(serve, broker, submit, run, write):
    """The run still stands still."""
    serve(broker)
    submit()
    write(lambda ledger: ledger.pause("nov", Pause.CREDIT))
    broker.away = "startup"

    result = run("fleet", "resume", "nov", *APP)
    progress = write(lambda ledger: ledger.progress("nov"))

    assert result.exit_code == 1
    assert "Nothing is lost. Run the same command again to resume.\n" in result.stderr
    assert progress.run.paused is Pause.CREDIT


def test_sweep_without_a_broker(serve, broker, submit, run):
    """Another sweep does it."""
    serve(broker)
    submit()
    broker.away = "startup"

    result = run("fleet", "sweep", *APP)

    assert result.exit_code == 1
    assert "Nothing is lost. The next sweep wakes the workers.\n" in result.stderr
