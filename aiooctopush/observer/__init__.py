"""
Events of calls and their attempts, for ``on_attempt`` and ``observer`` of a session.

They are loaded with the first session that has one of these.
"""

from .. import _lazy


with _lazy.late_imports(globals()):
    from .events import (
        AttemptEvent,
        CallEnded,
        CallObserver,
        CallStarted,
        Observer,
        OnAttempt,
    )


__all__ = [
    "AttemptEvent",
    "CallEnded",
    "CallObserver",
    "CallStarted",
    "Observer",
    "OnAttempt",
]
