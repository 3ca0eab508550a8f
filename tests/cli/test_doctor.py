"""``octopush doctor``: checks, and what probes find out under either law."""

import asyncio
import json
import socket
import ssl
import types
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from fakes import ScriptedTransport, answer, refusal

from aiooctopush import OctopushSession, RetryPolicy
from aiooctopush.cli.app import octopush
from aiooctopush.cli.doctor import checks as _checks
from aiooctopush.cli.doctor import command as doctor
from aiooctopush.cli.doctor.probes import Kind, Probing, Question, Reply, send
from aiooctopush.cli.targets.gateway import Surroundings
from aiooctopush.errors import NotSentError, ServerError, UnknownOutcomeError
from aiooctopush.sandbox import (
    FaultPlan,
    Gateway,
    GatewaySettings,
    SandboxTransport,
    VirtualClock,
)
from aiooctopush.sandbox.faults import KINDS


CERTIFICATES = Path(__file__).parent.parent / "certificates"
ENV = {"OCTOPUSH_API_LOGIN": "me@example.org", "OCTOPUSH_API_KEY": "k3y"}
NO_PROXY = {
    name: None
    for upper in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
    for name in (upper, upper.lower())
}


@pytest.fixture
def check(run):
    """Run the checks in the sandbox."""

    def check(*arguments, env=None, **settings):
        env = NO_PROXY | (env or {})
        return run("doctor", "--sandbox", *arguments, env=env, **settings)

    return check


def found(result):
    """The checks of a document, by their names."""
    checks = json.loads(result.stdout)["checks"]
    return {one.pop("check"): one for one in checks}


# --- checks ---------------------------------------------------------------------------


def test_all_is_well(check):
    """Each check is a line; what is not needed is passed over."""
    result = check()

    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert [line[:16].rstrip() for line in lines] == [
        "- Credentials",
        "- Connection",
        "✓ Account",
        "✓ Clock",
        "✓ Versions",
        "✓ Proxy",
    ]
    assert "balance 1,000.00 €" in lines[2]


def test_checks_as_json(check):
    """The same for programs; without --probe there are no probes."""
    result = check("--json")
    told = json.loads(result.stdout)

    assert told["probes"] is None
    assert told["checks"][2] == {
        "check": "account",
        "state": "fine",
        "found": "login and key are accepted; balance 1,000.00 €",
        "advice": None,
    }


def test_terminal(check):
    """On a narrow terminal lines go on under their start."""
    terminal = {"FORCE_COLOR": "1", "COLUMNS": "40", "NO_COLOR": "1"}

    lines = click.unstyle(check(env=terminal).stdout).splitlines()

    assert max(map(len, lines)) <= 40
    assert lines[1].startswith(" " * 17)


def test_plain_marks(check, monkeypatch):
    """Where a stream has no such marks, there are letters."""
    plain = types.SimpleNamespace(stdout=types.SimpleNamespace(encoding="latin-1"))
    monkeypatch.setattr(doctor, "sys", plain)

    assert "\n+ Account" in check().stdout


@pytest.mark.parametrize(
    ("login", "key", "state", "words"),
    [
        (None, None, "wrong", "not set: OCTOPUSH_API_LOGIN, OCTOPUSH_API_KEY"),
        ("me@x.org", None, "wrong", "not set: OCTOPUSH_API_KEY"),
        ("me@x.org", "k3 y", "wrong", "API_KEY must be 1 to 256 visible ASCII"),
        ("me@x.org", "'k3y'", "odd", "OCTOPUSH_API_KEY holds quotes"),
        ("me", "k3y", "odd", "OCTOPUSH_API_LOGIN is not an e-mail address"),
        ("me@x.org", "k3y", "fine", "login and key are set, well-formed"),
    ],
    ids=["neither", "no-key", "space", "quotes", "no-address", "good"],
)
def test_credentials(monkeypatch, login, key, state, words):
    """Missing and malformed credentials are told apart; neither is shown."""
    for name, value in (("LOGIN", login), ("KEY", key)):
        if value is None:
            monkeypatch.delenv(f"OCTOPUSH_API_{name}", raising=False)
        else:
            monkeypatch.setenv(f"OCTOPUSH_API_{name}", value)

    seen = _checks.credentials()

    assert (str(seen.state), words in seen.found) == (state, True)
    assert "k3" not in f"{seen}"


