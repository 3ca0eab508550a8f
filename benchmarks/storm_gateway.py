"""
The gateway of the storm: a process of its own, which outlives every worker.

It is the fault gateway of the tests with a sent log that can be read from outside. It
prints its port, then one dot for each request that arrives whole. Told a path on
its standard input, it writes who got how many messages, and prints an exclamation mark;
it ends when that input does.
"""

import argparse
import asyncio
import json
import logging
import sys
from array import array
from pathlib import Path
from typing import Any, Final


# The tests' own server, to have one judge and not two.
sys.path.append(str(Path(__file__).parent.parent / "tests"))

from faults.gateway import KINDS, FaultGateway  # type: ignore[import-not-found]


SEND: Final = "/v1/public/sms-campaign/send"

# Left out is what ends or pauses a run by right (a wrong key, no credit), what asks it
# to wait for an hour, what needs TLS or a proxy, and a bomb of 200 MiB.
LEFT_OUT: Final = (
    *("tls_", "proxy_", "refused_", "wrong_key_", "forbidden_", "no_credit_"),
    *("too_large_", "error_503_for_long", "throttled_429_for_long", "oversized_"),
    *("redirect_301", "redirect_302", "redirect_303", "redirect_308"),
)
STORM_KINDS: Final = tuple(name for name in KINDS if not name.startswith(LEFT_OUT))


class StormGateway(FaultGateway):  # type: ignore[misc]  # untyped, as all tests
    """A fault gateway that tells how far it is, and keeps nothing but the sent log."""

    async def _read(self, *args: Any) -> Any:
        request = await super()._read(*args)
        self.requests.clear()
        self.heads.clear()
        print(".", end="", flush=True)
        return request

    def _execute(self, request: Any, *, known: bool) -> tuple[int, bytes]:
        if request.path != SEND:
            return 404, b"{}"
        # Who sends no id has none that could be known.
        known = known and request.request_id is not None
        self.noted.discard(None)
        status, body = super()._execute(request, known=known)
        if status != 201:
            return status, body
        count = len(request.body["recipients"])
        said = {
            "sms_ticket": f"sms_{request.request_id}",
            "number_of_contacts": count,
            "number_of_sms_needed": count,
            "total_cost": round(0.05 * count, 2),
        }
        return status, json.dumps(said).encode()

    def write_sent_log(self, path: Path) -> None:
        """A number for each message that was sent, and beside it what was met."""
        self.settle()
        numbers = array("q")
        for (number, _), times in self.sent_log.items():
            numbers.extend([int(number)] * times)
        path.write_bytes(numbers.tobytes())
        faults = {name: times for name, times in self.seen.items() if name}
        met = {"tries": self.tries, "faults": faults}
        path.with_suffix(".json").write_text(json.dumps(met))


async def serve(*, seed: int, probability: float, burns_ids: bool) -> None:
    """Fail as told until nobody is there any more."""
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    async with StormGateway(
        seed=seed, probability=probability, kinds=STORM_KINDS, burns_ids=burns_ids
    ) as gateway:
        gateway.redirect_to = f"{gateway.url}/elsewhere"
        print(gateway.port, flush=True)
        while line := await commands.readline():
            gateway.write_sent_log(Path(line.decode().rstrip("\n")))
            print("!", end="", flush=True)


def main() -> None:
    """Serve until the standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--probability", type=float, required=True)
    parser.add_argument("--burns-ids", action="store_true")
    options = parser.parse_args()
    # Who is killed leaves with a reset, in the middle of whatever he was told.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    asyncio.run(
        serve(
            seed=options.seed,
            probability=options.probability,
            burns_ids=options.burns_ids,
        )
    )


if __name__ == "__main__":
    main()
