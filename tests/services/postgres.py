"""
A PostgreSQL server of our own: in a temporary folder, reached by a socket in there.

It is started at its first use in a process, and forgets everything with it.
"""

import asyncio
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack, closing, suppress
from itertools import chain
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from aiooctopush.ledgers.postgres.ledger import PostgresLedger
from aiooctopush.ledgers.postgres.schema import (
    ADD_VERSION,
    CREATE_SCHEMA,
    CREATE_VERSION,
    MIGRATIONS,
    within,
)
from aiooctopush.ledgers.records import LedgerError


HOW_TO_GET_IT = (
    "needs PostgreSQL: apt-get install postgresql, brew install postgresql, or put "
    "initdb and postgres on the PATH"
)
OF_DEBIAN = Path("/usr/lib/postgresql")
USER = "postgres"

EMPTY_LEDGER = (
    *(CREATE_SCHEMA, CREATE_VERSION, *chain.from_iterable(MIGRATIONS)),
    ADD_VERSION.replace("$1", str(len(MIGRATIONS))),
)

# Who does not wait for disks is fast: what the server has written outlives a crash of
# it all the same, and one of the machine is not tested here.
SETTINGS = {
    "autovacuum": "off",  # nothing lives long enough
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "log_min_messages": "panic",
}


def folder_of_programs():
    """Where initdb and postgres are; None if they are not there."""
    of_debian = sorted(OF_DEBIAN.glob("*/bin"), reverse=True)
    places = os.pathsep.join([*map(str, of_debian), os.environ["PATH"]])
    found = shutil.which("initdb", path=places)
    return Path(found).resolve().parent if found else None


def as_somebody_else():
    """Words before a command: PostgreSQL refuses to be run by root."""
    words = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    return words if os.geteuid() == 0 else []


