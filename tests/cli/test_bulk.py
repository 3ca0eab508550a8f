"""``octopush bulk``: one text to everyone in a file."""

import asyncio
import fcntl
import gzip
import json
import os
import types
from decimal import Decimal

import click
import pytest

from aiooctopush import OctopushSession
from aiooctopush.bulk.report import BulkReport
from aiooctopush.cli.bulk.options import duration
from aiooctopush.cli.bulk.sending import Sending
from aiooctopush.cli.bulk.summary import RunOutcome
from aiooctopush.cli.terminal.console import Screen
from aiooctopush.cli.terminal.progress import Progress
from aiooctopush.cli.wording import RunLocation
from aiooctopush.ledgers.records import LedgerError, Pause
from aiooctopush.sandbox import Gateway, VirtualClock


EXACTLY_ONCE = "each exactly once"

# What a terminal looks like to rich.
TERMINAL = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}


class Slow(VirtualClock):
    """Time passes whenever somebody looks."""

    def monotonic(self):
        """Seconds since the start."""
        self.advance(20)
        return super().monotonic()


class TouchingGateway(Gateway):
    """Calls something before its second request."""

    def __init__(self, touch, **settings):
        super().__init__(**settings)
        self._touch = touch
        self._requests = 0

    def handle(self, request):
        """Execute a request."""
        self._requests += 1
        if self._requests == 2:
            self._touch()
        return super().handle(request)


def test_sends_to_everyone(bulk, people, gateway):
    """Everyone in the file gets it once, and the sent log is the witness."""
    result = bulk(people(3_000))

    assert result.exit_code == 0
    assert result.stdout.startswith("Done: all 3,000 recipients are accepted.\n")
    assert "3,000 numbers, each exactly once" in result.stdout
    assert set(gateway.sent_log.numbers().values()) == {1}
    assert len(gateway.sent_log) == 6


def test_json_is_the_only_output(bulk, people):
    """With --json stdout holds one document, and stderr is silent."""
    path = people(3)

    result = bulk(path, "--json", "--run", "mine")
    told = json.loads(result.stdout)

    assert told == {
        "name": "mine",
        "now": {
            "items": 3,
            "new": 3,
            "already": 0,
            "duplicates": 0,
            "excluded": 0,
            "rejected": 0,
            "accepted": 3,
            "presumed": 0,
            "refused": 0,
        },
        "planned": 3,
        "batches": 1,
        "sending": 0,
        "accepted": 3,
        "presumed": 0,
        "refused": 0,
        "not_sent": 0,
        "unknown": 0,
        "already_sent": 0,
        "skipped": 0,
        "sms_needed": 3,
        "cost": "0.15",
        "unpriced": 0,
        "residual_credit": "999.85",
        "attempts": 1,
        "faults": {},
        "seconds": 0.0,
        "paused": None,
        "exhausted": True,
        "complete": True,
        "resumable": False,
        "problems": {},
        "recipients": 3,
        "interrupted": False,
        "simulated": False,
        "file": str(path),
        "ledger": None,
        "first_bad_rows": [],
        "goes_out": None,
        "error": None,
        "sandbox_sent_log": {"numbers": 3, "messages": 3, "more_than_once": 0},
    }
    assert result.stderr == ""


def test_simulation(bulk, people):
    """--simulate is passed on, and said."""
    result = bulk(people(), "--simulate")

    assert result.stdout.startswith("Simulated: the gateway would accept 3 ")
    assert "empty: no message was sent" in result.stdout


@pytest.mark.usefixtures("scheduled")
def test_survives_faults(bulk, people, gateway):
    """Faults cost tries, and nobody gets it twice."""
    result = bulk(people(3_000), "--faults", "fin_after_commit,error_503")

    assert result.exit_code == 0
    assert "Presumed accepted" in result.stdout
    assert "attempts)" in result.stdout
    assert "SMS billed         at least " in result.stdout
    assert set(gateway.sent_log.numbers().values()) == {1}


