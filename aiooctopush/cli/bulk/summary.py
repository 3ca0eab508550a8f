"""The outcome of a bulk run, for people and as a document."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from attrs import define, field, frozen

from ...bulk.report import BulkReport
from ...bulk.sending.delivery import BatchResult
from ...errors import OctopushError
from ...ledgers.records import BatchState
from ..targets.gateway import (
    SANDBOX_SENT_LOG,
    Connection,
    sandbox_item,
    sent_log_in_words,
)
from ..terminal.console import Screen
from ..terminal.exit_codes import ExitCode
from ..terminal.problems import problem_of
from ..terminal.progress import clock_time
from ..terminal.result import Result, Row, Table, item
from ..terminal.values import counted, in_euros, printable
from ..wording import (
    AGAIN,
    LABELS,
    SAME_COMMAND,
    HowToResume,
    RunLocation,
    accepted_in_words,
    advice_on,
    at_least,
    error_in_words,
)


REPORT_KEYS: Final = ", ".join(BulkReport(name="run").as_dict())
"""Keys of a report in a JSON document."""

_REASONS_SHOWN: Final = 5

_KNOWN_ALREADY: Final = "DuplicateRequestError"


def counts_of(report: BulkReport) -> str:
    """Recipients by state so far, without empty states."""
    counts = ((label, report.by_state[state]) for state, label in LABELS.items())
    return "  ".join(
        f"{label.lower()} {count:,}"
        for label, count in counts
        # Requests in transit have no outcome.
        if count and label != LABELS[BatchState.SENDING]
    )


def figures_of(
    report: BulkReport, *, words: dict[str, str] | None = None
) -> Iterator[Row]:
    """
    Yield the figures of a run, with their labels.

    Args:
        report: Outcomes of the run.
        words: Messages by the name of an error.
    """
    for state, label in LABELS.items():
        if report.by_state[state] or state is BatchState.ACCEPTED:
            yield label, f"{report.by_state[state]:,}"
    if report.duplicates:
        yield "Duplicates", counted(report.duplicates, "row")
    if report.rejected:
        yield "Rejected", counted(report.rejected, "row")
    yield from _reasons(report, words or {})
    attempts = f" ({report.attempts:,} attempts)"
    yield (
        "Requests",
        f"{report.batches:,}{attempts * (report.attempts != report.batches)}",
    )
    yield "SMS billed", f"{at_least(report)}{report.sms_needed:,}"
    yield "Cost", f"{at_least(report)}{in_euros(report.cost)}"
    if report.residual_credit is not None:
        yield "Credit left", in_euros(report.residual_credit)


def _reasons(report: BulkReport, words: dict[str, str]) -> Iterator[tuple[str, str]]:
    problems = [
        (name, count)
        for name, count in report.problems.most_common()
        if not (report.already_sent and name.startswith(_KNOWN_ALREADY))
    ]
    for name, count in problems[:_REASONS_SHOWN]:
        yield "Why", f"{count:,} × {words.get(name) or error_in_words(name)}"


@frozen(kw_only=True)
class RunResult(Result):
    """One start of a bulk run, as a document and for people."""

    report: Mapping[str, Any] = item(merge=True, doc=REPORT_KEYS)
    recipients: int = item(doc="of the file")
    interrupted: bool = item()
    simulated: bool = item()
    goes_out: str | None = item(doc="when, for people; null for at once", default=None)
    file: str | None = item(default=None)
    ledger: str | None = item(doc="where the run is recorded", default=None)
    first_bad_rows: Sequence[Mapping[str, Any]] = item(default=())
    woken: int | None = item(
        doc="of a fleet: batches that workers were woken for",
        optional=True,
        default=None,
    )
    was_planned: bool | None = item(
        doc="of a fleet: nothing was added now", optional=True, default=None
    )
    error: OctopushError | None = item(doc="what stopped the run")
    sandbox_sent_log: Mapping[str, int] | None = sandbox_item(default=None)
    outcome: "RunOutcome" = item(in_json=False)

    json_notes = (
        "now is the account of this start, all else that of the run. Counts are "
        "recipients, batches and attempts requests; money is text. If nothing was "
        "sent: error (its class), message, outcome, maybe_sent, request_id, code, and "
        "bad_rows with first_bad_rows if rows are bad."
    )

    def headline(self) -> Row:
        """Sum the run up in one sentence."""
        return self.outcome.headline()

    def blocks(self) -> Iterator[str | list[Row] | Table]:
        """Yield the figures."""
        rows = list(self.outcome.rows())
        if self.goes_out is not None:
            rows.append(("Goes out", self.goes_out))
        if self.sandbox_sent_log is not None:
            rows.append((SANDBOX_SENT_LOG, sent_log_in_words(self.sandbox_sent_log)))
        yield rows

    def advice(self) -> Iterator[str]:
        """Say what to do, a paragraph for each kind of trouble."""
        yield from self.outcome.advice()


@define(kw_only=True)
class RunOutcome:
    """
    How one start of a bulk run ended.

    Attributes:
        report: Outcomes of this start and of the run.
        total: Recipients of the file.
        bad_rows: Rows of the file that were rejected.
        place: Where the run is recorded.
        command: The command as it was typed.
        file: Name of the file, for people.
        ended_at: When an earlier start had its latest outcome, if one did.
        done_before: Recipients whose outcome earlier starts brought.
        planned_before: Recipients whom earlier starts planned.
        new: Recipients whom this start adds.
        already: Recipients of the file whom earlier starts planned.
        excluded: Recipients of the file who are excluded.
        interrupted: True if Ctrl-C was pressed.
        error: The error that stopped the run, if one did.
        simulated: Whether the gateway only checks.
        how: How to resume the run.
    """

    report: BulkReport
    total: int
    bad_rows: int
    place: RunLocation
    command: str = field(repr=False)  # with the text
    file: str = "the file"
    ended_at: datetime | None = None
    interrupted: bool = False
    error: OctopushError | None = None
    simulated: bool = False
    how: HowToResume = SAME_COMMAND
    done_before: int = 0
    planned_before: int = 0
    new: int
    already: int = 0
    excluded: int = 0
    _words: dict[str, str] = field(factory=dict)

    def count(self, batch: BatchResult) -> None:
        """Take note of why a batch was not accepted."""
        error = batch.error
        if error is not None:
            # As the report names it.
            name = type(error).__name__
            name += f" (code {error.code})" * (error.code is not None)
            self._words[name] = error.problem

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the run."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.report.unknown or self.report.in_flight:
            return ExitCode.UNKNOWN
        if self.is_fine and not self.bad_rows:
            return ExitCode.ACCEPTED
        return ExitCode.NOT_ACCEPTED

    @property
    def is_fine(self) -> bool:
        """Whether everyone is accepted, now or earlier."""
        return self.report.is_complete and self.error is None

    @property
    def has_sent_nothing(self) -> bool:
        """Whether everyone of the file was dealt with in an earlier start."""
        nothing_new = not self.new and self.already > 0
        is_over = not self.report.resumable
        return nothing_new and is_over and self.report.done == self.done_before

    def headline(self) -> Row:
        """Sum the run up in one sentence, with its style."""
        some = accepted_in_words(self.report, max(self.total, self.report.planned))
        if self.interrupted:
            return f"Interrupted: {some}", "bold"
        if self.error is not None:
            return f"Stopped: {problem_of(self.error)}", "bold red"
        if self.report.paused is not None:
            return f"Paused: {some}", "bold red"
        if self.has_sent_nothing:
            return self._nothing_to_send(), "bold" if self.is_fine else "bold yellow"
        if self.simulated and self.is_fine:
            people = counted(self.total, "recipient")
            return f"Simulated: the gateway would accept {people}.", "bold"
        if self.report.resumable:
            # As `octopush report` has it.
            return f"Unfinished: {some}", "bold yellow"
        return f"Done: {some}", "bold green" if self.is_fine else "bold yellow"

    def rows(self) -> Iterator[Row]:
        """Yield the figures, with their labels."""
        report = self.report
        if self.already:
            yield "Now", f"{self.new:,} new, {self.already:,} in this run before"
        yield from figures_of(report, words=self._words)
        unreached = self.new - (report.planned - self.planned_before)
        if unreached > 0:
            yield "Not reached", f"{unreached:,}"
        if self.excluded:
            yield "Excluded", f"{self.excluded:,}"
        done = report.done - self.done_before
        rate = f", {done / report.seconds:,.0f}/s" if done and report.seconds else ""
        yield "Duration", f"{clock_time(report.seconds)}{rate}"
        yield "Run", printable(self.place.name)
        if self.place.ledger is not None:
            yield "Ledger", str(self.place.ledger)

    def advice(self) -> Iterator[str]:
        """Yield what to do, a paragraph for each kind of trouble."""
        paragraphs = list(advice_on(self.report, self.place, how=self.how))
        yield from paragraphs
        # Another name would reach those who had it, and not only those who did not.
        if self.has_sent_nothing and self.is_fine:
            yield (
                "To send it to them once more on purpose, give this run a name of its "
                "own, such as --run week-48."
            )
        broken_off = self.interrupted or self.error is not None
        if broken_off and not any(AGAIN in one for one in paragraphs):
            until = " within 23 hours" * (self.place.ledger is None)
            yield f"To resume, {AGAIN}{until}: nothing that was accepted is sent twice."

    def tell(self, screen: Screen, connection: Connection | None, **more: Any) -> None:
        """Write everything: for people, or as the JSON document."""
        screen.result(
            RunResult(
                report=self.report.as_dict(),
                recipients=self.total,
                interrupted=self.interrupted,
                simulated=self.simulated,
                error=self.error,
                sandbox_sent_log=None
                if connection is None
                else connection.sandbox_sent_log,
                outcome=self,
                **more,
            )
        )
        # A text must not be in the log of an unattended run.
        if screen.is_terminal and any(AGAIN in one for one in self.advice()):
            screen.say("")
            screen.say(f"  {self.command}", style="cyan")

    def _nothing_to_send(self) -> str:
        already = self.already
        everybody = "the only person" if already == 1 else f"all {already:,} people"
        was = "was" if already == 1 else "were"
        when = "" if self.ended_at is None else f" on {self.ended_at:%-d %B %Y}"
        run = f"(run {printable(self.place.name)})"
        if not self.is_fine:
            return (
                f"Nothing to send: {everybody} of {self.file} {was} "
                f"planned before {run}, and not all are accepted."
            )
        return f"Nothing to send: {everybody} of {self.file} had this text{when} {run}."
