r"""
A bulk send to the people in a database, read page by page as requests leave.

A page is one short query, in a thread. No cursor stays open while the gateway is slow,
and a run that starts again can ask for the people from a position on.

    sqlite3 customers.db "
        CREATE TABLE customer (id INTEGER PRIMARY KEY, phone_number TEXT, name TEXT);
        INSERT INTO customer (phone_number, name) VALUES ('+33639980001', 'Ada')"
    python examples/from_database.py customers.db

Which account it is, account.py says.
"""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

from account import open_session

from aiooctopush import (
    InvalidFieldError,
    Purpose,
    Recipient,
    SourceError,
)


PAGE = 1_000

# By id, so that the order is the same each time and new rows come last.
FIRST_ID = "SELECT id FROM customer ORDER BY id LIMIT 1 OFFSET ?"
NEXT_PAGE = """
    SELECT id, phone_number, name FROM customer WHERE id >= ? ORDER BY id LIMIT ?
"""

Row = tuple[int, str | None, str | None]


def read_only(database: Path) -> "closing[sqlite3.Connection]":
    """Open the database for one query; a name that does not exist is an error."""
    address = f"{database.absolute().as_uri()}?mode=ro"
    return closing(sqlite3.connect(address, uri=True))


def id_at(database: Path, position: int) -> int | None:
    """Find the customer at a position, counted from 0; None if there are fewer."""
    with read_only(database) as connection:
        found = connection.execute(FIRST_ID, (position,)).fetchone()
    return found[0] if found else None


def page_from(database: Path, first_id: int) -> list[Row]:
    """Read some customers from an id on."""
    with read_only(database) as connection:
        return connection.execute(NEXT_PAGE, (first_id, PAGE)).fetchall()


def recipient_of(database: Path, row: Row) -> Recipient | SourceError:
    """Make a recipient of a row, or say what is wrong with it."""
    row_id, phone_number, name = row
    try:
        return Recipient(phone_number or "", first_name=name)
    except InvalidFieldError as error:
        # Raised, it would stop the run; given, it is one person who gets no message.
        return SourceError(
            error.limit,
            path=database,
            line=row_id,
            column=error.field,
            shown=error.shown,
        )


async def customers(
    database: Path, position: int = 0
) -> AsyncGenerator[Recipient | SourceError, None]:
    """Yield all customers from a position on, with one page of them in memory."""
    next_id = await asyncio.to_thread(id_at, database, position)
    while next_id is not None:
        rows = await asyncio.to_thread(page_from, database, next_id)
        for row in rows:
            yield recipient_of(database, row)
        next_id = rows[-1][0] + 1 if len(rows) == PAGE else None


async def main(database: Path) -> None:
    """Send to every customer, and say what became of them."""
    async with open_session() as octopush:
        run = octopush.bulk(
            "invoices-2026-05",
            text="Hi {first_name}, your invoice for May is ready",
            sender="Acme",
            purpose=Purpose.ALERT,
        )
        report = await run.send(customers(database))
    print(f"accepted {report.accepted} of {report.planned}, cost {report.cost}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