def test_same_command_sends_nothing_twice(bulk, people, gateway):
    """Without --run, file name and settings make the key."""
    path = people(1_000)
    bulk(path)

    result = bulk(path)

    assert result.exit_code == 0
    assert "Already sent    1,000" in result.stdout
    assert "use another --run" in result.stdout
    assert set(gateway.sent_log.numbers().values()) == {1}


def test_another_key_sends_again(bulk, people, gateway):
    """A new key is a new run, on purpose."""
    path = people(3)
    bulk(path)

    result = bulk(path, "--run", "once-more")

    assert "3 numbers, 3 of them more than once (6 SMS)" in result.stdout
    assert set(gateway.sent_log.numbers().values()) == {2}


def test_changed_file_keeps_what_is_the_same(bulk, people, gateway):
    """A row that is added does not send to the others again."""
    lines = [f"+336{number:08},Ada" for number in range(501)]
    bulk(people(lines=lines[:500]))

    bulk(people(lines=lines))

    assert set(gateway.sent_log.numbers().values()) == {1}


def test_other_settings_are_another_run(bulk, people):
    """Another text makes another key."""
    path = people(3)
    keys = [
        json.loads(bulk(path, "--json", text=text).stdout)["name"]
        for text in ("Hello", "Hello", "Goodbye")
    ]

    assert keys[0] == keys[1] != keys[2]
    assert len(keys[0]) == 12


# --- the file -------------------------------------------------------------------------


def test_bad_rows_are_listed_and_the_rest_is_sent(bulk, people, gateway):
    """They are no reason to let the others wait, and the exit code tells."""
    path = people(lines=["0699887766,Bob", "+33600000001,Ada"])

    result = bulk(path)

    assert result.exit_code == 1
    assert f"{path}, line 2, column phone_number: must start" in result.stderr
    assert "1 row cannot be used, first in line 2, column phone_num" in result.stderr
    assert result.stdout.startswith("Done: the recipient is accepted.\n")
    assert "Rejected        1 row\n" in result.stdout
    assert gateway.sent_log.numbers() == {"+33600000001": 1}


def test_bad_rows_that_were_left_out_as_json(bulk, people):
    """Programs get the places beside what became of the others."""
    told = json.loads(
        bulk(people(lines=["+33600000001,Ada", "06,Bob"]), "--json").stdout
    )

    assert (told["accepted"], told["now"]["rejected"]) == (1, 1)
    assert [row["line"] for row in told["first_bad_rows"]] == [3]


def test_nothing_but_bad_rows(bulk, people, gateway):
    """A file of which nothing can be used is bad input."""
    result = bulk(people(lines=["06,Ada"]))

    assert result.exit_code == 2
    assert "1 of 1 rows" in result.stderr
    assert len(gateway.sent_log) == 0


def test_bad_rows_may_be_an_error(bulk, people, gateway):
    """All of them are found before the first message leaves."""
    path = people(lines=["+33600000001,Ada", *["0699887766,Bob"] * 25])

    result = bulk(path, "--on-invalid", "error")

    assert result.exit_code == 2
    assert f"{path}, line 3, column phone_number: must start" in result.stderr
    assert result.stderr.count("column phone_number") == 20
    assert "… and 5 more." in result.stderr
    assert "25 of 26 rows" in result.stderr
    assert "0699887766" not in result.stderr
    assert len(gateway.sent_log) == 0


def test_bad_rows_as_json(bulk, people):
    """Programs get the places, too."""
    path = people(lines=["+33600000001,Ada", "0699887766,Bob"])

    result = bulk(path, "--json", "--on-invalid", "error")
    told = json.loads(result.stdout)

    assert told["error"] == "SourceError"
    assert told["outcome"] == "not_sent"
    assert told["bad_rows"] == 1
    assert told["first_bad_rows"][0]["line"] == 3
    assert told["first_bad_rows"][0]["shown"] == "06****66"
    assert "… and" not in result.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("phone_number,first_name\n", "holds no recipients"),
        ("name\nAda\n", "has no column phone_number"),
        (None, "there is no such file"),
    ],
    ids=["no-rows", "no-column", "no-file"],
)
def test_unusable_file(bulk, tmp_path, gateway, text, words):
    """A file that cannot be used is told in a line."""
    path = tmp_path / "people.csv"
    if text is not None:
        path.write_text(text)

    result = bulk(path)

    assert result.exit_code == 2
    assert words in result.stderr
    assert len(gateway.sent_log) == 0


