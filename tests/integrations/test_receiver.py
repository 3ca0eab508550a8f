"""The receiver: a secret, a limit, an answer at once, and nothing lost in silence."""

import asyncio
import logging

import pytest
from integrations.callbacks import (
    NUMBER,
    TOKEN,
    Recorder,
    StandingClock,
    body,
    receipt,
    until,
)

from aiooctopush import InvalidFieldError, Secret
from aiooctopush.integrations._receiver import Limits, Receiver, check_token, new_token
from aiooctopush.sandbox import VirtualClock


async def pieces(*chunks):
    """A body that comes in pieces."""
    for chunk in chunks:
        yield chunk


async def post(receiver, *chunks, **changes):
    """Post a callback; each argument is a piece of its body."""
    request = {"method": "POST", "token": TOKEN, "content_type": None, "length": None}
    chunks = chunks or (body(receipt()),)
    return await receiver.receive(**{**request, **changes}, chunks=pieces(*chunks))


@pytest.fixture
def recorder():
    """What the receiver of a test hands its events to."""
    return Recorder()


def receiver_of(handler, *, clock=None, **limits):
    """A receiver with these limits, which waits for ever to drain."""
    clock = clock or StandingClock()
    return Receiver(handler, token=TOKEN, limits=Limits(**limits), clock=clock)


# --- construction ---------------------------------------------------------------------


def test_a_new_token_is_long_and_new():
    """256 bits in characters that a path carries as they are."""
    first, second = new_token(), new_token()

    assert len(first) == 43
    assert first != second
    assert check_token(first) == first.encode()


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(TOKEN, id="22 characters"),
        pytest.param("0123456789abcdef" * 2, id="32 hexadecimal"),
        pytest.param("0123456789ABCDEF" * 2, id="32 hexadecimal in capitals"),
        pytest.param(Secret(TOKEN), id="secret"),
        pytest.param("abcdefgh" * 32, id="256 characters"),
    ],
)
def test_tokens_of_128_bits_are_taken(token):
    """From 22 characters on, or 32 hexadecimal ones."""
    assert Receiver(Recorder(), token=token).waiting == 0


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param(TOKEN[:-1], id="21 characters"),
        pytest.param("0123456789abcdef0123456789abcde", id="31 hexadecimal"),
        pytest.param("0123456789ABCDEF0123456789ABCDE", id="31 in capitals"),
        pytest.param("abcdefg" * 6, id="seven different"),
        pytest.param("abcdefgh" * 32 + "i", id="257 characters"),
        pytest.param(TOKEN + "/", id="slash"),
        pytest.param(TOKEN + "\n", id="line break"),
        pytest.param(TOKEN + "é", id="accent"),
        pytest.param(TOKEN.encode(), id="bytes"),
        pytest.param(None, id="None"),
        pytest.param(Secret("guess-me"), id="short secret"),
    ],
)
def test_tokens_that_could_be_guessed_are_refused(token):
    """Before anything listens; and the error shows nothing of them."""
    with pytest.raises(InvalidFieldError, match=r"^token: must") as caught:
        Receiver(Recorder(), token=token)

    assert caught.value.shown is None


def test_a_handler_can_be_called():
    """What cannot is refused."""
    with pytest.raises(InvalidFieldError, match="handler: must be an async function"):
        Receiver("handle", token=TOKEN)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("max_body", 1, 1024 * 1024),
        ("queue_size", 1, 1_000_000),
        ("concurrency", 1, 1_000),
        ("remember", 0, 10_000_000),
        ("drain_seconds", 0, 3600),
    ],
)
def test_limits_have_bounds(name, least, most):
    """Both ends are taken, what is beyond and what is no number is not."""
    assert getattr(Limits(**{name: least}), name) == least
    assert getattr(Limits(**{name: most}), name) == most
    for bad in (least - 1, most + 1, True, "9", None):
        with pytest.raises(
            InvalidFieldError, match=f"^{name}: must be .*{least} to {most:,}"
        ):
            Limits(**{name: bad})


