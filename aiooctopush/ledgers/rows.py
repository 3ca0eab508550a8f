"""
How records become rows of a database, and rows become records again.

SQLite and PostgreSQL share the code; where only one of them has a type for a value, the
other writes it as text.
"""

import json
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeVar

import attrs
from attrs import field, frozen

from .records import (
    BatchRecord,
    BatchState,
    LedgerError,
    Pause,
    Rejection,
    RunRecord,
)


T = TypeVar("T")
AnyRecord = BatchRecord | Rejection | RunRecord
Record = TypeVar("Record", BatchRecord, Rejection, RunRecord)

PAGE_SIZE: Final = 200
"""Rows read at once: about a megabyte of batches that are not done."""

DAMAGED: Final = (
    "is damaged; keep it. A copy lacks the recipients who were planned after it was "
    "made: read docs/ledger.md before you continue with one"
)


class Form(NamedTuple):
    """How a value is written where the database has no type for it."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _instant(value: datetime) -> str:
    # All alike in length and zone, so that their order is that of time.
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat(timespec="microseconds")


INSTANT: Final = Form(_instant, datetime.fromisoformat)
"""An instant as text, for a database that has no type for one."""


def _mapping(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value)) if value else "{}"


_MONEY: Final = Form(str, Decimal)
# Figures of the gateway may be of any size.
_FIGURE: Final = Form(str, int)
_MAPPING: Final = Form(_mapping, json.loads)
_FORMS: Final[Mapping[str, Form]] = {
    "code": _FIGURE,
    "cost": _MONEY,
    "faults": _MAPPING,
    "cells": Form(json.dumps, json.loads),
    "header": Form(json.dumps, json.loads),
    "paused": Form(str, Pause),
    "residual_credit": _MONEY,
    "settings": _MAPPING,
    "sms_needed": _FIGURE,
    "state": Form(str, BatchState),
}


def _with_common_forms(own: Mapping[str, Form]) -> Mapping[str, Form]:
    return {**_FORMS, **own}


def columns_of(kind: type[AnyRecord]) -> Sequence[str]:
    """The columns of a record, in the order of its attributes."""
    return tuple(one.name for one in attrs.fields(kind))


RUN_COLUMNS: Final = columns_of(RunRecord)
BATCH_COLUMNS: Final = columns_of(BatchRecord)
REJECTION_COLUMNS: Final = columns_of(Rejection)

REPLACED_COLUMNS: Final = tuple(name for name in RUN_COLUMNS if name != "purged")
"""Fields that `Ledger.update_run` replaces: a purge is final."""

PLANNED_COLUMNS: Final = tuple(name for name in REPLACED_COLUMNS if name != "paused")
"""Fields that planning replaces: another process may have paused the run meanwhile."""


@frozen
class RowCodec:
    """
    Writes and reads the rows of one kind of database.

    Attributes:
        forms: Forms that this database needs in addition to the common ones, by column.
    """

    forms: Mapping[str, Form] = field(converter=_with_common_forms)
    # By kind of record, because each batch becomes a row twice.
    _plans: dict[type[AnyRecord], Any] = field(
        factory=dict, init=False, eq=False, repr=False
    )

    def to_row(self, record: AnyRecord, **more: Any) -> dict[str, Any]:
        """
        Each attribute in the form of its column, in their order.

        Args:
            more: Columns that are none of its attributes, such as whose it is.
        """
        names, values_of, written = self._plan_of(type(record))
        values = list(values_of(record))
        for at, write in written:
            if values[at] is not None:
                values[at] = write(values[at])
        return {**dict(zip(names, values, strict=True)), **more}

    def _plan_of(
        self, kind: type[AnyRecord]
    ) -> tuple[
        Sequence[str],
        Callable[[AnyRecord], Iterable[Any]],
        Sequence[tuple[int, Callable[[Any], Any]]],
    ]:
        """The columns of a record, how they are read, and those with a form."""
        plan = self._plans.get(kind)
        if plan is None:
            names = columns_of(kind)
            written = [
                (at, self.forms[name].write)
                for at, name in enumerate(names)
                if name in self.forms
            ]
            plan = self._plans[kind] = names, attrgetter(*names), written
        return plan

    def from_row(self, kind: type[Record], row: Iterable[Any], where: str) -> Record:
        """
        Make a record of its columns.

        Args:
            kind: Class of the record.
            row: Its columns, in the order of `columns_of`.
            where: Name of the database in an error.

        Raises:
            LedgerError: They make no such record.
        """
        forms = self.forms
        try:
            return kind(
                **{
                    name: forms[name].read(value)
                    if name in forms and value is not None
                    else value
                    for name, value in zip(columns_of(kind), row, strict=True)
                }
            )
        except (ValueError, ArithmeticError, TypeError, AttributeError):
            # Their words show the value.
            raise LedgerError(f"{where}: {DAMAGED}") from None


def insert(table: str, values: Mapping[str, str]) -> str:
    """A statement that adds a row: the parameter or expression for each column."""
    names, given = ", ".join(values), ", ".join(values.values())
    return f"INSERT INTO {table} ({names}) VALUES ({given})"  # noqa: S608  # ours


def assignments(values: Mapping[str, str]) -> str:
    """The part after ``SET``: the parameter or expression for each column."""
    return ", ".join(f"{name} = {value}" for name, value in values.items())


async def in_pages(
    read: Callable[[Any], Awaitable[Sequence[T]]],
    start: Any,
    place_of: Callable[[T], Any],
) -> AsyncIterator[T]:
    """
    Yield all rows of a query that is read page by page.

    Args:
        read: Gives up to `PAGE_SIZE` rows that come after a place.
        start: The place before the first row.
        place_of: The place of a row.
    """
    place, is_over = start, False
    while not is_over:
        found = await read(place)
        is_over = len(found) < PAGE_SIZE
        for one in found:
            yield one
            place = place_of(one)


def rejection_place(row: tuple[int, Rejection]) -> tuple[int, int]:
    """The place of a rejection, from its id in the database and itself."""
    number, rejection = row
    return rejection.position, number
