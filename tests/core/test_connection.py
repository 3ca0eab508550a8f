"""How the gateway is reached: what a session refuses before it opens anything."""

import ssl
from pathlib import Path

import pytest
from fakes import MESSAGE, ScriptedTransport, answer, session_over

from aiooctopush import InvalidFieldError, OctopushSession, Outcome
from aiooctopush._connection import check_proxy, tls_of


CERTIFICATES = Path(__file__).parents[1] / "certificates"
GATEWAY = "https://api.octopush.com"


def session(**options):
    """A session that nobody uses."""
    return OctopushSession("me@example.org", "key", **options)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    """Whatever the machine has set."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "OCTOPUSH_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


# --- proxy ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "proxy",
    [
        *("proxy.corp:3128", "http://", "ftp://proxy.corp", "http://proxy.corp:x", ""),
        *(object(), 3128, b"http://proxy.corp", "http://proxy.corp:0"),
    ],
)
def test_what_is_no_proxy_is_refused_by_name(proxy):
    """Before anything is sent, and not shown: it may hold a password."""
    with pytest.raises(InvalidFieldError, match=r"^proxy: must be like http://") as got:
        session(proxy=proxy)

    assert got.value.outcome is Outcome.NOT_SENT
    assert "corp" not in str(got.value)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4"])
def test_a_socks_proxy_is_refused_as_such(scheme):
    """With what to give instead."""
    with pytest.raises(InvalidFieldError, match=r"SOCKS .* HTTP proxy"):
        session(proxy=f"{scheme}://proxy.corp:1080")


@pytest.mark.parametrize(
    "proxy", ["http://proxy.corp:3128", "https://me:word@proxy.corp", None]
)
def test_a_proxy_is_used_as_it_was_given(proxy):
    """Credentials included."""
    assert check_proxy(proxy, GATEWAY) == proxy


@pytest.mark.parametrize(
    ("variables", "base_url", "proxy"),
    [
        ({"HTTPS_PROXY": "http://a.corp:1"}, GATEWAY, "http://a.corp:1"),
        ({"https_proxy": "http://b.corp:1"}, GATEWAY, "http://b.corp:1"),
        ({"HTTPS_PROXY": "http://a.corp", "NO_PROXY": "octopush.com"}, GATEWAY, None),
        ({"HTTPS_PROXY": "http://a.corp", "NO_PROXY": "*"}, GATEWAY, None),
        ({"HTTP_PROXY": "http://a.corp:1"}, GATEWAY, None),
        ({"HTTP_PROXY": "http://a.corp:1"}, "http://b.corp", "http://a.corp:1"),
        ({"ALL_PROXY": "http://a.corp:2"}, GATEWAY, "http://a.corp:2"),
        ({}, GATEWAY, None),
    ],
    ids=["upper", "lower", "excepted", "all excepted", "other", "http", "all", "none"],
)
def test_a_proxy_of_the_environment_is_used_if_it_is_asked_for(
    monkeypatch, variables, base_url, proxy
):
    """As most programs read those variables."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert check_proxy("env", base_url) == proxy
    assert check_proxy(None, base_url) is None


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY"])
def test_a_bad_proxy_of_the_environment_is_told_by_its_variable(monkeypatch, name):
    """Nobody gave a proxy by name."""
    monkeypatch.setenv(name, "socks5://proxy.corp:1080")

    with pytest.raises(InvalidFieldError, match=rf"^{name}: is a SOCKS proxy"):
        session(proxy="env")


@pytest.mark.parametrize(
    ("given", "used"),
    [(None, "http://variable:1"), ("http://argument:2", "http://argument:2")],
)
def test_a_session_of_the_environment_takes_its_proxy_from_there(
    monkeypatch, given, used
):
    """Unless it is given one."""
    monkeypatch.setenv("OCTOPUSH_API_LOGIN", "me@example.org")
    monkeypatch.setenv("OCTOPUSH_API_KEY", "key")
    monkeypatch.setenv("OCTOPUSH_PROXY", "http://variable:1")

    octopush = OctopushSession.from_env(proxy=given)

    assert octopush._transport._proxy == used


# --- TLS ------------------------------------------------------------------------------


def unverified():
    """A context that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def nameless():
    """A context that takes a certificate for any name."""
    context = ssl.create_default_context()
    context.check_hostname = False
    return context


@pytest.mark.parametrize("switch", [False, True, 0, "no"])
def test_verification_has_no_switch(switch):
    """What aiohttp would take for one is refused."""
    with pytest.raises(InvalidFieldError, match="cannot be switched off"):
        session(ssl_context=switch)


@pytest.mark.parametrize("make", [unverified, nameless])
def test_a_context_that_does_not_verify_is_refused(make):
    """The key would go to anybody."""
    with pytest.raises(InvalidFieldError, match="must verify"):
        session(ssl_context=make())


def test_a_context_that_verifies_is_used():
    """As it is."""
    context = ssl.create_default_context()

    assert tls_of(context, None) is context
    assert tls_of(None, None) is None


@pytest.mark.parametrize("kind", [str, Path])
def test_an_authority_of_your_own_is_trusted_beside_the_others(kind):
    """It does not take their place, and everything is verified."""
    context = tls_of(None, kind(CERTIFICATES / "self-signed.pem"))

    usual = ssl.create_default_context().cert_store_stats()["x509"]
    assert context.cert_store_stats()["x509"] == usual + 1
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_certificates_that_cannot_be_read_are_told(tmp_path):
    """Missing, empty, or no path at all."""
    empty = tmp_path / "empty.pem"
    empty.write_text("")

    with pytest.raises(InvalidFieldError, match="cannot be read: No such file"):
        session(ca_file=tmp_path / "missing.pem")
    with pytest.raises(InvalidFieldError, match="no certificate in PEM format"):
        session(ca_file=empty)
    with pytest.raises(InvalidFieldError, match="must be a path"):
        session(ca_file=7)
    with pytest.raises(InvalidFieldError, match="ssl_context"):
        session(ca_file=empty, ssl_context=ssl.create_default_context())


# --- what else is checked -------------------------------------------------------------


def test_what_is_no_session_of_aiohttp_is_refused():
    """It would fail at the first send."""
    with pytest.raises(InvalidFieldError, match=r"aiohttp\.ClientSession .*got str"):
        session(client_session="x")


async def _hook(_):
    """Never awaited."""


@pytest.mark.parametrize("hook", [_hook, "print"])
def test_a_hook_that_could_not_be_told_is_refused(hook):
    """A coroutine is not awaited, and what cannot be called is no hook."""
    with pytest.raises(InvalidFieldError, match="plain function"):
        session(on_attempt=hook)


class Malformed:
    """An observer whose watchers are none."""

    def __init__(self, watcher):
        self.watcher = watcher

    def on_start(self, _):
        """See `Observer.on_start`."""
        return self.watcher


@pytest.mark.parametrize("observer", [object(), Malformed(None), Malformed(object())])
async def test_a_malformed_observer_does_not_break_a_call(observer, caplog):
    """It is logged, and the message goes its way."""
    transport = ScriptedTransport(answer())

    async with session_over(transport, observer=observer) as octopush:
        await octopush.sms.send(**MESSAGE)

    assert caplog.text.count("observer failed") == 1
