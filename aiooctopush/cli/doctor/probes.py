"""
Probes of undocumented behavior of the gateway.

A probe has a result only if every one of its requests had a clear response at
the first attempt. A timeout, or a retry of our own, proves nothing.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final

from attrs import define, field, frozen

from ..._wire import Idempotency
from ...api._shared import TICKET_NAMES
from ...api.raw import RawAnswer
from ...api.sms import SEND
from ...bulk.sending.splitting import RECIPIENT_CODES, named_in
from ...errors import (
    AuthenticationError,
    DuplicateRequestError,
    InsufficientCreditError,
    OctopushError,
    Outcome,
    RefusedError,
    ThrottledError,
)
from ...ids import new_request_id
from ...phone import mask
from ...session import OctopushSession


_DEADLINE: Final = 60.0
_TEXT: Final = "A test by octopush doctor: please ignore it."
_FRANCE: Final = "+33"

# Assigned to no country, though it looks like a number.
_BAD_NUMBER: Final = "+999000000000"
_BAD_SENDER: Final = "A"


# --- one request ----------------------------------------------------------------------


class Kind(StrEnum):
    """Outcome of one request."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    UNCLEAR = "unclear"


@frozen(kw_only=True)
class Reply:
    """
    The response to one request of a probe.

    Attributes:
        kind: Its outcome.
        words: Result in words, for people.
        status: HTTP status.
        code: Code of the gateway.
        ticket: If there was one.
        contacts: Number of its recipients, if reported.
        names_bad: Whether it names the second recipient.
        of_recipients: Whether it concerns recipients at all.
        maybe_sent: Whether it may have been executed without our knowing.
    """

    kind: Kind
    words: str
    status: int | None = None
    code: int | None = None
    ticket: str | None = None
    contacts: int | None = None
    names_bad: bool = False
    of_recipients: bool = False
    maybe_sent: bool = False


async def send(octopush: OctopushSession, body: Mapping[str, Any]) -> Reply:
    """Make one request, and classify its response."""
    try:
        answer = await octopush.raw(
            "POST",
            SEND.path,
            json=body,
            idempotency=Idempotency.REQUEST_ID,
            timeout=_DEADLINE,
        )
    except OctopushError as error:
        return _reply_of_error(error)
    return _reply_of_answer(answer)


def _ticket_in(said: Mapping[str, Any]) -> str | None:
    found = (said.get(name) for name in TICKET_NAMES)
    return next((one for one in found if isinstance(one, str) and one), None)


def _reply_of_answer(answer: RawAnswer) -> Reply:
    said = answer.json if isinstance(answer.json, dict) else {}
    ticket = _ticket_in(said)
    if answer.attempts > 1 or answer.outcome is not Outcome.ACCEPTED:
        words = "it took more than one attempt"
        return Reply(kind=Kind.UNCLEAR, words=words, maybe_sent=ticket is None)
    if ticket is None:
        words = "a response without a ticket"
        return Reply(kind=Kind.UNCLEAR, words=words, maybe_sent=True)
    # A number, or text with one.
    contacts = str(said.get("number_of_contacts"))
    return Reply(
        kind=Kind.ACCEPTED,
        words=f"accepted (HTTP {answer.status})",
        status=answer.status,
        ticket=ticket,
        contacts=int(contacts) if contacts in {"1", "2"} else None,
    )


_OTHER_REASONS: Final = (AuthenticationError, InsufficientCreditError, ThrottledError)


def _reply_of_error(error: OctopushError) -> Reply:
    if error.attempts > 1:
        # A refused attempt may use up an id, which is the question of this probe.
        words = f"it took {error.attempts} attempts: {error.problem}"
        return Reply(kind=Kind.UNCLEAR, words=words, maybe_sent=error.maybe_sent)
    if not isinstance(error, RefusedError) or isinstance(error, _OTHER_REASONS):
        words = error.problem
        return Reply(kind=Kind.UNCLEAR, words=words, maybe_sent=error.maybe_sent)
    duplicate = isinstance(error, DuplicateRequestError)
    return Reply(
        kind=Kind.DUPLICATE if duplicate else Kind.REFUSED,
        words=error.problem,
        status=error.status,
        code=error.code,
        ticket=_ticket_in(error.details),
        names_bad=1 in named_in(error),
        of_recipients=error.code in RECIPIENT_CODES or any(named_in(error)),
    )


