"""Batches that are ready together are planned together, and none waits for another."""

import asyncio
from collections import Counter
from contextlib import aclosing
from decimal import Decimal

import pytest

from aiooctopush import InvalidFieldError, LedgerError, OctopushSession, read_csv
from aiooctopush.bulk.options import OnDuplicate, OnInvalid
from aiooctopush.bulk.sources import batching
from aiooctopush.bulk.sources.batching import BatchReader
from aiooctopush.bulk.sources.prefetching import BatchPrefetcher
from aiooctopush.ledgers.memory import MemoryLedger
from aiooctopush.sandbox import Gateway, GatewaySettings, SandboxTransport, VirtualClock


MESSAGE = {"text": "Hi", "sender": "Acme", "purpose": "alert"}


def numbers(count, start=0):
    """Made-up numbers in a range for fiction, all different."""
    return [f"+3363998{start + one:04d}" for one in range(count)]


async def turns(count=10):
    """Let the others go on."""
    for _ in range(count):
        await asyncio.sleep(0)


class SlowLedger(MemoryLedger):
    """Takes its time to plan, and notes the plans."""

    def __init__(self):
        super().__init__()
        self.plans = []
        self.after_several = lambda: None

    async def plan(self, run, batches, rejections=()):
        """See `Ledger.plan`."""
        self.plans.append((run, [batch.count for batch in batches], rejections))
        await turns()
        await super().plan(run, batches, rejections)
        if len(batches) > 1:
            self.after_several()

    @property
    def sizes(self):
        """The batches of each plan, by their sizes; the last one is the end."""
        return [sizes for _, sizes, _ in self.plans]


@pytest.fixture
def ledger():
    """A ledger that nobody has used yet."""
    return SlowLedger()


@pytest.fixture
def gateway():
    """A gateway in virtual time."""
    return Gateway(GatewaySettings(credit=Decimal(1_000_000)), clock=VirtualClock())


@pytest.fixture
async def octopush(gateway):
    """A session over it."""
    transport = SandboxTransport(gateway)
    async with OctopushSession(
        "me@example.org", "key", transport=transport, clock=gateway.clock
    ) as octopush:
        yield octopush


@pytest.fixture
def bulk(octopush, ledger):
    """Begin a run of batches of two, three in flight."""

    def begin(**options):
        options = {"batch_size": 2, "concurrency": 3, "ledger": ledger} | options
        return octopush.bulk("run", **MESSAGE, **options)

    return begin


# --- a run ----------------------------------------------------------------------------


async def test_what_several_wait_for_is_planned_at_once(bulk, ledger, gateway):
    """The first goes alone; then two wait for their turn, and one is on its way."""
    report = await bulk().send(numbers(12))

    assert ledger.sizes[:2] == [[2], [2, 2]]
    assert sum(map(sum, ledger.sizes)) == 12
    assert max(map(len, ledger.sizes)) <= 3
    assert (report.accepted, report.is_complete) == (12, True)
    assert gateway.sent_log.numbers() == Counter(numbers(12))


async def test_batches_that_are_planned_at_once_are_numbered_in_order(bulk, ledger):
    """Each begins where the one before it ends, bad and double numbers included."""
    people = numbers(12)
    source = [*people[:3], people[0], "33", *people[3:7], "34", *people[7:]]

    await bulk().send(source)

    batches = [batch async for batch in ledger.batches("run")]
    assert [batch.number for batch in batches] == [1, 2, 3, 4, 5, 6]
    assert [batch.first for batch in batches] == [0, 2, 6, 8, 11, 13]
    assert [
        (run.items, sizes, [one.position for one in rejections])
        for run, sizes, rejections in ledger.plans
    ] == [
        (2, [2], []),
        (11, [2, 2, 2], [4, 9]),
        (13, [2], []),
        (15, [2], []),
        (15, [], []),
    ]