def test_the_defaults_are_those_of_the_documentation():
    """64 KiB, ten thousand, eight at once, ten seconds, no memory."""
    assert Limits() == Limits(
        max_body=65_536,
        queue_size=10_000,
        concurrency=8,
        drain_seconds=10.0,
        remember=0,
    )


def test_the_receiver_shows_no_token(recorder):
    """Its representation holds a count."""
    assert repr(receiver_of(recorder)) == "<Receiver: 0 events waiting>"


# --- answers --------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "GET", "HEAD", "DELETE"])
@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="none"),
        pytest.param(TOKEN[:-1], id="shorter"),
        pytest.param(TOKEN + "x", id="longer"),
        pytest.param(TOKEN.lower(), id="small"),
        pytest.param("é\ud800", id="no ASCII"),
    ],
)
async def test_without_the_token_there_is_nothing(recorder, token, method):
    """404 for any method, and the body is not read."""
    unread = pieces(b"[]")
    async with receiver_of(recorder) as receiver:
        status = await receiver.receive(
            method=method, token=token, content_type=None, length=2, chunks=unread
        )

    assert status == 404
    assert await anext(unread) == b"[]"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "post"])
async def test_only_post_is_taken(recorder, method):
    """With the token the rest is 405."""
    async with receiver_of(recorder) as receiver:
        assert await post(receiver, method=method) == 405

    assert recorder.events == []


async def test_a_callback_is_taken_and_handled(recorder):
    """In as many pieces as it comes."""
    whole = body(receipt())
    async with receiver_of(recorder) as receiver:
        assert await post(receiver, whole[:9], b"", whole[9:]) == 200

    assert recorder.statuses == ["DELIVERED"]


async def test_the_answer_comes_before_the_handler(recorder):
    """However long that takes."""
    recorder.gate.clear()
    async with receiver_of(recorder) as receiver:
        assert await post(receiver) == 200
        assert recorder.started == 0
        assert receiver.waiting == 1
        recorder.gate.set()

    assert receiver.waiting == 0


async def test_the_limit_holds_to_the_byte(recorder):
    """As many are taken, one more is 413."""
    whole = body(receipt())
    async with receiver_of(recorder, max_body=len(whole)) as receiver:
        assert await post(receiver, whole) == 200
        assert await post(receiver, whole, b" ") == 413
        assert await post(receiver, whole, length=len(whole)) == 200
        assert await post(receiver, whole, length=len(whole) + 1) == 413

    assert len(recorder.events) == 2


async def test_bytes_are_counted_while_they_come(recorder):
    """What goes over the limit is read no further."""
    came = []

    async def endless():
        while True:
            came.append(bytes(1_000))
            yield came[-1]

    async with receiver_of(recorder, max_body=4_500) as receiver:
        status = await receiver.receive(
            method="POST", token=TOKEN, content_type=None, length=9, chunks=endless()
        )

    assert (status, len(came)) == (413, 5)


async def test_the_unreadable_is_answered_and_logged(recorder, caplog):
    """Posted again it would be as unreadable. The log quotes nothing."""
    async with receiver_of(recorder) as receiver:
        assert await post(receiver, b"hush 0600000001") == 200

    assert recorder.events == []
    assert "one of 15 bytes was dropped" in caplog.text
    assert "hush" not in caplog.text


async def test_a_full_queue_refuses(caplog):
    """503 for the whole callback, one word in the log, and room again afterwards."""
    recorder = Recorder()
    recorder.gate.clear()
    async with receiver_of(recorder, queue_size=2, concurrency=1) as receiver:
        assert await post(receiver) == 200
        assert await post(receiver) == 200
        assert await post(receiver) == 503
        assert await post(receiver) == 503
        assert caplog.messages == ["callbacks: refusing, because 2 events are waiting"]
        recorder.gate.set()
        await until(lambda: receiver.waiting == 0)
        recorder.gate.clear()
        assert await post(receiver) == 200
        assert await post(receiver) == 200
        assert await post(receiver) == 503
        recorder.gate.set()

    assert len(recorder.events) == 4
    assert len(caplog.messages) == 2


