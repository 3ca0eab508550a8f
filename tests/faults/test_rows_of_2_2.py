"""
The decision table, row by row, over real sockets: what the caller gets, how often the
gateway was tried, under which ids, and what its sent log holds.

Cases with a request_id are played under both laws of the gateway: ids are noted on
acceptance, or burnt on receipt.
"""

import asyncio
import logging
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from attrs import Factory, frozen
from fakes import MESSAGE
from faults.clients import (
    CALLS,
    SHORT,
    resolving,
    result_of,
    server_tls,
    session_to,
    timeouts_for,
    trusting_tls,
)
from faults.gateway import FaultGateway

from aiooctopush import (
    AuthenticationError,
    DuplicateRequestError,
    InsufficientCreditError,
    InvalidFieldError,
    InvalidRequestError,
    InvalidResponseError,
    NotSentError,
    Outcome,
    RetryPolicy,
    ServerError,
    SmsRequest,
    ThrottledError,
    Timeouts,
    TransportSecurityError,
    UnknownOutcomeError,
)
from aiooctopush.sandbox import VirtualClock
from aiooctopush.sandbox.clock import START


pytestmark = pytest.mark.usefixtures("_way")

ACCEPTED, PRESUMED = Outcome.ACCEPTED, Outcome.PRESUMED
KEPT, NEW = "kept", "new"
LAWS = [pytest.param(False, id="on acceptance"), pytest.param(True, id="on receipt")]


@frozen(kw_only=True)
class Case:
    """
    One cell of the table.

    Attributes:
        row: Its number.
        call: Which of the four kinds of operation.
        script: What the gateway does, healthy afterwards.
        gets: What the caller gets: an outcome, or class, outcome and ``maybe_sent``.
        tries: How often the gateway was tried.
        sent_log: How many entries it then has.
        ids: Whether all tries carried one id, or each its own.
        options: Of the call.
        burnt: ``gets`` and ``sent_log``, if they differ where ids are burnt on receipt.
    """

    row: int
    call: str
    script: tuple
    gets: object
    tries: int
    sent_log: int
    ids: str = KEPT
    options: dict = Factory(dict)
    burnt: tuple | None = None
    note: str = ""

    @property
    def id(self):
        """Its name in the report."""
        names = [f"row {self.row}", *self.script, self.call, self.note]
        return ", ".join(filter(None, names))


def unknown(kind, *, write=True):
    """An error of unknown outcome; a read cannot have changed anything."""
    return kind, Outcome.UNKNOWN, write


def refused(kind):
    """An error that proves that nothing was done."""
    return kind, Outcome.REFUSED, False


def not_sent(kind=NotSentError):
    """An error that proves that nothing was sent."""
    return kind, Outcome.NOT_SENT, False


# --- the rows as data -----------------------------------------------------------------

# Tried again carefully where a repeat is harmless; never a write without request_id.
LOST, RECEIVED, DONE = "not arrived", "received", "done"
CAREFUL = [
    (7, "rst_accept", UnknownOutcomeError, LOST),
    (7, "fin_accept", UnknownOutcomeError, LOST),
    (7, "rst_after_headers", UnknownOutcomeError, LOST),
    (7, "rst_after_commit", UnknownOutcomeError, DONE),
    (7, "fin_after_commit", UnknownOutcomeError, DONE),
    (7, "half_a_header_after_commit", UnknownOutcomeError, DONE),
    (9, "hang_before_commit", UnknownOutcomeError, RECEIVED),
    (9, "hang_after_commit", UnknownOutcomeError, DONE),
    (9, "slow_loris_after_commit", UnknownOutcomeError, DONE),
    (10, "truncated_after_commit", InvalidResponseError, DONE),
    (10, "broken_chunking_after_commit", InvalidResponseError, DONE),
    (10, "bad_status_line_after_commit", InvalidResponseError, DONE),
    (10, "big_header_after_commit", InvalidResponseError, DONE),
    (10, "bad_gzip_after_commit", InvalidResponseError, DONE),
    (10, "oversized_after_commit", InvalidResponseError, DONE),
    (12, "timeout_408", ServerError, RECEIVED),
    (15, "error_500", ServerError, RECEIVED),
    (15, "error_500_after_commit", ServerError, DONE),
    (16, "error_502", ServerError, RECEIVED),
    (16, "error_504_after_commit", ServerError, DONE),
    (16, "error_522", ServerError, RECEIVED),
    (17, "error_503", ServerError, RECEIVED),
    (17, "error_503_bare", ServerError, RECEIVED),
]


