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

This page is for readers who plan a fleet of workers. It shows which failures a fleet
survives and what it costs. The workers are those of `aiooctopush.integrations.taskiq`,
on a real RabbitMQ and a real PostgreSQL. The gateway is a separate process.
`nox -s fleet` repeats it all and writes this page from `benchmarks/fleet.json`.

Everything ran on one machine with {cores} cores under Python {python}, gateway, broker
and database included. The figures show how the parts compare, and a lower bound of
the possible rates.

## The storm

{workers} workers send {batches:,} batches of {size} recipients, and every wake-up is
sent twice. Meanwhile workers are killed with SIGKILL, and taskiq replaces them. The
broker is stopped, in good order and with SIGKILL in turn. The database crashes and
starts again. The gateway's sent log decides which messages were sent.

{storm}

* *lost*: people who are not in the gateway's record.
* *twice*: people who are in it more than once.
* *presumed*: people whose worker was killed while it sent. The next worker repeated the
  request with the same request ID, and the gateway refused it as a duplicate.

The fleet was configured for {rate:.0f} requests a second, and for {burst} at once after
a quiet time. No second may therefore have more than {bound:.0f}. The ledger hands out
the turns, at a rate 5 % lower than that, because a busy machine sends some requests
late. The storm took {seconds:.0f} seconds, and takes longer on a busy machine. A batch
that a killed worker held is free again after two minutes.

## More workers

The gateway takes {latency_ms:.0f} ms for each request, and each worker has {tasks}
tasks (`--max-async-tasks {tasks}`). If the gateway alone took time, a worker would
start {at_best:.0f} requests a second.

![Requests per second, by the number of workers](pictures/fleet.svg)

{scaling}

*CPU of a batch* is the processor time of the workers. All of them share the {cores}
cores with the gateway, the broker and the database. Once these cores are busy, only
another machine adds more. With full batches of 500, a hundred requests a second are
50,000 recipients a second: the gateway's limit comes first.

## Capacity of the ledger

One process claims batches, with 1 to 8 connections. A claim is one transaction. A whole
batch takes three: the claim, a turn of the shared rate, and the outcome. A worker that
waited for its turn also checks that it still holds the batch. With `fsync` each of the
three is on the disk before the next step. Without it, only a crash of the machine could
lose one, so the difference is what the disk costs.

{ledger}

All turns of a rate change one row, one after the other. This is the narrowest place of
a fleet, and far above the rate of any account.

## Capacity of the broker

A wake-up has {body:,} bytes, and {properties:,} more in its properties. It holds the
name of a run and of a batch, without personal data. These names take about fifty bytes;
the rest is taskiq's envelope. One client sent {sent:,.0f} wake-ups a second, and a
quorum queue confirmed each. One worker discarded {turned_away:,.0f} wake-ups a second
that were late or repeated. This is the cost of a superfluous wake-up.

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
    return _table(
        ("what", "count"),
        [[name, f"{figure:,}"] for name, figure in zip(head, row, strict=True)],
    )


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
            "share of the measured capacity with fsync",
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
    return _table(("quantity", "calculation", "result"), rows, column=":---")
