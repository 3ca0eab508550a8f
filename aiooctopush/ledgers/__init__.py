"""
What a run writes down, and where: records, protocols, and the ledgers themselves.

Those here are loaded when they are first asked for.
"""

from typing import TYPE_CHECKING

from .. import _lazy


__all__ = ["leases", "memory", "records"]

if TYPE_CHECKING:
    from . import leases, memory, records
else:
    __getattr__ = _lazy.modules_of(__name__, __all__)
