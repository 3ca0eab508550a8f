"""
A simulated gateway for tests, which records the messages that it accepted.

One `Gateway` has two interfaces: `SandboxTransport` in process and in virtual time,
`SandboxServer` on a port. A `FaultPlan` defines faults, the `SentLog` records accepted
messages, and `Callbacks` are the gateway's posts to a receiver. `pytest_plugin` has the
fixtures for your own tests.
"""

from .. import _lazy


with _lazy.late_imports(globals()):
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
