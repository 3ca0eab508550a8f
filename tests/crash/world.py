"""
A run that kills itself at a given step, and a gateway whose sent log outlives it.

A step is a call of the ledger that begins or returns, a request that leaves, the moment
in which the gateway has executed it, and an answer that arrives. In between nothing is
written or sent, so whoever has died at each of them has died everywhere.
"""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Callable
from functools import partial

from attrs import define, evolve, field, frozen
from fakes import answer, session_over

from aiooctopush import UnknownOutcomeError
from aiooctopush.ledgers.batch import unpack_numbers
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger
from aiooctopush.sandbox import VirtualClock


KEY = "run"
BATCH = 4
PEOPLE = tuple(f"+3363998{one:04d}" for one in range(12 * BATCH))

# The gateway refuses every request with one of them: the first without saying why, the
# second by its place.
UNNAMED, NAMED = PEOPLE[5 * BATCH + 1], PEOPLE[9 * BATCH + 2]

# Whom edits of the list are about: somebody who was not in it, somebody whose row is
# not readable at first, and somebody who is taken out.
NEWCOMER = "+33639989999"
REPAIRED, REMOVED = PEOPLE[BATCH + 2], PEOPLE[7 * BATCH + 1]
BROKEN = REPAIRED[:4]


@frozen(kw_only=True)
class List:
    """
    A list as it is at one start.

    Attributes:
        rows: What it holds, in its order.
        batch_size: How it is cut.
    """

    rows: tuple[str, ...]
    batch_size: int = BATCH

    @property
    def people(self):
        """Who can be sent to."""
        return set(self.rows) - {BROKEN}


FIRST = List(rows=tuple(BROKEN if one == REPAIRED else one for one in PEOPLE))

# What people do to a list between two starts.
EDITS = {
    "repaired": lambda old: evolve(old, rows=PEOPLE),
    "inserted in front": lambda old: evolve(old, rows=(NEWCOMER, *old.rows)),
    "removed": lambda old: evolve(
        old, rows=tuple(one for one in old.rows if one != REMOVED)
    ),
    "cut otherwise": lambda old: evolve(old, batch_size=BATCH + 1),
    "reordered": lambda old: evolve(old, rows=(*old.rows[::-2], *old.rows[-2::-2])),
}
SECOND = 2
"""The first start that finds an edited list."""
TOGETHER = "all of it"
"""Each of these edits."""

# What a request meets in a troubled world, counted from the first of all lives.
TROUBLES = {3: "throttled", 5: "lost", 7: "no credit", 9: "silent"}
REFUSALS = {"throttled": (429, 438), "no credit": (400, 104)}


@frozen(kw_only=True)
class Plan:
    """
    What a world is like.

    Attributes:
        burns_ids: The law: ids are noted on receipt, else on acceptance.
        troubled: Whether there are refusals, lost answers and bad numbers.
        late: Whether each start is 25 hours after the one before, when the gateway has
            forgotten all ids.
        concurrency: Requests in flight.
        edit: What is done to the list before the second start, of `EDITS`, or all
            `TOGETHER`; None if it stays as it is.
    """

    burns_ids: bool = False
    troubled: bool = False
    late: bool = False
    concurrency: int = 1
    edit: str | None = None

    def list_of(self, life):
        """The list at a start, counted from 1."""
        if self.edit is None:
            return List(rows=PEOPLE)
        edits = EDITS.values() if self.edit == TOGETHER else [EDITS[self.edit]]
        edited = FIRST
        for edit in edits if life >= SECOND else ():
            edited = edit(edited)
        return edited


# The end, without a word.
kill_myself = partial(signal.raise_signal, signal.SIGKILL)


@define
class Steps:
    """
    Counts the steps of a life.

    Attributes:
        die_at: The step at which it ends, counted from 1; None to live on.
        die: Ends it.
        names: Of the steps so far.
    """

    die_at: int | None = None
    die: Callable = kill_myself
    names: list = field(factory=list)

    def step(self, name):
        """Take one step."""
        self.names.append(name)
        if len(self.names) == self.die_at:
            self.die()


