"""``octopush send``: one text to a few numbers."""

import json
import types
from decimal import Decimal

import pytest
from click.exceptions import Exit

from aiooctopush import (
    AuthenticationError,
    InsufficientCreditError,
    InvalidFieldError,
    NotSentError,
    request_id_for,
)
from aiooctopush.cli.terminal import prompts as _prompts
from aiooctopush.cli.terminal.console import Screen


def test_says_what_became_of_it(send, gateway):
    """One number gets one message, and the command says so."""
    result = send()

    assert result.exit_code == 0
    assert result.stdout.startswith("Accepted for 1 recipient.\n  Ticket ")
    assert "Cost            0.05 €" in result.stdout
    assert "Sent (sandbox)  1 number, each exactly once" in result.stdout
    assert result.stderr == ""
    assert gateway.sent_log.times("+33600000001") == 1


def test_sends_to_several(send, gateway):
    """--to may be repeated."""
    result = send("--to", "+33600000002")

    assert result.stdout.startswith("Accepted for 2 recipients.")
    assert gateway.sent_log.numbers() == {"+33600000001": 1, "+33600000002": 1}


def test_json_is_the_only_output(send):
    """With --json stdout holds one document: figures as numbers, money as text."""
    result = send("--json")
    told = json.loads(result.stdout)

    assert told.pop("ticket").startswith("sms_")
    assert len(told.pop("request_id")) == 32
    assert told == {
        "outcome": "accepted",
        "attempts": 1,
        "number_of_contacts": 1,
        "total_cost": "0.05",
        "number_of_sms_needed": 1,
        "residual_credit": "999.95",
        "sandbox_sent_log": {"numbers": 1, "messages": 1, "more_than_once": 0},
    }
    assert result.stderr == ""


def test_simulation_sends_nothing(send, gateway):
    """--simulate is passed on, and said first."""
    result = send("--simulate")

    assert result.stdout.startswith("Simulated: ")
    assert "empty: no message was sent" in result.stdout
    assert gateway.sent_log.entries[0].simulated


def test_sends_later(send, gateway):
    """--at is passed on with its offset."""
    result = send("--at", "2026-11-27T09:00+01:00")

    assert "to be sent at 2026-11-27T09:00:00+01:00" in result.stdout
    assert (
        gateway.sent_log.entries[0].send_at.isoformat() == "2026-11-27T09:00:00+01:00"
    )


def test_the_past_is_refused(send, gateway):
    """A moment that has passed is a mistake, and nothing is sent."""
    result = send("--at", "2020-01-01T09:00+01:00")

    assert result.exit_code == 2
    assert "--at: " in result.stderr
    assert len(gateway.sent_log) == 0


@pytest.mark.parametrize("moment", ["tomorrow", "2026-11-27T09:00"])
def test_moment_must_be_exact(send, gateway, moment):
    """A moment without its offset would be guessed by the gateway."""
    result = send("--at", moment)

    assert result.exit_code == 2
    assert moment in result.stderr
    assert len(gateway.sent_log) == 0


@pytest.mark.usefixtures("scheduled")
def test_presumed_is_not_accepted(send, gateway):
    """An unanswered try and a duplicate are told apart from a clear yes."""
    result = send("--faults", "hang_after_commit")

    assert result.exit_code == 0
    assert result.stdout.startswith("Presumed accepted: ")
    assert "Cost            not reported by the gateway" in result.stdout
    assert gateway.sent_log.times("+33600000001") == 1


def test_key_makes_the_request_id(send, gateway):
    """The same key is the same message, and a second command sends nothing."""
    first = send("--idempotency-key", "order-4711")
    second = send("--idempotency-key", "order-4711")

    assert first.exit_code == 0
    assert second.exit_code == 1
    assert "An earlier command with this key" in second.stderr
    assert [one.request_id for one in gateway.sent_log.entries] == [
        request_id_for("order-4711")
    ]


def test_request_id_is_passed_on(send, gateway):
    """An id of one's own is used as it is."""
    send("--request-id", "mine-1")

    assert gateway.sent_log.entries[0].request_id == "mine-1"


def test_refusal(send, gateway):
    """A refusal is told in a line, with its code and what became of the message."""
    gateway.credit = Decimal(0)

    result = send()

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "refused with code 104" in result.stderr
    assert "Nothing was sent." in result.stderr
    assert result.stderr.count("\n") == 1


def test_refusal_as_json(send, gateway):
    """An error is a document, too."""
    gateway.credit = Decimal(0)

    told = json.loads(send("--json", "--request-id", "mine-1").stdout)

    assert "refused with code 104" in told.pop("message")
    assert told == {
        "error": "InsufficientCreditError",
        "outcome": "refused",
        "maybe_sent": False,
        "request_id": "mine-1",
        "code": 104,
        "sandbox_sent_log": {"numbers": 0, "messages": 0, "more_than_once": 0},
    }


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NotSentError("cannot connect"), True),
        (AuthenticationError("the credentials were refused"), True),
        (InsufficientCreditError("refused"), False),
        (InvalidFieldError("text", "must be a text"), False),
    ],
    ids=["no-connection", "not-let-in", "no-credit", "bad-input"],
)
def test_who_cannot_get_through_hears_of_the_doctor(error, told, capsys):
    """It looks for the reason; where the error tells it, nobody has to look."""
    with pytest.raises(Exit):
        Screen().fail(error)

    assert ("`octopush doctor`" in capsys.readouterr().err) is told


