"""``octopush balance``, ``credits``, ``otp``, ``subaccounts`` and ``settings``."""

import json
from decimal import Decimal

import click
import pytest
from fakes import answer

from aiooctopush.api._callbacks import CallbackSettings
from aiooctopush.cli.account.callbacks import CallbackUrls
from aiooctopush.cli.account.subaccounts import PASSWORD, TOKEN
from aiooctopush.cli.app import octopush
from aiooctopush.sandbox import FaultPlan, VirtualClock


def inner(name):
    """Return the names of the commands of a group; of another command, none."""
    made = octopush.get_command(click.Context(octopush), name)
    return getattr(made, "commands", ())


@pytest.fixture
def ask(run):
    """Run a command in the sandbox."""

    def ask(*arguments, **settings):
        return run(*arguments, "--sandbox", **settings)

    return ask


def test_help_has_a_heading_for_every_command(run):
    """No command stands outside of the sections of the help."""
    assert "\nCommands:" not in run("--help").stdout


@pytest.mark.parametrize(
    "path",
    [
        (),
        *(
            path
            for name in (
                "balance",
                "credits",
                "lookup",
                "otp",
                "contacts",
                "lists",
                "subaccounts",
                "settings",
                "doctor",
            )
            for path in [
                (name,),
                *((name, one) for one in inner(name)),
            ]
        ),
    ],
    ids=lambda path: " ".join(path) or "octopush",
)
def test_help_fits(run, path):
    """Every help has an example, and fits into 80 columns."""
    result = run(*path, "--help", env={"COLUMNS": "80"})

    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0].endswith(".")
    assert "Example:" in lines
    assert max(map(len, lines)) <= 80


# --- balance --------------------------------------------------------------------------


def test_balance(ask):
    """What is left is one line."""
    result = ask("balance")

    assert (result.exit_code, result.stdout) == (0, "  Balance  1,000.00 €\n")


def test_balance_with_packs(ask):
    """The packs are a table."""
    result = ask("balance", "--details")

    assert result.stdout.splitlines()[2:] == [
        "  Pack                Credit   Expires",
        "  wallet_pack_1   1,000.00 €   2027-01-05",
    ]


def test_balance_of_a_product(ask):
    """Messages are counted in their own unit; a country may be typed small."""
    result = ask("balance", "--country", "fr", "--product", "sms_premium")

    assert result.stdout == "  Balance  20,000 sms_premium\n"


def test_balance_as_json(ask):
    """Amounts are text, instants too."""
    told = json.loads(ask("balance", "--details", "--json").stdout)

    assert told == {
        "amount": "1000.0",
        "unit": "euros",
        "wallet_packs": [
            {
                "id": "wallet_pack_1",
                "credit": "1000.0",
                "expiration_date": "2027-01-05T10:00:00+00:00",
            }
        ],
    }


class SparseGateway:
    """Says no more than it must."""

    def __init__(self, body):
        self.clock = VirtualClock()
        self._body = body

    def handle(self, request):
        """Answer everything alike."""
        return answer(200, self._body)


def test_what_the_gateway_leaves_out(ask):
    """A pack without anything is still a line."""
    gateway = SparseGateway({"amount": 3, "wallet_packs": [{}]})

    result = ask("balance", gateway=gateway)

    assert result.stdout.splitlines()[3].split() == (["-", "-", "-"])
    told = json.loads(ask("balance", "--json", gateway=gateway).stdout)
    assert told["wallet_packs"] == [
        {"id": None, "credit": None, "expiration_date": None}
    ]


def test_refusal(ask, run, server):
    """A key that the gateway refuses is exit code 1."""
    env = {"OCTOPUSH_API_LOGIN": "me", "OCTOPUSH_API_KEY": "wr0ng"}

    result = run("balance", "--base-url", server.url, env=env)

    assert result.exit_code == 1
    assert "refused" in result.stderr


