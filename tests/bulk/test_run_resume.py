"""A bulk run goes on where it stood: after a pause, a crash, a day, or a change."""

import asyncio
from collections import Counter
from contextlib import aclosing
from datetime import timedelta
from decimal import Decimal

import pytest
from attrs import evolve
from fakes import ScriptedTransport, answer, refusal, session_over

from aiooctopush import (
    BatchState,
    InvalidFieldError,
    LedgerError,
    MemoryLedger,
    OctopushSession,
    Recipient,
    RetryPolicy,
    SmsRequest,
    SourceError,
    SQLiteLedger,
    UnknownOutcomeError,
    read_csv,
)
from aiooctopush.bulk import BatchDecision
from aiooctopush.ledgers import Pause
from aiooctopush.ledgers.batch import content_of, pack_figures, unpack_numbers
from aiooctopush.sandbox import (
    FaultPlan,
    Gateway,
    GatewaySettings,
    SandboxTransport,
    VirtualClock,
)


# Bare numbers have no names.
RUN = {
    "text": "Hi {first_name}",
    "sender": "Acme",
    "purpose": "alert",
    "on_missing": "send",
}
ONE_TRY = RetryPolicy(attempts=1)
HOUR = 3_600


class DurableLedger(MemoryLedger):
    """Outlives the process, as far as the engine can tell."""

    is_durable = True


def numbers(count, start=0):
    """Made-up numbers in a range for fiction, all different."""
    return [f"+3363998{start + one:04d}" for one in range(count)]


@pytest.fixture
def gateway():
    """A gateway in virtual time, with credit for a million."""
    return Gateway(GatewaySettings(credit=Decimal(1_000_000)), clock=VirtualClock())


@pytest.fixture
def ledger():
    """Kept from one start to the next."""
    return DurableLedger()


def started(gateway, ledger, faults=None, **options):
    """A session over a gateway, and a start of the run."""
    transport = SandboxTransport(gateway, faults)
    octopush = OctopushSession(
        "me@example.org", "key", transport=transport, clock=gateway.clock
    )
    settings = {"batch_size": 10, "concurrency": 1, "ledger": ledger}
    return octopush.bulk("run", **{**RUN, **settings, **options})


async def records(ledger, key="run"):
    """What the ledger says of each batch."""
    return {one.name: one async for one in ledger.batches(key)}


async def die_while_sending(ledger, people, clock):
    """A start that ends between the first byte and the answer of its first batch."""

    async def hang(_):
        await asyncio.Event().wait()

    transport = ScriptedTransport(hang)
    run = session_over(transport, clock=clock).bulk(
        "run", **RUN, batch_size=10, concurrency=1, ledger=ledger
    )
    task = asyncio.create_task(run.send(people))
    while not transport.requests:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    return transport.ids[0]


# --- what was done is not done again --------------------------------------------------


async def test_a_run_that_is_done_sends_nothing_more(gateway, ledger):
    """The same call again only counts."""
    people = numbers(25)
    await started(gateway, ledger).send(people)

    report = await started(gateway, ledger).send(people)

    assert len(gateway.sent_log) == 3
    assert (report.accepted, report.planned, report.batches) == (25, 25, 3)
    assert report.is_complete
    assert report.cost == sum(one.cost for one in gateway.sent_log.entries)


async def test_rows_that_were_added_behind_the_end_are_sent(gateway, ledger):
    """And only these."""
    await started(gateway, ledger).send(numbers(25))

    report = await started(gateway, ledger).send(numbers(30))

    assert gateway.sent_log.numbers() == Counter(numbers(30))
    assert (report.accepted, report.batches) == (30, 4)


