"""A run of a fleet: planned, woken and followed to its end."""

from typing import TYPE_CHECKING, Any, Final

from attrs import define, evolve, frozen

from ..._clock import Clock
from ...api.sms import Message
from ...bulk.fleet import planning
from ...bulk.report import BulkReport
from ...bulk.sources.rows import FileSource
from ...errors import InvalidFieldError, shown
from ...ledgers.protocols import FleetLedger
from ...ledgers.records import Pause, Progress, RunRecord
from ..bulk.summary import RunOutcome
from ..targets.fleet import BrokerError, broker_errors, started
from ..terminal.console import Screen
from ..terminal.progress import Progress as Display
from ..wording import RunLocation, resuming_in_fleet, waiting_for
from .view import counts_of, done_of


if TYPE_CHECKING:
    from ...integrations.taskiq import Fleet


_NOBODY_ELSE: Final = (
    "This broker has no workers, so this process sends the batches itself."
)

_PATIENCE: Final = 900.0


@frozen(kw_only=True)
class Submitted:
    """
    Outcome of a submission.

    Attributes:
        run: As it was planned.
        was_planned: True if it existed before and this added no recipient.
        paused: Why it is paused; None if it is not.
        woken: Batches that workers were woken for.
        error: Why they were not woken; the run exists nevertheless.
        report: Report of the run, if it was sent in this process.
    """

    run: RunRecord
    was_planned: bool
    paused: Pause | None = None
    woken: int = 0
    error: BrokerError | None = None
    report: BulkReport | None = None


@define(kw_only=True)
class FleetRun:
    """
    One run of a fleet.

    Attributes:
        fleet: Its broker is started for each call, and all is closed at the end.
        name: Names the run.
        screen: For progress and notes.
        clock: For rate and time left.
    """

    fleet: "Fleet"
    name: str
    screen: Screen
    clock: Clock

    async def submit(
        self,
        message: Message,
        source: FileSource,
        *,
        total: int,
        **settings: Any,
    ) -> Submitted:
        """
        Plan it, and wake the workers; if there are none, send it.

        The broker may be unreachable, because planning needs only the ledger.

        Args:
            message: The message to send.
            source: To whom.
            total: Recipients that the run then has, for the progress.
            settings: Further keywords of `bulk.planning.plan`.

        Raises:
            InvalidFieldError: See `bulk.planning.plan`, like the next two.
            LedgerError: It cannot be written; or another process is planning this run.
        """
        ledger = self.fleet.ledger
        try:
            known = await ledger.progress(self.name)
            with Display(self.screen, self.clock) as stages:
                stages.begin("Planning")
                run = await planning.plan(
                    ledger,
                    self.name,
                    message,
                    source,
                    **settings,
                    progress=lambda run: stages.show(run.planned, total),
                )
            # A worker may have paused it while it was planned.
            now = await ledger.progress(self.name)
        except BaseException:
            await self.fleet.close()
            raise
        submitted = Submitted(
            run=run,
            was_planned=known is not None and not run.new,
            paused=None if now is None else now.run.paused,
        )
        try:
            async with started(self.fleet):
                woken, report = await self._wake(_PATIENCE)
        except BrokerError as error:
            return evolve(submitted, error=error)
        return evolve(submitted, woken=woken, report=report)

    async def resume(self) -> tuple[int, BulkReport | None]:
        """
        Resume it, and wake the workers; without workers, send it.

        Returns:
            How many batches were woken, and the report if it was sent here.

        Raises:
            BrokerError: The broker is away, so that this changed nothing; or it went
                away, and the next sweep wakes the workers.
            InvalidFieldError: It is not there.
            LedgerError: It cannot be written.
        """
        async with started(self.fleet):
            await check_name(self.fleet.ledger, self.name)
            await self.fleet.ledger.unpause(self.name)
            return await self._wake(_PATIENCE)

    async def wait(self, *, wait_for_gateway: float) -> BulkReport:
        """
        Follow it until it is done or paused.

        Raises:
            BrokerError: The broker is away.
            InvalidFieldError: It is not there, or not planned to its end.
            LedgerError: The ledger is away.
        """
        async with started(self.fleet):
            await check_name(self.fleet.ledger, self.name)
            report = None
            if self.fleet.is_in_process:
                _, report = await self._wake(wait_for_gateway)
            return report or await self._follow(wait_for_gateway)

    async def _wake(self, wait_for_gateway: float) -> tuple[int, BulkReport | None]:
        """Wake the workers; if there are none, see the run to its end."""
        with broker_errors():
            woken = await self.fleet.wake(self.name)
        if not self.fleet.is_in_process:
            return woken, None
        self.screen.note(_NOBODY_ELSE)
        return woken, await self._follow(wait_for_gateway)

    async def _follow(self, wait_for_gateway: float) -> BulkReport:
        explained: Pause | None = None
        stages = Display(self.screen, self.clock)

        def show(progress: Progress) -> None:
            nonlocal explained
            done, why = done_of(progress), progress.run.paused
            if stages.label is None:
                stages.begin("Sending", unit="recipients", before=done)
            stages.show(done, progress.run.planned, counts_of(progress))
            words = None if why is None or why is explained else waiting_for(why)
            explained = why
            if words is not None and why is Pause.OUTAGE and wait_for_gateway:
                self.screen.note(words)

        with stages:
            return await self.fleet.wait(
                self.name, progress=show, wait_for_gateway=wait_for_gateway
            )


async def check_name(ledger: FleetLedger, name: str) -> None:
    """
    Make sure that a run is there.

    Raises:
        InvalidFieldError: It is not.
    """
    if await ledger.progress(name) is None:
        raise InvalidFieldError(
            "NAME", "names no run of this ledger", shown=shown(name)
        )


def outcome_of(
    report: BulkReport, place: RunLocation, *, command: str, already: int = 0
) -> RunOutcome:
    """
    Take from a report how a run ended that workers sent.

    Args:
        already: People of the file whom the run had before, if a file was submitted.
    """
    return RunOutcome(
        report=report,
        total=report.planned,
        bad_rows=report.rejected,
        new=report.new if already else report.planned,
        already=already,
        planned_before=report.planned - report.new if already else 0,
        place=place,
        command=command,
        how=resuming_in_fleet(place),
    )
