"""What a run ended with, in figures."""

from collections import Counter

from aiooctopush.bulk.report import BulkReport
from aiooctopush.cli.bulk.summary import RunOutcome
from aiooctopush.cli.wording import RunLocation
from aiooctopush.ledgers.records import BatchState


def report(accepted, seconds):
    """Of so many recipients, all accepted."""
    made = BulkReport(name="run", planned=accepted, seconds=seconds)
    made.by_state[BatchState.ACCEPTED] = accepted
    return made


def test_the_rate_is_that_of_this_start():
    """What earlier starts had done does not make it look faster."""
    ending = RunOutcome(
        report=report(1_000, 10.0),
        done_before=900,
        new=100,
        total=1_000,
        bad_rows=0,
        place=RunLocation(name="run", ledger=None),
        command="octopush bulk",
    )

    rows = dict(ending.rows())

    assert rows["Duration"] == "0:10, 10/s"


def test_who_still_waits_is_no_speed():
    """A run that was paused before anybody got a message has no rate."""
    paused = report(1_000, 10.0)
    paused.by_state = Counter({BatchState.NOT_SENT: 1_000})
    ending = RunOutcome(
        report=paused,
        new=1_000,
        total=1_000,
        bad_rows=0,
        place=RunLocation(name="run", ledger=None),
        command="octopush bulk",
    )

    assert dict(ending.rows())["Duration"] == "0:10"