async def test_a_batch_that_was_cut_off_is_asked_about_under_its_id(ledger):
    """A duplicate answer then means that it had arrived."""
    clock = VirtualClock()
    people = numbers(10)
    first = await die_while_sending(ledger, people, clock)

    transport = ScriptedTransport(refusal(120))
    run = session_over(transport, clock=clock).bulk(
        "run", **RUN, batch_size=10, ledger=ledger
    )
    report = await run.send(people)

    assert transport.ids == [first]
    assert (report.presumed, report.unknown) == (10, 0)


async def test_a_batch_that_was_cut_off_and_had_not_arrived_is_sent(ledger):
    """Under the id that it was given then."""
    clock = VirtualClock()
    people = numbers(10)
    first = await die_while_sending(ledger, people, clock)

    transport = ScriptedTransport(answer())
    run = session_over(transport, clock=clock).bulk(
        "run", **RUN, batch_size=10, ledger=ledger
    )
    report = await run.send(people)

    assert transport.ids == [first]
    assert transport.bodies[0]["recipients"][9] == {"phone_number": people[9]}
    assert report.accepted == 10


@pytest.mark.parametrize(
    ("on_unresolved", "requests", "state"),
    [
        ("hold", 0, BatchState.UNKNOWN),
        ("skip", 0, BatchState.SKIPPED),
        ("resend", 1, BatchState.ACCEPTED),
    ],
)
async def test_after_23_hours_the_caller_has_decided(
    ledger, on_unresolved, requests, state
):
    """The id protects a repeat no longer; a new one is taken only if asked."""
    clock = VirtualClock()
    people = numbers(10)
    first = await die_while_sending(ledger, people, clock)
    clock.advance(23 * HOUR)

    transport = ScriptedTransport(answer())
    run = session_over(transport, clock=clock).bulk(
        "run", **RUN, batch_size=10, ledger=ledger, on_unresolved=on_unresolved
    )
    report = await run.send(people)

    assert len(transport.requests) == requests
    assert first not in transport.ids
    assert (await records(ledger))["1"].state is state
    assert report.by_state[state] == 10
    assert report.skipped == (10 if on_unresolved == "skip" else 0)


async def test_a_second_before_23_hours_it_is_asked_about(ledger):
    """The hour that is left covers slow answers and clocks that differ."""
    clock = VirtualClock()
    people = numbers(10)
    first = await die_while_sending(ledger, people, clock)
    clock.advance(23 * HOUR - 2)

    transport = ScriptedTransport(answer())
    run = session_over(transport, clock=clock).bulk(
        "run", **RUN, batch_size=10, ledger=ledger
    )
    await run.send(people)

    assert transport.ids == [first]


async def test_a_clock_that_was_set_back_hides_an_age(ledger):
    """What may have been sent is held: it may be a day old."""
    clock = VirtualClock()
    people = numbers(20)
    await die_while_sending(ledger, people, clock)
    clock.jump(-2 * HOUR)

    transport = ScriptedTransport(answer())
    run = session_over(transport, clock=clock).bulk(
        "run", **RUN, batch_size=10, ledger=ledger
    )
    report = await run.send(people)

    assert (report.unknown, report.accepted) == (10, 10)
    assert len(transport.requests) == 1


async def test_an_outcome_shows_that_a_clock_was_set_back(ledger):
    """It may be the latest instant that a ledger has."""
    clock = VirtualClock()
    people = numbers(10)
    await die_while_sending(ledger, people, clock)
    clock.advance(5 * HOUR)
    (run,) = await ledger.runs()
    sent = evolve(
        (await records(ledger))["1"],
        number=2,
        numbers=pack_figures([33639989999]),
        count=1,
        state=BatchState.ACCEPTED,
        concluded_at=clock.now(),
    )
    await ledger.plan(evolve(run, batches=2, planned=11), [sent])
    clock.jump(-2 * HOUR)

    transport = ScriptedTransport()
    resumed = session_over(transport, clock=clock).bulk(
        "run", **RUN, batch_size=10, ledger=ledger
    )
    report = await resumed.send(people)

    assert (report.unknown, report.accepted) == (10, 1)
    assert transport.requests == []


