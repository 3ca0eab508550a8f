"""The page of the documentation that tells what `fleet.py` has measured."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final


Figures = Mapping[str, Any]

_A_DAY: Final = 100_000_000
_BATCH: Final = 500
_SECONDS_OF_A_DAY: Final = 86_400
_BUSY_HOURS: Final = 8

_PAGE: Final = """\
# A fleet, measured

Workers of `aiooctopush.integrations.taskiq` on a real RabbitMQ and a real PostgreSQL,
and a gateway that is a process of its own. `nox -s fleet` does it all again, and writes
this page from `benchmarks/fleet.json`. Everything ran on one machine with {cores}
cores, gateway, broker and database included, under Python {python}: the figures say how
the parts compare, and what is possible at least.

## The storm

{workers} workers, {batches:,} batches of {size} recipients, every wake-up sent twice.
Meanwhile workers were killed with SIGKILL and replaced by taskiq, the broker was
stopped in good order and by SIGKILL, and the database crashed and was started again.
The book of the gateway is the judge.

{storm}

Lost are people who are not in the book, twice are people who are in it more than once.
Presumed are those whose worker was killed while it sent: who took over asked under the
same id, and heard that it was taken. The fleet was told to start {rate:.0f} requests a
second at most, and {burst} at once after a quiet time: no more than {bound:.0f} in any
second. The ledger hands out the turns, a twentieth rarer than that, since a busy
machine sends some requests late. The storm took {seconds:.0f} seconds: what
a killed worker holds is free again after two minutes.

## More workers

A gateway that takes {latency_ms:.0f} ms for each request, and {tasks} tasks in each
worker (`--max-async-tasks {tasks}`). If only the gateway took its time, a worker would
start {at_best:.0f} requests a second.

![Requests per second, by the number of workers](pictures/fleet.svg)

{scaling}

CPU is that of the workers, for one batch. All share the {cores} cores with the gateway,
the broker and the database: once these are busy, only another machine adds more. With
full batches of 500, a hundred requests a second are 50,000 recipients a second: the
gateway's limit comes first.

## What the ledger takes

One process that asks, with 1 to 8 connections. A claim is one transaction. A whole
batch is three: the claim, a turn of the shared rate, and the outcome; and who waited
for the turn asks whether it still holds. With `fsync` each of the three is on the disk
before the next step; without it, only a crash of the machine could lose one, which
shows what the disk costs.

{ledger}

All turns of a rate change one row, one after the other. That is the narrowest place of
a fleet, and far above the rate of any account.

## What the broker carries

A wake-up has {body:,} bytes, and {properties:,} more in its properties: the name of a
run and of a batch, and nothing personal. About fifty bytes say that much; the rest is
taskiq's envelope, such as an id of its own. One client sent {sent:,.0f} a second, each
confirmed by a quorum queue. One worker turned {turned_away:,.0f} a second away that
came late or twice: that is what a wake-up too many costs.

## 100 million recipients a day, on paper

{paper}
"""


def page(figures: Figures) -> str:
    """The whole page."""
    found, wake_ups = figures["storm"], figures["wake_ups"]
    machine, storm = figures["machine"], found["storm"]
    return _PAGE.format(
        **{name: machine[name] for name in ("cores", "python", "tasks")},
        **{name: storm[name] for name in ("workers", "batches", "size", "rate")},
        **{name: wake_ups[name] for name in ("body", "properties", "sent")},
        burst=storm["burst"],
        bound=storm["rate"] + storm["burst"],
        storm=_storm(found),
        seconds=found["seconds"],
        latency_ms=1_000 * machine["latency"],
        at_best=figures["scaling"][0]["at_best"],
        scaling=_scaling(figures["scaling"]),
        ledger=_ledger(figures["ledger"]),
        turned_away=wake_ups["turned_away"],
        paper=_paper(figures),
    )


def _table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, column: str = "---:"
) -> str:
    ruler = [column] * len(head)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ruler, *rows))


def _storm(found: Figures) -> str:
    states = found["states"]
    row = (
        *(found["kills"], found["broker_restarts"], found["database_restarts"]),
        *(found["requests"], found["most_in_a_second"]),
        *(found["lost"], found["twice"]),
        *(states.get("accepted", 0), states.get("presumed", 0)),
    )
    head = (
        *("workers killed", "broker restarts", "database crashes", "requests"),
        *("most in a second", "lost", "twice", "accepted", "presumed"),
    )
    return _table(head, [[f"{figure:,}" for figure in row]])


def _scaling(rows: Sequence[Figures]) -> str:
    head = ("workers", "requests a second", "of the best", "CPU of a batch")
    return _table(
        head,
        (
            (
                str(row["workers"]),
                f"{row['a_second']:,.0f}",
                f"{row['a_second'] / row['at_best']:.0%}",
                f"{row['cpu_ms']:.1f} ms",
            )
            for row in rows
        ),
    )


def _ledger(kinds: Mapping[str, Sequence[Figures]]) -> str:
    head = ["connections"]
    for kind in kinds:
        head += [f"claims a second, {kind}", f"batches a second, {kind}"]
    rows = []
    for found in zip(*kinds.values(), strict=True):
        row = [str(found[0]["connections"])]
        for one in found:
            row += [f"{one['claims']:,.0f}", f"{one['batches']:,.0f}"]
        rows.append(row)
    return _table(head, rows)


def _paper(figures: Figures) -> str:
    """The arithmetic, line by line."""
    size, wake_up = figures["bytes"], figures["wake_ups"]
    best = max(row["batches"] for row in figures["ledger"]["fsync"])
    batches = _A_DAY // _BATCH
    busy = batches / (_BUSY_HOURS * 3_600)
    log = size["log_planned"] + size["log_sent"]
    message = wake_up["body"] + wake_up["properties"]
    rows = [
        ("batches", f"{_A_DAY:,} / {_BATCH}", f"{batches:,} a day"),
        (
            "spread over a day",
            f"{batches:,} / {_SECONDS_OF_A_DAY:,} s",
            f"{batches / _SECONDS_OF_A_DAY:.1f} a second",
        ),
        (
            f"in {_BUSY_HOURS} hours",
            f"{batches:,} / {_BUSY_HOURS * 3_600:,} s",
            f"{busy:.1f} a second",
        ),
        (
            "transactions then",
            f"3 x {busy:.1f}",
            f"{3 * busy:.0f} a second",
        ),
        (
            "of what was measured with fsync",
            f"{busy:.1f} / {best:,.0f}",
            f"{busy / best:.1%}",
        ),
        (
            "tables while it waits",
            f"{batches:,} x {size['planned']:,.0f} bytes",
            f"{batches * size['planned'] / 1e9:.2f} GB",
        ),
        (
            "tables when it is done",
            f"{batches:,} x {size['done']:,.0f} bytes",
            f"{batches * size['done'] / 1e9:.2f} GB a day, until purged",
        ),
        (
            "log (WAL)",
            f"{batches:,} x ({size['log_planned']:,.0f} + {size['log_sent']:,.0f})",
            f"{batches * log / 1e9:.2f} GB a day",
        ),
        (
            "wake-ups in the broker",
            f"{batches:,} x {message:,} bytes",
            f"{batches * message / 1e6:.0f} MB",
        ),
        (
            "tasks at work",
            f"{busy:.1f} x {figures['machine']['latency']:g} s",
            f"{busy * figures['machine']['latency']:.1f} at a time",
        ),
    ]
    return _table(("what", "how", "that is"), rows, column=":---")