async def test_rejections_are_written_before_they_fill_the_memory(
    bulk, ledger, gateway, monkeypatch
):
    """Nothing but those may come for millions of rows, and a batch may begin there."""
    monkeypatch.setattr(batching, "REJECTED_AT_ONCE", 3)
    people = numbers(6)
    source = [people[0], *["33"] * 7, *people[1:], *["34"] * 7]

    report = await bulk(concurrency=1).send(source)

    assert [
        (run.items, run.exhausted, sizes, len(rejections))
        for run, sizes, rejections in ledger.plans
    ] == [
        (4, False, [1], 3),
        (8, False, [], 4),
        (10, False, [2], 0),
        (12, False, [2], 0),
        (16, False, [1], 3),
        (20, False, [], 4),
        (20, True, [], 0),
    ]
    assert (report.items, report.rejected, report.accepted) == (20, 14, 6)
    assert gateway.sent_log.numbers() == Counter(people)
    positions = [one.position async for one in ledger.rejections("run")]
    assert positions == [*range(1, 8), *range(13, 20)]


async def test_known_people_between_new_ones_part_no_plan(bulk, ledger, gateway):
    """A batch that is filled from several reads is ready as well."""
    people = numbers(24)
    await bulk().send(people[::2])
    ledger.plans.clear()

    await bulk().send(people)

    assert [2, 2, 2] in ledger.sizes
    assert gateway.sent_log.numbers() == Counter(people)


async def test_with_one_in_flight_each_batch_is_planned_by_itself(bulk, ledger):
    """Nobody waits."""
    await bulk(concurrency=1).send(numbers(6))

    assert ledger.sizes == [[2], [2], [2], []]


async def test_with_a_bound_for_costs_each_batch_is_planned_by_itself(bulk, ledger):
    """Each is weighed when those before it are on their way."""
    await bulk(max_cost=Decimal(1_000)).send(numbers(8))

    assert ledger.sizes == [[2], [2], [2], [2], []]


async def test_a_slow_source_holds_no_batch_back(bulk, ledger, gateway):
    """A batch that is read goes out before the next one is."""
    first_out = asyncio.Event()

    async def source():
        for number in numbers(4):
            yield number
        await first_out.wait()
        for number in numbers(4, start=4):
            yield number

    results = bulk().stream(source())
    seen = [await anext(results), await anext(results)]
    sent = gateway.sent_log.numbers()
    first_out.set()
    seen += [result async for result in results]

    assert sent == Counter(numbers(4))
    assert [len(result.recipients) for result in seen] == [2, 2, 2, 2]
    assert gateway.sent_log.numbers() == Counter(numbers(8))


async def test_what_is_read_before_a_failure_is_sent(bulk, gateway):
    """Also if the failure was met while others waited."""

    def source():
        yield from numbers(8)
        raise LookupError("the database is gone")

    run = bulk()
    with pytest.raises(LookupError):
        await run.send(source())

    assert run.report.accepted == 8
    assert gateway.sent_log.numbers() == Counter(numbers(8))


async def test_a_plan_that_fails_ends_the_reading(bulk, ledger, gateway, monkeypatch):
    """Whom it was for would be missing between those who were planned later."""
    plan = ledger.plan

    async def failing_once(run, batches, rejections=()):
        if len(ledger.plans) == 1:
            ledger.plans.append(None)
            await turns()
            raise LedgerError("not now")
        await plan(run, batches, rejections)

    monkeypatch.setattr(ledger, "plan", failing_once)

    with pytest.raises(LedgerError, match="not now"):
        await bulk().send(numbers(12))

    assert gateway.sent_log.numbers() == Counter(numbers(2))
    (run,) = await ledger.runs()
    assert (run.items, run.planned, run.exhausted) == (2, 2, False)


async def test_what_is_planned_when_a_run_stops_is_sent_by_the_next(
    bulk, ledger, gateway
):
    """A stop leaves nothing that is said to be on its way, and loses nobody."""
    run = bulk()
    ledger.after_several = run.stop

    report = await run.send(numbers(40))

    assert ledger.sizes == [[2], [2, 2]]
    assert (report.planned, report.in_flight) == (6, 0)
    assert report.accepted + report.not_sent == 6
    assert sum(gateway.sent_log.numbers().values()) == report.accepted

    again = await bulk().send(numbers(40))

    assert again.is_complete
    assert gateway.sent_log.numbers() == Counter(numbers(40))


