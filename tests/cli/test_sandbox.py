"""``octopush sandbox``: a simulated gateway on a port."""

import asyncio
import signal
import socket

import pytest

from aiooctopush import OctopushSession, UnknownOutcomeError
from aiooctopush.cli.sandbox import _lines
from aiooctopush.sandbox import FaultPlan, Gateway, SandboxServer


NUMBER = "+33600000001"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_serves_until_a_signal(run, visited, number):
    """One line says where it is, and one what each request met."""
    found = []

    async def visit(ready):
        found.append(ready)
        url = ready.split()[4]
        async with OctopushSession("me", "key", base_url=url) as octopush:
            await octopush.sms.send(
                text="Hi", recipients=[NUMBER], sender="Acme", purpose="alert"
            )

    visited(visit, number)
    result = run("sandbox", "--port", "0")

    assert result.exit_code == 0
    assert result.stdout == f"{found[0]}\n"
    assert found[0].startswith("Sandbox gateway ready on http://127.0.0.1:")
    assert result.stderr == (
        "POST /v1/public/sms-campaign/send: 201, accepted for +336****0001\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--api-login", "me"), "--api-login and --api-key belong together"),
        (
            ("--faults", "dns_failure=1"),
            "--faults: cannot be simulated here: dns_failure",
        ),
        (("--faults", "weather=1"), "'weather'. The kinds are rst_accept, fin_acc"),
        (("--faults", "much"), "KIND=PROBABILITY,…. The kinds are rst_accept, fin_acc"),
        (("--credit", "much"), "must be an amount such as 12.50"),
        (("--credit", "-1"), "must be an amount such as 12.50"),
        (("--port", "70000"), "70000 is not in the range"),
        (("--callback-url", "receiver"), "--callback-url: must be a URL such as http"),
        (("--callback-delay", "2"), "need --callback-url or --callbacks"),
        (("--callback-delay", "2-1"), "must be seconds such as 2 or 1-5"),
        (("--callback-delay", "-1"), "must be seconds such as 2 or 1-5"),
        (("--callback-delay", "inf"), "must be seconds such as 2 or 1-5"),
        (("--callback-delay", "soon"), "must be seconds such as 2 or 1-5"),
        (("--callback-format", "xml"), "'xml' is not one of"),
        (("--callback-loss", "2"), "2.0 is not in the range"),
    ],
    ids=str,
)
def test_bad_usage(run, arguments, words):
    """What is malformed is told before anything is served."""
    result = run("sandbox", *arguments)

    assert result.exit_code == 2
    assert words in result.stderr


def test_port_in_use(run):
    """A port that is taken is told in a line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        result = run("sandbox", "--port", port)

    assert result.exit_code == 2
    assert f"cannot listen on 127.0.0.1, port {port}" in result.stderr
    assert "Traceback" not in result.stderr


def test_lines_of_requests():
    """A line has the outcome, the fault, and whom it is for; never a whole number."""
    gateway = Gateway()

    async def serve():
        lines = []
        server = SandboxServer(
            gateway=gateway,
            faults=FaultPlan.schedule(["hang_after_commit"]),
            on_request=lambda request: lines.extend(_lines(request)),
        )
        async with (
            server,
            OctopushSession("me", "key", base_url=server.url) as octopush,
        ):
            with pytest.raises(UnknownOutcomeError):
                await octopush.sms.send(
                    text="Hello",
                    recipients=["+33600000001", "+33600000002"],
                    sender="Acme",
                    purpose="alert",
                    timeout=1,
                )
            await octopush.otp.generate("+33600000003")
        return lines

    lines = asyncio.run(serve())

    assert lines == [
        (
            "POST /v1/public/sms-campaign/send: no response, fault "
            "hang_after_commit, accepted for 2 recipients"
        ),
        "POST /v1/public/service/otp/generate: 200, accepted for +336****0003",
        f"  One-time code for +336****0003: {gateway.codes[0].code}",
    ]