def careful(row, kind, error, fate):
    """The four columns of a row whose outcome is unknown."""
    done = fate == DONE
    common = {"row": row, "script": (kind,)}
    yield Case(
        **common,
        call="request_id",
        gets=PRESUMED if done else ACCEPTED,
        tries=2,
        sent_log=1,
        # It was noted and never executed: this residue is why it is only presumed.
        burnt=(PRESUMED, 0) if fate == RECEIVED else None,
    )
    yield Case(
        **common,
        call="confirm",
        gets=unknown(error),
        tries=1,
        sent_log=1 if done else 0,
    )
    yield Case(**common, call="read", gets=ACCEPTED, tries=2, sent_log=0)
    yield Case(
        **common,
        call="delete",
        gets=PRESUMED if done else ACCEPTED,
        tries=2,
        sent_log=1,
    )


# The same, but what a body holds matters to operations that read it.
SPOILT = ["html", "bad_json", "bad_utf8", "deep_nesting", "giant_integer", "nan"]


def unreadable(kind):
    """The columns of row 10, for a body under a real status."""
    common = {"row": 10, "script": (f"{kind}_after_commit",)}
    yield Case(**common, call="request_id", gets=PRESUMED, tries=2, sent_log=1)
    yield Case(
        **common,
        call="confirm",
        gets=unknown(InvalidResponseError),
        tries=1,
        sent_log=1,
    )
    yield Case(**common, call="read", gets=ACCEPTED, tries=2, sent_log=0)


# Not tried again, and nothing known.
SILENT = [
    *((11, f"redirect_{status}") for status in (301, 302, 303, 307, 308)),
    (21, "firewall_403"),
    (21, "conflict_409"),
]


def not_repeated(row, kind):
    """The four columns of a row of unknown outcome that nobody repeats."""
    for call in CALLS:
        error = unknown(InvalidResponseError, write=call != "read")
        yield Case(row=row, script=(kind,), call=call, gets=error, tries=1, sent_log=0)


# Not tried again, and nothing was done.
REFUSED = [
    (18, "refused_121", InvalidRequestError),
    (18, "refused_unknown_code", InvalidRequestError),
    (18, "too_large_413", InvalidRequestError),
    (19, "wrong_key_401", AuthenticationError),
    (19, "wrong_key_401_page", AuthenticationError),
    (19, "forbidden_403", AuthenticationError),
    (20, "no_credit_400", InsufficientCreditError),
    (20, "no_credit_402", InsufficientCreditError),
]


def refusing(row, kind, error):
    """The four columns of a refusal."""
    for call in CALLS:
        yield Case(
            row=row, script=(kind,), call=call, gets=refused(error), tries=1, sent_log=0
        )


# Tried again by everyone, under a new id.
THROTTLED = [
    (13, "too_early_425"),
    (14, "throttled_429"),
    (14, "throttled_429_bare"),
]


def throttled(row, kind):
    """The four columns of a row that throttles."""
    for call in CALLS:
        sent_log = 0 if call == "read" else 1
        common = {"row": row, "script": (kind,), "call": call, "sent_log": sent_log}
        yield Case(**common, gets=ACCEPTED, tries=2, ids=NEW)