class WatchedLedger:
    """A ledger whose writing calls are steps, when they begin and when they return."""

    is_durable = True

    def __init__(self, ledger, steps):
        self._ledger = ledger
        self._steps = steps
        self.batches = ledger.batches
        self.rejections = ledger.rejections

    def __getattr__(self, name):
        method = getattr(self._ledger, name)

        async def watched(*args):
            self._steps.step(f"{name} begins")
            result = await method(*args)
            self._steps.step(f"{name} returns")
            if name == "conclude_soon":
                result.add_done_callback(lambda _: self._steps.step("it is written"))
            return result

        return watched


class SentLog:
    """What a gateway knows, in a file: written before each answer."""

    def __init__(self, path):
        self._path = path
        self.requests = self.lives = 0
        self.noted = set()
        self.sent = Counter()
        for line in path.read_text().splitlines() if path.exists() else ():
            self._take(json.loads(line))

    def write(self, event):
        """Add a line."""
        with self._path.open("a") as file:
            file.write(f"{json.dumps(event)}\n")
        self._take(event)

    def _take(self, event):
        self.requests += event.get("request", 0)
        self.lives += event.get("life", 0)
        self.noted.update(event.get("noted", ()))
        self.sent.update(event.get("sent", ()))


class BookedGateway:
    """A transport into a gateway that goes by its sent log alone."""

    def __init__(self, sent_log, plan, steps):
        self._sent_log = sent_log
        self._plan = plan
        self._steps = steps

    async def send(self, request):
        """See `Transport.send`."""
        self._steps.step("a request leaves")
        answered = self._execute(json.loads(request.body))
        self._steps.step("it is executed")
        if answered is None:
            raise UnknownOutcomeError("no response in time")
        self._steps.step("its answer arrives")
        return answered

    def _execute(self, body):
        sent_log, plan = self._sent_log, self._plan
        request_id = body["request_id"]
        numbers = [one["phone_number"] for one in body["recipients"]]
        trouble = TROUBLES.get(sent_log.requests + 1) if plan.troubled else None
        is_known = request_id in sent_log.noted
        sent_log.write({"request": 1, "noted": [request_id] if plan.burns_ids else []})
        if trouble in REFUSALS:
            status, code = REFUSALS[trouble]
            return answer(status, {"code": code, "message": "no"})
        if trouble == "silent":
            return None
        if is_known:
            return answer(400, {"code": 120, "message": "no"})
        if plan.troubled and {UNNAMED, NAMED} & set(numbers):
            words = "no"
            if NAMED in numbers:
                words = f"recipients.{numbers.index(NAMED)}.phone_number is wrong"
            return answer(400, {"code": 150, "message": words})
        sent_log.write({"noted": [request_id], "sent": numbers})
        accepted = {"sms_ticket": f"sms_{sent_log.requests}", "total_cost": 0.2}
        return None if trouble == "lost" else answer(201, accepted)


def numbers_of(batch):
    """Whom a batch of a ledger is for."""
    return unpack_numbers(batch.numbers)


async def live(folder, plan, steps):
    """One start of the run, to its end or to a pause; gives its report."""
    sent_log = SentLog(folder / "sent_log")
    sent_log.write({"life": 1})
    clock = VirtualClock()
    if plan.late:
        clock.advance(sent_log.lives * 25 * 3600)
        sent_log.noted.clear()
    gateway = BookedGateway(sent_log, plan, steps)
    people = plan.list_of(sent_log.lives)
    async with (
        SQLiteLedger(folder / "run.db") as ledger,
        session_over(gateway, clock=clock) as octopush,
    ):
        if sent_log.lives == SECOND:
            # Whoever is taken out of the list now stays in the run if he is in here.
            known = [
                one async for batch in ledger.batches(KEY) for one in numbers_of(batch)
            ]
            (folder / "known").write_text(json.dumps(known))
        run = octopush.bulk(
            KEY,
            text="Hi",
            sender="Acme",
            purpose="alert",
            ledger=WatchedLedger(ledger, steps),
            batch_size=people.batch_size,
            concurrency=plan.concurrency,
        )
        return await run.send(people.rows)


def one_life(folder, plan, steps):
    """Live, and leave a note about it; it is missing if one has died."""
    note = folder / "note"
    note.unlink(missing_ok=True)
    report = asyncio.run(live(folder, plan, steps))
    note.write_text(json.dumps({"steps": steps.names, "report": report.as_dict()}))
    return 0