async def test_a_large_callback_fits_where_there_is_room(recorder):
    """Whole, or it would be refused for ever."""
    async with receiver_of(recorder, queue_size=2) as receiver:
        assert await post(receiver, body(*[receipt()] * 5)) == 200

    assert len(recorder.events) == 5


# --- handling -------------------------------------------------------------------------


async def test_handlers_are_bounded(recorder):
    """Eight at once by default, however many events wait."""
    recorder.gate.clear()
    many = [receipt(f"+336000{number:05}") for number in range(200)]
    async with receiver_of(recorder) as receiver:
        await post(receiver, body(*many))
        await until(lambda: recorder.started == 8)
        for _ in range(99):
            await asyncio.sleep(0)
        assert recorder.started == 8
        recorder.gate.set()

    assert len(recorder.events) == 200


async def test_events_of_one_number_keep_their_order():
    """The next waits until the one before is handled; other numbers do not wait."""
    first = asyncio.Event()
    handled = []

    async def handle(event):
        if event.status == "ACK":
            await first.wait()
        handled.append((event.number, str(event.status)))

    async with receiver_of(handle) as receiver:
        await post(receiver, body(receipt(status="ACK")))
        await post(receiver, body(receipt(status="DELIVERED")))
        await post(receiver, body(receipt("+33600000002", status="READ")))
        await until(lambda: handled)
        first.set()

    assert handled == [
        ("+33600000002", "READ"),
        (NUMBER, "ACK"),
        (NUMBER, "DELIVERED"),
    ]


async def test_every_kind_of_event_is_handed_over(recorder):
    """Receipts, replies, STOPs, e-mails, and what is unknown."""
    contents = [
        receipt(),
        {"number": NUMBER, "reception_date": "x"},
        {"number": NUMBER, "stop_date": "x"},
        {"message_id": "e", "deliveries": []},
        {"visit": 1},
    ]
    async with receiver_of(recorder) as receiver:
        await post(receiver, body(*contents))

    assert {type(event).__name__ for event in recorder.events} == {
        "DeliveryReceipt",
        "Reply",
        "OptOut",
        "EmailReport",
        "UnknownCallback",
    }


async def test_a_handler_that_raises_stops_nobody(caplog):
    """It is logged by its kind and place, without its words and the event's."""
    recorder = Recorder(ValueError("hush +33600000001"))
    async with receiver_of(recorder) as receiver:
        await post(receiver, body(receipt(), receipt(status="READ")))

    (said,) = caplog.messages
    assert recorder.statuses == ["READ"]
    assert "the handler failed on a DeliveryReceipt (ValueError at callbacks.py" in said
    assert said.endswith("in __call__)")
    assert caplog.records[0].octopush_callback == "DeliveryReceipt"
    assert caplog.records[0].exc_info is None
    assert "hush" not in caplog.text
    assert "0000001" not in caplog.text


async def test_a_handler_that_is_not_async_is_told(caplog):
    """Every event counts as failed."""
    async with receiver_of(lambda event: None) as receiver:
        assert await post(receiver) == 200

    assert "TypeError" in caplog.messages[0]


async def test_a_cancellation_from_elsewhere_stops_nobody(caplog):
    """It belongs to what the handler awaited, not to the receiver."""
    recorder = Recorder(asyncio.CancelledError())
    async with receiver_of(recorder) as receiver:
        await post(receiver, body(receipt(), receipt(status="READ")))

    assert recorder.statuses == ["READ"]
    assert "CancelledError" in caplog.messages[0]


# --- repeats --------------------------------------------------------------------------


