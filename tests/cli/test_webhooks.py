"""``octopush webhooks serve``: receipts that find their way to a ledger."""

import asyncio
import socket

import aiohttp
import pytest
from ledger_files import NUMBER, doubtful, look

from aiooctopush import (
    BatchState,
    SQLiteLedger,
)
from aiooctopush.bulk.review.inbox import ReceiptFile, ReceiptInbox
from aiooctopush.cli.targets.ledger import LedgerPlace
from aiooctopush.cli.webhooks import OptOutFile, _Inbox
from aiooctopush.sandbox import VirtualClock
from aiooctopush.webhooks import DeliveryReceipt, OptOut, Reply, UnknownCallback


@pytest.fixture
def ledger(tmp_path):
    """A file with a run whose only batch is in doubt."""
    path = tmp_path / "run.db"
    asyncio.run(doubtful(path))
    return path


def test_receipts_are_received_until_a_signal(ledger, run, visited):
    """The path has the token of the environment; the end says what was received."""
    token = "3f9c1d2e7a8b4c5d9e0f1a2b3c4d5e6f"

    async def visit(ready):
        body = {
            "channel": "sms",
            "message_id": "sms_7",
            "number": NUMBER,
            "status": "DELIVERED",
            "delivery_date": "2026-01-05 11:46:06",
        }
        async with aiohttp.ClientSession() as client:
            url = ready.split()[2]
            assert url.endswith(f"/{token}")
            answer = await client.post(url, json=body)
            assert answer.status == 200

    visited(visit)
    result = run(
        *("webhooks", "serve", "--ledger", str(ledger), "--port", "0"),
        env={"OCTOPUSH_WEBHOOK_TOKEN": token},
    )

    assert result.exit_code == 0
    assert result.stdout.endswith("\nReceived 1 receipt. Confirmed 1 batch.\n")
    assert asyncio.run(look(ledger)) == (BatchState.ACCEPTED, {"DELIVERED": 1})


def test_a_token_that_could_be_guessed_is_refused(ledger, run):
    """Nothing is served."""
    result = run(
        *("webhooks", "serve", "--ledger", str(ledger)),
        env={"OCTOPUSH_WEBHOOK_TOKEN": "secret"},
    )

    assert result.exit_code == 2
    assert "token" in result.stderr


