"""Any calls in any order leave in a ledger what they leave in plain dictionaries."""

import asyncio
import itertools
import os
import tempfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from ledger_kinds import KINDS, everything

from aiooctopush.ledgers.records import (
    KEEPS_PAYLOAD,
    BatchRecord,
    BatchState,
    LedgerError,
    Pause,
    Rejection,
    RunRecord,
)


# Where there is such a folder, writing to it does not wait for a disk.
IN_MEMORY = next(filter(os.path.isdir, ["/dev/shm"]), None)  # noqa: S108  # no secret
KEYS = ("a", "b")
NUMBERS = (1, 2, 3)
PARTS = ("", "1", "2", "1.1", "2.1")
NAMES = tuple(itertools.product(KEYS, NUMBERS, PARTS))
COUNTS = st.integers(0, 2**63 - 1)
FIGURES = st.none() | st.integers(-(2**80), 2**80)
MONEY = st.none() | st.decimals(allow_nan=False, allow_infinity=False)
# What others say may hold a NUL; what is made here never does.
WORDS = st.text(max_size=5) | st.just("a\0b")
MADE_HERE = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=5)
INSTANTS = st.datetimes(
    datetime(2000, 1, 1),  # noqa: DTZ001  # hypothesis adds the zone
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=30))]),
)
RUNS = st.builds(
    RunRecord,
    name=st.sampled_from(KEYS),
    settings=st.dictionaries(WORDS, WORDS, max_size=2),
    items=COUNTS,
    exhausted=st.booleans(),
    paused=st.none() | st.sampled_from(Pause),
    max_batch_size=st.none() | COUNTS,
    began_at=INSTANTS,
    latest=INSTANTS,
    residual_credit=MONEY,
)
BATCHES = st.builds(
    BatchRecord,
    number=st.sampled_from(NUMBERS),
    part=st.sampled_from(PARTS),
    first=COUNTS,
    count=COUNTS,
    digest=MADE_HERE,
    epoch=COUNTS,
    request_id=MADE_HERE,
    # What is JSON may come back packed: test_postgres_ledger.py has a law of that.
    payload=st.none()
    | st.binary(max_size=5).filter(lambda one: not one.startswith((b"[", b"{"))),
    numbers=st.binary(max_size=5),
    state=st.sampled_from(BatchState),
    first_tried_at=st.none() | INSTANTS,
    concluded_at=st.none() | INSTANTS,
    attempts=COUNTS,
    faults=st.dictionaries(WORDS, COUNTS, max_size=2),
    ticket=st.none() | WORDS,
    sms_needed=FIGURES,
    cost=MONEY,
    code=FIGURES,
    error=st.none() | MADE_HERE,
    resolution=st.none() | WORDS,
)
REJECTIONS = st.builds(
    Rejection,
    position=COUNTS,
    line=st.none() | COUNTS,
    reason=WORDS,
    shown=st.none() | WORDS,
)


