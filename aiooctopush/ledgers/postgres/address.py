"""The address of a PostgreSQL database: parameters of the driver, and ours."""

import math
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import field, frozen

from ...errors import InvalidFieldError


_SCHEMES: Final = ("postgresql://", "postgres://")

_CONNECT_WITHIN: Final = 10.0
_LONGEST_CONNECT: Final = 3600.0

# Parameters of PostgreSQL's own library; the driver would send them to the server,
# which supports none of them. A ledger does not need any of them.
_LEFT_OUT: Final = frozenset(
    {
        *("connect_timeout", "fallback_application_name", "keepalives"),
        *("keepalives_count", "keepalives_idle", "keepalives_interval"),
        *("load_balance_hosts", "sslcompression", "sslsni"),
    }
)
# These request a protection, which must not be dropped without an error.
_CANNOT_BE_DONE: Final = frozenset({"hostaddr", "require_auth", "requirepeer"})
_ONLY_IF_NOT_REQUIRED: Final = frozenset({"channel_binding", "gssencmode"})

_FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")


@frozen
class Address:
    """
    How a database is reached.

    Attributes:
        dsn: Address for the driver; it may contain a password.
        database: Its name, if the address contains it.
        connect_within: Seconds for a new connection.
        chooses_server: Whether it selects itself among several servers.
        parameters: Its other parameters, by name.
    """

    dsn: str = field(repr=False)
    database: str | None
    connect_within: float
    chooses_server: bool
    parameters: dict[str, str] = field(repr=False)

    def missing_file(self) -> str | None:
        """The name of a parameter that names a file which is not there."""
        for name in _FILES:
            value = self.parameters.get(name)
            if value and not Path(value).exists():
                return name
        return None


def read_address(dsn: str) -> Address:
    """
    Parse an address like PostgreSQL's own programs.

    Raises:
        InvalidFieldError: It is not an address, or has parameters that the driver does
            not support. It is never shown, because it may contain a password.
    """
    if not dsn.startswith(_SCHEMES):
        raise InvalidFieldError("dsn_or_pool", "must begin with 'postgresql://'")
    start, mark, query = dsn.partition("?")
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    for name, value in parameters.items():
        is_required = name in _ONLY_IF_NOT_REQUIRED and value == "require"
        if is_required or name in _CANNOT_BE_DONE:
            asked = f"{name}=require" if is_required else name
            raise InvalidFieldError(
                "dsn_or_pool",
                f"asks for {asked}, which the driver cannot do: take it out; "
                "sslmode=verify-full makes sure of the server",
            )
    kept = "&".join(
        one
        for one in query.split("&")
        if one.partition("=")[0] not in _LEFT_OUT | _ONLY_IF_NOT_REQUIRED
    )
    return Address(
        dsn=f"{start}{mark}{kept}" if kept else start,
        database=_database_of(start) or parameters.get("dbname"),
        connect_within=_seconds(parameters.get("connect_timeout")),
        chooses_server="target_session_attrs" in parameters,
        parameters=parameters,
    )


def _database_of(start: str) -> str | None:
    try:
        return unquote(urlsplit(start).path.lstrip("/")) or None
    except ValueError:
        # The driver reports this when it is used.
        return None


def _seconds(value: str | None) -> float:
    """As in PostgreSQL: nothing and 0 set no limit, which is the default here."""
    try:
        seconds = float(value or 0)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= _LONGEST_CONNECT:
        raise InvalidFieldError(
            "dsn_or_pool", "has a connect_timeout that is no number of seconds"
        )
    return seconds or _CONNECT_WITHIN
