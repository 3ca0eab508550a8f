"""``octopush webhooks serve`` in processes of its own, which are stopped or killed."""

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
from ledger_files import NUMBER, doubtful, look

from aiooctopush import BatchState, SQLiteLedger


pytestmark = pytest.mark.exhaustive


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


def test_an_address_that_is_taken_is_told(ledger, run):
    """And nothing is lost by it."""
    with serving("--ledger", str(ledger), "--port", "0") as (ready, _):
        port = ready.split("/")[2].split(":")[1]
        other = ledger.with_name("other.db")
        shutil.copy(ledger, other)
        result = run("webhooks", "serve", "--ledger", str(other), "--port", port)

    assert result.exit_code == 2
    assert f"cannot listen on 127.0.0.1, port {port}" in result.stderr


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
