"""A session: what it accepts, how it opens and closes, and what it never shows."""

import asyncio
import threading

import aiohttp
import pytest
from fakes import MESSAGE, ScriptedTransport, answer, session_over

from aiooctopush import InvalidFieldError, OctopushSession, RetryPolicy, Timeouts
from aiooctopush.sandbox import Gateway, SandboxServer


SECRETS = ("someone@example.org", "a-very-secret-key")


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.octopush.com",
        "https://api.octopush.com/",
        "https://proxy.example:8443/octopush",
        "http://localhost:8025",
        "http://127.0.0.1:8025",
        "http://[::1]:8025",
    ],
)
def test_a_safe_base_url_is_taken(base_url):
    """https anywhere, http on this machine."""
    session = OctopushSession(*SECRETS, base_url=base_url)

    assert base_url.rstrip("/") in repr(session)


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.octopush.com",
        "http://localhost.example.org",
        "ftp://api.octopush.com",
        "api.octopush.com",
        "",
        None,
        "https://",
        "https://user:pass@api.octopush.com",
        "https://api.octopush.com?x=1",
        "https://api.octopush.com#x",
        "https://api.octopush.com:99999",
        "https://[::1",
    ],
)
def test_an_unsafe_base_url_is_refused(base_url):
    """Nothing that would send the key in the clear, or elsewhere."""
    with pytest.raises(InvalidFieldError) as caught:
        OctopushSession(*SECRETS, base_url=base_url)

    assert caught.value.field == "base_url"
    assert "pass" not in str(caught.value)


def test_http_to_another_machine_can_be_allowed_by_name():
    """For a gateway behind a tunnel."""
    OctopushSession(*SECRETS, base_url="http://gateway:80", allow_insecure_http=True)


@pytest.mark.parametrize("login", ["", "a b", "me@example.org\n", "é", "x" * 257, None])
def test_a_credential_that_no_header_can_carry_is_refused(login):
    """Before any I/O, and without showing it."""
    with pytest.raises(InvalidFieldError, match="api_login") as caught:
        OctopushSession(login, "key")

    assert "example" not in str(caught.value)


@pytest.mark.parametrize("bound", [0, -1])
def test_a_session_needs_room_for_one_try(bound):
    """max_in_flight is at least 1."""
    with pytest.raises(InvalidFieldError, match="max_in_flight"):
        OctopushSession(*SECRETS, max_in_flight=bound)


async def test_a_transport_and_a_client_session_exclude_each_other():
    """One of them would be ignored."""
    async with aiohttp.ClientSession() as theirs:
        with pytest.raises(InvalidFieldError, match="client_session"):
            OctopushSession(
                *SECRETS, transport=ScriptedTransport(), client_session=theirs
            )


