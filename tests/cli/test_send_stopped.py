"""``octopush send`` that is asked to end while its gateway is in trouble."""

import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


pytestmark = pytest.mark.exhaustive


MESSAGE = ("--text", "Hello", "--sender", "Acme", "--purpose", "alert")


SEND = ("send", "--to", "+33600000001", *MESSAGE)


ENV = {"OCTOPUSH_API_LOGIN": "me", "OCTOPUSH_API_KEY": "k3y"}


class Trouble(BaseHTTPRequestHandler):
    """A gateway that asks everybody to come again much later."""

    def do_POST(self):
        """Refuse, and count it."""
        self.rfile.read(int(self.headers["content-length"]))
        self.server.posts.append(time.monotonic())
        self.send_response(503)
        self.send_header("retry-after", "20")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        """Write nothing."""


@pytest.fixture
def trouble():
    """Serve it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Trouble)
    server.posts = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join(10)
    server.server_close()


@contextmanager
def running(server, *arguments):
    """Run the command until its first request was answered."""
    url = f"http://127.0.0.1:{server.server_port}"
    with subprocess.Popen(
        [sys.executable, "-m", "aiooctopush", *map(str, arguments), "--base-url", url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENV,
    ) as process:
        until = time.monotonic() + 15
        while not server.posts and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.2)
        yield process


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["INT", "TERM", "HUP"],
)
def test_send_stops_at_once(trouble, number, code):
    """Nothing is on the wire: the wait ends, and the exit code names the signal."""
    with running(trouble, *SEND) as process:
        began = time.monotonic()
        process.send_signal(number)
        _, told = process.communicate(timeout=30)

    assert time.monotonic() - began < 5
    assert process.returncode == code
    assert "Stopping." in told
    assert "Traceback" not in told
    assert len(trouble.posts) == 1