async def test_a_clock_that_was_set_back_a_little_hides_nothing(ledger):
    """Time servers do that."""
    clock = VirtualClock()
    people = numbers(10)
    first = await die_while_sending(ledger, people, clock)
    clock.jump(-600)

    transport = ScriptedTransport(answer())
    run = session_over(transport, clock=clock).bulk(
        "run", **RUN, batch_size=10, ledger=ledger
    )
    report = await run.send(people)

    assert transport.ids == [first]
    assert report.accepted == 10


async def test_silence_is_asked_about_once_more_at_the_end(gateway, ledger):
    """The lost answer of the first batch is found in the same start."""
    faults = FaultPlan.schedule(["rst_after_commit"])

    run = started(gateway, ledger, faults, retry=ONE_TRY)
    states = [(one.number, one.state) async for one in run.stream(numbers(20))]

    assert states == [
        (1, BatchState.UNKNOWN),
        (2, BatchState.ACCEPTED),
        (1, BatchState.PRESUMED),
    ]
    assert run.report.is_complete
    assert gateway.sent_log.numbers() == Counter(numbers(20))


# --- ids and epochs -------------------------------------------------------------------


async def test_a_throttled_batch_takes_a_new_id_that_is_written_down_first(ledger):
    """So the next start knows it."""
    seen = []

    async def note(_):
        seen.append((await records(ledger))["1"].request_id)
        return answer()

    transport = ScriptedTransport(answer(429, {}), note)
    run = session_over(transport).bulk("run", **RUN, ledger=ledger)
    await run.send(numbers(1))

    first, second = transport.ids
    assert first != second
    assert seen == [second]
    assert (await records(ledger))["1"].epoch == 1


async def test_under_the_other_law_a_throttled_batch_is_sent(ledger):
    """A gateway that notes ids on receipt would refuse the first id for ever."""
    gateway = Gateway(
        GatewaySettings(duplicate_check="on_receipt"), clock=VirtualClock()
    )

    report = await started(gateway, ledger, FaultPlan.schedule(["throttled_429"])).send(
        numbers(3)
    )

    assert (report.accepted, report.unknown) == (3, 0)


# --- settings and sources -------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"text": "Bye"}, "text"),
        ({"sender": "Other", "purpose": "wholesale"}, "purpose, sender"),
        ({"simulation_mode": True}, "simulation_mode"),
        ({"identity": str}, "identity"),
        ({"text": None, "sender": None, "purpose": None}, "purpose, sender, text"),
    ],
)
async def test_another_message_under_the_same_key_is_refused(
    gateway, ledger, changed, named
):
    """By name, and before anything is sent; the text itself is not told."""
    await started(gateway, ledger).send(numbers(5))

    with pytest.raises(InvalidFieldError, match=f"another {named}") as caught:
        await started(gateway, ledger, **changed).send(numbers(15))

    assert "Hi" not in str(caught.value)
    assert len(gateway.sent_log) == 1


async def test_another_batch_size_goes_on_where_the_run_stood(gateway, ledger):
    """What was cut before is checked as it was cut."""
    await started(gateway, ledger).send(numbers(25))

    await started(gateway, ledger, batch_size=4).send(numbers(33))

    assert [one.number_of_contacts for one in gateway.sent_log.entries] == [
        10,
        10,
        5,
        4,
        4,
    ]
    assert gateway.sent_log.numbers() == Counter(numbers(33))


async def test_each_start_counts_what_it_has_read(gateway, ledger):
    """The source is read again, and known people are told from duplicates."""
    people = ["x", *numbers(12), *numbers(3), "06", *numbers(14), "bad"]
    run = started(gateway, ledger)
    async for _ in run.stream(people):
        run.stop()

    report = await started(gateway, ledger).send(people)

    assert (report.items, report.planned) == (32, 14)
    assert (report.new, report.already) == (4, 23)
    assert (report.duplicates, report.rejected) == (2, 3)
    assert [one.position for one in report.rejections] == [0, 16, 31]
    assert [one.position async for one in ledger.rejections("run")] == [0, 16, 31]
    assert gateway.sent_log.numbers() == Counter(numbers(14))