def test_half_a_question(ask):
    """What is missing is named as on the command line."""
    result = ask("balance", "--product", "hlr")

    assert result.exit_code == 2
    assert "--country: --country and --product go together" in result.stderr


def test_silence_about_the_balance(ask):
    """A read that had no answer leaves nothing in doubt: exit code 1, not 3."""
    result = ask("balance", "--json", "--faults", "error_500=1")
    told = json.loads(result.stdout)

    assert result.exit_code == 1
    assert (told["error"], told["outcome"]) == ("ServerError", None)


def test_no_credentials(run):
    """Without credentials nothing is asked."""
    result = run("balance")

    assert result.exit_code == 2
    assert "OCTOPUSH_API_LOGIN" in result.stderr


# --- credits --------------------------------------------------------------------------


def test_credits(ask):
    """A row for each country."""
    result = ask("credits", "fr", "BE")

    assert [line.split()[0] for line in result.stdout.splitlines()] == [
        "Country",
        "FR",
        "BE",
    ]
    assert "20,000" in result.stdout


def test_credits_as_json(ask):
    """The same figures for programs."""
    assert json.loads(ask("credits", "--json").stdout) == {
        "countries": {
            "FR": {
                "sms_premium": 20_000,
                "sms_low_cost": 33_333,
                "voice_sms": 10_000,
                "hlr": 100_000,
            }
        }
    }


def test_credits_left_out(ask):
    """What the gateway does not count is a dash."""
    result = ask("credits", gateway=SparseGateway({"FR": {"hlr": 1}}))

    assert result.stdout.splitlines()[1].split() == ["FR", "-", "-", "-", "1"]


def test_no_credits(ask):
    """No country is no table."""
    result = ask("credits", gateway=SparseGateway({}))

    assert result.stdout == "The gateway reports no country.\n"


def test_country_that_is_none(ask):
    """It is named by its place."""
    result = ask("credits", "FR", "France")

    assert result.exit_code == 2
    assert "COUNTRY, number 2: must be two capital letters" in result.stderr


# --- Ctrl-C ---------------------------------------------------------------------------


def test_first_interrupt_waits(ask, pressing):
    """The first Ctrl-C ends the waits, and a request in flight is finished."""
    result = ask("balance", "--faults", "error_503=1", clock=pressing(1))

    assert "Press Ctrl-C again" in result.stderr
    assert result.exit_code == 130


def test_giving_up_on_a_read(ask, pressing):
    """Nothing can have been done."""
    result = ask("balance", "--json", "--faults", "error_503=1", clock=pressing(2))

    assert result.exit_code == 130
    assert json.loads(result.stdout) == {
        "error": "Interrupted",
        "message": "Interrupted before the gateway responded.",
        "outcome": None,
        "maybe_sent": False,
        "request_id": None,
        "code": None,
    }


def test_giving_up_on_a_write(ask, pressing):
    """It may have been done, and what to do about it is said."""
    changes = ("settings", "set", "--sender", "Acme")

    result = ask(*changes, "--faults", "error_503=1", clock=pressing(2))

    assert result.exit_code == 130
    assert "it may have been done" in result.stderr
    assert result.stderr.endswith("Run it again.\n")


# --- otp ------------------------------------------------------------------------------

NUMBER = "+33600000001"


def test_code_is_sent(ask, gateway):
    """A code is sent, and neither it, its token nor the whole number is shown."""
    result = ask("otp", "generate", NUMBER, "--length", 4, "--channel", "text_sms")

    (sent,) = gateway.codes
    assert result.stdout == "A code is on its way to +336****0001.\n"
    assert len(sent.code) == 4


def test_token_is_shown_if_asked_for(ask, gateway):
    """--show-secrets shows the token."""
    result = ask("otp", "generate", NUMBER, "--show-secrets")
    told = json.loads(ask("otp", "generate", NUMBER, "--show-secrets", "--json").stdout)

    first, second = gateway.codes
    assert first.token in result.stdout
    assert told == {"outcome": "accepted", "attempts": 1, "token": second.token}


