"""Mistakes in the engine that crashes must bring to light."""

import math

from attrs import evolve

from aiooctopush._call import CallState
from aiooctopush.bulk.sending.delivery import Delivery
from aiooctopush.bulk.sending.resume import ResumePlan
from aiooctopush.bulk.sources.batching import BatchReader
from aiooctopush.ledgers.batch import Job, content_of
from aiooctopush.ledgers.records import UNFINISHED, BatchState, renewed
from aiooctopush.ledgers.sqlite.ledger import SQLiteLedger


def new_id_on_resume():
    """Who was in flight is sent again as if it had never been."""

    def job_of(left, batch):
        return Job(record=renewed("run", batch), content=content_of(batch))

    ResumePlan.job_of = job_of


def in_flight_dropped():
    """Who was in flight is taken for sent."""

    def settled(_, batch):
        return evolve(batch, state=BatchState.ACCEPTED)

    ResumePlan.settled = settled
    ResumePlan.job_of = lambda *_: None


def concluded_before_it_is_sent():
    """The outcome is written as soon as the intent is."""
    attempt = Delivery._try

    async def hasty(self, job, record):
        await self.ledger.conclude(
            self.run_name, evolve(record, state=BatchState.ACCEPTED)
        )
        return await attempt(self, job, record)

    Delivery._try = hasty


def epoch_not_written():
    """A new id after a clean refusal that the next start does not know of."""

    async def begin(self, key, batch):
        if not batch.epoch:
            await write(self, key, batch)

    write = SQLiteLedger.begin
    SQLiteLedger.begin = begin


def no_hold():
    """An id is believed to protect a repeat for ever."""
    ResumePlan.is_protected = lambda *_: True
    CallState.protected_for = math.inf


def people_not_remembered():
    """The people of earlier starts are known by their places in the list alone."""
    BatchReader.remember = lambda *_: None


def only_finished_remembered():
    """Who was in flight is not known as one of the run."""
    remember = BatchReader.remember

    def forgetful(self, batch):
        if batch.state not in UNFINISHED:
            remember(self, batch)

    BatchReader.remember = forgetful


def open_left_to_the_list():
    """What was left open is dropped, as if the list would bring it again."""

    ResumePlan.is_open = lambda *_: False


PLANTED = {
    plant.__name__: plant
    for plant in (
        new_id_on_resume,
        in_flight_dropped,
        concluded_before_it_is_sent,
        epoch_not_written,
        no_hold,
        people_not_remembered,
        only_finished_remembered,
        open_left_to_the_list,
    )
}