def test_pipe_is_refused(bulk, tmp_path):
    """A pipe could be checked, or sent, but not both."""
    path = tmp_path / "pipe"
    os.mkfifo(path)

    result = bulk(path)

    assert result.exit_code == 2
    assert "a pipe only once" in result.stderr


def test_folder_is_refused(bulk, tmp_path):
    """The words of the source are used where it has some."""
    assert "is a folder" in bulk(tmp_path).stderr


def test_encoding_and_delimiter(bulk, tmp_path, gateway):
    """Files of Excel are read as it writes them."""
    path = tmp_path / "people.csv"
    path.write_bytes("phone_number|first_name\n+33600000001|Zoé\n".encode("cp1252"))

    result = bulk(path, "--encoding", "cp1252", "--delimiter", "|")

    assert result.exit_code == 0
    assert gateway.sent_log.entries[0].texts == ("Hello Zoé",)


def test_unknown_encoding(bulk, people):
    """Options of the file are checked like all others."""
    result = bulk(people(), "--encoding", "klingon")

    assert result.exit_code == 2
    assert "--encoding: must be an encoding" in result.stderr


def test_warns_of_what_is_odd(bulk, people):
    """What can be sent but may not do what is wanted is pointed out."""
    path = people(lines=["+33600000001,Ada", "+33600000001,", "+33600000002,"])

    result = bulk(path, "--on-missing", "send", text="Hi {first_name}!")

    for words in (
        "{first_name} has no value for 1 recipient, first in line 4.",
        "1 row with a number that already occurs in the file: only the first is sent.",
    ):
        assert f"Warning: {words}" in result.stderr
    assert result.exit_code == 0


def test_columns_that_are_not_used_are_named(bulk, tmp_path):
    """A misspelt column is found before it is missed."""
    path = tmp_path / "people.csv"
    path.write_text("phone_number,vorname\n+33600000001,Ada\n")

    assert "columns that are not used: 'vorname'" in bulk(path, text="Hi").stderr


# --- how runs end ---------------------------------------------------------------------


def test_out_of_credit_pauses(bulk, people, gateway):
    """The run stops cleanly, says why, and goes on with the same command."""
    gateway.credit = Decimal(50)
    path = people(3_000)

    paused = bulk(path, "--concurrency", 1)
    gateway.credit = Decimal(1_000)
    finished = bulk(path)

    assert paused.exit_code == 1
    assert paused.stdout.startswith("Paused: 1,000 of 3,000 recipients are accepted.")
    assert "Not reached     1,500" in paused.stdout
    assert "Top it up, then run the same command again." in paused.stdout
    assert finished.exit_code == 0
    assert set(gateway.sent_log.numbers().values()) == {1}
    assert len(gateway.sent_log.numbers()) == 3_000


def test_goes_on_by_itself_once_there_is_credit(bulk, people, gateway, clock):
    """With --wait-for-credit nobody need run the command again."""
    gateway.credit = Decimal(50)
    sleep = clock.sleep

    async def sleep_and_top_up(seconds):
        gateway.credit = Decimal(1_000)
        await sleep(seconds)

    clock.sleep = sleep_and_top_up

    result = bulk(people(3_000), "--wait-for-credit", "10m")

    assert result.exit_code == 0
    assert len(gateway.sent_log.numbers()) == 3_000


def test_refused_run(bulk, people, gateway):
    """A refusal is told with its reason."""
    result = bulk(people(), "--purpose", "wholesale", "--type", "sms_low_cost")

    assert result.exit_code == 1
    assert result.stdout.startswith("Done: 0 of 3 recipients are accepted.")
    assert "Why             3 × refused with code 122" in result.stdout
    assert "Warning: marketing as sms_low_cost may be refused" in result.stderr
    assert len(gateway.sent_log) == 0


