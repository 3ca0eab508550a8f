"""
The workers of the storm: who sends, and is killed. One start of one run each.

Ours is a bulk run with a ledger. The baseline is what a good engineer writes: aiohttp,
tenacity, and a file of the batches that are done.

Their waits are a hundredth of what they would be: the clock of the workers runs so much
faster, wall clock and monotonic alike, and the gateway commits at once. The floor of a
second after silence, the pauses of `Retry-After`, the pace that recovers by 5 % a
minute, all keep their proportions, and no test waits for them.
"""

import asyncio
import itertools
import json
import logging
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Coroutine, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

import aiohttp
from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential_jitter,
)

from aiooctopush import OctopushSession, Timeouts


RUN: Final = "storm"
MESSAGE: Final = {"text": "The bridge is closed", "sender": "Acme", "purpose": "alert"}
LOGIN, KEY = "me@example.org", "key"

FASTER: Final = 100
IN_FLIGHT: Final = 32
TIME_OUT: Final = 1.0
"""Seconds of one try on the machine's clock, for all clients."""

_BITS: Final = 27
_ALL: Final = (1 << _BITS) - 1


def people(count: int, start: int = 0) -> Iterator[str]:
    """Made-up French mobiles, all different, in no order, and the same every time."""
    for one in range(start, count):
        # Each step can be undone, so two positions never give one number.
        mixed = one * 0x2545F491 + 0x1234567 & _ALL
        mixed = (mixed ^ mixed >> 13) * 0x5BD1E995 & _ALL
        yield f"+33{600_000_000 + (mixed ^ mixed >> 15)}"


class FastClock:
    """
    A clock that runs a hundred times as fast as the machine's, across all starts.

    Args:
        zero: The machine's wall clock, in seconds, when the run began.
    """

    def __init__(self, zero: float) -> None:
        self._zero = zero

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        passed = FASTER * (time.time() - self._zero)
        return datetime.fromtimestamp(self._zero, UTC) + timedelta(seconds=passed)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return FASTER * time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait a hundredth of that many seconds."""
        await asyncio.sleep(seconds / FASTER)


# --- ours -----------------------------------------------------------------------------


async def ours(start: Namespace, clock: FastClock) -> object:
    """The call of the README, made again after each crash; gives the report."""
    async with OctopushSession(
        LOGIN, KEY, base_url=start.url, timeouts=Timeouts(attempt=TIME_OUT), clock=clock
    ) as octopush:
        run = octopush.bulk(
            RUN,
            **MESSAGE,  # type: ignore[arg-type]  # a word will do
            ledger=start.folder / "run.db",
            batch_size=start.batch,
            concurrency=IN_FLIGHT,
        )
        return (await run.send(people(start.count))).as_dict()


# --- the baseline ---------------------------------------------------------------------


def worth_repeating(error: BaseException) -> bool:
    """5xx, 429, time-outs, and whatever goes wrong with a connection."""
    if isinstance(error, aiohttp.ClientResponseError):
        return error.status >= 500 or error.status == 429
    return isinstance(error, aiohttp.ClientError | TimeoutError)


async def theirs(start: Namespace, clock: FastClock, *, request_id: bool) -> object:
    """
    A file says which batches are done and which have failed, and a start skips these.
    One session, a time-out, four attempts with exponential back-off and jitter.
    """
    progress = start.folder / "progress.txt"
    progress.touch()
    known = {line.split()[0] for line in progress.read_text().splitlines()}
    source = people(start.count)
    batches = enumerate(iter(lambda: tuple(itertools.islice(source, start.batch)), ()))
    target = f"{start.url}/v1/public/sms-campaign/send"
    async with aiohttp.ClientSession(
        headers={"api-login": LOGIN, "api-key": KEY},
        timeout=aiohttp.ClientTimeout(total=TIME_OUT),
        raise_for_status=True,
    ) as session:

        async def post(body: dict[str, object]) -> str:
            async with session.post(target, json=body) as response:
                return str((await response.json())["sms_ticket"])

        async def send(numbers: tuple[str, ...]) -> str:
            recipients = [{"phone_number": one} for one in numbers]
            body: dict[str, object] = {**MESSAGE, "recipients": recipients}
            if request_id:
                body["request_id"] = uuid4().hex
            repeat = AsyncRetrying(
                stop=stop_after_attempt(4),
                wait=wait_exponential_jitter(),
                retry=retry_if_exception(worth_repeating),
                sleep=clock.sleep,
                reraise=True,
            )
            try:
                await repeat(post, body)
            except Exception:  # noqa: BLE001 - any means to its caller: it failed
                return "failed"
            return "done"

        async def work() -> None:
            for number, numbers in batches:
                if str(number) not in known:
                    word = await send(numbers)
                    done.write(f"{number} {word}\n")
                    done.flush()

        with progress.open("a") as done:
            await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    return {"complete": True}


Start = Callable[[Namespace, FastClock], Coroutine[None, None, object]]

WORKERS: Final[Mapping[str, Start]] = {
    "aiooctopush": ours,
    "aiohttp + tenacity": partial(theirs, request_id=False),
    "aiohttp + tenacity + request_id": partial(theirs, request_id=True),
}


def main() -> None:
    """One start; what it has to say goes to a file."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--who", choices=WORKERS, required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--zero", type=float, required=True)
    start = parser.parse_args()
    logging.getLogger("aiooctopush").setLevel(logging.CRITICAL)
    said = asyncio.run(WORKERS[start.who](start, FastClock(start.zero)))
    (start.folder / "said.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main()
