"""
The gateway's operations, one module for each namespace of the session.

Each names in its ``__all__`` what its calls take and give. All but `sms` are loaded
when they are first asked for.
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
