"""
A simulated gateway to test against, and the judge of what was really accepted.

One `Gateway`, two doors: `SandboxTransport` in process and in virtual time,
`SandboxServer` on a port. A `FaultPlan` says what goes wrong, the `SentLog` says who
got what, and `Callbacks` are what the gateway tells a receiver about it.
`pytest_plugin` has the fixtures for your own tests.
"""

from .callbacks.payloads import Callback, CallbackFormat, CallbackKind, CallbackPlan
from .callbacks.posting import CallbackPoster
from .callbacks.schedule import Callbacks
from .clock import VirtualClock
from .faults import Commit, Fault, FaultPlan
from .gateway import Gateway
from .namespaces.otp import OneTimeCode
from .sent_log import Entry, SentLog
from .server import SandboxServer, ServedRequest, create_app
from .settings import DuplicateCheck, GatewaySettings
from .transport import SandboxTransport


__all__ = [
    "Callback",
    "CallbackFormat",
    "CallbackKind",
    "CallbackPlan",
    "CallbackPoster",
    "Callbacks",
    "Commit",
    "DuplicateCheck",
    "Entry",
    "Fault",
    "FaultPlan",
    "Gateway",
    "GatewaySettings",
    "OneTimeCode",
    "SandboxServer",
    "SandboxTransport",
    "SentLog",
    "ServedRequest",
    "VirtualClock",
    "create_app",
]
