"""
The mistakes of those who type a command, and what each of them is told.

As in ``tests/project/test_mistakes.py``: the message says what is wrong, what became of
the message that was to be sent, and what to do.
"""

import errno
import shlex
import socket

import pytest

from aiooctopush.cli.terminal.problems import cannot_listen


MESSAGE = "--sender Acme --purpose alert --text Hi"

# Without the lines on usage; MESSAGE stands for a whole one.
COMMANDS = [
    pytest.param(
        "sned",
        2,
        "No such command 'sned'. Did you mean 'send'?",
    ),
    pytest.param(
        "send --sandbox --to 0600000001 MESSAGE",
        2,
        "--to, number 1: must start with '+' and the country code; it looks like a "
        "national number: declare its country (--country FR) (got 06****01). "
        "Nothing was sent.",
    ),
    pytest.param(
        "send --sandbox --to people.csv MESSAGE",
        2,
        "--to, number 1: must be a number; for a file, use `octopush bulk FILE`. "
        "Nothing was sent.",
    ),
    pytest.param(
        "send --sandbox --to +33600000001 --sender Acme --purpose alert",
        2,
        "Missing option '--text' or '--text-file'.",
    ),
    pytest.param(
        "send --sandbox --to +33600000001 --sender My-Shop --purpose alert --text Hi",
        2,
        "--sender: must have 3 to 11 letters or digits, without accents; spaces "
        "are allowed between them (got 'My-Shop'). Nothing was sent.",
    ),
    pytest.param(
        "send --sandbox --to +33600000001 --sender Acme --purpose news --text Hi",
        2,
        "Invalid value for '--purpose': 'news' is not one of 'alert', 'wholesale', "
        "'marketing'.",
    ),
    pytest.param(
        "send --sandbox --to +33600000001 --sender Acme --purpose alert --text 'Hi "
        "{frist_name}'",
        2,
        "--text: {frist_name} is no placeholder and would be sent as it stands; "
        "did you mean {first_name}? Braces that are meant are written twice, as in "
        "{{frist_name}}. Nothing was sent.",
    ),
    pytest.param(
        "send --sandbox --to +33600000001 --sender Acme --purpose alert --text 'Hi "
        "{first_name}'",
        2,
        "--text: {first_name} has no value here; values come from a file with "
        "`octopush bulk`. Nothing was sent.",
    ),
    pytest.param(
        "send --sandbox --to +33600000001 MESSAGE --at 2027-01-01T09:00",
        2,
        "Invalid value for '--at': '2027-01-01T09:00' needs its offset, such as "
        "+01:00 at its end, or --zone Europe/Paris.",
    ),
    pytest.param(
        "send --sandbox --to +33600000001 MESSAGE --idempotency-key a --request-id b",
        2,
        "--idempotency-key and --request-id exclude each other.",
    ),
    pytest.param(
        "send --sandbox --to +33600000001 MESSAGE --faults foo=1",
        2,
        "Invalid value for '--faults': There is no fault 'foo'. The kinds are "
        "connection_refused, dns_failure, connect_timeout, tls_failure, "
        "bad_certificate, rst_accept, fin_accept, rst_after_headers, "
        "rst_after_commit, fin_after_commit, hang_before_commit, "
        "hang_after_commit, error_500, error_500_after_commit, "
        "error_502_late_commit, error_503, error_504_after_commit, throttled_429, "
        "too_early_425, timeout_408, truncated_after_commit, html_after_commit, "
        "empty_after_commit, bad_json_after_commit, no_ticket_after_commit, "
        "bad_status_line_after_commit, bad_gzip_after_commit, "
        "oversized_after_commit, slow_loris_after_commit, redirect_307, "
        "firewall_403, conflict_409.",
    ),
    pytest.param(
        "send --sandbox --to +33600000001 MESSAGE --faults 2",
        2,
        "Invalid value for '--faults': probability: must be 0 to 1, not 2.0",
    ),
    pytest.param(
        "send --to +33600000001 MESSAGE",
        2,
        "OCTOPUSH_API_LOGIN: this environment variable is not set, and there is no "
        "terminal to ask on; set it, or use --sandbox, which needs no account. "
        "Nothing was sent.",
    ),
    pytest.param(
        "balance --base-url 127.0.0.1:8025",
        2,
        "--base-url: must begin with https:// (or http:// for this machine) and "
        "name a host, such as https://api.octopush.com (got '127.0.0.1:8025'). "
        "Nothing was sent.",
    ),
    pytest.param(
        "balance --base-url http://example.org",
        2,
        "--base-url: must be https, otherwise the key crosses the network "
        "unencrypted (got 'http://example.org'). Nothing was sent.",
    ),
    pytest.param(
        "balance --base-url http://127.0.0.1:9",
        1,
        "GET /v1/public/wallet/check-balance: cannot connect to 127.0.0.1:9 "
        "(ClientConnectorError) after 4 attempts. Nothing was sent. Start "
        "`octopush sandbox`, or check --base-url and OCTOPUSH_BASE_URL.\nRun `octopush "
        "doctor` to find the reason.",
    ),
    pytest.param(
        "otp generate +33600000001 --sandbox --text 'Your code'",
        2,
        "--text: must contain {code}, for the code itself. Nothing was sent.",
    ),
    pytest.param(
        "settings set --sender Acme --sandbox --faults error_500=1",
        3,
        "PATCH /v1/public/user/campaign-parameters/edit: the gateway failed (HTTP "
        "500) after 4 attempts. It may have been done. A repeat is harmless.\nRun "
        "it again.",
    ),
    pytest.param(
        "lists create customers --sandbox --faults error_500=1",
        3,
        "POST /v1/public/contact-list/create: the gateway failed (HTTP 500). It "
        "may have been done. Check before you repeat it: this operation has no "
        "request_id that would protect a repeat.\nRunning it again is a safe check: a "
        "list that exists is refused with code 302.",
    ),
    pytest.param(
        "lists empty customers --yes --sandbox --faults error_500=1",
        3,
        "POST /v1/public/contact-list/empty: the gateway failed (HTTP 500) after 4 "
        "attempts. It may have been done. A repeat is harmless.\nRun it again.",
    ),
    pytest.param(
        "lists delete customers --yes --sandbox --faults error_500=1",
        3,
        "DELETE /v1/public/contact-list/delete: the gateway failed (HTTP 500) "
        "after 4 attempts. It may have been done. A repeat is harmless.\nRun it "
        "again.",
    ),
    pytest.param(
        "bulk nowhere.csv --sandbox MESSAGE",
        2,
        "nowhere.csv: there is no such file; check the path.\nNothing was sent.",
    ),
    pytest.param(
        "bulk wrong.csv --sandbox MESSAGE",
        2,
        "wrong.csv, line 1: has no column phone_number, only 'phone, name': if the "
        "numbers are in 'phone', say so (--column phone_number=phone).\nNothing was "
        "sent.",
    ),
    pytest.param(
        "bulk empty.csv --sandbox MESSAGE",
        2,
        "empty.csv: is empty; the first line must name the columns, such as "
        "phone_number,first_name.\nNothing was sent.",
    ),
    pytest.param(
        "bulk excel.csv --sandbox MESSAGE",
        2,
        "excel.csv, line 2: is not UTF-8: if the file comes from Excel on Windows, "
        'pass --encoding cp1252, or save it as "CSV UTF-8".\nNothing was sent.',
    ),
    pytest.param(
        "bulk people.csv --sandbox --sender Acme --purpose alert --text 'Hi "
        "{frist_name}'",
        2,
        "{frist_name} is no placeholder and would be sent as it stands; did you "
        "mean {first_name}? Braces that are meant are written twice, as in "
        "{{frist_name}}. Nothing was sent.",
    ),
    pytest.param(
        "bulk people.csv --sandbox MESSAGE --ledger people.csv",
        1,
        "people.csv: is not a ledger file, and was not changed; name another file.\n"
        "Nothing was sent.",
    ),
    pytest.param(
        "bulk people.csv --sandbox MESSAGE --ledger nowhere/run.db",
        1,
        "nowhere/run.db: its folder does not exist; create it, or name another "
        "file.\nNothing was sent.",
    ),
    pytest.param(
        "bulk people.csv --sandbox MESSAGE --max-cost cheap",
        2,
        "Invalid value for '--max-cost': 'cheap' must be an amount such as 12.50.",
    ),
    pytest.param(
        "report nowhere.db",
        1,
        "nowhere.db: there is no such ledger; check the path.",
    ),
    pytest.param(
        "report people.csv",
        1,
        "people.csv: is not a ledger file, and was not changed; name another file.",
    ),
    pytest.param(
        "sandbox --api-login me",
        2,
        "--api-login and --api-key belong together.",
    ),
    pytest.param(
        "webhooks serve",
        2,
        "Missing option '--ledger'.",
    ),
    pytest.param(
        "fleet status november",
        2,
        "Missing option '--app' (env var: 'OCTOPUSH_FLEET').",
    ),
    pytest.param(
        "fleet status november --app nowhere:fleet",
        2,
        "--app: there is no module 'nowhere' in this folder, nor among what is "
        "installed; run the command in the folder of your program.",
    ),
    pytest.param(
        "preview people.csv --text ''",
        2,
        "--text: must have 1 to 1,224 characters (got 0 characters). Nothing was sent.",
    ),
]


