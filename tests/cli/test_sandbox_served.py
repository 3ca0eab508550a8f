"""``octopush sandbox`` in a process of its own, which others send to."""

import json
import queue
import signal
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest


pytestmark = pytest.mark.exhaustive


@contextmanager
def sandbox(*arguments, end=signal.SIGINT):
    """Serve in another process; gives its address, and ends it."""
    with subprocess.Popen(
        [sys.executable, "-m", "aiooctopush", "sandbox", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        ready = process.stdout.readline()
        try:
            yield ready, process
        finally:
            process.send_signal(end)
            process.told = process.communicate(timeout=15)


def address(ready):
    """The URL in the ready line."""
    return ready.split()[4]


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=str)
def test_serves_until_interrupted(run, end):
    """One line says where it is, and one what each request met; a signal ends it."""
    env = {"OCTOPUSH_API_LOGIN": "anybody", "OCTOPUSH_API_KEY": "any"}
    message = ("--text", "Hello", "--sender", "Acme", "--purpose", "alert")
    with sandbox(end=end) as (ready, process):
        url = address(ready)
        result = run(
            "send", "--base-url", url, "--to", "+33600000001", *message, env=env
        )
        sent_log_url = f"{url}/__sandbox__/sent"
        with urllib.request.urlopen(sent_log_url, timeout=10) as answer:  # noqa: S310
            sent_log = json.load(answer)

    assert ready == f"Sandbox gateway ready on {url} (sent log: /__sandbox__/sent)\n"
    assert url.startswith("http://127.0.0.1:")
    assert result.exit_code == 0
    assert sent_log["recipients"] == 1
    assert process.told == (
        "",
        "POST /v1/public/sms-campaign/send: 201, accepted for +336****0001\n",
    )
    assert process.returncode == 0


def test_options_reach_the_gateway(run):
    """Account, law, credit and faults are those that were asked for."""
    options = (
        "--api-login",
        "me",
        "--api-key",
        "k3y",
        "--duplicate-check",
        "on-receipt",
    )
    env = {"OCTOPUSH_API_LOGIN": "me", "OCTOPUSH_API_KEY": "k3y"}
    message = ("--text", "Hello", "--sender", "Acme", "--purpose", "alert")
    with sandbox("--quiet", *options, "--credit", "0") as (ready, _):
        send = ("send", "--base-url", address(ready), "--to", "+33600000001", *message)
        stranger = run(*send, "--json", env=env | {"OCTOPUSH_API_KEY": "x"})
        poor = run(*send, "--json", "--idempotency-key", "k", env=env)
        burnt = run(*send, "--json", "--idempotency-key", "k", env=env)

    assert json.loads(stranger.stdout)["error"] == "AuthenticationError"
    assert json.loads(poor.stdout)["error"] == "InsufficientCreditError"
    assert json.loads(burnt.stdout)["error"] == "DuplicateRequestError"


@contextmanager
def receiver():
    """Take callbacks in this process; gives the URL, and a queue of what came."""
    came = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["content-length"])
            came.put((self.headers["content-type"], self.rfile.read(length)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Keep quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/octopush", came
        finally:
            server.shutdown()
            thread.join()


def post(url, body):
    """Post JSON to a control path; the status of the answer."""
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data, method="POST")  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return answer.status


SENDER = {"OCTOPUSH_API_LOGIN": "anybody", "OCTOPUSH_API_KEY": "any"}


HELLO = ("--text", "Hello", "--sender", "Acme", "--purpose", "alert")


def test_callbacks_are_posted(run):
    """Receipts as form fields, with the delay and the troubles asked for; replies."""
    options = ("--callback-format", "form", "--callback-delay", "0-0.01")
    fails = ("--callback-failures", "1", "--callback-duplicates", "1")
    with (
        receiver() as (url, came),
        sandbox("--callback-url", url, *options, *fails) as (ready, process),
    ):
        to = ("--base-url", address(ready), "--to", "+33600000001")
        sent = run("send", *to, *HELLO, env=SENDER)
        receipts = [came.get(timeout=10) for _ in range(4)]
        wanted = {"number": "+33600000001", "text": "Yes"}
        status = post(f"{address(ready)}/__sandbox__/reply", wanted)
        _, reply = came.get(timeout=10)

    assert (sent.exit_code, status) == (0, 202)
    assert {kind for kind, _ in receipts} == {"application/x-www-form-urlencoded"}
    statuses = {parse_qs(body.decode())["status"][0] for _, body in receipts}
    assert "ACK" in statuses
    assert "DELIVERED" not in statuses
    assert parse_qs(reply.decode())["text"] == ["Yes"]
    assert process.told[0] == ""


@pytest.mark.exhaustive
def test_callbacks_go_to_the_url_that_the_account_has_set():
    """And to no other."""
    with (
        receiver() as (url, came),
        sandbox("--callbacks", "--callback-delay", "0") as (ready, process),
    ):
        root = f"{address(ready)}/v1/public/"
        headers = {"api-login": "me", "api-key": "any"}

        def call(method, path, body):
            data = json.dumps(body).encode()
            request = urllib.request.Request(  # noqa: S310
                root + path, data, headers, method=method
            )
            urllib.request.urlopen(request, timeout=10).close()  # noqa: S310

        message = {"text": "Hello", "type": "sms_premium", "purpose": "alert"}
        message |= {"sender": "Acme", "recipients": [{"phone_number": "+33600000001"}]}
        call("POST", "sms-campaign/send", message)
        callbacks = {"callbacks": {"callback_url_for_deliveries": url}}
        call("PATCH", "user/campaign-parameters/edit", callbacks)
        call("POST", "sms-campaign/send", message)
        tickets = {json.loads(came.get(timeout=10)[1])["message_id"] for _ in range(2)}

    assert tickets == {"sms_5f3fbce61266f"}
    assert came.empty()
    assert process.told[0] == ""
