"""Where a ledger is, which fleet is meant, and what is said if there is none."""

import json
import sys

import pytest
from services import postgres

from aiooctopush import Message
from aiooctopush.bulk.fleet.planning import plan
from aiooctopush.cli.targets.ledger import LedgerPlace
from aiooctopush.ledgers.postgres.ledger import PostgresLedger
from aiooctopush.ledgers.records import BatchState


MESSAGE = Message(text="Hello", sender="Acme", purpose="alert")

IN_PROCESS = """\
from taskiq import InMemoryBroker
from aiooctopush import OctopushSession, SQLiteLedger
from aiooctopush.integrations.taskiq import Fleet

broker = InMemoryBroker()
fleet = Fleet(
    broker, session=OctopushSession.from_env, ledger=lambda: SQLiteLedger("fleet.db")
)
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module into the folder where the command runs."""
    monkeypatch.chdir(tmp_path)

    def module(text, name="my_app"):
        (tmp_path / f"{name}.py").write_text(text, "utf-8")
        # Imported anew in each test, and forgotten after it.
        monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.delitem(sys.modules, name)

    yield module
    sys.modules.pop("my_app", None)


@pytest.fixture
def schema():
    """A ledger in PostgreSQL, and its address."""
    server = postgres.server()
    name = server.new_schema()
    return name, f"{server.dsn()}&schema={name}"


@pytest.fixture
def planned(schema):
    """The same with a run of two batches: one in doubt, one accepted."""
    name, address = schema
    server = postgres.server()

    async def work():
        async with PostgresLedger(server.dsn(), schema=name) as ledger:
            numbers = ["+33639980001", "+33639980002"]
            await plan(ledger, "nov", MESSAGE, numbers, batch_size=1)

    server.wait_for(work())
    server.do(
        f"UPDATE {name}.batches SET state = 'unknown', first_tried_at = now() "  # noqa: S608
        "WHERE number = 1",
        f"UPDATE {name}.batches SET state = 'accepted' WHERE number = 2",  # noqa: S608
    )
    return address


# --- fleets ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("app", "text", "problem"),
    [
        ("my_app", "", "'my_app' must look like app:fleet"),
        ("nowhere:fleet", "", "there is no module 'nowhere' in this folder"),
        ("my_app.deep:fleet", IN_PROCESS, "there is no module 'my_app.deep'"),
        ("my_app:fleet", "x = 1", "my_app:fleet is not there."),
        ("my_app:fleets", IN_PROCESS, "is not there; my_app:fleet is one."),
        (
            "my_app:broker",
            IN_PROCESS,
            "is not a Fleet, but an InMemoryBroker; my_app:fleet is one.",
        ),
        ("my_app:fleet", "fleet = print", "is not a Fleet, but a builtin_function"),
        ("my_app:fleet", "import nothing_there", "needs 'nothing_there', which is not"),
        ("my_app:fleet", "\n{}['DSN']", "KeyError: 'DSN' (my_app.py, line 2)"),
        ("my_app:fleet", "import os\nos.environ['DSN']", "KeyError: 'DSN' (my_app.py,"),
        ("my_app:fleet", "def (", "SyntaxError: invalid syntax (my_app.py, line 1)"),
        ("my_app:fleet", "raise OSError('s3cret')", "OSError (my_app.py, line 1)"),
        (
            "my_app:fleet",
            "from aiooctopush import OctopushSession\nOctopushSession('', 'k')",
            "module 'my_app' failed (api_login: ",
        ),
    ],
)
def test_a_fleet_that_cannot_be_had(run, module, app, text, problem):
    """What is wrong is said in a line, without what a program keeps to itself."""
    module(text)

    result = run("fleet", "status", "--app", app)

    assert result.exit_code == 2
    assert problem in result.stderr
    assert result.stderr.count("\n") == 1
    assert "s3cret" not in result.output


