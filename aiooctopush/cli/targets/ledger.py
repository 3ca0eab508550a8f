"""The place of a ledger: a file, PostgreSQL, or the place that a fleet chooses."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode

import click
from attrs import field, frozen

from ...ledgers.protocols import FleetLedger
from ...ledgers.records import RunRecord
from ...ledgers.sqlite.file import is_locked
from ...ledgers.sqlite.ledger import SQLiteLedger
from .extras import MissingExtraError
from .fleet import is_app, load_fleet


if TYPE_CHECKING:
    from ...ledgers.postgres.ledger import PostgresLedger


_SCHEMES: Final = ("postgresql://", "postgres://")

# Part of an address in common notation that asyncpg does not support.
_SCHEMA: Final = "schema"
_DEFAULT_SCHEMA: Final = "aiooctopush"

_SECRET: Final = {"password", "passfile", "sslpassword"}


@frozen
class LedgerPlace:
    """Location of a ledger as typed; as text it contains no password."""

    _typed: str = field(repr=False)

    def __str__(self) -> str:
        if not self.is_address:
            return self._typed
        scheme, _, rest = self._address.partition("://")
        # A password may hold all that is not escaped; a host holds no "@".
        user, at, host = rest.rpartition("@")
        shown = f"{scheme}://{user.partition(':')[0]}{at}{host}"
        query = [(name, value) for name, value in self._query if name not in _SECRET]
        return f"{shown}?{urlencode(query)}" if query else shown

    @property
    def name(self) -> str:
        """Its name on a page for others, without its location."""
        if self.is_app:
            return self._typed
        if self.is_address:
            return self._address.rpartition("/")[2] or "PostgreSQL"
        return Path(self._typed).name

    @property
    def is_address(self) -> bool:
        """Whether it is the address of a PostgreSQL database."""
        return self._typed.startswith(_SCHEMES)

    @property
    def is_app(self) -> bool:
        """Whether it is the name of a fleet, such as ``app:fleet``."""
        return is_app(self._typed) and not Path(self._typed).exists()

    @property
    def path(self) -> Path | None:
        """Where the file is; None if it is no file."""
        return None if self.is_app or self.is_address else Path(self._typed)

    def is_held(self) -> bool | None:
        """Return whether a process writes to it; None if it is no file."""
        if self.is_app or self.is_address:
            return None
        return is_locked(Path(self._typed))

    @asynccontextmanager
    async def opened(
        self, *, read_only: bool = False
    ) -> AsyncGenerator[FleetLedger, None]:
        """
        Open it for a while.

        Args:
            read_only: Only read, also while another process writes to a file.

        Raises:
            FleetAppError: There is no such fleet.
            MissingExtraError: A required library is not installed.
        """
        if self.is_app:
            fleet = load_fleet(self._typed)
            try:
                yield fleet.ledger
            finally:
                await fleet.close()
        elif self.is_address:
            async with self.in_postgres() as ledger:
                yield ledger
        else:
            async with SQLiteLedger(self._typed, read_only=read_only) as ledger:
                yield ledger

    @asynccontextmanager
    async def holding(self, run: RunRecord) -> AsyncGenerator[FleetLedger, None]:
        """
        Open it to write about a run, while no other process does.

        Raises:
            LedgerError: Another process works on the run.
        """
        async with self.opened() as ledger:
            await ledger.open_run(run)
            try:
                yield ledger
            finally:
                await ledger.release_run(run.name)

    def in_postgres(self) -> "PostgresLedger":
        """
        The ledger at an address.

        Raises:
            InvalidFieldError: That cannot be an address, or the name of a schema.
            MissingExtraError: asyncpg is not installed.
        """
        try:
            from ...ledgers.postgres.ledger import PostgresLedger  # noqa: PLC0415  # an extra
        except ModuleNotFoundError as error:
            raise MissingExtraError.of(error, "a ledger in PostgreSQL") from error
        query = dict(self._query)
        schema = query.pop(_SCHEMA, _DEFAULT_SCHEMA)
        address = f"{self._address}?{urlencode(query)}" if query else self._address
        return PostgresLedger(address, schema=schema)

    @property
    def _address(self) -> str:
        return self._typed.partition("?")[0]

    @property
    def _query(self) -> list[tuple[str, str]]:
        return parse_qsl(self._typed.partition("?")[2], keep_blank_values=True)


class LedgerType(click.ParamType[LedgerPlace]):
    """A ledger on the command line; a file may be new."""

    name = "ledger"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> LedgerPlace:
        """See click; any value but a folder is valid."""
        place = LedgerPlace(value)
        if not (place.is_address or place.is_app):
            click.Path(dir_okay=False).convert(value, param, ctx)
        return place