OURS = {"request_id": "order-1"}
RETRY = {"on_unknown": "retry"}
LATE, SLOW, BUSY = "error_502_late_commit", "throttled_429_for_long", "throttled_429"
CUT, GONE, BROKEN = "rst_after_commit", "rst_accept", ("error_500",) * 4
UNREAD, SILENCE = unknown(InvalidResponseError), unknown(UnknownOutcomeError)
SLOWED = refused(ThrottledError)
# Row, note, script, call, what the caller gets, tries, entries in the log, the rest.
SINGLE = [
    (7, "twice", (CUT, "fin_accept"), "request_id", PRESUMED, 3, 1, {}),
    (10, "", ("no_ticket_after_commit",), "request_id", PRESUMED, 2, 1, {}),
    (10, "", ("empty_after_commit",), "request_id", PRESUMED, 2, 1, {}),
    (
        *(14, "an id of the caller is never replaced", (BUSY,), "request_id"),
        *(ACCEPTED, 2, 1),
        {"options": OURS, "burnt": (refused(DuplicateRequestError), 0)},
    ),
    (14, "silence keeps the id", (CUT, BUSY), "request_id", PRESUMED, 3, 1, {}),
    (14, "beyond the deadline", (SLOW,), "request_id", SLOWED, 1, 0, {}),
    (14, "beyond the deadline", (SLOW,), "confirm", SLOWED, 1, 0, {}),
    (
        16,
        "executed meanwhile",
        (LATE,),
        "request_id",
        PRESUMED,
        2,
        1,
        {},
    ),
    (16, "executed later", (LATE,), "confirm", unknown(ServerError), 1, 1, {}),
    (
        *(17, "beyond the deadline", ("error_503_for_long",), "request_id"),
        *(unknown(ServerError), 1, 0, {}),
    ),
    (28, "any unknown", (GONE, *[BUSY] * 3), "request_id", SILENCE, 4, 0, {}),
    (28, "", BROKEN, "request_id", unknown(ServerError), 4, 0, {}),
    (28, "", BROKEN, "read", unknown(ServerError, write=False), 4, 0, {}),
    (28, "all refused", (BUSY,) * 4, "request_id", SLOWED, 4, 0, {"ids": NEW}),
    (
        *(18, "after silence", ("error_500_after_commit", "refused_121")),
        *("request_id", unknown(InvalidRequestError), 2, 1, {}),
    ),
    # Twice in the sent log: that is what the caller asked for.
    (7, "repeated", (GONE,), "confirm", ACCEPTED, 2, 1, {"options": RETRY}),
    (7, "repeated", (CUT,), "confirm", ACCEPTED, 2, 2, {"options": RETRY}),
    (11, "repeated", ("redirect_307",), "confirm", UNREAD, 1, 0, {"options": RETRY}),
    (21, "repeated", ("firewall_403",), "confirm", UNREAD, 1, 0, {"options": RETRY}),
]


def single(row, note, script, call, gets, tries, sent_log, more):  # noqa: PLR0917
    """A cell that is like no other."""
    columns = {"row": row, "note": note, "script": script, "call": call}
    return Case(**columns, gets=gets, tries=tries, sent_log=sent_log, **more)


TABLE = [
    *(case for row in CAREFUL for case in careful(*row)),
    *(case for row in SPOILT for case in unreadable(row)),
    *(case for row in SILENT for case in not_repeated(*row)),
    *(case for row in REFUSED for case in refusing(*row)),
    *(case for row in THROTTLED for case in throttled(*row)),
    *(single(*cell) for cell in SINGLE),
]


def what(result):
    """An outcome, or class, outcome and ``maybe_sent`` of an error."""
    if isinstance(result, Exception):
        return type(result), result.outcome, result.maybe_sent
    return result.outcome


def waits_needed(script):
    """The least seconds before each retry."""
    after = {"throttled_429": 2.0, "error_503": 2.0}
    refusals = {"throttled_429_bare", "too_early_425"}
    return [after.get(kind, 0.0 if kind in refusals else 1.0) for kind in script]


def cells():
    """Every case, named; the law matters only where there is an id."""
    for case in TABLE:
        yield pytest.param(case, False, id=case.id)
        if case.call == "request_id":
            yield pytest.param(case, True, id=f"{case.id}, burnt ids")


