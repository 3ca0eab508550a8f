"""How words reach people: terminals, files, pipes, and streams without Unicode."""

import codecs
import errno
import io
import json
import os
import subprocess
import sys

import click
import pytest

from aiooctopush.cli.app import octopush
from aiooctopush.cli.terminal import prompts
from aiooctopush.cli.terminal.console import Screen
from aiooctopush.cli.terminal.help import Command, Group, group
from aiooctopush.cli.terminal.progress import Progress, clock_time
from aiooctopush.cli.terminal.streams import SteadyStream
from aiooctopush.errors import InvalidFieldError
from aiooctopush.sandbox import VirtualClock


# What a terminal looks like to rich.
TERMINAL = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}

SEND = ("send", "--sandbox", "--sender", "Acme", "--purpose", "alert")


def command(*arguments):
    """The command, in a process of its own."""
    return [sys.executable, "-m", "aiooctopush", *arguments]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("send",),
        ("bulk",),
        ("preview",),
        ("runs",),
        ("report",),
        ("unresolved",),
        ("resolve",),
        ("purge",),
        ("sandbox",),
        ("settings",),
        ("webhooks", "serve"),
    ],
    ids=str,
)
def test_help(run, arguments):
    """Help says first what a command does, then how it looks, then the rest."""
    result = run(*arguments, "-h", env={"COLUMNS": "80"})
    lines = result.stdout.splitlines()

    assert result.exit_code == 0
    assert lines[0].endswith(".")
    assert lines[2] == "Example:"
    assert any(line.startswith("  octopush") for line in lines[3:5])
    assert any(line.startswith("Usage: ") for line in lines[4:14])
    assert "\n\n\n" not in result.stdout
    assert max(map(len, lines)) <= 80


def test_help_tells_exit_codes(run):
    """Scripts need them, so they are where people look first."""
    assert "130   Ctrl-C (SIGINT)" in run("--help").stdout


def test_no_command(run):
    """Without a command there is help, and it is an error."""
    assert run().exit_code == 2


def test_version():
    """The command tells the version, in a process of its own."""
    done = subprocess.run(
        command("--version"), capture_output=True, text=True, check=True
    )

    assert done.stdout == "octopush, version 0.1.0\n"


HELP_LOADS = {
    *("__main__", "_lazy", "_version", "cli", "cli.app", "cli.terminal"),
    *("cli.terminal.exit_codes", "cli.terminal.help", "cli.terminal.streams"),
}
LOADED = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
sys.argv[0] = "octopush"
from aiooctopush.__main__ import main
main()
"""


def loaded(*arguments, **environment):
    """Run a command in a process of its own, and return what it has loaded."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, **environment},
    )
    modules = done.stderr.split()
    ours = {name for name in modules if name.startswith("aiooctopush.")}
    return modules, {name.removeprefix("aiooctopush.") for name in ours}


def test_help_loads_no_command():
    """Nor what commands need: people read it more often than anything else."""
    modules, ours = loaded("--help")

    assert ours == HELP_LOADS
    assert {"aiohttp", "asyncio", "attr", "rich"}.isdisjoint(modules)


def test_names_are_completed_without_their_commands():
    """Where Click completes, it starts this program at each press of TAB."""
    _, ours = loaded(
        _OCTOPUSH_COMPLETE="bash_complete", COMP_WORDS="octopush ", COMP_CWORD="1"
    )

    assert ours == HELP_LOADS


def test_a_command_loads_no_other():
    """A page of a run and a preview are much to read in for one message."""
    _, ours = loaded("send", "--help")

    assert "cli.send" in ours
    assert {"cli.bulk", "cli.doctor", "cli.fleet", "cli.runs"}.isdisjoint(ours)


@pytest.mark.parametrize("name", octopush.commands)
def test_a_command_has_its_name(name):
    """That of the list is what it calls itself; and it keeps the list's description."""
    listed = octopush.commands[name].short_help
    made = octopush.get_command(click.Context(octopush), name)

    assert type(made) in {Command, Group}
    assert (made.name, made.short_help) == (name, listed)


