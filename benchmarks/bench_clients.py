"""
The clients that are measured, each as its own documentation shows it: one client, made
once and shared, with no option turned on or off to be slower or faster.

What is sent is one SMS to one person. Nobody gets another server: `server.py` answers
each in the shape that it expects. A peer is imported only where it is measured, for it
may not be here, and its objects are nobody else's garbage to collect.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from typing import Any, Final

import aiohttp
import attrs
import orjson
from cattrs.preconf.orjson import make_converter
from multidict import CIMultiDict
from tenacity import (
    retry,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)
from yarl import URL

from aiooctopush import OctopushSession, Outcome, Purpose


Send = Callable[[], Awaitable[object]]

LOGIN, KEY = "me@example.org", "key"
TEXT, NUMBER, SENDER = "Your code is 1234", "+33639980001", "Acme"
PATH: Final = "/v1/public/sms-campaign/send"
HEADERS: Final = {
    "api-login": LOGIN,
    "api-key": KEY,
    "content-type": "application/json",
}
BODY: Final = {
    "text": TEXT,
    "recipients": [{"phone_number": NUMBER}],
    "sender": SENDER,
    "purpose": "alert",
    "type": "sms_premium",
}


@asynccontextmanager
async def bare(url: str, in_flight: int = 100) -> AsyncIterator[Send]:
    """aiohttp, ready bytes, orjson: what nobody on aiohttp can do without."""
    target = f"{url}{PATH}"
    ready = orjson.dumps(BODY | {"request_id": uuid.uuid4().hex})
    connector = aiohttp.TCPConnector(limit=in_flight)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def send() -> None:
            async with session.post(target, data=ready, headers=HEADERS) as response:
                answer = orjson.loads(await response.read())
            assert answer["sms_ticket"]

        yield send


@asynccontextmanager
async def tuned(url: str) -> AsyncIterator[Send]:
    """aiohttp with the knobs that its documentation has, turned for one gateway."""
    target = URL(f"{url}{PATH}")
    ready = orjson.dumps(BODY | {"request_id": uuid.uuid4().hex})
    headers = CIMultiDict(HEADERS)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=100),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
    ) as session:

        async def send() -> None:
            response = await session.post(
                target, data=ready, headers=headers, allow_redirects=False
            )
            answer = orjson.loads(await response.read())
            assert answer["sms_ticket"]

        yield send


@asynccontextmanager
async def lowest(url: str) -> AsyncIterator[Send]:
    """The pool and the parser of aiohttp without its session; no way to live."""
    ready = orjson.dumps(BODY | {"request_id": uuid.uuid4().hex})
    limits = aiohttp.ClientTimeout(total=None, sock_connect=5)
    async with aiohttp.ClientSession() as session:
        connector = session.connector
        assert connector is not None
        target = aiohttp.ClientRequest(
            "POST",
            URL(f"{url}{PATH}"),
            headers=HEADERS,
            data=ready,
            loop=asyncio.get_running_loop(),
            session=session,
        )
        lines = [f"POST {PATH} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in target.headers.items()]
        data = "\r\n".join((*lines, "", "")).encode() + ready

        async def send() -> None:
            connection = await connector.connect(target, [], limits)
            protocol = connection.protocol
            assert protocol is not None
            assert protocol.transport is not None
            protocol.set_response_params(read_until_eof=True)
            protocol.transport.write(data)
            _, content = await protocol.read()
            answer = orjson.loads(await content.read())
            connection.release()
            assert answer["sms_ticket"]

        yield send


@asynccontextmanager
async def ours(url: str, in_flight: int = 100) -> AsyncIterator[Send]:
    """aiooctopush, as its README shows it."""
    async with OctopushSession(
        LOGIN, KEY, base_url=url, max_in_flight=in_flight
    ) as octopush:

        async def send() -> None:
            sent = await octopush.sms.send(
                text=TEXT, recipients=[NUMBER], sender=SENDER, purpose=Purpose.ALERT
            )
            assert sent.outcome is Outcome.ACCEPTED

        yield send


@asynccontextmanager
async def ours_over(url: str, **settings: Any) -> AsyncIterator[Send]:
    """aiooctopush over a `client_session` with settings."""
    connector = aiohttp.TCPConnector(limit=100)
    async with (
        aiohttp.ClientSession(connector=connector, **settings) as session,
        OctopushSession(LOGIN, KEY, base_url=url, client_session=session) as octopush,
    ):

        async def send() -> None:
            sent = await octopush.sms.send(
                text=TEXT, recipients=[NUMBER], sender=SENDER, purpose=Purpose.ALERT
            )
            assert sent.outcome is Outcome.ACCEPTED

        yield send


def yours(url: str) -> AbstractAsyncContextManager[Send]:
    """aiooctopush over a `client_session` as services share one: with a header."""
    return ours_over(url, headers={"X-Service": "shop"})


def usual(url: str) -> AbstractAsyncContextManager[Send]:
    """aiooctopush over aiohttp's request method, for a setting that costs nothing."""
    return ours_over(url, read_bufsize=2**17)


