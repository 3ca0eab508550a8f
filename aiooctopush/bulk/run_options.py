"""How a run is sent."""

from decimal import Decimal
from typing import Final

from attrs import field, frozen

from .. import bulk as _bulk
from .._limits import check_kind, check_number, check_whole
from ..api._recipients import MAX_RECIPIENTS
from ..api._shared import to_enum
from ..errors import wrong_type, wrong_value
from ..retry import BULK_RETRY, RetryPolicy
from .options import (
    Identity,
    OnAlreadySent,
    OnAlreadySentLike,
    OnDuplicate,
    OnDuplicateLike,
    OnInvalid,
    OnInvalidLike,
    OnMissing,
    OnMissingLike,
    OnUnresolved,
    OnUnresolvedLike,
)


_NUMBERS: Final = (
    *("concurrency", "batch_size", "rate", "max_cost", "max_refused"),
    *("wait_for_credit", "wait_for_gateway"),
)
_OPTIONAL: Final = {"rate", "max_cost"}


def _to_on_duplicate(value: OnDuplicateLike) -> OnDuplicate:
    return to_enum(OnDuplicate, "on_duplicate", value)


def _to_on_invalid(value: OnInvalidLike) -> OnInvalid:
    return to_enum(OnInvalid, "on_invalid", value)


def _to_on_missing(value: OnMissingLike | None) -> OnMissing | None:
    return None if value is None else to_enum(OnMissing, "on_missing", value)


def _to_on_unresolved(value: OnUnresolvedLike) -> OnUnresolved:
    return to_enum(OnUnresolved, "on_unresolved", value)


def _to_on_already_sent(value: OnAlreadySentLike) -> OnAlreadySent:
    return to_enum(OnAlreadySent, "on_already_sent", value)


@frozen(kw_only=True)
class BulkOptions:
    """
    How a run is sent; `OctopushSession.bulk` documents each.

    Raises:
        InvalidFieldError: A figure is out of range, or a word unknown.
    """

    concurrency: int = 4
    batch_size: int = MAX_RECIPIENTS
    rate: float | None = None
    max_cost: Decimal | None = None
    on_duplicate: OnDuplicate = field(
        default=OnDuplicate.SKIP, converter=_to_on_duplicate
    )
    on_invalid: OnInvalid = field(default=OnInvalid.SKIP, converter=_to_on_invalid)
    on_missing: OnMissing | None = field(default=None, converter=_to_on_missing)
    on_unresolved: OnUnresolved = field(
        default=OnUnresolved.HOLD, converter=_to_on_unresolved
    )
    on_already_sent: OnAlreadySent = field(
        default=OnAlreadySent.PAUSE, converter=_to_on_already_sent
    )
    identity: Identity | None = None
    max_refused: float = 0.2
    retry_refused: bool = False
    exclude: "_bulk.Source | None" = field(default=None, repr=False)
    wait_for_credit: float = 0.0
    wait_for_gateway: float = 900.0
    retry: RetryPolicy = BULK_RETRY

    def __attrs_post_init__(self) -> None:
        for name in _NUMBERS:
            value = getattr(self, name)
            if value is not None or name not in _OPTIONAL:
                check_number(name, value)
        check_kind("retry", self.retry, RetryPolicy)
        if self.identity is not None and not callable(self.identity):
            raise wrong_type(
                "identity",
                "must be a function of an item, such as lambda one: one.param1",
                self.identity,
            )
        check_whole("batch_size", self.batch_size, 1, MAX_RECIPIENTS)
        checks = (
            ("concurrency", self.concurrency >= 1, "at least 1"),
            ("rate", self.rate is None or self.rate > 0, "above 0, or None"),
            (
                "max_cost",
                self.max_cost is None or self.max_cost > 0,
                "above 0 euros, or None",
            ),
            ("max_refused", 0 <= self.max_refused <= 1, "0 to 1"),
            ("wait_for_credit", self.wait_for_credit >= 0, "0 seconds or more"),
            ("wait_for_gateway", self.wait_for_gateway >= 0, "0 seconds or more"),
        )
        for name, holds, wanted in checks:
            if not holds:
                value = getattr(self, name)
                raise wrong_value(name, f"must be {wanted}", value)
