"""
The calls that the SMS and the voice namespace share: a stored request, the draft, and
campaigns that are prepared, priced and then confirmed.
"""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any, Generic, TypeVar

from .. import api
from .._call import CallOptions
from .._clock import Clock
from .._wire import Answer, Endpoint
from ..errors import InvalidFieldError
from ..ids import first_tried_at
from ._before_sending import checked, on_wire
from ._shared import (
    Caller,
    OnMissing,
    OnMissingLike,
    OnUnknown,
    OnUnknownLike,
    check_instant,
    is_retried,
    to_enum,
)


RequestT = TypeVar("RequestT")
SentT = TypeVar("SentT", bound=Answer)
DraftT = TypeVar("DraftT", bound="api.campaigns.Draft")
StatusT = TypeVar("StatusT", bound="api.campaigns.CampaignStatus")


class CampaignCalls(ABC, Generic[RequestT, SentT, DraftT, StatusT]):
    """
    The common part of `Sms` and `Voice`; each has its own requests, results and `send`.
    """

    # Not attrs: making two more classes takes longer than reading this file.
    __slots__ = ("_call", "_clock")

    def __init__(self, call: Caller, clock: Clock) -> None:
        self._call = call
        self._clock = clock

    @property
    @abstractmethod
    def _send(self) -> Endpoint[SentT]:
        """The endpoint of a direct send."""

    # Loaded with the first call that needs them: a plain send does not.
    @property
    @abstractmethod
    def _endpoints(self) -> "api.campaigns.CampaignEndpoints[DraftT, StatusT]":
        """The other endpoints of the namespace."""

    def _checked(
        self, request: Any, *, on_missing: OnMissingLike = OnMissing.ERROR
    ) -> Any:
        return checked(request, now=self._clock.now(), on_missing=on_missing)

    async def send_request(
        self,
        request: RequestT,
        *,
        on_missing: OnMissingLike = OnMissing.ERROR,
        timeout: float | None = None,
    ) -> SentT:
        """
        Send a request that was built before; `send` documents its fields.

        Its ``request_id`` is never replaced, even if you did not choose it: you may
        have stored it.

        Args:
            request: The request, built now or earlier, here or in another process.
            on_missing: As for `send`.
            timeout: Seconds for the whole call, retries included.

        Raises:
            InvalidFieldError: It cannot be sent like this now; nothing was sent.
            RefusedError: The gateway refused; see ``maybe_sent`` of the error.
            NotSentError: No connection; nothing was sent.
            UnknownOutcomeError: It may have been sent. Use `settle` to find out.
        """
        return await self._call(
            self._send,
            CallOptions(
                body=self._checked(request, on_missing=on_missing), timeout=timeout
            ),
        )

    async def settle(
        self,
        request: RequestT,
        *,
        safe_to_retry_until: datetime | None,
        timeout: float | None = None,
    ) -> SentT:
        """
        Resolve a request whose outcome is unknown.

        The request is repeated with its id. If the gateway had accepted it, the repeat
        is refused as a duplicate and the outcome is ``presumed``. Otherwise it is sent
        now and the outcome is ``accepted``. In both cases it is sent only once.

        Args:
            request: Request that failed, with the ``request_id`` of the error.
            safe_to_retry_until: From the error. After that instant the gateway may have
                forgotten the id, and the request is not repeated. The error of a call
                without a request ID has None there, which is refused.
            timeout: Seconds for the whole call, retries included.

        Raises:
            RefusedError: Refused now, for another reason than being a duplicate;
                ``maybe_sent`` stays true.
            UnknownOutcomeError: Still unknown, or too late to ask.
        """
        if safe_to_retry_until is None:
            raise InvalidFieldError(
                "safe_to_retry_until",
                "must be set; a call without a request ID cannot be repeated. Ask the "
                "recipient or support",
            )
        check_instant(safe_to_retry_until, "safe_to_retry_until")
        return await self._call(
            self._send,
            CallOptions(
                body=on_wire(request),
                timeout=timeout,
                unknown_since=first_tried_at(safe_to_retry_until),
            ),
        )

    async def draft(self, *, timeout: float | None = None) -> DraftT:
        """
        Read the campaign that waits in the account; there is at most one.

        The response without a ticket is undocumented.

        Args:
            timeout: Seconds for the whole call, retries included.

        Raises:
            RefusedError: The gateway refused.

        Source: gateway documentation, "Get your SMS campaign draft", and the Spanish
        page on the voice draft.
        """
        return await self._call(self._endpoints.draft, CallOptions(timeout=timeout))

    async def cancel(
        self,
        ticket: str,
        *,
        audience: "api.campaigns.AudienceLike | None" = None,
        timeout: float | None = None,
    ) -> Answer:
        """
        Cancel a waiting or scheduled send, or a prepared campaign.

        The gateway's limits for sends: fewer than 3 recipients, more than 10 minutes
        before the sending time, 1,000 cancellations a month. A bulk send can in
        effect not be called back. No limit is stated for prepared campaigns.

        Args:
            ticket: Names the send or the campaign.
            audience: ``list`` or ``tag`` for a prepared campaign; None for a send.
            timeout: Seconds for the whole call, retries included.

        Returns:
            A response with the ``outcome`` ``accepted``, or ``presumed`` if the ticket
            did not exist when the call was repeated after a timeout.

        Raises:
            RefusedError: The gateway refused; the campaign stays as it was.
            UnknownOutcomeError: It may have been cancelled; a repeat is harmless.

        Source: gateway documentation, "Cancel SMS", "Cancel an SMS on list", "Cancel
        voice SMS on a list"; newer reference, "Cancel a voice campaign".
        """
        if audience is not None:
            to_enum(api.campaigns.Audience, "audience", audience)
        return await self._call(
            self._endpoints.cancel_send
            if audience is None
            else self._endpoints.cancel_campaign,
            CallOptions(body=api.campaigns.ticket_body(ticket), timeout=timeout),
        )

    async def _create(
        self,
        endpoint: "Endpoint[api.campaigns.CampaignTicket]",
        request: Any,
        *,
        owns_id: bool,
        timeout: float | None,
    ) -> "api.campaigns.CampaignTicket":
        return await self._call(
            endpoint,
            CallOptions(body=self._checked(request), owns_id=owns_id, timeout=timeout),
        )

    async def status(self, ticket: str, *, timeout: float | None = None) -> StatusT:
        """
        Read state and price of a prepared campaign, of a list or of a tag.

        Useful before `confirm` only. The gateway may also respond with a refusal (HTTP
        400) while the campaign is not ready; `wait_until_ready` handles it.

        Args:
            ticket: Names the campaign.
            timeout: Seconds for the whole call, retries included.

        Raises:
            RefusedError: The gateway refused, or the campaign is not ready.

        Source: gateway documentation, "Status SMS campaign list", "Status voice SMS on
        a list".
        """
        return await self._call(
            self._endpoints.status,
            CallOptions(
                query=tuple(api.campaigns.ticket_body(ticket).items()), timeout=timeout
            ),
        )

    async def wait_until_ready(
        self, ticket: str, *, timeout: float = 600.0, pause: float = 1.0
    ) -> StatusT:
        """
        Wait until a campaign is prepared, asking for its state in growing pauses.

        Args:
            ticket: Names the campaign on a list or a tag.
            timeout: Seconds to wait at most.
            pause: Seconds before the second question; each pause is half as long
                again as the one before, up to 30 seconds.

        Returns:
            A status that is ready, with its cost.

        Raises:
            RefusedError: The preparation failed, or there is no such campaign.
            NotSentError: It was not ready in time. Nothing is sent, and you may wait
                again.
            UnknownOutcomeError: The gateway could not be asked.
        """
        return await api.campaigns.wait_until_ready(
            self.status, ticket, clock=self._clock, timeout=timeout, pause=pause
        )

    async def confirm(
        self,
        ticket: str,
        *,
        audience: "api.campaigns.AudienceLike",
        on_unknown: OnUnknownLike = OnUnknown.RAISE,
        timeout: float | None = None,
    ) -> "api.campaigns.CampaignConfirmed":
        """
        Send a prepared campaign. Only this call reaches recipients and costs credit.

        It has no ``request_id``, so it is not repeated after a timeout. If you repeat
        it yourself, code 132 (already sent) then means that the first one worked.

        Args:
            ticket: Names the campaign.
            audience: ``list`` or ``tag``, as it was created.
            on_unknown: ``retry`` to repeat it after a timeout all the same.
            timeout: Seconds for the whole call, retries included.

        Returns:
            A confirmation. That of a voice campaign most likely lacks its
            ``sending_date``: the pages show no body.

        Raises:
            RefusedError: The gateway refused, or the campaign is not ready.
            UnknownOutcomeError: It may have been confirmed.

        Source: gateway documentation, "Confirm SMS on list", "Confirmer un SMS vocal
        sur liste".
        """
        return await self._call(
            self._endpoints.confirm[
                to_enum(api.campaigns.Audience, "audience", audience)
            ],
            CallOptions(
                body=api.campaigns.ticket_body(ticket),
                timeout=timeout,
                repeat_unknown=is_retried(on_unknown),
            ),
        )
