"""The outcome of a bulk run, for people and as a document."""

from collections.abc import Iterator
from typing import Any, Final

from attrs import define, field

from ...bulk.report import BulkReport
from ...bulk.sending.delivery import BatchResult
from ...errors import OctopushError
from ...ledgers.records import BatchState
from ..targets.gateway import SANDBOX_BOOK, Connection
from ..terminal.console import Screen
from ..terminal.problems import ExitCode, error_as_json, problem_of
from ..terminal.progress import clock_time
from ..terminal.values import counted, in_euros
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


_REASONS_SHOWN: Final = 5

_KNOWN_ALREADY: Final = "DuplicateRequestError"


def counts_of(report: BulkReport) -> str:
    """What became of whom so far, without what there is none of."""
    counts = ((label, report.by_state[state]) for state, label in LABELS.items())
    return "  ".join(
        f"{label.lower()} {count:,}"
        for label, count in counts
        # What is on its way is no outcome.
        if count and label != LABELS[BatchState.SENDING]
    )


def figures_of(
    report: BulkReport, *, total: int, words: dict[str, str] | None = None
) -> Iterator[tuple[str, str]]:
    """
    The figures of a run, with their labels.

    Args:
        report: What became of whom.
        total: Recipients there are, planned or not.
        words: By the name of an error, what it said.
    """
    for state, label in LABELS.items():
        if report.by_state[state] or state is BatchState.ACCEPTED:
            yield label, f"{report.by_state[state]:,}"
    if total > report.planned:
        yield "Not reached", f"{total - report.planned:,}"
    if report.duplicates:
        yield "Left out", f"{counted(report.duplicates, 'duplicate')}"
    if report.rejected:
        yield "Rejected", f"{counted(report.rejected, 'row')}"
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


@define(kw_only=True)
class RunOutcome:
    """
    How one start of a bulk run ended.

    Attributes:
        report: What became of whom, earlier starts included.
        total: Recipients of the file.
        bad_rows: Rows of it that cannot be used.
        place: Where the run is written down.
        command: What was typed.
        interrupted: Whether somebody pressed Ctrl-C.
        error: What broke the run off, if anything did.
        simulated: Whether the gateway was only to check.
        how: To go on.
    """

    report: BulkReport
    total: int
    bad_rows: int
    place: RunLocation
    command: str = field(repr=False)  # with the text
    interrupted: bool = False
    error: OctopushError | None = None
    simulated: bool = False
    how: HowToResume = SAME_COMMAND
    _words: dict[str, str] = field(factory=dict)
    _done_before: int = 0

    def begin(self, report: BulkReport) -> None:
        """Take note of what earlier starts had done."""
        self._done_before = report.done

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
        """What the run means to the shell."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.report.unknown or self.report.in_flight:
            return ExitCode.UNKNOWN
        if self.is_fine and not self.bad_rows:
            return ExitCode.ACCEPTED
        return ExitCode.NOT_ACCEPTED

    @property
    def is_fine(self) -> bool:
        """Whether everybody in the file is accepted, now or earlier."""
        good = self._good == self.report.planned == self.total
        return good and self.report.paused is None and self.error is None

    @property
    def _good(self) -> int:
        return self.report.accepted + self.report.presumed + self.report.already_sent

    def headline(self) -> tuple[str, str]:
        """Sum the run up in one sentence, with its style."""
        some = accepted_in_words(self.report, self.total)
        if self.interrupted:
            return f"Interrupted: {some}", "bold"
        if self.error is not None:
            return f"Stopped: {problem_of(self.error)}", "bold red"
        if self.report.paused is not None:
            return f"Paused: {some}", "bold red"
        if self.simulated and self.is_fine:
            people = counted(self.total, "recipient")
            return f"Simulated: the gateway would accept {people}.", "bold"
        return f"Done: {some}", "bold green" if self.is_fine else "bold yellow"

    def rows(self, connection: Connection | None) -> Iterator[tuple[str, str]]:
        """The figures, with their labels."""
        report = self.report
        yield from figures_of(report, total=self.total, words=self._words)
        done = report.done - self._done_before
        rate = f", {done / report.seconds:,.0f}/s" if done and report.seconds else ""
        yield "Duration", f"{clock_time(report.seconds)}{rate}"
        yield "Run", self.place.name
        if self.place.ledger is not None:
            yield "Ledger", str(self.place.ledger)
        for words in () if connection is None else connection.book_in_words():
            yield SANDBOX_BOOK, words

    def advice(self) -> Iterator[str]:
        """What to do, a paragraph for each kind of trouble."""
        paragraphs = list(advice_on(self.report, self.place, how=self.how))
        yield from paragraphs
        broken_off = self.interrupted or self.error is not None
        if broken_off and not any(AGAIN in one for one in paragraphs):
            until = " within 23 hours" * (self.place.ledger is None)
            yield f"To resume, {AGAIN}{until}: nothing that was accepted is sent twice."

    def tell(self, screen: Screen, connection: Connection | None, **more: Any) -> None:
        """Write everything: for people, or as the JSON document."""
        words, style = self.headline()
        screen.say(words, style=style)
        screen.rows(self.rows(connection))
        paragraphs = list(self.advice())
        for paragraph in paragraphs:
            screen.say("")
            screen.paragraph(paragraph)
        # A text is not for the log of whoever runs this unattended.
        if screen.is_terminal and any(AGAIN in one for one in paragraphs):
            screen.say("")
            screen.say(f"  {self.command}", style="cyan")
        screen.document(
            {
                **self.report.as_dict(),
                "recipients": self.total,
                "interrupted": self.interrupted,
                "simulated": self.simulated,
                **more,
                "error": None if self.error is None else error_as_json(self.error),
            }
            | ({} if connection is None else connection.book())
        )