@pytest.mark.parametrize(("case", "burns_ids"), list(cells()))
async def test_a_cell_of_the_table(case, burns_ids):
    """What comes out, tries, ids and sent log are those of the specification."""
    clock, told = VirtualClock(), []
    gets, sent_log = (burns_ids and case.burnt) or (case.gets, case.sent_log)

    async with playing(
        *case.script,
        burns_ids=burns_ids,
        clock=clock,
        on_attempt=told.append,
        timeouts=timeouts_for(case.script),
    ) as (gateway, octopush):
        result = await result_of(CALLS[case.call](octopush.sms, **case.options))

    assert what(result) == gets
    assert gateway.tries == result.attempts == case.tries
    assert gateway.sent_log.total() == sent_log
    if case.call == "request_id":
        assert len(set(gateway.ids)) == (len(gateway.ids) if case.ids == NEW else 1)
        assert result.request_id == gateway.ids[-1]
    waited = zip(clock.sleeps, waits_needed(case.script), strict=False)
    assert all(slept >= needed for slept, needed in waited)
    assert [one.attempt for one in told] == list(range(1, case.tries + 1))
    assert [one.delay for one in told] == [*clock.sleeps, None]


# --- rows that need more than a script ------------------------------------------------


@asynccontextmanager
async def playing(*script, burns_ids=False, tls=None, date=None, **options):
    """A gateway that plays a script, and a session with it."""
    async with (
        FaultGateway(*script, burns_ids=burns_ids, tls=tls, date=date) as gateway,
        session_to(gateway.url, **options) as octopush,
    ):
        yield gateway, octopush


@asynccontextmanager
async def playing_at(hosts, *script, **options):
    """A gateway behind a name that leads to these addresses, one after the other."""
    async with (
        FaultGateway(*script) as gateway,
        resolving(*hosts) as client_session,
        session_to(
            f"http://gateway.test:{gateway.port}",
            client_session=client_session,
            **options,
        ) as octopush,
    ):
        yield gateway, octopush


@pytest.mark.parametrize("call", CALLS)
async def test_row_1(call):
    """What is malformed is raised at once, and nobody is asked."""
    wrong = {"request_id": {"request_id": ""}, "confirm": {"on_unknown": "perhaps"}}

    async with playing() as (gateway, octopush):
        if call in wrong:
            result = await result_of(CALLS[call](octopush.sms, **wrong[call]))
        else:
            result = await result_of(octopush.sms.cancel(" "))

    assert what(result) == not_sent(InvalidFieldError)
    assert gateway.connections == 0


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("row", "hosts"),
    [
        pytest.param(2, [None, "127.0.0.1"], id="row 2"),
        # The gateway listens on 127.0.0.1 alone.
        pytest.param(3, ["127.0.0.2", "127.0.0.1"], id="row 3"),
    ],
)
async def test_rows_2_and_3(call, row, hosts):
    """What found no address, or no server there, is tried again fast, as it was."""
    clock = VirtualClock()

    async with playing_at(hosts, clock=clock) as (gateway, octopush):
        result = await CALLS[call](octopush.sms)

    assert (result.outcome, result.attempts) == (ACCEPTED, 2), row
    assert gateway.sent_log.total() == (0 if call == "read" else 1)
    assert clock.sleeps == [0.05]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("row", "kind"),
    [
        pytest.param(3, "tls_stall", id="row 3, connect time-out"),
        pytest.param(5, "tls_garbage", id="row 5, handshake"),
    ],
)
async def test_rows_3_and_5(call, row, kind):
    """What found no connection is tried again fast, as it was."""
    clock = VirtualClock()

    async with (
        FaultGateway(kind, tls=server_tls()) as gateway,
        session_to(
            gateway.url,
            clock=clock,
            ssl_context=trusting_tls(),
            timeouts=Timeouts(connect=0.1),
        ) as octopush,
    ):
        result = await CALLS[call](octopush.sms)

    assert (result.outcome, result.attempts) == (ACCEPTED, 2), row
    assert (gateway.tries, len(gateway.requests)) == (2, 1)
    assert clock.sleeps == [0.05]


