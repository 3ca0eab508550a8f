"""Bytes in, typed events out."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl

from .._responses import decode
from .._wire import MAX_BODY, converter
from ..errors import InvalidFieldError, WebhookError
from ..phone import MAX_DIGITS, normalize
from .events import (
    DeliveryReceipt,
    EmailDelivery,
    EmailReport,
    Event,
    OptOut,
    Reply,
    StatusChange,
    UnknownCallback,
)
from .statuses import to_status


def parse(body: bytes, content_type: str | None = None) -> tuple[Event, ...]:
    """
    Read a callback.

    The gateway posts one event in the samples; third-party clients received forms and
    an array. So the result is always a tuple, and a caller that loops handles all
    three. A body that begins like JSON is parsed as JSON with any header, because PHP
    posts it as a form by default. No form begins so.

    Args:
        body: The posted bytes; at most 1 MiB.
        content_type: The header, if there was one.

    Returns:
        The events, in the order in which they came; empty for an empty array.

    Raises:
        WebhookError: Too long, or neither JSON nor a form. It quotes nothing.

    Source: gateway documentation, "Callbacks"; forms and arrays as third-party
    receivers met them (documented, unseen).
    """
    if len(body) > MAX_BODY:
        raise WebhookError(f"the callback has over {MAX_BODY} bytes")
    content = _decode(body, content_type or "")
    if isinstance(content, list):
        return tuple(_read(one) for one in content)
    if isinstance(content, dict):
        return (_read(content),)
    raise WebhookError("the callback is neither an object nor an array nor a form")


def _decode(body: bytes, content_type: str) -> Any:
    # One odd byte in the text of a STOP must not lose the STOP.
    text = body.decode("utf-8", "replace").removeprefix("\ufeff").lstrip()
    if not text.startswith(("{", "[")) and "json" not in content_type.lower():
        return _form(text)
    try:
        return decode(text.encode())
    except ValueError as error:
        raise WebhookError("the callback is not JSON") from error


_MAX_FIELDS: Final = 10_000
_MAX_DEPTH: Final = 8
_is_nested = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)").fullmatch


def _form(text: str) -> dict[str, Any]:
    """
    Parse a form, including ``deliveries[0][email]``, the notation of PHP for nested
    values.
    """
    # An HTML page comes from another server.
    if "=" not in text or text.startswith("<"):
        raise WebhookError("the callback is neither JSON nor a form")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        # Its words may quote the form.
        raise WebhookError("the callback is a form of too many fields") from None
    content: dict[str, Any] = {}
    for name, value in pairs:
        nested = _is_nested(name)
        keys = [name]
        if nested is not None and nested[2].count("[") < _MAX_DEPTH:
            keys = [nested[1], *nested[2][1:-1].split("][")]
        node = content
        for key in keys[:-1]:
            inner = node.get(key)
            if not isinstance(inner, dict):
                inner = node[key] = {}
            node = inner
        node[keys[-1]] = value
    return content


def _read(content: Any) -> Event:
    if not isinstance(content, dict):
        return UnknownCallback(content=content)
    # Capitals on one page, small letters on the others.
    # Source: gateway documentation, "Callbacks" against "Acknowledge receipt".
    body = {name.lower(): value for name, value in content.items()}
    # A key with a value counts more than one without: an empty stop_date beside a
    # delivery_date must not unsubscribe a number.
    for known in (lambda name: body.get(name) not in _NOTHING, body.__contains__):
        for name, read in _KINDS:
            if known(name):
                return read(body) or UnknownCallback(content=content)
    return UnknownCallback(content=content)


def _read_receipt(body: Mapping[str, Any]) -> DeliveryReceipt | None:
    ticket, number = _text(body, "message_id"), _number(body, "number")
    word = _text(body, "status")
    if ticket is None or number is None or word is None:
        return None
    meta_data = _object(body.get("meta_data"))
    # Beside the others in the older callback of voice.
    # Source: gateway documentation, "Webhook SMS vocal AR".
    voice = {**body, **{name.lower(): one for name, one in meta_data.items()}}
    return DeliveryReceipt(
        ticket=ticket,
        number=number,
        status=to_status(word),
        delivery_date=_date(body, "delivery_date"),
        channel=_text(body, "channel"),
        list_name=_text(body, "list_name"),
        unit_price=_amount(body, "unit_price"),
        pressed_keys_code=_text(voice, "pressed_keys_code"),
        call_duration=_seconds(voice, "call_duration"),
        charged_duration=_seconds(voice, "charged_duration"),
        meta_data=meta_data,
    )


def _read_reply(body: Mapping[str, Any]) -> Reply | None:
    number = _number(body, "number")
    if number is None:
        return None
    # Source: gateway documentation, "Webhook SMS inbounds" against "Callbacks".
    date = _date(body, "reception_date") or _date(body, "answer_date")
    # The name of the node is undocumented; this is the one that receipts have.
    metadata = body.get("metadata", body.get("meta_data"))
    return Reply(
        number=number,
        text=_text(body, "text") or "",
        ticket=_text(body, "message_id"),
        sim_card_number=_number(body, "sim_card_number"),
        reception_date=date,
        metadata=metadata,
    )


def _read_opt_out(body: Mapping[str, Any]) -> OptOut | None:
    number = _number(body, "number")
    if number is None:
        return None
    return OptOut(
        number=number,
        text=_text(body, "text"),
        ticket=_text(body, "message_id"),
        stop_date=_date(body, "stop_date"),
    )


def _read_emails(body: Mapping[str, Any]) -> EmailReport | None:
    ticket = _text(body, "message_id")
    several = _items(body.get("deliveries"))
    deliveries = [_read_email(one) for one in several]
    readable = tuple(one for one in deliveries if one is not None)
    # All of them or the whole as it came: none may be lost without a word.
    if ticket is None or len(readable) < len(deliveries):
        return None
    meta_data = _object(body.get("meta_data"))
    return EmailReport(
        ticket=ticket,
        deliveries=readable,
        list_name=_text(body, "list_name"),
        template_name=_text(meta_data, "template_name"),
        channel=_text(body, "channel"),
        meta_data=meta_data,
    )


def _read_email(content: Any) -> EmailDelivery | None:
    body = _object(content)
    email, word = _text(body, "email"), _text(body, "status")
    if email is None or word is None:
        return None
    history = [_object(one) for one in _items(body.get("status_history"))]
    return EmailDelivery(
        email=email,
        status=to_status(word),
        delivery_date=_date(body, "delivery_date"),
        unit_price=_amount(body, "unit_price"),
        status_history=tuple(
            StatusChange(
                status=to_status(before), delivery_date=_date(one, "delivery_date")
            )
            for one in history
            if (before := _text(one, "status")) is not None
        ),
    )


# The keys that determine the kind; the first is checked first. Source: gateway
# documentation, "Callbacks"; `deliveries` from the newer reference.
_KINDS: Final = (
    ("deliveries", _read_emails),
    ("stop_date", _read_opt_out),
    ("reception_date", _read_reply),
    ("answer_date", _read_reply),
    ("delivery_date", _read_receipt),
)
_NOTHING: Final = (None, "")


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    # PHP can be configured to write numeric texts as numbers.
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    return str(value) or None


# Digits without a plus. The gateway's numbers are international (documented), and forms
# or PHP may drop a plus. A national number begins with 0 in most countries, and a short
# code has fewer digits.
_is_bare = re.compile(rf"[1-9][0-9]{{7,{MAX_DIGITS - 1}}}", re.ASCII).fullmatch


def _number(body: Mapping[str, Any], name: str) -> str | None:
    came = (_text(body, name) or "").strip()
    if _is_bare(came):
        return f"+{came}"
    try:
        return normalize(came)
    except InvalidFieldError:
        return came or None


def _date(body: Mapping[str, Any], name: str) -> datetime | None:
    # mypy does not accept a union as a type here.
    return converter.structure(body.get(name), datetime | None)  # type: ignore[arg-type]


def _amount(body: Mapping[str, Any], name: str) -> Decimal | None:
    return converter.structure(body.get(name), Decimal | None)  # type: ignore[arg-type]


def _seconds(body: Mapping[str, Any], name: str) -> int | None:
    return converter.structure(body.get(name), int | None)  # type: ignore[arg-type]


def _object(value: Any) -> Mapping[str, Any]:
    """An object, also where it is written as text inside a form; else an empty one."""
    found = _unpacked(value)
    return found if isinstance(found, dict) else {}


def _items(value: Any) -> list[Any]:
    """Return the items of a list, also if a form numbers it, or if it is text."""
    found = _unpacked(value)
    if isinstance(found, dict):
        return list(found.values())
    return found if isinstance(found, list) else []


def _unpacked(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith(("{", "[")):
        return value
    try:
        return decode(value.encode("utf-8", "replace"))
    except ValueError:
        return None
