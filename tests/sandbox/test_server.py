"""The door on a port: faults are met on a real socket, with a plain client."""

import asyncio
import gc
import json
import socket
import warnings
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from sandbox.calls import HEADERS, ONE, TWO, fresh_gateway, send_body

from aiooctopush.sandbox import FaultPlan, SandboxServer, create_app
from aiooctopush.sandbox.faults import KINDS, LIVE_KINDS, Commit
from aiooctopush.sandbox.server import _Door


SEND = "/v1/public/sms-campaign/send"
# A body of 500 personalised recipients, as in the measurements that this holds to.
PEOPLE = [
    {"phone_number": ONE, "first_name": "Ann", "last_name": "x" * 30}
    for _ in range(500)
]

RESET = (aiohttp.ClientOSError, ConnectionResetError)
BROKEN = {
    "rst_accept": RESET,
    "rst_after_headers": RESET,
    "rst_after_commit": RESET,
    "fin_accept": aiohttp.ServerDisconnectedError,
    "fin_after_commit": aiohttp.ServerDisconnectedError,
    "hang_before_commit": TimeoutError,
    "hang_after_commit": TimeoutError,
    "slow_loris_after_commit": TimeoutError,
    "truncated_after_commit": aiohttp.ClientPayloadError,
    "bad_gzip_after_commit": aiohttp.ClientPayloadError,
    "bad_status_line_after_commit": aiohttp.ClientResponseError,
}
ANSWERED = set(LIVE_KINDS) - set(BROKEN) - {"oversized_after_commit"}


def plan(*kinds):
    """Play these kinds in turn."""
    return FaultPlan.schedule(kinds)


async def post(url, body=None, *, timeout=0.3, **more):
    """Post with a client that gives up soon; status and bytes."""
    limits = aiohttp.ClientTimeout(total=timeout)
    async with (
        aiohttp.ClientSession(headers=HEADERS, timeout=limits) as session,
        session.post(
            url + SEND,
            json=send_body(recipients=PEOPLE) if body is None else body,
            allow_redirects=False,
            **more,
        ) as response,
    ):
        return response, await response.read()


async def test_a_send_is_answered_and_in_the_sent_log():
    """The plain way, with the clock's own date."""
    async with SandboxServer(gateway=fresh_gateway()) as server:
        response, body = await post(server.url, send_body())

        assert response.status == 201
        assert json.loads(body)["sms_ticket"] == "sms_5f3fbce61266e"
        assert response.headers["date"] == "Mon, 05 Jan 2026 10:00:00 GMT"
        assert server.gateway.sent_log.times(ONE) == 1


async def test_500_long_recipients_fit():
    """No limit of the web server stands before the gateway's."""
    field = "é" * 50
    names = {f"param{number}": field for number in range(1, 6)}
    people = [{"phone_number": ONE, **names} for _ in range(500)]
    async with SandboxServer() as server:
        response, _ = await post(server.url, send_body(recipients=people), timeout=10)

        assert response.status == 201
        assert server.gateway.sent_log.times(ONE) == 500


@pytest.mark.parametrize("kind", sorted(BROKEN))
async def test_a_broken_connection_is_what_aiohttp_makes_of_it(kind):
    """The table of measured exceptions, row by row."""
    async with SandboxServer(faults=plan(kind)) as server:
        # Short where silence is waited for; elsewhere a busy machine has its time.
        timeout = 0.3 if BROKEN[kind] is TimeoutError else 10
        with pytest.raises(BROKEN[kind]):
            await post(server.url, timeout=timeout)

        expected = 500 if KINDS[kind].commits is Commit.BEFORE else 0
        assert server.gateway.sent_log.times(ONE) == expected


@pytest.mark.parametrize("kind", sorted(ANSWERED))
async def test_an_odd_answer_arrives_as_in_process(kind):
    """One fault, two doors, the same bytes."""
    async with SandboxServer(faults=plan(kind)) as server:
        response, body = await post(server.url, timeout=5)

        expected = KINDS[kind].answer
        if expected is not None:
            assert (response.status, body) == (expected.status, expected.body)
            for name, value in expected.headers.items():
                assert response.headers[name] == value
        else:
            assert response.status == 201
        committed = KINDS[kind].commits is Commit.BEFORE
        assert server.gateway.sent_log.times(ONE) == (500 if committed else 0)