async def test_a_column_that_has_items_is_a_source_like_any_other(gateway, ledger):
    """Data frames have such columns; their items() is something else."""

    class Column(list):
        def items(self):
            return enumerate(self)

    await started(gateway, ledger).send(Column(numbers(3)))

    assert gateway.sent_log.numbers() == Counter(numbers(3))


async def test_what_cannot_be_iterated_is_no_source(gateway, ledger):
    """Nothing is sent."""
    with pytest.raises(InvalidFieldError, match="must be an iterable of recipients"):
        await started(gateway, ledger).send(7)


async def test_a_bad_row_of_a_file_is_an_error_if_asked(gateway, ledger, tmp_path):
    """With its line."""
    path = tmp_path / "people.csv"
    path.write_text("phone_number,first_name\n+33639980001,A\n06,B\n")

    with pytest.raises(SourceError, match="line 3"):
        await started(gateway, ledger, on_invalid="error").send(read_csv(path))


async def test_a_bad_row_of_a_file_is_listed_with_its_line(gateway, ledger, tmp_path):
    """And the others are sent."""
    path = tmp_path / "people.csv"
    path.write_text("phone_number,first_name\n06,B\n+33639980001,A\n")

    report = await started(gateway, ledger).send(read_csv(path))

    assert [one.place for one in report.rejections] == ["line 2"]
    assert gateway.sent_log.numbers() == Counter(["+33639980001"])


# --- requests with a text of their own ------------------------------------------------


def request(one, text="Your code is 1234", **changes):
    """A request to one or more people."""
    values = {"text": text, "sender": "Acme", "purpose": "alert", "recipients": [one]}
    return SmsRequest(**{**values, **changes})


async def test_requests_go_one_by_one_under_ids_of_the_run(gateway, ledger):
    """Their own ids are new with every start, and would protect nothing."""
    nothing = {"text": None, "sender": None, "purpose": None}

    def source():
        return [request(one, f"Code {at}") for at, one in enumerate(numbers(3))]

    await started(gateway, ledger, **nothing).send(source())
    report = await started(gateway, ledger, **nothing).send(source())

    assert [one.text for one in gateway.sent_log.entries] == [
        "Code 0",
        "Code 1",
        "Code 2",
    ]
    assert (report.items, report.planned, report.accepted) == (3, 3, 3)
    assert report.is_complete


async def test_a_request_that_was_cut_off_is_sent_as_it_was(ledger):
    """Text, date and all, from the ledger."""
    clock = VirtualClock()
    at = clock.now() + timedelta(days=1)
    nothing = {"batch_size": 10, "concurrency": 1, "ledger": ledger}
    faults = ScriptedTransport(UnknownOutcomeError("silence"))
    source = [request(numbers(1)[0], send_at=at)]
    run = session_over(faults, clock=clock).bulk(
        "run", **nothing, retry=ONE_TRY, wait_for_gateway=0
    )
    results = run.stream(source)
    await anext(results)
    await results.aclose()

    transport = ScriptedTransport(answer())
    await session_over(transport, clock=clock).bulk("run", **nothing).send(source)

    assert transport.bodies == faults.bodies
    assert transport.bodies[0]["text"] == "Your code is 1234"


async def test_requests_to_the_same_number_are_not_duplicates(gateway, ledger):
    """Two codes are two messages, unless an identity says otherwise."""
    nothing = {"text": None, "sender": None, "purpose": None}
    source = [request(numbers(1)[0], f"Code {at}") for at in (1, 2, 1)]

    report = await started(gateway, ledger, **nothing).send(source)
    other = await started(
        gateway,
        DurableLedger(),
        **nothing,
        identity=lambda one: one.text,
        on_already_sent="continue",
    ).send(source)

    assert (report.accepted, report.duplicates) == (3, 0)
    # Their ids are the same, so that those are refused which were sent before.
    assert (other.planned, other.duplicates) == (2, 1)