@pytest.mark.parametrize("call", CALLS)
async def test_row_4(call):
    """A certificate that nobody vouches for is no weather: not tried again."""
    async with playing(tls=server_tls()) as (gateway, octopush):
        result = await result_of(CALLS[call](octopush.sms))

    assert what(result) == not_sent(TransportSecurityError)
    assert (gateway.tries, gateway.requests) == (1, [])


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("status", "tries"), [(403, 4), (407, 1), (502, 4)])
async def test_row_5_proxies(call, status, tries):
    """A proxy that opens no tunnel is asked again, unless it wants a password."""
    async with (
        FaultGateway(*[f"proxy_{status}"] * 4) as proxy,
        session_to("https://gateway.test", proxy=proxy.url) as octopush,
    ):
        result = await result_of(CALLS[call](octopush.sms))

    assert what(result) == not_sent()
    assert proxy.tries == result.attempts == tries


@pytest.mark.parametrize("call", CALLS)
async def test_row_6(call):
    """Without a free slot before the deadline nothing is sent, and nothing queued."""
    async with (
        FaultGateway("hang_before_commit") as gateway,
        session_to(gateway.url, max_in_flight=1, timeouts=SHORT) as octopush,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(result_of(octopush.sms.confirm("sms_1", audience="tag")))
        while not gateway.requests:
            await asyncio.sleep(0)
        result = await result_of(CALLS[call](octopush.sms, timeout=0.05))

    assert what(result) == not_sent()
    assert result.attempts == 0
    assert gateway.tries == 1


async def test_row_8():
    """What broke on a kept connection goes over a fresh one, under the same id."""
    async with playing("reset_as_the_client_writes") as (gateway, octopush):
        await octopush.sms.draft()
        sent = await octopush.sms.send(**MESSAGE)

    assert (sent.outcome, sent.attempts) == (ACCEPTED, 2)
    assert [one.connection for one in gateway.requests] == [1, 2]
    assert gateway.ids[-1] == sent.request_id
    assert gateway.sent_log.total() == 1


async def test_row_8_without_request_id():
    """A write without request_id is not repeated, though the connection was old."""
    async with playing("reset_as_the_client_writes") as (gateway, octopush):
        await octopush.sms.draft()
        result = await result_of(octopush.sms.confirm("sms_1", audience="list"))

    assert what(result) == unknown(UnknownOutcomeError)
    assert (gateway.tries, gateway.sent_log.total()) == (2, 0)


async def test_row_8_read():
    """A read is repeated, by whomever."""
    async with playing("reset_as_the_client_writes") as (gateway, octopush):
        await octopush.sms.draft()
        read = await octopush.sms.draft()

    assert (read.outcome, len(gateway.requests)) == (ACCEPTED, 2)


async def test_row_8_delete():
    """A DELETE that broke is sent once in each try, the second over a fresh one."""
    async with playing("reset_as_the_client_writes") as (gateway, octopush):
        await octopush.sms.draft()
        cancelled = await octopush.sms.cancel("sms_1")

    assert (cancelled.outcome, cancelled.attempts) == (ACCEPTED, 2)
    assert gateway.sent_log.total() == 1
    assert [one.connection for one in gateway.requests] == [1, 2]


@pytest.mark.parametrize("kind", ["error_500", "hang_before_commit", "timeout_408"])
async def test_after_silence_a_fresh_connection_is_taken(kind):
    """No idle connection is trusted after a try without an answer."""
    async with playing(None, kind, timeouts=timeouts_for([kind])) as (
        gateway,
        octopush,
    ):
        await octopush.sms.draft()
        await octopush.sms.send(**MESSAGE)

    assert [one.connection for one in gateway.requests] == [1, 1, 2]


async def test_row_10_delete():
    """A page of somebody on the way does not mean that a campaign was cancelled."""
    async with playing("html_after_commit") as (gateway, octopush):
        cancelled = await octopush.sms.cancel("sms_1")

    assert (cancelled.outcome, gateway.tries) == (PRESUMED, 2)


@pytest.mark.parametrize("burns_ids", LAWS)
async def test_row_23(burns_ids):
    """An id that somebody else used is a duplicate, and nothing was sent."""
    async with playing(burns_ids=burns_ids) as (gateway, octopush):
        await octopush.sms.send(**MESSAGE, request_id="order-1")
        result = await result_of(octopush.sms.send(**MESSAGE, request_id="order-1"))

    assert what(result) == refused(DuplicateRequestError)
    assert (gateway.tries, gateway.sent_log.total()) == (2, 1)


async def test_row_23_after_a_try_that_never_left():
    """A try that was not sent cannot have used the id."""
    async with playing_at((None, "127.0.0.1")) as (gateway, octopush):
        gateway.noted.add("order-1")
        result = await result_of(octopush.sms.send(**MESSAGE, request_id="order-1"))

    assert what(result) == refused(DuplicateRequestError)
    assert (result.attempts, gateway.tries) == (2, 1)


async def cancelled_while(octopush, call, reached):
    """The notes of a call that is cancelled once something is reached."""
    task = asyncio.ensure_future(CALLS[call](octopush.sms))
    while not reached():
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    return getattr(caught.value, "__notes__", [])


@pytest.mark.parametrize("call", CALLS)
async def test_row_25(call):
    """Who is cancelled while queueing has sent nothing, and reads nothing else."""
    async with (
        FaultGateway("hang_before_commit") as gateway,
        session_to(gateway.url, max_in_flight=1, timeouts=SHORT) as octopush,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(result_of(octopush.sms.confirm("sms_1", audience="tag")))
        while not gateway.requests:
            await asyncio.sleep(0)
        notes = await cancelled_while(
            octopush, call, lambda: octopush._call.limiter._queue
        )

    assert notes == []
    assert gateway.tries == 1


async def test_row_25_while_connecting():
    """
    Who is cancelled while connecting is told that it may have been executed.

    Nothing was; but aiohttp does not say when it hands a connection over, so the note
    errs on the safe side.
    """
    async with playing("tls_stall", tls=server_tls()) as (gateway, octopush):
        notes = await cancelled_while(octopush, "request_id", lambda: gateway.tries)

    assert len(notes) == 1
    assert "may have been executed" in notes[0]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("request_id", "may have been executed, request_id"),
        ("confirm", "may have been executed"),
        ("read", None),
        ("delete", "may have been executed"),
    ],
)
async def test_row_26(call, expected):
    """Who is cancelled later learns that it may have been executed, and the id."""
    async with playing("hang_after_commit") as (gateway, octopush):
        notes = await cancelled_while(octopush, call, lambda: gateway.requests)

    if expected is None:
        assert notes == []
    else:
        assert expected in notes[0]
        assert gateway.ids[0] is None or gateway.ids[0] in notes[0]
    assert gateway.tries == 1


