"""
The gateway's operations, one module for each chapter of its documentation.

Those here are loaded when they are first asked for; `sms` comes with the session.
"""

from typing import TYPE_CHECKING

from .. import _lazy as _lazy


__all__ = [
    "campaigns",
    "contacts",
    "lookup",
    "multichannel",
    "otp",
    "raw",
    "settings",
    "sms_campaigns",
    "subaccounts",
    "voice",
    "wallet",
]

if TYPE_CHECKING:
    from . import (
        campaigns,
        contacts,
        lookup,
        multichannel,
        otp,
        raw,
        settings,
        sms_campaigns,
        subaccounts,
        voice,
        wallet,
    )
else:
    __getattr__ = _lazy.modules_of(__name__, __all__)
