"""
The worker of the soak: single sends and bulk at once, lap after lap, on one session.

After each lap it has nothing to do, counts what is left, writes down what its callers
were told, and goes on when it hears a line. It looks at itself each second. `--plant`
makes a mistake on purpose, to see that the judge notices.
"""

import argparse
import asyncio
import gc
import itertools
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from attrs import define, evolve, field
from storm_judge import told
from storm_worker import KEY, LOGIN, MESSAGE, RUN

from aiooctopush import (
    OctopushError,
    OctopushSession,
    SmsRequest,
    Timeouts,
    new_request_id,
)


IN_FLIGHT: Final = 32
BATCH: Final = 50
TIMEOUTS: Final = Timeouts(connect=0.5, attempt=1.0)
"""Of a try, in seconds: a gateway that hangs is to be met often, not waited for."""

_ASKED_AGAIN: Final = 5
_NOW_AND_THEN: Final = 20
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def tell(**words: Any) -> None:
    """One line of JSON to whoever listens."""
    print(json.dumps(words), flush=True)


def look() -> dict[str, float]:
    """Memory in megabytes, open files, and tasks besides the one that looks."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "at": time.monotonic(),
        "rss": pages * _PAGE / 1e6,
        "fds": len(list(Path("/proc/self/fd").iterdir())),
        "tasks": len(asyncio.all_tasks()) - 1,
    }


async def keep_looking() -> None:
    """Each second."""
    while True:
        tell(kind="sample", **look())
        await asyncio.sleep(1)


# --- mistakes on purpose --------------------------------------------------------------

Send = Callable[[SmsRequest], Awaitable[str]]
Plant = Callable[[SmsRequest, Send], Awaitable[str]]

_kept: Final[list[object]] = []
# Bytes that a run of a minute keeps for each message. A shorter run keeps more, so that
# the few messages of a busy machine are still far above what a floor wanders by, and a
# longer one less, so that it leaks to its end and no machine runs out of memory.
_LEAK: Final = 64 * 1024


async def _leak(request: SmsRequest, send: Send, *, size: int = _LEAK) -> str:
    _kept.append(b"x" * size)
    return await send(request)


async def _fd(request: SmsRequest, send: Send) -> str:
    os.open(os.devnull, os.O_RDONLY)
    return await send(request)


async def _task(request: SmsRequest, send: Send) -> str:
    _kept.append(asyncio.create_task(asyncio.Event().wait()))
    return await send(request)


async def _warning(request: SmsRequest, send: Send) -> str:
    socket.socket()
    return await send(request)


async def _exception(request: SmsRequest, send: Send) -> str:
    async def fail() -> None:
        raise ValueError("planted")

    asyncio.create_task(fail())  # noqa: RUF006 - that is the mistake
    return await send(request)


async def _twice(request: SmsRequest, send: Send) -> str:
    await send(request)
    return await send(evolve(request, request_id=new_request_id()))


async def _lost(_: SmsRequest, __: Send) -> str:
    return "accepted"


PLANTS: Final[Mapping[str, Plant]] = {
    "leak": _leak,
    "fd": _fd,
    "task": _task,
    "warning": _warning,
    "exception": _exception,
    "twice": _twice,
    "lost": _lost,
}


# --- the load -------------------------------------------------------------------------


@define(kw_only=True)
class Worker:
    """
    All laps of one life.

    Attributes:
        url: Of the gateway.
        lap: Seconds that one lasts at least.
        singles: Single messages that are sent in each at least, however long it takes:
            what is planted comes by their number, and not by the speed of a machine.
        people: Recipients of a bulk.
        plants: Mistakes on purpose.
    """

    url: str
    lap: float
    singles: int
    people: int
    plants: tuple[Plant, ...]
    numbers: Iterator[int] = field(factory=lambda: itertools.count(600_000_000))

    async def live(self, minutes: float) -> None:
        """Laps until the time is over; then everything is closed."""
        await asyncio.to_thread(sys.stdin.readline)  # the thread is there to stay
        tell(kind="before", **look())
        ends = time.monotonic() + 60 * minutes
        looking = asyncio.create_task(keep_looking())
        async with self._session() as octopush:
            while time.monotonic() < ends:
                with TemporaryDirectory() as folder:
                    await self._one_lap(octopush, Path(folder))
        looking.cancel()
        await asyncio.wait([looking])
        await asyncio.sleep(0.1)  # sockets are closed by callbacks
        gc.collect()
        tell(kind="after", **look())

    def _session(self) -> OctopushSession:
        return OctopushSession(LOGIN, KEY, base_url=self.url, timeouts=TIMEOUTS)

    async def _one_lap(self, octopush: OctopushSession, folder: Path) -> None:
        words: dict[str, str] = {}
        ends = time.monotonic() + self.lap
        least = itertools.count(self.singles, -1)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._bulk(folder))
            for _ in range(IN_FLIGHT):
                group.create_task(self._singles(octopush, ends, least, words))
        for state, numbers in (await told(folder)).items():
            words |= {f"+33{number % 10**9}": str(state) for number in numbers}
        path = folder / "words.json"
        path.write_text(json.dumps(words))
        gc.collect()
        seen = look()
        seen["tasks"] -= 1  # the one that looks each second
        tell(kind="lap", words=str(path), **seen)
        await asyncio.to_thread(sys.stdin.readline)

    async def _bulk(self, folder: Path) -> None:
        """A run that is started again for as long as it pauses."""
        source = [f"+33{next(self.numbers)}" for _ in range(self.people)]
        async with self._session() as octopush:
            complete = False
            while not complete:
                run = octopush.bulk(
                    RUN,
                    **MESSAGE,  # type: ignore[arg-type]  # a word will do
                    ledger=folder / "run.db",
                    batch_size=BATCH,
                )
                complete = (await run.send(source)).is_complete

    async def _singles(
        self,
        octopush: OctopushSession,
        ends: float,
        least: Iterator[int],
        words: dict[str, str],
    ) -> None:
        async def send(request: SmsRequest) -> str:
            return await send_one(octopush, request)

        while next(least) > 0 or time.monotonic() < ends:
            one = next(self.numbers)
            request = SmsRequest(
                **MESSAGE,  # type: ignore[arg-type]  # a word will do
                recipients=[number := f"+33{one}"],
            )
            turn, other = divmod(one, _NOW_AND_THEN)
            if self.plants and not other:
                plant = self.plants[turn % len(self.plants)]
                words[number] = await plant(request, send)
            else:
                words[number] = await send(request)


async def send_one(octopush: OctopushSession, request: SmsRequest) -> str:
    """Send, and ask again while nobody knows; gives the outcome in a word."""
    try:
        return str((await octopush.sms.send_request(request)).outcome)
    except OctopushError as error:
        until = error.safe_to_retry_until
        if not error.maybe_sent or until is None:
            return str(error.outcome)
    for _ in range(_ASKED_AGAIN):
        try:
            sent = await octopush.sms.settle(request, safe_to_retry_until=until)
            return str(sent.outcome)
        except OctopushError:
            continue
    return "unknown"


def main() -> None:
    """One life."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--lap", type=float, required=True, help="seconds")
    parser.add_argument("--singles", type=int, default=0, help="of a lap, at least")
    parser.add_argument("--people", type=int, required=True, help="of a bulk")
    parser.add_argument("--plant", choices=PLANTS, nargs="*", default=[])
    options = parser.parse_args()
    logging.getLogger("aiooctopush").setLevel(logging.CRITICAL)
    leak = partial(_leak, size=int(_LEAK / options.minutes))
    known: Mapping[str, Plant] = {**PLANTS, "leak": leak}
    plants = tuple(known[name] for name in options.plant)
    worker = Worker(
        url=options.url,
        lap=options.lap,
        singles=options.singles,
        people=options.people,
        plants=plants,
    )
    asyncio.run(worker.live(options.minutes))


if __name__ == "__main__":
    main()