def test_silence_is_in_doubt(bulk, people, gateway):
    """What nobody answered is exit code 3, and the same command settles it."""
    path = people(3)

    doubtful = bulk(path, "--faults", "hang_after_commit=1")
    bulk(path)

    assert doubtful.exit_code == 3
    assert "Unknown         3" in doubtful.stdout
    assert "Within 23 hours, run the same command again" in doubtful.stdout
    assert set(gateway.sent_log.numbers().values()) == {1}


def spoiled(bulk, path, clock, *options):
    """Send a file that nobody can read any more once some of it is sent."""

    def spoil():
        path.write_text("phone_number,first_name\nnonsense\n" * 5_000 + "\0")

    gateway = TouchingGateway(spoil, clock=clock)
    return bulk(path, *options, "--concurrency", 1, gateway=gateway)


# Python 3.11 loses the tracer of a function whose call has closed a generator early, so
# what is judged stands in functions of its own.


def test_file_that_changes_underway(bulk, people, clock):
    """What cannot be read on breaks the run off, and what was sent is told."""
    breaks_off(spoiled(bulk, people(12_000), clock, "--json"))


def breaks_off(result):
    """Judge what is told to programs."""
    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert told["error"]["error"] == "SourceError"
    assert 0 < told["accepted"] < 12_000


def test_file_that_changes_underway_in_words(bulk, people, clock):
    """People are told where it broke off."""
    path = people(12_000)

    assert spoiled(bulk, path, clock).stdout.startswith(f"Stopped: {path}, line ")


# --- Ctrl-C ---------------------------------------------------------------------------


def test_first_interrupt_finishes_what_is_underway(bulk, people, gateway, pressing):
    """Nothing new begins, no response is cut off, and the same command resumes."""
    path = people(3_000)
    faults = ("--faults", "error_503=0.9")

    stopped = bulk(path, *faults, "--concurrency", 2, clock=pressing(1))
    finished = bulk(path)

    assert stopped.exit_code == 130
    assert "Stopping once the requests in transit have ended" in stopped.stderr
    assert stopped.stdout.startswith("Interrupted: ")
    assert "run the same command again" in stopped.stdout
    assert finished.exit_code == 0
    assert len(gateway.sent_log.numbers()) == 3_000
    assert set(gateway.sent_log.numbers().values()) == {1}


def test_second_interrupt_cuts_off(bulk, people, gateway, pressing):
    """What was on its way is told apart, and settled by the same command."""
    path = people(3_000)
    faults = ("--faults", "hang_after_commit=1")

    stopped = bulk(path, *faults, clock=pressing(2))
    bulk(path)

    assert stopped.exit_code == 130
    assert "\n  Interrupted     " in stopped.stdout
    assert len(gateway.sent_log.numbers()) == 3_000
    assert set(gateway.sent_log.numbers().values()) == {1}


def test_interrupt_between_two_attempts(bulk, people, gateway, pressing):
    """The next attempt is left to the same command, which sends nothing twice."""
    path = people(3)

    stopped = bulk(path, "--faults", "error_503=0.9", clock=pressing(1))
    finished = bulk(path)

    assert (stopped.exit_code, finished.exit_code) == (130, 0)
    assert set(gateway.sent_log.numbers().values()) == {1}
    assert len(gateway.sent_log.numbers()) == 3


def test_interrupt_while_checking(bulk, people, gateway, monkeypatch):
    """Before the first message, Ctrl-C has sent nothing."""

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("aiooctopush.cli.bulk.check.check_file", interrupt)

    result = bulk(people())

    assert result.exit_code == 130
    assert "Interrupted. Nothing was sent." in result.stderr
    assert len(gateway.sent_log) == 0


# --- duplicates, formats, options -----------------------------------------------------


