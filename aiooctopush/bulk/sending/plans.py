"""The intent to send batches that were just read, as a ledger writes it down."""

from collections.abc import Sequence
from datetime import datetime

from attrs import evolve, frozen

from ...ledgers.batch import Job, new_record
from ...ledgers.records import BatchState, Rejection, RunRecord
from ..sources.prefetching import ReadBatch


@frozen
class Plan:
    """
    The content of one transaction, which is written before a request leaves.

    Attributes:
        run: How far the source was read.
        jobs: The batches that came of it.
        rejections: Items between them that are no recipients.
    """

    run: RunRecord
    jobs: Sequence[Job]
    rejections: Sequence[Rejection]


def plan_of(
    run: RunRecord, some: Sequence[ReadBatch], *, settings: bytes, at: datetime
) -> Plan:
    """
    Plan batches that were read one after the other.

    Args:
        run: As it was before.
        some: One batch or several, the last one read last.
        settings: See `new_record`.
        at: The present instant, at which they are sent.
    """
    jobs: list[Job] = []
    rejections: list[Rejection] = []
    for read in some:
        rejections += read.rejections
        if not read.content:
            continue
        record = new_record(
            run.name,
            read.content,
            settings,
            number=run.batches + len(jobs) + 1,
            first=read.first,
            state=BatchState.SENDING,
            at=at,
            identities=read.identities,
            # It is dropped with the response, a moment later. Packing it would take
            # more time than it saves.
            compress=False,
        )
        jobs.append(Job(record=record, content=read.content, is_written=True))
    run = evolve(
        run,
        **some[-1].counts,
        planned=run.planned + sum(job.record.count for job in jobs),
        batches=run.batches + len(jobs),
        latest=at,
        exhausted=some[-1].is_end,
    )
    return Plan(run, jobs, rejections)