async def test_repeats_reach_the_handler_by_default(recorder):
    """Nothing is remembered unless it is asked for."""
    async with receiver_of(recorder) as receiver:
        await post(receiver)
        await post(receiver)

    assert recorder.statuses == ["DELIVERED", "DELIVERED"]


async def test_remembered_repeats_are_left_out(recorder):
    """By ticket, number and status; what has no identity is never a repeat."""
    again = receipt("33600000001")
    async with receiver_of(recorder, remember=10, concurrency=1) as receiver:
        await post(receiver, body(receipt(), again, receipt(status="READ")))
        assert await post(receiver) == 200
        await post(receiver, body({"visit": 1}, {"visit": 1}))

    assert [type(event).__name__ for event in recorder.events] == [
        "DeliveryReceipt",
        "DeliveryReceipt",
        "UnknownCallback",
        "UnknownCallback",
    ]


async def test_the_memory_is_bounded(recorder):
    """The oldest is forgotten first."""
    one, two, three = (receipt(ticket=f"sms_{number}") for number in "123")
    async with receiver_of(recorder, remember=2, concurrency=1) as receiver:
        await post(receiver, body(one, two, three, three, two, one))

    tickets = [event.ticket for event in recorder.events]
    assert tickets == ["sms_1", "sms_2", "sms_3", "sms_1"]


async def test_what_failed_is_no_repeat():
    """A repeat of it may have more luck."""
    recorder = Recorder(ValueError())
    async with receiver_of(recorder, remember=10) as receiver:
        await post(receiver)
        await until(lambda: receiver.waiting == 0)
        await post(receiver)

    assert recorder.statuses == ["DELIVERED"]


async def test_what_failed_without_identity_is_forgotten_anyway(caplog):
    """There is nothing to forget."""
    recorder = Recorder(ValueError())
    async with receiver_of(recorder, remember=10) as receiver:
        await post(receiver, body({"visit": 1}))

    assert "UnknownCallback" in caplog.messages[0]


# --- starting and stopping ------------------------------------------------------------


async def test_before_and_after_nothing_is_taken(recorder, caplog):
    """503, and the log says what is missing."""
    receiver = receiver_of(recorder)
    assert await post(receiver) == 503
    async with receiver:
        pass
    assert await post(receiver) == 503

    assert recorder.events == []
    assert "it starts with the application's lifespan" in caplog.messages[0]


async def test_stopping_takes_nothing_more(recorder):
    """While what was taken is handled."""
    recorder.gate.clear()
    receiver = receiver_of(recorder)
    await receiver.__aenter__()
    await post(receiver)
    stopping = asyncio.create_task(receiver.__aexit__(None, None, None))
    await until(lambda: recorder.started == 1)
    assert await post(receiver) == 503
    recorder.gate.set()
    await stopping

    assert recorder.statuses == ["DELIVERED"]


async def test_it_runs_once_at_a_time_and_again(recorder):
    """Entering it twice is a mistake; entering it afterwards is not."""
    receiver = receiver_of(recorder)
    async with receiver:
        with pytest.raises(RuntimeError, match="running already"):
            await receiver.__aenter__()
    async with receiver:
        assert await post(receiver) == 200

    assert recorder.statuses == ["DELIVERED"]


async def test_what_is_left_is_counted(caplog):
    """After the time limit, begun or not."""
    caplog.set_level(logging.DEBUG, logger="aiooctopush")
    recorder, clock = Recorder(), VirtualClock()
    recorder.gate.clear()
    async with receiver_of(recorder, clock=clock, drain_seconds=7) as receiver:
        await post(receiver, body(receipt(), receipt(status="READ")))
        await until(lambda: recorder.started == 1)

    assert clock.sleeps == [7]
    assert caplog.messages == [
        "callbacks: 2 events were left unhandled at shutdown, after 7 s of draining"
    ]
    assert recorder.events == []