async def test_leaving_early_ends_the_reading_ahead(bulk):
    """Nothing reads on when the source is closed."""
    reading, closed = asyncio.Event(), asyncio.Event()

    async def source():
        try:
            for number in numbers(4):
                yield number
            reading.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    async with aclosing(bulk().stream(source())) as results:
        await anext(results)
        await reading.wait()

    assert closed.is_set()
    assert asyncio.all_tasks() == {asyncio.current_task()}


# --- cuts alone -----------------------------------------------------------------------


def intake(**options):
    """An intake of numbers."""
    given = {
        "whole_requests": False,
        "on_duplicate": OnDuplicate.SKIP,
        "on_invalid": OnInvalid.ERROR,
        "identity": None,
    }
    return BatchReader(**(given | options))


async def test_the_end_is_for_who_comes_next():
    """Nobody gets an empty batch because he might have had one more."""
    reader = intake()
    async with reader.reading(numbers(4)):
        cuts = BatchPrefetcher(reader, 2)
        first, second = await cuts.next(), await cuts.ready()
        none = await cuts.ready()
        end = await cuts.next()

    assert [one.counts["items"] for one in (first, second, end)] == [2, 4, 4]
    assert none is None
    assert (first.is_end, end.is_end, end.content) == (False, True, ())


async def test_an_error_is_for_who_comes_next():
    """And for him alone."""
    reader = intake()
    async with reader.reading([*numbers(2), "33"]):
        cuts = BatchPrefetcher(reader, 2)
        await cuts.next()
        none = await cuts.ready()
        with pytest.raises(InvalidFieldError, match="item 3 of the source"):
            await cuts.next()

    assert none is None


async def test_what_was_not_ready_is_ready_later():
    """It is read on meanwhile, and once."""
    more = asyncio.Event()

    async def source():
        for number in numbers(2):
            yield number
        await more.wait()
        third, fourth = numbers(2, start=2)
        yield third
        yield fourth

    reader = intake()
    async with reader.reading(source()):
        cuts = BatchPrefetcher(reader, 2)
        await cuts.next()
        early = await cuts.ready()
        more.set()
        await turns()
        late = await cuts.ready()

    assert early is None
    assert [one.phone_number for one in late.content] == numbers(2, start=2)


async def test_a_source_that_is_cancelled_is_for_who_comes_next():
    """As if nobody had read ahead."""

    async def source():
        for number in numbers(2):
            yield number
        raise asyncio.CancelledError

    reader = intake()
    async with reader.reading(source()):
        cuts = BatchPrefetcher(reader, 2)
        await cuts.next()
        none = await cuts.ready()
        (error,) = await asyncio.gather(cuts.next(), return_exceptions=True)

    assert none is None
    assert isinstance(error, asyncio.CancelledError)


async def test_what_is_not_asked_for_is_dropped_at_the_end():
    """Also what went wrong in it, and closing twice is closing once."""
    reader = intake()
    async with reader.reading([*numbers(2), "33"]):
        cuts = BatchPrefetcher(reader, 2)
        await cuts.next()
        await cuts.ready()

        await cuts.aclose()
        await cuts.aclose()

    assert reader.items == 2


async def test_rows_around_an_odd_one_are_one_batch(tmp_path):
    """However the file was cut to find it."""
    path = tmp_path / "people.csv"
    people = [*numbers(3), "odd", *numbers(60, start=3)]
    path.write_text("\n".join(["phone_number", *people, ""]))
    reader = intake(on_invalid=OnInvalid.SKIP)

    async with reader.reading(read_csv(path)):
        content = await reader.take(500)

    assert [one.phone_number for one in content] == [*numbers(63)]
    assert reader.rejected == 1
