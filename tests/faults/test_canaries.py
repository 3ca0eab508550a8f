"""What must never get out: not to another host, and not into anything one can read."""

import asyncio
import logging
import pickle
import traceback
import warnings

import pytest
from faults.clients import ONCE, result_of, server_tls
from faults.gateway import KINDS, FaultGateway, Kind, http

from aiooctopush import NotSentError, OctopushSession, Timeouts
from aiooctopush.sandbox import VirtualClock


pytestmark = pytest.mark.usefixtures("_way")

KEY = "canary-key-7f3a9b"
LOGIN = "canary-login@example.org"
TEXT = "canary text, as secret as any"
NUMBER = "+33639987654"
MARKS = [KEY, LOGIN, TEXT, NUMBER, NUMBER[1:], NUMBER[3:]]

# Whether a try ends with an answer or without is all the same here.
SHORTEST = Timeouts(connect=0.1, read=0.05, attempt=0.08)

CALLS = {
    "POST": lambda sms: sms.send(
        text=TEXT, recipients=[NUMBER], sender="Acme", purpose="alert"
    ),
    "POST without request_id": lambda sms: sms.confirm("sms_1", audience="list"),
    "GET": lambda sms: sms.draft(),
    "DELETE": lambda sms: sms.cancel("sms_1"),
}


def session(base_url, **options):
    """A session with marked credentials."""
    options = {"timeouts": SHORTEST, "clock": VirtualClock(), **options}
    return OctopushSession(LOGIN, KEY, base_url=base_url, **options)


# --- redirects ------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", CALLS)
async def test_no_redirect_carries_anything_to_another_origin(call, status):
    """Not a connection, and so neither a request nor a secret."""
    async with (
        FaultGateway() as other,
        FaultGateway(f"redirect_{status}", redirect_to=other.url) as gateway,
        session(gateway.url, timeouts=Timeouts()) as octopush,
    ):
        error = await result_of(CALLS[call](octopush.sms))

    assert (error.status, error.headers["location"]) == (status, other.url)
    assert (other.connections, other.heads, other.requests) == (0, [], [])
    assert (gateway.tries, gateway.sent_log.total()) == (1, 0)


async def test_what_the_canary_would_look_like():
    """The marks do reach the gateway itself, or the tests here would prove nothing."""
    async with (
        FaultGateway() as gateway,
        session(gateway.url, timeouts=Timeouts()) as octopush,
    ):
        await CALLS["POST"](octopush.sms)

    (head,), ((number, text),) = gateway.heads, gateway.sent_log
    assert KEY.encode() in head
    assert LOGIN.encode() in head
    assert (number, text) == (NUMBER, TEXT)


# --- logs, reprs, tracebacks, warnings, pickles ---------------------------------------


