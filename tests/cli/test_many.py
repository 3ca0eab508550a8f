"""``octopush contacts``, ``lists`` and ``lookup``: any number of items."""

import csv
import json
from decimal import Decimal

import pytest

from aiooctopush.cli.account import many as _many
from aiooctopush.cli.account.many import Problem
from aiooctopush.errors import Outcome
from aiooctopush.sandbox import FaultPlan, Gateway, GatewaySettings


@pytest.fixture
def ask(run):
    """Run a command in the sandbox."""

    def ask(*arguments, **settings):
        return run(*arguments, "--sandbox", **settings)

    return ask


@pytest.fixture
def a_few(monkeypatch):
    """Hold no more than two items at the same time."""
    monkeypatch.setattr(_many, "AT_A_TIME", 2)


def import_(ask, path, *arguments, **settings):
    """Import a file into a list."""
    return ask("contacts", "import", path, "--list", "vip", *arguments, **settings)


# --- contacts import ------------------------------------------------------------------


def test_import(ask, gateway, people):
    """Everybody in the file is in the list, with their values."""
    result = import_(ask, people(3))

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "Done: 3 contacts in the list 'vip'.\n  Accepted  3\n"
    assert len(gateway.lists["vip"]) == 3
    assert gateway.contacts["+33600000000"]["first_name"] == "Ada"


@pytest.mark.usefixtures("a_few")
def test_import_of_any_size(ask, gateway, people):
    """A file is read in parts, and all of it arrives."""
    result = import_(ask, people(5))

    assert result.exit_code == 0
    assert len(gateway.lists["vip"]) == 5


def test_bad_row_is_not_fatal(ask, gateway, people):
    """A row that cannot be used is listed with its line; the others are imported."""
    path = people(lines=["+33600000001,Ada", "0699887766,Eve", "+33600000002,Bob"])

    result = import_(ask, path)

    assert result.exit_code == 1
    assert "line 3: phone_number must start with '+'" in result.stderr
    assert "0699887766" not in result.output
    assert result.stdout.startswith("Done in part: 2 of 3.")
    assert "Not usable  1 row" in result.stdout
    assert "repeating it is harmless" in result.stdout
    assert len(gateway.lists["vip"]) == 2


def test_import_as_json(ask, people):
    """Every kind of outcome is counted, and problems are listed."""
    path = people(lines=["+33600000001,Ada", "0699887766,Eve"])

    told = json.loads(import_(ask, path, "--json").stdout)

    reason = told["problems"][0].pop("reason")
    assert reason.startswith("phone_number must start with '+'")
    assert told == {
        "accepted": 1,
        "presumed": 0,
        "refused": 0,
        "not_sent": 0,
        "unknown": 0,
        "bad_rows": 1,
        "duplicates": 0,
        "interrupted": False,
        "problems": [
            {"first": 3, "last": 3, "items": 1, "outcome": "not_sent", "code": None}
        ],
        "more_problems": 0,
        "error": None,
    }


def test_only_the_first_problems_are_shown(ask, people):
    """Twenty on the screen, two hundred for programs; all are counted."""
    path = people(lines=["06,Ada"] * 250)

    result = import_(ask, path)
    told = json.loads(import_(ask, path, "--json").stdout)

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == "… and 230 more."
    assert (len(told["problems"]), told["more_problems"]) == (200, 50)


def test_short_row(ask, people):
    """What is wrong with a row as a whole names no column."""
    result = import_(ask, people(lines=["+33600000001"]))

    assert "line 2: is the last line and ends before" in result.stderr


def test_refused_request(ask, people, gateway, clock):
    """Those of one request share its refusal, told once with their lines."""
    gateway = Gateway(GatewaySettings(most_contacts_of_list=1), clock=clock)

    result = import_(ask, people(3), gateway=gateway)

    assert result.exit_code == 1
    assert "lines 2 to 4: refused with code 304, list full" in result.stderr
    assert "Refused   3" in result.stdout


def test_import_of_unknown_outcome(ask, people):
    """Silence is exit code 3, and stops at an outage."""
    result = import_(ask, people(3), "--faults", "hang_after_commit=1")

    assert result.exit_code == 3
    assert "Unknown   3" in result.stdout


def test_wrong_key_breaks_it_off(people, run, server):
    """What would fare no better is not tried."""
    env = {"OCTOPUSH_API_LOGIN": "me", "OCTOPUSH_API_KEY": "wr0ng"}

    result = run(
        "contacts",
        "import",
        people(3),
        "--list",
        "vip",
        "--base-url",
        server.url,
        env=env,
    )

    assert result.exit_code == 1
    assert "Stopped early: POST /v1/public/contact/create" in result.stdout


