"""The judge of a storm: what the worker says, against what the sent log says."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from storm_worker import KEY, LOGIN, RUN, people

from aiooctopush import OctopushSession
from aiooctopush.ledgers.batch import unpack_numbers
from aiooctopush.ledgers.records import BatchState
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger


@frozen(kw_only=True)
class Storm:
    """
    What is weathered.

    Attributes:
        name: For the table.
        who: Which worker.
        count: Recipients.
        probability: Of a fault, for each request.
        kills: How often the worker is killed.
        burns_ids: The gateway's law: ids are noted on receipt, else on acceptance.
        batch: Recipients of one request.
    """

    name: str
    who: str = "aiooctopush"
    count: int = 1_000_000
    batch: int = 500
    probability: float = 0.1
    kills: int = 0
    burns_ids: bool = False


@define(kw_only=True)
class Found:
    """
    What came of a storm. Counts are recipients unless they say otherwise.

    Attributes:
        storm: What it was.
        batches: Requests it would take without faults.
        requests: That arrived whole.
        faults: How many requests met a fault.
        kinds: How many kinds of faults were met.
        kills: How often the worker was killed.
        sent: Are in the sent log.
        twice: Are in the sent log more than once.
        extra: Messages beyond the first to each.
        lost: Are not in the sent log, although the caller was not told of any doubt.
        denied: Are in the sent log, although the caller was told that it failed.
        presumed: Of whom was said that it was most likely sent.
        unsent: Of these, not in the sent log.
        in_doubt: Of whom was said that nobody knows.
        unexplained: Of those not known for sure, still open when delivery receipts had
            been heard and what had none was sent again.
        seconds: From the first start to the end.
        cpu: Seconds of the processor, all starts together.
        memory: Peak of the worker, in megabytes.
        ledger: Size of its files in the end, in megabytes.
    """

    storm: Storm
    batches: int = 0
    requests: int = 0
    faults: int = 0
    kinds: int = 0
    kills: int = 0
    sent: int = 0
    twice: int = 0
    extra: int = 0
    lost: int = 0
    denied: int = 0
    presumed: int = 0
    unsent: int = 0
    in_doubt: int = 0
    unexplained: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0
    ledger: float = 0.0
    problems: list[str] = field(factory=list)


async def told(folder: Path) -> dict[BatchState, set[int]]:
    """What the ledger says of each recipient."""
    states: dict[BatchState, set[int]] = defaultdict(set)
    async with SQLiteLedger(folder / "run.db", read_only=True) as ledger:
        async for batch in ledger.batches(RUN):
            if batch.state is not BatchState.SPLIT:
                states[batch.state].update(map(int, unpack_numbers(batch.numbers)))
    return states


def judge(
    found: Found,
    sent_log: Counter[int],
    said: dict[str, Any],
    words: dict[BatchState, set[int]],
) -> None:
    """
    Compare the worker's words with the sent log.

    Args:
        found: Where it is written down.
        sent_log: Who has how many messages.
        said: The worker's report.
        words: What its ledger says of each recipient.
    """
    storm = found.storm
    source = {int(one) for one in people(storm.count)}
    found.batches = -(-storm.count // storm.batch)
    found.sent = len(sent_log)
    found.twice = sum(times > 1 for times in sent_log.values())
    found.extra = sum(sent_log.values()) - len(sent_log)
    found.presumed = len(words[BatchState.PRESUMED])
    found.unsent = len(words[BatchState.PRESUMED] - sent_log.keys())
    found.in_doubt = len(words[BatchState.UNKNOWN])
    refused = words[BatchState.REFUSED] | words[BatchState.NOT_SENT]
    found.denied = len(refused & sent_log.keys())
    doubt = words[BatchState.PRESUMED] if storm.burns_ids else set()
    found.lost = len(
        source - sent_log.keys() - doubt - words[BatchState.UNKNOWN] - refused
    )
    if sent_log.keys() - source:
        found.problems.append("the sent log has somebody who is not in the source")
    if storm.who != "aiooctopush":
        return
    for state in BatchState:
        if said.get(state, 0) != len(words[state]):
            found.problems.append(f"report and ledger differ about {state}")
    sums = {sum(map(len, words.values())), said["planned"], storm.count}
    sums.add(said["now"]["items"])  # each start reads the whole list
    if len(sums) > 1:
        found.problems.append(f"it does not add up: {sorted(sums)}")


def words_of_the_baseline(storm: Storm, folder: Path) -> dict[BatchState, set[int]]:
    """What the files of the baseline say of each recipient."""
    states: dict[BatchState, set[int]] = defaultdict(set)
    numbers = [int(one) for one in people(storm.count)]
    for line in (folder / "progress.txt").read_text().splitlines():
        batch, word = line.split()
        state = BatchState.ACCEPTED if word == "done" else BatchState.REFUSED
        first = int(batch) * storm.batch
        states[state].update(numbers[first : first + storm.batch])
    return states


async def hear_receipts(folder: Path, sent_log: Counter[int]) -> tuple[int, int]:
    """
    Settle the worklist with delivery receipts: who is in the sent log has one.

    Returns:
        How many batches were sent after all and how many are to be sent again. A batch
        with receipts for some only would be neither, and is an error.
    """
    async with OctopushSession(LOGIN, KEY) as octopush:
        run = octopush.bulk(
            RUN,
            text="to look at it",
            sender="Acme",
            purpose="alert",
            ledger=folder / "run.db",
        )
        worklist = [one async for one in run.unresolved()]
        sent = resent = 0
        for one in worklist:
            receipts = sum(int(number) in sent_log for number in one.numbers)
            assert receipts in {0, len(one.numbers)}, "a part of a batch was sent"
            decision = "sent" if receipts else "resend"
            sent, resent = sent + bool(receipts), resent + (not receipts)
            await run.resolve(
                one.batch,
                decision,  # type: ignore[arg-type]  # a word will do
                by="delivery receipts",
            )
    return sent, resent


def promise_kept(found: Found) -> bool:
    """What aiooctopush promises of every storm."""
    broken = found.twice + found.extra + found.lost + found.denied + found.unexplained
    unsent = 0 if found.storm.burns_ids else found.unsent
    enough = found.kills >= found.storm.kills
    return not (broken or unsent or found.problems or found.in_doubt) and enough
