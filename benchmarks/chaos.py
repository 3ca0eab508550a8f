"""
A few thousand messages through every fault that a server can play, over real sockets:
aiooctopush beside what a good engineer writes with aiohttp and tenacity.

Each kind of fault has a gateway of its own, and each client meets the same schedule:
the n-th request of every client is hit, or not, alike. Its sent log is the only
judge. Prints a table; with `--write` also writes `benchmarks/chaos.json`, from which
`chaos_chart.py` draws the picture and `chaos_page.py` writes the page.

    nox -s chaos
"""

import argparse
import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final, TypeVar
from uuid import uuid4

import aiohttp
from attrs import asdict, define
from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential_jitter,
)

from aiooctopush import (
    OctopushError,
    OctopushSession,
    Outcome,
    SmsRequest,
    Timeouts,
)
from aiooctopush.sandbox import FaultPlan, Gateway, GatewaySettings, SandboxServer
from aiooctopush.sandbox.faults import KINDS, LIVE_KINDS, Commit


SEED: Final = 20260105
MESSAGES: Final = 100
"""Of each kind of fault."""
PROBABILITY: Final = 0.3
TIME_OUT: Final = 2.0
"""Seconds of one try, for all clients; short, so that the run is short."""
IN_FLIGHT: Final = 20
SETTLE_AT_MOST: Final = 5

# Each of its answers unpacks to 128 MiB in a client that does not count, and holds up
# everybody else meanwhile: one at a time, and after the other kinds.
_BOMB: Final = "oversized_after_commit"

LOGIN, KEY = "me@example.org", "key"
FOLDER: Final = Path(__file__).parent

Tell = Callable[[str], Awaitable[str]]
"""Sends to one number, and says what the caller was told."""
T = TypeVar("T")


@define(kw_only=True)
class Row:
    """
    What became of the messages under one kind of fault, or under all.

    Attributes:
        messages: How many were to be sent.
        faults: How often a request met the fault.
        tries: How many requests the gateway met.
        accepted: Callers were told that it was accepted.
        presumed: Callers were told that an earlier try was taken.
        unknown: Callers were told, in the end, that nobody knows.
        failed: Callers were told that it failed and nothing was sent; of the baseline,
            that it failed.
        twice: Numbers that got the message more than once.
        lost: Callers were told that it was sent, and it was not.
        denied: Callers were told that it failed, and it was sent.
    """

    messages: int = 0
    faults: int = 0
    tries: int = 0
    accepted: int = 0
    presumed: int = 0
    unknown: int = 0
    failed: int = 0
    twice: int = 0
    lost: int = 0
    denied: int = 0

    def add(self, other: "Row") -> None:
        """Add another row to this one."""
        for name, figure in asdict(other).items():
            setattr(self, name, getattr(self, name) + figure)


# --- the clients ----------------------------------------------------------------------


def message(number: str) -> dict[str, object]:
    """What everybody sends."""
    return {
        "text": "Your parcel has arrived",
        "sender": "Acme",
        "type": "sms_premium",
        "purpose": "alert",
        "recipients": [{"phone_number": number}],
    }


async def with_aiooctopush(url: str, work: Callable[[Tell], Awaitable[T]]) -> T:
    """A session as the README shows it, and `settle` for what is unknown."""
    async with OctopushSession(
        LOGIN, KEY, base_url=url, timeouts=Timeouts(attempt=TIME_OUT)
    ) as octopush:

        async def tell(number: str) -> str:
            request = SmsRequest(
                text="Your parcel has arrived",
                sender="Acme",
                purpose="alert",
                recipients=[number],
            )
            ask = partial(octopush.sms.send_request, request)
            for _ in range(1 + SETTLE_AT_MOST):
                try:
                    return str((await ask()).outcome)
                except OctopushError as error:
                    until = error.safe_to_retry_until
                    if not error.maybe_sent or until is None:
                        return "failed"
                    await asyncio.sleep(max(1.0, error.retry_after or 0.0))
                    ask = partial(
                        octopush.sms.settle, request, safe_to_retry_until=until
                    )
            return str(Outcome.UNKNOWN)

        return await work(tell)


