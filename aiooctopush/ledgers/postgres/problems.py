"""Errors of PostgreSQL, its driver and the network, in the words of a ledger."""

import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import asyncpg  # type: ignore[import-untyped]  # it has no stubs

from ..records import LedgerError
from .address import Address


READ_ONLY: Final = "25006"
"""SQLSTATE of a server that cannot be written: most likely it is a standby now."""

_ALREADY_THERE: Final = (
    "holds a batch of that number already; nothing of this was written"
)
_LOST: Final = (
    "the connection to the database was lost, and it is unknown whether the last "
    "write succeeded; wait until it is back, then resume"
)
NO_LEDGER: Final = (
    "contains no ledger; check its name, or create one with PostgresLedger.migrate()"
)
_STRANGE_VALUE: Final = (
    "cannot store such a value; numbers have at most 64 bits, and text must be valid "
    "Unicode without NUL"
)
_NO_ADDRESS: Final = "its address is not valid; write postgresql://user@host/database"
_OUT_OF_REACH: Final = (
    "the database cannot be reached; check that it runs, and its address"
)
SHARED_SESSIONS: Final = (
    "a pooler in transaction mode shares the database sessions, so runs cannot be "
    "locked; use a pooler in session mode, or connect to PostgreSQL directly"
)
_NO_WRITABLE_SERVER: Final = (
    "no server at its address accepts writes; wait until one does, or name the "
    "primary server, then resume"
)
_ROOT_CERTIFICATE: Final = (
    "its sslmode requires a root certificate, and ~/.postgresql/root.crt does not "
    "exist; put it there, or name it with sslrootcert="
)
_NO_TLS: Final = (
    "the server does not offer TLS, and its sslmode requires it; turn ssl on in "
    "PostgreSQL, or use sslmode=disable in a trusted network"
)
_UNTRUSTED: Final = (
    "the certificate of the server is not trusted; name its root certificate with "
    "sslrootcert=, and use the host name of the certificate"
)

# By SQLSTATE, whole or its class. PostgreSQL's own words may show the values of a row.
_WORDS: Final[Mapping[str, str]] = {
    "08": _LOST,
    "08001": _OUT_OF_REACH,
    "08004": "the database refuses the connection; check its pg_hba.conf",
    "22": _STRANGE_VALUE,
    "23505": _ALREADY_THERE,
    READ_ONLY: "the database is read-only; name the primary server",
    "26000": SHARED_SESSIONS,
    "28": "the database refuses this user; check name and password",
    "3F": NO_LEDGER,
    "40": (
        "others wrote to the same rows at the same time, and this write was rolled "
        "back; try again"
    ),
    "42501": (
        "this user lacks a right: CREATE on the database to make a ledger; to use one, "
        "USAGE of the schema, and SELECT, INSERT, UPDATE and DELETE on its tables"
    ),
    "42P01": NO_LEDGER,
    "42P05": SHARED_SESSIONS,
    "42P07": "contains tables that are not part of a ledger; name another schema",
    "53": (
        "the database has no disk space, memory or connections left; free some, then "
        "resume"
    ),
    "55P03": (
        "others held the rows for longer than lock_timeout allows, and this write was "
        "rolled back; try again"
    ),
    "57": "the database is being stopped or started; wait, then resume",
    "57014": (
        "a statement was cancelled, by statement_timeout or an administrator, and was "
        "rolled back; allow this user more time, then resume"
    ),
    "57P05": _LOST,
}
_CLASS: Final = 2

_QUOTED: Final = re.compile(r'"([\w.]+)"', re.ASCII)
_STARTUP_PARAMETER: Final = re.compile(r"startup parameter: ([\w.]+)", re.ASCII)
# Messages of the driver about an address that show only these values.
_ABOUT_A_PARAMETER: Final = re.compile(
    r"`?(sslmode|sslnegotiation|target_session_attrs|gsslib)\b", re.ASCII
)


@contextmanager
def as_ledger_errors(name: str, address: Address | None = None) -> Iterator[None]:
    """
    Convert errors of PostgreSQL and the network to a `LedgerError` with advice.

    Args:
        name: Name of the ledger in the error.
        address: How the database is reached; None if others reach it.
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        raise LedgerError(f"{name}: {_words_of_server(error, address)}") from None
    except asyncpg.TargetServerAttributeNotMatched:
        raise LedgerError(f"{name}: {_NO_WRITABLE_SERVER}") from None
    except TimeoutError:
        raise LedgerError(
            f"{name}: the database does not respond; check it and the network, then "
            "resume"
        ) from None
    except OSError as error:
        words = _words_of_network(error, address)
        raise LedgerError(f"{name}: {words}") from error
    except ValueError as error:
        # Part of the address, which may show the password.
        raise LedgerError(f"{name}: {_words_of_address(error)}") from None
    except (asyncpg.InterfaceError, asyncpg.InternalClientError):
        raise LedgerError(f"{name}: {_LOST}") from None


def _words_of_server(error: asyncpg.PostgresError, address: Address | None) -> str:
    state = str(error.sqlstate)
    said = str(error)
    if state == "08P01" and (found := _STARTUP_PARAMETER.search(said)):
        return (
            f"a pooler refuses {found[1]!r} in the address; remove it, or add it to "
            "the pooler's ignore_startup_parameters"
        )
    if state == "42704" and address is not None:
        names = [one for one in _QUOTED.findall(said) if one in address.parameters]
        if names:
            return (
                "its address has a parameter that PostgreSQL does not support, "
                f"{names[0]!r}; remove it"
            )
    if state.startswith("3D"):
        if address is None or address.database is None:
            return (
                "the database does not exist; create it with createdb, or name "
                "another one"
            )
        return (
            f"database {address.database!r} does not exist; create it with createdb, "
            "or name another one"
        )
    unknown = f"cannot be used (SQLSTATE {state}); check the database, then resume"
    return _WORDS.get(state) or _WORDS.get(state[:_CLASS], unknown)


def _words_of_address(error: ValueError) -> str:
    said = str(error)
    if "root certificate" in said:
        return _ROOT_CERTIFICATE
    if found := _ABOUT_A_PARAMETER.match(said):
        return f"its address has an invalid value for {found[1]}"
    return _NO_ADDRESS


def _words_of_network(error: OSError, address: Address | None) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _UNTRUSTED
    if isinstance(error, ssl.SSLError):
        return "TLS with the server failed; check its certificate and yours"
    if "rejected SSL" in str(error):
        return _NO_TLS
    missing = address.missing_file() if address is not None else None
    if missing is not None:
        return f"the file that its {missing} names does not exist; check the path"
    return _OUT_OF_REACH
