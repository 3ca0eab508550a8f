"""
One-time passwords: the gateway generates a code, sends it, and validates the input.

Nothing protects a repeat: a second `Otp.generate` is a second message, and a second
`Otp.validate` may use up another attempt.

Source: gateway documentation, ``OTP/MFA: send a code`` and
``OTP/MFA: code validation`` (documented, unseen).
"""

import re
from enum import StrEnum
from ipaddress import ip_address
from typing import Any, Final, Literal

from attrs import field, frozen
from attrs.converters import optional

from .._call import CallOptions
from .._limits import MAX_TEXT, check_whole
from .._wire import Answer, Endpoint, Idempotency, read_from
from ..errors import InvalidFieldError, Outcome, wrong_type
from ..phone import mask, normalize
from ..secret import Secret, check_unmasked
from ._shared import (
    MAX_WHOLE,
    Caller,
    OnUnknown,
    OnUnknownLike,
    check_sender,
    check_switches,
    check_text,
    is_retried,
    post,
    to_enum,
)
from ._voices import (
    VoiceGender,
    VoiceGenderLike,
    to_optional_gender,
    to_optional_language,
)


__all__ = [
    "Otp",
    "OtpChannel",
    "OtpCheck",
    "OtpSent",
    "OtpState",
    "VoiceGender",
]


MIN_CODE: Final = 3
MAX_CODE: Final = 32
"""Characters of a code. Source: gateway documentation, ``OTP/MFA: send a code``."""

_VALID = 0
_WRONG = 199


class OtpChannel(StrEnum):
    """
    How a code travels.

    Third-party clients send ``sms``, which no page has: ``text_sms`` is the documented
    word. Source: gateway documentation, conflict with third-party clients.
    """

    SMS = "text_sms"
    VOICE = "voice_sms"
    WHATSAPP = "whatsapp"
    EMAIL = "email"
    IMESSAGE = "imessage"


OtpChannelLike = (
    OtpChannel | Literal["text_sms", "voice_sms", "whatsapp", "email", "imessage"]
)


class OtpState(StrEnum):
    """The gateway's verdict on a typed code."""

    VALID = "valid"
    WRONG = "wrong"
    """Let the user retry; `OtpCheck.remaining_attempts` has the number, if reported."""
    EXPIRED = "expired"
    """Its time is over: send a new one."""
    EXHAUSTED = "exhausted"
    """Too many wrong codes: send a new one."""
    NOT_FOUND = "not_found"
    """No code exists for this token or number; perhaps it was used already."""


_STATES: Final = {
    _VALID: OtpState.VALID,
    196: OtpState.EXHAUSTED,
    197: OtpState.EXPIRED,
    198: OtpState.NOT_FOUND,
    _WRONG: OtpState.WRONG,
}


# --- requests -------------------------------------------------------------------------


def _to_channel(value: OtpChannelLike | None) -> OtpChannel | None:
    return None if value is None else to_enum(OtpChannel, "channel", value)


_ALPHABETS: Final = (
    "allow_digits",
    "allow_upper_case",
    "allow_lower_case",
    "allow_special_chars",
)


@frozen(kw_only=True)
class OtpRequest:
    """
    A code to be made and sent; `Otp.generate` documents the fields.

    Raises:
        InvalidFieldError: A field is malformed or beyond its limit.
    """

    phone_number: str = field(converter=normalize, repr=mask)
    channel: OtpChannel | None = field(default=None, converter=_to_channel)
    text: str | None = field(default=None, repr=False)
    sender: str | None = None
    voice_gender: VoiceGender | None = field(default=None, converter=to_optional_gender)
    voice_language: str | None = field(default=None, converter=to_optional_language)
    code_length: int | None = None
    allow_digits: bool | None = None
    allow_upper_case: bool | None = None
    allow_lower_case: bool | None = None
    allow_special_chars: bool | None = None
    remove_confusing_characters: bool | None = None
    validity_period: int | None = None
    # A string on the page, where it counts something: a number.
    max_wrong_attempts: int | None = None
    recipient_ip: str | None = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        # Empty is a text: the code alone.
        if self.text is not None and self.text != "":
            check_text(self.text, "text", MAX_TEXT, private=True)
            if "{code}" not in self.text:
                raise InvalidFieldError(
                    "text", "must contain {code}, for the code itself"
                )
        if self.sender is not None:
            check_sender(self.sender)
        if self.code_length is not None:
            check_whole("code_length", self.code_length, MIN_CODE, MAX_CODE)
        if self.validity_period is not None:
            check_whole("validity_period", self.validity_period, 1, MAX_WHOLE)
        if self.max_wrong_attempts is not None:
            check_whole("max_wrong_attempts", self.max_wrong_attempts, 1, MAX_WHOLE)
        check_switches(self, (*_ALPHABETS, "remove_confusing_characters"))
        if {getattr(self, name) for name in _ALPHABETS} == {False}:
            raise InvalidFieldError("allow_digits", "leaves no characters for a code")
        if self.recipient_ip is not None:
            _check_address(self.recipient_ip)


