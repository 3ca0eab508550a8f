"""The message of a command line: its text, its sender, and how it is sent."""

from datetime import datetime
from typing import Final

import attrs
from attrs import field, frozen

from ...api._shared import Purpose, SmsType
from ...api.sms import Message
from ..terminal.help import option
from ..terminal.options import (
    SENDING,
    at_option,
    bundled,
    purpose_option,
    sender_option,
    text_option,
    type_option,
)


@frozen(kw_only=True)
class MessageOptions:
    """
    The values of `message_options`.

    The fields are those of `Message`; None leaves a choice to the gateway.
    """

    text: str = field(repr=False)
    sender: str
    purpose: Purpose
    type: SmsType
    send_at: datetime | None
    simulation_mode: bool | None
    with_replies: bool | None
    auto_remove_blacklisted_numbers: bool | None

    def built(self) -> Message:
        """
        Build the message.

        Raises:
            InvalidFieldError: A value is malformed.
        """
        return Message(**attrs.asdict(self, recurse=False))


message_options: Final = bundled(
    "message",
    MessageOptions,
    text_option,
    sender_option(),
    purpose_option(),
    type_option,
    at_option,
    option(
        "--simulate",
        "simulation_mode",
        is_flag=True,
        default=None,
        heading=SENDING,
        help="Let the gateway check the request only. Its figures are invented, and no "
        "message is sent.",
    ),
    option(
        "--with-replies",
        is_flag=True,
        default=None,
        heading=SENDING,
        help="Let recipients reply; in mainland France only, where a short number then "
        "replaces the sender.",
    ),
    option(
        "--remove-blacklisted",
        "auto_remove_blacklisted_numbers",
        is_flag=True,
        default=None,
        heading=SENDING,
        help="Let the gateway leave out the numbers on the stop list of the account.",
    ),
)
"""Add the options of a message, and of when and how it is sent."""