async def test_an_oversized_answer_unpacks_to_more_than_100_megabytes():
    """From a few hundred kilobytes on the wire."""
    async with SandboxServer(faults=plan("oversized_after_commit")) as server:
        unpacked = 0
        async with (
            aiohttp.ClientSession(headers=HEADERS) as session,
            session.post(server.url + SEND, json=send_body()) as response,
        ):
            on_the_wire = int(response.headers["content-length"])
            async for piece in response.content.iter_chunked(1024 * 1024):
                unpacked += len(piece)

        assert on_the_wire < 500_000
        assert unpacked > 100_000_000
        assert server.gateway.sent_log.times(ONE) == 1


async def test_a_refused_status_line_must_not_be_taken_for_a_status():
    """The client shows 400, although the gateway has sent."""
    async with SandboxServer(faults=plan("bad_status_line_after_commit")) as server:
        with pytest.raises(aiohttp.ClientResponseError) as raised:
            await post(server.url, send_body())

        assert raised.value.status == 400
        assert server.gateway.sent_log.times(ONE) == 1


async def test_after_a_fault_the_next_request_is_served():
    """A broken connection breaks one request."""
    kinds = sorted(BROKEN)
    async with SandboxServer(faults=plan(*kinds)) as server:
        for kind in kinds:
            with pytest.raises(BROKEN[kind]):
                await post(server.url, timeout=0.2)
        response, _ = await post(server.url, send_body())

        assert response.status == 201


async def test_a_client_that_leaves_frees_what_hung():
    """Nothing goes on for somebody who is not there."""
    before = len(asyncio.all_tasks())
    kinds = ["hang_before_commit", "slow_loris_after_commit"]
    async with SandboxServer(faults=plan(*kinds)) as server:
        for _ in kinds:
            with pytest.raises(TimeoutError):
                await post(server.url, timeout=0.1)
        async with asyncio.timeout(2):
            while len(asyncio.all_tasks()) > before:
                await asyncio.sleep(0)


@pytest.mark.parametrize("kind", ["hang_after_commit", "slow_loris_after_commit"])
async def test_what_hangs_does_not_hold_up_the_shutdown(kind):
    """The client is cut off instead."""
    loop = asyncio.get_running_loop()
    async with SandboxServer(faults=plan(kind)) as server:
        task = asyncio.create_task(post(server.url, timeout=10))
        while not server.gateway.sent_log:
            await asyncio.sleep(0)
        start = loop.time()

    assert loop.time() - start < 0.8
    with pytest.raises(aiohttp.ClientError):
        await task


async def test_a_request_whose_client_has_left_is_not_executed():
    """Nobody was there when the server looked at it."""
    gateway = fresh_gateway()
    door = _Door(gateway, None)
    request = make_mocked_request("POST", SEND, headers=HEADERS)
    request.protocol.transport = None

    await door.serve(request)

    assert len(gateway.sent_log) == 0


async def test_a_late_commit_is_in_the_sent_log_once_the_next_request_is():
    """On a port as in process."""
    async with SandboxServer(faults=plan("error_502_late_commit")) as server:
        body = send_body(request_id="a")
        first, _ = await post(server.url, body)
        assert len(server.gateway.sent_log) == 0
        second, _ = await post(server.url, body)

        assert (first.status, second.status) == (502, 400)
        assert server.gateway.sent_log.times(ONE) == 1


async def test_one_time_codes_can_be_read_from_outside():
    """Until the sandbox is reset: nobody has a phone there."""
    async with (
        SandboxServer() as server,
        aiohttp.ClientSession(server.url) as session,
    ):
        path = "/v1/public/service/otp/generate"
        body = {"phone_number": ONE, "code_length": 4}
        async with session.post(path, headers=HEADERS, json=body) as response:
            answer = await response.json()
        async with session.get("/__sandbox__/codes") as response:
            codes = await response.json()
        await session.post("/__sandbox__/reset")
        async with session.get("/__sandbox__/codes") as response:
            emptied = await response.json()

    expires_at = datetime.fromisoformat(codes[0].pop("expires_at"))
    assert abs((expires_at - datetime.now(UTC)).total_seconds() - 300) < 60
    code = codes[0].pop("code")
    assert len(code) == 4
    assert code.isdigit()
    assert codes == [
        {
            "token": answer["otp_request_token"],
            "phone_number": ONE,
            "account": HEADERS["api-login"],
            "remaining_attempts": 3,
            "used": False,
        }
    ]
    assert emptied == []


