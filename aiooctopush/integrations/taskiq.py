"""
Bulk sends spread over many machines: taskiq carries wake-ups, the ledger decides.

It needs the extra ``fleet``, and a ledger that all machines reach, which is
`PostgresLedger`. Documented and tested with RabbitMQ (``taskiq-aio-pika``, quorum
queues); a broker that loses messages or delivers them twice does no harm, it only costs
time. A message holds the name of a run and of a batch. It contains no personal data.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from types import TracebackType
from typing import Any, Final, Self

from .._lazy import needs_extra
from .._log import logger
from ..api._recipients import MAX_RECIPIENTS
from ..api.sms import Message
from ..bulk.fleet import following, planning
from ..bulk.fleet.worker import Worker
from ..bulk.options import (
    Identity,
    OnDuplicate,
    OnDuplicateLike,
    OnInvalid,
    OnInvalidLike,
    OnMissingLike,
)
from ..bulk.report import BulkReport
from ..bulk.sources.opening import Source
from ..errors import wrong_value
from ..ledgers.leases import gcra_parameters
from ..ledgers.protocols import FleetLedger
from ..ledgers.records import Progress, RunRecord
from ..session import OctopushSession
from ._stopping import StoppingSignals


with needs_extra("fleet", "aiooctopush.integrations.taskiq"):
    from taskiq import AsyncBroker, InMemoryBroker, TaskiqEvents
    from taskiq.exceptions import SendTaskError


# A broker confirms each message; one by one they would take a millisecond each.
_ON_THE_WAY: Final = 100

# taskiq's InMemoryBroker starts every task at once, and a claim does not last for ever.
_AT_ONCE_HERE: Final = 8

# A healthy broker responds in milliseconds.
_BROKER_WITHIN: Final = 30.0
_CLOSE_WITHIN: Final = 10.0
_CANCELLED_AT_MOST: Final = 5
_MOMENT: Final = 0.1

_NO_WORKER: Final = (
    "this process has no session: start the broker with `taskiq worker`, or await "
    "broker.startup() if it is taskiq's InMemoryBroker"
)


class BrokerTimeoutError(SendTaskError):
    """
    The broker does not respond: it is blocked by an alarm, full, or hangs.

    Planned batches are in the ledger: the next `Fleet.sweep` wakes the workers.
    """

    __template__ = "The broker does not respond; it is blocked, full, or hangs"


class Fleet:
    """
    Workers on any number of machines that send the same runs.

    Make one next to the broker, in a module that workers and clients import::

        broker = AioPikaBroker("amqp://…", qos=8)
        fleet = Fleet(
            broker,
            session=OctopushSession.from_env,
            ledger=lambda: PostgresLedger("postgresql://…"),
            rate=20,
        )

    Start workers with ``taskiq worker module:broker``. They get the session and the
    ledger from the functions, one of each per process, and close them in the end. A
    worker that is stopped (SIGTERM, SIGINT, SIGHUP) begins nothing more and ends its
    waits. It finishes requests in transit, as long as taskiq allows.

    Programs that submit or wait use ``async with fleet``, which also starts the broker;
    or they start and shut down the broker themselves.

    With taskiq's ``InMemoryBroker`` there are no workers: the batches are sent in this
    process, and leaving ``async with fleet`` waits for the woken ones.

    Args:
        broker: Broker of taskiq.
        session: Makes the session of a worker.
        ledger: Makes the ledger of a worker or client.
        rate: Requests started per second at most, by the whole fleet. When the
            gateway throttles one worker, all wait.
        burst: Requests that may start at once after a quiet time.
        account: Name of that rate, for fleets that share a ledger and an account.
        sweep_cron: When taskiq's scheduler, if it runs, has the sweep done.
        broker_timeout: Seconds for each response of the broker: to start, and to accept
            a hundred wake-ups.

    Raises:
        InvalidFieldError: ``rate``, ``burst`` or ``broker_timeout`` is out of range.
    """

    def __init__(
        self,
        broker: AsyncBroker,
        *,
        session: Callable[[], OctopushSession],
        ledger: Callable[[], FleetLedger],
        rate: float | None = None,
        burst: int = 1,
        account: str = "default",
        sweep_cron: str = "* * * * *",
        broker_timeout: float = _BROKER_WITHIN,
    ) -> None:
        if not broker_timeout > 0:
            raise wrong_value(
                "broker_timeout", "must be above 0 seconds", broker_timeout
            )
        if rate is not None:
            gcra_parameters(rate, burst)
        self.broker: AsyncBroker = broker
        self._make_session = session
        self._make_ledger = ledger
        self._rate = rate
        self._burst = burst
        self._account = account
        self._broker_timeout = broker_timeout
        self._ledger: FleetLedger | None = None
        self._session: OctopushSession | None = None
        self._worker: Worker | None = None
        self._room: AbstractAsyncContextManager[None] = nullcontext()
        self._before: set[asyncio.Task[Any]] = set()
        self._signals: StoppingSignals | None = None
        self._stopping: asyncio.Task[None] | None = None

        async def send_batch(
            run_name: str,
            name: str,
            include_unknown: bool = False,  # noqa: FBT001, FBT002  # of a message
        ) -> None:
            """Send one batch of a run, unless that is done."""
            async with self._room:
                if self._stopping is not None:
                    return  # it stands in the ledger, and others send it
                if self._worker is None:
                    raise RuntimeError(_NO_WORKER)
                await self._worker.send_batch(
                    run_name, name, include_unknown=include_unknown
                )

        async def sweep() -> None:
            """Wake batches that a broker has lost, in all runs."""
            await self.sweep()

        self._send_batch = broker.register_task(
            send_batch, task_name="aiooctopush.send_batch"
        )
        broker.register_task(
            sweep, task_name="aiooctopush.sweep", schedule=[{"cron": sweep_cron}]
        )
        broker.add_event_handler(TaskiqEvents.WORKER_STARTUP, self._start_worker)
        broker.add_event_handler(TaskiqEvents.WORKER_SHUTDOWN, self._stop)
        broker.add_event_handler(TaskiqEvents.CLIENT_SHUTDOWN, self._stop)

    def __repr__(self) -> str:
        return f"<Fleet over {type(self.broker).__name__}>"

    async def __aenter__(self) -> Self:
        """
        Start the broker.

        Raises:
            BrokerTimeoutError: It does not respond; nothing was started.
        """
        self._before = asyncio.all_tasks()
        try:
            async with asyncio.timeout(self._broker_timeout):
                await self.broker.startup()
        except TimeoutError as error:
            await self._shut_down()
            raise BrokerTimeoutError from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if isinstance(self.broker, InMemoryBroker):
                await self._finish(self.broker, stopped=error is not None)
        finally:
            await self._shut_down()

    async def _finish(self, broker: InMemoryBroker, *, stopped: bool) -> None:
        """
        Wait for the sends of this process; when stopped, only for requests in transit.
        """
        sending = asyncio.ensure_future(broker.wait_all())
        try:
            if not stopped:
                await asyncio.shield(sending)
        finally:
            # Batches that have not begun are left to the next start; their waits end.
            self._worker = None
            if self._session is not None:
                await self._session.close()
            # Responses are recorded; a ledger that hangs is abandoned.
            await asyncio.wait({sending}, timeout=_CLOSE_WITHIN)
            sending.cancel()

    async def _shut_down(self) -> None:
        """Close opened resources; a broker that does not respond is abandoned."""
        # Before, because it takes time of its own.
        await self.close()
        try:
            async with asyncio.timeout(_CLOSE_WITHIN):
                await self.broker.shutdown()
        except TimeoutError:
            logger.warning(
                "the broker did not close its connections within %.0f s", _CLOSE_WITHIN
            )
        await _end_attempts(self._before)

    @property
    def is_in_process(self) -> bool:
        """
        Whether there are no workers, so that this process sends the batches itself.
        """
        return isinstance(self.broker, InMemoryBroker)

    @property
    def _patience(self) -> float | None:
        # taskiq's own may send in the place of taking a message.
        return None if self.is_in_process else self._broker_timeout

    @property
    def ledger(self) -> FleetLedger:
        """The ledger of this process, made at its first use."""
        if self._ledger is None:
            self._ledger = self._make_ledger()
        return self._ledger

    async def submit(
        self,
        run_name: str,
        message: Message | None,
        source: Source,
        *,
        batch_size: int = MAX_RECIPIENTS,
        on_duplicate: OnDuplicateLike = OnDuplicate.SKIP,
        on_invalid: OnInvalidLike = OnInvalid.SKIP,
        on_missing: OnMissingLike | None = None,
        identity: Identity | None = None,
        progress: Callable[[RunRecord], None] | None = None,
    ) -> RunRecord:
        """
        Plan a run, and wake the workers: `bulk.planning.plan`, then `wake`.

        A second time it only wakes them, so a job that submits may be repeated.

        Raises:
            InvalidFieldError: See `bulk.planning.plan`, like the next two.
            LedgerError: It cannot be written; or another process is planning this run.
            SendTaskError: The broker is unreachable, or does not respond. The run is in
                the ledger: the next `sweep` wakes the workers, or the same call again.
        """
        run = await planning.plan(
            self.ledger,
            run_name,
            message,
            source,
            batch_size=batch_size,
            on_duplicate=on_duplicate,
            on_invalid=on_invalid,
            on_missing=on_missing,
            identity=identity,
            progress=progress,
        )
        await self.wake(run_name)
        return run

    async def wake(self, run_name: str) -> int:
        """
        Wake a worker for each unclaimed batch of a run.

        Call it for a run that was planned in your transaction, after the commit.

        Returns:
            How many were woken.

        Raises:
            LedgerError: It cannot be read.
            SendTaskError: The broker is unreachable, or does not respond; the run is in
                the ledger.
        """
        names = await self.ledger.claimable_batches(run_name, limit=1_000_000)
        try:
            await self._kick(run_name, names, include_unknown=False)
        except SendTaskError as error:
            error.add_note(
                f"run {run_name!r} is in the ledger; `sweep` wakes its workers"
            )
            raise
        return len(names)

    async def wait(
        self,
        run_name: str,
        *,
        progress: Callable[[Progress], None] | None = None,
        every: float = 1.0,
        wait_for_gateway: float = 900.0,
    ) -> BulkReport:
        """
        Wait until a run is done or paused; see `bulk.following.follow`.

        Returns:
            The report of the run. If ``paused`` has a reason, `resume` continues the
            run once the reason is resolved.
        """
        return await following.follow(
            self.ledger,
            self._try_to_kick,
            run_name,
            progress=progress,
            every=every,
            wait_for_gateway=wait_for_gateway,
        )

    async def sweep(
        self, run_name: str | None = None, *, limit: int = following.WOKEN_AT_ONCE
    ) -> int:
        """
        Wake batches that the broker lost, or a worker left; see `bulk.following.sweep`.

        `wait` does it, and taskiq's scheduler does it each minute. Or call it from
        cron. A broker that is away is left to the next sweep.

        Raises:
            InvalidFieldError: There is no such run.
            LedgerError: The ledger cannot be read.
            BrokerTimeoutError: The broker does not respond.
        """
        return await following.sweep(
            self.ledger, self._kick_if_there, run_name, limit=limit
        )

    async def resume(self, run_name: str) -> int:
        """
        Resume a paused run, and wake the workers.

        Returns:
            How many batches were woken.

        Raises:
            LedgerError: There is no such run, or it cannot be written.
            SendTaskError: The broker is unreachable; the run continues with the next
                `sweep`.
        """
        await self.ledger.unpause(run_name)
        return await self.wake(run_name)

    async def report(self, run_name: str) -> BulkReport:
        """Return the report of a run so far; see `bulk.following.read_report`."""
        return await following.read_report(self.ledger, run_name)

    async def close(self) -> None:
        """
        Close the session and the ledger of this process, and leave the broker alone.

        Needed after `ledger` or `report` without a started broker; shutting down the
        broker does this automatically. Resources are opened again on later use.
        """
        await self._stop(None)

    async def _try_to_kick(
        self, run_name: str, names: Sequence[str], *, include_unknown: bool = False
    ) -> None:
        """Send wake-ups; the next sweep repeats those lost with a broker."""
        with suppress(BrokerTimeoutError):
            await self._kick_if_there(run_name, names, include_unknown=include_unknown)

    async def _kick_if_there(
        self, run_name: str, names: Sequence[str], *, include_unknown: bool = False
    ) -> None:
        try:
            await self._kick(run_name, names, include_unknown=include_unknown)
        except SendTaskError as error:
            logger.warning(
                "the broker did not accept wake-ups for run %r (%s)",
                run_name,
                type(error.__cause__).__name__,
            )
            if isinstance(error, BrokerTimeoutError):
                raise

    async def _kick(
        self, run_name: str, names: Sequence[str], *, include_unknown: bool
    ) -> None:
        for first in range(0, len(names), _ON_THE_WAY):
            kicks = (
                self._send_batch.kiq(run_name, name, include_unknown)
                for name in names[first : first + _ON_THE_WAY]
            )
            try:
                async with asyncio.timeout(self._patience):
                    answers = await asyncio.gather(*kicks, return_exceptions=True)
            except TimeoutError as error:
                raise BrokerTimeoutError from error
            for answer in answers:
                if isinstance(answer, BaseException):
                    raise answer

    async def _start_worker(self, state: Any) -> None:  # noqa: ARG002  # taskiq's
        self._room = (
            asyncio.Semaphore(_AT_ONCE_HERE) if self.is_in_process else nullcontext()
        )
        self._session = self._make_session()
        self._worker = self._session.worker(
            self.ledger, rate=self._rate, burst=self._burst, account=self._account
        )
        if not self.is_in_process:
            self._signals = StoppingSignals(self._stop_sending)

    def _stop_sending(self) -> None:
        """Begin nothing more, and end all waits: taskiq itself waits for the tasks."""
        if self._stopping is None and self._session is not None:
            self._stopping = asyncio.ensure_future(self._session.close())

    async def _stop(self, state: Any) -> None:  # noqa: ARG002  # taskiq's
        if self._signals is not None:
            self._signals.forget()
        session, ledger = self._session, self._ledger
        self._session = self._ledger = self._worker = self._signals = None
        if session is not None:
            await session.close()
        if self._stopping is not None:
            await self._stopping
            self._stopping = None
        if ledger is not None:
            await ledger.close()


async def _end_attempts(before: set[asyncio.Task[Any]]) -> None:
    """
    End the endless retries of aio-pika, so that the program can end.

    Cancelled once, its attempts to connect only wait before the next one.
    """
    for _ in range(_CANCELLED_AT_MOST):
        left = {task for task in asyncio.all_tasks() - before if _is_attempt(task)}
        if not left:
            return
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=_MOMENT)


def _is_attempt(task: asyncio.Task[Any]) -> bool:
    name = getattr(task.get_coro(), "__qualname__", "")
    return name.startswith("RobustConnection.")
