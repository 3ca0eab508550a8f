"""Which gateway a command talks to: address, proxy, certificates."""

import ssl
from pathlib import Path

import pytest

from aiooctopush.cli.targets.gateway import GatewayOptions


CERTIFICATE = Path(__file__).parents[1] / "certificates" / "self-signed.pem"
CREDENTIALS = {"OCTOPUSH_API_LOGIN": "me", "OCTOPUSH_API_KEY": "k3y"}
NO_PROXIES = dict.fromkeys(
    (
        *("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"),
        *("all_proxy", "NO_PROXY", "no_proxy", "OCTOPUSH_PROXY"),
    )
)


def options(**given):
    """Options of a command line."""
    none = dict.fromkeys(("base_url", "faults", "proxy", "ca_file"))
    return GatewayOptions(**none | {"sandbox": False} | given)


@pytest.fixture
def env(monkeypatch):
    """Set variables, and no other proxies."""

    def env(**variables):
        for name, value in (NO_PROXIES | variables).items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

    env()
    return env


def test_no_proxy_by_default(env):
    """Variables of other programs do not decide where a key goes."""
    env(HTTPS_PROXY="http://proxy.example:3128")

    assert options().proxy_url() is None


def test_a_proxy_of_the_command_line(env):
    """It comes before the variable."""
    env(OCTOPUSH_PROXY="http://other.example:1")

    assert options(proxy="http://p.example:3128").proxy_url() == "http://p.example:3128"
    assert options().proxy_url() == "http://other.example:1"


@pytest.mark.parametrize(
    ("variables", "base_url", "url"),
    [
        ({"HTTPS_PROXY": "http://p:1"}, None, "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "http://g", None),
        ({"ALL_PROXY": "http://p:2"}, None, "http://p:2"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "g"}, "https://g", None),
        ({}, None, None),
    ],
    ids=["https", "http", "all", "excepted", "none"],
)
def test_env_follows_the_usual_variables(env, variables, base_url, url):
    """``--proxy env`` does what most programs do."""
    env(**variables)

    assert options(proxy="env", base_url=base_url).proxy_url() == url


@pytest.mark.parametrize(
    "proxy",
    ["proxy.example:3128", "socks5://p:1", "http://", "http://p:0", "http://[", "ftp"],
)
def test_bad_proxies_are_refused_first(run, env, proxy):
    """Before anything is opened, and without showing what may be a password."""
    env(**CREDENTIALS)

    result = run("balance", "--proxy", proxy)

    assert result.exit_code == 2
    problem = "is a SOCKS proxy" if "socks" in proxy else "must be like http://proxy"
    assert f"--proxy: {problem}" in result.stderr
    assert "(got" not in result.stderr


def test_a_bad_proxy_of_the_environment_is_told_by_its_variable(run, env):
    """Nobody typed it."""
    env(**CREDENTIALS, HTTPS_PROXY="socks5://p:1")

    result = run("balance", "--proxy", "env")

    assert result.exit_code == 2
    assert "HTTPS_PROXY: is a SOCKS proxy" in result.stderr


def test_certificates_must_be_there(run, env, tmp_path):
    """A file that is none, or holds none, is refused before any request."""
    env(**CREDENTIALS)
    (tmp_path / "empty.pem").write_text("nothing")

    missing = run("balance", "--ca-file", tmp_path / "none.pem")
    empty = run("balance", "--ca-file", tmp_path / "empty.pem")

    assert (missing.exit_code, empty.exit_code) == (2, 2)
    assert "--ca-file: cannot be read: No such file" in missing.stderr
    assert "--ca-file: holds no certificate in PEM format" in empty.stderr


def test_certificates_are_trusted():
    """What the file holds, beside those of the system, as in a session."""
    context = options(ca_file=CERTIFICATE).ssl_context()
    trusted = [one["subject"] for one in context.get_ca_certs()]

    assert ((("commonName", "localhost"),),) in trusted
    assert len(trusted) == 1 + len(ssl.create_default_context().get_ca_certs())
    assert options().ssl_context() is None


@pytest.mark.parametrize("option", ["--base-url", "--proxy", "--ca-file"])
def test_the_sandbox_needs_none_of_them(run, option):
    """The sandbox is in the process of the command."""
    result = run("balance", "--sandbox", option, "https://x")

    assert result.exit_code == 2
    assert f"--sandbox and {option} exclude each other" in result.stderr


def test_requests_go_through_the_proxy(run, env, server):
    """The proxy is asked for the gateway, which it is here itself."""
    env(**CREDENTIALS)

    result = run("balance", "--base-url", "http://127.0.0.1:9", "--proxy", server.url)

    assert result.exit_code == 0
    assert "Balance" in result.stdout


def test_doctor_shows_the_proxy(run, env, server):
    """Nothing connects directly if a proxy is to; the account proves that it works."""
    env(**CREDENTIALS)
    options = ("--base-url", "http://127.0.0.1:9", "--proxy", server.url)

    told = run("doctor", *options).stdout

    assert "made by the proxy 127.0.0.1, port " in told
    assert "login and key are accepted" in told
    assert "Proxy          used, as --proxy or OCTOPUSH_PROXY names it" in told


def test_doctor_refuses_a_bad_proxy(run, env):
    """As every command does."""
    env(**CREDENTIALS)

    assert run("doctor", "--proxy", "socks5://p:1").exit_code == 2