async def test_each_request_is_reported_with_what_it_did():
    """As soon as the gateway is done with it, also if the client hears nothing."""
    served = []
    faults = FaultPlan.schedule(
        [None, "rst_accept", "rst_after_commit", "error_503", None]
    )
    async with SandboxServer(faults=faults, on_request=served.append) as server:
        url = server.url
        await post(url, send_body())
        with pytest.raises(aiohttp.ClientError):
            await post(url, send_body())
        with pytest.raises(aiohttp.ClientError):
            await post(url, send_body())
        await post(url, send_body())
        async with aiohttp.ClientSession(url) as session:
            await session.post("/__sandbox__/reset")
            await session.post(
                "/v1/public/service/otp/generate",
                headers=HEADERS,
                json={"phone_number": TWO},
            )

    assert [(one.method, one.status, one.fault) for one in served] == [
        ("POST", 201, None),
        ("POST", None, "rst_accept"),
        ("POST", None, "rst_after_commit"),
        ("POST", 503, "error_503"),
        ("POST", 200, None),
    ]
    assert served[0].path == "/v1/public/sms-campaign/send"
    accepted = [[one.recipients for one in each.accepted] for each in served]
    assert accepted == [[(ONE,)], [], [(ONE,)], [], [(TWO,)]]
    assert [len(one.codes) for one in served] == [0, 0, 0, 0, 1]
    assert server.gateway.codes == served[-1].codes


async def test_the_sent_log_can_be_read_and_emptied_from_outside():
    """And neither meets a fault."""
    faults = FaultPlan(kinds=["error_500_after_commit"], probability=1)
    async with (
        SandboxServer(faults=faults) as server,
        aiohttp.ClientSession(server.url) as session,
    ):
        await post(server.url, send_body())
        async with session.get("/__sandbox__/sent") as response:
            sent_log = await response.json()
        async with session.post("/__sandbox__/reset") as response:
            assert response.status == 204
        async with session.get("/__sandbox__/sent") as response:
            emptied = await response.json()

        assert sent_log["recipients"] == 1
        assert sent_log["entries"][0]["recipients"] == [ONE]
        assert emptied == {"recipients": 0, "entries": []}
        assert faults.seen == {"error_500_after_commit": 1}


async def test_a_query_and_a_body_on_delete_arrive():
    """As the documents' own curl commands send them, odd header names included."""
    gateway = fresh_gateway(computation_polls=0)
    gateway.lists["my_list"] = [ONE]
    headers = {
        "API-Login": "me@example.org",
        "Api-Key": "k",
        "cache-control": "no-cache",
    }
    async with TestClient(TestServer(create_app(gateway))) as client:
        root = "/v1/public/sms-campaign-on-list/"
        body = send_body(recipients=None, list_name="my_list")
        created = await client.post(root + "create", json=body, headers=headers)
        ticket = await created.json()
        status = await client.get(root + "status", params=ticket, headers=headers)
        dropped = await client.delete(root + "cancel", json=ticket, headers=headers)

        assert created.status == 201
        assert (await status.json())["status"] == "ready_to_be_sent"
        assert (dropped.status, await dropped.read()) == (204, b"")


async def test_a_path_that_nobody_knows_is_answered_in_json():
    """With 404, also at the root."""
    async with TestClient(TestServer(create_app())) as client:
        response = await client.get("/")

        assert (response.status, (await response.json())["code"]) == (404, 404)


async def test_default_kinds_are_those_that_a_server_can_play():
    """What happens before a connection is left out."""
    faults = FaultPlan(probability=1)

    create_app(faults=faults)
    drawn = {faults.next(None).kind for _ in range(2000)}

    assert drawn == set(LIVE_KINDS)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - LIVE_KINDS))
def test_what_a_server_cannot_play_is_refused(kind):
    """If it was asked for by name."""
    with pytest.raises(ValueError, match=kind):
        SandboxServer(faults=plan(kind))


def test_a_server_that_does_not_run_has_no_address():
    """It says what to do."""
    with pytest.raises(RuntimeError, match="async with"):
        _ = SandboxServer().url


async def test_a_server_can_be_stopped_twice():
    """The second time nothing is left to stop."""
    server = SandboxServer()
    async with server:
        pass

    await server.__aexit__(None, None, None)


async def test_a_port_that_is_taken_leaves_nothing_open():
    """The error comes out, and no half-started server stays behind."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(OSError, match=str(port)):
                await SandboxServer(port=port).__aenter__()
            gc.collect()


async def test_a_port_can_be_chosen():
    """For whoever writes it into a settings file."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    async with SandboxServer(port=port) as server:
        assert server.url == f"http://127.0.0.1:{port}"
