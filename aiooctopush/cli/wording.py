"""Plain words for states, pauses and errors of a run, and what to do about them."""

import re
import shlex
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from attrs import frozen

from ..api._recipients import NUMBER
from ..bulk.report import BulkReport
from ..ledgers.records import BatchState, Pause, Rejection, RunRecord
from .targets.ledger import LedgerPlace
from .targets.runs import is_recorded_as
from .terminal.problems import in_options
from .terminal.values import printable


LABELS: Final = {
    BatchState.ACCEPTED: "Accepted",
    BatchState.PRESUMED: "Presumed accepted",
    BatchState.ALREADY_SENT: "Already sent",
    BatchState.REFUSED: "Refused",
    BatchState.NOT_SENT: "Not sent",
    BatchState.UNKNOWN: "Unknown",
    BatchState.SKIPPED: "Skipped",
    BatchState.SENDING: "Interrupted",
}
"""States whose recipients are counted, the good ones first."""

MEANINGS: Final = {
    BatchState.ACCEPTED: "the gateway accepted the request",
    BatchState.PRESUMED: "an attempt timed out and its retry was rejected as a "
    "duplicate, so the attempt was almost certainly accepted",
    BatchState.ALREADY_SENT: "the gateway had this request already; nothing was "
    "sent now",
    BatchState.REFUSED: "the gateway refused the request; nothing was sent",
    BatchState.NOT_SENT: "nothing was sent yet; sent when the run is resumed",
    BatchState.UNKNOWN: "no response; may have been sent",
    BatchState.SKIPPED: "may have been sent; not repeated, by decision",
    BatchState.SENDING: "in transit or interrupted; may have been sent",
}
"""Meaning of each state for the message, for readers who do not use the library."""

PAUSED_BY: Final = {
    Pause.CREDIT: "not enough credit",
    Pause.CREDENTIALS: "login or key refused",
    Pause.SECURITY: "invalid certificate",
    Pause.OUTAGE: "the gateway does not respond",
    Pause.MAX_COST: "--max-cost reached",
    Pause.ALREADY_SENT: "already sent under this name",
    Pause.REFUSALS: "too many refusals",
    Pause.OVERDUE: "the time of sending has passed",
}

TOO_LATE: Final = (
    "To send to those who are left, use another --run name with a later --at, and "
    "--exclude a file of those who had it."
)
"""Advice for recipients whom a scheduled run did not reach in time."""

_PAUSES: Final = {
    Pause.CREDIT: "Paused: the account does not have enough credit. Top it up, then "
    "{again}.",
    Pause.CREDENTIALS: "Paused: the gateway refuses the credentials. Check "
    "OCTOPUSH_API_LOGIN and OCTOPUSH_API_KEY, then {again}.",
    Pause.SECURITY: "Paused: the certificate of the gateway is not valid, so nothing "
    "was sent to it. Find out why, then {again}.",
    Pause.OUTAGE: "Paused: the gateway did not respond to many requests in a row. Wait "
    "until it is back, then {again}, within 23 hours.",
    Pause.MAX_COST: "Paused: the next request could cost more than --max-cost allows, "
    "or the gateway does not report its prices. To continue, {again} with a higher "
    "--max-cost or without it.",
    Pause.ALREADY_SENT: "Paused: the gateway already has a request of this run that "
    "the ledger does not know, and sent nothing now. Another process used the same run "
    "name within 24 hours, or the ledger is an older copy. Find out which; then "
    "{again}, with --on-already-sent continue if these recipients do not need the "
    "message again.",
    Pause.REFUSALS: "Paused: the gateway refuses nearly everything, so the cause is "
    "not in single numbers. See the reasons, correct the cause, then {again}. A "
    "different text or sender needs another --run name.",
    Pause.OVERDUE: "Paused: the time of sending has passed, and the gateway would send "
    "the rest at once. " + TOO_LATE,
}

# These are sent by resuming the run, and must not be any more.
_LEFT: Final = (BatchState.NOT_SENT, BatchState.UNKNOWN, BatchState.SENDING)

# A fleet has no such option.
_ALREADY_SENT_IN_FLEET: Final = (
    "Paused: the gateway already has a request of this run that the ledger does not "
    "know, and sent nothing now. Another process used the same run name within 24 "
    "hours, or the ledger is an older copy. Find out which; then {again}: the rest is "
    "sent."
)

_WAITS: Final = {
    Pause.CREDIT: "Waiting for credit: the account does not have enough. The run "
    "continues automatically once it is topped up.",
    Pause.OUTAGE: "Waiting for the gateway: it did not respond to many requests in a "
    "row. The run continues automatically once it does.",
}

PRESUMED: Final = (
    "Presumed accepted: a retry was rejected as a duplicate, so an earlier attempt was "
    "almost certainly accepted. Nothing needs to be done. Delivery receipts confirm it."
)
"""Advice that asks for nothing."""