@pytest.mark.usefixtures("a_few")
def test_nothing_more_after_that(ask, people):
    """After a wrong certificate the rest of the file is not read."""
    told = json.loads(
        import_(ask, people(9), "--json", "--faults", "bad_certificate=1").stdout
    )

    assert told["not_sent"] == 2
    assert told["error"]["error"] == "TransportSecurityError"


def test_empty_file(ask, people):
    """A file without contacts is a mistake."""
    result = import_(ask, people(0))

    assert result.exit_code == 2
    assert "holds no contacts. Nothing was sent." in result.stderr


def test_file_that_is_none(ask, tmp_path):
    """A file that is not there is a mistake."""
    result = import_(ask, tmp_path / "nobody.csv")

    assert result.exit_code == 2
    assert "there is no such file" in result.stderr


def test_column_that_is_not_used(ask, people):
    """It is pointed out, since it may be a misspelt one."""
    path = people(1)
    path.write_text("phone_number,vorname\n+33600000001,Ada\n", encoding="utf-8")

    assert "unused columns: 'vorname'" in import_(ask, path).stderr


def test_name_of_the_list(ask, people):
    """A name that cannot be one is refused before anything is read."""
    result = ask("contacts", "import", people(1), "--list", "x" * 31)

    assert result.exit_code == 2
    assert "--list: must have 1 to 30 characters" in result.stderr


def test_file_in_another_encoding_is_refused(ask, people, gateway):
    """If nothing could be read, nothing was sent."""
    path = people(1)
    path.write_bytes(b"phone_number,first_name\n+33600000001,Zo\xe9\n")

    result = import_(ask, path)

    assert result.exit_code == 2
    assert gateway.contacts == {}


@pytest.mark.usefixtures("a_few")
def test_file_that_breaks(ask, people, gateway):
    """What was read before a file breaks is imported, and the break is told."""
    path = people(3)
    with path.open("ab") as file:
        file.write(b"\n+33600000009,Zo\xe9\n")

    result = import_(ask, path)

    assert result.exit_code == 1
    assert result.stdout.startswith("Stopped early: ")
    assert len(gateway.contacts) == 3


@pytest.mark.usefixtures("a_few", "scheduled")
def test_first_interrupt_stops_after_the_request(ask, people, gateway, pressing):
    """Ctrl-C does not leave anybody in doubt."""
    result = import_(ask, people(5), "--faults", "error_503", clock=pressing(1))

    assert result.exit_code == 130
    assert "Press Ctrl-C again" in result.stderr
    assert result.stdout.startswith("Interrupted: 2 of 2 so far are done.")
    assert len(gateway.contacts) == 2


def test_interrupt_at_the_end(ask, people, pressing):
    """If nothing is left to be done, nothing was interrupted."""
    result = import_(ask, people(1), "--faults", "error_503=0.0", clock=pressing(1))

    assert result.exit_code == 0


def test_second_interrupt_leaves_it(ask, people, pressing):
    """What is on its way may be done."""
    result = import_(
        ask, people(2), "--faults", "hang_after_commit=1", clock=pressing(2)
    )

    assert result.exit_code == 130
    assert "Unknown   2" in result.stdout


# --- contacts delete ------------------------------------------------------------------


def test_out_of_a_list(ask, people, gateway):
    """Contacts leave a list and stay in the account, without a question."""
    import_(ask, people(2))

    result = ask("contacts", "delete", "+33600000000", "--list", "vip")

    assert result.stdout.startswith("Done: 1 contact removed from the list 'vip'.")
    assert len(gateway.lists["vip"]) == 1
    assert len(gateway.contacts) == 2


@pytest.mark.usefixtures("somebody")
@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("n", 2)])
def test_out_of_the_account(ask, people, gateway, answer, left):
    """That cannot be undone, so it asks first; a number counts once."""
    import_(ask, people(2))
    path = people(2)
    with path.open("a") as file:
        file.write("\n+33600000000,Ada\n")

    result = ask("contacts", "delete", "--file", path, input=f"{answer}\n")

    assert "Delete 2 contacts from the whole account? [y/N]" in result.stderr
    assert len(gateway.contacts) == left


def test_out_of_the_account_without_a_question(ask, people, gateway):
    """--yes is for scripts."""
    import_(ask, people(1))

    result = ask("contacts", "delete", "+33600000000", "+33600000000", "--yes")

    assert "Left out  1 duplicate" in result.stdout
    assert gateway.contacts == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Give NUMBER or --file."),
        (("+33600000000", "--file", "x.csv"), "NUMBER and --file exclude each other"),
        (("+33600000000", "06"), "NUMBER, number 2: must start with '+'"),
        (("+33600000000", "--list", ""), "--list: must have 1 to 30"),
    ],
    ids=["none", "both", "number", "list"],
)
def test_nobody_to_delete(ask, arguments, words):
    """What is malformed is refused in the words of the command line."""
    result = ask("contacts", "delete", *arguments)

    assert result.exit_code == 2
    assert words in result.stderr


