"""Receipts that wait for a ledger, in a file or in memory: none is lost in silence."""

import asyncio
import errno
import fcntl
import os
import sys
from contextlib import asynccontextmanager

import pytest

from aiooctopush.bulk.review import inbox as inbox_module
from aiooctopush.bulk.review.inbox import InboxFullError, ReceiptFile, ReceiptInbox
from aiooctopush.ledgers.records import LedgerError
from aiooctopush.sandbox import VirtualClock
from aiooctopush.webhooks import DeliveryReceipt, DeliveryStatus


# A test looks at its file from within the loop.
pytestmark = pytest.mark.usefixtures("may_block")


def receipt(number=1, status=DeliveryStatus.DELIVERED):
    """For one of many numbers."""
    return DeliveryReceipt(ticket="sms_1", number=f"+3363998{number:04}", status=status)


class Taker:
    """A matcher that remembers, and may be held by a run."""

    def __init__(self):
        self.got = []
        self.problem = None
        self.entered = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    @asynccontextmanager
    async def opened(self):
        """A ledger, unless a run holds it."""
        if self.problem is not None:
            raise self.problem
        yield self

    async def take(self, receipts):
        """Be the matcher, too."""
        self.entered.set()
        await self.go.wait()
        self.got += receipts


@pytest.fixture
def ledger(monkeypatch):
    """Where receipts go in the end."""
    taker = Taker()
    taker.ledger, taker.proven, taker.unmatched = None, 0, 0
    monkeypatch.setattr(inbox_module, "ReceiptMatcher", lambda *_: taker)
    return taker


@pytest.fixture
def file(tmp_path):
    """A file of receipts, open."""
    file = ReceiptFile(tmp_path / "run.db-receipts")
    file.open()
    yield file
    file.close()


async def test_what_was_taken_is_put_to_the_ledger_in_its_order(ledger, file):
    """And then the file is empty; closed, it is gone."""
    inbox = ReceiptInbox(ledger.opened, VirtualClock(), file)
    await asyncio.gather(*(inbox.take(receipt(n)) for n in range(50)))
    on_disk = len(file.path.read_bytes().splitlines())
    await inbox.write()
    size = file.path.stat().st_size
    file.close()

    assert on_disk == 50
    assert ledger.got == [receipt(n) for n in range(50)]
    assert (inbox.taken, inbox.is_waiting, size) == (50, False, 0)
    assert not file.path.exists()


async def test_what_a_kill_left_is_found_by_the_next(ledger, file, tmp_path):
    """But for the last line, if it was cut off: nobody was told that it was kept."""
    inbox = ReceiptInbox(ledger.opened, VirtualClock(), file)
    await inbox.take(receipt(1))
    await inbox.take(receipt(2, "SOMETHING ELSE"))
    with file.path.open("ab") as end:
        end.write(b'["sms_1", "+336')
    os.close(file._descriptor)  # as a kill would
    file._descriptor = None
    again = ReceiptFile(file.path)
    again.open()
    inbox = ReceiptInbox(ledger.opened, VirtualClock(), again)
    await inbox.take(receipt(3))
    await inbox.write()
    again.close()

    assert ledger.got == [receipt(1), receipt(2, "SOMETHING ELSE"), receipt(3)]


async def test_what_comes_while_the_ledger_is_written_is_not_forgotten(ledger, file):
    """Each of them is written, and nothing twice."""
    ledger.go.clear()
    inbox = ReceiptInbox(ledger.opened, VirtualClock(), file)
    await inbox.take(receipt(1))
    writing = asyncio.create_task(inbox.write())
    await ledger.entered.wait()
    await inbox.take(receipt(2))
    ledger.go.set()
    await writing

    assert ledger.got == [receipt(1), receipt(2)]
    assert not inbox.is_waiting


@pytest.mark.parametrize("where", ["file", "memory"])
async def test_what_a_ledger_does_not_take_goes_on_waiting(ledger, file, where):
    """It is put to it again, whole."""
    inbox = ReceiptInbox(
        ledger.opened, VirtualClock(), file if where == "file" else None
    )
    await inbox.take(receipt(1))
    ledger.problem = LedgerError("a run holds it")
    with pytest.raises(LedgerError):
        await inbox.write()
    waited, in_memory = inbox.is_waiting, inbox.in_memory
    ledger.problem = None
    await inbox.write()

    assert (waited, in_memory) == (True, 0 if where == "file" else 1)
    assert ledger.got == [receipt(1)]
    assert (inbox.is_waiting, inbox.proven, inbox.unmatched) == (False, 0, 0)


