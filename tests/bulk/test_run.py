"""A bulk run: batches, pace, results, and a report that adds up."""

import asyncio
import itertools
import json
from collections import Counter
from decimal import Decimal

import pytest
from fakes import ScriptedTransport, answer, refusal, session_over
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush import (
    BatchState,
    InvalidFieldError,
    NotSentError,
    OctopushSession,
    Recipient,
    RetryPolicy,
    TransportSecurityError,
    UnknownOutcomeError,
    read_csv,
)
from aiooctopush.bulk.report import BulkReport
from aiooctopush.ledgers import Pause
from aiooctopush.ledgers.memory import MemoryLedger
from aiooctopush.ledgers.records import BatchRecord
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


def numbers(count, start=0):
    """Made-up numbers in a range for fiction, all different."""
    return [f"+3363998{start + one:04d}" for one in range(count)]


def sandbox_session(gateway, faults=None, **options):
    """A session in virtual time over a gateway."""
    transport = SandboxTransport(gateway, faults)
    options.setdefault("clock", gateway.clock)
    return OctopushSession("me@example.org", "key", transport=transport, **options)


async def run_all(gateway, source, faults=None, key="run", **options):
    """Send to everyone through a sandbox, and give the report."""
    async with sandbox_session(gateway, faults) as octopush:
        return await octopush.bulk(key, **RUN, **options).send(source)


@pytest.fixture
def gateway():
    """A gateway in virtual time, with credit for a million."""
    return Gateway(GatewaySettings(credit=Decimal(1_000_000)), clock=VirtualClock())


async def test_everyone_is_in_the_sent_log_once(gateway):
    """1,234 recipients in three requests, and a report that says so."""
    people = numbers(1234)

    report = await run_all(gateway, people)

    assert gateway.sent_log.numbers() == Counter(people)
    assert len(gateway.sent_log) == 3
    assert (report.planned, report.accepted, report.batches) == (1234, 1234, 3)
    assert report.is_complete
    assert report.cost == sum(one.cost for one in gateway.sent_log.entries)
    assert report.residual_credit == gateway.credit


async def test_the_request_says_what_the_run_says(gateway):
    """Text, sender, purpose and merge fields reach the gateway as they were given."""
    await run_all(
        gateway, [Recipient(numbers(1)[0], first_name="Zoé")], type="sms_premium"
    )

    entry = gateway.sent_log.entries[0]
    assert (entry.sender, entry.purpose, entry.type) == ("Acme", "alert", "sms_premium")
    assert entry.texts == ("Hi Zoé",)
    assert entry.ignored_fields == ()


@pytest.mark.parametrize("kind", ["list", "generator", "async generator", "csv"])
async def test_any_iterable_is_a_source(gateway, kind, tmp_path):
    """Sync or async, of numbers or recipients, and files."""
    people = numbers(5)

    async def waiting():
        for one in people:
            await asyncio.sleep(0)
            yield one

    file = tmp_path / "people.csv"
    rows = "".join(f"{one},Zoe\n" for one in people)
    file.write_text(f"phone_number,first_name\n{rows}")
    sources = {
        "list": people,
        "generator": (Recipient(one) for one in people),
        "async generator": waiting(),
        "csv": read_csv(file),
    }

    await run_all(gateway, sources[kind], batch_size=2)

    assert gateway.sent_log.numbers() == Counter(people)
    assert [one.number_of_contacts for one in gateway.sent_log.entries] == [2, 2, 1]


async def test_nobody_makes_an_empty_report(gateway):
    """An empty source sends nothing and is complete."""
    report = await run_all(gateway, [])

    assert (report.planned, report.is_complete, len(gateway.sent_log)) == (0, True, 0)


async def test_results_stream_out_while_the_source_is_still_being_read(gateway):
    """The first result does not wait for the last recipient."""
    read = []

    def note(one):
        read.append(one)
        return one

    async with sandbox_session(gateway) as octopush:
        run = octopush.bulk("run", **RUN, batch_size=10, concurrency=2)
        # It is left early: there is no other way out.
        async for result in run.stream(map(note, numbers(1000))):  # pragma: no branch
            break_at = len(read)
            assert result.state is BatchState.ACCEPTED
            break

    assert break_at < 100


