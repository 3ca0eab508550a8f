"""Sessions over real sockets, in virtual time, and what they are asked to do."""

import socket
import ssl
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from fakes import MESSAGE, FixedRandom
from faults.gateway import DRIP, HANG, KINDS

from aiooctopush import OctopushError, OctopushSession, RetryPolicy, Timeouts
from aiooctopush.sandbox import VirtualClock


CERTIFICATES = Path(__file__).parent.parent / "certificates"
# Only for who meets silence: a busy machine takes a while to answer, too.
SHORT = Timeouts(connect=0.5, read=0.5, attempt=0.7)
ONCE = RetryPolicy(attempts=1)
TEXT = MESSAGE["text"]
NUMBER = MESSAGE["recipients"][0]

# The four kinds of operation that the decision table tells apart.
CALLS = {
    "request_id": lambda sms, **options: sms.send(**MESSAGE, **options),
    "confirm": lambda sms, **options: sms.confirm("sms_1", audience="list", **options),
    "read": lambda sms, **options: sms.draft(**options),
    "delete": lambda sms, **options: sms.cancel("sms_1", **options),
}


@asynccontextmanager
async def session_to(base_url, *, clock=None, **options):
    """A session with a gateway, whose pauses take no time."""
    options = {"timeouts": Timeouts(), "random": FixedRandom(), **options}
    async with OctopushSession(
        "me@example.org",
        "key-of-the-tests",
        base_url=base_url,
        clock=clock or VirtualClock(),
        allow_insecure_http=True,
        **options,
    ) as octopush:
        yield octopush


def timeouts_for(script):
    """Short ones if a script holds a fault that keeps a client waiting."""
    silent = any(KINDS[name].then in {HANG, DRIP} for name in script)
    return SHORT if silent else Timeouts()


async def result_of(awaitable):
    """What a call gives back or raises."""
    try:
        return await awaitable
    except OctopushError as error:
        return error


class Resolver(aiohttp.abc.AbstractResolver):
    """Gives one address after another, and fails where there is none."""

    def __init__(self, *hosts):
        self.hosts = list(hosts)

    async def resolve(self, host, port=0, family=socket.AF_INET):
        """See `aiohttp.abc.AbstractResolver.resolve`."""
        address = self.hosts.pop(0)
        if address is None:
            msg = "nobody knows that name"
            raise OSError(msg)
        found = {"hostname": host, "host": address, "port": port, "family": family}
        return [{**found, "proto": 0, "flags": 0}]

    async def close(self):
        """See `aiohttp.abc.AbstractResolver.close`."""


def resolving(*hosts):
    """A session of aiohttp that finds these addresses, one for each connection."""
    connector = aiohttp.TCPConnector(resolver=Resolver(*hosts), use_dns_cache=False)
    return aiohttp.ClientSession(connector=connector)


def server_tls():
    """The context of a server with a certificate that nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(
        CERTIFICATES / "self-signed.pem", CERTIFICATES / "self-signed-key.pem"
    )
    return context


def trusting_tls():
    """The context of a client that trusts that very certificate."""
    return ssl.create_default_context(cafile=CERTIFICATES / "self-signed.pem")