def test_nothing_is_asked_without_credentials(run):
    """What depends on what is wrong is not tried."""
    env = NO_PROXY | {"OCTOPUSH_API_LOGIN": None, "OCTOPUSH_API_KEY": None}

    result = run("doctor", "--base-url", "ftp://x", env=env)

    assert result.exit_code == 1
    assert "✗ Connection     the address must begin with https://" in result.stdout
    assert "- Account        not checked" in result.stdout


def test_bad_address_shows_no_arguments(run):
    """The words are those of the command line."""
    result = run("doctor", "--base-url", "http://example.org", "--json", env=ENV)

    assert found(result)["connection"] == {
        "state": "wrong",
        "found": (
            "the address must be https, otherwise the key crosses the network "
            "unencrypted"
        ),
        "advice": "See --base-url and OCTOPUSH_BASE_URL.",
    }


def test_account_on_a_port(run, server):
    """Against a real socket all is well, too."""
    env = ENV | NO_PROXY | {"OCTOPUSH_API_LOGIN": "me"}

    result = run("doctor", "--json", "--base-url", server.url, env=env)
    seen = found(result)

    assert (result.exit_code, seen["account"]["state"]) == (0, "fine")
    assert "without TLS, as only this machine may be" in seen["connection"]["found"]


def test_wrong_key(run, server):
    """A refused key is wrong, and the clock is compared all the same."""
    env = ENV | NO_PROXY | {"OCTOPUSH_API_KEY": "wr0ng"}

    result = run("doctor", "--json", "--base-url", server.url, env=env)
    seen = found(result)

    assert result.exit_code == 1
    assert seen["account"]["state"] == "wrong"
    assert seen["account"]["advice"].startswith("Check OCTOPUSH_API_LOGIN")
    assert "wr0ng" not in result.output


def test_no_credit(check, gateway):
    """An empty account is odd, and nothing is broken."""
    gateway.credit = Decimal(0)

    result = check()

    assert result.exit_code == 0
    assert "! Account" in result.stdout


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (ServerError("no"), "The gateway, or a proxy in front of it, is out of order"),
        (NotSentError("no"), "See the message."),
    ],
    ids=["silence", "not-sent"],
)
def test_gateway_out_of_order(error, advice):
    """Whose turn it is depends on what failed."""
    seen = _checks.failed_account(error)

    assert (str(seen.state), advice in seen.what_to_do) == ("wrong", True)


def test_silent_gateway(check):
    """A gateway that fails is wrong, and its clock unknown."""
    result = check("--json", "--faults", "fin_accept=1")

    seen = found(result)
    assert result.exit_code == 1
    assert seen["account"]["state"] == "wrong"
    assert seen["clock"]["state"] == "skipped"


def test_interrupt(check, pressing):
    """Who gives up on the answer gets no diagnosis."""
    result = check("--faults", "error_503=1", clock=pressing(2))

    assert result.exit_code == 130


@pytest.mark.parametrize(
    ("seconds", "state", "words"),
    [
        (0, "fine", "the same as"),
        (2, "fine", "the same as"),
        (300, "fine", "5 min ahead of"),
        (301, "odd", "5 min 1 s ahead of"),
        (-301, "odd", "5 min 1 s behind"),
    ],
)
def test_clock(seconds, state, words):
    """A difference of more than five minutes is odd, in either direction."""
    date = {"date": "Mon, 05 Jan 2026 10:00:00 GMT"}
    now = datetime(2026, 1, 5, 10, tzinfo=UTC) + timedelta(seconds=seconds)

    seen = _checks.clocks(types.SimpleNamespace(headers=date), now)

    assert (str(seen.state), words in seen.found) == (state, True)


def test_versions_without_uvloop(monkeypatch):
    """uvloop need not be there."""

    def version(name):
        if name == "uvloop":
            raise PackageNotFoundError
        return "1"

    monkeypatch.setattr(_checks, "version", version)

    assert _checks.versions().found.endswith("aiohttp 1, no uvloop")


def test_an_aiohttp_that_is_not_known_is_pointed_out(check, monkeypatch):
    """Sends then go the usual way, which nobody would notice."""
    monkeypatch.setattr(_checks, "is_known", lambda: False)

    versions = found(check("--json"))["versions"]

    assert versions["state"] == "odd"
    assert versions["found"].endswith(
        "; the internals of this aiohttp version differ from the tested versions"
    )
    assert "Sends work as always" in versions["advice"]


