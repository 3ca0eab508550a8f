"""The same behaviour on the loop of asyncio and on uvloop, over real sockets."""

import asyncio
import ssl
from collections import Counter
from pathlib import Path

import pytest

from aiooctopush import OctopushSession, Outcome, Purpose
from aiooctopush._wire import HttpRequest
from aiooctopush.sandbox import FaultPlan, Gateway, SandboxServer, VirtualClock
from aiooctopush.transport import AiohttpTransport


uvloop = pytest.importorskip("uvloop")  # there is none for Windows
CERTIFICATE = Path(__file__).parents[1] / "certificates" / "self-signed.pem"
LOOPS = [
    pytest.param(asyncio.new_event_loop, id="asyncio"),
    pytest.param(uvloop.new_event_loop, id="uvloop"),
]
NUMBERS = [f"+33639{number:06}" for number in range(750)]
MESSAGE = {"text": "Hi", "sender": "Acme", "purpose": Purpose.ALERT}


@pytest.fixture(params=LOOPS)
def run(request):
    """Run a coroutine to its end on one of the loops."""
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield runner.run


def session(server):
    """A session on the port of a sandbox, whose waits take no time."""
    return OctopushSession("me", "k3y", base_url=server.url, clock=VirtualClock())


@pytest.mark.parametrize(
    ("fault", "outcome", "attempts"),
    [
        (None, Outcome.ACCEPTED, 1),
        ("rst_accept", Outcome.ACCEPTED, 2),
        ("rst_after_commit", Outcome.PRESUMED, 2),
        ("truncated_after_commit", Outcome.PRESUMED, 2),
        ("error_503", Outcome.ACCEPTED, 2),
    ],
)
def test_one_message_is_sent_once(run, fault, outcome, attempts):
    """Whatever the socket does, and whichever loop tells of it."""
    gateway = Gateway()
    faults = FaultPlan.schedule([fault]) if fault else None

    async def main():
        async with (
            SandboxServer(gateway=gateway, faults=faults) as server,
            session(server) as octopush,
        ):
            return await octopush.sms.send(recipients=NUMBERS[:1], **MESSAGE)

    sent = run(main())

    assert (sent.outcome, sent.attempts) == (outcome, attempts)
    assert gateway.sent_log.numbers() == Counter(NUMBERS[:1])


def test_a_cancelled_call_is_cancelled(run):
    """The cancellation comes out, though the gateway may have taken the message."""
    gateway = Gateway()

    async def main():
        async with (
            SandboxServer(
                gateway=gateway, faults=FaultPlan.schedule(["hang_after_commit"])
            ) as server,
            session(server) as octopush,
        ):
            call = asyncio.ensure_future(
                octopush.sms.send(recipients=NUMBERS[:1], **MESSAGE)
            )
            while not gateway.sent_log.numbers():
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])
            return call.cancelled()

    assert run(main()) is True


def test_a_run_with_a_ledger_sends_to_everyone_once(run, tmp_path):
    """The thread of the ledger works with either loop."""
    gateway = Gateway()
    faults = FaultPlan.schedule(["rst_after_commit", "error_503"])

    async def main():
        async with (
            SandboxServer(gateway=gateway, faults=faults) as server,
            session(server) as octopush,
        ):
            bulk = octopush.bulk("run", ledger=tmp_path / "run.db", **MESSAGE)
            return await bulk.send(NUMBERS)

    report = run(main())

    assert report.accepted + report.presumed == 750
    assert gateway.sent_log.numbers() == Counter(NUMBERS)


def test_one_message_is_sent_over_tls(run):
    """What is asked of a connection, TLS or not, each loop has in its own way."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, CERTIFICATE.with_stem("self-signed-key"))
    heard = []

    async def serve(reader, writer):
        for _ in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            heard.append(await reader.readexactly(length))
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()

    async def main():
        async with await asyncio.start_server(
            serve, "127.0.0.1", 0, ssl=context
        ) as server:
            transport = AiohttpTransport(
                f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}",
                ssl_context=ssl.create_default_context(cafile=CERTIFICATE),
            )
            requests = [
                HttpRequest(method="POST", path="/send", body=b"x" * size)
                for size in (2, 1_000_000)
            ]
            answers = [(await transport.send(one)).body for one in requests]
            await transport.close()
        return answers

    assert run(main()) == [b"{}", b"{}"]
    assert [len(body) for body in heard] == [2, 1_000_000]
