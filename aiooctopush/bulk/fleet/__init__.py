"""
Runs that many workers share: planned, claimed, followed.

Those here are loaded when they are first asked for.
"""

from typing import TYPE_CHECKING

from ... import _lazy


__all__ = ["following", "planning", "worker"]

if TYPE_CHECKING:
    from . import following, planning, worker
else:
    __getattr__ = _lazy.modules_of(__name__, __all__)