@pytest.mark.parametrize(
    "options",
    [
        {"attempts": 0},
        {"timeout": 0},
        {"careful_floor": 0.5},
        {"fast_base": -1},
        {"budget": -1},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(options):
    """Among them a floor after silence of under a second."""
    with pytest.raises(ValueError, match="must be"):
        RetryPolicy(**options)


def test_a_time_out_of_nothing_is_refused():
    """Zero seconds would fail every call."""
    with pytest.raises(ValueError, match="must be"):
        Timeouts(read=0)


def test_credentials_come_from_the_environment(monkeypatch):
    """from_env reads three variables."""
    monkeypatch.setenv("OCTOPUSH_API_LOGIN", SECRETS[0])
    monkeypatch.setenv("OCTOPUSH_API_KEY", SECRETS[1])
    monkeypatch.setenv("OCTOPUSH_BASE_URL", "http://127.0.0.1:8025")

    session = OctopushSession.from_env()

    assert repr(session) == "<OctopushSession http://127.0.0.1:8025 not yet used>"


def test_an_argument_wins_over_the_environment(monkeypatch):
    """base_url may be given to from_env."""
    monkeypatch.setenv("OCTOPUSH_API_LOGIN", SECRETS[0])
    monkeypatch.setenv("OCTOPUSH_API_KEY", SECRETS[1])
    monkeypatch.setenv("OCTOPUSH_BASE_URL", "http://127.0.0.1:8025")

    session = OctopushSession.from_env(base_url="http://127.0.0.1:1")

    assert "127.0.0.1:1 " in repr(session)


@pytest.mark.parametrize("missing", ["OCTOPUSH_API_LOGIN", "OCTOPUSH_API_KEY"])
def test_a_missing_variable_is_named(monkeypatch, missing):
    """Not a KeyError."""
    monkeypatch.setenv("OCTOPUSH_API_LOGIN", SECRETS[0])
    monkeypatch.setenv("OCTOPUSH_API_KEY", SECRETS[1])
    monkeypatch.delenv(missing)

    with pytest.raises(InvalidFieldError, match=f"{missing}: .* not set"):
        OctopushSession.from_env()


async def test_every_request_carries_login_and_key():
    """In headers of their own, on each request."""
    transport = ScriptedTransport(answer())

    async with session_over(transport) as octopush:
        await octopush.sms.send(**MESSAGE)

    headers = transport.requests[0].headers
    assert headers["api-login"] == "me@example.org"
    assert headers["api-key"] == "key-of-the-tests"
    assert headers["content-type"] == "application/json"


async def test_a_session_shows_no_secret():
    """Not in its repr, nor in that of anything it holds."""
    session = OctopushSession(*SECRETS)

    shown = repr(session) + repr(vars(session))

    assert SECRETS[0] not in shown
    assert SECRETS[1] not in shown


async def test_a_closed_session_says_so():
    """Instead of a strange error from below."""
    octopush = session_over(ScriptedTransport())
    await octopush.close()

    with pytest.raises(RuntimeError, match="closed"):
        await octopush.sms.send(**MESSAGE)
    with pytest.raises(RuntimeError, match="closed"):
        await octopush.__aenter__()
    assert repr(octopush).endswith("closed>")


async def test_a_session_can_be_used_without_a_block():
    """It opens with its first call, and close may be called twice."""
    octopush = session_over(ScriptedTransport(answer()))

    await octopush.sms.send(**MESSAGE)

    assert repr(octopush).endswith("open>")
    await octopush.close()
    await octopush.close()


async def test_a_session_of_another_loop_says_so():
    """Connections belong to one event loop."""
    octopush = session_over(ScriptedTransport(answer(), answer()))
    await octopush.sms.send(**MESSAGE)
    caught = []

    def use_elsewhere():
        try:
            asyncio.run(octopush.sms.send(**MESSAGE))
        except RuntimeError as error:
            caught.append(str(error))

    thread = threading.Thread(target=use_elsewhere)
    thread.start()
    await asyncio.to_thread(thread.join)

    assert "another event loop" in caught[0]


def test_a_session_may_be_built_before_any_loop_runs():
    """At import time of a module, for one."""
    octopush = session_over(ScriptedTransport(answer()))

    async def main():
        async with octopush:
            return await octopush.sms.send(**MESSAGE)

    assert asyncio.run(main()).ticket == "sms_1"


async def test_a_transport_that_was_passed_in_stays_open():
    """Whoever opens closes."""
    transport, closed = ScriptedTransport(), []
    transport.close = closed.append

    async with session_over(transport):
        pass

    assert closed == []


async def test_a_session_over_a_socket_sends_and_closes():
    """The whole way, judged by the sandbox's sent log."""
    async with (
        SandboxServer(gateway=(gateway := Gateway())) as server,
        OctopushSession(*SECRETS, base_url=server.url) as octopush,
    ):
        sent = await octopush.sms.send(**MESSAGE)

    assert gateway.sent_log.find(sent.ticket).recipients == ("+33639980001",)


async def test_a_client_session_that_was_passed_in_is_used_and_stays_open():
    """An application may share its pool."""
    async with (
        SandboxServer(gateway=(gateway := Gateway())) as server,
        aiohttp.ClientSession() as theirs,
    ):
        async with OctopushSession(
            *SECRETS, base_url=server.url, client_session=theirs
        ) as octopush:
            await octopush.sms.send(**MESSAGE)

        assert theirs.closed is False
        assert gateway.sent_log.times("+33639980001") == 1


async def test_no_more_tries_are_in_flight_than_allowed():
    """The bound holds for all calls together."""
    in_flight, most = 0, 0

    async def count(_):
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        await asyncio.sleep(0)
        in_flight -= 1
        return answer()

    transport = ScriptedTransport(*[count] * 50)
    async with session_over(transport, max_in_flight=3) as octopush:
        await asyncio.gather(*(octopush.sms.send(**MESSAGE) for _ in range(50)))

    assert most == 3


def test_a_session_whose_loop_has_ended_says_so():
    """The usual mistake: one session, and asyncio.run twice."""
    octopush = session_over(ScriptedTransport(answer(), answer()))
    asyncio.run(octopush.sms.send(**MESSAGE))

    with pytest.raises(RuntimeError, match="another event loop"):
        asyncio.run(octopush.sms.send(**MESSAGE))


async def test_a_session_may_be_closed_within_its_own_request():
    """It does not wait for itself: the rest follows when the request is finished."""
    async with SandboxServer(gateway=(gateway := Gateway())) as server:

        async def close(*_):
            async with asyncio.timeout(10):
                await octopush.close()

        tracing = aiohttp.TraceConfig()
        tracing.on_request_headers_sent.append(close)
        async with aiohttp.ClientSession(trace_configs=[tracing]) as theirs:
            octopush = OctopushSession(
                *SECRETS, base_url=server.url, client_session=theirs
            )
            sent = await octopush.sms.send(**MESSAGE)
            await octopush.close()
        with pytest.raises(RuntimeError, match="closed"):
            await octopush.sms.send(**MESSAGE)

    assert gateway.sent_log.find(sent.ticket).recipients == ("+33639980001",)


async def test_who_closes_within_a_request_lets_the_others_finish():
    """What it opened is closed when the last of them is answered."""
    reached, lets_go = asyncio.Event(), asyncio.Event()

    async def slow(_):
        reached.set()
        await lets_go.wait()
        return answer()

    async def close(_):
        await octopush.close()
        lets_go.set()
        return answer()

    octopush = session_over(ScriptedTransport(slow, close))
    slowly = asyncio.create_task(octopush.sms.send(**MESSAGE))
    await reached.wait()
    async with asyncio.timeout(10):
        await octopush.sms.send(**MESSAGE)

    assert (await slowly).ticket == "sms_1"
    await octopush.close()


def test_a_session_that_is_idle_closes_without_an_event_loop():
    """A fixture closes it when the loop of its test is gone."""
    octopush = session_over(ScriptedTransport())

    with pytest.raises(StopIteration):
        octopush.close().send(None)
