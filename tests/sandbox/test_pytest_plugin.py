"""The fixtures for users, in little test files as users write them."""

import os
import sys

import pytest


pytest_plugins = ["pytester"]

PLUGIN = "aiooctopush.sandbox.pytest_plugin"

# As in our own settings, whose file is out of reach of these.
OPTIONS = (
    *("-p", "no:cacheprovider", "-p", "no:xdist", "-W", "error"),
    *("-o", "asyncio_default_fixture_loop_scope=function"),
)

MESSAGE = """
from aiooctopush import Purpose

MESSAGE = dict(
    text="Secret 1234",
    recipients=["+33600000001"],
    sender="Acme",
    purpose=Purpose.ALERT,
)
"""


@pytest.fixture
def run(pytester):
    """Run a file of tests with the plugin; options are those of pytest."""
    pytester.makeconftest(f'pytest_plugins = ["{PLUGIN}"]')

    def run(source, *options, mode="auto"):
        pytester.makepyfile(MESSAGE + source)
        return pytester.runpytest_inprocess(
            *OPTIONS, "-o", f"asyncio_mode={mode}", *options
        )

    return run


def test_a_user_asks_the_sent_log(run):
    """It knows who got what."""
    result = run(
        """
async def test_it(octopush, octopush_sandbox):
    sent = await octopush.sms.send(**MESSAGE)

    assert octopush_sandbox.sent_log.times("+33600000001") == 1
    assert octopush_sandbox.sent_log.texts_to("+33 6 00 00 00 01") == ("Secret 1234",)
    assert octopush_sandbox.sent_log.only().ticket == sent.ticket
    assert repr(octopush_sandbox.sent_log) in repr(octopush_sandbox)

async def test_waits_take_no_time(octopush, octopush_sandbox):
    octopush_sandbox.fail_next("error_503")
    await octopush.sms.send(**MESSAGE)

    # It was told to come back after two seconds.
    assert 2 <= octopush_sandbox.clock.monotonic() == sum(octopush_sandbox.clock.sleeps)
"""
    )

    result.assert_outcomes(passed=2)


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_it_works_in_both_modes_and_any_loop(run, mode):
    """The fixtures are plain ones, and the session takes the loop of its first call."""
    result = run(
        """
import pytest

@pytest.mark.asyncio
async def test_function(octopush, octopush_sandbox):
    await octopush.sms.send(**MESSAGE)
    assert len(octopush_sandbox.sent_log) == 1

@pytest.mark.asyncio(loop_scope="module")
async def test_module(octopush, octopush_sandbox):
    await octopush.sms.send(**MESSAGE)
    assert len(octopush_sandbox.sent_log) == 1
""",
        mode=mode,
    )

    result.assert_outcomes(passed=2)


@pytest.mark.exhaustive
def test_it_works_in_a_process_of_its_own(pytester, monkeypatch):
    """Switched on from the command line, and warnings are errors."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(os.path.abspath, sys.path)))
    # A folder of its own, also where the temporary one lies in a checkout.
    pytester.makeini("[pytest]")
    # Only what it needs, for a start takes long on a busy machine.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        MESSAGE
        + """
async def test_it(octopush, octopush_sandbox):
    await octopush.sms.send(**MESSAGE)
    assert octopush_sandbox.sent_log.times("+33600000001") == 1
"""
    )

    result = pytester.runpytest_subprocess(
        *OPTIONS, "-p", "pytest_asyncio.plugin", "-p", PLUGIN, "-o", "asyncio_mode=auto"
    )

    result.assert_outcomes(passed=1)


def test_the_session_is_closed_at_the_end(run):
    """And each test has a gateway of its own."""
    result = run(
        """
kept = []

async def test_it(octopush):
    kept.append(octopush)
    await octopush.sms.send(**MESSAGE)

def test_closed(octopush, octopush_sandbox):
    assert repr(kept[0]).endswith("closed>")
    assert not repr(octopush).endswith("closed>")
    assert len(octopush_sandbox.sent_log) == 0
"""
    )

    result.assert_outcomes(passed=2)


def test_faults_strike_in_turn(run):
    """Each try meets one; what is not met yet is known."""
    result = run(
        """