@pytest.fixture
def _files(tmp_path, monkeypatch):
    """Four files, of which three are not as they should be."""
    (tmp_path / "people.csv").write_text("phone_number,first_name\n+33600000001,Zoe\n")
    (tmp_path / "wrong.csv").write_text("phone,name\n+33600000001,Zoe\n")
    (tmp_path / "empty.csv").write_text("")
    excel = "phone_number,first_name\n+33600000001,Zoé\n".encode("cp1252")
    (tmp_path / "excel.csv").write_bytes(excel)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("typed", "exit_code", "message"), COMMANDS)
@pytest.mark.usefixtures("_files")
def test_a_mistake_is_answered_with_its_remedy(run, gateway, typed, exit_code, message):
    """And nothing is in the sent log."""
    account = (
        {"OCTOPUSH_API_LOGIN": "me@example.org", "OCTOPUSH_API_KEY": "key"}
        if typed.startswith("balance")
        else {"OCTOPUSH_API_LOGIN": None, "OCTOPUSH_API_KEY": None}
    )
    line = shlex.split(typed.replace("MESSAGE", MESSAGE))

    result = run(*line, env=account)

    assert result.stderr.partition("Error: ")[2] == f"{message}\n"
    assert result.exit_code == exit_code
    assert len(gateway.sent_log) == 0


