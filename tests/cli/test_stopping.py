"""A command that is told to stop while the gateway is in trouble: real processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


pytestmark = pytest.mark.exhaustive

ATTEMPT = 10.0  # seconds: the limit of one attempt; by default one may take 45
# A request that is being written while the signal is on its way is none after it.
ON_ITS_WAY = 0.5
ACCEPTS = 201


class Trouble(ThreadingHTTPServer):
    """
    A gateway that answers every request alike, and accepts nothing until it is well.

    Attributes:
        posts: When each request came, on the monotonic clock.
        sent_log: How often each number has got a message.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, status, headers):
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = status
        self.headers = headers
        self.posts = []
        self.over = threading.Event()
        self.sent_log = Counter()

    @property
    def url(self):
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """One connection to it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Count it, and answer; or never, without a status."""
        self.server.posts.append(time.monotonic())
        sent = self.rfile.read(int(self.headers["content-length"]))
        if self.server.status is None:
            self.server.over.wait()
            self.close_connection = True
            return
        told = {"message": "later"}
        if self.server.status == ACCEPTS:
            people = [one["phone_number"] for one in json.loads(sent)["recipients"]]
            self.server.sent_log.update(people)
            told = {"sms_ticket": "sms_1", "number_of_contacts": len(people)}
        body = json.dumps(told).encode()
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        """Like any other."""
        self.do_POST()

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def trouble(status, headers):
    """Serve it in a thread."""
    server = Trouble(status, headers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


# The command, less patient.
COMMAND = f"""
import sys
from aiooctopush.transport import Timeouts

defaults = Timeouts.__init__.__kwdefaults__
defaults.update(connect=2.0, read=5.0, attempt={ATTEMPT})
from aiooctopush.__main__ import main

sys.exit(main())
"""

MESSAGE = ("--text", "Hello", "--sender", "Acme", "--purpose", "alert")

APP = """
from taskiq import InMemoryBroker
from aiooctopush import OctopushSession, SQLiteLedger
from aiooctopush.integrations.taskiq import Fleet

fleet = Fleet(
    InMemoryBroker(),
    session=OctopushSession.from_env,
    ledger=lambda: SQLiteLedger("fleet.db"),
)
"""


def bulk(server, folder):
    """Send to 5,000 people over that gateway, in a process of its own."""
    return running(server, folder, "bulk", people(folder), "--ledger", "run.db")


def fleet(server, folder):
    """The same by a fleet whose broker is in the process that submits."""
    (folder / "app.py").write_text(APP)
    names = ("--app", "app:fleet", "--run", "week-48")
    return running(server, folder, "fleet", "submit", people(folder), *names)


def people(folder):
    """Write a file of 5,000 people."""
    path = folder / "people.csv"
    path.write_text("phone_number\n" + "".join(f"{one}\n" for one in numbers()))
    return path


def numbers():
    """Those of 5,000 people."""
    return [f"+336{one:08d}" for one in range(5_000)]


@contextmanager
def running(server, folder, *command):
    """Run a command that sends over that gateway, in a process of its own."""
    account = {
        "OCTOPUSH_API_LOGIN": "me",
        "OCTOPUSH_API_KEY": "any",
        "OCTOPUSH_BASE_URL": server.url,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *map(str, command), *MESSAGE],
        cwd=folder,
        env=os.environ | account,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def get_well(server):
    """Accept everything from now on."""
    server.status, server.headers = ACCEPTS, {}


def wait_for_posts(server, process):
    """Until a request has come, and the program is waiting after it."""
    while not server.posts:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    time.sleep(1.5)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "answer",
    [(503, {}), (429, {"retry-after": "300"}), (None, {})],
    ids=["503", "429", "silence"],
)
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)],
    ids=["SIGTERM", "SIGHUP", "SIGINT"],
)
@pytest.mark.parametrize("start", [bulk, fleet])
def test_a_signal_ends_every_wait(tmp_path, start, answer, number, code):
    """
    Within the limit of an attempt; no request is begun after it. The same command again
    sends to each who is left, once.
    """
    with trouble(*answer) as server:
        with start(server, tmp_path) as process:
            wait_for_posts(server, process)
            signalled = time.monotonic()
            process.send_signal(number)
            out, told = process.communicate(timeout=ATTEMPT + 20)
            took = time.monotonic() - signalled
        begun = list(server.posts)
        get_well(server)
        with start(server, tmp_path) as again:
            again.communicate(timeout=60)

    after = [at - signalled for at in begun if at > signalled + ON_ITS_WAY]
    assert after == []
    assert took < ATTEMPT
    assert "Traceback" not in told
    assert "same command again" in out + told
    assert process.returncode == code
    assert again.returncode == 0
    assert server.sent_log == Counter(numbers())