@pytest.mark.parametrize(
    ("missing", "arguments"), [("click", []), ("rich", ["send", "--help"])]
)
def test_missing_extra(missing, arguments):
    """Without click or rich one plain line says what to install."""
    block = f"import sys; sys.modules[{missing!r}] = None; "
    start = "from aiooctopush.__main__ import main; main()"

    done = subprocess.run(
        [sys.executable, "-c", block + start, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert 'pip install "aiooctopush[cli]"' in done.stderr


def test_another_missing_module_is_not_hidden():
    """A defect of the installation is no missing extra."""
    script = (
        "import sys; sys.modules['shlex'] = None\n"
        "from aiooctopush.__main__ import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr


# --- streams --------------------------------------------------------------------------


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
        command(*SEND, "--to", "+33600000001", "--text", "Hello"),
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


@pytest.mark.parametrize(
    ("given", "plain"),
    [("1 € – ok…", "1 EUR - ok..."), ("Zoé", "Zoe"), ("✓", "\\u2713")],
)
def test_fallback(given, plain):
    """What an encoding does not have is written as something similar."""
    bytes_ = io.BytesIO()
    stream = io.TextIOWrapper(bytes_, encoding="ascii")
    stream = SteadyStream(stream)

    stream.write(given)
    stream.flush()

    assert bytes_.getvalue().decode() == plain


def test_fallback_is_for_writing():
    """What cannot be decoded is none of its business."""
    handler = codecs.lookup_error("aiooctopush.similar")
    with pytest.raises(UnicodeDecodeError):
        handler(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"))


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, text):
        """Refuse everything."""
        raise OSError(errno.ENOSPC, text)


def test_a_stream_that_fails_turns_silent():
    """What cannot be written is dropped, and whoever writes goes on."""
    stream = SteadyStream(Full())

    assert [stream.write("a"), stream.write("b")] == [1, 1]
    assert stream.failed
    assert not stream.isatty()
    stream.flush()
    with pytest.raises(io.UnsupportedOperation):
        stream.fileno()


def test_a_closed_stream_is_silent():
    """Python has None for a stream whose descriptor was closed by the shell."""
    stream = SteadyStream(None)

    assert stream.write("a") == 1
    assert (stream.encoding, stream.writable()) == ("utf-8", True)
    with pytest.raises(TypeError):
        stream.write(b"a")


# --- progress -------------------------------------------------------------------------


class Slow(VirtualClock):
    """A tenth of a second passes whenever somebody looks."""

    def monotonic(self):
        """Seconds since the start."""
        self.advance(0.1)
        return super().monotonic()


@pytest.mark.parametrize("width", [60, 120])
def test_bar(bulk, people, width):
    """On a terminal there is a bar, with figures that fit into its width."""
    result = bulk(
        people(3_000), "--concurrency", 1, env=TERMINAL | {"COLUMNS": str(width)}
    )

    assert "━" in result.stderr
    assert "3,000/3,000" in result.stderr
    assert "accepted 3,000" in result.stderr
    assert ("Sending" in result.stderr) is (width == 120)
    assert "\x1b[" in result.stdout


def test_no_color(send):
    """NO_COLOR is respected, on a terminal too."""
    result = send(env=TERMINAL | {"NO_COLOR": "1"})

    assert "\x1b[32m" not in result.stdout
    assert "\x1b[1;32m" not in result.stdout


def test_narrow_rows(run):
    """On a narrow terminal long values go on in the next line, under their start."""
    result = run("preview", "--text", "ê", env=TERMINAL | {"COLUMNS": "60"})
    lines = click.unstyle(result.stdout).splitlines()
    (line,) = (line for line in lines if "becomes" in line)

    assert line.startswith(" " * 13)


def test_a_narrow_table_may_have_empty_cells(capsys, monkeypatch):
    """A row that became a list keeps all its places."""
    for name, value in (TERMINAL | {"COLUMNS": "22", "NO_COLOR": "1"}).items():
        monkeypatch.setenv(name, value)

    Screen().table(("Number", "Why"), [("+33600000001", ""), ("+33600000002", "x" * 9)])

    lines = click.unstyle(capsys.readouterr().out).splitlines()
    assert [line.rstrip() for line in lines] == [
        "  Number  +33600000001",
        "  Why",
        "",
        "  Number  +33600000002",
        "  Why     xxxxxxxxx",
        "",
    ]


def test_narrow_warnings(run):
    """Warnings are broken between words."""
    result = run("preview", "--text", "{firstname}", env=TERMINAL | {"COLUMNS": "40"})

    assert max(map(len, result.stderr.splitlines())) < 60


def test_advice_is_wrapped(bulk, people):
    """So is what to do."""
    result = bulk(
        people(),
        "--faults",
        "hang_after_commit=1",
        env=TERMINAL | {"COLUMNS": "60", "NO_COLOR": "1"},
    )

    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert any(line.startswith("Unknown") for line in lines)


def test_lines(bulk, people):
    """Elsewhere there is a line for each step, at most one for 5 %."""
    result = bulk(people(20_000), clock=Slow())
    lines = result.stderr.splitlines()

    assert len(lines) <= 20
    assert lines[-1].startswith("Sending: 20,000/20,000, ")
    assert lines[-1].endswith("/s, 0:00 left, accepted 20,000")


def test_json_has_no_lines(bulk, people):
    """With --json a stderr that is no terminal stays silent."""
    assert bulk(people(20_000), "--json", clock=Slow()).stderr == ""


def test_line_after_ten_seconds(capsys):
    """Slow work says that it is alive."""
    clock = VirtualClock()
    with Progress(Screen(), clock).begin("Checking") as progress:
        progress.show(1, 10)
        clock.advance(10)
        progress.show(5, 10)
        progress.show(6, 10)
        clock.advance(10)
        progress.show(7, 0)

    assert capsys.readouterr().err == "Checking: 50%\nChecking\n"


def test_rate_is_of_now(capsys):
    """What an earlier start did says nothing about how fast this one is."""
    clock = VirtualClock()
    with Progress(Screen(), clock) as progress:
        progress.begin("Sending", unit="recipients", before=900)
        clock.advance(10)
        progress.show(950, 1_000)

    assert capsys.readouterr().err == "Sending: 950/1,000, 5/s, 0:10 left\n"


def test_large_file_is_checked_with_progress(run, people):
    """A large file shows how far its check is."""
    result = run(
        "preview", people(10_000), "--text", "Hello", clock=Slow(), env=TERMINAL
    )

    assert "Checking people.csv" in result.stderr


def test_bar_of_unknown_length(capsys, monkeypatch):
    """A file of unknown size has a bar without an end."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Progress(Screen(), VirtualClock()).begin("Checking") as progress:
        progress.show(5, 0)

    assert "Checking" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"), [(7, "0:07"), (67.4, "1:07"), (3_723, "1:02:03")]
)
def test_clock_time(seconds, text):
    """Durations are written as clocks do."""
    assert clock_time(seconds) == text


def test_document_is_one(send):
    """Nothing stands before or after the JSON document."""
    assert json.loads(send("--json").stdout)["outcome"] == "accepted"


def test_a_code_cannot_be_read_from_a_closed_stdin(monkeypatch):
    """A service may be started without one; `test_streams` does so for real."""
    monkeypatch.setattr(prompts, "on_terminal", lambda: False)
    monkeypatch.setattr(prompts.sys, "stdin", None)

    with pytest.raises(InvalidFieldError, match="CODE: must be given: stdin is closed"):
        prompts.ask_code()


@pytest.mark.parametrize("ask", [prompts.ask, prompts.confirm])
def test_a_terminal_that_is_gone_answers_nothing(monkeypatch, ask):
    """A question to a dead terminal is left, as at Ctrl-D."""

    def gone(*_, **__):
        raise OSError(errno.EIO, "gone")

    monkeypatch.setattr(click, "prompt", gone)
    monkeypatch.setattr(click, "confirm", gone)

    with pytest.raises(click.Abort):
        ask("Sure?")


def test_leaving_a_question_is_an_interruption():
    """Whatever command asks, Ctrl-C at its question is 130."""

    @group(example="x")
    def program():
        """Ask."""

    @program.command(example="x")
    def leave():
        """Leave."""
        raise click.Abort

    with pytest.raises(SystemExit) as ending:
        program(["leave"])

    assert ending.value.code == 130
    assert program.main(["leave", "--help"], standalone_mode=False) == 0