async def test_a_slow_consumer_slows_the_source_down(gateway):
    """What nobody has taken yet does not pile up."""
    read = []

    def note(one):
        read.append(one)
        return one

    async with sandbox_session(gateway) as octopush:
        run = octopush.bulk("run", **RUN, batch_size=10, concurrency=2)
        results = run.stream(map(note, numbers(1000)))
        await anext(results)
        for _ in range(200):
            await asyncio.sleep(0)
        await results.aclose()

    # Two times the concurrency, and what took the place of the result.
    assert len(read) <= 10 * (2 * 2 + 1)


async def test_no_more_requests_are_in_flight_than_the_concurrency():
    """The bound holds, and is used."""
    in_flight, most = 0, 0

    async def count(_):
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        for _ in range(5):
            await asyncio.sleep(0)
        in_flight -= 1
        return answer()

    async with session_over(ScriptedTransport(*[count] * 20)) as octopush:
        run = octopush.bulk("run", **RUN, batch_size=1, concurrency=3)
        await run.send(numbers(20))

    assert most == 3


async def test_batches_start_in_the_order_of_the_source(gateway):
    """Numbered from 1, in source order."""
    people = numbers(30)

    async with sandbox_session(gateway) as octopush:
        run = octopush.bulk("run", **RUN, batch_size=10)
        results = [one async for one in run.stream(people)]

    results.sort(key=lambda one: one.number)
    assert [one.number for one in results] == [1, 2, 3]
    sent = [one.phone_number for result in results for one in result.recipients]
    assert sent == people


async def test_the_same_run_has_the_same_ids_and_sends_nothing_twice(gateway):
    """Started again within 24 hours, the gateway knows every batch."""
    people = numbers(30)
    await run_all(gateway, people, batch_size=10)

    report = await run_all(gateway, people, batch_size=10)

    assert gateway.sent_log.numbers() == Counter(people)
    assert (report.already_sent, report.accepted) == (30, 0)
    assert report.is_complete


@pytest.mark.parametrize("change", ["key", "text", "recipient"])
async def test_another_key_text_or_recipient_is_another_message(gateway, change):
    """The id follows from the key, the settings and the content."""
    people = numbers(3)
    await run_all(gateway, people)
    other = {**RUN, "text": "Bye"} if change == "text" else RUN
    recipients = numbers(3, 5) if change == "recipient" else people

    async with sandbox_session(gateway) as octopush:
        run = octopush.bulk("other" if change == "key" else "run", **other)
        report = await run.send(recipients)

    assert report.accepted == 3


async def test_ten_percent_faults_cost_nobody_a_message(gateway):
    """Thirty kinds of fault, and the sent log still holds each number exactly once."""
    people = numbers(20_000)
    faults = FaultPlan(probability=0.1, seed=7)

    report = await run_all(gateway, people, faults, batch_size=100)

    assert faults.seen.total() > 15
    assert_each_once(gateway, people, report)


def assert_each_once(gateway, people, report):
    """
    Judge by the sent log: nobody twice; nobody lost unless the report says so.

    A fault that is never tried again (a redirect, a page of a firewall, a conflict)
    leaves its batch in doubt, which is the truth about it.
    """
    counted = gateway.sent_log.numbers()
    assert set(counted.values()) <= {1}
    missing = len(people) - len(counted)
    assert missing <= report.unknown + report.not_sent + report.refused
    assert len(counted) >= report.accepted + report.presumed


@pytest.mark.parametrize("duplicate_check", ["on_accept", "on_receipt"])
@given(seed=st.integers(0, 2**32))
async def test_nobody_gets_it_twice_whatever_goes_wrong(duplicate_check, seed):
    """Under both laws of the gateway; and whoever is accepted is in the sent log."""
    gateway = Gateway(
        GatewaySettings(duplicate_check=duplicate_check), clock=VirtualClock()
    )
    people = numbers(12)
    states = {}

    async with sandbox_session(gateway, FaultPlan(probability=0.5, seed=seed)) as one:
        run = one.bulk("run", **RUN, batch_size=2)
        async for result in run.stream(people):
            for recipient in result.recipients:
                states[recipient.phone_number] = result.state

    gateway.settle()
    times = {person: gateway.sent_log.times(person) for person in states}
    assert set(times.values()) <= {0, 1}
    nothing = {BatchState.REFUSED, BatchState.NOT_SENT}
    accepted = [one for one in states if states[one] is BatchState.ACCEPTED]
    untouched = [one for one in states if states[one] in nothing]
    assert [times[one] for one in accepted] == [1] * len(accepted)
    assert [times[one] for one in untouched] == [0] * len(untouched)


