"""
The mistakes of newcomers, and what each of them is told: what is wrong, what became of
the message, and what to do.

A row is the mistake, as it is typed, and its message, written by hand. Whoever changes
a message reads it here among its neighbors.
"""

import asyncio
import pickle
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from aiooctopush import (
    MemoryLedger,
    OctopushSession,
    Recipient,
    RetryPolicy,
    Secret,
    read_csv,
    request_id_for,
)
from aiooctopush.sandbox import (
    FaultPlan,
    Gateway,
    GatewaySettings,
    SandboxTransport,
    VirtualClock,
)


NUMBER = "+33600000001"
MESSAGE = {"text": "Hi", "sender": "Acme", "purpose": "alert"}
HTTP = "http://127.0.0.1:9"  # nothing listens there


def session(*, api_login="me@example.org", api_key="key", **options):
    """A session over a gateway of its own, unless it is told another way."""
    if not {"base_url", "transport"} & set(options):
        options["transport"] = SandboxTransport(Gateway())
    return OctopushSession(api_login, api_key, **options)


async def call(work, *, settings=None, faults=None, **options):
    """Let a session of its own do this, and look whether anything was sent."""
    gateway = Gateway(settings, clock=VirtualClock())
    if "base_url" not in options:
        options["transport"] = SandboxTransport(gateway, faults)
    async with session(clock=gateway.clock, **options) as octopush:
        try:
            await work(octopush)
        finally:
            assert len(gateway.sent_log) == 0


async def send(*, settings=None, base_url=None, **changes):
    """Send one message, with a mistake in it."""
    words = MESSAGE | {"recipients": [NUMBER]} | changes
    options = {} if base_url is None else {"base_url": base_url}
    await call(lambda one: one.sms.send(**words), settings=settings, **options)


async def bulk(source=(NUMBER,), *, name="week-48", **changes):
    """Send to many, with a mistake in it."""
    words = MESSAGE | changes
    await call(lambda one: one.bulk(name, **words).send(source))


async def otp(method, **words):
    """Send or check a code."""
    await call(lambda one: getattr(one.otp, method)(**words))


async def sent_twice():
    """Use one run for two starts."""
    gateway = Gateway()
    async with session(transport=SandboxTransport(gateway)) as octopush:
        run = octopush.bulk("week-48", **MESSAGE)
        await run.send([NUMBER])
        await run.send([NUMBER])


async def another_text():
    """Go on with a run, and say something else."""
    ledger = MemoryLedger()
    async with session(transport=SandboxTransport(Gateway())) as octopush:
        await octopush.bulk("week-48", **MESSAGE, ledger=ledger).send([NUMBER])
        other = MESSAGE | {"text": "Hello"}
        await octopush.bulk("week-48", **other, ledger=ledger).send([NUMBER])


async def after_its_end():
    """Use a session that is closed."""
    async with session() as octopush:
        pass
    await octopush.sms.send(**MESSAGE, recipients=[NUMBER])


async def fails(work):
    """Have the gateway fail at all attempts of a write."""
    await call(work, faults=FaultPlan.parse("error_500=1"))