@attrs.frozen
class _Request:
    text: str
    recipients: list[dict[str, str]]
    sender: str
    purpose: str
    type: str
    request_id: str


@attrs.frozen
class _Answer:
    sms_ticket: str
    number_of_contacts: int
    total_cost: float
    number_of_sms_needed: int
    residual_credit: float


@asynccontextmanager
async def idiomatic(url: str) -> AsyncIterator[Send]:
    """What one writes with aiohttp, cattrs and tenacity, as their pages show them."""
    converter = make_converter()
    async with aiohttp.ClientSession(
        url, headers=HEADERS, raise_for_status=True
    ) as session:

        @retry(
            stop=stop_after_attempt(4),
            wait=wait_random_exponential(max=20),
            retry=retry_if_exception_type((aiohttp.ClientError, TimeoutError)),
            reraise=True,
        )
        async def post(request: _Request) -> _Answer:
            body = converter.dumps(request)
            async with session.post(PATH, data=body) as response:
                return converter.loads(await response.read(), _Answer)

        async def send() -> None:
            request = _Request(
                text=TEXT,
                recipients=[{"phone_number": NUMBER}],
                sender=SENDER,
                purpose="alert",
                type="sms_premium",
                request_id=uuid.uuid4().hex,
            )
            assert (await post(request)).sms_ticket

        yield send


@asynccontextmanager
async def httpx_client(url: str) -> AsyncIterator[Send]:
    """httpx: one AsyncClient, plain dicts, no retries."""
    httpx = import_module("httpx")

    async with httpx.AsyncClient(base_url=url, headers=HEADERS) as client:

        async def send() -> None:
            body = BODY | {"request_id": uuid.uuid4().hex}
            response = await client.post(PATH, json=body)
            response.raise_for_status()
            assert response.json()["sms_ticket"]

        yield send


@asynccontextmanager
async def twilio(url: str) -> AsyncIterator[Send]:
    """Twilio's client with its asynchronous HTTP client, sent to our server."""
    http_client = import_module("twilio.http.async_http_client")
    rest = import_module("twilio.rest")

    class Here(http_client.AsyncTwilioHttpClient):  # type: ignore[misc, name-defined]
        # The host is not a setting; its documentation has one replace the HTTP client.
        async def request(self, method: str, url_there: str, **more: Any) -> Any:
            here = url_there.replace("https://api.twilio.com", url)
            return await super().request(method, here, **more)

    async with Here() as http:
        account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        client = rest.Client(account, "token", http_client=http)

        async def send() -> None:
            message = await client.messages.create_async(
                to=NUMBER, from_="+15557122661", body=TEXT
            )
            assert message.sid

        yield send


@asynccontextmanager
async def telnyx(url: str) -> AsyncIterator[Send]:
    """Telnyx's asynchronous client, which is made with httpx and pydantic."""
    api = import_module("telnyx")

    async with api.AsyncTelnyx(api_key=KEY, base_url=f"{url}/v2") as client:

        async def send() -> None:
            answer = await client.messages.send(to=NUMBER, from_=SENDER, text=TEXT)
            assert answer.data is not None
            assert answer.data.id

        yield send


CLIENTS: Final[Mapping[str, Callable[[str], AbstractAsyncContextManager[Send]]]] = {
    "bare aiohttp": bare,
    "tuned aiohttp": tuned,
    "lowest aiohttp": lowest,
    "aiooctopush": ours,
    "aiooctopush, your session": yours,
    "aiooctopush, usual way": usual,
    "aiohttp + cattrs + tenacity": idiomatic,
    "httpx": httpx_client,
    "twilio": twilio,
    "telnyx": telnyx,
}