async def test_a_throttled_batch_keeps_its_id():
    """The next run of the key must find it again."""
    transport = ScriptedTransport(answer(429, {}), answer(429, {}), answer())

    async with session_over(transport) as octopush:
        await octopush.bulk("run", **RUN).send(numbers(1))

    assert len(set(transport.ids)) == 1


async def test_a_run_that_was_throttled_can_be_started_again(gateway):
    """Nobody gets it twice, though a refusal came before the acceptance."""
    people = numbers(20)
    await run_all(gateway, people, FaultPlan.schedule(["throttled_429"]), batch_size=10)

    report = await run_all(gateway, people, batch_size=10)

    assert gateway.sent_log.numbers() == Counter(people)
    assert report.already_sent == 20


async def test_a_duplicate_after_a_refusal_is_in_doubt():
    """The gateway may have noted the id when it refused, or an earlier run sent it."""
    gateway = Gateway(
        GatewaySettings(duplicate_check="on_receipt"), clock=VirtualClock()
    )

    report = await run_all(gateway, numbers(3), FaultPlan.schedule(["throttled_429"]))

    assert (report.unknown, report.already_sent) == (3, 0)
    assert gateway.sent_log.numbers().total() == 0


@pytest.mark.parametrize(
    ("step", "pause"),
    [
        pytest.param(refusal(101, 401), Pause.CREDENTIALS, id="credentials"),
        pytest.param(refusal(104), Pause.CREDIT, id="credit"),
        pytest.param(TransportSecurityError("bad"), Pause.SECURITY, id="security"),
    ],
)
async def test_what_the_next_batch_would_meet_too_pauses_the_run(step, pause):
    """The rest of the source is not even read."""
    read = []

    def note(one):
        read.append(one)
        return one

    async with session_over(ScriptedTransport(step)) as octopush:
        run = octopush.bulk("run", **RUN, batch_size=1, concurrency=1)
        report = await run.send(map(note, numbers(100)))

    assert report.paused is pause
    assert len(read) == 1
    assert not report.is_complete


async def test_twenty_silent_batches_in_a_row_are_an_outage():
    """Going on would only make more doubt; nobody waits for the gateway here."""
    script = [NotSentError("cannot connect")] * 10
    script += [UnknownOutcomeError("silence")] * 10
    async with session_over(ScriptedTransport(*script)) as octopush:
        run = octopush.bulk(
            "run",
            **RUN,
            batch_size=1,
            concurrency=1,
            retry=ONE_TRY,
            wait_for_gateway=0,
        )
        report = await run.send(numbers(50))

    assert report.paused is Pause.OUTAGE
    assert (report.not_sent, report.unknown, report.planned) == (10, 10, 20)
    assert report.problems == {"NotSentError": 10, "UnknownOutcomeError": 10}


async def test_an_answer_in_between_is_no_outage():
    """Neither a success nor a refusal is silence."""
    silence = [NotSentError("cannot connect")] * 19
    script = [*silence, answer(), *silence, refusal(121), *silence]
    # What was not sent is tried once more at the end.
    again = [answer() for _ in range(57)]
    async with session_over(ScriptedTransport(*script, *again)) as octopush:
        run = octopush.bulk("run", **RUN, batch_size=1, concurrency=1, retry=ONE_TRY)
        report = await run.send(numbers(len(script)))

    assert report.paused is None
    assert report.problems == {"InvalidRequestError (code 121)": 1}
    assert (report.refused, report.accepted, report.not_sent) == (1, 58, 0)
    assert report.faults == {"NotSentError": 57, "InvalidRequestError 400": 1}
    assert report.attempts == len(script) + len(again)


