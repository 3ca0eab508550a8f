"""Connection settings of a session, checked before any I/O."""

import ssl
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from .errors import InvalidFieldError, wrong_type, wrong_value


FROM_ENVIRONMENT: Final = "env"
"""Instead of a proxy: that of HTTPS_PROXY or ALL_PROXY, if NO_PROXY allows it."""

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def check_base_url(value: Any, *, insecure: bool) -> str:
    """Return where the gateway is, without a slash at its end."""
    scheme, host = _scheme_and_host(value)
    if scheme not in {"http", "https"} or not host:
        raise InvalidFieldError(
            "base_url",
            "must begin with https:// (or http:// for this machine) and name a host, "
            "such as https://api.octopush.com",
            # The part before an @ may be a password.
            shown=None if "@" in str(value) else repr(value)[:80],
        )
    parts = urlsplit(value)
    # Not shown: a misplaced part may be a password.
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidFieldError(
            "base_url",
            "must have neither query nor fragment nor credentials, which are api_login "
            "and api_key",
        )
    if scheme == "http" and not insecure and host not in _LOOPBACK:
        raise wrong_value(
            "base_url",
            "must be https, otherwise the key crosses the network unencrypted; "
            "allow_insecure_http=True allows it",
            value,
        )
    return str(value).rstrip("/")


def check_proxy(value: Any, base_url: str) -> str | None:
    """Return the URL of the proxy that leads to the gateway, or None for no proxy."""
    name = "proxy"
    if value == FROM_ENVIRONMENT:
        name, value = _proxy_of_environment(base_url)
    if value is None:
        return None
    scheme, host = _scheme_and_host(value)
    # Never shown: it may hold a password.
    if scheme.startswith("socks"):
        raise InvalidFieldError(
            name, "is a SOCKS proxy, which is not supported; use an HTTP proxy"
        )
    if scheme not in {"http", "https"} or not host:
        raise InvalidFieldError(name, "must be like http://proxy.example.com:3128")
    return str(value)


def check_transport(value: Any) -> None:
    """Refuse what carries nothing, such as a sandbox without its transport."""
    if value is not None and not callable(getattr(value, "send", None)):
        raise wrong_type(
            "transport",
            "must have send and close, as SandboxTransport(gateway) has",
            value,
        )


def check_client_session(value: Any, transport: object) -> None:
    """Require an aiohttp session without a transport."""
    if value is not None and transport is not None:
        raise InvalidFieldError("client_session", "cannot be combined with transport")
    if not isinstance(value, aiohttp.ClientSession | None):
        raise wrong_type("client_session", "must be an aiohttp.ClientSession", value)


def tls_of(ssl_context: Any, ca_file: Any) -> ssl.SSLContext | None:
    """Return how TLS is verified, None for the authorities of the system."""
    if ca_file is not None:
        if ssl_context is not None:
            raise InvalidFieldError("ca_file", "cannot be combined with ssl_context")
        return _context_with(ca_file)
    if ssl_context is None:
        return None
    if not isinstance(ssl_context, ssl.SSLContext):
        raise wrong_type(
            "ssl_context",
            "must be an ssl.SSLContext: verification cannot be switched off",
            ssl_context,
        )
    if ssl_context.verify_mode != ssl.CERT_REQUIRED or not ssl_context.check_hostname:
        raise InvalidFieldError(
            "ssl_context",
            "must verify certificate and host name, otherwise the key can leak; "
            "ca_file adds an authority of your own",
        )
    return ssl_context


def _context_with(ca_file: Any) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(cafile=Path(ca_file))
    except TypeError:
        raise wrong_type("ca_file", "must be a path", ca_file) from None
    except ssl.SSLError as error:
        raise wrong_value(
            "ca_file", "holds no certificate in PEM format", str(ca_file)
        ) from error
    except OSError as error:
        raise wrong_value(
            "ca_file", f"cannot be read: {error.strerror}", str(ca_file)
        ) from error
    return context


def _scheme_and_host(value: Any) -> tuple[str, str]:
    """Scheme and host of a URL; both empty for any other value."""
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        host, port = parts.hostname, parts.port
    except ValueError:
        return "", ""
    return parts.scheme, "" if port == 0 else host or ""


def _proxy_of_environment(base_url: str) -> tuple[str, str | None]:
    """Name and value of the variable that names the proxy for this gateway."""
    # Loaded by those who ask for it: most do not.
    from urllib import request  # noqa: PLC0415

    scheme, host = _scheme_and_host(base_url)
    name = f"{scheme.upper()}_PROXY"
    proxies = request.getproxies_environment()
    # Missing in typeshed.
    if request.proxy_bypass_environment(host, proxies):  # type: ignore[attr-defined]
        return name, None
    if scheme not in proxies and "all" in proxies:
        return "ALL_PROXY", proxies["all"]
    return name, proxies.get(scheme)