class Server:
    """
    One server, and a thread with a loop that does what must not wait for a test's.

    Args:
        programs: The folder of initdb and postgres.
        settings: What is set otherwise than in `SETTINGS`.

    Attributes:
        folder: Of the socket and of all its data.
    """

    def __init__(self, programs, **settings):
        self.programs = programs
        self.settings = SETTINGS | settings
        self.folder = Path(tempfile.mkdtemp(prefix="octo-pg-"))
        with suppress(LookupError, PermissionError):  # not root, and so not needed
            shutil.chown(self.folder, USER, USER)
        self.names = (f"ledger_{number}" for number in itertools.count(1))
        self.schemas = {}
        self.make_data()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.process = self.connection = None
        with ExitStack() as if_it_does_not:
            if_it_does_not.callback(self.remove)
            self.start()
            if_it_does_not.pop_all()

    def make_data(self):
        """Make an empty database."""
        subprocess.run(
            [
                *(*as_somebody_else(), self.programs / "initdb", self.folder / "data"),
                *(f"--username={USER}", "--auth=trust", "--encoding=UTF8"),
                *("--no-locale", "--no-sync", "--no-instructions"),
            ],
            check=True,
            capture_output=True,
            cwd=self.folder,
        )

    def start(self):
        """Start it, and wait until it answers."""
        settings = [f"-c{name}={value}" for name, value in self.settings.items()]
        self.process = subprocess.Popen(
            [
                *(*as_somebody_else(), self.programs / "postgres"),
                *("-D", self.folder / "data", "-k", self.folder, *settings),
            ],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not self.answers():
            assert self.process.poll() is None, "PostgreSQL does not start"
            time.sleep(0.02)

    def answers(self):
        """Whether it can be used."""
        try:
            self.do("SELECT 1")
        except (OSError, asyncpg.PostgresError):
            return False
        return True

    def stop(self):
        """Stop it at once, as a crash would."""
        if self.connection is not None:  # pragma: no branch - as of one stopped twice
            self.loop.call_soon_threadsafe(self.connection.terminate)
            self.connection = None
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def remove(self):
        """Stop it for good, and leave nothing behind."""
        self.stop()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        shutil.rmtree(self.folder)

    def dsn(self, *, user=USER, database="postgres", name="tests"):
        """How it is reached; a connection shows the name."""
        folder = quote(str(self.folder), safe="")
        return f"postgresql://{user}@/{database}?host={folder}&application_name={name}"

    def do(self, *statements):
        """Do something to the database as any program can; return the last rows."""

        async def run():
            connection = await self.connected()
            for statement in statements:
                rows = await connection.fetch(statement)
            return rows

        return self.wait_for(run())

    async def connected(self):
        """A connection that is kept, for the server makes a process for each."""
        if self.connection is None or self.connection.is_closed():
            self.connection = await asyncpg.connect(self.dsn(), statement_cache_size=0)
        return self.connection

    def wait_for(self, call):
        """Wait for a coroutine, in a loop that is not the caller's."""
        return asyncio.run_coroutine_threadsafe(call, self.loop).result()

    def new_schema(self):
        """
        The name of a schema with an empty ledger in it.

        Made by the statements of `PostgresLedger.migrate`, in one go: hundreds of tests
        begin with it.
        """
        schema = next(self.names)

        async def make():
            connection = await self.connected()
            await connection.execute(within(schema, "; ".join(EMPTY_LEDGER)))

        self.wait_for(make())
        return schema

    def schema_at(self, place):
        """The schema that stands for a folder."""
        if place not in self.schemas:
            self.schemas[place] = self.new_schema()
        return self.schemas[place]

    def crash(self, place, other):
        """Cut off who writes to a schema, and let the second folder stand for it."""
        schema = self.schemas.pop(place)
        self.cut_off(schema)
        if other not in self.schemas:
            self.schemas[other] = schema
            return
        # Somebody has opened a ledger there already.
        new = self.schemas[other]
        self.do(f"DROP SCHEMA {new} CASCADE", f"ALTER SCHEMA {schema} RENAME TO {new}")

    def make_older(self, schema, seconds):
        """Let time pass: everything becomes older instead."""
        ago = f"- interval '{seconds} s'"
        self.do(
            f"UPDATE {schema}.batches SET lease_until = lease_until {ago}, "  # noqa: S608  # no input
            f"first_tried_at = first_tried_at {ago}",
            f"UPDATE {schema}.rates SET due = due {ago}, "  # noqa: S608  # no input
            f"closed_until = closed_until {ago}",
        )

    def cut_off(self, name):
        """Kill every connection of this name, and wait until they are gone."""

        async def run():
            connection = await asyncpg.connect(self.dsn())
            try:
                # Its own wait takes steps of a tenth of a second; and not a connection
                # for each look, for the server that starts them buries the dead, too.
                while await connection.fetch(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = $1",
                    name,
                ):
                    await asyncio.sleep(0.001)
            finally:
                await connection.close()

        self.wait_for(run())


class Running:
    """The one of this process, once somebody has needed it."""

    server = None


def server():
    """The server of this process; the test is skipped where there can be none."""
    if Running.server is None:
        programs = folder_of_programs()
        if programs is None:
            pytest.skip(HOW_TO_GET_IT)
        Running.server = Server(programs)
    return Running.server


def remove():
    """Leave nothing behind; for the end of the session."""
    if Running.server is not None:
        Running.server.remove()
        Running.server = None


def ledger_at(place):
    """A ledger in the schema that stands for a folder."""
    schema = server().schema_at(place)
    return PostgresLedger(server().dsn(name=schema), schema=schema)


def crash(place, other):
    """See `Kind.crash`."""
    server().crash(place, other)


class Address:
    """One address in front of several servers, as a load balancer is."""

    def __init__(self, server):
        self.leads_to = server
        self.listening = None

    async def __aenter__(self):
        self.listening = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_):
        self.listening.close()

    @property
    def dsn(self):
        """How it is reached."""
        port = self.listening.sockets[0].getsockname()[1]
        return f"postgresql://{USER}@127.0.0.1:{port}/postgres?sslmode=disable"

    async def serve(self, reader, writer):
        """Hand on what one client says, as long as both sides are there."""
        place = self.leads_to.folder / ".s.PGSQL.5432"
        with closing(writer), suppress(OSError):
            theirs, ours = await asyncio.open_unix_connection(place)
            await asyncio.gather(hand_on(reader, ours), hand_on(theirs, writer))


async def hand_on(reader, writer):
    """Copy one direction to its end."""
    with closing(writer), suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


async def problem_of(call):
    """Return the words of the error that a call ends in, without the schema."""
    # Not caught: Python 3.11 hides from coverage what comes after an await that was.
    (error,) = await asyncio.gather(call, return_exceptions=True)
    assert isinstance(error, LedgerError), repr(error)
    return str(error).partition(": ")[2]