def _check_address(value: Any) -> None:
    try:
        good = isinstance(value, str) and bool(ip_address(value))
    except ValueError:
        good = False
    if not good:
        # Not shown: it reveals a location.
        raise InvalidFieldError("recipient_ip", "must be an IP address")


def _to_secret(value: str | Secret) -> Secret:
    return value if isinstance(value, Secret) else Secret(value)


@frozen(kw_only=True)
class OtpValidation:
    """
    A code to be checked; `Otp.validate` documents the fields.

    Raises:
        InvalidFieldError: Not exactly one of token and number, or one is malformed.
    """

    code: Secret = field(converter=_to_secret)
    otp_request_token: Secret | None = field(
        default=None, converter=optional(_to_secret)
    )
    phone_number: str | None = field(
        default=None, converter=optional(normalize), repr=False
    )

    def __attrs_post_init__(self) -> None:
        if (self.otp_request_token is None) == (self.phone_number is None):
            raise InvalidFieldError(
                "token", "either this or phone_number must be given"
            )
        if self.otp_request_token is not None:
            token = self.otp_request_token.reveal()
            check_unmasked(token, "token")
            check_text(token, "token", MAX_TEXT, private=True)


# --- answers --------------------------------------------------------------------------


@frozen(kw_only=True)
class OtpSent(Answer):
    """
    A code that is being delivered; `Answer` has the fields of every result.

    Attributes:
        token: Names this code; give it to `Otp.validate`, and ``reveal()`` it only to
            store it meanwhile. Only third-party clients show it: None if the gateway
            did not give one. Then validate by number.
    """

    token: Secret | None = field(default=None, metadata=read_from("otp_request_token"))


def _check_code(_: Any, __: Any, value: int | None) -> None:
    # An unreadable response must never let a user in.
    if value not in _STATES:
        msg = "no response to whether the code is right"
        raise ValueError(msg)


@frozen(kw_only=True)
class OtpCheck(Answer):
    """
    Result of the validation of a code; true if the code is right.

    So ``if check:`` works as expected. A wrong code returns a falsy result; its
    ``outcome`` is ``refused``.

    Attributes:
        code: The gateway's result code: 0, or 196 to 199.
        remaining_attempts: How many attempts are left after a wrong code; None if not
            reported.
    """

    code: int | None = field(default=None, validator=_check_code)
    remaining_attempts: int | None = field(
        default=None, metadata=read_from("remaining_number_of_attempts")
    )

    @property
    def state(self) -> OtpState:
        """The gateway's verdict on the code."""
        return _STATES[self.code or _VALID]

    @property
    def valid(self) -> bool:
        """True if the code is right."""
        return self.state is OtpState.VALID

    def __bool__(self) -> bool:
        return self.valid


# --- endpoints ------------------------------------------------------------------------

_BASE = "/v1/public/service/otp"

GENERATE: Final = post(f"{_BASE}/generate", OtpSent, Idempotency.NONE, secret=True)
VALIDATE: Final = Endpoint(
    method="PUT",
    path=f"{_BASE}/validate",
    idempotency=Idempotency.NONE,
    answer=OtpCheck,
    results=frozenset(_STATES) - {_VALID},
    secret=True,
)


# --- calls ----------------------------------------------------------------------------

# All that a code may consist of: digits, letters and ! # $ % & ? @.
_may_be_code = re.compile(rf"[0-9A-Za-z!#$%&?@]{{{MIN_CODE},{MAX_CODE}}}").fullmatch


