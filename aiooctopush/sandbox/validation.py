"""
Validation by the gateway: refused and dropped fields, by the documents' rules on raw
JSON.

No code here comes from the SDK's own models, so that a mistake of the SDK is not
repeated here. Codes are documented, unseen, unless noted otherwise. Undocumented
statuses and codes of refusals are marked "inferred".
"""

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Any, Final, NamedTuple

from attrs import evolve, frozen


MAX_RECIPIENTS: Final = 500
MAX_TEXT: Final = 1224
MAX_LOW_COST_TEXT: Final = 160
MAX_MERGED_FIELD: Final = 50

MERGE_FIELDS: Final = (
    "first_name",
    "last_name",
    "param1",
    "param2",
    "param3",
    "param4",
    "param5",
)
COMMON_FIELDS: Final = frozenset(
    {
        "text",
        "sender",
        "type",
        "send_at",
        "purpose",
        "with_replies",
        "simulation_mode",
        "request_id",
        "auto_optimize_text",
        "auto_remove_blacklisted_numbers",
        "recipient_tracking",
    }
)
STOP_MENTIONS: Final = ("STOP au XXXXX", "STOP au 30101")
"""
Accepted forms of the mention: the placeholder of the legacy code table, or the number
in the live error. Case-sensitive.
"""

# Three names of one thing: the last two in two editions of the multi-channel page.
_REMOVES_BLACKLISTED = (
    "auto_remove_blacklisted_numbers",
    "auto_remove_blacklisted_contacts",
    "auto_delete_optout_contacts",
)
_FLAGS = (
    "with_replies",
    "simulation_mode",
    "auto_optimize_text",
    "recipient_tracking",
    "get_back_pressed_keys",
    *_REMOVES_BLACKLISTED,
)
# On other channels a template may replace the text, and a name the sender (inferred).
_NUMBERED = frozenset({"sms", "voice_sms"})
_LOW_COST_STOP = "no PUB=STOP"
_FRANCE = "+33"
# Samples of the documents have 6 to 16 digits, and one has a space after the plus.
# +999 is assigned to no country: for tests, numbers that only the gateway refuses.
NUMBER = re.compile(r"\+(?!999)[0-9]{5,16}", re.ASCII)
_SENDER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ]{1,9})[A-Za-z0-9]", re.ASCII)
_NAME = re.compile(r".+")
_ADDRESSES: Final[Mapping[str, re.Pattern[str]]] = {
    "phone_number": NUMBER,
    "email": re.compile(r"[^@\s]+@[^@\s]+"),
    "conversation_id": re.compile(r"\S+"),
}
_PLACEHOLDER = re.compile(r"\{(" + "|".join(MERGE_FIELDS) + r")\}")
# Times without an offset are Central European time, according to the PHP read-me.
_CENTRAL_EUROPE = timezone(timedelta(hours=1))

_GSM: Final = frozenset(
    "@\u00a3$\u00a5\u00e8\u00e9\u00f9\u00ec\u00f2\u00c7\n\u00d8\u00f8\r\u00c5\u00e5"
    "\u0394_\u03a6\u0393\u039b\u03a9\u03a0\u03a8\u03a3\u0398\u039e"
    "\u00c6\u00e6\u00df\u00c9 !\"#\u00a4%&'()*+,-./0123456789:;<=>?"
    "\u00a1ABCDEFGHIJKLMNOPQRSTUVWXYZ\u00c4\u00d6\u00d1\u00dc\u00a7"
    "\u00bfabcdefghijklmnopqrstuvwxyz\u00e4\u00f6\u00f1\u00fc\u00e0"
)
_GSM_DOUBLE: Final = frozenset("^{}\\[~]|\u20ac\f")
_GSM_ALL: Final = _GSM | _GSM_DOUBLE