@pytest.mark.parametrize(
    ("options", "item", "words"),
    [
        ({}, request("+33600000001"), "str or a Recipient"),
        ({"text": None, "sender": None, "purpose": None}, "+33600000001", "SmsRequest"),
        ({}, 33600000001, "str or a Recipient"),
    ],
    ids=["a request", "a number", "an int"],
)
async def test_what_the_run_cannot_send_is_a_mistake(
    gateway, ledger, options, item, words
):
    """Not a bad row, and so not skipped."""
    with pytest.raises(InvalidFieldError, match=words):
        await started(gateway, ledger, **options).send([item])


# --- duplicates -----------------------------------------------------------------------


async def test_duplicates_across_batches_are_skipped_and_counted(gateway, ledger):
    """Exactly, by number, however it is written."""
    people = [*numbers(15), "+33 63 998 00 00", *numbers(9, 10)]

    report = await started(gateway, ledger).send(people)

    assert gateway.sent_log.numbers() == Counter(numbers(19))
    assert (report.duplicates, report.items) == (6, 25)


async def test_duplicates_are_kept_if_asked(gateway, ledger):
    """Each is sent."""
    people = numbers(5) * 2

    report = await started(gateway, ledger, on_duplicate="keep").send(people)

    assert gateway.sent_log.numbers() == Counter(people)
    assert report.duplicates == 0


async def test_a_duplicate_is_an_error_if_asked(gateway, ledger):
    """Named by its place, masked; what was taken before it in whole batches is sent."""
    run = started(gateway, ledger, on_duplicate="error")

    with pytest.raises(InvalidFieldError, match="item 16 of the source") as caught:
        await run.send([*numbers(15), numbers(4)[3]])

    assert numbers(4)[3] not in str(caught.value)
    assert run.report.accepted == 10


async def test_an_identity_of_its_own_tells_duplicates(gateway, ledger):
    """Such as a number and an order."""
    one = numbers(1)[0]
    people = [Recipient(one, param1=order) for order in ("17", "18", "17")]

    report = await started(
        gateway, ledger, identity=lambda one: f"{one.phone_number} {one.param1}"
    ).send(people)

    assert gateway.sent_log.times(one) == 2
    assert report.duplicates == 1


async def test_what_is_the_same_by_its_identity_may_be_kept(gateway, ledger):
    """It is compared, and sent all the same."""
    one = numbers(1)[0]

    report = await started(
        gateway, ledger, on_duplicate="keep", identity=lambda one: one.phone_number
    ).send([one, one])

    assert gateway.sent_log.times(one) == 2
    assert report.duplicates == 0


async def test_a_run_looks_at_a_source_that_has_to_be_waited_for(gateway, ledger):
    """To its end."""

    async def source():
        for one in numbers(3):
            yield one

    found = await started(gateway, ledger, text="Hi").preview(source())

    assert found.recipients == 3


@pytest.mark.parametrize(("on_missing", "people"), [("send", 3), ("skip", 2)])
async def test_a_preview_asks_for_values_as_its_run_does(
    gateway, ledger, tmp_path, on_missing, people
):
    """Who is in it is who is sent to, whether values are missing or not."""
    file = tmp_path / "people.csv"
    rows = [f"{number},{name}" for number, name in zip(numbers(3), "AB ", strict=True)]
    file.write_text("\n".join(["phone_number,first_name", *rows]).replace(" ", ""))
    run = started(gateway, ledger, text="Hi {first_name}", on_missing=on_missing)

    found = await run.preview(read_csv(file))
    report = await run.send(read_csv(file))

    assert (found.recipients, report.accepted) == (people, people)


