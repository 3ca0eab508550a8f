"""The ledger and the name of a run, as a caller gives them; apart from the records."""

from os import PathLike
from typing import TypeVar

from ..errors import InvalidFieldError, wrong_type, wrong_value


L = TypeVar("L")


def check_ledger(value: L) -> L:
    """
    Return the ledger of a run, or refuse it, before anything is sent.

    Raises:
        InvalidFieldError: It is neither a path nor a ledger, or the address of a
            database, whose password would become the name of a file.
    """
    if isinstance(value, str) and "://" in value:
        raise InvalidFieldError(
            "ledger", "must be a path; for a database use PostgresLedger(address)"
        )
    if not isinstance(value, str | PathLike) and not hasattr(value, "open_run"):
        raise wrong_type("ledger", "must be a path or a Ledger", value)
    return value


def check_run_name(name: str) -> None:
    """
    Refuse an empty name, or one with NUL, which PostgreSQL does not support.

    Raises:
        InvalidFieldError: It is no text, blank, or contains a NUL character.
    """
    known: object = name
    if not isinstance(known, str):
        raise wrong_type("name", "must be a str", known)
    if not name.strip():
        raise wrong_value("name", "must name the run", name)
    if "\0" in name:
        raise wrong_value("name", "must not hold a NUL character", name)
