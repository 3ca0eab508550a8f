"""What states, pauses and errors of a run mean, and what to do, in plain words."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import frozen

from ..bulk.report import BulkReport
from ..ledgers.records import BatchState, Pause, RunRecord
from .targets.ledger import LedgerPlace


LABELS: Final = {
    BatchState.ACCEPTED: "Accepted",
    BatchState.PRESUMED: "Presumed accepted",
    BatchState.ALREADY_SENT: "Sent earlier",
    BatchState.REFUSED: "Refused",
    BatchState.NOT_SENT: "Not sent",
    BatchState.UNKNOWN: "In doubt",
    BatchState.SKIPPED: "Left in doubt",
    BatchState.SENDING: "Cut off",
}
"""States whose recipients are counted, the good ones first."""

PAUSED_BY: Final = {
    Pause.CREDIT: "not enough credit",
    Pause.CREDENTIALS: "login or key refused",
    Pause.SECURITY: "certificate not valid",
    Pause.OUTAGE: "gateway silent",
    Pause.MAX_COST: "--max-cost reached",
    Pause.ALREADY_SENT: "sent by somebody else",
    Pause.REFUSALS: "one refusal after the other",
}

_PAUSES: Final = {
    Pause.CREDIT: "Paused: the account has not enough credit. Top it up, then {again}.",
    Pause.CREDENTIALS: "Paused: the gateway refuses the credentials. Check "
    "OCTOPUSH_API_LOGIN and OCTOPUSH_API_KEY, then {again}.",
    Pause.SECURITY: "Paused: the certificate of the gateway is not valid, so nothing "
    "was entrusted to it. Find out why, then {again}.",
    Pause.OUTAGE: "Paused: the gateway did not answer many requests in a row. Wait "
    "until it is back, then {again}, within 23 hours.",
    Pause.MAX_COST: "Paused: the next request could cost more than --max-cost leaves, "
    "or the gateway does not tell its prices. To go on all the same, {again} with a "
    "higher --max-cost or without.",
    Pause.ALREADY_SENT: "Paused: the gateway knows a request of this run that its "
    "ledger does not, and has sent nothing now. Within 24 hours somebody used the same "
    "key without this ledger. Find out who; then {again}, with --on-already-sent "
    "continue if "
    "these people need not get it from here.",
    Pause.REFUSALS: "Paused: the gateway refuses one request after the other, so the "
    "cause hardly lies in single numbers. See the reasons, put it right, then {again}. "
    "A change of text or sender needs another --key.",
}

# Where a fleet has no such option.
_FOREIGN_TO_FLEET: Final = (
    "Paused: the gateway knows a request of this run that its ledger does not, and has "
    "sent nothing now. Within 24 hours somebody used the same key without this ledger. "
    "Find out who; then {again}: the rest is sent."
)

_WAITS: Final = {
    Pause.CREDIT: "Waiting for credit: the account has not enough. The run goes on by "
    "itself once it is topped up.",
    Pause.OUTAGE: "Waiting for the gateway: it did not answer many requests in a row. "
    "The run goes on by itself once it does.",
}

_PRESUMED: Final = (
    "Presumed accepted: a repeat was refused as a duplicate, so an earlier try was "
    "most likely taken. There is nothing to do; delivery receipts tell for sure."
)

_WITHOUT_LEDGER: Final = {
    BatchState.ALREADY_SENT: "Sent earlier: the gateway knows these requests from an "
    "earlier run with this key, and has sent nothing now. To send them again on "
    "purpose, use another --key.",
    BatchState.REFUSED: "Refused: nothing was sent to these. See the reason above, put "
    "it right, and {again}.",
    BatchState.NOT_SENT: "Not sent: nothing went out to these. Once the cause is gone, "
    "{again}.",
    BatchState.UNKNOWN: "In doubt: no answer told whether these were sent. Within 23 "
    "hours, {again}: the gateway refuses what it has, and takes the rest.",
    BatchState.SENDING: "Cut off: these requests were on their way and may have been "
    "sent. Within 23 hours, {again}: the gateway refuses what it has, and takes the "
    "rest.",
    BatchState.PRESUMED: _PRESUMED,
}

_WITH_LEDGER: Final = {
    BatchState.ALREADY_SENT: "Sent earlier: the gateway knows these requests, this "
    "ledger does not, and nothing was sent now. `{unresolved}` lists them.",
    BatchState.REFUSED: "Refused: nothing was sent to these, and nothing is by itself. "
    "`{refused}` lists them; `{resend}` lines one up again.",
    BatchState.NOT_SENT: "Not sent: nothing went out to these yet. To send them, "
    "{again}.",
    BatchState.UNKNOWN: "In doubt: no answer told whether these were sent. Within 23 "
    "hours of the first try, {again}: the gateway refuses what it has, and takes the "
    "rest. Later it is for you to decide: `{unresolved}` lists them.",
    BatchState.SKIPPED: "Left in doubt: these may have been sent, and by decision are "
    "not sent again.",
    BatchState.SENDING: "Cut off, or on their way just now: these may have been sent. "
    "Within 23 hours of the first try, {again}: the gateway refuses what it has, and "
    "takes the rest.",
    BatchState.PRESUMED: _PRESUMED,
}

WHAT_TO_DO: Final = {
    BatchState.UNKNOWN: "In doubt: it may have been sent. A delivery receipt for any "
    "of its numbers between these times proves that it was: decide `sent`. If there "
    "is none, `resend` (some may get it twice) or `skip` (some may get nothing). "
    "Within 23 hours of the first try, going on with the run finds out by itself.",
    BatchState.ALREADY_SENT: "Sent earlier: by somebody else under this key, and not "
    "by this run. Decide `sent` if that was meant, or else `resend`.",
    BatchState.PRESUMED: "Presumed: most likely sent, and counted so. Nothing need be "
    "done; a delivery receipt is the proof.",
    BatchState.REFUSED: "Refused: nothing was sent. `resend` lines it up again for the "
    "next start of the run; of use if the cause is gone.",
}
"""By the state of a batch on the worklist, what needs it most first."""

_ERRORS: Final = {
    "AuthenticationError": "login or key refused",
    "DuplicateRequestError": "request known already",
    "InsufficientCreditError": "not enough credit",
    "InvalidRequestError": "request not valid",
    "InvalidResponseError": "answer not readable",
    "NotSentError": "no connection",
    "RefusedError": "refused",
    "ServerError": "server error",
    "ThrottledError": "gateway too busy",
    "TransportSecurityError": "certificate not valid",
    "UnknownOutcomeError": "no answer",
}
_leading_name = re.compile(r"\w+").match

AGAIN: Final = "run the same command again"
_AGAIN_LATER: Final = "run its `octopush bulk` command again"

# Without an answer there is no price.
_AT_LEAST: Final = (BatchState.PRESUMED, BatchState.UNKNOWN, BatchState.SENDING)


@frozen(kw_only=True)
class Place:
    """
    Where a run is written down.

    Attributes:
        key: Names the run.
        ledger: Its file or address; None if it was in memory only.
    """

    key: str
    ledger: Path | LedgerPlace | None

    def command(self, name: str, *words: str) -> str:
        """A command about this run, to be pasted."""
        key = (
            f"--key={self.key}" if self.key.startswith("-") else f"--key {_q(self.key)}"
        )
        return " ".join(["octopush", name, _q(str(self.ledger)), *words, key])

    def fleet_command(self, name: str) -> str:
        """A command about this run of a fleet, to be pasted."""
        words = ["octopush", "fleet", name]
        if isinstance(self.ledger, LedgerPlace) and self.ledger.is_app:
            words += ["--app", _q(str(self.ledger))]
        words += ["--"] * self.key.startswith("-")
        return " ".join([*words, _q(self.key)])


@frozen(kw_only=True)
class GoingOn:
    """
    How to go on with a run.

    Attributes:
        again: What to do about batches that are not done.
        resumed: What to do once it stands still.
        is_of_fleet: Whether workers send it.
    """

    again: str
    resumed: str
    is_of_fleet: bool = False


def _q(word: str) -> str:
    return shlex.quote(word)


def plain(text: str) -> str:
    """Words of a file that may be anybody's, without what a terminal would obey."""
    return "".join(
        one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text
    )