# --- questions and findings -----------------------------------------------------------


class Question(StrEnum):
    """Questions 1 to 4 of the probes; values are keys of the document."""

    NOTED = "id_noted_on"
    REPEAT = "repeat"
    BAD_NUMBER = "bad_number"
    SIMULATION = "simulation"


LABELS: Final = {
    Question.NOTED: "An id is noted",
    Question.REPEAT: "A repeat",
    Question.BAD_NUMBER: "One bad number",
    Question.SIMULATION: "Simulation mode",
}


@frozen(kw_only=True)
class Finding:
    """
    Result for a question.

    Attributes:
        answer: A word for programs; None if unknown.
        words: A sentence for people.
        details: Further values for programs.
    """

    answer: str | None
    words: str
    details: Mapping[str, Any] = field(factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"answer": self.answer, "words": self.words, **self.details}


NOT_ASKED: Final = Finding(answer=None, words="not asked")


def _open(reason: str) -> Finding:
    return Finding(answer=None, words=f"unknown: {reason}")


def _by(*, real: bool) -> str:
    """How it was found out, as part of a sentence."""
    return "" if real else " (seen in simulation mode)"


def _noted(answer: str, *, real: bool) -> Finding:
    words = {
        "receipt": "when its request is received, even if that is refused: what is "
        "presumed may not have been sent",
        "acceptance": "when its request is accepted: what is presumed was sent",
    }
    return Finding(
        answer=answer,
        words=f"{words[answer]}{_by(real=real)}",
        details={"real": real},
    )


def _repeated(reply: Reply, first: Reply, *, real: bool) -> Finding:
    again = reply.ticket is not None and reply.ticket == first.ticket
    ticket = "the first ticket is repeated" if again else "the ticket is not repeated"
    said = f"HTTP {reply.status}, code {reply.code}; {ticket}{_by(real=real)}"
    return Finding(
        answer="refused",
        words=f"is refused: {said}",
        details={
            "real": real,
            "status": reply.status,
            "code": reply.code,
            "ticket_repeated": again,
        },
    )


@frozen(kw_only=True)
class Plan:
    """
    Description of a probe before it runs.

    Attributes:
        question: The question that it settles, as a title.
        sends: Its messages and their recipients, in words.
        cost: Its possible cost, in words.
        is_free: Whether all of it is in simulation mode.
    """

    question: str
    sends: str
    cost: str
    is_free: bool


_FREE: Final = "nothing: simulation mode sends nothing"