@pytest.mark.parametrize("call", CALLS)
async def test_row_27(call):
    """If no try left, the last error comes out, and nothing was sent."""
    async with (
        resolving(*[None] * 4) as client_session,
        session_to("http://gateway.test", client_session=client_session) as octopush,
    ):
        result = await result_of(CALLS[call](octopush.sms))

    assert what(result) == not_sent()
    assert result.attempts == 4


async def test_row_28_not_sent_last():
    """A last try that never left does not unsay the one before it."""
    async with playing_at(("127.0.0.1", *[None] * 3), "rst_after_commit") as (
        gateway,
        octopush,
    ):
        result = await result_of(octopush.sms.send(**MESSAGE))

    assert what(result) == unknown(UnknownOutcomeError)
    assert result.request_id == gateway.ids[0]
    assert result.safe_to_retry_until == START + timedelta(hours=23)
    assert gateway.sent_log.total() == 1


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("request_id", unknown(ServerError)),
        ("read", unknown(ServerError, write=False)),
        ("delete", unknown(ServerError)),
    ],
)
async def test_row_29(call, expected):
    """Without quota the error comes out at once, and says why."""
    async with playing(*["error_503"] * 9, retry=RetryPolicy(budget=13)) as (
        gateway,
        octopush,
    ):
        result = await result_of(CALLS[call](octopush.sms))

    assert what(result) == expected
    assert result.retry_budget_exhausted is True
    assert gateway.tries == 1


