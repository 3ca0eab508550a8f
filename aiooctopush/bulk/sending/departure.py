"""The instant at which a run sends: nothing goes out later than that, unasked."""

from datetime import datetime
from typing import Final

from attrs import define

from ..._clock import Clock
from ...api._shared import check_not_past, is_past
from ...errors import InvalidFieldError, OctopushError
from ...ledgers.protocols import Ledger, run_named
from ...ledgers.records import RunRecord


SEND_AT: Final = "send_at"
"""The field of the time of sending."""


def check_in_time(instant: datetime | None, now: datetime) -> None:
    """
    Refuse an instant of sending that has passed.

    Raises:
        InvalidFieldError: It has, so that the gateway would send at once.
    """
    check_not_past(instant, now, SEND_AT)


def is_too_late(error: OctopushError) -> bool:
    """Whether a batch was held back because its instant of sending has passed."""
    return isinstance(error, InvalidFieldError) and error.field == SEND_AT


def too_late_for_the_rest(run: RunRecord) -> InvalidFieldError:
    """Return the error of a run that cannot be resumed, because its time has passed."""
    return InvalidFieldError(
        SEND_AT,
        "has passed since this run began; use another run name and a later time for "
        "the rest, and exclude recipients who got the message",
        shown=run.settings.get(SEND_AT),
    )


@define
class Departure:
    """
    When one start of a run may still send.

    Attributes:
        instant: When all of it is to go out; None for at once, or each at its own.
        began_late: Whether the instant had passed when the start began.
    """

    instant: datetime | None
    _clock: Clock
    began_late: bool = False

    @property
    def has_passed(self) -> bool:
        """Whether a send would now go out at once instead."""
        return is_past(self.instant, self._clock.now())

    async def begin(self, ledger: Ledger, name: str) -> None:
        """
        Record the beginning of a start; a run that began in time may continue.

        Raises:
            InvalidFieldError: It is too late, and the ledger has no run of this name.
        """
        self.began_late = self.has_passed
        if not self.began_late:
            return
        if await run_named(ledger, name) is None:
            check_in_time(self.instant, self._clock.now())

    def passed_meanwhile(self, run: RunRecord) -> bool:
        """
        Whether the instant has passed since this start began.

        Raises:
            InvalidFieldError: It had passed before, so that this start sends nothing.
        """
        if not self.has_passed:
            return False
        if self.began_late:
            raise too_late_for_the_rest(run)
        return True
