"""
The law of a run in any story: a list, what people do to it, and what goes wrong.

At most once per run and person, always; exactly once for everyone who is valid and in
the list at the end of a start that nothing disturbs.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from decimal import Decimal
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from aiooctopush import (
    InvalidFieldError,
    MemoryLedger,
    OctopushSession,
    Recipient,
    RetryPolicy,
)
from aiooctopush.sandbox import (
    FaultPlan,
    Gateway,
    GatewaySettings,
    SandboxTransport,
    VirtualClock,
)


RUN = {"text": "Hi", "purpose": "alert"}
FAULTS = [None, None, None, "fin_after_commit", "error_503", "throttled_429"]


class DurableLedger(MemoryLedger):
    """Outlives the process, as far as the engine can tell."""

    is_durable = True


class KilledError(BaseException):
    """The process is gone: nothing of it goes on."""


class Dying(SandboxTransport):
    """Kills the process before or behind one of its requests."""

    def __init__(self, gateway, faults, *, at, behind):
        super().__init__(gateway, faults)
        self.at, self.behind = at, behind

    async def send(self, request):
        """Pass a request on, unless this is the one."""
        self.at -= 1
        dies = self.at == 0
        answer = None
        if self.behind or not dies:
            answer = await super().send(request)
        if dies:
            raise KilledError
        return answer


def number(one):
    """A number in a range for fiction."""
    return f"+3363998{one:04d}"


class ListOfPeople(RuleBasedStateMachine):
    """People, what is done to their list, and the starts of their runs."""

    counts: ClassVar = Counter()

    @initialize(count=st.integers(1, 30))
    def begin(self, count):
        """A list, a gateway and a ledger."""
        self.clock = VirtualClock()
        self.gateway = Gateway(
            GatewaySettings(credit=Decimal(1_000_000)), clock=self.clock
        )
        self.ledger = DurableLedger(clock=self.clock)
        self.list = [(one, True, "Ana") for one in range(count)]
        self.next = count
        self.runs = set()
        self.counts["stories"] += 1

    # --- what people do ---------------------------------------------------------------

    @rule(at=st.integers(0, 99))
    def insert(self, at):
        """Somebody new, anywhere."""
        self.list.insert(at % (len(self.list) + 1), (self.next, True, "Bea"))
        self.next += 1

    @precondition(lambda self: self.list)
    @rule(at=st.integers(0, 99))
    def remove(self, at):
        """Somebody is taken out."""
        del self.list[at % len(self.list)]

    @rule(order=st.randoms(use_true_random=False))
    def reorder(self, order):
        """The list is sorted in another way."""
        order.shuffle(self.list)

    @precondition(lambda self: self.list)
    @rule(at=st.integers(0, 99))
    def correct(self, at):
        """Somebody gets another name."""
        at %= len(self.list)
        self.list[at] = (*self.list[at][:2], "Zoe")

    @precondition(lambda self: self.list)
    @rule(at=st.integers(0, 99), to=st.integers(0, 99))
    def duplicate(self, at, to):
        """Somebody stands there twice."""
        self.list.insert(to % len(self.list), self.list[at % len(self.list)])

    @precondition(lambda self: self.list)
    @rule(at=st.integers(0, 99))
    def break_or_repair(self, at):
        """A row becomes unreadable, or readable again."""
        at %= len(self.list)
        one, is_good, name = self.list[at]
        self.list[at] = (one, not is_good, name)

    # --- starts -----------------------------------------------------------------------

    def people(self):
        """The list as a source."""
        return [
            Recipient(number(one), first_name=name) if good else number(one)[:4]
            for one, good, name in self.list
        ]

    def start(self, name, transport, **options):
        """One start of a run, to its end or its death."""

        async def go():
            octopush = OctopushSession(
                "me@example.org", "key", transport=transport, clock=self.clock
            )
            run = octopush.bulk(
                name,
                **RUN,
                sender=f"Acme{name}",
                ledger=self.ledger,
                retry=RetryPolicy(attempts=3),
                wait_for_gateway=0,
                **options,
            )
            return await run.send(self.people())

        self.runs.add(name)
        self.counts["starts"] += 1
        return asyncio.run(go())

    @rule(
        name=st.sampled_from("ab"),
        size=st.integers(1, 12),
        concurrency=st.integers(1, 4),
        faults=st.lists(st.sampled_from(FAULTS), max_size=8),
        at=st.integers(0, 6),
        behind=st.booleans(),
        money=st.sampled_from([0, 1, 1_000_000]),
    )
    def disturbed(self, *, name, size, concurrency, faults, at, behind, money):
        """A start that is killed, has no credit, or loses answers."""
        self.gateway.credit = Decimal(money)
        plan = FaultPlan.schedule(faults) if faults else None
        transport = Dying(self.gateway, plan, at=at, behind=behind)
        with suppress(KilledError, BaseExceptionGroup):
            self.start(name, transport, batch_size=size, concurrency=concurrency)
        self.gateway.credit = Decimal(1_000_000)

    @rule(
        name=st.sampled_from("ab"),
        size=st.integers(1, 12),
        concurrency=st.integers(1, 4),
    )
    def undisturbed(self, name, size, concurrency):
        """A start to which nothing happens: everybody in the list has it then."""
        report = self.start(
            name,
            SandboxTransport(self.gateway),
            batch_size=size,
            concurrency=concurrency,
        )

        had = self.had(name)
        assert all(had[number(one)] == 1 for one, good, _ in self.list if good)
        assert report.unknown == report.not_sent == report.in_flight == 0
        assert report.rejected == sum(not good for _, good, _ in self.list)
        assert report.exhausted
        assert report.paused is None

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def another_text(self, data):
        """Is refused before anything leaves, if the run has begun."""
        name = data.draw(st.sampled_from(sorted(self.runs)))
        before = len(self.gateway.sent_log)
        octopush = OctopushSession(
            "me@example.org", "key", transport=SandboxTransport(self.gateway)
        )
        run = octopush.bulk(
            name, **RUN | {"text": "Bye"}, sender=f"Acme{name}", ledger=self.ledger
        )
        with pytest.raises(InvalidFieldError, match="began with another text"):
            asyncio.run(run.send(self.people()))
        assert len(self.gateway.sent_log) == before

    # --- the law ----------------------------------------------------------------------

    def had(self, name):
        """How often the gateway accepted each number for a run, by its sent log."""
        return Counter(
            one
            for entry in self.gateway.sent_log.entries
            if entry.sender == f"Acme{name}"
            for one in entry.recipients
        )

    @invariant()
    def nobody_gets_it_twice(self):
        """Of each run at most once, whatever happened."""
        for name in getattr(self, "runs", ()):
            assert max(self.had(name).values(), default=1) == 1


def tell_stories(count, *, at_random=None):
    """
    Tell so many stories, and see that the law holds in each.

    Args:
        count: How many.
        at_random: A seed, to tell others than the settings of the tests would.

    Returns:
        How many stories and starts there were.
    """
    told = Counter()

    class Counted(ListOfPeople):
        counts = told

    stories = settings(
        max_examples=count,
        stateful_step_count=12,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    if at_random is not None:
        stories = settings(stories, derandomize=False, database=None)
        seed(at_random)(Counted)
    run_state_machine_as_test(Counted, settings=stories)
    return told