def test_proxy_variables_are_ignored(check):
    """They are pointed out by name; their values may hold passwords."""
    env = {"https_proxy": "http://me:s3cret@proxy"}

    result = check(env=env)

    assert result.exit_code == 0
    assert "! Proxy          ignored: https_proxy" in result.stdout
    assert "s3cret" not in result.output


# --- DNS, TCP, TLS --------------------------------------------------------------------


@pytest.fixture
def tls():
    """The context of a server with a certificate that nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(
        CERTIFICATES / "self-signed.pem", CERTIFICATES / "self-signed-key.pem"
    )
    return context


@asynccontextmanager
async def listening(context=None, *, says=b""):
    """A server that says no more than this; gives its port."""
    served = set()

    async def serve(reader, writer):
        served.add(asyncio.current_task())
        writer.write(says)
        with suppress(OSError):
            await reader.read()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*served)


def look(scheme, *, clock=None, **server):
    """What is seen of such a server."""

    async def look():
        async with listening(**server) as port:
            url = f"{scheme}://127.0.0.1:{port}"
            work = _checks.connection(url, clock or VirtualClock())
            # In a task of its own: on Python 3.11 a coroutine into which a failed
            # handshake was thrown is no longer traced, and so seems uncovered.
            return await asyncio.create_task(work)

    return asyncio.run(look())


@pytest.mark.parametrize(
    ("start", "state"),
    [
        (datetime(2026, 11, 23, tzinfo=UTC), "fine"),
        (datetime(2126, 10, 20, tzinfo=UTC), "odd"),
    ],
    ids=["long", "soon"],
)
def test_certificate(monkeypatch, tls, start, state):
    """Issuer and end are told; one that ends within two weeks is odd."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "self-signed.pem"))

    seen = look("https", context=tls, clock=VirtualClock(start))

    assert str(seen.state) == state
    assert "certificate by 'localhost' until 2126-10-29" in seen.found
    assert bool(seen.what_to_do) is (state == "odd")


def test_certificate_that_nobody_vouches_for(tls):
    """It is wrong, and why is told."""
    seen = look("https", context=tls)

    assert str(seen.state) == "wrong"
    assert "the certificate of 127.0.0.1 is not valid: self-signed" in seen.found
    assert "SSL_CERT_FILE" in seen.what_to_do


def test_something_else_answers():
    """What speaks no TLS is no gateway."""
    seen = look("https", says=b"SSH-2.0\r\n")

    assert "the TLS handshake with 127.0.0.1 failed" in seen.found


def test_silence_while_connecting(monkeypatch):
    """A connection that does not come about has an end."""
    monkeypatch.setattr(_checks, "CONNECT_SECONDS", 0.05)

    seen = look("https")

    assert seen.found.endswith("in 0.05 s")