@define(kw_only=True)
class Probing:
    """
    All probes, in the order of their dependencies.

    Attributes:
        to: Who gets a real message, if one is agreed to.
        sender: A sender that the gateway accepts.
        send: Makes a request.
        agreed: Asks whether a probe may be made.
        findings: The findings so far.
        maybe_sent: Whether a real request may have been sent without our knowing.
        interrupted: True if Ctrl-C was pressed.
    """

    to: str = field(repr=mask)
    sender: str
    send: Callable[[Mapping[str, Any]], Reply]
    agreed: Callable[[Plan], bool]
    findings: dict[Question, Finding] = field(
        factory=lambda: dict.fromkeys(Question, NOT_ASKED)
    )
    maybe_sent: bool = False
    interrupted: bool = False
    _good_is_taken: bool = False
    _simulation_notes: bool = False

    def run(self) -> None:
        """Make every probe that is agreed to."""
        self._simulate()
        self._refuse_simulated()
        self._mix_in_bad_number(real=False)
        if self._is_open(Question.NOTED) or self._is_open(Question.REPEAT):
            self._refuse_really()
        if self._is_open(Question.BAD_NUMBER):
            self._mix_in_bad_number(real=True)

    @property
    def could_not_tell(self) -> bool:
        """Whether a probe was made, and a question stayed open."""
        return any(
            one.answer is None and one is not NOT_ASKED
            for one in self.findings.values()
        )

    def _is_open(self, question: Question) -> bool:
        return self.findings[question].answer is None

    def _learn(self, question: Question, finding: Finding) -> None:
        # Results are kept if a later probe has none.
        if self._is_open(question):
            self.findings[question] = finding

    def _ask(self, request_id: str, *, real: bool = False, **changes: Any) -> Reply:
        body: dict[str, Any] = {
            "text": _TEXT,
            "recipients": [{"phone_number": self.to}],
            "sender": self.sender,
            "type": "sms_premium",
            "purpose": "alert",
            "request_id": request_id,
            **changes,
        }
        if not real:
            body["simulation_mode"] = True
        reply = self.send(body)
        self.maybe_sent |= real and reply.maybe_sent
        return reply

    def _fault(self) -> tuple[str, dict[str, Any]]:
        """Reason for the refusal of a request, in words and as fields."""
        if self.to.startswith(_FRANCE):
            # Seen live: code 121. Source: octopush/Octopush-SMS-API-PHP, issue 20.
            return "marketing without its STOP mention", {"purpose": "wholesale"}
        return "a sender of one letter", {"sender": _BAD_SENDER}

    # --- in simulation mode -------------------------------------------------------

    def _simulate(self) -> None:
        plan = Plan(
            question="Does simulation mode honour request_id?",
            sends=f"2 simulated requests with the same id, to {mask(self.to)}",
            cost=_FREE,
            is_free=True,
        )
        if not self.agreed(plan):
            return
        request_id = new_request_id()
        first = self._ask(request_id)
        if first.kind is not Kind.ACCEPTED:
            self._learn(Question.SIMULATION, _open(f"the first time, {first.words}"))
            return
        self._good_is_taken = True
        second = self._ask(request_id)
        if second.kind is Kind.DUPLICATE:
            self._simulation_notes = True
            words = "honours ids: a simulated request cannot be repeated with its id"
            self._learn(Question.SIMULATION, Finding(answer="honours_ids", words=words))
            self._learn(Question.REPEAT, _repeated(second, first, real=False))
        elif second.kind is Kind.ACCEPTED:
            words = "leaves ids free: a simulated request may be repeated with its id"
            self._learn(
                Question.SIMULATION, Finding(answer="leaves_ids_free", words=words)
            )
        else:
            self._learn(Question.SIMULATION, _open(f"the repeat: {second.words}"))

    def _refuse_simulated(self) -> None:
        fault, changes = self._fault()
        plan = Plan(
            question="Is an id noted on receipt or on acceptance?",
            sends=f"2 simulated requests with the same id, to {mask(self.to)}: the "
            f"first has to be refused ({fault}), the second is repaired",
            cost=_FREE,
            is_free=True,
        )
        if not self.agreed(plan):
            return
        request_id = new_request_id()
        first = self._ask(request_id, **changes)
        if first.kind is not Kind.REFUSED:
            self._learn(
                Question.NOTED, _open(f"not refused as expected: {first.words}")
            )
            return
        second = self._ask(request_id)
        if second.kind is Kind.DUPLICATE:
            self._learn(Question.NOTED, _noted("receipt", real=False))
            self._learn(Question.REPEAT, _repeated(second, first, real=False))
        elif second.kind is not Kind.ACCEPTED:
            self._learn(Question.NOTED, _open(f"the repaired one: {second.words}"))
        elif self._simulation_notes:
            self._learn(Question.NOTED, _noted("acceptance", real=False))
        else:
            words = "simulation mode does not show that it notes ids at all"
            self._learn(Question.NOTED, _open(words))

    # --- in either mode -----------------------------------------------------------

    def _mix_in_bad_number(self, *, real: bool) -> None:
        plan = Plan(
            question="Does one bad number refuse the good ones?",
            sends=f"1 {'real' if real else 'simulated'} request to {mask(self.to)} and "
            f"to {_BAD_NUMBER}, which no country has",
            cost="1 SMS, or 2" if real else _FREE,
            is_free=not real,
        )
        if not self.agreed(plan):
            return
        numbers = [{"phone_number": one} for one in (self.to, _BAD_NUMBER)]
        reply = self._ask(new_request_id(), real=real, recipients=numbers)
        self._learn(Question.BAD_NUMBER, self._judge_bad_number(reply, real=real))

    def _judge_bad_number(self, reply: Reply, *, real: bool) -> Finding:
        if reply.kind is Kind.REFUSED and (self._good_is_taken or reply.of_recipients):
            named = "it is named" if reply.names_bad else "it is not named"
            return Finding(
                answer="all_refused",
                words=f"refuses the whole request; {named}{_by(real=real)}",
                details={"real": real, "code": reply.code, "named": reply.names_bad},
            )
        if reply.kind is not Kind.ACCEPTED:
            return _open(reply.words)
        if not real:
            return _open("simulation mode took both, and invents its figures")
        if reply.contacts == 1:
            words = "is left out; the others are sent"
            return Finding(answer="skipped", words=words, details={"real": real})
        return _open(f"accepted, for {reply.contacts or 'an unknown number of'} people")

    # --- for real -----------------------------------------------------------------

    def _refuse_really(self) -> None:
        fault, changes = self._fault()
        plan = Plan(
            question="Is an id noted on receipt or on acceptance, and how is a repeat "
            "refused?",
            sends=f"up to 3 real requests with the same id, to {mask(self.to)}: one "
            f"that has to be refused ({fault}), the same repaired, and its repeat; "
            "then a simulated repeat",
            cost="1 SMS as far as is known, at most 3",
            is_free=False,
        )
        if not self.agreed(plan):
            return
        request_id = new_request_id()
        first = self._ask(request_id, real=True, **changes)
        if first.kind is not Kind.REFUSED:
            self._leave_open(f"not refused as expected: {first.words}")
            return
        second = self._ask(request_id, real=True)
        if second.kind is Kind.DUPLICATE:
            self._learn(Question.NOTED, _noted("receipt", real=True))
            self._learn(Question.REPEAT, _repeated(second, first, real=True))
            return
        if second.kind is not Kind.ACCEPTED:
            self._leave_open(f"the repaired one: {second.words}")
            return
        third = self._ask(request_id, real=True)
        if third.kind is Kind.DUPLICATE:
            self._learn(Question.NOTED, _noted("acceptance", real=True))
            self._learn(Question.REPEAT, _repeated(third, second, real=True))
            self._repeat_simulated(request_id)
        elif third.kind is Kind.ACCEPTED:
            words = "is not refused: it was accepted a second time"
            self._learn(Question.REPEAT, Finding(answer="accepted", words=words))
            self._learn(Question.NOTED, _open("a repeat is not refused at all"))
        else:
            self._leave_open(f"the repeat: {third.words}")

    def _leave_open(self, reason: str) -> None:
        self._learn(Question.NOTED, _open(reason))
        self._learn(Question.REPEAT, _open(reason))

    def _repeat_simulated(self, request_id: str) -> None:
        """Whether simulation mode looks at ids, though it may not note them."""
        reply = self._ask(request_id)
        known = self.findings[Question.SIMULATION].answer
        if reply.kind is Kind.DUPLICATE and known == "leaves_ids_free":
            self.findings[Question.SIMULATION] = Finding(
                answer="checks_ids",
                words="refuses an id that a real request used, but notes none itself",
            )