async def test_memory_that_is_full_takes_no_more(ledger, monkeypatch):
    """Whoever posts is told, and nothing that was taken is dropped."""
    monkeypatch.setattr(inbox_module, "IN_MEMORY_AT_MOST", 2)
    inbox = ReceiptInbox(ledger.opened, VirtualClock())
    await inbox.take(receipt(1))
    await inbox.take(receipt(2))
    with pytest.raises(InboxFullError):
        await inbox.take(receipt(3))
    await inbox.write()

    assert ledger.got == [receipt(1), receipt(2)]
    assert inbox.taken == 2


async def test_a_disk_that_is_full_refuses_and_keeps_nothing(ledger, file, monkeypatch):
    """Half a line that it took is cut off again; the next one is whole."""
    inbox = ReceiptInbox(ledger.opened, VirtualClock(), file)
    await inbox.take(receipt(1))
    real = os.write

    def full(descriptor, data):
        if len(data) > 20:
            return real(descriptor, data[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    answers = await asyncio.gather(
        *(inbox.take(receipt(n)) for n in (2, 3)), return_exceptions=True
    )
    monkeypatch.undo()
    monkeypatch.setattr(inbox_module, "ReceiptMatcher", lambda *_: ledger)
    await inbox.take(receipt(4))
    await inbox.write()

    assert [type(answer) for answer in answers] == [OSError, OSError]
    assert ledger.got == [receipt(1), receipt(4)]
    assert inbox.taken == 2


def test_a_file_has_one_who_writes_to_it(file):
    """Another process would empty it."""
    with pytest.raises(LedgerError, match="another process receives callbacks"):
        ReceiptFile(file.path).open()


def test_a_place_that_cannot_hold_a_file_is_named(tmp_path, monkeypatch):
    """Nothing is received that could not be kept."""
    with pytest.raises(LedgerError, match="receipts cannot be stored there"):
        ReceiptFile(tmp_path / "none" / "x").open()
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(LedgerError, match="receipts cannot be stored there"):
        ReceiptFile(tmp_path / "x").open()


def test_a_disk_without_locks_is_refused(tmp_path, monkeypatch):
    """Scripted: some network drives have none."""

    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)

    with pytest.raises(LedgerError, match="receipts cannot be stored there"):
        ReceiptFile(tmp_path / "x").open()


def test_a_file_that_is_not_open_is_told_so(tmp_path):
    """It is opened once, and closed as often as one likes."""
    file = ReceiptFile(tmp_path / "x")
    file.close()

    with pytest.raises(LedgerError, match="is not open"):
        file.add([receipt()])


async def test_whoever_comes_meanwhile_is_written_for_by_the_next(
    ledger, file, monkeypatch
):
    """One write holds them all; whoever comes to it later has nothing to do."""
    inbox = ReceiptInbox(ledger.opened, VirtualClock(), file)
    synced, real = [], os.fsync

    def fsync(descriptor):
        synced.append(file.path.read_bytes().count(b"\n"))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    async with inbox._adding:
        taking = [asyncio.create_task(inbox.take(receipt(n))) for n in range(3)]
        await asyncio.sleep(0)
    await asyncio.gather(*taking)

    assert (synced, inbox.taken) == ([3], 3)


def test_a_file_that_was_closed_in_order_is_gone_on_with_as_it_is(file):
    """Its last line is whole, and nothing is put behind it."""
    file.add([receipt(1)])
    file.close()
    before = file.path.read_bytes()
    file.open()

    assert file.path.read_bytes() == before
    assert file.next() == ([receipt(1)], len(before))


async def test_only_this_user_may_read_the_file(ledger, file):
    """It holds phone numbers."""
    inbox = ReceiptInbox(ledger.opened, VirtualClock(), file)
    await inbox.take(receipt(1))

    assert file.path.stat().st_mode & 0o777 == 0o600
