"""How words reach people: terminals, files, pipes, and streams without Unicode."""

import codecs
import errno
import io
import json
import sys

import click
import pytest

import aiooctopush
from aiooctopush.__main__ import main
from aiooctopush.cli.app import octopush
from aiooctopush.cli.completion import places
from aiooctopush.cli.terminal import prompts
from aiooctopush.cli.terminal.console import Screen
from aiooctopush.cli.terminal.help import Command, Group, group
from aiooctopush.cli.terminal.progress import Progress, clock_time
from aiooctopush.cli.terminal.streams import SteadyStream
from aiooctopush.errors import InvalidFieldError
from aiooctopush.sandbox import VirtualClock


# What a terminal looks like to rich.
TERMINAL = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}


@pytest.mark.parametrize("path", [place.path for place in places(octopush)])
def test_help(run, path):
    """Help says first what a command does, then how it looks, then the rest."""
    result = run(*path.split(), "-h", env={"COLUMNS": "80"})
    lines = result.stdout.splitlines()
    example = lines.index("Example:")

    assert result.exit_code == 0
    assert lines[example - 2].endswith(".")
    assert example <= 3
    assert any(line.startswith("  octopush") for line in lines[example + 1 :][:2])
    assert any(line.startswith("Usage: ") for line in lines[4:14])
    assert "\n\n\n" not in result.stdout
    assert max(map(len, lines)) <= 80


def test_help_tells_exit_codes(run):
    """Scripts need them, so they are where people look first."""
    assert "130   Ctrl-C (SIGINT)" in run("--help").stdout


def test_no_command(run):
    """Without a command there is help, and it is an error."""
    assert run().exit_code == 2


@pytest.mark.parametrize("name", octopush.commands)
def test_a_command_has_its_name(name):
    """That of the list is what it calls itself; and it keeps the list's description."""
    listed = octopush.commands[name].short_help
    made = octopush.get_command(click.Context(octopush), name)

    assert type(made) in {Command, Group}
    assert (made.name, made.short_help) == (name, listed)


def test_version(monkeypatch, capsys):
    """The program that an installation has."""
    monkeypatch.setattr(sys, "argv", ["octopush", "--version"])

    with pytest.raises(SystemExit) as end:
        main()

    assert end.value.code == 0
    assert capsys.readouterr().out == "octopush, version 0.1.0\n"


def loaded():
    """What is loaded of the command, by name."""
    names = [one for one in sys.modules if one.startswith("aiooctopush.cli")]
    return {name: sys.modules[name] for name in names}


@pytest.fixture
def _anew(monkeypatch):
    """Have the command loaded once more, and forget that."""
    before = loaded()
    monkeypatch.setattr(aiooctopush, "cli", aiooctopush.cli)
    for name in before:
        del sys.modules[name]
    yield
    for name in loaded():
        del sys.modules[name]
    sys.modules.update(before)


@pytest.mark.usefixtures("_anew")
@pytest.mark.parametrize(
    ("missing", "arguments"), [("click", []), ("rich.console", ["send", "--help"])]
)
def test_missing_extra(monkeypatch, capsys, missing, arguments):
    """One plain line says what to install."""
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr(sys, "argv", ["octopush", *arguments])

    with pytest.raises(SystemExit) as end:
        main()

    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    assert err == (
        f"octopush: the command line requires {missing}, which is not installed; run "
        'pip install "aiooctopush[cli]"\n'
    )


def test_another_missing_module_is_not_hidden(monkeypatch):
    """A defect of the installation is no missing extra."""
    monkeypatch.setitem(sys.modules, "aiooctopush.cli.app", None)

    with pytest.raises(ModuleNotFoundError, match=r"aiooctopush\.cli\.app"):
        main()


# --- streams --------------------------------------------------------------------------


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


def test_a_stream_has_the_descriptor_of_what_it_writes_to(tmp_path):
    """Its size is that of the terminal behind it."""
    with (tmp_path / "out").open("w") as file:
        assert SteadyStream(file).fileno() == file.fileno()


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
