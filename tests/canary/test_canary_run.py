"""The canary run can fail: what leaks is found, wherever, and what is masked is not."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


LEAKS = """
import logging
import warnings

import click
from click.testing import CliRunner

from aiooctopush import OctopushError, OctopushSession, Recipient, SmsRequest

KEY, LOGIN = "canary-key-7f3a9b", "canary-login@example.org"
TEXT, NUMBER = "canary text", "+33639980001"
LOGGER = logging.getLogger("aiooctopush")


def private():
    OctopushSession(LOGIN, KEY)
    return SmsRequest(text=TEXT, recipients=[NUMBER], sender="Acme", purpose="alert")


def test_leak_key_in_a_debug_line():
    private()
    LOGGER.debug("with %s", KEY)


def test_leak_login_in_an_extra():
    private()
    LOGGER.debug("now", extra={"account": LOGIN})


def test_leak_text_in_an_error_that_is_logged():
    private()
    try:
        raise ValueError(TEXT)
    except ValueError:
        LOGGER.exception("no")


def test_leak_number_in_a_warning_line():
    LOGGER.warning("to %s", NUMBER)


def test_leak_number_without_plus_in_a_repr():
    OctopushError(NUMBER[1:])


def test_leak_text_in_a_cause():
    private()
    try:
        try:
            raise ValueError(TEXT)
        except ValueError as error:
            raise OctopushError("no") from error
    except OctopushError:
        pass


def test_leak_key_in_a_note():
    private()
    OctopushError("no").add_note(KEY)


def test_leak_text_in_a_warning():
    private()
    warnings.warn(TEXT)


def test_leak_key_on_the_screen():
    private()
    print(KEY)


def test_leak_number_of_a_command():
    @click.command()
    @click.argument("what")
    def command(what):
        click.echo(NUMBER)

    CliRunner().invoke(command, ["send"])


def test_leak_key_in_a_ledger(tmp_path):
    private()
    (tmp_path / "run.db").write_bytes(b"\\x00" + KEY.encode() + b"\\x00")


def test_leak_number_on_a_page(tmp_path):
    (tmp_path / "report.html").write_text(f"<td>{NUMBER}</td>")


def test_fine_masked_number_everywhere(tmp_path):
    request = private()
    LOGGER.warning("%r %r", request, Recipient(NUMBER))
    OctopushError("to +336****0001")
    (tmp_path / "people.csv").write_text(NUMBER)


def test_fine_sender_that_is_a_number():
    LOGGER.info("sender='33700000000'")


def test_fine_private_things_of_another_test():
    LOGGER.debug("with %s", KEY)
"""
CASES = re.findall(r"^def (test_(leak|fine)_\w+)", LEAKS, re.MULTILINE)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What pytest says of the planted tests, under the instrument."""
    folder = tmp_path_factory.mktemp("planted")
    (folder / "test_planted.py").write_text(LEAKS)
    (folder / "pytest.ini").write_text("[pytest]\n")
    helpers = str(Path(__file__).parents[1])
    # The same package as here, wherever that comes from.
    paths = [helpers, *(str(Path(one).resolve()) for one in sys.path)]
    child = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "canary.instrument", "-rA", str(folder)],
        capture_output=True,
        check=False,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        text=True,
    )
    return child.stdout


@pytest.mark.parametrize("name", [name for name, kind in CASES if kind == "leak"])
def test_a_leak_is_found(told, name):
    """Wherever something private gets out, the test in which it does so fails."""
    assert f"ERROR test_planted.py::{name}" in told


@pytest.mark.parametrize("name", [name for name, kind in CASES if kind == "fine"])
def test_what_is_masked_is_no_leak(told, name):
    """Nobody is sent looking for what is not there."""
    assert f"ERROR test_planted.py::{name}" not in told
    assert f"PASSED test_planted.py::{name}" in told
