"""What became of a bulk run, and what to do about it, in plain words."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from attrs import define, field

from ..bulk.ledger import BatchState
from ..bulk.report import BulkReport, Pause
from ..bulk.run import BatchResult
from ..errors import OctopushError
from ._connection import SANDBOX_BOOK, Connection
from ._console import ExitCode, Screen, error_as_json, in_euros, problem_of
from ._progress import clock_time


_REASONS_SHOWN: Final = 5

_LABELS: Final = (
    (BatchState.ACCEPTED, "Accepted"),
    (BatchState.PRESUMED, "Presumed accepted"),
    (BatchState.FOREIGN, "Sent earlier"),
    (BatchState.REFUSED, "Refused"),
    (BatchState.NOT_SENT, "Not sent"),
    (BatchState.IN_DOUBT, "In doubt"),
    (BatchState.SENDING, "Cut off"),
)

# All but what is on its way.
_FINAL: Final = _LABELS[:-1]

_ADVICE: Final = {
    BatchState.PRESUMED: "Presumed accepted: a repeat was refused as a duplicate, so "
    "an earlier try was most likely taken. There is nothing to do; delivery receipts "
    "tell for sure.",
    BatchState.FOREIGN: "Sent earlier: the gateway knows these requests from an "
    "earlier run with this key, and has sent nothing now. To send them again on "
    "purpose, use another --key.",
    BatchState.REFUSED: "Refused: nothing was sent to these. See the reason above, put "
    "it right, and run the same command again.",
    BatchState.NOT_SENT: "Not sent: no connection came about. Once the network is "
    "well, run the same command again.",
    BatchState.IN_DOUBT: "In doubt: no answer told whether these were sent. Run the "
    "same command again within 23 hours: the gateway refuses what it has, and takes "
    "the rest.",
    BatchState.SENDING: "Cut off: these requests were on their way and may have been "
    "sent. Run the same command again within 23 hours: the gateway refuses what it "
    "has, and takes the rest.",
}

_PAUSES: Final = {
    Pause.CREDIT: "Paused: the account has not enough credit. Top it up, then run the "
    "same command again.",
    Pause.CREDENTIALS: "Paused: the gateway refuses the credentials. Check "
    "OCTOPUSH_API_LOGIN and OCTOPUSH_API_KEY, then run the same command again.",
    Pause.SECURITY: "Paused: the certificate of the gateway is not valid, so nothing "
    "was entrusted to it. Find out why before you run the same command again.",
    Pause.OUTAGE: "Paused: the gateway did not answer many requests in a row. Wait "
    "until it is back, then run the same command again within 23 hours.",
}


def counts_of(report: BulkReport) -> str:
    """What became of whom so far, without what there is none of."""
    counts = ((label, report.by_state[state]) for state, label in _FINAL)
    return "  ".join(f"{label.lower()} {count:,}" for label, count in counts if count)


@define(kw_only=True)
class Ending:
    """
    How a bulk run ended.

    Attributes:
        report: What became of whom.
        total: Recipients of the file.
        interrupted: Whether somebody pressed Ctrl-C.
        error: What broke the run off, if anything did.
        reasons: Recipients by the words of the error that their request ended with.
        simulated: Whether the gateway was only to check.
    """

    report: BulkReport
    total: int
    interrupted: bool = False
    error: OctopushError | None = None
    reasons: Counter[str] = field(factory=Counter)
    simulated: bool = False

    def count(self, batch: BatchResult) -> None:
        """Take note of why a batch was not accepted."""
        if batch.error is not None and batch.state is not BatchState.FOREIGN:
            self.reasons[batch.error.problem] += len(batch.recipients)

    @property
    def exit_code(self) -> ExitCode:
        """What the run means to the shell."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.report.in_doubt or self.report.in_flight:
            return ExitCode.UNKNOWN
        if self._is_fine:
            return ExitCode.ACCEPTED
        return ExitCode.NOT_ACCEPTED

    @property
    def _is_fine(self) -> bool:
        return self.report.is_complete and self.report.planned == self.total

    def headline(self) -> tuple[str, str]:
        """The run in one sentence, and the style of that."""
        report, total = self.report, f"{self.total:,}"
        fine = report.accepted + report.presumed + report.foreign
        if self.interrupted:
            return f"Interrupted: {fine:,} of {total} recipients are accepted.", "bold"
        if self.error is not None:
            return f"Broken off: {problem_of(self.error)}", "bold red"
        if report.paused is not None:
            return f"Paused: {fine:,} of {total} recipients are accepted.", "bold red"
        if self.simulated and self._is_fine:
            return f"Simulated: the gateway would take all {total} recipients.", "bold"
        if self._is_fine:
            return f"Done: all {total} recipients are accepted.", "bold green"
        return f"Done: {fine:,} of {total} recipients are accepted.", "bold yellow"

    def rows(self, connection: Connection) -> Iterator[tuple[str, str]]:
        """The figures, with their labels."""
        report = self.report
        for state, label in _LABELS:
            if report.by_state[state] or state is BatchState.ACCEPTED:
                yield label, f"{report.by_state[state]:,}"
        if self.total > report.planned:
            yield "Not reached", f"{self.total - report.planned:,}"
        for reason, count in self.reasons.most_common(_REASONS_SHOWN):
            yield "Why", f"{count:,} × {reason}"
        tries = f" ({report.attempts:,} tries)"
        yield (
            "Requests",
            f"{report.batches:,}{tries * (report.attempts != report.batches)}",
        )
        at_least = "at least " * bool(report.presumed or self._may_have_cost)
        yield "SMS billed", f"{at_least}{report.sms_needed:,}"
        yield "Cost", f"{at_least}{in_euros(report.cost)}"
        if report.residual_credit is not None:
            yield "Credit left", in_euros(report.residual_credit)
        rate = f", {report.done / report.seconds:,.0f}/s" if report.seconds else ""
        yield "Duration", f"{clock_time(report.seconds)}{rate}"
        yield "Key", report.key
        for words in connection.book_in_words():
            yield SANDBOX_BOOK, words

    def advice(self) -> Iterator[str]:
        """What to do, a paragraph for each kind of trouble."""
        if self.report.paused is not None:
            yield _PAUSES[self.report.paused]
        for state, words in _ADVICE.items():
            if self.report.by_state[state]:
                yield words
        if self.interrupted and not self._may_have_cost:
            yield (
                "To go on: run the same command again within 23 hours; what was "
                "accepted is not sent twice."
            )

    @property
    def _may_have_cost(self) -> bool:
        return bool(self.report.in_doubt or self.report.in_flight)

    def tell(self, screen: Screen, connection: Connection, **more: Any) -> None:
        """Write everything: for people, or as the JSON document."""
        words, style = self.headline()
        screen.say(words, style=style)
        screen.rows(self.rows(connection))
        for paragraph in self.advice():
            screen.say("")
            screen.paragraph(paragraph)
        screen.document(
            {
                **self.report.as_dict(),
                "recipients": self.total,
                "interrupted": self.interrupted,
                "simulated": self.simulated,
                **more,
                "error": None if self.error is None else error_as_json(self.error),
            }
            | connection.book()
        )
