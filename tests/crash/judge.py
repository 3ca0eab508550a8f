"""Whether a run came through its deaths: its words against the gateway's book."""

from collections import defaultdict

from crash.world import BATCH, KEY, NAMED, PEOPLE, UNNAMED, Book

from aiooctopush.ledgers.batch import unpack_numbers
from aiooctopush.ledgers.records import BatchState
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger


async def problems(folder, plan, report):
    """Every broken promise, in words; none if all is well."""
    book = Book(folder / "book").sent
    words = await _words(folder)
    return [
        *against_the_book(book, words, plan),
        *adds_up(words, report),
    ]


async def _words(folder):
    """The state of each person, as the ledger has it."""
    words = defaultdict(list)
    async with SQLiteLedger(folder / "run.db", read_only=True) as ledger:
        async for batch in ledger.batches(KEY):
            if batch.state is not BatchState.SPLIT:
                words[batch.state] += unpack_numbers(batch.numbers)
    return words


def against_the_book(book, words, plan):
    """Who is told what, and who has how many."""
    yield from (
        f"{one} gets it {times} times" for one, times in book.items() if times > 1
    )
    yield from (f"{one} is in nobody's list" for one in book.keys() - set(PEOPLE))
    bad = {UNNAMED, NAMED} if plan.troubled else set()
    # Who was refused after silence may have been sent before, for all that we know.
    beside = {one for batch in batched(PEOPLE) if bad & set(batch) for one in batch}
    allowed = defaultdict(set, {BatchState.REFUSED: bad, BatchState.UNKNOWN: beside})
    unknown = [BatchState.PRESUMED] * plan.burns_ids + [BatchState.UNKNOWN] * plan.late
    told_sent = {BatchState.ACCEPTED, BatchState.PRESUMED}
    for state, numbers in words.items():
        unsent = [one for one in numbers if not book[one]]
        if state in unknown:
            continue
        if state in told_sent:
            yield from (f"{one} is {state}, and is not in the book" for one in unsent)
        elif set(numbers) - allowed[state]:
            yield f"{len(numbers)} are {state} in the end"
        elif len(unsent) < len(numbers):
            yield f"somebody is {state}, and is in the book"


def adds_up(words, report):
    """Whether ledger and report have everybody once, and agree."""
    everybody = sorted(one for numbers in words.values() for one in numbers)
    if everybody != sorted(PEOPLE):
        yield "the ledger has not everybody once"
    for state in BatchState:
        if report.get(state, 0) != len(words[state]):
            yield f"the report says {report.get(state, 0)} {state}, the ledger not"
    if {report["planned"], report["now"]["items"]} != {len(PEOPLE)} or report["paused"]:
        yield "the report does not say that it is done"


def batched(numbers):
    """The batches in which they are sent."""
    return [numbers[at : at + BATCH] for at in range(0, len(numbers), BATCH)]
