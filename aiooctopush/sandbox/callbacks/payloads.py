"""
Payloads of callbacks, and the plan of deliveries.

Source: gateway documentation, "Callbacks", "Acknowledge receipt", "Inbounds",
"Opt-out management"; newer names and e-mail reports from the newer reference
(documented, unseen).
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from itertools import chain
from random import Random
from typing import Any, Final
from urllib.parse import urlencode

from attrs import field, frozen

from ..sent_log import Entry


class CallbackKind(StrEnum):
    """Kind of a callback."""

    RECEIPT = "receipt"
    """The status of a message to one number."""

    EMAIL_REPORT = "email_report"
    """The status of an e-mail, for several recipients at once."""

    REPLY = "reply"
    """A reply to a message."""

    OPT_OUT = "opt_out"
    """A person wants no more marketing."""


class CallbackFormat(StrEnum):
    """How the body of a callback is written."""

    JSON = "json"
    """One JSON object, as in the samples."""

    ARRAY = "array"
    """A JSON array, as seen by a third-party receiver."""

    FORM = "form"
    """Form fields, as a receiver in production found them."""


NORMAL_LIVES: Final[Mapping[str, tuple[str, ...]]] = {
    "sms": ("ACK", "DELIVERED"),
    "voice_sms": ("ACK", "DELIVERED"),
    "rcs": ("ACK", "DELIVERED", "READ"),
    "email": ("TRANSMITTED", "ISP_SEND", "DELIVERED"),
    "live_chat": ("DELIVERED", "READ"),
    "whatsapp": ("DELIVERED", "READ"),
    "imessage": ("DELIVERED", "READ"),
}
"""
The statuses of a message that arrives, by channel, in order.

