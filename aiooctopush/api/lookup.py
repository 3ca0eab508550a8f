"""
Number lookup: is a line alive (HLR), and whose is it now (MNP).

Every lookup of a number costs credit. No operation has a request_id, so a request that
may have been executed is never repeated automatically.

Source: gateway documentation, "HLR lookup", "MNP"; the newer reference for MNP v2.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from attrs import field, frozen

from .._call import CallOptions
from .._wire import Answer, Endpoint, Idempotency, converter, read_from, read_whole
from ..phone import mask
from ._chunks import (
    CONCURRENCY,
    ChunkReply,
    ItemResult,
    ManyResults,
    call_in_chunks,
    masked_numbers,
    read_items,
    read_number,
)
from ._nested import NestedValue
from ._shared import Caller, check_switch, post


__all__ = [
    "HlrResult",
    "ItemResult",
    "Lookup",
    "ManyResults",
    "MnpResult",
    "Network",
]


MAX_NUMBERS: Final = 200
"""
Numbers of one request. Source: comments of the vendor's Java client, for HLR; for MNP
no limit is documented, and the same is used.
"""


# --- requests -------------------------------------------------------------------------


@frozen(kw_only=True)
class LookupRequest:
    """One request of a lookup; ``simulation_mode`` is unknown to MNP v1."""

    phone_numbers: tuple[str, ...] = field(repr=masked_numbers)
    simulation_mode: bool | None = None


# --- answers --------------------------------------------------------------------------


@frozen(kw_only=True)
class Network(NestedValue):
    """
    The network that a number belongs to, in the gateway's words.

    Attributes:
        network_name: Name of the operator.
        mcc: Mobile country code, three digits.
        mnc: Mobile network code. MNP writes its leading zeros, as in ``08``, HLR
            leaves them out: do not compare the two as text.
        country_name: In words.
        country_code_iso3: Three letters.
        country_code: Two letters.
        area: Unexplained.
        country_prefix: As the gateway wrote it: ``+33`` from HLR, ``33`` from MNP.

    Any of them may be None.
    """

    network_name: str | None = None
    mcc: str | None = None
    mnc: str | None = None
    country_name: str | None = None
    country_code_iso3: str | None = None
    country_code: str | None = None
    area: str | None = None
    country_prefix: str | None = None

    @property
    def calling_code(self) -> str | None:
        """The country prefix in one form, such as ``+33``; None without one."""
        digits = (self.country_prefix or "").strip().removeprefix("+")
        return f"+{digits}" if digits else None


@frozen(kw_only=True)
class MnpResult(Network):
    """
    Whose a number is now.

    Attributes:
        phone_number: As the gateway wrote it; `ItemResult.item` is the normal form.
        line_status: The gateway's value, such as ``live``.
        is_ported: Whether it has changed networks.
        ported_date: When; without a time zone if the gateway wrote none.
        original_network_details: The network before that.
        lookup_id: The gateway's own id of the request, from MNP v2 only. It protects
            no repeat.

    Any of them may be None.
    """

    phone_number: str | None = field(default=None, repr=mask)
    line_status: str | None = None
    is_ported: bool | None = None
    # Without a zone from HLR, with one from MNP. Which zone is undocumented, so none
    # is made up. Source: gateway documentation, "HLR lookup" against "MNP".
    ported_date: datetime | None = None
    original_network_details: Network | None = None
    lookup_id: str | None = None


@frozen(kw_only=True)
class HlrResult(MnpResult):
    """
    The state of a line: its operator, and whether it is in use.

    Attributes:
        state: ``valid`` or ``invalid``, or another word of the gateway.
        phone_number_type: The gateway's value, such as ``mobile``.
    """

    state: str | None = field(default=None, metadata=read_from("status"))
    phone_number_type: str | None = None


@frozen(kw_only=True)
class _Said(NestedValue):
    """A response of any of the three operations, in one shape."""

    results: Any = field(default=None, repr=False)
    lookup_id: str | None = field(default=None, metadata=read_from("request_id"))
    cost: Decimal | None = None


def _read_said(body: Any) -> _Said:
    """
    Read a bare list of results (v1), or an object that holds it (v2).

    Raises:
        ValueError: There is no list of results, which proves nothing.
    """
    said = body
    if isinstance(body, list):
        # The page of v2 prints its keys inside square brackets, which is not JSON. A
        # list of one object is accepted, too. Source: newer reference, "MNP v2".
        one = body[0] if len(body) == 1 else None
        inside = isinstance(one, Mapping) and "results" in one
        said = one if inside else {"results": body}
    read = converter.structure(said, _Said)
    if not isinstance(read.results, list):
        msg = "no results"
        raise ValueError(msg)  # noqa: TRY004 - what the gateway said is no argument
    return read


@frozen(kw_only=True)
class LookupAnswer(Answer):
    """The result of one request as a whole."""

    said: Any = field(converter=_read_said, metadata=read_whole(), repr=False)


# --- endpoints ------------------------------------------------------------------------

# The first two respond with a list, the third with an object or a list of one.
HLR: Final = post(
    "/v1/public/contact/hlr-request", LookupAnswer, Idempotency.NONE, free_form=True
)
MNP: Final = post(
    "/v1/public/contact/mnp-request", LookupAnswer, Idempotency.NONE, free_form=True
)
MNP_V2: Final = post(
    "/v2/public/contact/mnp-request", LookupAnswer, Idempotency.NONE, free_form=True
)


# --- matching numbers and results -----------------------------------------------------

R = TypeVar("R", bound=MnpResult)


def _digits(number: Any) -> str:
    """Normalize the spellings of one international number."""
    return "".join(one for one in str(number) if one in "0123456789")


def _matched(
    kind: type[R], numbers: tuple[str, ...], said: _Said
) -> tuple[R | None, ...]:
    """
    Match each number with its own result, in any order of results.

    By number and never by position: a missing result would shift the others to the
    wrong recipients.
    """
    rows = {
        _digits(row.get("phone_number")): row
        for row in said.results
        # One that cannot be read must not cost those beside it.
        if isinstance(row, Mapping)
    }
    found = (rows.get(_digits(number)) for number in numbers)
    return tuple(
        # The id is that of the request; a row that names one does not count.
        None
        if row is None
        else converter.structure({**row, "lookup_id": said.lookup_id}, kind)
        for row in found
    )


# --- calls ----------------------------------------------------------------------------


@frozen
class Lookup:
    """The namespace of number lookup, as ``octopush.lookup``."""

    _call: Caller

    async def hlr(
        self,
        phone_numbers: Iterable[str],
        *,
        simulation_mode: bool | None = None,
        concurrency: int = CONCURRENCY,
        timeout: float | None = None,
    ) -> ManyResults[str, HlrResult]:
        """
        Ask whether lines are valid and alive. **Every number costs.**

        The numbers are read and checked as a whole, and then leave 200 in a request.
        A number that is given twice is asked, and maybe paid, twice. A request
        without a response is not repeated. Its items have the outcome ``unknown``, and
        may have been billed. The rest is not asked after a failure that other requests
        would share (key, credit, certificate), or after 5 in a row without a response.
        Its items are ``not_sent``.

        Args:
            phone_numbers: Numbers in international form.
            simulation_mode: Only check the request, and invent the result.
            concurrency: Requests in flight at once.
            timeout: Seconds for each request, retries included.

        Returns:
            A result for each number, in order. No error is raised for a request that
            failed: look at its items, at ``is_complete``, or call ``raise_error``.

        Raises:
            InvalidFieldError: An argument is malformed; nothing was asked.

        Source: gateway documentation, "HLR lookup" (documented, unseen).
        """
        return await self._look_up(
            HLR,
            HlrResult,
            phone_numbers,
            simulation_mode=simulation_mode,
            concurrency=concurrency,
            timeout=timeout,
        )

    async def mnp(
        self,
        phone_numbers: Iterable[str],
        *,
        concurrency: int = CONCURRENCY,
        timeout: float | None = None,
    ) -> ManyResults[str, MnpResult]:
        """
        Ask which networks numbers belong to now. **Every number costs.**

        It has no ``simulation_mode``. The other arguments and the errors are those of
        `hlr`.

        Source: gateway documentation, "MNP" (documented, unseen).
        """
        return await self._look_up(
            MNP,
            MnpResult,
            phone_numbers,
            simulation_mode=None,
            concurrency=concurrency,
            timeout=timeout,
        )

    async def mnp_v2(
        self,
        phone_numbers: Iterable[str],
        *,
        simulation_mode: bool | None = None,
        concurrency: int = CONCURRENCY,
        timeout: float | None = None,
    ) -> ManyResults[str, MnpResult]:
        """
        Ask which networks numbers belong to now, and the price. **Every number costs.**

        The price is ``cost`` of the result. Arguments and errors are those of `hlr`.

        Source: newer reference, "MNP v2" (documented, unseen).
        """
        return await self._look_up(
            MNP_V2,
            MnpResult,
            phone_numbers,
            simulation_mode=simulation_mode,
            concurrency=concurrency,
            timeout=timeout,
        )

    async def _look_up(
        self,
        endpoint: Endpoint[LookupAnswer],
        kind: type[R],
        phone_numbers: Iterable[str],
        *,
        simulation_mode: bool | None,
        concurrency: int,
        timeout: float | None,
    ) -> ManyResults[str, R]:
        check_switch("simulation_mode", simulation_mode)

        async def send_chunk(chunk: tuple[str, ...]) -> ChunkReply[R]:
            request = LookupRequest(
                phone_numbers=chunk, simulation_mode=simulation_mode
            )
            answer = await self._call(
                endpoint, CallOptions(body=request, timeout=timeout)
            )
            return ChunkReply(
                outcome=answer.outcome,
                details=_matched(kind, chunk, answer.said),
                cost=answer.said.cost,
            )

        return await call_in_chunks(
            send_chunk,
            read_items(phone_numbers, "phone_numbers", read_number),
            size=MAX_NUMBERS,
            concurrency=concurrency,
        )
