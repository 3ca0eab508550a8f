"""What became of a run, in numbers that add up."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from attrs import Factory, define, field

from ..api.sms import SendResult
from ..errors import OctopushError
from .ledger import BatchRecord, BatchState


class Pause(StrEnum):
    """Why a run stopped before the end of its source."""

    CREDIT = "credit"
    """The account has not enough credit."""

    CREDENTIALS = "credentials"
    """The gateway refuses login or key, or the account may not send."""

    SECURITY = "security"
    """The certificate of the gateway is not valid."""

    OUTAGE = "outage"
    """Many batches in a row had no answer."""


@define(kw_only=True)
class BulkReport:
    """
    What became of a run so far. Counts are recipients unless they say otherwise.

    Attributes:
        key: Names the run.
        planned: Recipients taken from the source.
        batches: Requests that are done.
        by_state: Recipients by what became of their batch.
        sms_needed: Messages that the gateway bills, as far as it said.
        cost: Euros, as far as the gateway said.
        residual_credit: Euros left after the latest answer that said so.
        attempts: Tries of all requests that are done.
        seconds: How long the run has taken.
        paused: Why it stopped before the end of the source; None if it did not.
    """

    key: str
    planned: int = 0
    batches: int = 0
    by_state: dict[BatchState, int] = Factory(lambda: dict.fromkeys(BatchState, 0))
    sms_needed: int = 0
    cost: Decimal = Decimal(0)
    residual_credit: Decimal | None = None
    attempts: int = 0
    seconds: float = 0.0
    paused: Pause | None = None
    problems: dict[str, int] = field(factory=dict)
    """Recipients by the error that their batch ended with."""

    @property
    def accepted(self) -> int:
        """Recipients whose batch the gateway accepted."""
        return self.by_state[BatchState.ACCEPTED]

    @property
    def presumed(self) -> int:
        """Recipients whose batch was most likely accepted, by an unanswered try."""
        return self.by_state[BatchState.PRESUMED]

    @property
    def refused(self) -> int:
        """Recipients whose batch the gateway refused."""
        return self.by_state[BatchState.REFUSED]

    @property
    def not_sent(self) -> int:
        """Recipients whose batch never left."""
        return self.by_state[BatchState.NOT_SENT]

    @property
    def in_doubt(self) -> int:
        """Recipients whose batch may have been sent."""
        return self.by_state[BatchState.IN_DOUBT]

    @property
    def foreign(self) -> int:
        """Recipients whose batch an earlier run of this key had sent."""
        return self.by_state[BatchState.FOREIGN]

    @property
    def in_flight(self) -> int:
        """Recipients whose batch is on its way."""
        return self.by_state[BatchState.SENDING]

    @property
    def done(self) -> int:
        """Recipients of whom is known what became, doubt included."""
        return self.planned - self.in_flight

    @property
    def is_complete(self) -> bool:
        """Whether every recipient of the source was accepted, now or earlier."""
        fine = self.accepted + self.presumed + self.foreign
        return self.paused is None and fine == self.planned

    def plan(self, batch: BatchRecord) -> None:
        """Count a batch that is about to be sent."""
        self.planned += batch.count
        self.by_state[BatchState.SENDING] += batch.count

    def conclude(
        self,
        batch: BatchRecord,
        *,
        result: SendResult | None = None,
        error: OctopushError | None = None,
    ) -> None:
        """Count what became of a batch."""
        self.batches += 1
        self.attempts += batch.attempts
        self.by_state[BatchState.SENDING] -= batch.count
        self.by_state[batch.state] += batch.count
        if result is not None:
            self.sms_needed += result.number_of_sms_needed or 0
            self.cost += result.total_cost or 0
            if result.residual_credit is not None:
                self.residual_credit = result.residual_credit
        if error is not None:
            name = type(error).__name__
            problem = name if error.code is None else f"{name} (code {error.code})"
            self.problems[problem] = self.problems.get(problem, 0) + batch.count

    def check(self) -> None:
        """
        Make sure that nobody is counted twice or lost.

        Raises:
            RuntimeError: The numbers do not add up, which is a defect of ours.
        """
        total = sum(self.by_state.values())
        if total != self.planned:
            msg = f"the report does not add up: {self.planned} planned, {total} counted"
            raise RuntimeError(msg)

    def as_dict(self) -> Mapping[str, object]:
        """The report as plain values, for JSON: money as text."""
        return {
            "key": self.key,
            "planned": self.planned,
            "batches": self.batches,
            **{str(state): count for state, count in self.by_state.items()},
            "sms_needed": self.sms_needed,
            "cost": str(self.cost),
            "residual_credit": None
            if self.residual_credit is None
            else str(self.residual_credit),
            "attempts": self.attempts,
            "seconds": round(self.seconds, 3),
            "paused": None if self.paused is None else str(self.paused),
            "complete": self.is_complete,
            "problems": dict(self.problems),
        }
