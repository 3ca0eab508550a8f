"""Output that cannot be written decides nothing: real processes on real descriptors."""

import json
import os
import pty
import signal
import subprocess
import sys
from functools import partial

import pytest


pytestmark = pytest.mark.exhaustive

MESSAGE = ("--text", "Hello", "--sender", "Acme", "--purpose", "alert")
SEND = ("send", "--sandbox", "--to", "+33600000001", *MESSAGE)


def command(*arguments):
    """The command, in a process of its own."""
    return [sys.executable, "-m", "aiooctopush", *map(str, arguments)]


def shell(redirection, *arguments):
    """Run the command with descriptors that a shell made."""
    return subprocess.run(
        ["/bin/sh", "-c", f'"$@" {redirection}', "sh", *command(*arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("redirection", "more"),
    [
        (">/dev/full 2>&1", ()),
        (">/dev/full", ("--json",)),
        (">&- 2>&-", ()),
        ("1<&0", ()),
    ],
    ids=["full", "full-json", "closed", "read-only"],
)
def test_send_is_accepted_all_the_same(redirection, more):
    """An accepted message is exit code 0, wherever the words went."""
    done = shell(redirection, *SEND, *more)

    assert done.returncode == 0
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("redirection", [">/dev/full 2>&1", "2>&-"])
def test_bulk_goes_on_in_silence(redirection, people):
    """Progress and result may fail; the run is sent to its end."""
    done = shell(redirection, "bulk", people(3_000), "--sandbox", *MESSAGE)

    assert done.returncode == 0
    assert "Traceback" not in done.stdout + done.stderr


def test_a_mistake_is_still_one():
    """The exit code reports what became of the message, not of the output."""
    done = shell(">/dev/full 2>&1", *SEND, "--sender", "A")

    assert done.returncode == 2


@pytest.mark.parametrize(
    ("redirection", "arguments", "code"),
    [
        (">/dev/full", ("--help",), 0),
        (">&-", ("--version",), 0),
        ("2>/dev/full", ("send", "--bad"), 2),
    ],
    ids=["help", "version", "usage"],
)
def test_help_and_usage_do_not_crash(redirection, arguments, code):
    """What click writes itself may fail, too."""
    done = shell(redirection, *arguments)

    assert done.returncode == code
    assert "Traceback" not in done.stdout + done.stderr


def test_a_dead_terminal(people):
    """The terminal is gone, and the hangup was ignored, as under nohup."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        command("bulk", people(3_000), "--sandbox", *MESSAGE),
        stdin=follower,
        stdout=follower,
        stderr=follower,
        preexec_fn=partial(signal.signal, signal.SIGHUP, signal.SIG_IGN),  # noqa: PLW1509  # no threads here
        start_new_session=True,
    ) as process:
        os.close(leader)
        os.close(follower)

    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("send", "--to", "+33600000001", *MESSAGE), 2, "OCTOPUSH_API_LOGIN: this"),
        (("otp", "validate", "+33600000001", "--sandbox"), 2, "stdin is closed"),
        (("lists", "delete", "vip", "--sandbox"), 2, "Use --yes to agree"),
        (("bulk", "-", "--sandbox", *MESSAGE), 2, "-: reads standard input"),
    ],
    ids=["credentials", "code", "question", "bulk"],
)
def test_closed_stdin(arguments, code, words):
    """Nobody can be asked, and one line says so."""
    done = shell("<&-", *arguments)

    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_json_is_whole_in_a_pipe():
    """The document arrives through a pipe to its last byte."""
    done = shell("| cat", *SEND, "--json")

    assert json.loads(done.stdout)["outcome"] == "accepted"


def test_stream_without_unicode(monkeypatch):
    """A terminal of another alphabet shows something similar, and nothing crashes."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")

    done = subprocess.run(
        command("preview", "--text", "Déjà “prêt” € ✓"),
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0
    assert b"'\\u2713' (CHECK MARK" in done.stdout
    assert b"'e' (LATIN SMALL LETTER E WITH CIRCUMFLEX" in done.stdout


def test_nobody_reads_the_result():
    """`octopush … | head -0` is quiet, and the exit code still tells the outcome."""
    with subprocess.Popen(
        command(*SEND),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.close()
        problem = process.stderr.read()

    assert problem == b""
    assert process.returncode == 0


def test_nobody_reads_the_progress(people):
    """A closed stderr does not stop what is being sent, nor change the exit code."""
    options = ("--sandbox", "--sender", "Acme", "--purpose", "alert", "--text", "Hello")
    with subprocess.Popen(
        command("bulk", str(people(3_000)), *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        process.stderr.close()
        told = process.stdout.read()

    assert "3,000 numbers, each exactly once" in told
    assert process.returncode == 0