def test_token_is_secret(ask):
    """Without it, programs do not see it either."""
    assert json.loads(ask("otp", "generate", NUMBER, "--json").stdout)["token"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("0600000001",), "NUMBER: must start with '+'"),
        ((NUMBER, "--length", "2"), "--length: must be a whole number from 3"),
        ((NUMBER, "--valid-for", "0"), "--valid-for: must be a whole number from 1"),
        ((NUMBER, "--sender", "A"), "--sender: must have 3 to 11"),
    ],
    ids=["number", "length", "valid-for", "sender"],
)
def test_code_that_cannot_be_sent(ask, gateway, arguments, words):
    """What is malformed is refused in the words of the command line."""
    result = ask("otp", "generate", *arguments)

    assert result.exit_code == 2
    assert words in result.stderr
    assert gateway.codes == ()


def test_code_of_unknown_outcome(ask, gateway):
    """After silence it is not repeated, and what to do is said."""
    result = ask("otp", "generate", NUMBER, "--faults", "hang_after_commit=1")

    assert result.exit_code == 3
    assert "`octopush otp validate` knows it" in result.stderr
    assert len(gateway.codes) == 1


def test_right_code(ask, gateway):
    """A right code is exit code 0."""
    ask("otp", "generate", NUMBER)

    result = ask("otp", "validate", NUMBER, gateway.codes[0].code)

    assert (result.exit_code, result.stdout) == (0, "The code is right.\n")


def test_code_from_stdin(ask, gateway):
    """What is piped in does not stand in the history of the shell."""
    ask("otp", "generate", NUMBER)

    result = ask("otp", "validate", NUMBER, input=f"{gateway.codes[0].code}\n")

    assert result.exit_code == 0


@pytest.mark.usefixtures("somebody")
def test_code_is_asked_for(ask, gateway):
    """On a terminal it is asked for."""
    ask("otp", "generate", NUMBER)

    result = ask("otp", "validate", NUMBER, input=f"{gateway.codes[0].code}\n")

    assert result.exit_code == 0
    assert "Code: " in result.stderr


def test_wrong_code(ask):
    """A wrong code is a result: exit code 1, with the attempts that are left."""
    ask("otp", "generate", NUMBER)

    result = ask("otp", "validate", NUMBER, "x00000")
    told = json.loads(ask("otp", "validate", NUMBER, "x00000", "--json").stdout)

    assert result.exit_code == 1
    assert result.stdout == "The code is wrong. 2 attempts left.\n"
    assert told == {
        "valid": False,
        "state": "wrong",
        "remaining_attempts": 1,
        "code": 199,
        "attempts": 1,
    }


def test_number_is_looked_at_before_the_code(ask):
    """Nobody types a code for a number that cannot be one."""
    result = ask("otp", "validate", "0600000001")

    assert result.exit_code == 2
    assert "NUMBER: must start with '+'" in result.stderr


# --- sub-accounts ---------------------------------------------------------------------

ADA = ("--first-name", "Ada", "--last-name", "Lovelace")
LOGIN = "sandbox1@sub-accounts.com"
SECRET = {PASSWORD: "corr3ct horse"}


@pytest.fixture
def ada(ask):
    """A sub-account."""
    ask("subaccounts", "create", *ADA, "--company", "Engines", env=SECRET)


def test_subaccount_is_created(ask):
    """Its login is said, its password comes from the environment and stays there."""
    result = ask("subaccounts", "create", *ADA, env=SECRET)

    assert result.exit_code == 0
    assert result.stdout == (f"The sub-account is created.\n  Login  {LOGIN}\n")
    assert "horse" not in result.output


@pytest.mark.usefixtures("somebody")
def test_password_is_asked_for(ask):
    """Twice, and without showing it."""
    result = ask("subaccounts", "create", *ADA, "--json", input="h0rse\nh0rse\n")

    assert json.loads(result.stdout) == {"login": LOGIN, "attempts": 1}
    assert "h0rse" not in result.output