async def test_the_first_reason_to_pause_is_the_one_that_is_told():
    """Batches in flight may fail for other reasons afterwards."""

    async def credit(_):
        return refusal(104)

    async def key(_):
        for _ in range(9):
            await asyncio.sleep(0)
        return refusal(101, 401)

    async with session_over(ScriptedTransport(key, credit)) as octopush:
        run = octopush.bulk("run", **RUN, batch_size=1, concurrency=2)
        report = await run.send(numbers(9))

    assert report.paused is Pause.CREDIT


async def test_presumed_batches_are_counted_apart():
    """Never merged with accepted."""
    transport = ScriptedTransport(UnknownOutcomeError("silence"), refusal(120))
    async with session_over(transport) as octopush:
        report = await octopush.bulk("run", **RUN).send(numbers(3))

    assert (report.presumed, report.accepted) == (3, 0)
    assert report.is_complete


async def test_a_source_that_raises_half_way_loses_nothing_that_was_taken(gateway):
    """Batches in flight are finished first, then the error comes out."""

    def source():
        yield from numbers(4)
        raise LookupError("the database is gone")

    async with sandbox_session(gateway) as octopush:
        run = octopush.bulk("run", **RUN, batch_size=2, concurrency=3)
        with pytest.raises(LookupError):
            await run.send(source())

    assert run.report.accepted == 4
    assert gateway.sent_log.numbers() == Counter(numbers(4))


async def test_a_number_that_is_none_is_counted_and_listed(gateway):
    """By its place in the source, masked; the others are sent."""
    people = ["0612345678", *numbers(2), "+33", numbers(3)[2]]

    report = await run_all(gateway, people, batch_size=2)

    assert (report.items, report.planned, report.rejected) == (5, 3, 2)
    assert [one.position for one in report.rejections] == [0, 3]
    assert [one.place for one in report.rejections] == ["item 1", "item 4"]
    assert "0612345678" not in str(report.rejections)
    assert gateway.sent_log.numbers() == Counter(numbers(3))
    assert report.is_complete


async def test_a_number_that_is_none_stops_the_run_if_asked(gateway):
    """By its place in the source, masked."""
    people = [*numbers(2), "0612345678"]

    async with sandbox_session(gateway) as octopush:
        run = octopush.bulk("run", **RUN, batch_size=2, on_invalid="error")
        with pytest.raises(InvalidFieldError, match="item 3 of the source") as got:
            await run.send(people)

    assert "0612345678" not in str(got.value)
    assert run.report.accepted == 2


@pytest.mark.parametrize("source", ["+33639980001", b"+336", {"+33639980001": 1}])
async def test_one_string_is_no_source(gateway, source):
    """Each of its digits would become a recipient; a mapping is a slip as well."""
    with pytest.raises(
        InvalidFieldError,
        match=r"must be an iterable of recipients; \[one\] for a single one",
    ):
        await run_all(gateway, source)


async def test_leaving_early_cancels_what_is_in_flight_and_closes_the_source():
    """No task and no file is left behind."""
    closed = []

    class Source:
        async def __aiter__(self):
            try:
                places = itertools.count()
                while True:
                    yield numbers(1, next(places))[0]
            finally:
                closed.append(True)

    async def hang(_):
        await asyncio.Event().wait()

    async with session_over(ScriptedTransport(answer(), hang)) as octopush:
        run = octopush.bulk("run", **RUN, batch_size=1, concurrency=2)
        results = run.stream(Source())
        await anext(results)
        await results.aclose()

    assert closed == [True]
    assert run.report.in_flight >= 1
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others


async def test_cancelling_a_run_passes():
    """Nothing is swallowed, and the report still adds up."""

    async def hang(_):
        await asyncio.Event().wait()

    transport = ScriptedTransport(hang, hang, hang, hang)
    async with session_over(transport) as octopush:
        run = octopush.bulk("run", **RUN, batch_size=1)
        task = asyncio.create_task(run.send(numbers(9)))
        while len(transport.requests) < 4:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert run.report.in_flight == 4


async def test_progress_is_told_after_every_batch(gateway):
    """With the report so far."""
    seen = []

    async with sandbox_session(gateway) as octopush:
        run = octopush.bulk("run", **RUN, batch_size=10, concurrency=1)
        await run.send(numbers(30), progress=lambda report: seen.append(report.done))

    assert seen == sorted(seen)
    assert seen[-1] == 30
    assert len(seen) == 3