def waiting_for(pause: Pause) -> str | None:
    """What a run that stands still waits for; None if it does not."""
    return _WAITS.get(pause)


SAME_COMMAND: Final = GoingOn(again=AGAIN, resumed=AGAIN)


def going_on(run: RunRecord, place: Place) -> GoingOn:
    """How to go on with a run that is in a ledger."""
    if not is_of_fleet(run):
        return GoingOn(again=_AGAIN_LATER, resumed=_AGAIN_LATER)
    return going_on_in_fleet(place)


def going_on_in_fleet(place: Place) -> GoingOn:
    """How to go on with a run that workers send."""
    return GoingOn(
        again=f"run `{place.fleet_command('wait')}`",
        resumed=f"run `{place.fleet_command('resume')}`",
        is_of_fleet=True,
    )


def is_of_fleet(run: RunRecord) -> bool:
    """Whether workers send a run."""
    return run.settings.get("planned_for") == "workers"


def advice_on(report: BulkReport, place: Place, *, how: GoingOn) -> Iterator[str]:
    """
    What to do about a run, a paragraph for each kind of trouble.

    Args:
        report: What became of whom.
        place: Where it is written down.
        how: To go on with it.
    """
    if report.paused is not None:
        words = _PAUSES[report.paused]
        if report.paused is Pause.ALREADY_SENT and how.is_of_fleet:
            words = _FOREIGN_TO_FLEET
        yield words.format(again=how.resumed)
    # What stands still is not sent by waiting.
    again = how.again if report.paused is None else how.resumed
    table = _WITHOUT_LEDGER if place.ledger is None else _WITH_LEDGER
    for state, words in table.items():
        if report.by_state[state]:
            yield words.format(
                again=again,
                unresolved=place.command("unresolved"),
                refused=place.command("unresolved", "--refused"),
                resend=place.command("resolve", "BATCH", "resend", "--by", "NAME"),
            )


def at_least(report: BulkReport) -> str:
    """What stands before figures of money that are not whole."""
    return "at least " * any(report.by_state[state] for state in _AT_LEAST)


def error_in_words(name: str) -> str:
    """An error as a report names it, such as ``ServerError 503``, for people."""
    found = _leading_name(name)
    if found is None or found[0] not in _ERRORS:
        return name
    rest = name[found.end() :].strip()
    if rest.isdecimal():
        rest = f"(status {rest})"
    return f"{_ERRORS[found[0]]} {rest}".strip()