def test_nobody_knows_the_password(ask):
    """There is no flag for it."""
    result = ask("subaccounts", "create", *ADA)

    assert result.exit_code == 2
    assert f"{PASSWORD}: this environment variable is not set" in result.stderr


def test_subaccount_without_a_name(ask):
    """Both names are needed."""
    result = ask("subaccounts", "create", "--first-name", "Ada", env=SECRET)

    assert result.exit_code == 2
    assert "Missing option '--last-name'" in result.stderr


@pytest.mark.usefixtures("ada")
def test_key_is_hidden(ask):
    """The key is shown only if somebody says so."""
    hidden = ask("subaccounts", "show", LOGIN).stdout
    shown = ask("subaccounts", "show", LOGIN, "--show-secrets").stdout

    assert "Name               Ada Lovelace" in hidden
    assert "Key                ***" in hidden
    assert "Key                key-0" in shown


@pytest.mark.usefixtures("ada")
def test_subaccount_as_json(ask):
    """Programs see the key under the same condition."""
    hidden = json.loads(ask("subaccounts", "show", LOGIN, "--json").stdout)
    shown = json.loads(
        ask("subaccounts", "show", LOGIN, "--json", "--show-secrets").stdout
    )

    assert (hidden["company_name"], hidden["api_key"]) == ("Engines", None)
    assert shown["api_key"].startswith("key-")


def test_subaccount_that_says_nothing(ask):
    """What the gateway leaves out is a dash."""
    result = ask("subaccounts", "show", LOGIN, gateway=SparseGateway({}))

    assert "Name               -" in result.stdout
    assert "Key                not reported by the gateway" in result.stdout


@pytest.mark.usefixtures("ada")
def test_subaccount_is_changed(ask):
    """What is left out stays."""
    urls = ("--replies-url", "https://example.org/t0ken")
    result = ask("subaccounts", "update", LOGIN, "--company", "Notes", *urls)
    found = ask("subaccounts", "show", LOGIN).stdout

    assert result.stdout == f"{LOGIN} is changed.\n"
    assert "Company            Notes" in found
    assert "Replies            https://example.org/***" in found


@pytest.mark.usefixtures("ada")
def test_password_is_changed(ask):
    """--new-password takes it from the same place."""
    result = ask("subaccounts", "update", LOGIN, "--new-password", env=SECRET)

    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "options: must change something"),
        (("--stops-url", "no url"), "--stops-url: must be an absolute URL"),
        (("--company", "x" * 256), "--company: must have 1 to 255"),
    ],
    ids=["nothing", "url", "company"],
)
def test_change_that_is_none(ask, arguments, words):
    """What is malformed is named as on the command line."""
    result = ask("subaccounts", "update", LOGIN, *arguments)

    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.usefixtures("ada")
def test_leave_to_move_credit(ask):
    """A token is a secret, too."""
    hidden = ask("subaccounts", "token", LOGIN)
    shown = json.loads(
        ask("subaccounts", "token", LOGIN, "--show-secrets", "--json").stdout
    )

    assert hidden.stdout == "The token allows one transfer of credit.\n  Token  ***\n"
    assert shown["token"].startswith("token-")


MOVE = ("subaccounts", "transfer", LOGIN, "--amount", "50")


@pytest.mark.usefixtures("ada", "somebody")
def test_transfer_asks_first(ask, gateway):
    """What is about to move is said, and a no moves nothing."""
    result = ask(*MOVE, "--json", input="n\n")

    assert result.exit_code == 1
    assert (
        f"Move 50 € to {LOGIN}, from the pack wallet_pack_1 (1,000.00 €)?"
        in result.stderr
    )
    assert json.loads(result.stdout)["error"] == "Declined"
    assert gateway.credit == 1000