@pytest.mark.parametrize(
    "command", [("sandbox",), ("webhooks", "serve", "--ledger", "run.db")]
)
@pytest.mark.usefixtures("_files")
def test_a_port_in_use_is_named_with_the_option_for_another(run, command):
    """The words of the system have an errno in them, and the address twice."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run(*command, "--port", port)

    assert result.stderr == (
        f"Error: cannot listen on 127.0.0.1, port {port}: it is in use. Choose another "
        "one with --port.\n"
    )
    assert result.exit_code == 2


def test_an_address_of_another_machine_is_named(run):
    """203.0.113.0/24 is for documents, and no machine has an address of it."""
    result = run("sandbox", "--host", "203.0.113.1", "--port", 0)

    assert result.stderr == (
        "Error: cannot listen on 203.0.113.1, port 0: it is no address of this "
        "machine. Choose another address with --host or --port.\n"
    )


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            OSError(errno.EACCES, "error while attempting to bind on address"),
            "Permission denied",
        ),
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            "Name or service not known",
        ),
    ],
)
def test_other_reasons_are_those_of_the_system(error, reason):
    """A name is looked up first, whose errors have numbers of their own."""
    assert cannot_listen("example", 80, error) == (
        f"cannot listen on example, port 80: {reason}. Choose another address with "
        "--host or --port."
    )
