"""``octopush webhooks serve``: receipts that find their way to a ledger."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from aiooctopush import (
    BatchState,
    OctopushSession,
    RetryPolicy,
    SQLiteLedger,
    UnknownOutcomeError,
)
from aiooctopush.bulk.review.inbox import ReceiptFile, ReceiptInbox
from aiooctopush.cli.targets.ledger import LedgerPlace
from aiooctopush.cli.webhooks import OptOutFile, _Inbox
from aiooctopush.sandbox import VirtualClock
from aiooctopush.webhooks import DeliveryReceipt, OptOut, Reply, UnknownCallback


NUMBER = "+33639980001"


class Silent:
    """A gateway that never answers."""

    async def send(self, request):
        """See `Transport.send`."""
        raise UnknownOutcomeError("silence")


async def doubtful(path, name="run"):
    """A run whose only batch is in doubt."""
    async with OctopushSession(
        "me", "key", transport=Silent(), clock=VirtualClock()
    ) as octopush:
        run = octopush.bulk(
            name,
            text="Hello",
            sender="Acme",
            purpose="alert",
            ledger=path,
            retry=RetryPolicy(attempts=1),
        )
        await run.send([NUMBER])


async def look(path):
    """How its only batch stands, and what was delivered."""
    async with SQLiteLedger(path, read_only=True) as ledger:
        (batch,) = [one async for one in ledger.batches("run")]
        return batch.state, await ledger.deliveries("run")


@pytest.fixture
def ledger(tmp_path):
    """A file with a run whose only batch is in doubt."""
    path = tmp_path / "run.db"
    asyncio.run(doubtful(path))
    return path


@contextmanager
def serving(*arguments, **env):
    """Serve in another process; gives its ready line, and ends it."""
    with subprocess.Popen(
        [sys.executable, "-m", "aiooctopush", "webhooks", "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | env,
    ) as process:
        try:
            yield process.stdout.readline(), process
        finally:
            process.send_signal(signal.SIGINT)
            process.told = process.communicate(timeout=15)


def test_a_receipt_proves_what_was_in_doubt(ledger, run):
    """It is written at the end at the latest, and the report shows it."""
    body = json.dumps(
        {
            "channel": "sms",
            "message_id": "sms_7",
            "number": NUMBER,
            "status": "DELIVERED",
            "delivery_date": "2026-01-05 11:46:06",
        }
    )
    with serving("--ledger", str(ledger), "--port", "0") as (ready, process):
        url = ready.split()[2]
        request = urllib.request.Request(  # noqa: S310
            url, body.encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            assert answer.status == 200

    report = run("report", str(ledger), "--html", str(ledger.with_name("r.html")))
    page = ledger.with_name("r.html").read_text()

    assert process.told[0] == "Received 1 receipt. Confirmed 1 batch.\n"
    assert process.returncode == 0
    assert asyncio.run(look(ledger)) == (BatchState.ACCEPTED, {"DELIVERED": 1})
    assert "1 × DELIVERED" in report.stdout
    assert "Latest delivery status" in page
    assert NUMBER not in page


def test_nothing_to_tell_is_told(ledger):
    """With the token of the environment."""
    token = "3f9c1d2e7a8b4c5d9e0f1a2b3c4d5e6f"
    env = {"OCTOPUSH_WEBHOOK_TOKEN": token}

    with serving("--ledger", str(ledger), "--port", "0", **env) as (ready, process):
        assert ready.endswith(f"/{token}\n")

    assert process.told == ("Received 0 receipts.\n", "")


def test_a_token_that_could_be_guessed_is_refused(ledger, run):
    """Nothing is served."""
    result = run(
        *("webhooks", "serve", "--ledger", str(ledger)),
        env={"OCTOPUSH_WEBHOOK_TOKEN": "secret"},
    )

    assert result.exit_code == 2
    assert "token" in result.stderr


def test_an_address_that_is_taken_is_told(ledger, run):
    """And nothing is lost by it."""
    with serving("--ledger", str(ledger), "--port", "0") as (ready, _):
        port = ready.split("/")[2].split(":")[1]
        other = ledger.with_name("other.db")
        shutil.copy(ledger, other)
        result = run("webhooks", "serve", "--ledger", str(other), "--port", port)

    assert result.exit_code == 2
    assert f"cannot listen on 127.0.0.1, port {port}" in result.stderr


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
        "Received 1 receipt. No batches were waiting for confirmation.",
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


def post(url, status="DELIVERED"):
    """Post a receipt as the gateway does; gives what answered it."""
    body = json.dumps(
        {
            "channel": "sms",
            "message_id": "sms_7",
            "number": NUMBER,
            "status": status,
            "delivery_date": "2026-01-05 11:46:06",
        }
    )
    request = urllib.request.Request(  # noqa: S310
        url, body.encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return answer.status


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT], ids=["kill", "stop"])
def test_no_receipt_is_lost_beside_a_run(ledger, end):
    """Answered 200 while a run held the ledger, it is written when that is over."""

    async def hold(ready, process):
        async with SQLiteLedger(ledger) as holder:
            (held,) = await holder.runs()
            await holder.open_run(held)
            answered = await asyncio.to_thread(post, ready.split()[2])
            process.send_signal(end)
            await asyncio.to_thread(process.wait)
        return answered

    with serving("--ledger", str(ledger), "--port", "0") as (ready, process):
        answered = asyncio.run(hold(ready, process))
    before = asyncio.run(look(ledger))
    with serving("--ledger", str(ledger), "--port", "0") as (_, again):
        pass

    waits = ledger.with_name("run.db-receipts")
    assert answered == 200
    assert before == (BatchState.UNKNOWN, {})
    assert asyncio.run(look(ledger)) == (BatchState.ACCEPTED, {"DELIVERED": 1})
    assert again.told[0].startswith("Received 0 receipts. Confirmed 1 batch.")
    assert not waits.exists()
    if end == signal.SIGINT:
        assert process.told[0] == (
            f"Received 1 receipt. Receipts remain in {waits}. Start this command "
            "again when "
            "the run is over, and it writes them.\n"
        )
        assert process.returncode == 0


def test_a_caller_that_does_not_finish_holds_nobody_up(ledger):
    """A callback whose body never comes: SIGTERM ends the receiver all the same."""
    with serving("--ledger", str(ledger), "--port", "0") as (ready, process):
        address = urlsplit(ready.split()[2])
        with socket.create_connection((address.hostname, address.port)) as caller:
            caller.sendall(
                f"POST {address.path} HTTP/1.1\r\nHost: me\r\n"
                "Content-Type: application/json\r\n"
                "Content-Length: 100\r\n\r\n{".encode()
            )
            # Whoever is answered after it knows that it was taken, too.
            assert post(ready.split()[2]) == 200
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=40)

    assert time.monotonic() - began < 30
    assert process.returncode == 0
    assert "Traceback" not in process.told[1]


def test_a_ledger_has_one_receiver(ledger, run):
    """Two would write over what the other one keeps."""
    with serving("--ledger", str(ledger), "--port", "0"):
        result = run("webhooks", "serve", "--ledger", str(ledger), "--port", "0")

    assert result.exit_code != 0
    assert "another process receives callbacks for this ledger" in result.stderr


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
