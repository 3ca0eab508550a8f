"""What the logger ``aiooctopush`` says, to people and to machines."""

import logging
import subprocess
import sys

import pytest
from fakes import MESSAGE, ScriptedTransport, answer, refusal, session_over

from aiooctopush import InvalidRequestError, OctopushError, UnknownOutcomeError
from aiooctopush.sandbox import VirtualClock


SEND = "POST /v1/public/sms-campaign/send"


def silence():
    """No readable answer."""
    return UnknownOutcomeError("silence")


def keys(record):
    """What a record says to machines."""
    return {
        name: value for name, value in vars(record).items() if name.startswith("octo")
    }


class Keeper(logging.Handler):
    """Keeps all records."""

    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        """See `logging.Handler.emit`."""
        self.records.append(record)


@pytest.fixture
def records(caplog):
    """All that is logged by the package."""
    caplog.set_level(logging.DEBUG, "aiooctopush")
    keeper = Keeper()
    logging.getLogger("aiooctopush").addHandler(keeper)
    yield keeper.records
    logging.getLogger("aiooctopush").removeHandler(keeper)


async def test_every_try_is_a_line_for_debugging(records):
    """Those that go on as well as the one that succeeds."""
    async with session_over(ScriptedTransport(silence(), answer())) as octopush:
        await octopush.sms.send(**MESSAGE)

    assert [(one.name, one.levelname, one.getMessage()) for one in records] == [
        ("aiooctopush", "DEBUG", f"{SEND} attempt 1: silence; next attempt in 1.25 s"),
        ("aiooctopush", "DEBUG", f"{SEND} attempt 2: accepted"),
    ]


async def test_giving_up_is_a_warning(records):
    """With all that a machine wants to know, flat and under stable names."""
    clock = VirtualClock()

    async def slow(_):
        clock.advance(3)
        return refusal(121)

    async with session_over(ScriptedTransport(slow), clock=clock) as octopush:
        with pytest.raises(InvalidRequestError) as raised:
            await octopush.sms.send(**MESSAGE)

    (record,) = records
    assert record.levelname == "WARNING"
    assert record.getMessage().endswith("; giving up")
    assert keys(record) == {
        "octopush_operation": SEND,
        "octopush_attempt": 1,
        "octopush_request_id": raised.value.request_id,
        "octopush_outcome": "refused",
        "octopush_maybe_sent": False,
        "octopush_status": 400,
        "octopush_error": "InvalidRequestError",
        "octopush_code": 121,
        "octopush_elapsed": 3.0,
        "octopush_delay": None,
    }


async def test_doubt_is_told_where_the_call_ends(records):
    """A refusal after a silent try proves nothing about that one."""
    script = [silence(), refusal(121)]
    async with session_over(ScriptedTransport(*script)) as octopush:
        with pytest.raises(OctopushError) as raised:
            await octopush.sms.send(**MESSAGE)

    assert raised.value.maybe_sent
    assert [
        (one.octopush_outcome, one.octopush_maybe_sent, one.octopush_delay)
        for one in records
    ] == [("unknown", True, 1.25), ("refused", True, None)]


async def test_a_duplicate_of_ours_is_told_as_such(records):
    """No reason to warn anybody."""
    script = [silence(), refusal(120)]
    async with session_over(ScriptedTransport(*script)) as octopush:
        await octopush.sms.send(**MESSAGE)

    assert [one.levelname for one in records] == ["DEBUG", "DEBUG"]
    assert records[1].getMessage().endswith("; an earlier attempt was accepted")
    assert [(one.octopush_outcome, one.octopush_maybe_sent) for one in records] == [
        ("unknown", True),
        ("presumed", False),
    ]


async def test_lines_have_the_same_keys_and_plain_values(records):
    """Whatever happened: a table of them has no holes."""
    script = [silence(), answer(429, {}), answer(), refusal(121)]
    async with session_over(ScriptedTransport(*script)) as octopush:
        await octopush.sms.send(**MESSAGE)
        with pytest.raises(InvalidRequestError):
            await octopush.sms.send(**MESSAGE)

    assert len(records) == 4
    assert len({tuple(keys(one)) for one in records}) == 1
    kinds = {type(value) for one in records for value in keys(one).values()}
    assert kinds <= {str, int, float, bool, type(None)}


async def test_a_run_that_pauses_says_why(records):
    """Once, with the run's key."""
    transport = ScriptedTransport(*[refusal(101, status=401)] * 4)
    async with session_over(transport) as octopush:
        run = octopush.bulk("november", text="Hi", sender="Acme", purpose="alert")
        report = await run.send(["+33639980001"])

    (pause,) = [one for one in records if hasattr(one, "octopush_paused")]
    assert str(report.paused) == "credentials"
    assert pause.levelname == "WARNING"
    assert pause.getMessage() == "bulk run 'november' pauses: credentials"
    assert keys(pause) == {
        "octopush_run": "november",
        "octopush_paused": "credentials",
    }


async def test_nobody_is_disturbed_by_default(records, caplog):
    """Without a level set, only what has failed is made at all."""
    caplog.set_level(logging.WARNING, "aiooctopush")
    async with session_over(ScriptedTransport(silence(), answer())) as octopush:
        await octopush.sms.send(**MESSAGE)

    assert records == []


@pytest.mark.parametrize(
    "module", ["session", "integrations.aiohttp_web", "sandbox.server"]
)
def test_nothing_is_printed_where_nobody_set_up_logging(module):
    """
    A library speaks when it is asked: not even a warning comes out by itself, whatever
    part of it is imported.
    """
    program = (
        f"import logging, aiooctopush.{module}\n"
        "logging.getLogger('aiooctopush').warning('giving up')\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True
    )

    assert (done.stdout, done.stderr) == (b"", b"")


async def test_nothing_private_is_logged(records):
    """No number, text, name or credential, whatever happens to a message."""
    broken = [answer(500, {})] * 4
    script = [silence(), answer(429, {}), answer(), refusal(121), *broken]
    async with session_over(ScriptedTransport(*script)) as octopush:
        for _ in range(3):
            try:
                # No figures, for clocks and ids may hold any by chance.
                await octopush.sms.send(**MESSAGE | {"text": "Your code is ZQJX"})
            except OctopushError:
                continue

    said = "".join(f"{one.getMessage()} {vars(one)}" for one in records)
    marks = ["39980001", "Your code is", "ZQJX", "me@example.org", "key-of-the-tests"]
    assert len(records) == 8
    assert [mark for mark in marks if mark in said] == []