def worth_repeating(error: BaseException) -> bool:
    """5xx, 429, time-outs, and whatever goes wrong with a connection."""
    if isinstance(error, aiohttp.ClientResponseError):
        return error.status >= 500 or error.status == 429
    return isinstance(error, aiohttp.ClientError | TimeoutError)


async def with_aiohttp(
    url: str, work: Callable[[Tell], Awaitable[T]], *, request_id: bool
) -> T:
    """
    One session, a time-out, `raise_for_status`, four attempts with exponential
    back-off and jitter: what a good engineer writes.
    """
    target = f"{url}/v1/public/sms-campaign/send"
    async with aiohttp.ClientSession(
        headers={"api-login": LOGIN, "api-key": KEY},
        timeout=aiohttp.ClientTimeout(total=TIME_OUT),
        raise_for_status=True,
    ) as session:

        async def post(body: dict[str, object]) -> str:
            async with session.post(target, json=body) as response:
                return str((await response.json())["sms_ticket"])

        async def tell(number: str) -> str:
            body = message(number)
            if request_id:
                body["request_id"] = uuid4().hex
            repeat = AsyncRetrying(
                stop=stop_after_attempt(4),
                wait=wait_exponential_jitter(),
                retry=retry_if_exception(worth_repeating),
                reraise=True,
            )
            try:
                await repeat(post, body)
            except Exception:  # noqa: BLE001 - any means to its caller: it failed
                return "failed"
            return str(Outcome.ACCEPTED)

        return await work(tell)


Client = Callable[[str, Callable[[Tell], Awaitable[Row]]], Awaitable[Row]]

CLIENTS: Final[Mapping[str, Client]] = {
    "aiooctopush": with_aiooctopush,
    "aiohttp + tenacity": partial(with_aiohttp, request_id=False),
    "aiohttp + tenacity + request_id": partial(with_aiohttp, request_id=True),
}


# --- the run --------------------------------------------------------------------------


async def suffer(client: Client, kind: str, messages: int) -> Row:
    """Send all messages to a gateway with one kind of fault, and read its sent log."""
    tries = 0

    def count(_: object) -> bool:
        nonlocal tries
        tries += 1
        return True

    # Each kind hits other requests, and the same of every client.
    seed = SEED + list(KINDS).index(kind)
    plan = FaultPlan(kinds=[kind], probability=PROBABILITY, seed=seed, only=count)
    gateway = Gateway(GatewaySettings(credit=Decimal(1_000_000)))
    numbers = [f"+336{number:08d}" for number in range(messages)]

    async def work(tell: Tell) -> Row:
        slots = asyncio.Semaphore(1 if kind == _BOMB else IN_FLIGHT)

        async def one(number: str) -> str:
            async with slots:
                return await tell(number)

        words = await asyncio.gather(*map(one, numbers))
        return judge(gateway, dict(zip(numbers, words, strict=True)))

    async with SandboxServer(gateway=gateway, faults=plan) as server:
        row = await client(server.url, work)
    row.faults, row.tries = plan.seen[kind], tries
    return row


def judge(gateway: Gateway, words: Mapping[str, str]) -> Row:
    """Compare what callers were told with the sent log."""
    gateway.settle()
    sent_log = gateway.sent_log.numbers()
    told = Counter(words.values())
    sent = {Outcome.ACCEPTED, Outcome.PRESUMED}
    return Row(
        messages=len(words),
        accepted=told[Outcome.ACCEPTED],
        presumed=told[Outcome.PRESUMED],
        unknown=told[Outcome.UNKNOWN],
        failed=told["failed"],
        twice=sum(times > 1 for times in sent_log.values()),
        lost=sum(word in sent and not sent_log[one] for one, word in words.items()),
        denied=sum(
            word == "failed" and sent_log[one] > 0 for one, word in words.items()
        ),
    )