def test_duplicates_are_left_out(bulk, people, gateway):
    """Nobody gets it twice for standing in the file twice."""
    result = bulk(people(lines=["+33600000001,Ada"] * 3))

    assert result.exit_code == 0
    assert "Duplicates      2 rows\n" in result.stdout
    assert gateway.sent_log.numbers() == {"+33600000001": 1}


def test_duplicates_may_be_kept(bulk, people, gateway):
    """Whoever means it says so."""
    bulk(people(lines=["+33600000001,Ada"] * 2), "--on-duplicate", "keep")

    assert gateway.sent_log.numbers() == {"+33600000001": 2}


def test_duplicates_may_be_an_error(bulk, people, gateway):
    """Then nothing is sent, and the document says how many there are."""
    path = people(lines=["+33600000001,Ada"] * 3)

    result = bulk(path, "--on-duplicate", "error", "--json")

    assert result.exit_code == 2
    assert json.loads(result.stdout)["duplicates"] == 2
    assert len(gateway.sent_log) == 0


def test_no_duplicates_is_no_error(bulk, people):
    """With --on-duplicate error a file without any is sent."""
    assert bulk(people(), "--on-duplicate", "error").exit_code == 0


LINES = '{"phone_number": "+33600000001", "first_name": "Ada", "nick": "A"}\n'


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("people.jsonl", ()),
        ("people.NDJSON", ()),
        ("people.jsonl.gz", ()),
        ("people.txt", ("--format", "json")),
    ],
    ids=["jsonl", "ndjson", "gzip", "said"],
)
def test_json_lines(bulk, tmp_path, gateway, name, arguments):
    """JSON lines are known by their name, or by what is said."""
    path = tmp_path / name
    path.write_bytes(
        gzip.compress(LINES.encode()) if name.endswith("gz") else LINES.encode()
    )

    result = bulk(path, *arguments)

    assert result.exit_code == 0
    assert "not used: 'nick'" in result.stderr
    assert gateway.sent_log.entries[0].texts == ("Hello Ada",)


def test_json_lines_have_no_delimiter(bulk, tmp_path):
    """An option that means nothing is a mistake."""
    result = bulk(tmp_path / "people.jsonl", "--delimiter", ";")

    assert result.exit_code == 2
    assert "--delimiter: is for CSV" in result.stderr


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90.0), ("1.5s", 1.5), ("30m", 1_800.0), (" 2h ", 7_200.0)],
    ids=["bare", "seconds", "minutes", "hours"],
)
def test_duration(text, seconds):
    """A time is a figure, in seconds or with its unit."""
    assert duration(None, None, text) == seconds


def test_malformed_duration(bulk, people):
    """A time that is none is named with its option."""
    result = bulk(people(), "--wait-for-credit", "soon")

    assert result.exit_code == 2
    assert "'soon' must be seconds, or such as 30m or 2h" in result.stderr


def test_max_cost(bulk, people, gateway):
    """The run pauses before it costs more, and says what to do."""
    result = bulk(people(3_000), "--max-cost", "60", "--concurrency", 1)

    assert result.exit_code == 1
    assert "with a higher --max-cost or without" in result.stdout
    assert len(gateway.sent_log.numbers()) == 1_000


def test_max_cost_is_above_nothing(bulk, people):
    """A bound of nothing is a mistake, and named as it was typed."""
    result = bulk(people(), "--max-cost", "0")

    assert result.exit_code == 2
    assert "--max-cost: must be above 0 euros" in result.stderr


# --- with a ledger --------------------------------------------------------------------


@pytest.fixture
def ledger(tmp_path):
    """Where a run is written down."""
    return tmp_path / "run.db"


def test_ledger_knows_what_is_done(bulk, people, gateway, ledger):
    """The same command sends nothing twice, however late."""
    path = people(1_000)
    bulk(path, "--ledger", ledger)
    gateway.clock.jump(48 * 3600)

    result = bulk(path, "--ledger", ledger)

    assert result.exit_code == 0
    assert result.stdout.startswith(
        "Nothing to send: all 1,000 people of people.csv had this text on 5 January "
        "2026 (run "
    )
    assert "--run week-48" in result.stdout
    assert f"Ledger          {ledger}\n" in result.stdout
    assert "Duration        0:00\n" in result.stdout
    assert set(gateway.sent_log.numbers().values()) == {1}