@pytest.mark.parametrize("error", [OSError("exporter"), asyncio.CancelledError()])
async def test_a_progress_that_fails_changes_nothing(gateway, caplog, error):
    """A metric that cannot be exported leaves no batch in doubt."""

    def fail(_):
        raise error

    async with sandbox_session(gateway) as octopush:
        run = octopush.bulk("run", **RUN, batch_size=10)
        report = await run.send(numbers(30), progress=fail)

    assert report.accepted == 30
    assert caplog.text.count("progress failed") == 3


async def test_a_run_is_sent_once(gateway):
    """Its report would count two runs."""
    async with sandbox_session(gateway) as octopush:
        run = octopush.bulk("run", **RUN)
        await run.send(numbers(1))
        with pytest.raises(RuntimeError, match="once"):
            await run.send(numbers(1))

    assert repr(run) == "<BulkRun 'run': 1 recipients done>"


async def test_a_run_and_its_report_say_their_name(gateway):
    """Before anything was sent."""
    async with sandbox_session(gateway) as octopush:
        run = octopush.bulk("week-48", **RUN)

        assert (run.name, run.report.name) == ("week-48", "week-48")


async def test_a_result_shows_how_many_and_not_whom(gateway):
    """Results get into logs."""
    async with sandbox_session(gateway) as octopush:
        results = octopush.bulk("run", **RUN).stream(numbers(2))
        (result,) = [one async for one in results]

    assert repr(result).startswith(
        "BatchResult(number=1, part='', state=<BatchState.ACCEPTED: 'accepted'>, "
        f"recipients=<2>, request_id='{result.request_id}', result="
    )
    assert numbers(1)[0] not in repr(result)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"concurrency": 0}, "concurrency"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 501}, "batch_size"),
        ({"sender": "x"}, "sender"),
        ({"text": ""}, "text"),
        ({"purpose": "promotion"}, "purpose"),
    ],
)
async def test_bad_settings_are_refused_before_anything_is_sent(options, field):
    """When the run is made, not when it is sent."""
    octopush = session_over(ScriptedTransport())

    with pytest.raises(InvalidFieldError) as caught:
        octopush.bulk(**{"name": "run", **RUN, **options})

    assert caught.value.field == field


async def test_a_defect_in_a_worker_comes_out(gateway):
    """A ledger that fails is no reason to go on silently."""

    class Broken(MemoryLedger):
        async def conclude(self, key, batch):
            raise OSError("disk full")

    async with sandbox_session(gateway) as octopush:
        run = octopush.bulk("run", **RUN, batch_size=1, ledger=Broken())
        with pytest.raises(OSError, match="disk full"):
            await run.send(numbers(2))


def record(number=1, **changes):
    """A batch as a ledger keeps it."""
    values = {"number": number, "first": 0, "count": 10, "digest": "d"}
    return BatchRecord(**{**values, "request_id": "id", **changes})


def test_a_report_that_does_not_add_up_is_an_error():
    """Nobody is counted twice or lost."""
    report = BulkReport(name="run", planned=11, items=11)
    report.count(record())

    with pytest.raises(RuntimeError, match="11 planned, 10 counted"):
        report.check()


def test_items_that_are_dealt_with_in_no_way_are_an_error():
    """Each is new, known, a duplicate, excluded or rejected."""
    report = BulkReport(
        name="run", items=16, new=10, planned=10, already=1, duplicates=1, excluded=2
    )
    report.count(record())

    with pytest.raises(RuntimeError, match="16 items, but outcomes for 14"):
        report.check()


def test_a_report_is_plain_json():
    """Money as text, every state by name."""
    report = BulkReport(
        name="run", residual_credit=Decimal("1.10"), paused=Pause.CREDIT
    )
    report.count(record())

    values = json.loads(json.dumps(report.as_dict()))

    assert values["residual_credit"] == "1.10"
    assert values["sending"] == 10
    assert values["paused"] == "credit"
    assert json.loads(json.dumps(BulkReport(name="x").as_dict()))["paused"] is None
