"""The tutorial, typed as it stands: real processes, a served sandbox, a real crash."""

import os
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pages
import pytest
from project.test_docs import compare


pytestmark = pytest.mark.exhaustive

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
TOKEN = "http://127.0.0.1:8026/TOKEN"  # in place of what the receiver says
OCTOPUSH = [sys.executable, "-m", "aiooctopush"]


class Terminals:
    """
    What a reader types, and what runs in the background.

    Attributes:
        env: What was exported.
        ports: Free ones, in place of those that the page names.
    """

    def __init__(self, folder, stack):
        path = os.pathsep.join(map(os.path.abspath, sys.path))
        self.env = {**os.environ, "PYTHONPATH": path, "COLUMNS": "88"}
        self.ports = {"8025": free_port(), "8026": free_port()}
        self._folder = folder
        self._stack = stack
        self._servers = {}
        self._address = TOKEN

    def type(self, line, expected):
        """Run one line, and look at what it shows."""
        words = [self._own_ports(one) for one in shlex.split(line, comments=True)]
        if words[0] == "export":
            self.env |= dict(one.split("=", 1) for one in words[1:])
        elif words[:2] == ["octopush", "sandbox"]:
            self._serve("sandbox", words, expected)
        elif words[:3] == ["octopush", "webhooks", "serve"]:
            self._address = self._serve("receiver", words, expected).split()[-1]
        else:
            shown = subprocess.run(
                self._program(words),
                cwd=self._folder,
                env=self.env,
                stdout=subprocess.PIPE,
                text=True,
                check=False,
            ).stdout
            compare(shown, expected)

    def interrupt(self, name, expected):
        """Press Ctrl-C in the terminal of a server."""
        server = self._servers.pop(name)
        server.send_signal(signal.SIGINT)
        shown = server.communicate()[0]
        compare(shown, expected)

    def _serve(self, name, words, expected):
        if name in self._servers:
            self.interrupt(name, "")
        server = subprocess.Popen(
            self._program(words),
            cwd=self._folder,
            env=self.env,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._servers[name] = server
        self._stack.callback(end, server)
        ready = server.stdout.readline()
        compare(ready, self._own_ports(expected))
        return ready

    def _own_ports(self, words):
        words = words.replace(TOKEN, self._address)
        for port, own in self.ports.items():
            words = words.replace(f":{port}", f":{own}")
        return words

    def _program(self, words):
        first = {"octopush": [*OCTOPUSH], "python": [sys.executable]}[words[0]]
        rest = words[1:]
        if words[:2] == ["octopush", "sandbox"]:
            rest += ["--port", self.ports["8025"]]
        elif words[:2] == ["octopush", "webhooks"]:
            rest += ["--port", self.ports["8026"]]
        return [*first, *rest]


def end(server):
    """End a server that still runs."""
    with server:
        server.kill()


def free_port():
    """Find a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


@pytest.mark.skipif(sys.platform == "win32", reason="presses Ctrl-C with a signal")
@pytest.mark.timeout(180)  # a dozen processes, and a call that is tried for seconds
def test_the_tutorial_goes_as_it_says(tmp_path):
    """From the first line to the last; only the installation is done already."""
    with ExitStack() as stack:
        terminals = Terminals(tmp_path, stack)
        for item in pages.read(PAGE.read_text("utf-8")):
            if item.file:
                (tmp_path / item.file).write_text(item.code, "utf-8")
            elif item.code.startswith("^C\n"):
                terminals.interrupt("receiver", item.code.removeprefix("^C\n"))
            elif item.kind == "console":
                for line, expected in item.commands:
                    terminals.type(line, expected)