def test_ledger_goes_on_where_it_stood(bulk, people, gateway, ledger):
    """After a pause the rest is sent, and nobody gets it twice."""
    gateway.credit = Decimal(350)
    path = people(12_000)
    paused = bulk(path, "--ledger", ledger, "--concurrency", 1)
    gateway.credit = Decimal(1_000)

    result = bulk(path, "--ledger", ledger, clock=Slow())

    assert paused.exit_code == 1
    assert result.exit_code == 0
    assert len(gateway.sent_log.numbers()) == 12_000
    assert set(gateway.sent_log.numbers().values()) == {1}


def test_interrupted_with_ledger(bulk, people, gateway, ledger, pressing):
    """What was sent is sent, and no hour is named until which to go on."""
    path = people(3_000)
    options = ("--ledger", ledger, "--concurrency", 2)

    stopped = bulk(path, *options, "--faults", "error_503=0.9", clock=pressing(1))
    finished = bulk(path, *options)

    assert stopped.exit_code == 130
    assert "run the same command again" in stopped.stdout
    assert finished.exit_code == 0
    assert set(gateway.sent_log.numbers().values()) == {1}


def test_command_to_continue_is_shown_on_a_terminal(bulk, people, pressing, ledger):
    """It can be pasted as it stands; elsewhere the text stays out of logs."""
    path = people(3_000)
    options = ("--ledger", ledger, "--faults", "error_503=0.9", "--concurrency", 2)

    result = bulk(path, *options, clock=pressing(1), env=TERMINAL | {"NO_COLOR": "1"})
    elsewhere = bulk(path, *options, clock=pressing(1))

    assert f"octopush bulk {path} --sandbox" in result.stdout
    assert "--text 'Hello {first_name}'" in result.stdout
    assert "Hello" not in elsewhere.stdout


def test_another_text_under_the_same_key_is_refused(bulk, people, gateway, ledger):
    """It is another message, and needs another key."""
    path = people()
    bulk(path, "--ledger", ledger, "--run", "mine")

    result = bulk(path, "--ledger", ledger, "--run", "mine", text="Bye")

    assert result.exit_code == 2
    assert "--run: names a run that began with another text" in result.stderr
    assert len(gateway.sent_log) == 1


def test_ledger_that_is_none(bulk, people, gateway, ledger):
    """A file of another kind is left as it is."""
    ledger.write_text("my diary, which is long enough to be looked at")

    result = bulk(people(), "--ledger", ledger)

    assert result.exit_code == 1
    assert "is not a ledger file, and was not changed" in result.stderr
    assert len(gateway.sent_log) == 0