async def test_without_anything_waiting_it_stops_at_once(recorder, caplog):
    """Nobody looks at the clock."""
    clock = VirtualClock()
    async with receiver_of(recorder, clock=clock) as receiver:
        await post(receiver)
        await until(lambda: receiver.waiting == 0)

    assert clock.sleeps == []
    assert caplog.messages == []


async def test_a_handler_that_swallows_its_cancellation_ends():
    """The worker sees that it was meant, too."""

    async def stubborn(event):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # tidies up, and goes on as if nothing had been

    async with receiver_of(stubborn, clock=VirtualClock()) as receiver:
        await post(receiver, body(receipt(), receipt(status="READ")))
        await asyncio.sleep(0)

    assert receiver.waiting == 1


async def test_a_receiver_that_was_idle_before_drains_too(recorder):
    """Only what waits at the end counts."""

    async def let_go():
        for _ in range(20):
            await asyncio.sleep(0)
        recorder.gate.set()

    async with receiver_of(recorder) as receiver:
        await post(receiver)
        await until(lambda: receiver.waiting == 0)
        recorder.gate.clear()
        await post(receiver, body(receipt(status="READ")))
        letting_go = asyncio.create_task(let_go())
    await letting_go

    assert recorder.statuses == ["DELIVERED", "READ"]


async def test_draining_can_be_cancelled(recorder):
    """Then the handlers are cancelled, too, and the cancellation passes."""
    recorder.gate.clear()
    receiver = await receiver_of(recorder).__aenter__()
    await post(receiver)
    stopping = asyncio.create_task(receiver.__aexit__(None, None, None))
    await until(lambda: recorder.started == 1)
    stopping.cancel()

    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert len(asyncio.all_tasks()) == 1


# --- answered after handling ----------------------------------------------------------


async def test_a_handler_may_come_before_the_answer(recorder):
    """What is answered 200 was handled, also if the process is killed then."""
    receiver = Receiver(recorder, token=TOKEN, answer_after_handling=True)
    recorder.gate.clear()
    async with receiver:
        posted = asyncio.create_task(post(receiver, body(receipt(), receipt("+336"))))
        await until(lambda: recorder.started)
        waiting, is_answered = receiver.waiting, posted.done()
        recorder.gate.set()
        answer = await posted

    assert (waiting, is_answered, answer) == (1, False, 200)
    assert recorder.statuses == ["DELIVERED", "DELIVERED"]


@pytest.mark.parametrize("error", [OSError("secret"), asyncio.CancelledError("secret")])
async def test_a_handler_that_fails_before_the_answer_refuses(caplog, error):
    """The gateway may post it again, and that is no repeat then."""
    recorder = Recorder(error)
    limits = Limits(remember=10)
    receiver = Receiver(
        recorder, token=TOKEN, limits=limits, answer_after_handling=True
    )
    async with receiver:
        answers = [await post(receiver) for _ in range(3)]

    assert answers == [503, 200, 200]
    assert recorder.statuses == ["DELIVERED"]
    words = f"the handler failed on a DeliveryReceipt ({type(error).__name__}"
    assert words in caplog.text
    assert "secret" not in caplog.text


async def test_a_request_that_is_cancelled_before_the_answer_cancels_its_handler():
    """As when the server shuts down; that is no failure of the handler."""
    recorder = Recorder()
    receiver = Receiver(recorder, token=TOKEN, answer_after_handling=True)
    recorder.gate.clear()
    async with receiver:
        posted = asyncio.create_task(post(receiver))
        await until(lambda: recorder.started)
        posted.cancel()
        with pytest.raises(asyncio.CancelledError):
            await posted

    assert (receiver.waiting, recorder.statuses) == (0, [])


async def test_nothing_is_handled_before_the_answer_once_it_is_closed(recorder):
    """It is refused, as what would be queued."""
    receiver = Receiver(recorder, token=TOKEN, answer_after_handling=True)
    async with receiver:
        pass

    assert await post(receiver) == 503
    assert recorder.started == 0