class RefusalError(Exception):
    """A refusal of the gateway: HTTP status, code and message of the response."""

    def __init__(self, code: int, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class Recipient(NamedTuple):
    """One number, and the values that are merged into its text."""

    number: str
    fields: Mapping[str, str]


@frozen(kw_only=True)
class Message:
    """A send or create call as the gateway understood it."""

    recipients: Sequence[Recipient]
    text: str
    sender: str | None
    type: str
    purpose: str
    send_at: datetime | None
    simulated: bool
    removes_blacklisted: bool
    request_id: str | None
    ignored_fields: tuple[str, ...]
    channel: str = "sms"
    list_name: str | None = None

    @cached_property
    def number_of_sms(self) -> int:
        """Parts over all recipients, after merging; other channels have no parts."""
        if self.channel != "sms":
            return len(self.recipients)
        if not _PLACEHOLDER.search(self.text):
            return parts(self.text) * len(self.recipients)
        return sum(parts(merge(self.text, one.fields)) for one in self.recipients)

    def without(self, numbers: Collection[str]) -> "Message":
        """Leave some numbers out."""
        left = [one for one in self.recipients if one.number not in numbers]
        return evolve(self, recipients=left)


def merge(text: str, fields: Mapping[str, str]) -> str:
    """
    Put a recipient's values into the text.

    The handling of a placeholder without a value is undocumented; here it is removed.
    """
    return _PLACEHOLDER.sub(lambda found: fields.get(found[1], ""), text)


def parts(text: str) -> int:
    """
    Count the SMS of a text: 160 or 153 characters each, 70 or 67 as Unicode.

    The text is counted unchanged, without the gateway's replacement of accents and
    typographic signs.
    """
    if _GSM_ALL.issuperset(text):
        length = len(text) + sum(text.count(one) for one in _GSM_DOUBLE)
        single, multiple = 160, 153
    else:
        length = len(text.encode("utf-16-le", "surrogatepass")) // 2
        single, multiple = 70, 67
    return 1 if length <= single else math.ceil(length / multiple)


def read_json(body: bytes | None) -> dict[str, Any]:
    """Read a body, which must be a JSON object."""
    if not body:
        raise RefusalError(100, "POST data is missing")
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusalError(400, "The payload is not valid JSON") from None
    if not isinstance(read, dict):
        raise RefusalError(400, "The payload must be an object")
    return read


def read_request_id(body: Mapping[str, Any]) -> str | None:
    """Read the id, or None; one that is not a text is dropped, and protects nothing."""
    found = body.get("request_id")
    return found if isinstance(found, str) and found else None


def read_ticket(body: Mapping[str, Any]) -> str:
    """Read ``ticket_number``, which must be there."""
    ticket = body.get("ticket_number")
    if not isinstance(ticket, str) or not ticket:
        raise RefusalError(400, "ticket_number: this field is missing")
    return ticket


def read_name(body: Mapping[str, Any], field: str) -> str:
    """Read the name of a list or tag, which must be there."""
    name = body.get(field)
    if not isinstance(name, str) or not name:
        raise RefusalError(400, f"{field}: this field is missing")
    return name


def read_message(
    body: Mapping[str, Any],
    *,
    recipients: Sequence[Recipient],
    known: Collection[str],
    now: datetime,
    ignored: Sequence[str] = (),
    strict: bool = False,
    channel: str = "sms",
) -> Message:
    """
    Read the fields that all sends share.

    Args:
        body: The JSON of the call.
        recipients: Already read, see `read_recipients`.
        known: Fields that the operation supports.
        now: Present instant of the gateway; a ``send_at`` in its past means at once.
        ignored: Fields that were dropped from the recipients.
        strict: Refuse fields that are otherwise dropped.
        channel: The channel that sends it.
    """
    dropped = [*ignored, *(name for name in body if name not in known)]
    flags = {name: _read_flag(body, name, dropped) for name in _FLAGS}
    request_id = read_request_id(body)
    if request_id is None and body.get("request_id") is not None:
        dropped.append("request_id")
    message = Message(
        recipients=recipients,
        text=_read_text(body, channel),
        sender=_read_sender(body, channel),
        type=_read_type(body) if channel == "sms" else channel,
        purpose=_read_purpose(body, dropped),
        send_at=_read_send_at(body, now, dropped),
        simulated=flags["simulation_mode"],
        removes_blacklisted=any(
            flags[name] for name in _REMOVES_BLACKLISTED if name in known
        ),
        request_id=request_id,
        # Last, when all other checks have listed the fields that they drop. Every page
        # of the readme.io reference documents it: unsupported fields are dropped, and
        # the request is still executed.
        ignored_fields=tuple(dict.fromkeys(dropped)),
        channel=channel,
        list_name=_read_list_name(body) if "list_name" in known else None,
    )
    if strict and dropped:
        raise RefusalError(400, f"{dropped[0]}: this field was not expected")
    _check_policy(message)
    return message


def _read_list_name(body: Mapping[str, Any]) -> str | None:
    list_name = body.get("list_name")
    return list_name if isinstance(list_name, str) and list_name else None


def read_recipients(
    body: Mapping[str, Any],
    *,
    names_bad_recipient: bool,
    addresses: Sequence[str] = ("phone_number",),
    merged: Collection[str] = MERGE_FIELDS,
) -> tuple[list[Recipient], list[str]]:
    """
    Read the recipients of a direct send; one bad number refuses all of them.

    Args:
        body: The JSON of the call.
        names_bad_recipient: Whether a refusal names the place of a bad number.
        addresses: Fields with the recipient; the first one given counts.
        merged: Fields that personalize the text.

    Returns:
        The recipients, and the names of fields that were dropped.
    """
    given = body.get("recipients")
    if not isinstance(given, list):
        raise RefusalError(110, "The list of recipients is missing")
    if not given:
        raise RefusalError(103, "There is no recipient")
    if len(given) > MAX_RECIPIENTS:
        # The limit is documented, the code of breaking it is not (inferred).
        raise RefusalError(400, f"recipients: more than {MAX_RECIPIENTS} were given")
    read: list[Recipient] = []
    dropped: dict[str, None] = {}
    bad: list[str] = []
    for position, one in enumerate(given):
        where = f"recipients.{position}"
        address = _address_of(one, where, addresses)
        fields = _read_fields(one, where, dropped, addresses, merged)
        recipient = Recipient(one[address].replace(" ", ""), fields)
        read.append(recipient)
        if not _ADDRESSES[address].fullmatch(recipient.number):
            bad.append(f"{where}.{address}")
    if len(bad) == len(read) > 1:
        raise RefusalError(117, "There is no valid number left")
    if bad:
        # The legacy 103 is "no recipient"; a third-party client of 2026 reads it as
        # "recipients refused, the batch is rejected". The path is our guess.
        where = bad[0] if names_bad_recipient else ""
        raise RefusalError(103, f"{where} A recipient was refused".strip())
    return read, list(dropped)


def read_contacts(given: Sequence[str | Mapping[str, Any]]) -> list[Recipient]:
    """
    Read a stored list; contacts whose number is not valid are left out.

    How the gateway treats them is undocumented: a list is checked when it is
    filled, so one bad contact does not sink the campaign.
    """
    read = []
    for one in given:
        contact = {"phone_number": one} if isinstance(one, str) else one
        number = str(contact.get("phone_number")).replace(" ", "")
        if NUMBER.fullmatch(number):
            fields = {
                name: str(contact[name])
                for name in MERGE_FIELDS
                if contact.get(name) is not None
            }
            read.append(Recipient(number, fields))
    return read


def _address_of(one: Any, where: str, addresses: Sequence[str]) -> str:
    given = one if isinstance(one, dict) else {}
    for address in addresses:
        if isinstance(given.get(address), str):
            return address
    raise RefusalError(400, f"{where}.{addresses[0]}: this field is missing")


def _read_fields(
    one: Mapping[str, Any],
    where: str,
    dropped: dict[str, None],
    addresses: Collection[str],
    merged: Collection[str],
) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in one.items():
        if name in addresses or (value is None and name in merged):
            continue
        # "Wrong types are cast": a figure is as good as its text (inferred).
        if isinstance(value, bool | list | dict | None) or name not in merged:
            dropped[f"recipients.*.{name}"] = None
        elif len(str(value)) > MAX_MERGED_FIELD:
            raise RefusalError(
                400, f"{where}.{name}: over {MAX_MERGED_FIELD} characters"
            )
        else:
            fields[name] = str(value)
    return fields


def _read_flag(body: Mapping[str, Any], name: str, dropped: list[str]) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        # Cast or dropped is undocumented. Dropping is the worse case for a caller who
        # meant to simulate: it really sends.
        dropped.append(name)
    return value is True


def _read_text(body: Mapping[str, Any], channel: str) -> str:
    text = body.get("text")
    if text is None and channel not in _NUMBERED:
        return ""
    if not isinstance(text, str) or not text:
        raise RefusalError(107, "The text is missing")
    if len(text) > MAX_TEXT:
        # The code is documented by a third-party client only.
        raise RefusalError(189, f"The text is over {MAX_TEXT} characters")
    return text


def _read_sender(body: Mapping[str, Any], channel: str) -> str | None:
    sender = body.get("sender")
    if sender is None:
        return None  # presumably the account's default; undocumented
    rule = _SENDER if channel in _NUMBERED else _NAME
    if not isinstance(sender, str) or not rule.fullmatch(sender):
        raise RefusalError(106, "The sender is not allowed")
    return sender


def _read_type(body: Mapping[str, Any]) -> str:
    # The newest table of the documents does without a type.
    given = body.get("type")
    if given is None:
        return "sms_premium"
    if given not in ("sms_premium", "sms_low_cost"):
        raise RefusalError(208, "The type of SMS is wrong")
    return str(given)


def _read_purpose(body: Mapping[str, Any], dropped: list[str]) -> str:
    given = body.get("purpose")
    if given in ("alert", "wholesale"):
        return str(given)
    if given is not None:
        dropped.append("purpose")
    return "wholesale"


def _read_send_at(
    body: Mapping[str, Any], now: datetime, dropped: list[str]
) -> datetime | None:
    given = body.get("send_at")
    if given is None:
        return None
    try:
        instant = datetime.fromisoformat(given)
    except (TypeError, ValueError):
        dropped.append("send_at")  # and so it leaves at once
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=_CENTRAL_EUROPE)
    # "As soon as the date has passed, we send": one in the past leaves at once.
    return instant if instant > now else None


def _check_policy(message: Message) -> None:
    if message.channel != "sms":
        return  # the rules on STOP and length are about SMS
    low_cost = message.type == "sms_low_cost"
    if low_cost and any(
        len(merge(message.text, one.fields)) > MAX_LOW_COST_TEXT
        for one in message.recipients
    ):
        raise RefusalError(119, "Over 160 characters are not allowed for this type")
    if message.purpose == "alert":
        return
    if low_cost:
        # Legacy; the behavior of v1 is undocumented.
        if _LOW_COST_STOP not in message.text:
            raise RefusalError(122, f"Mention {_LOW_COST_STOP} is missing")
    elif any(one.number.startswith(_FRANCE) for one in message.recipients) and not any(
        mention in message.text for mention in STOP_MENTIONS
    ):
        # Seen live, with these words.
        raise RefusalError(
            121, "STOP mention ([STOP au 30101]) is missing from your text."
        )
