"""What TAB does in real shells, which find no program: the script knows all words."""

import os
import pty
import select
import shutil
import subprocess
import time

import pytest
from click.testing import CliRunner

from aiooctopush.cli.app import octopush


pytestmark = pytest.mark.exhaustive


def script(shell):
    """What the command prints."""
    return CliRunner().invoke(octopush, ["completion", shell]).output


TYPED = [
    (["octopush", "bu"], ["bulk"]),
    (["octopush", "fleet", "sta"], ["status"]),
    (["octopush", "send", "--purp"], ["--purpose"]),
    (["octopush", "send", "--purpose", "al"], ["alert"]),
    (["octopush", "--version", "send", "--json", "--type", ""], ["*"]),
    (["octopush", "completion", ""], ["bash", "zsh", "fish"]),
    (["octopush", "send", "--text", "x"], []),
]
TYPES = ["sms_premium", "sms_low_cost"]


def answers(program, code, folder):
    """What a shell answers that finds no program: it has to know the words itself."""
    path = folder / "nothing"
    path.mkdir()
    child = subprocess.run(
        [program, *code],
        capture_output=True,
        check=True,
        text=True,
        cwd=path,
        env={"PATH": str(path), "HOME": str(path), "TERM": "dumb"},
    )
    assert child.stderr == ""
    return [line.split() for line in child.stdout.splitlines()]


def shell(name):
    """Where a shell is."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} on this machine")
    return found


def test_bash_completes_without_starting_anything(tmp_path):
    """In a shell that finds no program, ours included; all of it under a second."""
    path = tmp_path / "octopush.bash"
    path.write_text(script("bash"))
    asked = [f"source {path}"]
    for words, _ in TYPED:
        quoted = " ".join(f"'{word}'" for word in words)
        asked.append(
            f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _octopush"
            '; echo "${COMPREPLY[*]}"'
        )
    # As bash hands it over, with "=" as a word.
    asked.append(
        "COMP_WORDS=(octopush send --purpose = al); COMP_CWORD=4; _octopush"
        '; echo "${COMPREPLY[*]}"'
    )

    start = time.monotonic()
    found = answers(shell("bash"), ["-c", "\n".join(asked)], tmp_path)

    expected = [TYPES if words == ["*"] else words for _, words in TYPED]
    assert found == [*expected, ["alert"]]
    assert time.monotonic() - start < 1


def test_fish_completes_without_starting_anything(tmp_path):
    """As fish itself is asked for its completions."""
    path = tmp_path / "octopush.fish"
    path.write_text(script("fish"))
    program = shell("fish")

    for place, (words, expected) in enumerate(TYPED):
        folder = tmp_path / str(place)
        folder.mkdir()
        typed = " ".join(words)
        code = ["--no-config", "-c", f"source {path}; complete -C '{typed}'"]
        found = [one[0] for one in answers(program, code, folder)]
        wanted = TYPES if expected == ["*"] else expected
        assert sorted(found) == sorted(wanted), typed


def test_zsh_completes_what_is_typed(tmp_path):
    """Somebody types into a terminal and presses TAB; no program can be found."""
    path = tmp_path / "octopush.zsh"
    path.write_text(script("zsh"))
    program = shell("zsh")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [program, "-f", "-i"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={"PATH": str(tmp_path), "HOME": str(tmp_path), "TERM": "dumb"},
        start_new_session=True,
    ) as child:
        os.close(theirs)
        os.write(ours, f"source {path}; print ready-$((1 + 1))\n".encode())
        seen = read_until(ours, "ready-2")
        for typed, expected in (("fleet sta", "fleet status "), ("bu", "bulk ")):
            os.write(ours, f"octopush {typed}\t".encode())
            seen = read_until(ours, f"octopush {expected}")
            os.write(ours, b"\x15")  # Ctrl-U: the line is empty again
        os.write(ours, b"exit\n")
        assert child.wait(10) == 0, seen
    os.close(ours)


def read_until(terminal, expected):
    """Read what a terminal shows until something is there."""
    seen = ""
    while expected not in seen:
        ready, _, _ = select.select([terminal], [], [], 10)
        assert ready, f"{expected!r} is not in {seen!r}"
        seen += os.read(terminal, 4096).decode()
    return seen