@pytest.mark.usefixtures("ada", "somebody")
def test_transfer(ask, gateway):
    """A yes moves it, and both sides are told."""
    result = ask(*MOVE, input="y\n")

    assert result.stdout == (
        f"50 € were moved to {LOGIN}.\n"
        "  Left in the pack  950.00 €\n"
        "  Sub-account has   50.00 €\n"
    )
    assert gateway.credit == 950


@pytest.mark.usefixtures("ada")
def test_transfer_needs_a_yes(ask, gateway):
    """Where nobody can be asked, --yes has to be said."""
    result = ask(*MOVE)

    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert gateway.credit == 1000


@pytest.mark.usefixtures("somebody")
def test_question_that_is_left(ask, gateway):
    """Who ends the input at the question has moved nothing."""
    result = ask(*MOVE, input="")

    assert result.exit_code == 130
    assert gateway.credit == 1000


@pytest.mark.usefixtures("ada")
def test_transfer_as_json(ask):
    """Amounts are text."""
    told = json.loads(ask(*MOVE, "--yes", "--json").stdout)

    assert told == {
        "login": LOGIN,
        "amount": 50,
        "from_pack": "wallet_pack_1",
        "from_residual_credit": "950.0",
        "to_pack": "wallet_pack_2",
        "to_residual_credit": "50.0",
    }


@pytest.fixture
def silent_transfer(monkeypatch):
    """Have ``--faults KIND`` hit the transfer alone."""

    def parse(kind, **_):
        return FaultPlan(
            kinds=[kind], probability=1, only=lambda one: one.path.endswith("/transfer")
        )

    monkeypatch.setattr(FaultPlan, "parse", parse)


@pytest.mark.usefixtures("ada", "silent_transfer")
def test_transfer_of_unknown_outcome(ask, gateway):
    """Silence is exit code 3, money moves once, and how to check is said."""
    result = ask(*MOVE, "--yes", "--faults", "hang_after_commit")

    assert result.exit_code == 3
    assert "`octopush balance --details` shows" in result.stderr
    assert "Do not ask for a new token" in result.stderr
    assert gateway.credit == 950


@pytest.mark.usefixtures("ada")
def test_transfer_with_a_token_of_ones_own(ask, gateway):
    """The same token cannot move credit twice, and says so."""
    token = json.loads(
        ask("subaccounts", "token", LOGIN, "--show-secrets", "--json").stdout
    )["token"]

    first = ask(*MOVE, "--yes", env={TOKEN: token})
    second = ask(*MOVE, "--yes", env={TOKEN: token})

    assert first.exit_code == 0
    assert second.exit_code == 1
    assert "A transfer with this token was made before." in second.stderr
    assert gateway.credit == 950


def test_transfer_that_is_refused(ask, gateway):
    """A refusal says that nothing moved, and needs no check."""
    result = ask(*MOVE, "--yes", env={TOKEN: "made-up"})

    assert result.exit_code == 1
    assert "octopush balance" not in result.stderr
    assert gateway.credit == 1000


@pytest.mark.usefixtures("ada", "silent_transfer")
def test_transfer_that_is_given_up(ask, pressing, gateway):
    """Who does not wait for the answer is told how to check, too."""
    result = ask(*MOVE, "--yes", "--faults", "hang_after_commit", clock=pressing(2))

    assert result.exit_code == 130
    assert "`octopush balance --details` shows" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--amount", "0"), "'--amount': 0 is not in the range x>=1"),
        (("--pack", "mine"), "--pack: must be one of those there are: wallet_pack_1"),
    ],
    ids=["amount", "pack"],
)
def test_transfer_that_cannot_be(ask, arguments, words):
    """What is malformed moves nothing."""
    result = ask(*MOVE, "--yes", *arguments)

    assert result.exit_code == 2
    assert words in result.stderr


def test_transfer_without_a_pack(ask):
    """Without any pack there is nothing to pay from."""
    result = ask(*MOVE, "--yes", gateway=SparseGateway({"amount": 0}))

    assert result.exit_code == 2
    assert "there are: none" in result.stderr


