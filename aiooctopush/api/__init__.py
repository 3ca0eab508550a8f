"""
The gateway's operations, one module for each namespace of the session.

``__all__`` of each module lists the arguments and results of its calls. All modules but
`sms` are imported on first use.
"""

from .. import _lazy


with _lazy.late_imports(globals()):
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
