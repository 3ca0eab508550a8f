"""Each fault of a real socket, one try: what comes out, and what had happened."""

import asyncio
import socket
from contextlib import closing

import pytest
from fakes import MESSAGE
from faults.clients import (
    NUMBER,
    ONCE,
    SHORT,
    TEXT,
    resolving,
    result_of,
    server_tls,
    session_to,
    timeouts_for,
    trusting_tls,
)
from faults.gateway import FaultGateway

from aiooctopush import (
    InvalidResponseError,
    NotSentError,
    Outcome,
    ServerError,
    Timeouts,
    TransportSecurityError,
    UnknownOutcomeError,
)


pytestmark = pytest.mark.usefixtures("_way")


async def outcome_of(base_url, **options):
    """Class, outcome and ``maybe_sent`` of a send that is tried once."""
    async with session_to(base_url, retry=ONCE, **options) as octopush:
        error = await result_of(octopush.sms.send(**MESSAGE))
    return type(error), error.outcome, error.maybe_sent


# Connecting ends a twentieth earlier than the try: enough for a busy machine.
UNHURRIED = Timeouts(connect=5.0, read=5.0, attempt=1.6)
NOTHING_SENT = (NotSentError, Outcome.NOT_SENT, False)


def unknown(kind=UnknownOutcomeError):
    """What a fault comes out as that can hide a message."""
    return kind, Outcome.UNKNOWN, True


# --- no connection was handed over ----------------------------------------------------


async def test_a_name_without_address():
    """DNS failure: nothing was sent."""
    async with resolving(None) as client_session:
        met = await outcome_of("http://gateway.test", client_session=client_session)

    assert met == NOTHING_SENT


async def test_a_port_without_a_server():
    """Connection refused: nothing was sent."""
    with closing(socket.socket()) as reserved:
        reserved.bind(("127.0.0.1", 0))
        met = await outcome_of(f"http://127.0.0.1:{reserved.getsockname()[1]}")

    assert met == NOTHING_SENT


async def test_a_server_that_does_not_accept():
    """Connect time-out: nothing was sent."""
    with closing(socket.socket()) as busy, closing(socket.socket()) as first:
        busy.bind(("127.0.0.1", 0))
        busy.listen(0)  # room for one; Linux drops what comes after
        first.connect(busy.getsockname())
        met = await outcome_of(f"http://127.0.0.1:{busy.getsockname()[1]}")

    assert met == NOTHING_SENT


async def test_a_handshake_that_stalls():
    """TLS without an answer: nothing was sent."""
    async with FaultGateway("tls_stall", tls=server_tls()) as gateway:
        met = await outcome_of(gateway.url, ssl_context=trusting_tls())

    assert (met, gateway.requests) == (NOTHING_SENT, [])


async def test_a_handshake_that_fails():
    """Something that speaks no TLS: nothing was sent."""
    async with FaultGateway("tls_garbage", tls=server_tls()) as gateway:
        met = await outcome_of(gateway.url, ssl_context=trusting_tls())

    assert (met, gateway.requests) == (NOTHING_SENT, [])


async def test_a_certificate_that_nobody_vouches_for():
    """A bad certificate is named as what it is, and nothing was sent."""
    async with FaultGateway(tls=server_tls()) as gateway:
        met = await outcome_of(gateway.url)

    assert met == (TransportSecurityError, Outcome.NOT_SENT, False)
    assert gateway.requests == []


async def test_a_certificate_for_another_name():
    """A good certificate of somebody else is as bad, and nothing was sent."""
    async with (
        FaultGateway(tls=server_tls()) as gateway,
        resolving("127.0.0.1") as client_session,
    ):
        met = await outcome_of(
            f"https://gateway.test:{gateway.port}",
            client_session=client_session,
            ssl_context=trusting_tls(),
        )

    assert met == (TransportSecurityError, Outcome.NOT_SENT, False)
    assert gateway.requests == []


