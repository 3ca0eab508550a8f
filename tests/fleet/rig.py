"""
A fleet of real processes: `taskiq worker` on RabbitMQ and PostgreSQL, and a gateway
whose sent log is the judge.
"""

import asyncio
import bisect
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from fleet.app import KEY, VARIABLE, fleet_of
from services import postgres, rabbitmq

from aiooctopush import Purpose
from aiooctopush.api.sms import Message


FOLDER = Path(__file__).parent
MESSAGE = Message(text="The bridge is closed", sender="Acme", purpose=Purpose.ALERT)
WITHIN = 120.0


def numbers(count):
    """Made-up French mobiles, all different."""
    return [f"+336{number:08d}" for number in range(count)]


def environment(**more):
    """Of a process that finds the package where we found it, and us beside it."""
    path = [str(FOLDER.parent), os.environ.get("PYTHONPATH", "")]
    ours = {"PYTHONPATH": os.pathsep.join(filter(None, path)), "PYTHONSAFEPATH": "1"}
    return os.environ | ours | more


def wait_until(condition, what):
    """Look again and again; it is an error if it takes too long."""
    late = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < late, f"waited in vain until {what}"
        time.sleep(0.02)


def most_within(arrivals, seconds):
    """How many of them fall into one span of time, at most."""
    arrivals = sorted(arrivals)
    return max(
        bisect.bisect_left(arrivals, first + seconds) - index
        for index, first in enumerate(arrivals)
    )


class GatewayProcess:
    """The gateway as seen from here; see `gateway.Door` for what it may be told."""

    def __init__(self, process):
        self.process = process
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{int(process.stdout.readline())}"

    def tell(self, do, **arguments):
        """Give a command; gives its answer."""
        command = json.dumps({"do": do, **arguments})
        with self.lock:
            self.process.stdin.write(command.encode() + b"\n")
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())


@contextmanager
def running_gateway():
    """A gateway, as long as its standard input is open."""
    with subprocess.Popen(
        [sys.executable, "-m", "fleet.gateway"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
    ) as process:
        yield GatewayProcess(process)


class Workers:
    """
    One `taskiq worker`, and its processes.

    Args:
        place: Where everything is.
        count: Of processes; one that is gone is replaced by taskiq.
    """

    def __init__(self, place, count):
        self.folder = Path(place["folder"])
        self.manager = subprocess.Popen(
            [
                *(sys.executable, "-m", "taskiq", "worker", "fleet.app:broker"),
                *(f"--workers={count}", f"--max-async-tasks={place['tasks']}"),
                "--log-level=CRITICAL",
            ],
            env=environment(**{VARIABLE: json.dumps(place)}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that all of them can be met at once
        )
        self.count = count
        wait_until(lambda: len(self.alive()) == count, "the workers listen")

    def alive(self):
        """Numbers of the processes that listen, or did until just now."""
        return sorted(int(path.name) for path in self.folder.iterdir())

    def kill(self, process):
        """Kill one, in the middle of whatever it does; whether it was still there."""
        (self.folder / str(process)).unlink()
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def stop(self, number=signal.SIGTERM):
        """Have them finish what they are at, and wait until they are gone."""
        self.manager.send_signal(number)
        return self.manager.wait()

    def remove(self):
        """Kill all."""
        with suppress(ProcessLookupError):
            os.killpg(self.manager.pid, signal.SIGKILL)
        self.manager.wait()


class Rig:
    """
    Servers, a gateway, a ledger of its own, and workers once they are hired.

    To be used with ``with``.

    Args:
        rate: Requests a second, of all workers.
        burst: How many may start at once.
        lease: Seconds of a claim; None for those of the library.
        tasks: That each worker does at once.
        database: Another server than the one of this process.
    """

    def __init__(self, *, rate=None, burst=1, lease=None, tasks=8, database=None):
        self.database = database or postgres.server()
        self.broker = rabbitmq.server()
        self.settings = {"rate": rate, "burst": burst, "lease": lease, "tasks": tasks}
        self.schema = self.database.new_schema()
        self.stack = ExitStack()

    def __enter__(self):
        self.broker.forget()
        self.gateway = self.stack.enter_context(running_gateway())
        return self

    def __exit__(self, *_):
        self.stack.close()

    def place(self, **otherwise):
        """What a worker or client is told."""
        return {
            "amqp": self.broker.url(),
            "dsn": self.database.dsn(name=self.schema),
            "schema": self.schema,
            "gateway": self.gateway.url,
            "key": KEY,
            "folder": "",
            **self.settings,
            **otherwise,
        }

    def hire(self, count=1, **otherwise):
        """Start workers, and wait until they listen; they are gone in the end."""
        folder = self.stack.enter_context(TemporaryDirectory())
        workers = Workers(self.place(folder=folder, **otherwise), count)
        self.stack.callback(workers.remove)
        return workers

    def client(self, **otherwise):
        """A fleet as a client uses it; with ``async with``."""
        return fleet_of(self.place(**otherwise))

    async def times(self):
        """How often each number has got a message."""
        return await asyncio.to_thread(self.gateway.tell, "times")

    def make_older(self, seconds):
        """Let time pass, as far as the ledger knows."""
        self.database.make_older(self.schema, seconds)

    def do(self, statement):
        """Do something to the ledger's tables, whose schema is ``{}``."""
        self.database.do(statement.format(self.schema))

    def rows(self, columns):
        """What the ledger's table of batches says."""
        query = f"SELECT {columns} FROM {self.schema}.batches ORDER BY number, part"  # noqa: S608  # no input
        return [tuple(row) for row in self.database.do(query)]

    def closed_until(self):
        """Until when a 429 has closed the rate of all, on the monotonic clock."""
        query = f"SELECT extract(epoch FROM closed_until) FROM {self.schema}.rates"  # noqa: S608  # no input
        ((instant,),) = self.database.do(query)
        return float(instant) - time.time() + time.monotonic()
