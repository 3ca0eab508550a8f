"""
Runs that many workers share, without a framework: plan, work, follow and sweep.

`plan` writes a run into a `FleetLedger`, and each `Worker` sends batches of it.
`follow` waits for its end, and `sweep` wakes batches that no worker holds. With taskiq,
`aiooctopush.integrations.taskiq.Fleet` does all of it.
"""

from .bulk.fleet.following import Wake, follow, read_report, sweep
from .bulk.fleet.planning import plan
from .bulk.fleet.worker import NoTurnError, Worker


__all__ = ["NoTurnError", "Wake", "Worker", "follow", "plan", "read_report", "sweep"]