PYTHON = [
    # recipients
    (
        lambda: send(recipients=NUMBER),
        (
            "recipients: must be a list of numbers or Recipients, [one] for a single "
            "one (got str). Nothing was sent."
        ),
    ),
    (
        lambda: send(recipients=Recipient(NUMBER)),
        (
            "recipients: must be a list of numbers or Recipients, [one] for a single "
            "one (got Recipient). Nothing was sent."
        ),
    ),
    (
        lambda: send(recipients=[]),
        (
            "recipients: must be 1 to 500; for more, use octopush.bulk(…) (got 0). "
            "Nothing was sent."
        ),
    ),
    (
        lambda: send(recipients=[33600000001]),
        (
            "recipients[0].phone_number: must be a string that starts with '+' and the "
            "country code (got int). Nothing was sent."
        ),
    ),
    (
        lambda: send(recipients=[{"phone_number": NUMBER}]),
        (
            "recipients[0].phone_number: must be a string that starts with '+' and the "
            "country code (got dict). Nothing was sent."
        ),
    ),
    (
        lambda: send(recipients=["0600000001"]),
        (
            "recipients[0].phone_number: must start with '+' and the country code; it "
            "looks like a national number: declare its country (country='FR', "
            "--country FR) (got 06****01). Nothing was sent."
        ),
    ),
    (
        lambda: send(recipients=["0033600000001"]),
        (
            "recipients[0].phone_number: must start with '+' and the country code, not "
            "with '00' (got 003****0001). Nothing was sent."
        ),
    ),
    (
        lambda: send(recipients=["+336"]),
        (
            "recipients[0].phone_number: must have 5 to 16 digits, has 3. Nothing was "
            "sent."
        ),
    ),
    (
        lambda: send(recipients=["Zoe"]),
        (
            "recipients[0].phone_number: must start with '+' and the country code, and "
            "contains 'Z' (LATIN CAPITAL LETTER Z, U+005A). Nothing was sent."
        ),
    ),
    # the message
    (
        lambda: send(text=""),
        "text: must have 1 to 1,224 characters (got 0 characters). Nothing was sent.",
    ),
    (
        lambda: send(text="x" * 1300),
        (
            "text: must have 1 to 1,224 characters (got 1,300 characters). Nothing was "
            "sent."
        ),
    ),
    (
        lambda: send(sender="My-Shop"),
        (
            "sender: must have 3 to 11 letters or digits, without accents; spaces are "
            "allowed between them (got 'My-Shop'). Nothing was sent."
        ),
    ),
    (
        lambda: send(sender=NUMBER),
        (
            "sender: must have 3 to 11 letters or digits, without accents; spaces are "
            "allowed between them (got '***'). Nothing was sent."
        ),
    ),
    (
        lambda: send(purpose="news"),
        (
            "purpose: must be 'alert', 'wholesale' or 'marketing' (got 'news'). "
            "Nothing was sent."
        ),
    ),
    (
        lambda: send(text="Hi {frist_name}"),
        (
            "text: {frist_name} is no placeholder and would be sent as it stands; did "
            "you mean {first_name}? Braces that are meant are written twice, as in "
            "{{frist_name}}. Nothing was sent."
        ),
    ),
    (
        lambda: send(text="Hi {first_name}"),
        (
            "recipients[0].first_name: has no value for {first_name}, which the text "
            "uses; set it, pass '' to leave it empty, or set on_missing='skip' or "
            "'send' (got +336****0001). Nothing was sent."
        ),
    ),
    (
        lambda: send(send_at=datetime(2027, 1, 1)),  # noqa: DTZ001  # the mistake
        (
            "send_at: must have a time zone, such as datetime(…, tzinfo=UTC) (got "
            "2027-01-01T00:00:00). Nothing was sent."
        ),
    ),
    (
        lambda: send(send_at=datetime(2020, 1, 1, tzinfo=UTC)),
        (
            "send_at: must not be in the past; the gateway would send at once (got "
            "2020-01-01T00:00+00:00). Nothing was sent."
        ),
    ),
    (
        lambda: send(send_at="2027-01-01"),
        "send_at: must be a datetime (got str). Nothing was sent.",
    ),
    (
        lambda: send(with_replies="no"),
        "with_replies: must be True, False or None (got 'no'). Nothing was sent.",
    ),
    (
        lambda: send(request_id=uuid.uuid4()),
        "request_id: must be a str (got UUID). Nothing was sent.",
    ),
    (
        lambda: send(request_id=f"order/{NUMBER}"),
        (
            "request_id: must be 1 to 64 ASCII letters, digits, '-' or '_' (got "
            "'order/***'). Nothing was sent."
        ),
    ),
    (
        lambda: asyncio.to_thread(request_id_for, ""),
        "key: must not be empty. Nothing was sent.",
    ),
    (
        lambda: send(timeout=timedelta(seconds=5)),
        "timeout: must be a number (got timedelta). Nothing was sent.",
    ),
    (
        lambda: send(timeout=float("nan")),
        "timeout: must be a number (got nan). Nothing was sent.",
    ),
    (
        lambda: bulk(max_cost=Decimal("NaN")),
        "max_cost: must be a number (got Decimal('NaN')). Nothing was sent.",
    ),
    # the session
    (
        lambda: asyncio.to_thread(session, base_url="127.0.0.1:8025"),
        (
            "base_url: must begin with https:// (or http:// for this machine) and name "
            "a host, such as https://api.octopush.com (got '127.0.0.1:8025'). Nothing "
            "was sent."
        ),
    ),
    (
        lambda: asyncio.to_thread(session, base_url="http://example.org"),
        (
            "base_url: must be https, otherwise the key crosses the network "
            "unencrypted; allow_insecure_http=True allows it (got "
            "'http://example.org'). Nothing was sent."
        ),
    ),
    (
        lambda: asyncio.to_thread(session, base_url="https://me:secret@example.org"),
        (
            "base_url: must have neither query nor fragment nor credentials, which are "
            "api_login and api_key. Nothing was sent."
        ),
    ),
    (
        lambda: asyncio.to_thread(session, api_key="key\n"),
        (
            "api_key: must be 1 to 256 visible ASCII characters, without spaces or "
            "line breaks. Nothing was sent."
        ),
    ),
    (
        lambda: asyncio.to_thread(OctopushSession.from_env),
        (
            "OCTOPUSH_API_LOGIN: this environment variable is not set; set it, or pass "
            "api_login and api_key to OctopushSession. Nothing was sent."
        ),
    ),
    (
        lambda: asyncio.to_thread(session, retry=3),
        "retry: must be a RetryPolicy (got int). Nothing was sent.",
    ),
    (
        lambda: asyncio.to_thread(session, max_in_flight="3"),
        "max_in_flight: must be a number (got str). Nothing was sent.",
    ),
    (
        lambda: asyncio.to_thread(session, transport=Gateway()),
        (
            "transport: must have send and close, as SandboxTransport(gateway) has "
            "(got Gateway). Nothing was sent."
        ),
    ),
    (
        lambda: asyncio.to_thread(session, proxy="socks5://127.0.0.1:1080"),
        (
            "proxy: is a SOCKS proxy, which is not supported; use an HTTP proxy. "
            "Nothing was sent."
        ),
    ),
    (
        lambda: asyncio.to_thread(RetryPolicy, attempts=0),
        "attempts: must be at least 1 (got 0). Nothing was sent.",
    ),
    (
        after_its_end,
        "this OctopushSession is closed; open a new one",
    ),
    (
        lambda: send(
            settings=GatewaySettings(api_login="me@example.org", api_key="k3y")
        ),
        (
            "POST /v1/public/sms-campaign/send: the credentials were refused (HTTP "
            "401). Nothing was sent. Check OCTOPUSH_API_LOGIN and OCTOPUSH_API_KEY, or "
            "the arguments passed in their place."
        ),
    ),
    (
        lambda: send(base_url=HTTP),
        (
            "POST /v1/public/sms-campaign/send: cannot connect to 127.0.0.1:9 "
            "(ClientConnectorError) after 4 attempts. Nothing was sent. Start "
            "`octopush sandbox`, or check base_url."
        ),
    ),
    # bulk
    (
        lambda: bulk("people.csv"),
        (
            "source: must be an iterable of recipients; for a file use read_csv(path) "
            "(got str). Nothing was sent."
        ),
    ),
    (
        lambda: bulk(NUMBER),
        (
            "source: must be an iterable of recipients; [one] for a single one (got "
            "str). Nothing was sent."
        ),
    ),
    (
        lambda: bulk(Recipient(NUMBER)),
        (
            "source: must be an iterable of recipients; [one] for a single one (got "
            "Recipient). Nothing was sent."
        ),
    ),
    (
        lambda: bulk(lambda: [NUMBER]),
        "source: must be an iterable of recipients (got function). Nothing was sent.",
    ),
    (
        lambda: bulk(read_csv("people.csv")),
        "people.csv: there is no such file; check the path.",
    ),
    (
        lambda: bulk(exclude="stop.csv"),
        (
            "exclude: must be an iterable of recipients; for a file use read_csv(path) "
            "(got str). Nothing was sent."
        ),
    ),
    (
        lambda: bulk(max_cost="5"),
        "max_cost: must be a number (got str). Nothing was sent.",
    ),
    (
        lambda: bulk(on_invalid="ignore"),
        "on_invalid: must be 'skip' or 'error' (got 'ignore'). Nothing was sent.",
    ),
    (
        lambda: bulk(sender=None),
        (
            "sender: is missing: text, sender and purpose are given together, or none. "
            "Nothing was sent."
        ),
    ),
    (
        lambda: bulk(name=48),
        "name: must be a str (got int). Nothing was sent.",
    ),
    (
        lambda: bulk(identity="param1"),
        (
            "identity: must be a function of an item, such as lambda one: one.param1 "
            "(got str). Nothing was sent."
        ),
    ),
    (
        lambda: bulk(name=" "),
        "name: must name the run (got ' '). Nothing was sent.",
    ),
    (
        lambda: bulk(ledger=48),
        "ledger: must be a path or a Ledger (got int). Nothing was sent.",
    ),
    (
        lambda: bulk(ledger="postgresql://me:secret@localhost/octopush"),
        (
            "ledger: must be a path; for a database use PostgresLedger(address). "
            "Nothing was sent."
        ),
    ),
    (
        lambda: bulk(ledger="nowhere/run.db"),
        "nowhere/run.db: its folder does not exist; create it, or name another file.",
    ),
    (
        lambda: bulk(text="Hi {first_name}"),
        (
            "source: has no value for {first_name} in 1 of its first 1 items; leave "
            "them out (on_missing='skip') or send to them (on_missing='send'). Nothing "
            "was sent."
        ),
    ),
    (
        sent_twice,
        "a run object sends once; create a new one with the same name to resume",
    ),
    (
        another_text,
        (
            "name: names a run that began with another text, which 1 person has had; "
            "another name starts another run, which sends to all of them again (got "
            "'week-48'). Nothing was sent."
        ),
    ),
    # secrets and codes
    (
        lambda: asyncio.to_thread(pickle.dumps, Secret("t0k3n")),
        (
            "a Secret cannot be pickled or serialized: pass secret.reveal() instead, "
            "where only your program can read it"
        ),
    ),
    (
        lambda: asyncio.to_thread(dict, Secret("t0k3n")),
        (
            "a Secret cannot be pickled or serialized: pass secret.reveal() instead, "
            "where only your program can read it"
        ),
    ),
    (
        lambda: otp("validate", code=1234, phone_number=NUMBER),
        "code: must be a str (got int). Nothing was sent.",
    ),
    (
        lambda: otp("validate", code="1234"),
        "token: either this or phone_number must be given. Nothing was sent.",
    ),
    (
        lambda: otp("validate", code="1234", token="***"),
        (
            "token: is the mask of a Secret; pass the Secret, or secret.reveal(). "
            "Nothing was sent."
        ),
    ),
    (
        lambda: otp("generate", phone_number=NUMBER, text="Your code", sender="Acme"),
        "text: must contain {code}, for the code itself. Nothing was sent.",
    ),
    # the gateway fails
    (
        lambda: fails(lambda one: one.settings.update(sender_for_sms_premium="Acme")),
        (
            "PATCH /v1/public/user/campaign-parameters/edit: the gateway failed (HTTP "
            "500) after 4 attempts. It may have been done. A repeat is harmless."
        ),
    ),
    (
        lambda: fails(lambda one: one.contacts.create_list("customers")),
        (
            "POST /v1/public/contact-list/create: the gateway failed (HTTP 500). It "
            "may have been done. Check before you repeat it: this operation has no "
            "request_id that would protect a repeat."
        ),
    ),
]
