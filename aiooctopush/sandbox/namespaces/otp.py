"""
Operations 39 and 40: one-time codes.

The fields, the codes 194 to 199 and the responses are documented. The defaults of an
account are our choice: six digits, five minutes, three wrong codes.
"""

import string
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from attrs import asdict, define, field

from ..._wire import HttpResponse
from ..state import AdmittedRequest, Operations, Routes, State
from ..validation import NUMBER, Message, Recipient, RefusalError, read_message


GENERATE: Final = "service/otp/generate"

_CHANNELS: Final[Mapping[str, str]] = {
    "text_sms": "sms",
    "voice_sms": "voice_sms",
    "whatsapp": "whatsapp",
    "email": "email",
    "imessage": "imessage",
}
_ALPHABETS: Final[Mapping[str, str]] = {
    "allow_digits": string.digits,
    "allow_upper_case": string.ascii_uppercase,
    "allow_lower_case": string.ascii_lowercase,
    "allow_special_chars": "!#$%&?@",
}
# Which these are is undocumented.
_CONFUSING = frozenset("0OoIl1")
_SHORTEST, _LONGEST = 3, 32
# No limit is documented: a year, our choice, so that no calendar ends before it.
_LONGEST_PERIOD = 366 * 24 * 60 * 60
_FIELDS = frozenset(
    {
        "phone_number",
        "channel",
        "text",
        "voice_language",
        "voice_gender",
        "sender",
        "code_length",
        *_ALPHABETS,
        "remove_confusing_characters",
        "validity_period",
        "max_wrong_attempts",
        "recipient_ip",
    }
)


@define(kw_only=True)
class OneTimeCode:
    """
    A code that was sent; ``repr`` shows it, but neither its token nor the number.

    Attributes:
        code: The code that the person reads.
        token: ``otp_request_token`` of the response.
        phone_number: Whom it was sent to.
        account: ``api-login`` of the caller.
        expires_at: From when on it is refused.
        remaining_attempts: How many wrong codes are still allowed.
        used: Whether it was found right once; it is then unknown.
    """

    code: str
    token: str = field(repr=False)
    phone_number: str = field(repr=False)
    account: str = field(repr=False)
    expires_at: datetime
    remaining_attempts: int
    used: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return plain data, with the instant as text."""
        return asdict(self) | {"expires_at": self.expires_at.isoformat()}


class OtpOperations(Operations):
    """The namespace on one-time passwords."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        # Its own, with a seed: the same test sees the same codes.
        self._random = Random("one-time codes")
        self.codes: list[OneTimeCode] = []

    @property
    def routes(self) -> Routes:
        """Method and path, without its common start, of each operation."""
        return {
            ("POST", GENERATE): self._generate,
            ("PUT", "service/otp/validate"): self._validate,
        }

    # --- operation 39 -------------------------------------------------------------

    def _generate(self, request: AdmittedRequest) -> HttpResponse:
        body, now = request.body, self._state.clock.now()
        message = self._message(request)
        code = self._code(body)
        seconds = _read_whole(
            body, "validity_period", 300, at_least=1, at_most=_LONGEST_PERIOD
        )
        attempts = _read_whole(body, "max_wrong_attempts", 3, at_least=1)
        # The sent log holds the text with its placeholder, and so never the code.
        self._state.accept(
            request.account,
            self._state.new_ticket("otp"),
            message,
            cost=self._state.cost(message),
            operation=GENERATE,
        )
        token = f"{self._random.getrandbits(128):032x}"
        self.codes.append(
            OneTimeCode(
                code=code,
                token=token,
                phone_number=message.recipients[0].number,
                account=request.account,
                expires_at=now + timedelta(seconds=seconds),
                remaining_attempts=attempts,
            )
        )
        # Third-party clients read the token; the page's answer is not visible to us.
        answer = {"code": 0, "message": "success", "otp_request_token": token}
        return self._state.answer(200, answer)

    def _message(self, request: AdmittedRequest) -> Message:
        number = _read_number(request.body)
        if number is None:
            raise RefusalError(400, "phone_number: this field is missing")
        named = request.body.get("channel", "text_sms")
        understood = isinstance(named, str) and named in _CHANNELS
        channel = _CHANNELS[named] if understood else "sms"
        known = {
            name: request.body[name]
            for name in ("sender", "text")
            if request.body.get(name) is not None
        }
        return read_message(
            # Empty means the code alone. A code is no marketing.
            {**known, "text": known.get("text") or "{code}", "purpose": "alert"},
            recipients=[Recipient(number, {})],
            known={"sender", "text", "purpose"},
            now=self._state.clock.now(),
            ignored=[
                *([] if understood else ["channel"]),
                *(name for name in request.body if name not in _FIELDS),
            ],
            strict=self._state.settings.strict_unknown_fields,
            channel=channel,
        )

    def _code(self, body: Mapping[str, Any]) -> str:
        length = _read_whole(
            body, "code_length", 6, at_least=_SHORTEST, at_most=_LONGEST
        )
        asked = [name for name in _ALPHABETS if body.get(name) is True]
        refused = [name for name in _ALPHABETS if body.get(name) is False]
        # What is left out is as set in the account: digits only.
        if "allow_digits" not in refused:
            asked.append("allow_digits")
        letters = {letter for name in asked for letter in _ALPHABETS[name]}
        if body.get("remove_confusing_characters") is True:
            letters -= _CONFUSING
        if not letters:
            raise RefusalError(400, "allow_digits: no character is left for a code")
        return "".join(self._random.choices(sorted(letters), k=length))

    # --- operation 40 -------------------------------------------------------------

    def _validate(self, request: AdmittedRequest) -> HttpResponse:
        typed = request.body.get("code")
        if not isinstance(typed, str) or not typed:
            raise RefusalError(195, "The code is missing")
        token, number = (
            request.body.get("otp_request_token"),
            _read_number(request.body),
        )
        if not token and number is None:
            raise RefusalError(194, "Neither phone_number nor otp_request_token")
        sent = self._find(request.account, token, number)
        # In which order they are looked at is undocumented, our choice.
        if sent is None:
            raise RefusalError(198, "The OTP request was not found")
        if not sent.remaining_attempts:
            raise RefusalError(196, "There were too many wrong attempts")
        if self._state.clock.now() >= sent.expires_at:
            raise RefusalError(197, "The code has expired")
        if typed != sent.code:
            sent.remaining_attempts -= 1
            wrong = {
                "code": 199,
                "message": "The code is wrong",
                "remaining_number_of_attempts": sent.remaining_attempts,
            }
            return self._state.answer(400, wrong)
        sent.used = True
        return self._state.answer(200, {"code": 0, "message": "success"})

    def _find(self, account: str, token: Any, number: str | None) -> OneTimeCode | None:
        # With the number alone the last code sent to it is checked (documented).
        for one in reversed(self.codes):
            mine = one.account == account
            named = one.token == token if token else one.phone_number == number
            if mine and named:
                return None if one.used else one
        return None


def _read_number(body: Mapping[str, Any]) -> str | None:
    given = body.get("phone_number")
    number = given.replace(" ", "") if isinstance(given, str) else ""
    return number if NUMBER.fullmatch(number) else None


def _read_whole(
    body: Mapping[str, Any],
    name: str,
    default: int,
    *,
    at_least: int,
    at_most: int | None = None,
) -> int:
    value = body.get(name)
    if value is None:
        return default
    # The page types one of them as a string.
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if (
        type(value) is not int
        or value < at_least
        or (at_most is not None and value > at_most)
    ):
        raise RefusalError(400, f"{name}: this value is not valid")
    return value