Source: gateway documentation, the table of statuses; which ones come, and in which
order, is our choice.
"""

FAILURES: Final[Mapping[str, tuple[str, ...]]] = {
    "sms": ("NOT_DELIVERED", "BAD_DESTINATION", "NOT_ALLOWED", "UNKNOWN_DELIVERY"),
    "voice_sms": ("NOT_DELIVERED", "NOT_DELIVERABLE", "BUSY", "REFUSED"),
    "email": ("SPAM_PRESUMPTION", "UNKNOWN_DELIVERY"),
}
"""The last status of a message that does not arrive, by channel. Source: likewise."""

_ANY_FAILURE: Final = ("UNKNOWN_DELIVERY", "UNDEFINED")
_STOPPED: Final = "BLACKLISTED_NUMBER"
# The short number for replies; any.
_SHORT_NUMBER: Final = "30101"
_JSON_TYPE: Final = "application/json"
_FORM_TYPE: Final = "application/x-www-form-urlencoded"


@frozen(kw_only=True)
class CallbackPlan:
    """
    Plan of deliveries and of their callbacks.

    The same seed and sent log produce the same callbacks. ``repr`` shows no number.

    Args:
        failures: Probability that a message does not arrive, 0 to 1. Or a probability
            for each final status, including unknown ones, to test a receiver.
        numbers: Statuses of single numbers: a final status, or all statuses in order;
            none for no callbacks.
        delay: Seconds from leaving to the first status, and from each to the next:
            a figure, or bounds to draw from. Documented is 48 hours at most.
        duplicates: That a callback is posted a second time, a delay later.
        disorder: That the callbacks about a message come last first.
        loss: That a callback never comes.
        without_plus: That a number is written without its `+`.
        format: How the body is written. An e-mail report has no documented form, and
            comes as JSON then.
        older: Names of older pages: ``DELIVERY_DATE`` in capitals, ``answer_date``,
            figures of a call at the top level, and a missing channel.
        zone: Time zone of the dates, which contain none: undocumented, our choice.
        seed: Seed of the random numbers.

    Raises:
        ValueError: A figure is out of bounds.
    """

    failures: float | Mapping[str, float] = 0.0
    numbers: Mapping[str, str | Sequence[str]] = field(factory=dict, repr=False)
    delay: float | tuple[float, float] = (1.0, 5.0)
    duplicates: float = 0.0
    disorder: float = 0.0
    loss: float = 0.0
    without_plus: float = 0.0
    format: CallbackFormat = field(
        default=CallbackFormat.JSON, converter=CallbackFormat
    )
    older: bool = False
    zone: tzinfo = UTC
    seed: int = 0

    def __attrs_post_init__(self) -> None:
        if isinstance(self.failures, Mapping):
            for status, probability in self.failures.items():
                _check_probability(f"failures: {status}", probability)
            _check_probability("failures", math.fsum(self.failures.values()))
        else:
            _check_probability("failures", self.failures)
        for name in ("duplicates", "disorder", "loss", "without_plus"):
            _check_probability(name, getattr(self, name))
        least, most = self.delay_bounds
        if not 0 <= least <= most < math.inf:
            raise ValueError(f"delay: must be 0 or more, not {self.delay!r}")

    @property
    def delay_bounds(self) -> tuple[float, float]:
        """The shortest and the longest delay, in seconds."""
        return self.delay if isinstance(self.delay, tuple) else (self.delay, self.delay)


@frozen(kw_only=True)
class Callback:
    """
    One request to a receiver; ``repr`` shows neither recipient nor content.

    Attributes:
        kind: The kind of its events.
        posted_at: When it goes out, on the gateway's clock.
        account: ``api-login`` of its account; empty if the number never got a message.
        url: The URL that this account has set for this kind; None without one.
        events: Its events: one, or several in a JSON array.
        content_type: Content type of the body.
        body: The bytes, as `aiooctopush.webhooks.parse` accepts them.
    """

    kind: CallbackKind
    posted_at: datetime
    account: str = field(repr=False)
    url: str | None = field(repr=False)
    events: tuple[Mapping[str, Any], ...] = field(repr=False)
    content_type: str
    body: bytes = field(repr=False)


def _check_probability(name: str, probability: float) -> None:
    if not 0 <= probability <= 1:
        raise ValueError(f"{name}: must be 0 to 1, not {probability!r}")


def life(
    plan: CallbackPlan, channel: str, number: str, random: Random, *, stopped: bool
) -> Sequence[str]:
    """Decide which statuses a message gets; ``stopped`` numbers want none."""
    # One number decides whether, a second one which, drawn in any case: a plan with
    # other failures and the same seed hits the same messages.
    hit, which = random.random(), random.random()
    rule = plan.numbers.get(number)
    if rule is not None and not isinstance(rule, str):
        return tuple(rule)
    normal = NORMAL_LIVES[channel]
    final = rule or (_STOPPED if stopped else None)
    if final is None:
        final = _failure(plan.failures, channel, hit, which) or normal[-1]
    if final == _STOPPED:
        return (final,)
    on_the_way = normal[: normal.index(final if final in normal else "DELIVERED")]
    return (*on_the_way, final)


def _failure(
    failures: float | Mapping[str, float], channel: str, hit: float, which: float
) -> str | None:
    if isinstance(failures, Mapping):
        for status, probability in failures.items():
            hit -= probability
            if hit < 0:
                return status
        return None
    statuses = FAILURES.get(channel, _ANY_FAILURE)
    return statuses[int(which * len(statuses))] if hit < failures else None


def _date(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def receipt(
    plan: CallbackPlan,
    entry: Entry,
    *,
    number: str,
    status: str,
    at: datetime,
    price: float | str,
    talked: int,
) -> Mapping[str, Any]:
    """Write the status of a message to one number; ``talked`` is in seconds."""
    event = {"message_id": entry.ticket, "number": number, "status": status}
    date = _date(at, plan.zone)
    call: dict[str, Any] = {}
    if entry.channel == "voice_sms" and status != "ACK":
        seconds = talked if status == "DELIVERED" else 0
        call = {"call_duration": seconds, "charged_duration": seconds}
    if plan.older:
        return {**event, "DELIVERY_DATE": date, **call}
    return {
        "channel": entry.channel,
        "list_name": entry.list_name,
        **event,
        "unit_price": price,
        "delivery_date": date,
        "meta_data": {"pressed_keys_code": "", **call} if call else {},
    }


def email_report(
    plan: CallbackPlan,
    entry: Entry,
    *,
    lives: Sequence[Sequence[str]],
    times: Sequence[datetime],
    price: float | str,
) -> Mapping[str, Any]:
    """Write the stage at the last of these times, for all addresses that reach it."""
    stage = len(times)
    dates = [_date(at, plan.zone) for at in times]
    return {
        "channel": "email",
        "message_id": entry.ticket,
        "list_name": entry.list_name,
        "meta_data": {"template_name": None},
        "deliveries": [
            {
                "email": address,
                "status": statuses[stage - 1],
                "unit_price": price,
                "delivery_date": dates[-1],
                "status_history": [
                    {"status": status, "delivery_date": date}
                    for status, date in zip(statuses, dates, strict=False)
                ],
            }
            for address, statuses in zip(entry.recipients, lives, strict=True)
            if len(statuses) >= stage
        ],
    }


def on_demand(
    plan: CallbackPlan,
    kind: CallbackKind,
    *,
    ticket: str | None,
    number: str,
    text: str,
    at: datetime,
    with_metadata: bool,
) -> Mapping[str, Any]:
    """Write a reply or an opt-out."""
    event = {"message_id": ticket, "number": number, "text": text}
    date = _date(at, plan.zone)
    if kind is CallbackKind.OPT_OUT:
        return {**event, "stop_date": date}
    name = "answer_date" if plan.older else "reception_date"
    # The content of the metadata is undocumented.
    more: dict[str, Any] = {"metadata": {}} if with_metadata else {}
    return {**event, "sim_card_number": _SHORT_NUMBER, name: date, **more}


def encode(
    format: CallbackFormat,
    kind: CallbackKind,
    events: Sequence[Mapping[str, Any]],
) -> tuple[str, bytes]:
    """Write events as a body: its content type, and its bytes."""
    if format is CallbackFormat.ARRAY:
        return _JSON_TYPE, json.dumps(events).encode()
    if format is CallbackFormat.FORM and kind is not CallbackKind.EMAIL_REPORT:
        return _FORM_TYPE, urlencode(list(_flat(events[0]))).encode()
    return _JSON_TYPE, json.dumps(events[0]).encode()


def _flat(event: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    # Nesting in a form is undocumented: inner fields move to the top level, as in the
    # older voice callback. Null fields are left out.
    inner = chain.from_iterable(
        one.items() for one in event.values() if isinstance(one, dict)
    )
    for name, value in chain(event.items(), inner):
        if value is not None and not isinstance(value, dict):
            yield name, value