@pytest.mark.usefixtures("ada")
def test_transfer_from_a_named_pack(ask):
    """The pack may be said."""
    assert ask(*MOVE, "--yes", "--pack", "wallet_pack_1").exit_code == 0


def test_transfer_of_which_little_is_said(ask):
    """What the gateway does not say is null."""
    said = {"amount": 9, "wallet_packs": [{"wallet_pack_id": "p"}], "token": "t"}

    told = json.loads(ask(*MOVE, "--yes", "--json", gateway=SparseGateway(said)).stdout)

    assert told["from_residual_credit"] is None


# --- settings -------------------------------------------------------------------------

CHANGES = (
    "settings",
    "set",
    "--alert-type",
    "sms_premium",
    "--alert-bound",
    500,
    "--alert-email",
    "ops@example.org",
    "--sender",
    "Acme",
    "--deliveries-url",
    "https://example.org/t0ken",
    "--metadata-node",
)


def test_settings_are_changed(ask):
    """What was changed is shown, URLs with their host only."""
    result = ask(*CHANGES)
    found = ask("settings", "show").stdout

    assert result.stdout == "The settings are changed.\n"
    assert "At         500 sms_premium" in found
    assert "Sender of SMS        Acme" in found
    assert "Deliveries         https://example.org/***" in found
    assert "Metadata node      yes" in found


def test_settings_of_which_there_are_none(ask):
    """What is not set is a dash."""
    assert "At         -" in ask("settings", "show").stdout


def test_settings_as_json(ask):
    """The same for programs; --show-secrets shows URLs as a whole."""
    ask(*CHANGES)
    told = json.loads(ask("settings", "show", "--json", "--show-secrets").stdout)

    assert told["alerts"]["alert_emails_to"] == ["ops@example.org"]
    assert told["defaults"]["sender_for_sms_premium"] == "Acme"
    assert told["callbacks"]["callback_url_for_deliveries"] == (
        "https://example.org/t0ken"
    )
    assert told["callbacks"]["callback_url_for_visits"] is None


def test_empty_value_removes(ask):
    """An empty value removes a callback, and nothing else."""
    ask(*CHANGES)
    ask("settings", "set", "--deliveries-url", "", "--no-metadata-node")
    found = ask("settings", "show").stdout

    assert "Deliveries         -" in found
    assert "Sender of SMS        Acme" in found
    assert "Metadata node      no" in found


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "options: must change something"),
        (("--alert-bound", "-1"), "--alert-bound: must be a whole number"),
        (("--replies-email", "nobody"), "--replies-email: must be an e-mail"),
        (("--alert-phone", "06"), "--alert-phone: must start with '+'"),
    ],
    ids=["nothing", "bound", "email", "phone"],
)
def test_settings_that_cannot_be(ask, arguments, words):
    """What is malformed is named as on the command line."""
    result = ask("settings", "set", *arguments)

    assert result.exit_code == 2
    assert words in result.stderr


def test_bound_of_which_the_product_is_unknown(ask):
    """A bound without its product is still shown."""
    gateway = SparseGateway({"sms_campaign_alert_parameters": {"alert_bound": 5}})

    assert "At         5 left" in ask("settings", "show", gateway=gateway).stdout


def test_address_that_is_none():
    """What the gateway holds for a URL is hidden if it cannot be taken apart."""
    callbacks = CallbackSettings(
        callback_url_for_inbounds="http://[",
        callback_url_for_sms_deliveries="https://example.org/t0ken",
    )

    urls = CallbackUrls.of(callbacks, whole=False).as_dict()

    assert urls["callback_url_for_inbounds"] == "***"
    assert urls["callback_url_for_sms_deliveries"] == "https://example.org/***"


def test_credit_runs_dry(ask, gateway):
    """A transfer of more than there is moves nothing."""
    ask("subaccounts", "create", *ADA, env=SECRET)
    gateway.credit = Decimal(10)

    result = ask(*MOVE, "--yes")

    assert result.exit_code == 1
    assert gateway.credit == 10
