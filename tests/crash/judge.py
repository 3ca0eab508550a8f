"""Whether a run came through its deaths: its words against the gateway's sent log."""

import json
from collections import defaultdict

from crash.world import KEY, NAMED, REMOVED, SECOND, UNNAMED, SentLog, numbers_of

from aiooctopush.ledgers.records import BatchState
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger


async def problems(folder, plan, report):
    """Every broken promise, in words; none if all is well."""
    sent_log = SentLog(folder / "sent_log")
    wanted = everybody(folder, plan)
    words, beside = await _words(folder)
    last = plan.list_of(sent_log.lives)
    return [
        *of_each(sent_log.sent, plan, wanted),
        *against_the_sent_log(sent_log.sent, words, plan, beside),
        *adds_up(words, report, wanted, items=len(last.rows)),
    ]


def everybody(folder, plan):
    """Who has to have it: all in the list at the end, and who was planned before."""
    wanted = plan.list_of(SECOND).people
    if REMOVED not in wanted and REMOVED in json.loads((folder / "known").read_text()):
        wanted.add(REMOVED)
    return wanted


async def _words(folder):
    """The state of each person, as the ledger has it; and who was beside a bad one."""
    words, beside = defaultdict(list), set()
    async with SQLiteLedger(folder / "run.db", read_only=True) as ledger:
        async for batch in ledger.batches(KEY):
            numbers = numbers_of(batch)
            if {UNNAMED, NAMED} & set(numbers):
                beside.update(numbers)
            if batch.state is not BatchState.SPLIT:
                words[batch.state] += numbers
    return words, beside


def of_each(sent_log, plan, wanted):
    """
    Who has how many, whatever the run says.

    Args:
        sent_log: How often each number was sent to.
        plan: Of the world.
        wanted: Who has to have it, once.
    """
    yield from (
        f"{one} gets it {times} times" for one, times in sent_log.items() if times > 1
    )
    yield from (
        f"{one} is in nobody's list" for one in sorted(sent_log.keys() - wanted)
    )
    if not plan.troubled and not plan.late:
        # Nothing was refused, and every id still protects: there is no doubt.
        yield from (
            f"{one} does not get it" for one in sorted(wanted - sent_log.keys())
        )


def against_the_sent_log(sent_log, words, plan, beside):
    """
    Who is told what.

    Args:
        sent_log: How often each number was sent to.
        words: The numbers of each state.
        plan: Of the world.
        beside: Who was in one request with a bad number. If it was refused after
            silence, they may have been sent before, for all that we know.
    """
    bad = {UNNAMED, NAMED} if plan.troubled else set()
    allowed = defaultdict(set, {BatchState.REFUSED: bad})
    if plan.troubled:
        allowed[BatchState.UNKNOWN] = beside
    # An id that was noted, and nothing sent: what nobody can know.
    unknown = [BatchState.PRESUMED] * (plan.burns_ids and plan.troubled)
    unknown += [BatchState.UNKNOWN] * plan.late
    told_sent = {BatchState.ACCEPTED, BatchState.PRESUMED}
    for state, numbers in words.items():
        unsent = [one for one in numbers if not sent_log[one]]
        if state in unknown:
            continue
        if state in told_sent:
            yield from (
                f"{one} is {state}, and is not in the sent log" for one in unsent
            )
        elif set(numbers) - allowed[state]:
            yield f"{len(numbers)} are {state} in the end"
        elif len(unsent) < len(numbers):
            yield f"somebody is {state}, and is in the sent log"


def adds_up(words, report, wanted, *, items):
    """Whether ledger and report have everybody once, and agree."""
    if sorted(one for numbers in words.values() for one in numbers) != sorted(wanted):
        yield "the ledger has not everybody once"
    for state in BatchState:
        if report.get(state, 0) != len(words[state]):
            yield f"the report says {report.get(state, 0)} {state}, the ledger not"
    figures = report["planned"], report["now"]["items"]
    if figures != (len(wanted), items) or report["paused"]:
        yield "the report does not say that it is done"
