"""
Sending to any number of recipients: batches, pace, results, report.

Those here are loaded when they are first asked for.
"""

from typing import TYPE_CHECKING

from .. import _later


__all__ = ["claims", "ledger", "run", "run_options", "worker"]

if TYPE_CHECKING:
    from . import claims, ledger, run, run_options, worker
else:
    __getattr__ = _later.modules_of(__name__, __all__)