# --- worklists ------------------------------------------------------------------------


async def doubtful(ledger, clock):
    """A run whose only batch is in doubt."""
    transport = ScriptedTransport(*[UnknownOutcomeError("silence")] * 2)
    run = session_over(transport, clock=clock).bulk(
        "run", **RUN, ledger=ledger, retry=ONE_TRY, wait_for_gateway=0
    )
    await run.send(numbers(3))
    return run


async def test_what_is_in_doubt_is_a_worklist(ledger):
    """With the id, the time window and the numbers to look for."""
    clock = VirtualClock()
    run = await doubtful(ledger, clock)

    (one,) = [one async for one in run.unresolved()]

    assert (one.batch, one.state, one.error) == ("1", "unknown", "UnknownOutcomeError")
    assert one.numbers == tuple(numbers(3))
    assert one.request_id == (await records(ledger))["1"].request_id
    assert one.first_tried_at < one.concluded_at
    assert numbers(1)[0] not in repr(one)


@pytest.mark.parametrize(
    ("decision", "state"),
    [
        (BatchDecision.SENT, BatchState.ACCEPTED),
        ("skip", BatchState.SKIPPED),
        ("resend", BatchState.NOT_SENT),
    ],
)
async def test_a_person_may_decide(ledger, decision, state):
    """Who did is written down."""
    clock = VirtualClock()
    run = await doubtful(ledger, clock)

    await run.resolve("1", decision, by="Ada")

    after = (await records(ledger))["1"]
    assert after.state is state
    assert "by Ada" in after.resolution
    assert [one async for one in run.unresolved()] == []


async def test_what_is_to_be_sent_again_goes_under_a_new_id(ledger):
    """With the next start."""
    clock = VirtualClock()
    run = await doubtful(ledger, clock)
    before = (await records(ledger))["1"].request_id
    await run.resolve("1", "resend", by="Ada")

    transport = ScriptedTransport(answer())
    await (
        session_over(transport, clock=clock)
        .bulk("run", **RUN, ledger=ledger)
        .send(numbers(3))
    )

    assert transport.ids != [before]
    assert (await records(ledger))["1"].state is BatchState.ACCEPTED


@pytest.mark.parametrize(
    ("batch", "decision", "words"),
    [
        ("9", "sent", "not in this run"),
        ("1", "perhaps", "must be"),
    ],
)
async def test_what_cannot_be_decided_is_refused(ledger, batch, decision, words):
    """And nothing changes."""
    run = await doubtful(ledger, VirtualClock())

    with pytest.raises(InvalidFieldError, match=words):
        await run.resolve(batch, decision, by="Ada")

    assert (await records(ledger))["1"].state is BatchState.UNKNOWN


async def test_about_what_is_accepted_nothing_is_to_be_decided(gateway, ledger):
    """Nor can a refused batch be called sent."""
    run = started(gateway, ledger)
    await run.send(numbers(3))
    with pytest.raises(InvalidFieldError, match="accepted: there is nothing"):
        await run.resolve("1", "resend", by="Ada")
    refused = evolve((await records(ledger))["1"], state=BatchState.REFUSED)
    await ledger.conclude("run", refused)

    with pytest.raises(InvalidFieldError, match="only be 'resend'"):
        await run.resolve("1", "sent", by="Ada")
    with pytest.raises(InvalidFieldError, match="purged"):
        await run.resolve("1", "resend", by="Ada")


async def test_a_run_that_is_not_finished_is_not_purged(ledger):
    """It would not know any more what to send."""
    run = await doubtful(ledger, VirtualClock())

    with pytest.raises(InvalidFieldError, match="batch 1 is unknown"):
        await run.purge()
    await run.resolve("1", "skip", by="Ada")
    await run.purge()

    assert unpack_numbers((await records(ledger))["1"].numbers) == ()


