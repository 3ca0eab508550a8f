"""
Sending to any number of recipients: batches, pace, results, report.

Those here are loaded when they are first asked for.
"""

from typing import TYPE_CHECKING

from .. import _lazy


__all__ = ["fleet", "run", "run_options"]

if TYPE_CHECKING:
    from . import fleet, run, run_options
else:
    __getattr__ = _lazy.modules_of(__name__, __all__)
