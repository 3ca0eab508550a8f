"""
What bad numbers cost: a gateway refuses each request with one, and says not which.

Of 100,000 people one in 1,000, in 500 and in 50 is bad, at random. Judged by what the
gateway accepted: everybody else has the message once, and the ledger names the bad.
The requests that this takes stand beside the fewest that any client could need, as each
answer is a yes or a no: people × entropy of the share. A gateway that refuses everybody
must be left alone after 40 requests. Fails if anything of this does not hold. With
`--write` also writes `bad_numbers.json`.

    nox -s chaos
"""

import argparse
import asyncio
import json
import math
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson
from attrs import asdict, frozen
from page_table import page_table
from storm_judge import told
from storm_worker import KEY, LOGIN, MESSAGE, RUN, people

from aiooctopush import BatchState, BulkReport, HttpRequest, HttpResponse
from aiooctopush import OctopushSession as Session


FOLDER: Final = Path(__file__).parent
PEOPLE: Final = 100_000
BATCH: Final = 500
ONE_IN: Final = (1_000, 500, 50)
SEED: Final = 20261129
REQUESTS_AT_MOST: Final = 40
"""Of a run whose every request is refused, until it stops."""


class RefusesWhole:
    """
    A gateway that accepts a request only if all its numbers are good.

    Args:
        bad: The numbers that are not.

    Attributes:
        requests: How many came.
        sent_log: How often each number was accepted.
    """

    def __init__(self, bad: Collection[str]) -> None:
        self.requests = 0
        self.sent_log: Counter[str] = Counter()
        self._bad = frozenset(bad)

    async def send(self, request: HttpRequest) -> HttpResponse:
        """See `Transport.send`."""
        self.requests += 1
        await asyncio.sleep(0)
        body = orjson.loads(request.body or b"")
        numbers = [one["phone_number"] for one in body["recipients"]]
        if not self._bad.isdisjoint(numbers):
            problem = {"code": 103, "message": "A recipient was refused"}
            return HttpResponse(status=400, headers={}, body=orjson.dumps(problem))
        self.sent_log.update(numbers)
        accepted = {
            "sms_ticket": f"sms_{self.requests:013x}",
            "number_of_contacts": len(numbers),
            "number_of_sms_needed": len(numbers),
            "total_cost": 0.05 * len(numbers),
        }
        return HttpResponse(status=201, headers={}, body=orjson.dumps(accepted))

    async def close(self) -> None:
        """See `Transport.close`."""


@frozen(kw_only=True)
class Result:
    """What one share of bad numbers cost, and whether the run did what it has to."""

    one_in: int
    bad: int
    requests: int
    seconds: float
    problems: tuple[str, ...]

    @property
    def fewest(self) -> float:
        """Requests that no client can do without, on average: a bit each."""
        share = self.bad / PEOPLE
        rest = 1 - share
        return -PEOPLE * (share * math.log2(share) + rest * math.log2(rest))

    def cells(self) -> tuple[str | int, ...]:
        """One line of the table."""
        return (
            f"1 in {self.one_in:,}",
            self.bad,
            self.requests,
            round(self.fewest),
            f"{self.requests / self.fewest:.2f}",
            f"{self.requests / self.bad:.1f}",
            f"{self.seconds:.1f}",
        )


async def send(gateway: RefusesWhole, folder: Path, count: int) -> BulkReport:
    """One run over that gateway, with a ledger."""
    async with Session(LOGIN, KEY, transport=gateway) as octopush:
        run = octopush.bulk(
            RUN,
            **MESSAGE,  # type: ignore[arg-type]  # a word will do
            ledger=folder / "run.db",
            batch_size=BATCH,
        )
        return await run.send(people(count))


def problems(
    gateway: RefusesWhole,
    bad: Collection[str],
    states: dict[BatchState, set[int]],
    *,
    complete: bool,
) -> tuple[str, ...]:
    """Whatever is not as it has to be, in words; judged by what was accepted."""
    good = set(people(PEOPLE)) - set(bad)
    twice = sum(times > 1 for times in gateway.sent_log.values())
    named = {f"+{number}" for number in states[BatchState.REFUSED]}
    wrong = {
        "good numbers were not sent to": len(good - gateway.sent_log.keys()),
        "numbers were sent to twice": twice,
        "bad numbers are not named": len(set(bad) - named),
        "good numbers are called bad": len(named & good),
        "runs ended early": int(not complete),
    }
    return tuple(f"{count:,} {what}" for what, count in wrong.items() if count)


def measure(one_in: int) -> Result:
    """Send to everybody, where so many are bad."""
    everybody = list(people(PEOPLE))
    bad = Random(SEED + one_in).sample(everybody, PEOPLE // one_in)
    gateway = RefusesWhole(bad)
    began = time.monotonic()
    with TemporaryDirectory() as name:
        report = asyncio.run(send(gateway, Path(name), PEOPLE))
        states = asyncio.run(told(Path(name)))
    return Result(
        one_in=one_in,
        bad=len(bad),
        requests=gateway.requests,
        seconds=time.monotonic() - began,
        problems=problems(
            gateway,
            bad,
            states,
            complete=report.exhausted and report.paused is None,
        ),
    )


def refused_by_all(count: int = PEOPLE) -> int:
    """Requests until a run gives up on a gateway that accepts nobody."""
    gateway = RefusesWhole(list(people(count)))
    with TemporaryDirectory() as name:
        report = asyncio.run(send(gateway, Path(name), count))
    assert report.paused is not None
    assert not gateway.sent_log
    return gateway.requests


def table(results: Sequence[Result]) -> str:
    """One line for each share."""
    return page_table(
        ("bad", "people", "requests", "fewest", "ratio", "each", "seconds"),
        [one.cells() for one in results],
    )


def section(measured: Mapping[str, Any]) -> str:
    """The same for the documentation."""
    results = [Result(**one | {"problems": ()}) for one in measured["results"]]
    return f"""\
## Bad numbers

A gateway refuses each request that holds a bad number, and does not say which of
{PEOPLE:,} numbers are bad. aiooctopush splits a refused request in two until each bad
number is alone. Each good number was sent to exactly once, and the ledger names each
bad one.

*Fewest* is the number of requests that any client needs on average (the entropy bound).
A response is one bit, so the bound is people × entropy of the share of bad numbers.
*Ratio* is requests / fewest, and *each* is the number of requests for each bad number.

{table(results)}

Another gateway refused every request. It got {measured["refused_by_all"]} requests
before the run stopped; at most {REQUESTS_AT_MOST} are allowed.
"""


def main() -> None:
    """Measure, print, and fail if anybody was missed, sent to twice, or not named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write json")
    parser.add_argument("--short", action="store_true", help="not 1 in 50")
    options = parser.parse_args()
    results = [measure(one) for one in (ONE_IN[:2] if options.short else ONE_IN)]
    refused = refused_by_all()
    print(table(results))
    print(f"refused by all: {refused} requests, at most {REQUESTS_AT_MOST}")
    found = [f"1 in {one.one_in}: {what}" for one in results for what in one.problems]
    if refused > REQUESTS_AT_MOST:
        found.append(f"{refused} requests to a gateway that accepts nobody")
    if found:
        raise SystemExit("\n".join(found))
    if options.write:
        rows = [asdict(one) for one in results]
        measured = {"seed": SEED, "refused_by_all": refused, "results": rows}
        target = FOLDER / "bad_numbers.json"
        target.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