async def test_a_run_that_was_interrupted_is_purged_on_purpose_only(gateway, ledger):
    """A name that knows no one any more would lead to a second message."""
    run = started(gateway, ledger, batch_size=1)
    async with aclosing(run.stream(numbers(3))) as results:
        await anext(results)
    run = started(gateway, ledger, batch_size=1)

    with pytest.raises(InvalidFieldError, match="not reached all of its recipients"):
        await run.purge()
    await run.purge(abandon=True)

    with pytest.raises(InvalidFieldError, match="names a purged run"):
        await run.send(numbers(3))


# --- preview ------------------------------------------------------------------------


async def test_a_run_looks_before_it_sends(gateway, ledger):
    """With its own text and options; the balance is asked for only if wanted."""
    people = [*numbers(12), numbers(1)[0], "06"]
    run = started(gateway, ledger, text="Hi, " + "x" * 160)

    found = await run.preview(people, price_per_sms=Decimal("0.05"), check_balance=True)
    other = await run.preview(iter(numbers(2)))

    assert (found.recipients, found.duplicates, found.rejected) == (12, 1, 1)
    assert (found.requests, found.sms_needed) == (2, 24)
    assert found.estimated_cost == Decimal("1.20")
    assert (found.balance, found.is_enough) == (Decimal(1_000_000), True)
    assert (other.recipients, other.balance) == (2, None)
    assert len(gateway.sent_log) == 0


# --- files ----------------------------------------------------------------------------


async def test_a_path_is_a_ledger_that_is_opened_and_closed(gateway, tmp_path):
    """By each call that needs it."""
    path = tmp_path / "run.db"
    people = numbers(25)
    run = started(gateway, path)
    async for _ in run.stream(people):
        run.stop()

    report = await started(gateway, str(path)).send(people)

    assert gateway.sent_log.numbers() == Counter(people)
    assert report.is_complete
    async with SQLiteLedger(path, read_only=True) as ledger:
        (kept,) = await ledger.runs()
        states = {one.state async for one in ledger.batches("run")}
    assert (kept.name, kept.planned, kept.paused) == ("run", 25, None)
    assert states == {BatchState.ACCEPTED}


async def test_a_second_runner_is_told_and_sends_nothing(gateway, tmp_path):
    """The ledger is held while a run is on."""
    path = tmp_path / "run.db"
    results = started(gateway, path).stream(numbers(25))
    await anext(results)

    with pytest.raises(LedgerError, match="another"):
        await started(gateway, path).send(numbers(25))

    sent = len(gateway.sent_log)
    await results.aclose()
    assert sent <= 3


async def test_a_key_that_somebody_else_uses_pauses_the_run(gateway, ledger):
    """A ledger that does not know it was lost, or is not the only one."""
    await started(gateway, DurableLedger()).send(numbers(30))

    report = await started(gateway, ledger).send(numbers(30))
    on = await started(gateway, ledger, on_already_sent="continue").send(numbers(30))

    assert (report.paused, report.already_sent) == (Pause.ALREADY_SENT, 10)
    assert (on.paused, on.already_sent, on.is_complete) == (None, 30, True)
    assert gateway.sent_log.numbers() == Counter(numbers(30))


@pytest.mark.parametrize("kind", [MemoryLedger, DurableLedger])
async def test_what_stays_in_a_ledger_is_packed(kind):
    """A batch in doubt may stay for long; it is sent again all the same."""
    ledger = kind()
    silence = ScriptedTransport(UnknownOutcomeError("silence"))

    async with session_over(silence, clock=VirtualClock()) as octopush:
        run = octopush.bulk("run", **RUN, ledger=ledger, retry=RetryPolicy(attempts=1))
        people = [Recipient(one, first_name="x" * 20) for one in numbers(500)]
        report = await run.send(people)
    (batch,) = [one async for one in ledger.batches("run")]

    assert report.unknown == 500
    assert len(batch.payload) < 1_000
    assert len(content_of(batch)) == 500