class LedgerMachine(RuleBasedStateMachine):
    """
    Does the same to a ledger and to a model of it, which keeps records as they are.

    What is at odds with the model, such as a batch that is planned twice, must be
    refused, and change nothing.
    """

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.folder = tempfile.TemporaryDirectory(dir=IN_MEMORY)
        self.places = (Path(self.folder.name, str(n)) for n in range(1_000))
        self.runner = asyncio.Runner()
        self.runs = {}
        self.batches = {}
        self.rejections = {}
        self.move()

    def teardown(self):
        """Leave nothing behind."""
        self.do(self.ledger.close())
        self.runner.close()
        self.folder.cleanup()

    def do(self, call):
        """Wait for a call."""
        return self.runner.run(call)

    def move(self):
        """Open a ledger in a new place."""
        self.place = next(self.places)
        self.place.mkdir()
        self.ledger = self.kind.open(self.place)

    def try_to_write(self, call, *, key, new=(), old=()):
        """Do a call that needs a run, these batches in it, and those not."""
        new = [(key, batch.number, batch.part) for batch in new]
        old = [(key, batch.number, batch.part) for batch in old]
        if (
            key in self.runs
            and len(set(new)) == len(new)
            and not any(name in self.batches for name in new)
            and all(name in self.batches for name in old)
        ):
            self.do(call)
            return True
        with pytest.raises(LedgerError):
            self.do(call)
        return False

    def put(self, key, batch):
        """Put a batch into the model, by the laws of payloads."""
        name = (key, batch.number, batch.part)
        payload = batch.payload
        if payload is None:
            payload = getattr(self.batches.get(name), "payload", None)
        if batch.state not in KEEPS_PAYLOAD:
            payload = None
        self.batches[name] = evolve(batch, payload=payload)

    def as_planned(self, run):
        """A run as planning writes it: what others say of it stays."""
        old = self.runs[run.name]
        return evolve(run, paused=old.paused, purged=old.purged)

    def names(self):
        """Batches that are there, and others."""
        return st.sampled_from(sorted(self.batches)) | st.sampled_from(NAMES)

    @initialize(run=RUNS)
    def begin_with_a_run(self, run):
        """Most rules need one."""
        self.open_run(run)

    @rule(run=RUNS)
    def open_run(self, run):
        """Begin a run, or find it."""
        expected = self.runs.setdefault(run.name, run)
        self.rejections.setdefault(run.name, [])

        assert self.do(self.ledger.open_run(run)) == expected

    @rule(
        run=RUNS,
        batches=st.lists(BATCHES, max_size=3),
        rejections=st.lists(REJECTIONS, max_size=3),
    )
    def plan(self, run, batches, rejections):
        """Add batches and rejections."""
        call = self.ledger.plan(run, batches, rejections)
        if self.try_to_write(call, key=run.name, new=batches):
            self.runs[run.name] = self.as_planned(run)
            self.rejections[run.name] += rejections
            for batch in batches:
                self.put(run.name, batch)

    @rule(run=RUNS)
    def update_run(self, run):
        """Replace what is known of a run."""
        if self.try_to_write(self.ledger.update_run(run), key=run.name):
            purged = self.runs[run.name].purged
            self.runs[run.name] = evolve(run, purged=purged)

    @rule(run=RUNS)
    def start_run(self, run):
        """Begin another start of a run."""
        if self.try_to_write(self.ledger.start_run(run), key=run.name):
            self.runs[run.name] = self.as_planned(run)
            self.rejections[run.name] = []

    @rule(key=st.sampled_from(KEYS), why=st.sampled_from(Pause))
    def pause(self, key, why):
        """Let nobody claim from a run, or let it go on."""
        if self.try_to_write(self.ledger.pause(key, why), key=key):
            old = self.runs[key]
            self.runs[key] = evolve(old, paused=old.paused or why)

    @rule(key=st.sampled_from(KEYS))
    def unpause(self, key):
        """Let a run go on."""
        if self.try_to_write(self.ledger.unpause(key), key=key):
            self.runs[key] = evolve(self.runs[key], paused=None)

    @rule(act=st.sampled_from(["begin", "conclude"]), data=st.data(), batch=BATCHES)
    @precondition(lambda self: self.batches)
    def write(self, act, data, batch):
        """Write an intent, or an outcome of each class."""
        key, number, part = data.draw(self.names())
        batch = evolve(batch, number=number, part=part)
        call = getattr(self.ledger, act)(key, batch)
        if self.try_to_write(call, key=key, old=[batch]):
            self.put(key, batch)

    @rule(data=st.data(), parent=BATCHES, parts=st.lists(BATCHES, max_size=3))
    @precondition(lambda self: self.batches)
    def split(self, data, parent, parts):
        """Replace a batch by others."""
        key, number, part = data.draw(self.names())
        parent = evolve(parent, number=number, part=part)
        call = self.ledger.split(key, parent, parts)
        if self.try_to_write(call, key=key, old=[parent], new=parts):
            for batch in (evolve(parent, state=BatchState.SPLIT), *parts):
                self.put(key, batch)

    @rule(key=st.sampled_from(KEYS))
    def purge(self, key):
        """Forget whom a run went to."""
        if self.try_to_write(self.ledger.purge(key), key=key):
            self.rejections[key] = []
            for name in [name for name in self.batches if name[0] == key]:
                self.batches[name] = evolve(
                    self.batches[name], payload=None, numbers=b"", identities=b""
                )
            self.runs[key] = evolve(self.runs[key], purged=True)

    @rule()
    @precondition(lambda self: self.kind.crash)
    def reopen(self):
        """Close, and open again."""
        self.do(self.ledger.close())
        self.ledger = self.kind.open(self.place)

    @rule()
    @precondition(lambda self: self.kind.crash)
    def crash(self):
        """Go on with what a crash would leave."""
        ledger, place = self.ledger, self.place
        self.move()
        self.kind.crash(place, self.place)
        self.do(ledger.close())

    @invariant()
    def everything_is_as_in_the_model(self):
        """Records and their order."""
        runs = sorted(self.runs.values(), key=lambda run: run.began_at, reverse=True)
        assert self.do(everything(self.ledger)) == [
            (
                run,
                [
                    self.batches[name]
                    for name in sorted(self.batches)
                    if name[0] == run.name
                ],
                sorted(self.rejections[run.name], key=lambda one: one.position),
            )
            for run in runs
        ]


@pytest.mark.hypothesis
@pytest.mark.timeout(90)  # half of it is taking back what hundreds of ledgers left
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_ledger_is_as_good_as_its_model(kind):
    """Whatever is called in whatever order, refusals and crashes included."""
    limits = settings(
        max_examples=min(settings.default.max_examples, kind.examples),
        stateful_step_count=12,
    )

    run_state_machine_as_test(lambda: LedgerMachine(kind), settings=limits)