class Everything(logging.Handler):
    """Keeps all that is logged by anybody, as a reader would see it."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.lines = []

    def emit(self, record):
        """See `logging.Handler.emit`."""
        # Instants are left out: their digits can look like those of a number.
        more = [one for one in vars(record).values() if not isinstance(one, float)]
        self.lines += [self.format(record), repr(record.args), repr(more)]


@pytest.fixture
def logged():
    """What all loggers say at any level while a test runs."""
    handler, root = Everything(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler.lines
    root.setLevel(level)
    root.removeHandler(handler)


def chain(error):
    """An error, and all that a traceback shows behind it."""
    while error is not None:
        yield error
        hidden = error.__suppress_context__
        error = error.__cause__ or (None if hidden else error.__context__)


def readable(value):
    """All that can be read off a result or an error."""
    yield from (repr(value), str(value), repr(vars_of(value)))
    yield pickle.dumps(value).decode("latin-1")
    if isinstance(value, BaseException):
        yield from traceback.format_exception(value)
        for error in chain(value):
            yield from (repr(error), str(error), repr(error.args))
            yield repr(getattr(error, "__notes__", ""))


def vars_of(value):
    """The attributes of a value, slots or not."""
    return {
        name: getattr(value, name) for name in dir(value) if not name.startswith("_")
    }


def hits(texts):
    """Which marks can be read in which text."""
    return [(mark, text) for text in texts for mark in MARKS if mark in text]


TLS_KINDS = ["tls_garbage", "tls_stall"]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "kind",
    [
        None,
        *(
            kind
            for kind in KINDS
            if kind not in TLS_KINDS and not kind.startswith("proxy")
        ),
    ],
)
async def test_nothing_private_can_be_read(kind, call, logged):
    """Neither of key, login, text and number, wherever one looks."""
    told = []
    asyncio.get_running_loop().set_debug(True)

    with warnings.catch_warnings(record=True) as warned:
        async with (
            FaultGateway(kind, redirect_to="http://127.0.0.1:1") as gateway,
            session(gateway.url, retry=ONCE, on_attempt=told.append) as octopush,
        ):
            result = await result_of(CALLS[call](octopush.sms))
            seen = [repr(octopush), str(octopush.__dict__), repr(octopush.sms)]

    seen += [*readable(result), *map(repr, told), *map(str, warned), *logged]
    assert hits(seen) == []


async def test_nothing_private_can_be_read_off_retries(logged):
    """Whatever is said between the tries names neither."""
    script = ["error_500", "rst_accept", "throttled_429", "html_after_commit"]

    async with FaultGateway(*script) as gateway, session(gateway.url) as octopush:
        for call in CALLS.values():
            await result_of(call(octopush.sms))

    assert any("next attempt in" in line for line in logged)
    assert hits(logged) == []


@pytest.mark.parametrize("tls", [True, False], ids=["bad certificate", "plain"])
async def test_nothing_private_can_be_read_off_what_never_left(tls, logged):
    """An error of the connection names the host, and nothing of ours."""
    async with FaultGateway(tls=server_tls() if tls else None) as gateway:
        base_url = gateway.url if tls else f"https://127.0.0.1:{gateway.port}"
        limits = Timeouts(connect=0.2)
        async with session(base_url, retry=ONCE, timeouts=limits) as octopush:
            result = await result_of(CALLS["POST"](octopush.sms))

    assert isinstance(result, NotSentError)
    assert hits([*readable(result), *logged]) == []


async def test_nothing_private_can_be_read_off_a_cancellation(logged):
    """Its note names the request_id, and nothing else."""
    async with (
        FaultGateway("hang_after_commit") as gateway,
        session(gateway.url, timeouts=Timeouts()) as octopush,
    ):
        task = asyncio.ensure_future(CALLS["POST"](octopush.sms))
        while not gateway.requests:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert gateway.ids[0] in caught.value.__notes__[0]

    assert hits([*readable(caught.value), repr(task), *logged]) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": TEXT + "\ud800"},
        {"text": TEXT * 99},
        {"recipients": [NUMBER[1:]]},
        {"recipients": NUMBER},
        {"recipients": [NUMBER + "0" * 20]},
        {"send_at": NUMBER},
        {"text": TEXT, "type": "sms_low_cost", "recipients": []},
    ],
    ids=["surrogate", "too long", "no plus", "a str", "digits", "date", "nobody"],
)
async def test_nothing_private_can_be_read_off_a_refused_argument(wrong, logged):
    """What is malformed is shown masked, or not at all."""
    message = {"text": TEXT, "recipients": [NUMBER], "sender": "Acme"}

    async with session("http://127.0.0.1:1") as octopush:
        call = octopush.sms.send(**{**message, "purpose": "alert", **wrong})
        result = await result_of(call)

    assert result.attempts == 0
    assert hits([*readable(result), *logged]) == []


@pytest.mark.parametrize("status", [400, 200, 403])
async def test_a_number_that_the_gateway_repeats_is_masked(status, logged, monkeypatch):
    """Its words may hold a number; whoever logs the error does not spread it."""
    said = f'{{"code": 103, "message": "bad number {NUMBER} or {NUMBER[1:]}"}}'
    echo = Kind(answer=http(status, said.encode()))
    monkeypatch.setitem(KINDS, "echo", echo)

    async with (
        FaultGateway("echo") as gateway,
        session(gateway.url, timeouts=Timeouts()) as octopush,
    ):
        result = await result_of(CALLS["POST"](octopush.sms))

    assert result.code == 103
    seen = [str(result), repr(result), *traceback.format_exception(result), *logged]
    assert hits(seen) == []