def test_ledger_in_use(bulk, people, gateway, ledger):
    """Two commands do not share a ledger, and the words are for people."""
    bulk(people(), "--ledger", ledger)

    with ledger.with_name("run.db-lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = bulk(people(), "--ledger", ledger, "--run", "other")

    assert result.exit_code == 1
    assert "another process is writing to it; wait for it." in result.stderr
    assert len(gateway.sent_log) == 1


def test_key_of_somebody_else_pauses(bulk, people, gateway, ledger):
    """What the gateway knows and the ledger does not is for a person to judge."""
    path = people(1_000)
    bulk(path, "--run", "mine")

    result = bulk(path, "--run", "mine", "--ledger", ledger, "--concurrency", 1)

    assert result.exit_code == 1
    assert "Find out which; then run the same command again" in result.stdout
    assert "Already sent    500" in result.stdout


@pytest.mark.parametrize(
    ("paused", "stopping", "words"),
    [
        (Pause.CREDIT, False, "Waiting for credit"),
        (Pause.OUTAGE, False, "Waiting for the gateway"),
        (Pause.SECURITY, False, None),
        (Pause.CREDIT, True, None),
    ],
    ids=["credit", "outage", "security", "stopping"],
)
def test_says_what_it_waits_for(capsys, paused, stopping, words):
    """A run that stands still says so, once."""
    clock = VirtualClock()
    run = OctopushSession("me", "key", clock=clock).bulk("mine")
    screen = Screen()
    sending = Sending(run, None, screen, None, Progress(screen, clock))
    run.report.paused = paused
    sending._stopping = stopping

    sending._say_what_it_waits_for()
    sending._say_what_it_waits_for()

    said = capsys.readouterr().err
    assert said.count(words) == 1 if words else said == ""


def test_failure_before_the_start_without_ledger(capsys):
    """Without a ledger there is nowhere else to look."""
    place = RunLocation(name="mine", ledger=None)
    ending = RunOutcome(
        report=BulkReport(name="mine"),
        total=1,
        bad_rows=0,
        place=place,
        command="",
        new=1,
    )
    sending = Sending(None, None, Screen(), ending, None)

    with pytest.raises(click.exceptions.Exit):
        sending._fail(LedgerError("no room"))

    assert capsys.readouterr().err == "Error: no room.\nNothing was sent.\n"


async def test_watches_while_it_waits(monkeypatch):
    """Whoever looks at a run that waits for long is told why, in real time."""
    told = asyncio.Event()
    monkeypatch.setattr("aiooctopush.cli.bulk.sending._LOOK_EVERY_SECONDS", 0.001)
    monkeypatch.setattr(Sending, "_say_what_it_waits_for", lambda _: told.set())
    outcome = types.SimpleNamespace(done_before=0, new=1)
    run = types.SimpleNamespace(report=BulkReport(name="mine"))
    progress = Progress(Screen(), VirtualClock())
    sending = Sending(run, None, None, outcome, progress)

    with progress, sending._watching():
        await told.wait()
        told.clear()
        await told.wait()


def test_a_start_that_finds_nobody_new_compares(capsys, monkeypatch):
    """It shows how far the file is read, since nobody is sent to."""
    clock = VirtualClock()
    report = BulkReport(name="mine")
    run = types.SimpleNamespace(report=report)
    outcome = types.SimpleNamespace(done_before=5, new=0)
    screen = Screen()
    sending = Sending(run, None, screen, outcome, Progress(screen, clock), items=5)
    monkeypatch.setattr(Sending, "_look_later", lambda _: None)

    sending._look()
    sending._look()

    assert "Sending" not in capsys.readouterr().err
    assert sending._stages.label == "Comparing with the ledger"


def test_plain_text(bulk, people, gateway):
    """Values of people stay as they are."""
    path = people(lines=["+33600000001,Œdipe"])

    result = bulk(path, "--plain", text="Hi “œ” {first_name}")

    (sent,) = gateway.sent_log.entries
    assert result.exit_code == 0, result.output
    assert sent.text == 'Hi "oe" {first_name}'


@pytest.fixture
def bodies(monkeypatch):
    """What each request to the gateway says."""
    seen = []

    def handle(self, request):
        seen.append(json.loads(request.body))
        return whole(self, request)

    whole = Gateway.handle
    monkeypatch.setattr(Gateway, "handle", handle)
    return seen


def test_bulk_with_replies_and_without_the_stop_list(bulk, people, gateway, bodies):
    """Both are in each request, and the gateway leaves out whom its list holds."""
    gateway.blacklist.add("+33600000001")

    result = bulk(people(3), "--with-replies", "--remove-blacklisted")

    assert result.exit_code == 0
    assert [one["with_replies"] for one in bodies] == [True]
    assert [one["auto_remove_blacklisted_numbers"] for one in bodies] == [True]
    assert gateway.sent_log.only().recipients == ("+33600000000", "+33600000002")


def test_bulk_without_both(bulk, people, bodies):
    """Neither is asked for."""
    bulk(people(3))

    (body,) = bodies
    assert {"with_replies", "auto_remove_blacklisted_numbers"}.isdisjoint(body)