async def test_it(octopush, octopush_sandbox):
    octopush_sandbox.fail_next("connection_refused", times=2)
    octopush_sandbox.fail_next("rst_after_commit")
    octopush_sandbox.fail_next("error_500", times=7)

    await octopush.sms.send(**MESSAGE)
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*octopush sandbox*",
            "faults met: connection_refused ×2, rst_after_commit ×1, error_500 ×1",
            f"faults not met yet: {', '.join(['error_500'] * 6)}",
        ]
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            "'rst_after_comit'",
            "*Did you mean 'rst_after_commit'*The kinds are con*",
        ),
        (
            "'weather'",
            "There is no fault 'weather'. The kinds are con*",
        ),
        ("'error_500', times=0", "*times: must be at least 1, not 0*"),
    ],
    ids=["near", "far", "nought"],
)
def test_a_wrong_fault_is_told(run, call, words):
    """With the one that was probably meant, and all there are."""
    result = run(
        f"""
def test_it(octopush_sandbox):
    octopush_sandbox.fail_next({call})
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E*ValueError: {words}"])


def test_time_and_credit_are_the_users(run):
    """An id is forgotten after a day, for gateway and session alike."""
    result = run(
        """
from decimal import Decimal

import pytest

from aiooctopush import DuplicateRequestError, InsufficientCreditError

async def test_time(octopush, octopush_sandbox):
    await octopush.sms.send(**MESSAGE, request_id="a")
    octopush_sandbox.advance(hours=23, minutes=59)
    with pytest.raises(DuplicateRequestError):
        await octopush.sms.send(**MESSAGE, request_id="a")
    octopush_sandbox.advance(minutes=1)
    await octopush.sms.send(**MESSAGE, request_id="a")

    assert octopush_sandbox.sent_log.times("+33600000001") == 2
    with pytest.raises(ValueError):
        octopush_sandbox.advance(hours=-1)

async def test_credit(octopush, octopush_sandbox):
    assert octopush_sandbox.credit == 1000
    octopush_sandbox.credit = Decimal("0.05")
    await octopush.sms.send(**MESSAGE)
    with pytest.raises(InsufficientCreditError):
        await octopush.sms.send(**MESSAGE)
"""
    )

    result.assert_outcomes(passed=2)


def test_callbacks_come_without_a_network(run):
    """One stream for the length of a test."""
    result = run(
        """
async def test_it(octopush, octopush_sandbox):
    await octopush.sms.send(**MESSAGE)
    octopush_sandbox.advance(seconds=10)
    octopush_sandbox.callbacks.reply("+33600000001", "Yes")

    kinds = [one.kind for one in octopush_sandbox.callbacks.take()]

    assert kinds == ["receipt", "receipt", "reply"]
    assert octopush_sandbox.callbacks.take() == ()
"""
    )

    result.assert_outcomes(passed=1)


def test_another_session_meets_the_same_gateway(run):
    """As another process would; what is given is what it has."""
    result = run(
        """
import pytest

from aiooctopush import DuplicateRequestError

async def test_it(octopush, octopush_sandbox):
    await octopush.sms.send(**MESSAGE, request_id="a")

    async with octopush_sandbox.session(api_key="other") as other:
        with pytest.raises(DuplicateRequestError):
            await other.sms.send(**MESSAGE, request_id="a")
"""
    )

    result.assert_outcomes(passed=1)


def test_a_gateway_may_be_set_up_otherwise(run):
    """By overriding a fixture; real time is refused in words."""
    result = run(
        """
import pytest

from aiooctopush.sandbox import Gateway, GatewaySettings, VirtualClock

@pytest.fixture(params=[VirtualClock(), None], ids=["virtual", "real"])
def octopush_gateway(request):
    return Gateway(GatewaySettings(credit=7), clock=request.param)

def test_it(octopush_sandbox):
    assert octopush_sandbox.credit == 7
"""
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["E*TypeError: give the gateway virtual time:*"])


def test_a_failure_says_what_the_gateway_saw(run):
    """Numbers are masked and texts left out."""
    result = run(
        """
async def test_it(octopush, octopush_sandbox):
    many = dict(MESSAGE, recipients=[f"+3360000000{n}" for n in range(1, 8)])
    octopush_sandbox.fail_next("error_500_after_commit")
    await octopush.sms.send(**many)
    await octopush.sms.send(**MESSAGE, simulation_mode=True)
    later = octopush_sandbox.clock.now().replace(hour=20)
    sent = await octopush.sms.send(**MESSAGE, send_at=later)
    await octopush.sms.cancel(sent.ticket)

    assert octopush_sandbox.sent_log.times("+33600000001") == 2
"""
    )

    result.assert_outcomes(failed=1)
    shown = "+336****000{}".format
    numbers = ", ".join(map(shown, range(1, 6)))
    result.stdout.fnmatch_lines(
        [
            "E * assert 1 == 2",
            "*- octopush sandbox -*",
            "2026-01-05 10:00:0* UTC, credit 999.65 EUR",
            "accepted: 3",
            f"  10:00:00 sms sms_5f3fbce61266e to {numbers}, … 2 more",
            "  10:00:0* sms sms_5f3fbce61266f to +336****0001 (simulated)",
            "  10:00:0* sms sms_5f3fbce612670 to +336****0001 (cancelled)",
            "faults met: error_500_after_commit ×1",
        ]
    )
    # Where CI is set, the summary at the end repeats the failure in full.
    section = result.stdout.str().partition("octopush sandbox -")[2]
    section = section.partition("short test summary")[0]
    assert "Secret 1234" not in section
    assert "+33600000001" not in section


def test_a_long_sent_log_is_cut(run):
    """A report has twenty lines of it."""
    result = run(
        """
async def test_it(octopush, octopush_sandbox):
    for _ in range(22):
        await octopush.sms.send(**MESSAGE)
    assert False
"""
    )

    lines = result.stdout.lines
    assert sum("sms_5f3f" in line for line in lines) == 20
    assert "  … 2 more" in lines


def test_an_empty_sent_log_is_told(run):
    """Also when only the session is asked for."""
    result = run(
        """
def test_it(octopush):
    assert False
"""
    )

    result.stdout.fnmatch_lines(["accepted: nothing", "faults met: none"])
    result.stdout.no_fnmatch_line("*not met yet*")


def test_other_tests_are_left_alone(run):
    """Those that pass, that never asked for the gateway, that fail elsewhere."""
    result = run(
        """
import pytest

def test_fails():
    assert False

def test_passes(octopush):
    assert True

@pytest.fixture
def broken(octopush_sandbox):
    yield
    assert False

def test_fails_afterwards(broken):
    assert True
""",
        "-rP",
    )

    result.assert_outcomes(passed=2, failed=1, errors=1)
    result.stdout.no_fnmatch_line("*octopush sandbox*")