def test_nobody_listens():
    """A refused connection is told as such."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    seen = asyncio.run(_checks.connection(f"http://127.0.0.1:{port}", VirtualClock()))

    assert seen.found == (
        f"cannot connect to 127.0.0.1, port {port}: Connection refused"
    )
    assert "`octopush sandbox`" in seen.what_to_do


def test_none_of_several_addresses_answers():
    """What asyncio says of several failures is not for people."""
    several = OSError("Multiple exceptions: …")

    seen = _checks._unreachable(several, "gateway.test", 443)

    assert seen.found == (
        "cannot connect to gateway.test, port 443: none of its addresses responds"
    )
    assert seen.what_to_do == "Check the network and its firewall."


def test_name_that_nobody_knows(monkeypatch):
    """DNS is told apart from the rest."""

    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "nobody knows that name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    seen = asyncio.run(_checks.connection("https://gateway.test", VirtualClock()))

    assert seen.found == "the name gateway.test was not found"


# --- probes ---------------------------------------------------------------------------

NUMBER = "+33600000001"
FOREIGN = "+4915100000001"


@pytest.fixture
def probe(run, clock):
    """Run the probes in a sandbox; answers are those to their questions."""

    def probe(*arguments, to=NUMBER, answers="", gateway=None, **settings):
        gateway = gateway or Gateway(clock=clock)
        command = ("doctor", "--sandbox", "--json", "--probe", "--to", to, *arguments)
        result = run(*command, gateway=gateway, input=answers, **settings)
        told = json.loads(result.stdout)["probes"]
        return result, told and {name: one["answer"] for name, one in told.items()}

    return probe


@pytest.mark.usefixtures("somebody")
@pytest.mark.parametrize("to", [NUMBER, FOREIGN], ids=["french", "foreign"])
@pytest.mark.parametrize(
    ("burns", "questions", "sent", "expected"),
    [
        (
            False,
            4,
            1,
            {
                "id_noted_on": "acceptance",
                "repeat": "refused",
                "bad_number": "all_refused",
                "simulation": "checks_ids",
            },
        ),
        (
            True,
            3,
            0,
            {
                "id_noted_on": "receipt",
                "repeat": "refused",
                "bad_number": "all_refused",
                "simulation": "honours_ids",
            },
        ),
    ],
    ids=["on-acceptance", "on-receipt"],
)
def test_laws_are_told_apart(probe, to, burns, questions, sent, expected):  # noqa: PLR0917
    """Each law is recognised, with as few messages as possible."""
    gateway = Gateway(
        GatewaySettings(duplicate_check="on_receipt" if burns else "on_accept"),
        clock=VirtualClock(),
    )

    result, told = probe(to=to, answers="y\n" * questions, gateway=gateway)

    assert (result.exit_code, told) == (0, expected)
    assert gateway.sent_log.times(to) == sent


@pytest.mark.usefixtures("somebody")
def test_laws_are_told_apart_for_real(probe, clock):
    """Without simulation mode, a law of receipt costs nothing to find."""
    gateway = Gateway(GatewaySettings(duplicate_check="on_receipt"), clock=clock)

    result, told = probe(answers="n\nn\nn\ny\nn\n", gateway=gateway)

    assert told["id_noted_on"] == "receipt"
    assert told["repeat"] == "refused"
    assert (result.exit_code, gateway.sent_log.times(NUMBER)) == (0, 0)


def test_what_is_told_of_a_repeat(probe, clock):
    """Status, code and ticket are there for programs."""
    gateway = Gateway(GatewaySettings(duplicate_check="on_receipt"), clock=clock)

    result, _ = probe("--yes", gateway=gateway)

    assert json.loads(result.stdout)["probes"]["repeat"] == {
        "answer": "refused",
        "words": "is refused: HTTP 400, code 120; the ticket is not repeated (seen in "
        "simulation mode)",
        "real": False,
        "status": 400,
        "code": 120,
        "ticket_repeated": False,
    }


@pytest.mark.parametrize("burns", [False, True], ids=["on-acceptance", "on-receipt"])
def test_yes_never_sends(probe, clock, burns):
    """--yes is for simulation mode only: nobody gets a message."""
    gateway = Gateway(
        GatewaySettings(duplicate_check="on_receipt" if burns else "on_accept"),
        clock=clock,
    )

    result, told = probe("--yes", gateway=gateway)

    assert gateway.sent_log.numbers() == {}
    assert gateway.credit == 1000
    assert ("there is no terminal to confirm on" in result.stderr) is not burns
    assert told["id_noted_on"] == ("receipt" if burns else None)


@pytest.mark.usefixtures("somebody")
def test_a_no_is_a_no(probe, gateway):
    """What nobody agreed to is not made."""
    result, told = probe(answers="n\n" * 5, gateway=gateway)

    assert set(told.values()) == {None}
    assert len(gateway.sent_log) == 0
    assert result.exit_code == 0


@pytest.mark.usefixtures("somebody")
def test_each_probe_says_what_it_does(probe):
    """What it sends, to whom, and what it may cost; the number is masked."""
    result, _ = probe(answers="y\n" * 4)

    assert result.stderr.count("  Sends: ") == 4
    assert result.stderr.count("  Costs: nothing: simulation mode") == 3
    assert "  Costs: 1 SMS as far as is known, at most 3." in result.stderr
    assert "to +336****0001" in result.stderr
    assert NUMBER not in result.output


RECEIPT = (
    "when its request is received, even if that is refused: what is presumed may not "
    "have been sent"
)
REPEAT = "is refused: HTTP 400, code 120; the ticket is not repeated"
HONOURS = "honours ids: a simulated request cannot be repeated with its id"


def test_a_table_for_people(run, clock):
    """What was learned is a row for each question."""
    gateway = Gateway(GatewaySettings(duplicate_check="on_receipt"), clock=clock)

    result = run(
        "doctor", "--sandbox", "--probe", "--yes", "--to", NUMBER, gateway=gateway
    )

    simulated = "(seen in simulation mode)"
    assert result.stdout.splitlines()[-5:] == [
        "Behavior of the gateway",
        f"  An id is noted   {RECEIPT} {simulated}",
        f"  A repeat         {REPEAT} {simulated}",
        f"  One bad number   refuses the whole request; it is named {simulated}",
        f"  Simulation mode  {HONOURS}",
    ]


def test_probes_on_a_narrow_terminal(run, clock):
    """What a probe sends is wrapped under its start."""
    terminal = {"FORCE_COLOR": "1", "COLUMNS": "60", "NO_COLOR": "1"}
    command = ("doctor", "--sandbox", "--probe", "--yes", "--to", NUMBER)

    result = run(
        *command,
        env=terminal,
        gateway=Gateway(GatewaySettings(duplicate_check="on_receipt"), clock=clock),
    )

    lines = click.unstyle(result.stderr).splitlines()
    assert max(map(len, lines)) <= 60
    assert any(line.startswith(" " * 9) for line in lines)


def test_bad_number_without_its_place(probe, clock):
    """Whether a refusal names the number is found out, too."""
    gateway = Gateway(
        GatewaySettings(duplicate_check="on_receipt", names_bad_recipient=False),
        clock=clock,
    )

    result, _ = probe("--yes", gateway=gateway)

    assert json.loads(result.stdout)["probes"]["bad_number"]["named"] is False


@pytest.mark.usefixtures("somebody")
def test_probes_can_be_left(probe, clock):
    """Who leaves at a question keeps what was learned."""
    gateway = Gateway(GatewaySettings(duplicate_check="on_receipt"), clock=clock)

    result, told = probe(answers="y\n", gateway=gateway)

    assert result.exit_code == 130
    assert told["simulation"] == "honours_ids"
    assert told["bad_number"] is None


@pytest.mark.usefixtures("scheduled")
def test_no_probe_of_what_does_not_work(probe):
    """A gateway that fails is not probed."""
    result, told = probe("--yes", "--faults", "firewall_403")

    assert (result.exit_code, told) == (1, None)
    assert "no probe was made" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--probe",), "--probe needs --to"),
        (("--to", NUMBER), "--to needs --probe"),
        (("--probe", "--to", "06"), "--to: must start with '+'"),
        (("--probe", "--to", NUMBER, "--sender", "A"), "--sender: must have 3 to 11"),
    ],
    ids=["no-number", "no-probe", "number", "sender"],
)
def test_probes_that_cannot_be_made(check, arguments, words):
    """What is malformed is refused before anything is checked."""
    result = check(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


# --- never a guess --------------------------------------------------------------------

TRUE = {
    False: {
        "id_noted_on": ["acceptance"],
        "repeat": ["refused"],
        "bad_number": ["all_refused"],
        # Whether simulation mode checks ids is seen only after a real message.
        "simulation": ["leaves_ids_free", "checks_ids"],
    },
    True: {
        "id_noted_on": ["receipt"],
        "repeat": ["refused"],
        "bad_number": ["all_refused"],
        "simulation": ["honours_ids"],
    },
}


def hitting(monkeypatch, faults):
    """Let sends meet these faults, one after the other."""
    plan = FaultPlan.schedule(faults, only=lambda one: one.path.endswith("/send"))
    monkeypatch.setattr(FaultPlan, "parse", lambda *_, **__: plan)


REQUESTS = 9
"""As many as the probes make at most, agreed to each."""


def learned(gateway, faults):
    """What all probes find out, if their requests meet these faults."""
    transport = SandboxTransport(gateway, FaultPlan.schedule(faults))
    session = OctopushSession("me", "k3y", transport=transport, clock=gateway.clock)
    with asyncio.Runner() as runner:
        probes = Probing(
            to=NUMBER,
            sender="Acme",
            send=lambda body: runner.run(send(session, body)),
            agreed=lambda _: True,
        )
        probes.run()
        runner.run(session.close())
    return {str(one): said.answer for one, said in probes.findings.items()}


@pytest.mark.parametrize("burns", [False, True], ids=["on-acceptance", "on-receipt"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_never_makes_it_guess(burns, kind):
    """Whichever request meets it, once: each answer is true, or there is none."""
    for at in range(REQUESTS):
        gateway = Gateway(
            GatewaySettings(duplicate_check="on_receipt" if burns else "on_accept"),
            clock=VirtualClock(),
        )

        told = learned(gateway, [None] * at + [kind])

        for question, given in told.items():
            assert given is None or given in TRUE[burns][question], f"request {at}"


@pytest.mark.usefixtures("somebody")
def test_what_may_have_been_sent_is_told(monkeypatch, probe, clock):
    """A real request without a clear answer is exit code 3."""
    hitting(monkeypatch, [None] * 6 + ["hang_after_commit"] * 4)

    result, told = probe("--faults", "x", answers="y\n" * 6)

    assert result.exit_code == 3
    assert told["id_noted_on"] is None


@pytest.mark.usefixtures("somebody")
def test_interrupt_in_a_probe(monkeypatch, probe, pressing):
    """A second Ctrl-C ends the probes."""
    hitting(monkeypatch, ["hang_before_commit"])

    result, told = probe("--faults", "x", answers="y\n", clock=pressing(2))

    assert result.exit_code == 130
    assert set(told.values()) == {None}


# --- gateways that nobody has seen ----------------------------------------------------

ACCEPTED = Reply(kind=Kind.ACCEPTED, words="accepted", ticket="sms_1")
DUPLICATE = Reply(kind=Kind.DUPLICATE, words="duplicate", status=400, code=120)
REFUSED = Reply(kind=Kind.REFUSED, words="refused", status=400, code=121)
UNCLEAR = Reply(kind=Kind.UNCLEAR, words="silence", maybe_sent=True)


def probing(*replies, free=True):
    """Make the probes of one sort on a gateway that answers so."""
    script = list(replies)
    probing = Probing(
        to=NUMBER,
        sender="Acme",
        send=lambda _: script.pop(0),
        agreed=lambda plan: plan.is_free is free and bool(script),
    )
    probing.run()
    assert script == []
    return {one: said.answer for one, said in probing.findings.items()}, probing


def words(*replies, question, free=True):
    """What is said about one question."""
    _, probes = probing(*replies, free=free)
    return probes.findings[question].words


def test_simulation_that_notes_ids_on_acceptance():
    """If simulation mode notes ids, a repaired request tells the law."""
    told, _ = probing(ACCEPTED, DUPLICATE, REFUSED, ACCEPTED)

    assert told[Question.NOTED] == "acceptance"


@pytest.mark.parametrize(
    ("replies", "said"),
    [
        ((UNCLEAR,), "unknown: the first time, silence"),
        ((ACCEPTED, UNCLEAR), "unknown: the repeat: silence"),
        ((ACCEPTED, REFUSED), "unknown: the repeat: refused"),
    ],
    ids=["first", "silence", "refused"],
)
def test_unclear_simulation(replies, said):
    """Without a clear answer to both, nothing is known of simulation mode."""
    assert words(*replies, question=Question.SIMULATION) == said


@pytest.mark.parametrize(
    ("replies", "said"),
    [
        ((ACCEPTED,), "unknown: not refused as expected: accepted"),
        ((REFUSED, UNCLEAR), "unknown: the repaired one: silence"),
        (
            (REFUSED, ACCEPTED),
            "unknown: simulation mode does not show that it notes ids at all",
        ),
    ],
    ids=["not-refused", "silence", "no-ids"],
)
def test_unclear_law_in_simulation(replies, said):
    """Simulation mode that knows no ids says nothing about the law."""
    simulated = (ACCEPTED, ACCEPTED)

    assert words(*simulated, *replies, question=Question.NOTED) == said


@pytest.mark.parametrize(
    ("replies", "noted", "repeat"),
    [
        ((REFUSED, DUPLICATE), "receipt", "refused"),
        ((REFUSED, ACCEPTED, DUPLICATE, ACCEPTED), "acceptance", "refused"),
        ((REFUSED, ACCEPTED, ACCEPTED), None, "accepted"),
        ((REFUSED, ACCEPTED, UNCLEAR), None, None),
        ((REFUSED, UNCLEAR), None, None),
        ((ACCEPTED,), None, None),
    ],
    ids=["receipt", "acceptance", "no-ids", "third", "second", "first"],
)
def test_real_requests(replies, noted, repeat):
    """What three real requests prove, and what they do not."""
    told, probes = probing(*replies, free=False)

    assert (told[Question.NOTED], told[Question.REPEAT]) == (noted, repeat)
    assert probes.maybe_sent is (UNCLEAR in replies)


def test_ticket_that_is_repeated():
    """If a duplicate shows the first ticket, that is worth knowing."""
    again = Reply(kind=Kind.DUPLICATE, words="", status=409, code=182, ticket="sms_1")

    said = words(ACCEPTED, again, question=Question.REPEAT)

    assert "HTTP 409, code 182; the first ticket is repeated" in said


OF_RECIPIENTS = Reply(
    kind=Kind.REFUSED, words="", code=103, names_bad=True, of_recipients=True
)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (OF_RECIPIENTS, "refuses the whole request; it is named"),
        (REFUSED, "unknown: refused"),
        (UNCLEAR, "unknown: silence"),
        (
            Reply(kind=Kind.ACCEPTED, words="", contacts=1),
            "is left out; the others are sent",
        ),
        (
            Reply(kind=Kind.ACCEPTED, words="", contacts=2),
            "unknown: accepted, for 2 people",
        ),
        (
            Reply(kind=Kind.ACCEPTED, words=""),
            "unknown: accepted, for an unknown number of people",
        ),
    ],
    ids=["refused", "other-refusal", "silence", "one", "both", "unsaid"],
)
def test_bad_number_for_real(reply, said):
    """A bad number among good ones has several fates."""
    told = words(ACCEPTED, reply, question=Question.BAD_NUMBER, free=False)

    assert told == said


def test_simulation_that_takes_a_bad_number():
    """Figures that are invented prove nothing."""
    replies = (UNCLEAR, UNCLEAR, ACCEPTED)

    said = words(*replies, question=Question.BAD_NUMBER)

    assert said == "unknown: simulation mode took both, and invents its figures"


def test_could_not_tell_is_an_exit_code(probe):
    """What was asked and stayed open is exit code 1."""
    result, told = probe("--yes")

    assert (result.exit_code, told["id_noted_on"]) == (1, None)


# --- one request ----------------------------------------------------------------------


async def sent(*script):
    """What one request of a probe is judged to be."""
    transport = ScriptedTransport(*script)
    session = OctopushSession(
        "me", "k3y", transport=transport, clock=VirtualClock(), retry=RetryPolicy()
    )
    async with session as octopush:
        return await send(octopush, {"request_id": "id"})


@pytest.mark.parametrize(
    ("script", "kind", "maybe_sent"),
    [
        ((answer(),), "accepted", False),
        ((refusal(120),), "duplicate", False),
        ((refusal(121),), "refused", False),
        ((refusal(104),), "unclear", False),
        ((refusal(101, 401),), "unclear", False),
        ((answer(200, {}),), "unclear", True),
        ((answer(200, []),), "unclear", True),
        ((UnknownOutcomeError("no"), answer()), "unclear", False),
        ((UnknownOutcomeError("no"), refusal(120)), "unclear", True),
        ((UnknownOutcomeError("no"), refusal(121)), "unclear", True),
        ((refusal(438, 429), refusal(121)), "unclear", False),
    ],
    ids=[
        "accepted",
        "duplicate",
        "refused",
        "no-credit",
        "wrong-key",
        "no-ticket",
        "list",
        "second-try",
        "presumed",
        "refused-later",
        "throttled",
    ],
)
async def test_one_request(script, kind, maybe_sent):
    """Only a clear answer at the first try counts."""
    reply = await sent(*script)

    assert (str(reply.kind), reply.maybe_sent) == (kind, maybe_sent)


@pytest.mark.parametrize(
    ("figure", "contacts"), [(1, 1), ("2", 2), (None, None), ("many", None)]
)
async def test_figure_of_contacts(figure, contacts):
    """It may come as a text, or not at all."""
    reply = await sent(
        answer(201, {"sms_ticket": "sms_1", "number_of_contacts": figure})
    )

    assert reply.contacts == contacts


async def test_refusal_that_names_a_recipient():
    """The second recipient is the bad one."""
    said = {"code": 103, "message": "recipients.1.phone_number: no"}

    reply = await sent(answer(400, said))

    assert (reply.names_bad, reply.of_recipients) == (True, True)


def test_command_without_surroundings():
    """Outside of tests the clock is the machine's own."""
    env = NO_PROXY | {"OCTOPUSH_API_LOGIN": None, "OCTOPUSH_API_KEY": None}

    result = CliRunner().invoke(octopush, ["doctor", "--base-url", "x"], env=env)

    assert result.exit_code == 1
    assert Surroundings().gateway is None