# --- lists ----------------------------------------------------------------------------


def test_list_is_created(ask, gateway):
    """A list is there, and empty."""
    result = ask("lists", "create", "vip")

    assert (result.exit_code, result.stdout) == (0, "The list 'vip' is created.\n")
    assert list(gateway.lists["vip"]) == []


def test_list_is_emptied(ask, people, gateway):
    """The list stays, and so do its contacts."""
    import_(ask, people(2))

    told = json.loads(ask("lists", "empty", "vip", "--yes", "--json").stdout)

    assert told == {"list": "vip", "outcome": "accepted", "attempts": 1}
    assert (len(gateway.lists["vip"]), len(gateway.contacts)) == (0, 2)


@pytest.mark.usefixtures("somebody")
def test_list_is_emptied_for_good(ask, people, gateway):
    """Its contacts leave the account only if that is said, and asked."""
    import_(ask, people(2))

    result = ask("lists", "empty", "vip", "--delete-contacts", input="y\n")

    assert "Empty the list 'vip', and delete its contacts from" in result.stderr
    assert gateway.contacts == {}


@pytest.mark.usefixtures("somebody")
def test_list_is_deleted(ask, gateway):
    """A no leaves it there, a yes deletes it."""
    ask("lists", "create", "vip")

    no = ask("lists", "delete", "vip", input="n\n")
    yes = ask("lists", "delete", "vip", input="y\n")

    assert (no.exit_code, yes.exit_code) == (1, 0)
    assert "Nothing was changed." in no.stderr
    assert gateway.lists == {}


@pytest.mark.usefixtures("scheduled")
def test_deletion_is_presumed(ask):
    """An unanswered try and a list that is gone are told apart from a clear yes."""
    ask("lists", "create", "vip")

    result = ask("lists", "delete", "vip", "--yes", "--faults", "hang_after_commit")

    assert result.stdout.startswith("Presumed deleted: ")


def test_list_without_a_name(ask):
    """What is malformed is named as on the command line."""
    result = ask("lists", "create", "")

    assert result.exit_code == 2
    assert "NAME: must have 1 to 30 characters" in result.stderr


def test_no_list_of_lists(run):
    """That the gateway lists nothing is said."""
    assert "cannot report the lists" in run("lists", "--help").stdout


# --- lookup ---------------------------------------------------------------------------

NUMBER = "+33600000001"


@pytest.mark.usefixtures("somebody")
def test_lookup_asks_first(ask, gateway):
    """How many there are is said, and a no asks for nothing."""
    result = ask("lookup", "hlr", NUMBER, input="n\n")

    assert result.exit_code == 1
    assert "Look up 1 number, each of which costs? [y/N]" in result.stderr
    assert gateway.lookups.total() == 0


def test_lookup(ask, gateway):
    """What was found is a table; a number that is given twice is paid once."""
    result = ask("lookup", "hlr", NUMBER, NUMBER, "--yes")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Done: 1 number looked up.",
        "  Accepted  1",
        "  Left out  1 duplicate",
        "  Cost      not reported by the gateway",
        "",
        "  Number         Line   Network          Country   Ported   State   Type",
        "  +33600000001   live   Sandbox Mobile   FR        no       valid   mobile",
    ]
    assert gateway.lookups == {NUMBER: 1}


def test_simulated_lookup(ask, gateway):
    """It costs nothing, and asks nothing."""
    result = ask("lookup", "hlr", NUMBER, "--simulate")

    assert result.stdout.startswith("Simulated: 1 number, with results that are")
    assert gateway.credit == 1000


def test_mnp_names_the_price(ask):
    """The newer version of the call is asked, which says what it costs."""
    told = json.loads(ask("lookup", "mnp", NUMBER, "--yes", "--json").stdout)

    assert told["cost"] == "0.005"
    assert told["results"] == [
        {
            "phone_number": NUMBER,
            "outcome": "accepted",
            "line_status": "live",
            "network_name": "Sandbox Mobile",
            "country_code": "FR",
            "mcc": "208",
            "mnc": "08",
            "is_ported": False,
            "ported_date": None,
        }
    ]