_WITHOUT_LEDGER: Final = {
    BatchState.ALREADY_SENT: "Already sent: the gateway has these requests from an "
    "earlier start of this run, and sent nothing now. To send them again on purpose, "
    "use another --run name.",
    BatchState.REFUSED: "Refused: nothing was sent to these recipients. Correct the "
    "reason shown above, then {again}.",
    BatchState.NOT_SENT: "Not sent: nothing was sent to these recipients. Once the "
    "cause is gone, {again}.",
    BatchState.UNKNOWN: "Unknown outcome: the gateway did not confirm these. Within "
    "23 hours, {again}: messages already sent are rejected as duplicates, the rest are "
    "sent.",
    BatchState.SENDING: "Interrupted: these requests were in transit and may have been "
    "sent. Within 23 hours, {again}: messages already sent are rejected as duplicates, "
    "the rest are sent.",
    BatchState.PRESUMED: PRESUMED,
}

_WITH_LEDGER: Final = {
    BatchState.ALREADY_SENT: "Already sent: the gateway has these requests, this "
    "ledger does not, and nothing was sent now. `{unresolved}` lists them.",
    BatchState.REFUSED: "Refused: nothing was sent to these recipients. `{refused}` "
    "lists them. Once the cause is gone, `{resend}` sends one batch when the run is "
    "resumed.",
    BatchState.NOT_SENT: "Not sent: nothing was sent to these recipients yet. To send "
    "them, {again}.",
    BatchState.UNKNOWN: "Unknown outcome: the gateway did not confirm these. Within "
    "23 hours of the first attempt, {again}: messages already sent are rejected as "
    "duplicates, the rest are sent. After that, decide yourself: `{unresolved}` lists "
    "them.",
    BatchState.SKIPPED: "Skipped: these may have been sent, and by decision are not "
    "sent again.",
    BatchState.SENDING: "In transit or interrupted: these may have been sent. Within "
    "23 hours of the first attempt, {again}: messages already sent are rejected as "
    "duplicates, the rest are sent.",
    BatchState.PRESUMED: PRESUMED,
}

WHAT_TO_DO: Final = {
    BatchState.UNKNOWN: "Unknown: may have been sent. A delivery receipt for any "
    "number of the batch between these times proves that it was sent: decide `sent`. "
    "Without a receipt, decide `resend` (some recipients may get it twice) or `skip` "
    "(some may get nothing). Within 23 hours of the first attempt, resuming the run "
    "finds out automatically.",
    BatchState.ALREADY_SENT: "Already sent: it was sent under this run name by another "
    "process, or before this copy of the ledger was restored. Decide `sent` if that "
    "was intended, otherwise `resend`.",
    BatchState.PRESUMED: "Presumed accepted: almost certainly sent, and counted so. "
    "Nothing needs to be done. A delivery receipt is the proof.",
    BatchState.REFUSED: "Refused: nothing was sent. Decide `resend` once the cause is "
    "gone: the batch is sent when the run is resumed.",
}
"""Advice by the state of a batch, the most urgent first."""

_ERRORS: Final = {
    "AuthenticationError": "login or key refused",
    "DuplicateRequestError": "duplicate request",
    "InsufficientCreditError": "not enough credit",
    "InvalidRequestError": "invalid request",
    "InvalidResponseError": "unreadable response",
    "NotSentError": "no connection",
    "RefusedError": "refused",
    "ServerError": "server error",
    "ThrottledError": "gateway too busy",
    "TransportSecurityError": "invalid certificate",
    "UnknownOutcomeError": "no response",
}
_leading_name = re.compile(r"\w+").match

AGAIN: Final = "run the same command again"
_AGAIN_LATER: Final = "run its `octopush bulk` command again"

# Without a response there is no price.
_AT_LEAST: Final = (BatchState.PRESUMED, BatchState.UNKNOWN, BatchState.SENDING)


@frozen(kw_only=True)
class RunLocation:
    """
    Where a run is recorded.

    Attributes:
        name: Name of the run.
        ledger: File or address of its ledger; None if it was in memory only.
    """

    name: str
    ledger: Path | LedgerPlace | None

    def command(self, name: str, *words: str) -> str:
        """Build a command about this run, to be pasted."""
        if self.ledger is not None and is_recorded_as(self.ledger, self.name):
            return " ".join(["octopush", name, _q(self.name), *words])
        run = "--run=" if self.name.startswith("-") else "--run "
        ledger = _q(str(self.ledger))
        return " ".join(["octopush", name, ledger, *words, f"{run}{_q(self.name)}"])

    def fleet_command(self, name: str) -> str:
        """Build a command about this run of a fleet, to be pasted."""
        app: list[str] = []
        if isinstance(self.ledger, LedgerPlace) and self.ledger.is_app:
            app = ["--app", _q(str(self.ledger))]
        if self.name.startswith("-"):
            return " ".join(["octopush", "fleet", name, *app, "--", _q(self.name)])
        return " ".join(["octopush", "fleet", name, _q(self.name), *app])


@frozen(kw_only=True)
class HowToResume:
    """
    How to resume a run, as words that follow "then".

    Attributes:
        again: For batches that are not done.
        resumed: For a run that is paused.
        is_of_fleet: Whether workers send the run.
    """

    again: str
    resumed: str
    is_of_fleet: bool = False