@pytest.mark.parametrize("status", [403, 407, 502])
async def test_a_proxy_that_opens_no_tunnel(status):
    """The proxy refused to connect: nothing was sent, and it learnt no secret."""
    async with FaultGateway(f"proxy_{status}") as proxy:
        met = await outcome_of("https://gateway.test", proxy=proxy.url)

    assert met == NOTHING_SENT
    (head,) = proxy.heads
    assert head.startswith(b"CONNECT gateway.test:443 ")
    assert b"key-of-the-tests" not in head


async def test_a_proxy_that_is_not_there():
    """Nobody to ask for a tunnel: nothing was sent."""
    with closing(socket.socket()) as reserved:
        reserved.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        met = await outcome_of("https://gateway.test", proxy=proxy)

    assert met == NOTHING_SENT


async def test_no_free_slot_before_the_deadline():
    """Our own pool is exhausted: nothing was sent."""
    async with (
        FaultGateway("hang_before_commit") as gateway,
        session_to(
            gateway.url, max_in_flight=1, retry=ONCE, timeouts=SHORT
        ) as octopush,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(result_of(octopush.sms.send(**MESSAGE)))
        while not gateway.requests:
            await asyncio.sleep(0)
        error = await result_of(octopush.sms.send(**MESSAGE, timeout=0.05))

    assert (type(error), error.outcome, error.maybe_sent) == NOTHING_SENT
    assert len(gateway.requests) == 1


async def test_less_time_than_it_takes_to_connect():
    """A try that ends while it connects has sent nothing, whichever limit ends it."""
    async with FaultGateway("tls_stall", tls=server_tls()) as gateway:
        met = await outcome_of(
            gateway.url,
            ssl_context=trusting_tls(),
            timeouts=UNHURRIED,
        )

    assert met == NOTHING_SENT


async def test_a_pool_of_yours_that_is_exhausted():
    """Waiting for a slot of a session that was passed in has sent nothing."""
    async with (
        FaultGateway("hang_before_commit") as gateway,
        resolving("127.0.0.1", "127.0.0.1") as client_session,
        asyncio.TaskGroup() as group,
    ):
        client_session.connector._limit = 1
        taken = group.create_task(client_session.post(gateway.url, json={}))
        while not gateway.requests:
            await asyncio.sleep(0)
        waiting = group.create_task(
            outcome_of(gateway.url, client_session=client_session, timeouts=UNHURRIED)
        )
        waiting.add_done_callback(lambda _: taken.cancel())

    assert (waiting.result(), len(gateway.requests)) == (NOTHING_SENT, 1)


# --- a connection was handed over -----------------------------------------------------


async def test_a_connection_that_works():
    """Without a fault it is accepted, and in the sent log once."""
    async with FaultGateway() as gateway, session_to(gateway.url) as octopush:
        sent = await octopush.sms.send(**MESSAGE)

    assert (sent.outcome, sent.ticket) == (Outcome.ACCEPTED, "sms_1")
    assert gateway.sent_log == {(NUMBER, TEXT): 1}


@pytest.mark.parametrize(
    ("kind", "expected", "arrived", "sent_log"),
    [
        pytest.param("rst_accept", unknown(), 0, 0, id="accept then RST"),
        pytest.param("fin_accept", unknown(), 0, 0, id="accept then FIN"),
        pytest.param("rst_after_headers", unknown(), 0, 0, id="RST after the headers"),
        pytest.param("rst_after_commit", unknown(), 1, 1, id="RST after commit"),
        pytest.param("fin_after_commit", unknown(), 1, 1, id="FIN after commit"),
        pytest.param("half_a_header_after_commit", unknown(), 1, 1, id="half a header"),
        pytest.param("hang_before_commit", unknown(), 1, 0, id="hang before commit"),
        pytest.param("hang_after_commit", unknown(), 1, 1, id="hang after commit"),
        *(
            pytest.param(
                f"{name}_after_commit", unknown(InvalidResponseError), 1, 1, id=name
            )
            for name in (
                "truncated",
                "broken_chunking",
                "bad_gzip",
                "bad_status_line",
                "big_header",
                "html",
                "bad_utf8",
                "bad_json",
                "deep_nesting",
                "giant_integer",
                "nan",
                "empty",
                "no_ticket",
                "oversized",
            )
        ),
        pytest.param("slow_loris_after_commit", unknown(), 1, 1, id="slow-loris"),
        pytest.param("error_500", unknown(ServerError), 1, 0, id="500"),
        pytest.param(
            "error_500_after_commit", unknown(ServerError), 1, 1, id="500 after commit"
        ),
        pytest.param(
            "error_502_late_commit", unknown(ServerError), 1, 1, id="502, late commit"
        ),
    ],
)
async def test_whatever_breaks_after_the_connection_proves_nothing(
    kind, expected, arrived, sent_log
):
    """The same error, whether the gateway had executed the request or not."""
    async with FaultGateway(kind) as gateway:
        met = await outcome_of(gateway.url, timeouts=timeouts_for([kind]))

    assert met == expected
    assert (gateway.tries, len(gateway.requests)) == (1, arrived)
    assert gateway.sent_log.total() == sent_log


async def test_no_status_is_read_off_an_exception():
    """A garbage status line surfaces in aiohttp as 400, which nobody said."""
    async with (
        FaultGateway("bad_status_line_after_commit") as gateway,
        session_to(gateway.url, retry=ONCE) as octopush,
    ):
        error = await result_of(octopush.sms.send(**MESSAGE))

    assert error.status is None
    assert "ClientResponseError" in error.problem


async def test_a_kept_socket_that_is_closed_as_the_client_writes():
    """The second request may have been read, so it proves nothing."""
    async with (
        FaultGateway("reset_as_the_client_writes") as gateway,
        session_to(gateway.url, retry=ONCE) as octopush,
    ):
        await octopush.sms.send(**MESSAGE)
        error = await result_of(octopush.sms.send(**MESSAGE))

    assert (type(error), error.outcome, error.maybe_sent) == unknown()
    assert (gateway.connections, gateway.tries) == (1, 2)
    assert gateway.sent_log.total() == 1


async def test_a_kept_socket_that_was_closed_earlier():
    """Whoever saw the FIN takes another connection, and nobody notices."""
    async with (
        FaultGateway("closed_while_idle") as gateway,
        session_to(gateway.url, retry=ONCE) as octopush,
    ):
        await octopush.sms.send(**MESSAGE)
        await gateway.quiet()
        sent = await octopush.sms.send(**MESSAGE)

    assert (sent.outcome, sent.attempts) == (Outcome.ACCEPTED, 1)
    assert (gateway.connections, gateway.sent_log.total()) == (2, 2)


async def test_a_task_that_is_cancelled_after_commit():
    """The cancellation comes out, and its note says that it may have been sent."""
    async with (
        FaultGateway("hang_after_commit") as gateway,
        session_to(gateway.url, timeouts=Timeouts()) as octopush,
    ):
        task = asyncio.ensure_future(octopush.sms.send(**MESSAGE))
        while not gateway.requests:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task

    assert gateway.ids[0] in caught.value.__notes__[0]
    assert gateway.sent_log.total() == 1


async def test_a_slow_answer_within_the_limits_is_an_answer():
    """The short limits of these tests are wide enough for a healthy gateway."""
    assert SHORT.read < SHORT.attempt
    async with (
        FaultGateway() as gateway,
        session_to(gateway.url, timeouts=SHORT) as octopush,
    ):
        results = [await octopush.sms.draft() for _ in range(3)]

    assert [one.attempts for one in results] == [1, 1, 1]
    assert gateway.connections == 1