def test_first_version_of_mnp(ask):
    """It names no price, and cannot be simulated."""
    told = json.loads(ask("lookup", "mnp", NUMBER, "--yes", "--v1", "--json").stdout)
    wrong = ask("lookup", "mnp", NUMBER, "--v1", "--simulate")

    assert told["cost"] is None
    assert wrong.exit_code == 2


def test_instants_are_text(ask, gateway):
    """What is a moment is written as one."""
    gateway.lines[NUMBER] = {"is_ported": True, "ported_date": "2020-01-02T03:04:05"}

    told = json.loads(ask("lookup", "hlr", NUMBER, "--yes", "--json").stdout)

    assert told["results"][0]["ported_date"] == "2020-01-02T03:04:05"


def test_lookup_into_a_file(ask, gateway, people, tmp_path):
    """The file is safe in a spreadsheet, and numbers keep their plus."""
    gateway.lines["+33600000000"] = {"network_name": "=1+1"}
    out = tmp_path / "lines.csv"

    result = ask("lookup", "hlr", "--file", people(2), "--yes", "--csv", out)

    with out.open(newline="") as file:
        headings, first, _ = csv.reader(file)
    assert headings[:3] == ["phone_number", "outcome", "line_status"]
    assert first[:4] == [
        "+33600000000",
        "accepted",
        "live",
        "'=1+1",
    ]
    assert f"Written to  {out}" in result.stdout
    assert out.stat().st_mode & 0o777 == 0o600


def test_file_that_cannot_be_written(ask, gateway, tmp_path):
    """Nothing is paid that could not be written down."""
    out = tmp_path / "nowhere" / "lines.csv"

    result = ask("lookup", "hlr", NUMBER, "--yes", "--csv", out)

    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
    assert gateway.lookups.total() == 0


@pytest.mark.usefixtures("a_few")
def test_what_was_paid_is_kept(ask, people, tmp_path, pressing):
    """An interrupted lookup writes what it has."""
    out = tmp_path / "lines.csv"
    ask_for = ("lookup", "mnp", "--file", people(4), "--yes", "--csv", out, "--json")

    told = json.loads(
        ask(*ask_for, "--faults", "hang_after_commit=1", clock=pressing(2)).stdout
    )

    assert (told["unknown"], told["interrupted"], told["results"]) == (2, True, None)
    assert out.read_text().count("\n") == 1


def test_lookup_adds_up(ask, people, monkeypatch):
    """The price is that of all parts."""
    monkeypatch.setattr(_many, "AT_A_TIME", 2)

    told = json.loads(
        ask("lookup", "mnp", "--file", people(3), "--yes", "--json").stdout
    )

    assert told["cost"] == "0.015"


def test_no_credit(ask, gateway, people):
    """Without credit it is broken off."""
    gateway.credit = Decimal(0)

    result = ask("lookup", "hlr", "--file", people(2), "--yes")

    assert result.exit_code == 1
    assert "lines 2 to 3: refused with code 104" in result.stderr
    assert "+33600000000   -      -" in result.stdout


@pytest.mark.parametrize(
    "lines", [[], ["06,Ada"]], ids=["no-row", "no-row-that-can-be-used"]
)
def test_nobody_to_look_up(ask, people, lines):
    """A file without numbers is a mistake."""
    result = ask("lookup", "hlr", "--file", people(lines=lines), "--yes")

    assert result.exit_code == 2
    assert "holds no number that can be used" in result.stderr
    assert ("line 2: " in result.stderr) is bool(lines)


# --- problems -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "words"),
    [(5, "line 5: no"), (6, "lines 5 to 6: no"), (5_000, "lines 5 to 5,000: no")],
)
def test_problem_in_words(last, words):
    """Neighbours share a line."""
    problem = Problem(first=5, last=last, items=2, outcome=Outcome.REFUSED, reason="no")

    assert problem.in_words("line") == words


@pytest.mark.usefixtures("a_few")
def test_outage(ask, people, monkeypatch):
    """After five requests without an answer the rest of the file is not asked."""
    monkeypatch.setattr(_many, "AT_A_TIME", 2_000)

    told = json.loads(
        import_(ask, people(3_000), "--json", "--faults", "hang_after_commit=1").stdout
    )

    assert told["unknown"] + told["not_sent"] == 2_000
    assert told["error"]["error"] == "NotSentError"


@pytest.mark.usefixtures("a_few")
def test_presumed_is_counted(ask, people, monkeypatch):
    """A good outcome is a good outcome."""
    monkeypatch.setattr(
        FaultPlan, "parse", lambda kind, **_: FaultPlan.schedule([kind, None])
    )

    told = json.loads(
        import_(ask, people(2), "--json", "--faults", "hang_after_commit").stdout
    )

    assert told["accepted"] + told["presumed"] == 2