@pytest.mark.parametrize("missing", ["taskiq", "aiooctopush.integrations.taskiq"])
def test_a_fleet_without_its_extra(run, module, monkeypatch, missing):
    """Says what to install, wherever the import fails."""
    module("import taskiq")
    if missing == "taskiq":
        monkeypatch.setitem(sys.modules, "taskiq", None)
    else:
        monkeypatch.delitem(sys.modules, missing, raising=False)
        monkeypatch.setitem(sys.modules, "taskiq", None)

    result = run("fleet", "status", "--app", "my_app:fleet")

    assert result.exit_code == 2
    assert "requires taskiq" in result.stderr
    assert 'pip install "aiooctopush[fleet]"' in result.stderr


def test_the_fleet_of_the_environment(run, module):
    """Is taken if none is named."""
    module(IN_PROCESS)

    result = run("fleet", "status", env={"OCTOPUSH_FLEET": "my_app:fleet"})

    assert result.exit_code == 0, result.output
    assert result.stdout == "The ledger holds no run.\n"


def test_no_fleet(run):
    """Says how to name one."""
    result = run("fleet", "status")

    assert result.exit_code == 2
    assert "--app" in result.stderr
    assert "OCTOPUSH_FLEET" in result.stderr


def test_a_session_that_cannot_be_made(run, module, people):
    """The run is planned; what is missing to send it is named."""
    module(IN_PROCESS)
    arguments = ("--text", "Hi", "--sender", "Acme", "--purpose", "alert", "--run", "k")

    result = run("fleet", "submit", people(), "--app", "my_app:fleet", *arguments)

    assert result.exit_code == 2
    assert "OCTOPUSH_API_LOGIN" in result.stderr


def test_the_ledger_of_a_fleet_is_read_by_the_other_commands(run, module):
    """By the name of the fleet."""
    module(IN_PROCESS)

    result = run("runs", "my_app:fleet")

    assert result.stdout == "my_app:fleet holds no run.\n"


# --- addresses ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("run.db", "run.db"),
        ("app:fleet", "app:fleet"),
        ("postgresql://u:s3cret@h/d", "postgresql://u@h/d"),
        ("postgres://u:s3:cr@et@h:1/d", "postgres://u@h:1/d"),
        ("postgresql://h/d", "postgresql://h/d"),
        (
            "postgresql://u@/d?host=%2Ftmp&password=s3cret&schema=x",
            "postgresql://u@/d?host=%2Ftmp&schema=x",
        ),
    ],
)
def test_an_address_is_shown_without_its_password(typed, shown):
    """Wherever it stands in there; nothing of it is in the repr."""
    place = LedgerPlace(typed)

    assert str(place) == shown
    assert "s3cret" not in repr(place)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("/some/where/run.db", "run.db"),
        ("postgresql://u:s3cret@h/d?host=x", "d"),
        ("postgresql://", "PostgreSQL"),
        ("app:fleet", "app:fleet"),
    ],
)
def test_a_page_calls_a_ledger_by_its_name(typed, name):
    """And not where it is."""
    assert LedgerPlace(typed).name == name


