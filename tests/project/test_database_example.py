"""The example that reads a database runs as it is written."""

import io
import sqlite3
import sys
from collections import Counter
from contextlib import closing, redirect_stdout
from pathlib import Path

import pytest

from aiooctopush import OctopushSession, Recipient, SourceError
from aiooctopush.sandbox import Gateway, SandboxServer, SandboxTransport, VirtualClock


ROOT = Path(__file__).parents[2]
ANA = Recipient("+33639980001", first_name="Ana")
BOB = Recipient("+33639980002")


@pytest.fixture
def from_database(monkeypatch):
    """The example, imported as a module, with pages of two."""
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    monkeypatch.delitem(sys.modules, "from_database", raising=False)
    module = __import__("from_database")
    monkeypatch.setattr(module, "PAGE", 2)
    return module


@pytest.fixture
def customers(tmp_path):
    """Write rows into a database, with ids that have gaps."""
    path = tmp_path / "customers.db"

    def write(*rows):
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(
                "CREATE TABLE customer"
                " (id INTEGER PRIMARY KEY, phone_number TEXT, name TEXT)"
            )
            connection.executemany(
                "INSERT INTO customer VALUES (?, ?, ?)",
                [(10 * place, *row) for place, row in enumerate(rows, 1)],
            )
        return path

    return write


def numbers(count):
    """Made-up numbers in a range for fiction, all different."""
    return [f"+3363998{one:04}" for one in range(count)]


async def read(source):
    """Everything that a source holds."""
    return [item async for item in source]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
async def test_every_customer_comes_once_in_order(from_database, customers, count):
    """Whether the last page is full or not."""
    path = customers(*((number, None) for number in numbers(count)))

    people = await read(from_database.customers(path))

    assert people == [Recipient(number) for number in numbers(count)]


@pytest.mark.parametrize("position", [0, 1, 2, 3, 4, 5, 6])
async def test_a_start_leaves_out_those_before_it(from_database, customers, position):
    """Positions count rows, not ids; beyond the last there is nobody."""
    path = customers(*((number, None) for number in numbers(5)))

    people = await read(from_database.customers(path, position))

    assert [one.phone_number for one in people] == numbers(5)[position:]


async def test_a_bad_customer_is_given_as_an_error(from_database, customers):
    """With its id in place of a line, between the others; a null is empty."""
    path = customers(
        ("+33639980001", "Ana"), ("06", "Zed"), (None, "Cy"), (BOB.phone_number, None)
    )

    first, zed, cy, last = await read(from_database.customers(path))

    assert (first, last) == (ANA, BOB)
    assert (type(zed), zed.line, zed.column) == (SourceError, 20, "phone_number")
    assert (type(cy), cy.line, cy.reason) == (SourceError, 30, "is empty")


async def test_a_missing_database_is_not_made(from_database, tmp_path):
    """A typing error in its name is no empty run."""
    path = tmp_path / "typo.db"

    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        await read(from_database.customers(path))

    assert not path.exists()


async def test_a_bulk_sends_to_everyone_in_the_database(from_database, customers):
    """The source as a run sees it."""
    gateway = Gateway(clock=VirtualClock())
    path = customers(*((number, "Ana") for number in numbers(7)))

    async with OctopushSession(
        "me@example.org",
        "key",
        transport=SandboxTransport(gateway),
        clock=gateway.clock,
    ) as octopush:
        report = await octopush.bulk(
            "run", text="Hi {first_name}", sender="Acme", purpose="alert", batch_size=3
        ).send(from_database.customers(path))

    assert report.accepted == 7
    assert gateway.sent_log.numbers() == Counter(numbers(7))


async def test_the_example_sends_as_its_first_lines_say(
    from_database, customers, monkeypatch
):
    """Against a served gateway that the environment points to."""
    path = customers(("+33639980001", "Ada"), ("+33639980002", "Bob"))

    async with SandboxServer(gateway=Gateway()) as server:
        monkeypatch.setenv("OCTOPUSH_API_LOGIN", "me@example.org")
        monkeypatch.setenv("OCTOPUSH_API_KEY", "key")
        monkeypatch.setenv("OCTOPUSH_BASE_URL", server.url)
        with redirect_stdout(io.StringIO()) as printed:
            await from_database.main(path)

    assert printed.getvalue().startswith("accepted 2 of 2, cost ")
    assert server.gateway.sent_log.entries[0].texts == (
        "Hi Ada, your invoice for May is ready",
        "Hi Bob, your invoice for May is ready",
    )