class JumpingClock(VirtualClock):
    """A clock whose wall jumps during every pause."""

    def __init__(self, *jumps):
        super().__init__()
        self.jumps = list(jumps)

    async def sleep(self, seconds):
        """See `Clock.sleep`."""
        await super().sleep(seconds)
        self.jump(self.jumps.pop(0))


HOUR = 3600


@pytest.mark.parametrize(
    ("row", "jumps", "tries", "until"),
    [
        pytest.param(30, [23 * HOUR], 1, 23, id="rows 30 and 31, a suspend"),
        pytest.param(30, [22 * HOUR, HOUR], 2, 23, id="row 30, 23 hours in all"),
        pytest.param(32, [24 * HOUR], 1, 23, id="row 32, a step forward"),
        pytest.param(33, [22 * HOUR, -30 * HOUR, 24 * HOUR], 4, 17, id="row 33, back"),
        pytest.param(33, [-HOUR, -HOUR, -HOUR], 4, 20, id="row 33, only back"),
    ],
)
@pytest.mark.parametrize("burns_ids", LAWS)
async def test_rows_30_to_33(row, jumps, tries, until, burns_ids):
    """
    Past 23 hours on the latest wall that was seen, nothing is sent again.

    Until when it is safe is told on the wall that the caller has, which is behind.
    """
    clock = JumpingClock(*jumps)
    silent = ["rst_accept"] * 4

    async with playing(*silent, burns_ids=burns_ids, clock=clock) as (
        gateway,
        octopush,
    ):
        result = await result_of(octopush.sms.send(**MESSAGE))

    assert what(result) == unknown(UnknownOutcomeError), row
    assert gateway.tries == result.attempts == tries
    told = result.safe_to_retry_until - START
    assert told.total_seconds() == pytest.approx(until * HOUR, abs=0.01)


async def test_row_33_after_the_age_was_reached():
    """A clock that steps back does not make an old id young."""
    clock = JumpingClock(23 * HOUR)

    async with playing(*["rst_accept"] * 4, clock=clock) as (gateway, octopush):
        request = SmsRequest(**MESSAGE)
        error = await result_of(octopush.sms.send_request(request))
        clock.jump(-20 * HOUR)
        later = await result_of(
            octopush.sms.settle(request, safe_to_retry_until=error.safe_to_retry_until)
        )

    assert what(later) == unknown(UnknownOutcomeError)
    assert gateway.tries == 1


async def test_row_34(caplog):
    """A gateway whose clock is a day ahead is believed, and named once."""
    caplog.set_level(logging.WARNING, logger="aiooctopush")
    date = "Tue, 06 Jan 2026 10:00:00 GMT"

    async with playing(*["error_500"] * 4, date=date) as (gateway, octopush):
        result = await result_of(octopush.sms.send(**MESSAGE))

    assert what(result) == unknown(ServerError)
    assert gateway.tries == 1
    warnings = [one for one in caplog.messages if "clock" in one]
    assert len(warnings) == 1


# --- settle ---------------------------------------------------------------------------

UNTIL = START + timedelta(hours=23)
SETTLED = [
    # What the first call met, what settling meets, and what comes out of it.
    ("rst_accept", (), ACCEPTED, 1),
    ("rst_after_commit", (), PRESUMED, 1),
    ("error_502_late_commit", (), PRESUMED, 1),
    ("rst_after_commit", ("error_500",), PRESUMED, 1),
    ("rst_after_commit", ("throttled_429",), PRESUMED, 1),
    ("rst_accept", ("throttled_429",), ACCEPTED, 1),
    ("rst_accept", ("rst_after_commit",), PRESUMED, 1),
    ("rst_after_commit", ("rst_accept",) * 4, unknown(UnknownOutcomeError), 1),
    ("rst_after_commit", ("refused_121",), unknown(InvalidRequestError), 1),
    ("rst_accept", ("firewall_403",), unknown(InvalidResponseError), 0),
]