async def run(messages: int) -> dict[str, dict[str, Row]]:
    """Let every client suffer every kind; one client at a time."""
    kinds = [kind for kind in KINDS if kind in LIVE_KINDS and kind != _BOMB]
    found = {}
    for name, client in CLIENTS.items():
        began = time.monotonic()
        rows = await asyncio.gather(*(suffer(client, one, messages) for one in kinds))
        found[name] = dict(zip(kinds, rows, strict=True))
        found[name][_BOMB] = await suffer(client, _BOMB, messages)
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    return found


def stalls(found: Mapping[str, Mapping[str, Row]]) -> int:
    """
    Count what no fault explains: a client denied or repeated what no fault had hidden,
    because this machine was too busy to answer within the time-out.
    """
    harmless = {kind for kind in LIVE_KINDS if KINDS[kind].commits in _NOTHING_DONE}
    return sum(
        row.twice + row.denied
        for rows in found.values()
        for kind, row in rows.items()
        if kind in harmless
    )


_NOTHING_DONE: Final = frozenset({Commit.NEVER, Commit.RECEIVED})


def total(rows: Mapping[str, Row]) -> Row:
    """All kinds together."""
    everything = Row()
    for row in rows.values():
        everything.add(row)
    return everything


# --- the table ------------------------------------------------------------------------

# Figure and width of its column.
_OURS: Final = {
    "faults": 8,
    "tries": 7,
    "accepted": 10,
    "presumed": 10,
    "unknown": 9,
    "failed": 8,
    "twice": 7,
    "lost": 6,
    "denied": 8,
}
_THEIRS: Final = {"tries": 7, "twice": 7, "lost": 6, "denied": 8}
_KIND: Final = 28


def table(found: Mapping[str, Mapping[str, Row]]) -> str:
    """Everything, for a person: our columns, then some of each baseline."""
    columns = (_OURS, _THEIRS, _THEIRS)

    def line(kind: str, cells: Iterable[str]) -> str:
        return f"{kind:<{_KIND}}" + " |".join(cells)

    def figures(kind: str, rows: Iterable[Row]) -> str:
        return line(
            kind,
            (
                "".join(f"{getattr(row, one):>{wide},}" for one, wide in shown.items())
                for row, shown in zip(rows, columns, strict=True)
            ),
        )

    heads = (
        "".join(f"{one:>{wide}}" for one, wide in shown.items()) for shown in columns
    )
    titles = (
        f"{title:>{sum(shown.values())}}"
        for title, shown in zip(found, columns, strict=True)
    )
    head = line("fault", heads)
    rule = "-" * len(head)
    kinds = next(iter(found.values()))
    rows = [figures(kind, (one[kind] for one in found.values())) for kind in kinds]
    everything = figures("all", map(total, found.values()))
    return "\n".join([line("", titles), head, rule, *rows, rule, everything])


EXPLAINED: Final = """\
* *tries*: requests that the gateway received.
* *accepted*, *presumed*, *unknown*, *failed*: what the client reported in the end.
  aiooctopush called `settle` for unknown ones first.
* *twice*: people who got the message more than once.
* *lost*: the client reported that it was sent, but it was not.
* *denied*: the client reported that it failed, but it was sent."""


def main() -> None:
    """Run, print, and write it all down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--write", action="store_true", help="write json")
    options = parser.parse_args()
    logging.getLogger("aiooctopush").setLevel(logging.CRITICAL)

    found = asyncio.run(run(options.messages))
    print(f"\nseed {SEED}, {options.messages} messages of each kind\n")
    print(table(found))
    print(f"\n{EXPLAINED}")

    ours = total(found["aiooctopush"])
    noise = stalls(found)
    if noise:
        print(f"\n{noise} are of this machine's making: too busy, nothing is written")
    if options.write and not noise:
        plain = {
            name: {kind: asdict(row) for kind, row in rows.items()}
            for name, rows in found.items()
        }
        figures = {
            "seed": SEED,
            "messages": ours.messages,
            "probability": PROBABILITY,
            "clients": plain,
        }
        (FOLDER / "chaos.json").write_text(json.dumps(figures, indent=1) + "\n")
    assert (ours.twice, ours.lost, ours.denied) == (0, 0, 0)


if __name__ == "__main__":
    main()
