"""The gateway in process, without a socket; all waits are on its clock."""

import asyncio
from typing import Final

from .._clock import Clock
from .._wire import HttpRequest, HttpResponse
from ..errors import NotSentError, TransportSecurityError, UnknownOutcomeError
from .faults import Fault, FaultPlan
from .gateway import Gateway


_WAITS: Final = frozenset(
    {"hang_before_commit", "hang_after_commit", "slow_loris_after_commit"}
)


class SandboxTransport:
    """
    A `Transport` that carries requests to a `Gateway` in the same process.

    Faults appear as in the aiohttp transport: `NotSentError`, `UnknownOutcomeError`, or
    a faulty response. The event loop runs before and after the gateway executes a
    request, so that a cancellation can hit both moments.

    Args:
        gateway: The gateway that executes the requests; a fresh one by default.
        faults: The planned faults; none by default.
        clock: The clock of the waits; the gateway's own by default.
        latency: Seconds from sending a request to its execution. If a request's timeout
            is shorter, it is executed and its response comes too late.
    """

    def __init__(
        self,
        gateway: Gateway | None = None,
        faults: FaultPlan | None = None,
        *,
        clock: Clock | None = None,
        latency: float = 0.0,
    ) -> None:
        self.gateway: Gateway = gateway or Gateway()
        self._faults = faults
        self._clock = clock or self.gateway.clock
        self._latency = latency

    async def send(self, request: HttpRequest) -> HttpResponse:
        """
        Make one attempt.

        Raises:
            NotSentError: The fault is one that lets no connection come about.
            UnknownOutcomeError: Any other fault without a response, or a response that
                comes too late.
        """
        fault = self._faults.next(request) if self._faults else None
        if fault is not None and fault.in_process_only:
            raise _not_sent(fault)
        await self._travel(request)
        if fault is None:
            answer: HttpResponse | None = self.gateway.handle(request)
        else:
            answer = fault.play(self.gateway, request)
        await asyncio.sleep(0)
        if self._latency > request.timeout:
            raise UnknownOutcomeError("the timeout of the attempt has passed")
        if fault is not None and fault.kind in _WAITS:
            await self._clock.sleep(request.timeout)
        if answer is None:
            raise UnknownOutcomeError(f"simulated fault: {fault and fault.meets}")
        return answer

    async def close(self) -> None:
        """Do nothing: the gateway is not ours to close."""

    async def _travel(self, request: HttpRequest) -> None:
        if self._latency:
            await self._clock.sleep(min(self._latency, request.timeout))
        else:
            await asyncio.sleep(0)


def _not_sent(fault: Fault) -> NotSentError:
    problem = f"simulated fault: {fault.meets}"
    if fault.kind == "bad_certificate":
        return TransportSecurityError(problem)
    return NotSentError(problem)