def test_a_file_may_be_called_like_a_fleet(tmp_path, monkeypatch):
    """What is there is meant."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app:fleet").touch()

    assert not LedgerPlace("app:fleet").is_app


def test_a_ledger_in_postgresql_without_its_extra(run, monkeypatch):
    """Says what to install."""
    monkeypatch.delitem(
        sys.modules, "aiooctopush.ledgers.postgres.ledger", raising=False
    )
    monkeypatch.setitem(sys.modules, "asyncpg", None)

    result = run("runs", "postgresql://nobody@nowhere/nothing")

    assert result.exit_code == 2
    assert result.stderr == (
        "Error: a ledger in PostgreSQL requires asyncpg, which is not installed; "
        'run pip install "aiooctopush[fleet]".\n'
    )


@pytest.mark.parametrize("command", [("runs",), ("ledger", "init")])
def test_a_database_that_is_away(run, command):
    """Says so, and shows no password."""
    result = run(*command, "postgresql://me:s3cret@127.0.0.1:1/d")

    assert result.exit_code == 1
    assert "the database cannot be reached" in result.stderr
    assert "s3cret" not in result.output


def test_a_database_without_a_ledger(run):
    """Says which command makes one."""
    result = run("runs", f"{postgres.server().dsn()}&schema=nothing_here")

    assert result.exit_code == 1
    assert "contains no ledger" in result.stderr
    assert "`octopush ledger init`" in result.stderr


@pytest.mark.parametrize(
    ("query", "problem"), [("schema=NO", "LEDGER, schema: must be 1 to 63 small")]
)
def test_an_address_that_is_none(run, query, problem):
    """Is refused before anything is reached."""
    result = run("runs", f"postgresql://h/d?{query}")

    assert result.exit_code == 2
    assert problem in result.stderr


# --- runs in PostgreSQL ---------------------------------------------------------------


def test_runs_and_report_of_a_database(run, planned):
    """As of a file; and a fleet's run goes on with a fleet's command."""
    listed = run("runs", planned)
    told = run("report", planned)

    assert listed.stdout.splitlines()[1].split()[0] == "nov"
    assert "1 of 2 recipients are accepted" in told.stdout
    assert "run `octopush fleet wait nov`" in told.stdout
    assert f"Ledger      {LedgerPlace(planned)}" in told.stdout


def test_the_page_of_a_database(run, planned, tmp_path):
    """Is the same as of a file."""
    result = run("report", planned, "--html", tmp_path / "page.html")

    assert result.exit_code == 0
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "<span>fleet</span> <span>wait</span> <span>nov</span>" in page


def test_a_decision_is_written_to_the_database(run, planned):
    """And how the run goes on is told."""
    result = run("resolve", planned, "1", "resend", "--by", "Ada", "--yes")
    (batch,) = json.loads(run("unresolved", planned, "--json").stdout)["batches"] or [0]

    assert result.exit_code == 0, result.output
    assert "run `octopush fleet resume nov`" in result.stdout
    assert batch == 0


def test_nothing_is_decided_while_workers_are_at_the_run(run, planned, schema):
    """What is on its way just now might be what is decided about."""
    name, _ = schema
    server = postgres.server()

    async def claim():
        async with PostgresLedger(server.dsn(), schema=name) as ledger:
            return await ledger.claim("nov", "1", owner="other", include_unknown=True)

    assert server.wait_for(claim()).record.state is BatchState.SENDING

    result = run("purge", planned)

    assert result.exit_code == 1
    assert "workers are sending run 'nov'" in result.stderr


def test_a_run_of_the_database_is_purged(run, planned):
    """Once all of it is decided."""
    run("resolve", planned, "1", "sent", "--by", "Ada")

    result = run("purge", planned)

    assert result.stdout == "Purged nov: only its figures are left.\n"


# --- ledger init ----------------------------------------------------------------------


def test_init_makes_the_tables(run):
    """A second time it changes nothing."""
    address = f"{postgres.server().dsn()}&schema=made_by_init"

    first = run("ledger", "init", address)
    again = run("ledger", "init", address, "--json")

    assert first.exit_code == 0, first.output
    assert first.stdout == f"{LedgerPlace(address)} is ready.\n"
    assert json.loads(again.stdout)["ready"] is True
    assert run("runs", address).exit_code == 0


def test_init_of_a_fleet(run, module):
    """By its own ledger."""
    address = f"{postgres.server().dsn()}"
    ledger = f'PostgresLedger({address!r}, schema="made_by_app")'
    text = IN_PROCESS.replace('SQLiteLedger("fleet.db")', ledger)
    module(f"from aiooctopush.ledgers.postgres.ledger import PostgresLedger\n{text}")

    result = run("ledger", "init", "--app", "my_app:fleet")

    assert result.stdout == "my_app:fleet is ready.\n"
    assert run("fleet", "status", "--app", "my_app:fleet").exit_code == 0


def test_init_of_what_needs_none(run, tmp_path):
    """A file is made at its first use, and not by this."""
    path = tmp_path / "run.db"

    result = run("ledger", "init", path)

    assert result.stdout == f"{path} needs no preparation.\n"
    assert not path.exists()


def test_init_of_nothing(run):
    """It has to be said which."""
    result = run("ledger", "init")

    assert result.exit_code == 2
    assert "Name a LEDGER, or the --app" in result.stderr