@frozen
class Otp:
    """The namespace of one-time passwords, as ``octopush.otp``."""

    _call: Caller

    async def generate(
        self,
        phone_number: str,
        *,
        channel: OtpChannelLike | None = None,
        text: str | None = None,
        sender: str | None = None,
        voice_gender: VoiceGenderLike | None = None,
        voice_language: str | None = None,
        code_length: int | None = None,
        allow_digits: bool | None = None,
        allow_upper_case: bool | None = None,
        allow_lower_case: bool | None = None,
        allow_special_chars: bool | None = None,
        remove_confusing_characters: bool | None = None,
        validity_period: int | None = None,
        max_wrong_attempts: int | None = None,
        recipient_ip: str | None = None,
        on_unknown: OnUnknownLike = OnUnknown.RAISE,
        timeout: float | None = None,
    ) -> OtpSent:
        """
        Make a one-time code and send it. Omitted options are as set in the account.

        Args:
            phone_number: In international form.
            channel: ``text_sms``, ``voice_sms``, ``whatsapp``, ``email`` or
                ``imessage``.
            text: Up to 1,224 characters, with ``{code}`` and, if you like,
                ``{hh:mm:ss}`` for when it expires. Empty sends the code alone.
            sender: 3 to 11 letters, digits or spaces.
            voice_gender: Voice of a code that is read out.
            voice_language: A `VoiceLanguage`, or another code of that form.
            code_length: 3 to 32 characters.
            allow_digits: Whether the code may hold digits.
            allow_upper_case: Or letters from A to Z.
            allow_lower_case: Or letters from a to z.
            allow_special_chars: Or one of ``! # $ % & ? @``.
            remove_confusing_characters: Leave out similar characters.
            validity_period: Seconds, from 1.
            max_wrong_attempts: From 1.
            recipient_ip: Binds the code to an IP address. How `validate` would then
                pass the address on is undocumented, so such a code may be refused.
            on_unknown: ``retry`` to repeat it after a timeout all the same: the person
                may get two codes, of which the last one counts, and both cost.
            timeout: Seconds for the whole call, retries included.

        Raises:
            InvalidFieldError: An argument is malformed; nothing was sent.
            RefusedError: The gateway refused; nothing was sent.
            NotSentError: No connection; nothing was sent.
            UnknownOutcomeError: A code may have been sent; its token is lost, but
                `validate` by number would find it.

        Source: gateway documentation, ``OTP/MFA: send a code``.
        """
        request = OtpRequest(
            phone_number=phone_number,
            channel=channel,
            text=text,
            sender=sender,
            voice_gender=voice_gender,
            voice_language=voice_language,
            code_length=code_length,
            allow_digits=allow_digits,
            allow_upper_case=allow_upper_case,
            allow_lower_case=allow_lower_case,
            allow_special_chars=allow_special_chars,
            remove_confusing_characters=remove_confusing_characters,
            validity_period=validity_period,
            max_wrong_attempts=max_wrong_attempts,
            recipient_ip=recipient_ip,
        )
        return await self._call(
            GENERATE,
            CallOptions(
                body=request,
                timeout=timeout,
                repeat_unknown=is_retried(on_unknown),
            ),
        )

    async def validate(
        self,
        code: str,
        *,
        token: str | Secret | None = None,
        phone_number: str | None = None,
        on_unknown: OnUnknownLike = OnUnknown.RAISE,
        timeout: float | None = None,
    ) -> OtpCheck:
        """
        Validate a typed code. A wrong one returns a falsy result; it does not raise.

        Input that cannot be a code, such as an empty text, is wrong without a request
        to the gateway. No attempt is used up, and ``attempts`` of the result is 0.

        Args:
            code: As it was typed; white space around it is left out.
            token: Token that `generate` gave. Either this or the number must be given.
            phone_number: Checks the last code that was sent to it.
            on_unknown: ``retry`` to repeat it after a timeout all the same. It may use
                up another attempt, and ``not_found`` may then mean that the code was
                right the first time.
            timeout: Seconds for the whole call, retries included.

        Returns:
            A check that is true only if the code is right.

        Raises:
            InvalidFieldError: Token and number are both missing or both given, or the
                code is not a text.
            RefusedError: The gateway refused for another reason than the code.
            NotSentError: No connection; no attempt was used up.
            UnknownOutcomeError: Whether the code is right is unknown, and an attempt
                may have been used up.

        Source: gateway documentation, ``OTP/MFA: code validation``.
        """
        if not isinstance(code, str):
            raise wrong_type("code", "must be a str", code)
        typed = code.strip()
        request = OtpValidation(
            code=typed, otp_request_token=token, phone_number=phone_number
        )
        repeat = is_retried(on_unknown)
        if not _may_be_code(typed):
            return OtpCheck(code=_WRONG, outcome=Outcome.NOT_SENT, attempts=0)
        return await self._call(
            VALIDATE, CallOptions(body=request, timeout=timeout, repeat_unknown=repeat)
        )
