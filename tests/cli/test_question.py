"""The question before a run, as a person meets it on a terminal."""

import os
import pty
import subprocess
import sys
from contextlib import suppress

import pytest


pytestmark = pytest.mark.exhaustive

ACCOUNT = {"OCTOPUSH_API_LOGIN": "me", "OCTOPUSH_API_KEY": "k3y"}


def sent_log(server):
    """How often each number got a message."""
    return server.gateway.sent_log.numbers()


def on_a_terminal(arguments, typed, env):
    """Run the command in a terminal, type a line when it asks, and return all of it."""
    terminal, theirs = pty.openpty()
    command = subprocess.Popen(
        [sys.executable, "-m", "aiooctopush", *arguments],
        **dict.fromkeys(("stdin", "stdout", "stderr"), theirs),
        env=os.environ | env,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    with suppress(OSError):  # Linux says so at the end of a terminal
        while True:
            seen += os.read(terminal, 4_096)
            if typed and b"[y/N]" in seen:
                os.write(terminal, typed)
                typed = b""
    os.close(terminal)
    return command.wait(), seen.decode()


@pytest.mark.usefixtures("state")
def test_question_tells_the_price_of_the_account(people, server):
    """Who answers it knows what it costs."""
    arguments = ["bulk", str(people()), "--sender", "Acme", "--purpose", "alert"]
    arguments += ["--text", "Hi"]
    env = ACCOUNT | {"OCTOPUSH_BASE_URL": server.url}

    code, seen = on_a_terminal(arguments, b"no\n", env)

    assert code == 1
    assert "Send to 3 recipients, about 0.15 €?" in seen


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize(
    ("answer", "columns"), [("yes", 80), ("no", 80), ("yes", 120), ("no", 120)]
)
def test_question(people, server, answer, columns):
    """A person sees what is about to be sent, and is asked once."""
    arguments = ["bulk", str(people()), "--sender", "Acme", "--purpose", "alert"]
    arguments += ["--text", "Hello {first_name}", "--price", "0.05"]
    env = ACCOUNT | {"OCTOPUSH_BASE_URL": server.url, "COLUMNS": str(columns)}

    code, seen = on_a_terminal(arguments, f"{answer}\n".encode(), env)

    assert code == (answer == "no")
    assert "Hello Ada" in seen
    assert seen.count("Send to 3 recipients, about 0.15 €?") == 1
    assert len(sent_log(server)) == 3 * (answer == "yes")
    assert ("Nothing was sent." in seen) is (answer == "no")


def test_no_question_with_yes(people, server, state):
    """A script on a terminal says so beforehand."""
    arguments = ["bulk", str(people()), "--sender", "Acme", "--purpose", "alert"]
    arguments += ["--text", "Hi", "--yes"]
    env = ACCOUNT | {"OCTOPUSH_BASE_URL": server.url}

    found, seen = on_a_terminal(arguments, b"", env)

    assert found == 0
    assert "[y/N]" not in seen
    assert len(sent_log(server)) == 3