@pytest.mark.parametrize(
    ("own", "advice"),
    [
        ((), "run the same command with --request-id "),
        (("--idempotency-key", "k"), "run the same"),
    ],
    ids=["without", "with-key"],
)
def test_unknown_outcome_tells_how_to_go_on(send, own, advice):
    """Silence is exit code 3, with the command that cannot send twice."""
    result = send("--faults", "hang_after_commit=1", *own)

    assert result.exit_code == 3
    assert "It may have been sent" in result.stderr
    assert advice in result.stderr


def test_going_on_sends_once(send, gateway):
    """The advice after silence keeps its promise."""
    unknown = send("--json", "--faults", "hang_after_commit=1")
    request_id = json.loads(unknown.stdout)["request_id"]

    send("--request-id", request_id)

    assert gateway.sent_log.times("+33600000001") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--to", "0600000001"), "--to, number 2: must start with '+'"),
        (("--sender", "A"), "--sender: must have 3 to 11"),
        (("--request-id", "a b"), "--request-id: must be 1 to 64"),
        (("--text", ""), "--text: must have 1 to 1,224 characters"),
        (
            ("--idempotency-key", "a", "--request-id", "b"),
            "--idempotency-key and --request-id exclude",
        ),
        (("--base-url", "https://x"), "--sandbox and --base-url exclude each other"),
        (("--faults", "2"), "probability: must be 0 to 1"),
        (("--to", "+33600000002") * 500, "500 numbers at most"),
    ],
    ids=str,
)
def test_bad_input_sends_nothing(send, gateway, arguments, words):
    """What is malformed is refused in the words of the command line."""
    result = send(*arguments)

    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert len(gateway.sent_log) == 0


def test_faults_need_the_sandbox(run):
    """Faults of the real gateway are its own affair."""
    result = run(*_real_send(), "--faults", "0.1")

    assert result.exit_code == 2
    assert "--faults needs --sandbox" in result.stderr


def test_private_things_stay_private(send):
    """No full number and no text gets into what is printed."""
    result = send("--to", "0699887766", "--text", "Top secret")

    assert "0699887766" not in result.output
    assert "secret" not in result.output


# --- Ctrl-C ---------------------------------------------------------------------------


@pytest.mark.usefixtures("scheduled")
def test_first_interrupt_waits_for_the_answer(send, gateway, pressing):
    """Ctrl-C does not give up knowing what became of the message."""
    result = send("--faults", "error_503", clock=pressing(1))

    assert "Press Ctrl-C again" in result.stderr
    assert result.exit_code == 0
    assert gateway.sent_log.times("+33600000001") == 1


@pytest.mark.parametrize(
    "own", [(), ("--idempotency-key", "k")], ids=["without", "with-key"]
)
def test_second_interrupt_gives_up(send, pressing, own):
    """A second Ctrl-C ends the wait, and what is known is said."""
    result = send("--faults", "hang_after_commit=1", *own, clock=pressing(2))

    assert result.exit_code == 130
    assert "The message may have been sent" in result.stderr
    assert ("run the same command again" in result.stderr) is bool(own)


def test_second_interrupt_as_json(send, pressing):
    """Programs are told, too; a third Ctrl-C changes nothing."""
    result = send("--json", "--faults", "hang_after_commit=1", clock=pressing(3))

    assert json.loads(result.stdout) == {
        "error": "Interrupted",
        "message": (
            "Interrupted before the gateway responded. The message may have been sent."
        ),
        "outcome": "unknown",
        "maybe_sent": True,
        "request_id": None,
        "code": None,
    }


# --- credentials ----------------------------------------------------------------------


def _real_send(number="+33600000001"):
    options = ("--text", "Hello", "--sender", "Acme", "--purpose", "alert")
    return ("send", "--to", number, *options)


def test_credentials_of_the_environment(run, server):
    """Login, key and address come from the environment."""
    env = {
        "OCTOPUSH_API_LOGIN": "me",
        "OCTOPUSH_API_KEY": "k3y",
        "OCTOPUSH_BASE_URL": server.url,
    }

    result = run(*_real_send(), env=env)

    assert result.exit_code == 0
    assert "Sandbox" not in result.stdout
    assert server.gateway.sent_log.times("+33600000001") == 1