@pytest.mark.parametrize("burns_ids", LAWS)
@pytest.mark.parametrize(
    ("first", "then", "gets", "sent_log"),
    [pytest.param(*one, id=", ".join([one[0], *one[1]])) for one in SETTLED],
)
async def test_settling(first, then, gets, sent_log, burns_ids):
    """Asked again with its id, it is sent now or was sent then, and never twice."""
    request, clock, told = SmsRequest(**MESSAGE), VirtualClock(), []

    async with FaultGateway(first, *then, burns_ids=burns_ids) as gateway:
        async with session_to(gateway.url, retry=RetryPolicy(attempts=1)) as before:
            error = await result_of(before.sms.send_request(request))
        async with session_to(
            gateway.url, clock=clock, on_attempt=told.append
        ) as after:
            result = await result_of(
                after.sms.settle(request, safe_to_retry_until=error.safe_to_retry_until)
            )

    # A gateway that burns ids keeps silent about one that it refused for its speed.
    burnt = burns_ids and (first, then) == ("rst_accept", ("throttled_429",))
    assert what(result) == (PRESUMED if burnt else gets)
    assert gateway.sent_log.total() == (0 if burnt else sent_log)
    assert set(gateway.ids) == {request.request_id}
    assert clock.sleeps[0] >= 1.0, "the first try may still be executing"
    assert [one.attempt for one in told] == list(range(1, result.attempts + 1))
    assert gateway.tries == 1 + result.attempts
    assert getattr(result, "safe_to_retry_until", UNTIL) == UNTIL


async def test_settling_too_late():
    """After 23 hours nothing is sent: the gateway may have forgotten the id."""
    request, clock, told = SmsRequest(**MESSAGE), VirtualClock(), []
    clock.advance(23 * HOUR)

    async with playing(clock=clock, on_attempt=told.append) as (gateway, octopush):
        result = await result_of(
            octopush.sms.settle(request, safe_to_retry_until=UNTIL)
        )

    assert what(result) == unknown(UnknownOutcomeError)
    assert (result.attempts, result.safe_to_retry_until) == (0, UNTIL)
    assert (gateway.connections, [one.attempt for one in told]) == (0, [0])


# --- what on_attempt is told ----------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "script", "expected"),
    [
        ("request_id", [], [("accepted", 201)]),
        ("request_id", ["rst_accept"], [("unknown", None), ("accepted", 201)]),
        (
            "request_id",
            ["error_500_after_commit"],
            [("unknown", 500), ("presumed", 400)],
        ),
        ("request_id", ["throttled_429"], [("refused", 429), ("accepted", 201)]),
        ("request_id", ["refused_121"], [("refused", 400)]),
        ("request_id", ["error_503"] * 4, [("unknown", 503)] * 4),
        ("confirm", ["fin_after_commit"], [("unknown", None)]),
        ("confirm", ["too_early_425"], [("refused", 425), ("accepted", 200)]),
        ("read", ["html_after_commit"], [("unknown", 200), ("accepted", 200)]),
        (
            "delete",
            ["error_504_after_commit"],
            [("unknown", 504), ("presumed", 404)],
        ),
    ],
)
async def test_what_on_attempt_is_told(call, script, expected):
    """One event for each try: its own outcome, its status, and the pause after it."""
    clock, told = VirtualClock(), []

    async with playing(*script, clock=clock, on_attempt=told.append) as (
        gateway,
        octopush,
    ):
        await result_of(CALLS[call](octopush.sms))

    assert [(one.outcome, one.status) for one in told] == expected
    assert [one.delay for one in told] == [*clock.sleeps, None]
    assert {(one.method, one.path) for one in told} == {
        (one.method, one.path) for one in gateway.requests[-1:]
    }


async def test_a_cancelled_try_is_told_as_unknown():
    """Nobody waits for its answer, and it may have been executed."""
    told = []

    async with playing("hang_after_commit", on_attempt=told.append) as (
        gateway,
        octopush,
    ):
        await cancelled_while(octopush, "request_id", lambda: gateway.requests)

    assert [(one.attempt, one.outcome, one.status) for one in told] == [
        (1, Outcome.UNKNOWN, None)
    ]
