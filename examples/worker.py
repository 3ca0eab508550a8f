r"""
A plain asyncio worker: reads jobs, sends messages, survives redelivery.

Each line of the input is a job such as {"order": 17, "phone_number": "+33639980001"}.
The same job may come twice, as from any queue, and be sent by two workers at once: its
request_id follows from the order, so the gateway takes it once.

    printf '{"order": %d, "phone_number": "+33639980001"}\n' 17 18 17 \
        | python examples/worker.py

Which account it is, account.py says.
"""

import asyncio
import json
import sys
from collections.abc import Iterable

from account import open_session

from aiooctopush import (
    DuplicateRequestError,
    OctopushError,
    OctopushSession,
    Purpose,
    request_id_for,
)


WORKERS = 8


async def handle(octopush: OctopushSession, job: dict[str, str]) -> str:
    """Send the message of one job, and say what became of it."""
    try:
        sent = await octopush.sms.send(
            text=f"Your order {job['order']} has shipped",
            recipients=[job["phone_number"]],
            sender="Acme",
            purpose=Purpose.ALERT,
            request_id=request_id_for(f"order-{job['order']}-shipped"),
        )
    except DuplicateRequestError:
        return "sent before"  # this job was delivered twice
    except OctopushError as error:
        # A real worker puts it back into its queue; the id protects the repeat until
        # error.safe_to_retry_until.
        return f"{error.outcome}: {error}"
    return str(sent.outcome)


async def work(octopush: OctopushSession, jobs: asyncio.Queue[str | None]) -> None:
    """Take jobs until there are no more."""
    while (line := await jobs.get()) is not None:
        job = json.loads(line)
        print(f"order {job['order']}: {await handle(octopush, job)}")


async def main(lines: Iterable[str]) -> None:
    """Feed a few workers that share one session."""
    jobs: asyncio.Queue[str | None] = asyncio.Queue(maxsize=2 * WORKERS)
    async with open_session() as octopush, asyncio.TaskGroup() as group:
        for _ in range(WORKERS):
            group.create_task(work(octopush, jobs))
        for line in lines:
            await jobs.put(line)
        for _ in range(WORKERS):
            await jobs.put(None)


if __name__ == "__main__":
    asyncio.run(main(sys.stdin))