def _q(word: str) -> str:
    return shlex.quote(word)


def waiting_for(pause: Pause) -> str | None:
    """Explain why a run is waiting; None if it is not."""
    return _WAITS.get(pause)


SAME_COMMAND: Final = HowToResume(again=AGAIN, resumed=AGAIN)


def resuming(run: RunRecord, location: RunLocation) -> HowToResume:
    """Say how to resume a run that is in a ledger."""
    if not is_of_fleet(run):
        return HowToResume(again=_AGAIN_LATER, resumed=_AGAIN_LATER)
    return resuming_in_fleet(location)


def resuming_in_fleet(location: RunLocation) -> HowToResume:
    """Say how to resume a run that workers send."""
    return HowToResume(
        again=f"run `{location.fleet_command('wait')}`",
        resumed=f"run `{location.fleet_command('resume')}`",
        is_of_fleet=True,
    )


def is_of_fleet(run: RunRecord) -> bool:
    """Return whether workers send a run."""
    return run.settings.get("planned_for") == "workers"


def advice_on(
    report: BulkReport, location: RunLocation, *, how: HowToResume
) -> Iterator[str]:
    """
    Advise about a run, in a paragraph for each kind of trouble.

    Args:
        report: Outcomes of the run.
        location: Where the run is recorded.
        how: How to resume it.
    """
    if report.paused is not None:
        words = _PAUSES[report.paused]
        if report.paused is Pause.ALREADY_SENT and how.is_of_fleet:
            words = _ALREADY_SENT_IN_FLEET
        yield words.format(again=how.resumed) + who_had_it(report.paused, location)
    # Waiting does not send a paused run.
    again = how.again if report.paused is None else how.resumed
    table = _WITHOUT_LEDGER if location.ledger is None else _WITH_LEDGER
    for state, words in table.items():
        is_late = report.paused is Pause.OVERDUE and state in _LEFT
        if report.by_state[state] and not is_late:
            yield words.format(
                again=again,
                unresolved=location.command("unresolved"),
                refused=location.command("unresolved", "--refused"),
                resend=location.command("resolve", "BATCH", "resend", "--by", "NAME"),
            )


def who_had_it(paused: Pause, location: RunLocation) -> str:
    """Say how to list them, where that is a part of the advice."""
    if paused is not Pause.OVERDUE or location.ledger is None:
        return ""
    command = location.command("report", "--csv", "FILE")
    return f" `{command}` lists everyone with their state."


def at_least(report: BulkReport) -> str:
    """Say "at least " before figures of money that are not complete."""
    return "at least " * any(report.by_state[state] for state in _AT_LEAST)


def accepted_in_words(report: BulkReport, total: int) -> str:
    """
    Sum up a run in a sentence that agrees with its table.

    Args:
        report: Outcomes of the run.
        total: Recipients there are, planned or not.
    """
    people = "1 recipient is" if total == 1 else f"{total:,} recipients are"
    if report.accepted == total and total:
        some = f"all {people}" if total > 1 else "the recipient is"
        return f"{some} accepted."
    words = f"{report.accepted:,} of {people} accepted"
    more = [
        f"{count:,} {label}"
        for count, label in (
            (report.presumed, "presumed accepted"),
            (report.already_sent, "already sent"),
        )
        if count
    ]
    return ", ".join([words, *more]) + "."


def departure_of(run: RunRecord) -> str | None:
    """Say when a run's messages go out; None for at once."""
    send_at = run.settings.get("send_at")
    return send_at and departure_in_words(datetime.fromisoformat(send_at))


def departure_in_words(instant: datetime) -> str:
    """Say when a scheduled message goes out: in its own zone, and in France."""
    words = f"{instant:%Y-%m-%d %H:%M}"
    in_france = instant.astimezone(ZoneInfo("Europe/Paris"))
    if in_france.utcoffset() == instant.utcoffset():
        return f"{words} in France"
    zone = instant.tzname() or f"{instant:%z}"
    return f"{words} {zone}, {in_france:%Y-%m-%d %H:%M} in France"


def rejected_because(rejection: Rejection) -> str:
    """Explain why a row is not a recipient, with its content."""
    got = "" if rejection.shown is None else f" (got {printable(rejection.shown)})"
    return f"{in_options(printable(rejection.reason))}{got}"


def rejected_row(rejection: Rejection) -> tuple[str, str]:
    """Locate a row that is not a recipient, with the reason."""
    return rejection.place, in_its_column(rejection, rejected_because(rejection))


def in_its_column(rejection: Rejection, reason: str) -> str:
    """Put the name of the column before a reason, unless it is plain which it is."""
    if rejection.column_name in {None, NUMBER}:
        return reason
    return f"{printable(str(rejection.column_name))} {reason}"


def error_in_words(name: str) -> str:
    """Translate the name of an error in a report, such as ``ServerError 503``."""
    found = _leading_name(name)
    if found is None or found[0] not in _ERRORS:
        return name
    rest = name[found.end() :].strip()
    if rest.isdecimal():
        rest = f"(status {rest})"
    return f"{_ERRORS[found[0]]} {rest}".strip()
