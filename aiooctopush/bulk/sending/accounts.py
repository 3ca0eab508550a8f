"""Totals of a run: its report and its budget, updated with every batch."""

from decimal import Decimal

from attrs import define

from ...ledgers.records import BatchRecord, BatchState
from ..report import BulkReport
from .budget import Budget
from .delivery import BatchDone, BatchSplit, BatchStarted, DeliveryEvent


@define
class Accounts:
    """
    The report of a run and, with a bound for costs, its budget; both always agree.

    Attributes:
        report: Report of the run so far.
        budget: The bound for its costs, and the use of it so far; None without a bound.
        dearest: The highest cost of a batch so far, in euros.
    """

    report: BulkReport
    budget: Budget | None
    dearest: Decimal = Decimal("0.01")

    def load(self, batch: BatchRecord) -> None:
        """Count a batch of an earlier start."""
        self.report.count(batch)
        # It adds up at any time, also while a long run is loaded.
        self.report.planned += batch.count * (batch.state is not BatchState.SPLIT)
        if self.budget is not None:
            self.budget.learn(batch)

    def take(self, event: DeliveryEvent) -> None:
        """Count the result of a delivery."""
        if isinstance(event, BatchSplit):
            self.recount(event.old, event.parent)
            for part in event.parts:
                self.report.count(part)
        elif isinstance(event, BatchStarted):
            self.recount(event.old, event.new)
        elif event.old is not None:
            self.recount(event.old, event.new, event)
            response = event.result.result
            if response is not None and response.residual_credit is not None:
                self.report.residual_credit = response.residual_credit
            if event.new.cost is not None:
                self.dearest = max(self.dearest, event.new.cost)

    def recount(
        self, old: BatchRecord, new: BatchRecord, done: BatchDone | None = None
    ) -> None:
        """Count a batch in its new state instead of its earlier one."""
        self.report.recount(old, new)
        if self.budget is not None:
            self.budget.relearn(old, new, None if done is None else done.content)