def test_a_ledger_at_an_address_needs_no_file(run):
    """Receipts for a database are kept in memory, until they are written."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        address = "postgresql://nowhere.invalid/app"

        result = run("webhooks", "serve", "--ledger", address, "--port", port)

    assert result.exit_code == 2
    assert f"cannot listen on 127.0.0.1, port {port}" in result.stderr


class Screen:
    """Remembers what was said."""

    def __init__(self):
        self.warnings = []
        self.notes = []

    def note(self, words):
        """See `Screen.note`."""
        self.notes.append(words)

    def warn(self, words):
        """See `Screen.warn`."""
        self.warnings.append(words)


def receipt(status="DELIVERED"):
    """For the number of the run."""
    return DeliveryReceipt(ticket="sms_7", number=NUMBER, status=status)


def inbox_of(path, screen, clock=None, file=None):
    """What serves a ledger."""
    clock = clock or VirtualClock()
    inner = ReceiptInbox(LedgerPlace(str(path)).opened, clock, file)
    return _Inbox(inner, file, clock, screen)


async def test_receipts_wait_while_a_run_holds_the_ledger(tmp_path):
    """That is told once; afterwards they are written."""
    path = tmp_path / "run.db"
    await doubtful(path)
    screen = Screen()
    inbox = inbox_of(path, screen)
    await inbox.take(receipt())
    await inbox.take(OptOut(number=NUMBER))
    holder = SQLiteLedger(path)
    (held,) = await holder.runs()
    await holder.open_run(held)

    await inbox.write()
    await inbox.write()
    is_lost, words = inbox.is_lost, inbox.in_words()
    await holder.close()
    await inbox.write()
    await inbox.write()

    assert (is_lost, inbox.is_lost) == (True, False)
    assert words.endswith(" 1 could not be written, and are lost.")
    assert len(screen.warnings) == 1
    assert await look(path) == (BatchState.ACCEPTED, {"DELIVERED": 1})


async def test_receipts_that_wait_in_a_file_are_not_lost(tmp_path):
    """The end says where they are, and what writes them."""
    path = tmp_path / "run.db"
    await doubtful(path)
    file = ReceiptFile(tmp_path / "run.db-receipts")
    file.open()
    inbox = inbox_of(path, Screen(), file=file)
    await inbox.take(receipt())
    async with SQLiteLedger(path) as holder:
        (held,) = await holder.runs()
        await holder.open_run(held)
        await inbox.write()
    file.close()

    assert inbox.is_lost is False
    assert inbox.in_words() == (
        f"Received 1 receipt. Receipts remain in {file.path}. Start this command again "
        "when the run is over, and it writes them."
    )


async def test_receipts_of_others_are_counted(tmp_path):
    """They belong to no run of this ledger, and prove nothing."""
    path = tmp_path / "run.db"
    await doubtful(path)
    inbox = inbox_of(path, Screen())
    await inbox.take(receipt())
    await inbox.take(DeliveryReceipt(ticket="x", number="+33639989999", status="ACK"))

    await inbox.write()

    assert inbox.in_words() == (
        "Received 2 receipts. Confirmed 1 batch. 1 matched no batch of this ledger."
    )


async def test_nothing_is_said_of_batches_that_no_receipt_matched(tmp_path):
    """One is still in doubt, and no receipt was for it."""
    path = tmp_path / "run.db"
    await doubtful(path)
    inbox = inbox_of(path, Screen())
    await inbox.take(DeliveryReceipt(ticket="x", number="+33639989999", status="ACK"))

    await inbox.write()

    assert inbox.in_words() == "Received 1 receipt. 1 matched no batch of this ledger."


async def test_a_receipt_for_two_runs_is_said_to_be_one(tmp_path):
    """It belongs to this ledger, though nobody knows to which of the two."""
    path = tmp_path / "run.db"
    await doubtful(path)
    await doubtful(path, "again")
    inbox = inbox_of(path, Screen())
    await inbox.take(receipt())

    await inbox.write()

    assert inbox.in_words() == (
        "Received 1 receipt. 1 matched several batches, as of two runs to the same "
        "recipients, and so confirmed none. `octopush unresolved` lists the batches."
    )


async def test_a_receipt_that_nobody_waited_for(tmp_path):
    """A batch that is accepted needs no proof, and that is told."""
    path = tmp_path / "run.db"
    await doubtful(path)
    for words in (
        "Received 1 receipt. Confirmed 1 batch.",
        "Received 1 receipt. No matched batch was waiting for confirmation.",
    ):
        inbox = inbox_of(path, Screen())
        await inbox.take(receipt())
        await inbox.write()

        assert inbox.in_words() == words


async def test_receipts_are_written_now_and_then(tmp_path):
    """Together, so that a run can have the ledger in between."""
    path = tmp_path / "run.db"
    await doubtful(path)
    clock = VirtualClock()
    inbox = inbox_of(path, Screen(), clock)
    task = asyncio.create_task(inbox.write_now_and_then())
    await inbox.take(receipt())
    while inbox.is_lost:
        await asyncio.sleep(0)
    await inbox.take(receipt())
    while inbox.is_lost:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])

    assert set(clock.sleeps) == {5.0}
    assert await look(path) == (BatchState.ACCEPTED, {"DELIVERED": 1})


def test_a_file_of_receipts_has_a_name(tmp_path):
    """It lies beside the ledger."""
    assert LedgerPlace(str(tmp_path / "run.db")).path == tmp_path / "run.db"
    assert LedgerPlace("postgresql://host/db").path is None
    assert ReceiptFile(tmp_path / "x").has_more is False


async def test_opt_outs_are_appended(tmp_path):
    """Numbers of STOPs go to a private file that recipients can be read from."""
    path, screen = tmp_path / "stops.csv", Screen()
    for number in (NUMBER, "+33639980002"):
        stops = OptOutFile(path)
        place, clock = LedgerPlace(str(tmp_path / "run.db")), VirtualClock()
        inbox = _Inbox(
            ReceiptInbox(place.opened, clock, None),
            None,
            clock,
            screen,
            opt_outs=stops,
            quiet=False,
        )
        await inbox.take(OptOut(number=number, text="STOP"))
        await inbox.take(Reply(number=number, text="secret"))
        await inbox.take(receipt())
        await inbox.take(UnknownCallback(content={}))

    assert path.read_text() == f"phone_number\n{NUMBER}\n+33639980002\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert screen.notes[:4] == [
        "STOP: +336****0001",
        "Reply: +336****0001",
        "DELIVERED: +336****0001, sms_7",
        "Ignored: UnknownCallback",
    ]


def test_opt_outs_that_cannot_be_written(run, ledger, tmp_path):
    """The file is tried before anything is received."""
    path = tmp_path / "none" / "stops.csv"

    result = run("webhooks", "serve", "--ledger", ledger, "--opt-outs", path)

    assert result.exit_code == 2
    assert "stops.csv: cannot be written (No such file" in result.stderr
