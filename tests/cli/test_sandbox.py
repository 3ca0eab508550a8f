"""``octopush sandbox``: a simulated gateway on a port."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager

import pytest


@contextmanager
def sandbox(*arguments, end=signal.SIGINT):
    """Serve in another process; gives its address, and ends it."""
    with subprocess.Popen(
        [sys.executable, "-m", "aiooctopush", "sandbox", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        ready = process.stdout.readline()
        try:
            yield ready, process
        finally:
            process.send_signal(end)
            process.told = process.communicate(timeout=15)


def address(ready):
    """The URL in the ready line."""
    return ready.split()[4]


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_serves_until_interrupted(run, end):
    """One line says where it is; Ctrl-C ends it quietly; the book tells the truth."""
    env = {"OCTOPUSH_API_LOGIN": "anybody", "OCTOPUSH_API_KEY": "any"}
    message = ("--text", "Hello", "--sender", "Acme", "--purpose", "alert")
    with sandbox(end=end) as (ready, process):
        url = address(ready)
        result = run(
            "send", "--base-url", url, "--to", "+33600000001", *message, env=env
        )
        book_url = f"{url}/__sandbox__/book"
        with urllib.request.urlopen(book_url, timeout=10) as answer:  # noqa: S310
            book = json.load(answer)

    assert ready == f"Sandbox gateway ready on {url} (book: /__sandbox__/book)\n"
    assert url.startswith("http://127.0.0.1:")
    assert result.exit_code == 0
    assert book["recipients"] == 1
    assert process.told == ("", "")
    assert process.returncode == 0


def test_options_reach_the_gateway(run):
    """Account, law, credit and faults are those that were asked for."""
    options = ("--api-login", "me", "--api-key", "k3y", "--law", "receipt")
    env = {"OCTOPUSH_API_LOGIN": "me", "OCTOPUSH_API_KEY": "k3y"}
    message = ("--text", "Hello", "--sender", "Acme", "--purpose", "alert")
    with sandbox(*options, "--credit", "0") as (ready, _):
        send = ("send", "--base-url", address(ready), "--to", "+33600000001", *message)
        stranger = run(*send, "--json", env=env | {"OCTOPUSH_API_KEY": "x"})
        poor = run(*send, "--json", "--key", "k", env=env)
        burnt = run(*send, "--json", "--key", "k", env=env)

    assert json.loads(stranger.stdout)["error"] == "AuthenticationError"
    assert json.loads(poor.stdout)["error"] == "InsufficientCreditError"
    assert json.loads(burnt.stdout)["error"] == "DuplicateRequestError"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--api-login", "me"), "--api-login and --api-key belong together"),
        (("--faults", "dns_failure=1"), "--faults: cannot be played here: dns_failure"),
        (("--faults", "weather=1"), "unknown fault 'weather'"),
        (("--credit", "much"), "must be an amount such as 12.50"),
        (("--credit", "-1"), "must be an amount such as 12.50"),
        (("--port", "70000"), "70000 is not in the range"),
    ],
    ids=str,
)
def test_bad_usage(run, arguments, words):
    """What is malformed is told before anything is served."""
    result = run("sandbox", *arguments)

    assert result.exit_code == 2
    assert words in result.stderr


def test_port_in_use(run):
    """A port that is taken is told in a line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        result = run("sandbox", "--port", port)

    assert result.exit_code == 2
    assert f"cannot listen on 127.0.0.1, port {port}" in result.stderr
    assert "Traceback" not in result.stderr