def test_credentials_are_asked_for(run, server, monkeypatch):
    """On a terminal login and key are asked for, and the key is not shown."""
    terminal = types.SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr(_prompts, "sys", types.SimpleNamespace(stdin=terminal))

    result = run(*_real_send(), "--base-url", server.url, input="me\nk3y\n")

    assert result.exit_code == 0
    assert "login" in result.stderr
    assert "k3y" not in result.output
    assert server.gateway.sent_log.times("+33600000001") == 1


def test_wrong_credentials(run, server):
    """A key that the gateway refuses is exit code 1, and is not shown."""
    env = {"OCTOPUSH_API_LOGIN": "me", "OCTOPUSH_API_KEY": "wr0ng"}

    result = run(*_real_send(), "--base-url", server.url, env=env)

    assert result.exit_code == 1
    assert "wr0ng" not in result.output


def test_no_credentials_and_nobody_to_ask(run):
    """Without a terminal the missing variable is named."""
    result = run(*_real_send())

    assert result.exit_code == 2
    assert "OCTOPUSH_API_LOGIN: this environment variable is not set" in result.stderr


def test_question_can_be_left(run, monkeypatch):
    """Who ends the input at the question has sent nothing."""
    terminal = types.SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr(_prompts, "sys", types.SimpleNamespace(stdin=terminal))

    result = run(*_real_send(), input="")

    assert result.exit_code == 130
    assert "Interrupted. Nothing was sent." in result.stderr


def test_bad_address(run):
    """The key does not travel in the clear, and the words fit the command line."""
    env = {"OCTOPUSH_API_LOGIN": "me", "OCTOPUSH_API_KEY": "k3y"}

    result = run(*_real_send(), "--base-url", "http://example.org", env=env)

    assert result.exit_code == 2
    assert "--base-url: must be https" in result.stderr
    assert "allow_insecure_http" not in result.stderr


def test_a_new_sandbox_for_each_command(run):
    """Without a sandbox of a test, the command makes its own."""
    result = run(*_real_send(), "--sandbox")

    assert result.exit_code == 0


# --- further options ------------------------------------------------------------------


def test_national_numbers(send, gateway):
    """A declared country makes a national number international."""
    result = send("--to", "06 00 00 00 02", "--country", "FR")

    assert result.exit_code == 0
    assert gateway.sent_log.numbers() == {"+33600000001": 1, "+33600000002": 1}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--country", "XX"), "--country: "),
        (("--country", "FR", "--to", "12"), "--to, number 2: "),
    ],
    ids=["country", "number"],
)
def test_bad_national_numbers(send, gateway, arguments, words):
    """What cannot be read is named as it stands on the command line."""
    result = send(*arguments)

    assert result.exit_code == 2
    assert words in result.stderr
    assert len(gateway.sent_log) == 0


def test_blacklist_and_replies(send, gateway):
    """Both are passed on to the gateway."""
    gateway.blacklist.add("+33600000002")

    send("--to", "+33600000002", "--remove-blacklisted", "--with-replies")

    (entry,) = gateway.sent_log.entries
    assert entry.recipients == ("+33600000001",)


def test_cancel(send, run, gateway):
    """A scheduled message is called off by its ticket."""
    sent = json.loads(send("--at", "2026-11-27T09:00+01:00", "--json").stdout)

    result = run("cancel", sent["ticket"], "--sandbox")
    told = json.loads(run("cancel", "sms_none", "--sandbox", "--json").stdout)

    assert (result.exit_code, result.stdout) == (
        0,
        f"{sent['ticket']} is cancelled.\n",
    )
    assert gateway.sent_log.entries[0].cancelled
    assert told["outcome"] == "refused"


def test_marketing_is_wholesale(run, gateway):
    """The field's word stands for the gateway's."""
    words = ("--text", "Sale. STOP au XXXXX", "--sender", "Acme")
    to = ("--to", "+33600000001", "--purpose", "marketing")

    result = run("send", "--sandbox", *to, *words)

    assert result.exit_code == 0
    assert gateway.sent_log.entries[0].purpose == "wholesale"


def test_plain_text(run, gateway):
    """Typographic characters are sent as plain ones."""
    result = run(
        *("send", "--sandbox", "--to", "+33600000001", "--sender", "Acme"),
        *("--purpose", "alert", "--plain", "--text", "C’est l\u00a0œuvre…"),
    )

    (sent,) = gateway.sent_log.entries
    assert result.exit_code == 0, result.output
    assert sent.text == "C'est l oeuvre..."


def test_a_number_is_given_once(send, gateway):
    """However it is written: a second message to the same person is a slip."""
    result = send("--to", "+33 6 00 00 00 02", "--to", "+33600000001")

    assert result.exit_code == 2
    assert result.stderr == (
        "Error: --to, number 3: must not be the same as number 1 (got +336****0001). "
        "Nothing was sent.\n"
    )
    assert len(gateway.sent_log) == 0


def test_help_of_a_send_speaks_of_no_file(run):
    """The country is about the recipients here."""
    said = run("send", "--help").stdout

    assert "File:" not in said
    assert "--country" in said.partition("Recipients:")[2].partition("Message:")[0]
