"""A look before anything is sent: what is refused, shown and asked."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from aiooctopush.api.sms import Message
from aiooctopush.cli.bulk.record import default_name
from aiooctopush.session import BASE_URL


ACCOUNT = {"OCTOPUSH_API_LOGIN": "me", "OCTOPUSH_API_KEY": "k3y"}


@pytest.fixture
def real(run, server):
    """Run ``octopush bulk`` against a gateway on a port, as against the real one."""

    def real(path, *arguments, text="Hello {first_name}", **settings):
        return run(
            "bulk",
            path,
            *("--sender", "Acme", "--purpose", "alert", "--text", text),
            *arguments,
            env=ACCOUNT | {"OCTOPUSH_BASE_URL": server.url},
            **settings,
        )

    return real


def sent_log(server):
    """How often each number got a message."""
    return server.gateway.sent_log.numbers()


# --- what is refused ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hi {prenom}", "did you mean {first_name}?"),
        ("Hi {param1}", "{param1}, for which the file has no column"),
        ("   ", "must not consist of spaces only"),
    ],
    ids=["unknown", "no-column", "blank"],
)
def test_text_that_nobody_can_want(real, people, server, text, words):
    """It is refused before anything is sent, whoever it would go to."""
    result = real(people(), text=text)

    assert result.exit_code == 2
    assert words in result.stderr
    assert sent_log(server) == {}


def test_instant_in_the_past(real, people, server):
    """The gateway would send at once."""
    result = real(people(), "--at", "2020-01-01T00:00Z")

    assert result.exit_code == 2
    assert "past" in result.stderr
    assert sent_log(server) == {}


def test_marketing_without_the_mention(real, people, server):
    """The gateway refuses it for French numbers, and so it is not asked."""
    result = real(people(), "--purpose", "wholesale")

    assert result.exit_code == 2
    assert "STOP au XXXXX" in result.stderr
    assert sent_log(server) == {}


def test_values_that_most_lack(real, people, server):
    """That is taken for a mistake."""
    path = people(lines=["+33600000001,Ada", "+33600000002,", "+33600000003,"])

    result = real(path)

    assert result.exit_code == 2
    assert "have no value for {first_name}" in result.stderr
    assert sent_log(server) == {}


def test_values_that_a_few_lack(real, people, server):
    """They are left out and listed, and the exit code says so."""
    path = people(lines=["+33600000001,Ada", "+33600000002,Bob", "+33600000003,"])

    result = real(path)

    assert result.exit_code == 1
    assert "line 4, column first_name" in result.stderr
    assert sent_log(server) == {"+33600000001": 1, "+33600000002": 1}


@pytest.mark.parametrize(
    ("mode", "sent"), [("skip", 1), ("send", 3), ("error", 0)], ids=str
)
def test_on_missing(real, people, server, mode, sent):
    """It is for the caller to say."""
    path = people(lines=["+33600000001,Ada", "+33600000002,", "+33600000003,"])

    real(path, "--on-missing", mode)

    assert len(sent_log(server)) == sent


def test_ledger_and_none(real, people, tmp_path):
    """One cannot have both."""
    result = real(people(), "--ledger", tmp_path / "run.db", "--no-ledger")

    assert result.exit_code == 2
    assert "--ledger and --no-ledger exclude each other." in result.stderr


# --- when it goes out -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--at", "2027-03-28 09:00", "--zone", "Europe/Paris"), "09:00 in France"),
        (("--at", "2027-03-28T08:00+01:00"), "08:00 UTC+01:00, 2027-03-28 09:00 in"),
    ],
    ids=["zone", "offset"],
)
def test_goes_out(bulk, people, options, words):
    """Both what was asked for and the time in France are shown."""
    result = bulk(people(), *options)

    assert "Goes out        2027-03-28 " in result.stdout
    assert words in result.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--at", "2027-03-28 02:30", "--zone", "Europe/Paris"), "does not exist"),
        (("--at", "2027-10-31 02:30", "--zone", "Europe/Paris"), "occurs twice"),
        (("--at", "2027-03-28 09:00"), "--zone Europe/Paris"),
        (("--at", "tomorrow"), "must be a date and time"),
        (("--at", "2027-03-28T09:00Z", "--zone", "Europe/Paris"), "exclude each other"),
        (("--zone", "Europe/Paris"), "--zone needs --at."),
        (("--at", "2027-03-28 09:00", "--zone", "Mars"), "is no time zone"),
    ],
    ids=["gap", "fold", "no-zone", "words", "both", "alone", "unknown"],
)
def test_instant_that_is_none(bulk, people, gateway, options, words):
    """It is refused, with a way out."""
    result = bulk(people(), *options)

    assert result.exit_code == 2
    assert words in result.stderr
    assert len(gateway.sent_log) == 0


# --- the text from a file -------------------------------------------------------------


@pytest.fixture
def from_file(run, people, tmp_path):
    """Send a text that stands in a file."""

    def from_file(content, *arguments):
        path = tmp_path / "text.txt"
        path.write_bytes(content)
        message = ("--sender", "Acme", "--purpose", "alert", "--text-file", path)
        return run("bulk", people(1), "--sandbox", *message, *arguments)

    return from_file


def test_text_from_a_file(from_file, gateway):
    """Line breaks within it arrive; the one at its end, and a BOM, do not."""
    result = from_file("\ufeffHello\nAda\n".encode())

    assert result.exit_code == 0
    assert gateway.sent_log.texts_to("+33600000000") == ("Hello\nAda",)


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (b"\xff\xfeH", (), "is not UTF-8"),
        (b"Hi", ("--text", "Hi"), "--text and --text-file exclude each other."),
    ],
    ids=["encoding", "both"],
)
def test_text_file_that_cannot_be_used(from_file, content, options, words):
    """The error names the file, or the options."""
    result = from_file(content, *options)

    assert result.exit_code == 2
    assert words in result.stderr


def test_text_file_that_is_not_there(run, people, tmp_path):
    """The error names it."""
    options = ("--sender", "Acme", "--purpose", "alert", "--text-file", tmp_path / "x")
    result = run("bulk", people(1), "--sandbox", *options)

    assert result.exit_code == 2
    assert "cannot be read: No such file" in result.stderr


def test_no_text_at_all(run, people):
    """Either of two options is wanted."""
    options = ("--sender", "Acme", "--purpose", "alert")
    result = run("bulk", people(1), "--sandbox", *options)

    assert "Missing option '--text' or '--text-file'." in result.stderr


# --- what is shown --------------------------------------------------------------------


def test_dry_run_sends_nothing(real, people, server):
    """It shows everything, and stops."""
    path = people(lines=["+33600000001,Ada", "+33600000001,Ada", "06,Bob"])

    result = real(path, "--dry-run", "--price", "0.05")

    assert result.exit_code == 0
    assert result.stdout.startswith(f"This would send to 1 recipient of {path}.\n")
    for words in (
        "  New         1\n",
        "  Duplicates  1 row\n",
        "  Rejected    1 row\n",
        "  1  Hello Ada\n",
        "  SMS billed  about 1\n",
        "  Cost        about 0.05 €\n",
        "  Goes out    at once\n",
        "  Cancel      not possible",
    ):
        assert words in result.stdout
    assert sent_log(server) == {}


def test_dry_run_as_json(real, people, server):
    """Programs get the figures, and no text of anybody."""
    told = json.loads(real(people(), "--dry-run", "--json").stdout)

    assert (told["new"], told["already"], told["excluded"]) == (3, 0, 0)
    assert told["sms_needed"] == 3
    assert "samples" not in told
    assert sent_log(server) == {}


def test_dry_run_of_a_second_start(real, people, server):
    """Those who had it are counted as such."""
    real(people(2))

    told = json.loads(real(people(3), "--dry-run", "--json").stdout)

    assert (told["new"], told["already"]) == (1, 2)


def test_send_that_can_be_cancelled(real, people):
    """The gateway cancels what goes to two or fewer, and is not yet on its way."""
    at = (datetime.now(UTC) + timedelta(days=2)).isoformat(timespec="minutes")

    result = real(people(2), "--at", at, "--dry-run")

    assert "octopush cancel TICKET" in result.stdout


# --- where it is recorded -------------------------------------------------------------


def test_recorded_by_default(real, run, people, server, state):
    """Each run in a file of its own, for its owner alone, found by its name."""
    result = real(people())

    (path,) = state.glob("*.db")
    assert str(path) in result.stdout
    assert path.stat().st_mode & 0o777 == 0o600
    assert f"  Run          {path.stem}\n" in run("report").stdout


def test_second_start_sends_nothing(real, people, server):
    """It says so, when it was, and how to send once more; that is no failure."""
    real(people())

    result = real(people(name="renamed.csv"))

    assert result.exit_code == 0
    assert result.stdout.startswith(
        "Nothing to send: all 3 people of renamed.csv had this text on "
    )
    assert "give this run a name of its own, such as --run week-48" in result.stdout
    assert set(sent_log(server).values()) == {1}


def test_second_start_after_the_instant(bulk, people, gateway, tmp_path):
    """Who had it is no reason to refuse; whoever is new gets nothing any more."""
    at = (gateway.clock.now() + timedelta(hours=1)).isoformat()
    options = ("--ledger", tmp_path / "run.db", "--at", at)
    bulk(people(2), *options)
    gateway.clock.advance(7_200)

    again = bulk(people(2), *options)
    added = bulk(people(3), *options)

    assert again.exit_code == 0
    assert "in the past" not in again.stderr
    assert added.exit_code == 2
    assert "would send at once. Nothing was sent now. To send to" in added.stderr
    assert "another --run name with a later --at" in added.stderr
    assert set(gateway.sent_log.numbers().values()) == {1}


def test_somebody_is_left_after_the_instant(bulk, people, gateway, tmp_path):
    """A run that was paused does not go on at another time."""
    at = (gateway.clock.now() + timedelta(hours=1)).isoformat()
    options = ("--ledger", tmp_path / "run.db", "--at", at)
    gateway.credit = Decimal(0)
    bulk(people(2), *options)
    gateway.credit = Decimal(100)
    gateway.clock.advance(7_200)

    result = bulk(people(2), *options)

    assert result.exit_code == 2
    assert "--at: has passed since this run began" in result.stderr
    assert len(gateway.sent_log) == 0


def test_instant_that_passes_meanwhile(bulk, people, gateway, tmp_path):
    """The run stands still, and the words do not say to resume it."""
    at = (gateway.clock.now() + timedelta(hours=1)).isoformat()
    slow = ("--rate", "0.0005", "--batch-size", "1", "--concurrency", "1")
    plain = bulk(people(9), "--at", at, *slow)
    ledger = tmp_path / "run.db"
    at = (gateway.clock.now() + timedelta(hours=1)).isoformat()
    kept = bulk(people(9), "--at", at, *slow, "--ledger", ledger, "--run", "x")

    words = " ".join(plain.stdout.split())
    assert plain.exit_code == 1
    assert "Paused: the time of sending has passed" in words
    assert "--exclude a file of those who had it." in words
    assert "the same command" not in words
    assert "--csv FILE --run x` lists everyone" in " ".join(kept.stdout.split())


def test_another_name_sends_once_more(real, people, server):
    """That is what it is for."""
    real(people())
    real(people(), "--run", "week-48")

    assert set(sent_log(server).values()) == {2}


def test_nothing_is_recorded_on_request(real, people, server, state):
    """The words then say until when a repeat is safe."""
    result = real(people(), "--no-ledger")

    assert result.exit_code == 0
    assert not state.exists()
    assert "Ledger" not in result.stdout


def test_sandbox_records_nothing(bulk, people, state):
    """It is for trying things."""
    bulk(people())

    assert not state.exists()


def test_name_is_made_of_the_message():
    """The same text is the same run; the file, the time and the route are not in it."""
    message = Message(text="Hi", sender="Acme", purpose="alert")
    name = default_name(message, BASE_URL)

    assert name == default_name(
        Message(
            text="Hi",
            sender="Acme",
            purpose="alert",
            type="sms_low_cost",
            send_at=datetime(2027, 1, 1, tzinfo=UTC),
        ),
        BASE_URL,
    )
    others = {
        default_name(Message(text="Ho", sender="Acme", purpose="alert"), BASE_URL),
        default_name(Message(text="Hi", sender="Acne", purpose="alert"), BASE_URL),
        default_name(Message(text="Hi", sender="Acme", purpose="wholesale"), BASE_URL),
        default_name(
            Message(text="Hi", sender="Acme", purpose="alert", simulation_mode=True),
            BASE_URL,
        ),
        default_name(message, "http://127.0.0.1:8025"),
    }
    assert len(others | {name}) == 6


@pytest.mark.parametrize("command", ["report", "rejected"])
def test_column_of_a_rejected_row(real, run, people, command):
    """What is empty is named, as while the file is checked."""
    real(people(lines=["+33600000001,Ada", "+33600000002,Bob", "+33600000003,"]))

    result = run(command)

    assert "line 4  first_name is empty, and the text uses it" in result.stdout


# --- the question ---------------------------------------------------------------------


def test_dry_run_asks_the_account(real, people, server):
    """What an SMS costs, and sends nothing."""
    result = real(people(3), "--dry-run")

    assert "  Cost        about 0.15 €\n" in result.stdout
    assert sent_log(server) == {}


def test_cost_of_a_second_start(real, people, server):
    """Those who had it cost nothing."""
    real(people(2))

    result = real(people(3), "--dry-run")

    assert "  SMS billed  about 1\n" in result.stdout
    assert "  Cost        about 0.05 €\n" in result.stdout


def test_dry_run_without_a_network(run, people):
    """The look does not need one."""
    result = run(
        "bulk",
        people(),
        *("--sender", "Acme", "--purpose", "alert", "--text", "Hi", "--dry-run"),
        env=ACCOUNT | {"OCTOPUSH_BASE_URL": "http://127.0.0.1:9"},
    )

    assert result.exit_code == 0
    assert "  Cost        unknown: " in result.stdout


@pytest.mark.parametrize(
    "text", ["Hi {{first_name}}", "Hi {first_name", "Hi [first_name]", "Hi {firstname}"]
)
@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_a_look_refuses_what_its_run_refuses(bulk, people, gateway, text, options):
    """A text that would be wrong for everybody, with one and the same advice."""
    result = bulk(people(), "--text", text, *options)

    assert result.exit_code == 2
    assert "{first_name}" in result.stderr
    assert result.stderr.endswith("Nothing was sent.\n")
    assert len(gateway.sent_log) == 0


def test_options_are_named_and_no_arguments(bulk, run, people, tmp_path):
    """By each command that repeats what the library says about a row or a text."""
    path = people(lines=["0639980001,Ada", "+33639980002,Bob"])
    ledger, page = tmp_path / "run.db", tmp_path / "page.html"
    message = ("--text", "Hi {first_name}")
    results = [
        bulk(path, *message, "--ledger", ledger),
        bulk(path, *message, "--ledger", ledger, "--json"),
        bulk(path, *message, "--dry-run"),
        bulk(path, "--text", "Hi {param1}"),
        bulk(path, "--text", "Hi {param1}", "--json"),
        run("preview", path, *message, "--price", "0.05"),
        run("preview", path, *message, "--price", "0.05", "--json"),
        run("rejected", ledger, "--csv", tmp_path / "rows.csv"),
        run("rejected", ledger, "--json"),
        run("report", ledger, "--html", page),
        run("report", ledger, "--json"),
        run("contacts", "import", path, "--list", "customers", "--sandbox"),
    ]
    files = [(tmp_path / "rows.csv").read_text("utf-8"), page.read_text("utf-8")]

    for said in [one.output for one in results] + files:
        assert "--country FR" in said or "--column param1=" in said
        assert not re.search("(country|columns)=", said)
