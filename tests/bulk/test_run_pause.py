"""What makes a bulk run stand still, how it goes on, and how batches are cut."""

import asyncio
from collections import Counter
from decimal import Decimal
from itertools import pairwise

import pytest
from fakes import ScriptedTransport, answer, refusal, session_over

from aiooctopush import (
    BatchState,
    InvalidFieldError,
    LedgerError,
    MemoryLedger,
    NotSentError,
    OctopushSession,
    RetryPolicy,
    SmsRequest,
    UnknownOutcomeError,
)
from aiooctopush.ledgers import Pause
from aiooctopush.ledgers.batch import unpack_numbers
from aiooctopush.sandbox import (
    FaultPlan,
    Gateway,
    GatewaySettings,
    SandboxTransport,
    VirtualClock,
)


RUN = {"text": "Hello", "sender": "Acme", "purpose": "alert"}
ONE_TRY = RetryPolicy(attempts=1)


class DurableLedger(MemoryLedger):
    """Outlives the process, as far as the engine can tell."""

    is_durable = True


def numbers(count, start=0):
    """Made-up numbers in a range for fiction, all different."""
    return [f"+3363998{start + one:04d}" for one in range(count)]


@pytest.fixture
def ledger():
    """Kept from one start to the next."""
    return DurableLedger()


def over(transport, ledger, clock=None, **options):
    """A start of the run over a transport; one request at a time."""
    settings = {"batch_size": 10, "concurrency": 1, "ledger": ledger}
    session = session_over(transport, clock=clock or VirtualClock())
    return session.bulk("run", **{**RUN, **settings, **options})


def at(gateway, ledger, faults=None, **options):
    """A start of the run at a gateway."""
    transport = SandboxTransport(gateway, faults)
    return over(transport, ledger, gateway.clock, **options)


def priced(cost, **more):
    """An acceptance that says what it cost."""
    return answer(
        body={
            "sms_ticket": "sms_1",
            "number_of_contacts": 10,
            "number_of_sms_needed": 10,
            "total_cost": cost,
            **more,
        }
    )


async def states(ledger):
    """Of each batch."""
    return {one.name: str(one.state) async for one in ledger.batches("run")}


# --- credit ---------------------------------------------------------------------------


@pytest.mark.parametrize("duplicate_check", ["on_accept", "on_receipt"])
async def test_a_run_out_of_credit_goes_on_when_there_is_some(ledger, duplicate_check):
    """In the middle of the file, under a new id, and nobody gets it twice."""
    gateway = Gateway(
        GatewaySettings(credit=Decimal("0.70"), duplicate_check=duplicate_check),
        clock=VirtualClock(),
    )
    people = numbers(40)

    short = await at(gateway, ledger).send(people)
    gateway.credit += 100
    full = await at(gateway, ledger).send(people)

    assert (short.paused, short.resumable) == (Pause.CREDIT, True)
    assert 0 < short.accepted < 40
    assert short.not_sent == 10
    assert full.is_complete
    assert gateway.sent_log.numbers() == Counter(people)


async def test_a_lost_ledger_pauses_before_what_had_another_id(ledger):
    """Of a batch that was refused for credit the gateway does not know the first id."""
    gateway = Gateway(GatewaySettings(credit=Decimal("0.70")), clock=VirtualClock())
    people = numbers(40)
    await at(gateway, ledger).send(people)
    gateway.credit += 100
    await at(gateway, ledger).send(people)

    report = await at(gateway, DurableLedger()).send(people)

    assert (report.paused, report.already_sent) == (Pause.ALREADY_SENT, 10)
    assert gateway.sent_log.numbers() == Counter(people)


async def test_a_pause_is_written_down(ledger):
    """So that whoever looks at the ledger sees it; the next start lifts it."""
    gateway = Gateway(GatewaySettings(credit=Decimal("0.10")), clock=VirtualClock())
    await at(gateway, ledger).send(numbers(10))
    (paused,) = await ledger.runs()
    gateway.credit += 100
    await at(gateway, ledger).send(numbers(10))
    (done,) = await ledger.runs()

    assert (paused.paused, done.paused) == (Pause.CREDIT, None)
    assert done.exhausted


async def test_a_start_that_dies_leaves_no_pause_of_the_one_before(ledger):
    """It is lifted where a start begins, not where it ends."""
    gateway = Gateway(GatewaySettings(credit=Decimal("0.10")), clock=VirtualClock())
    await at(gateway, ledger).send(numbers(20))
    gateway.credit += 100

    def dying():
        yield from numbers(20)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        await at(gateway, ledger).send(dying())

    assert [one.paused for one in await ledger.runs()] == [None]


async def test_credit_that_comes_in_time_is_waited_for(ledger):
    """The balance is asked for once a minute, and the run goes on by itself."""
    waited = []

    class Clock(VirtualClock):
        async def sleep(self, seconds):
            waited.append(seconds)
            if len(waited) == 3:
                gateway.credit += 100
            await super().sleep(seconds)

    gateway = Gateway(GatewaySettings(credit=Decimal("0.70")), clock=Clock())
    report = await at(gateway, ledger, wait_for_credit=3_600).send(numbers(40))

    assert waited == [60, 60, 60]
    assert report.is_complete
    assert gateway.sent_log.numbers() == Counter(numbers(40))


async def test_credit_that_does_not_come_is_waited_for_in_vain(ledger):
    """Then the run pauses."""
    clock = VirtualClock()
    balance = answer(200, {"amount": 0, "unit": "euros"})
    transport = ScriptedTransport(refusal(104), balance, refusal(101, 401))

    run = over(transport, ledger, clock, wait_for_credit=100)
    report = await run.send(numbers(10))

    assert report.paused is Pause.CREDIT
    assert len(transport.requests) == 3


async def test_credit_that_was_too_little_is_too_little(ledger):
    """The same balance does not make the run try again."""
    balance = answer(200, {"amount": 3, "unit": "euros"})
    more = answer(200, {"amount": 4, "unit": "euros"})
    transport = ScriptedTransport(
        refusal(104), balance, refusal(104), balance, more, priced(2)
    )

    run = over(transport, ledger, wait_for_credit=3_600)
    report = await run.send(numbers(10))

    assert report.is_complete


# --- credentials, outage --------------------------------------------------------------


async def test_a_wrong_key_pauses_and_the_right_one_goes_on(ledger):
    """What was refused is sent under a new id."""
    transport = ScriptedTransport(refusal(101, 401), answer(), answer())

    paused = await over(transport, ledger).send(numbers(20))
    done = await over(transport, ledger).send(numbers(20))

    assert (paused.paused, paused.not_sent) == (Pause.CREDENTIALS, 10)
    assert done.is_complete
    assert len(set(transport.ids)) == 3


async def test_an_outage_that_passes_is_waited_out(ledger):
    """One batch is tried now and then; when it is answered, the run goes on."""
    clock = VirtualClock()
    silence = [UnknownOutcomeError("silence") for _ in range(20)]
    probes = [UnknownOutcomeError("silence"), NotSentError("refused"), refusal(120)]
    asked_again = [refusal(120) for _ in range(19)]
    rest = [answer() for _ in range(5)]
    transport = ScriptedTransport(*silence, *probes, *rest, *asked_again)
    began = clock.monotonic()

    run = over(transport, ledger, clock, batch_size=1, retry=ONE_TRY)
    report = await run.send(numbers(25))

    assert (report.presumed, report.accepted) == (20, 5)
    assert report.is_complete
    # The probes are the last silent batch, under its own id.
    assert transport.ids[20:23] == [transport.ids[19]] * 3
    assert 30 + 60 + 120 <= clock.monotonic() - began < 300


async def test_time_brings_a_run_no_retries(ledger):
    """
    Twenty batches and 35 retries, and it pauses: with new tokens each batch would be
    tried for its quarter of an hour before the run learns of the outage.
    """
    clock = VirtualClock()
    transport = ScriptedTransport(*[NotSentError("refused")] * 240)
    began = clock.monotonic()

    run = over(transport, ledger, clock, batch_size=1, wait_for_gateway=0)
    report = await run.send(numbers(50))

    assert (report.paused, report.not_sent) == (Pause.OUTAGE, 20)
    assert len(transport.requests) == 20 + 500 // 14
    # Long enough for more, if time brought them.
    assert clock.monotonic() - began > 30


async def test_an_outage_that_lasts_pauses_the_run(ledger):
    """After the time that the caller gave it."""
    clock = VirtualClock()
    silence = [NotSentError("refused") for _ in range(24)]
    transport = ScriptedTransport(*silence)

    run = over(
        transport, ledger, clock, batch_size=1, retry=ONE_TRY, wait_for_gateway=300
    )
    report = await run.send(numbers(50))

    assert (report.paused, report.not_sent) == (Pause.OUTAGE, 20)
    assert len(transport.requests) == 24


async def test_a_run_that_waits_can_be_stopped(ledger):
    """It does not wait out the outage first."""
    silence = [NotSentError("refused") for _ in range(20)]
    transport = ScriptedTransport(*silence)
    run = over(transport, ledger, batch_size=1, retry=ONE_TRY)

    seen = 0
    async for _ in run.stream(numbers(50)):
        seen += 1
        if seen == 20:
            run.stop()

    assert len(transport.requests) == 20
    assert run.report.resumable


async def test_stop_lets_what_is_in_flight_be_answered():
    """And starts nothing more; the report knows what is left."""
    gateway = Gateway(GatewaySettings(credit=Decimal(100)), clock=VirtualClock())
    run = at(gateway, MemoryLedger(), concurrency=2)

    async for _ in run.stream(numbers(500)):
        run.stop()

    assert 0 < len(gateway.sent_log) < 10
    assert run.report.accepted == 10 * len(gateway.sent_log)
    assert run.report.in_flight == 0
    assert not run.report.is_complete


async def test_a_run_that_was_stopped_before_it_began_sends_nothing(ledger):
    """Neither something new nor what was left."""
    gateway = Gateway(GatewaySettings(credit=Decimal(100)), clock=VirtualClock())
    run = at(gateway, ledger)
    run.stop()

    report = await run.send(numbers(10))

    assert len(gateway.sent_log) == 0
    assert (report.items, report.resumable) == (0, True)


async def test_waiting_for_the_gateway_can_be_stopped(ledger):
    """At once, and not when the wait is over."""

    class Clock(VirtualClock):
        async def sleep(self, seconds):
            asyncio.get_running_loop().call_soon(run.stop)
            await asyncio.Event().wait()

    transport = ScriptedTransport(*[NotSentError("refused") for _ in range(20)])
    run = over(transport, ledger, Clock(), batch_size=1, retry=ONE_TRY)

    report = await run.send(numbers(50))

    assert (report.paused, report.not_sent) == (Pause.OUTAGE, 20)


async def test_waiting_for_credit_can_be_stopped(ledger):
    """As any other wait."""

    class Clock(VirtualClock):
        async def sleep(self, seconds):
            asyncio.get_running_loop().call_soon(run.stop)
            await asyncio.Event().wait()

    run = over(ScriptedTransport(refusal(104)), ledger, Clock(), wait_for_credit=3_600)

    report = await run.send(numbers(10))

    assert (report.paused, report.not_sent) == (Pause.CREDIT, 10)


async def test_nobody_is_asked_again_before_the_gateway_wants_it(ledger):
    """Not even by the second round."""
    clock = VirtualClock()
    busy = answer(503, {}, retry_after="500")
    began = clock.monotonic()

    run = over(ScriptedTransport(busy, answer()), ledger, clock, retry=ONE_TRY)
    report = await run.send(numbers(10))

    assert report.is_complete
    assert clock.monotonic() - began >= 500


# --- cost -----------------------------------------------------------------------------


async def test_a_run_stops_before_the_request_that_could_cost_too_much(ledger):
    """Reckoned with the highest price so far."""
    transport = ScriptedTransport(priced("0.50"), priced("0.40"), priced("0.50"))

    run = over(transport, ledger, max_cost=Decimal("1.41"))
    report = await run.send(numbers(50))

    assert (report.paused, report.cost) == (Pause.MAX_COST, Decimal("1.40"))
    assert (report.planned, report.accepted) == (30, 30)
    assert not report.exhausted


async def test_a_higher_bound_lets_it_go_on(ledger):
    """With what was spent before in mind."""
    first = ScriptedTransport(priced("0.50"), priced("0.50"))
    await over(first, ledger, max_cost=Decimal("1.20")).send(numbers(50))

    second = ScriptedTransport(priced("0.50"))
    run = over(second, ledger, max_cost=Decimal("1.60"))
    report = await run.send(numbers(50))

    assert report.cost == Decimal("1.50")
    assert report.paused is Pause.MAX_COST


async def test_requests_wait_for_the_first_price():
    """One at a time, until what they cost is known."""
    flying = []
    most = []

    async def slow(_):
        flying.append(1)
        most.append(len(flying))
        for _ in range(5):
            await asyncio.sleep(0)
        flying.pop()
        return priced("0.50")

    transport = ScriptedTransport(*[slow] * 9)
    run = over(transport, MemoryLedger(), concurrency=4, max_cost=Decimal(100))
    await run.send(numbers(90))

    assert most[:2] == [1, 1]
    assert max(most) == 4


async def test_what_may_have_been_sent_counts_as_spent(ledger):
    """A presumed batch has no price of its own."""
    transport = ScriptedTransport(
        priced("0.50"), UnknownOutcomeError("silence"), refusal(120)
    )

    run = over(transport, ledger, max_cost=Decimal("1.20"))
    report = await run.send(numbers(50))

    assert (report.accepted, report.presumed, report.unpriced) == (10, 10, 10)
    assert report.paused is Pause.MAX_COST


async def test_so_it_does_for_the_next_start(ledger):
    """The ledger keeps what it said."""
    transport = ScriptedTransport(
        priced("0.50"), UnknownOutcomeError("silence"), refusal(120)
    )
    await over(transport, ledger, max_cost=Decimal("1.20")).send(numbers(50))

    again = await over(ScriptedTransport(), ledger, max_cost=Decimal("1.40")).send(
        numbers(50)
    )

    assert (again.paused, again.planned) == (Pause.MAX_COST, 20)


async def test_an_answer_in_the_second_round_takes_the_doubt_out_of_the_costs(ledger):
    """A batch that was silent and then priced has cost that price, and no more."""
    silence = UnknownOutcomeError("silence")
    transport = ScriptedTransport(priced("0.50"), silence, *[priced("0.50")] * 3)

    run = over(transport, ledger, retry=ONE_TRY, max_cost=Decimal("2.00"))
    report = await run.send(numbers(40))

    assert (report.accepted, report.cost, report.paused) == (40, Decimal("2.00"), None)


async def test_a_price_that_is_not_told_is_not_guessed(ledger):
    """The bound cannot be watched, so it counts as reached."""
    silent = answer(body={"sms_ticket": "sms_1"})

    run = over(ScriptedTransport(silent), ledger, max_cost=Decimal(100))
    report = await run.send(numbers(50))

    assert (report.accepted, report.paused) == (10, Pause.MAX_COST)


async def test_what_was_left_waits_if_it_could_cost_too_much(ledger):
    """It stays in the ledger as it was."""
    first = ScriptedTransport(priced("0.50"), refusal(104))
    await over(first, ledger).send(numbers(20))

    report = await over(ScriptedTransport(), ledger, max_cost=Decimal("0.90")).send(
        numbers(20)
    )

    assert (report.accepted, report.not_sent) == (10, 10)
    assert report.paused is Pause.MAX_COST


async def test_a_price_that_is_not_told_matters_only_with_a_bound(ledger):
    """Otherwise it is counted, and told in the report."""
    silent = answer(body={"sms_ticket": "sms_1"})

    report = await over(ScriptedTransport(silent), ledger).send(numbers(10))

    assert (report.unpriced, report.paused) == (10, None)


async def test_what_was_left_counts_against_the_bound(ledger):
    """A batch of an earlier start waits as well."""
    await over(ScriptedTransport(refusal(104)), ledger).send(numbers(10))

    report = await over(
        ScriptedTransport(priced("0.50")), ledger, max_cost=Decimal("0.50")
    ).send(numbers(30))

    assert (report.accepted, report.paused) == (10, Pause.MAX_COST)


# --- pace -----------------------------------------------------------------------------


async def test_a_rate_spaces_the_requests():
    """Evenly, from the first on."""
    clock = VirtualClock()
    began = []

    async def note(_):
        began.append(clock.monotonic())
        return answer()

    transport = ScriptedTransport(*[note] * 5)
    run = over(transport, MemoryLedger(), clock, rate=2)
    await run.send(numbers(50))

    first = began[0]
    assert [at - first for at in began] == [0, 0.5, 1, 1.5, 2]


async def test_throttling_slows_the_run_down(ledger):
    """To 0.7 of its rate."""
    clock = VirtualClock()
    began = []

    async def note(_):
        began.append(clock.monotonic())
        return answer()

    transport = ScriptedTransport(refusal(438), *[note] * 6)
    await over(transport, ledger, clock, rate=2).send(numbers(60))

    gaps = [later - sooner for sooner, later in pairwise(began)]
    assert gaps[2:] == pytest.approx([1 / 1.4] * 3)


# --- cutting --------------------------------------------------------------------------


class Choosy:
    """A gateway that takes a request only if nobody in it is bad."""

    def __init__(self, bad, *, named=False, code=103, most=500):
        self.bad, self.named, self.code, self.most = bad, named, code, most
        self.taken = Counter()
        self.requests = 0
        self.ids = []

    async def send(self, request):
        """See `Transport.send`."""
        body = ScriptedTransport.bodies.fget(Requests([request]))[0]
        people = [one["phone_number"] for one in body["recipients"]]
        self.requests += 1
        self.ids.append(body["request_id"])
        await asyncio.sleep(0)  # so that others are under way as well
        if len(people) > self.most:
            return answer(413, "too large")
        for place, one in enumerate(people):
            if one in self.bad:
                name = f"recipients.{place}.phone_number " if self.named else ""
                return answer(400, {"code": self.code, "message": f"{name}was refused"})
        self.taken.update(people)
        return answer()


class Requests:
    """Something that was asked."""

    def __init__(self, requests):
        self.requests = requests


@pytest.mark.parametrize("place", [0, 7, 99], ids=["first", "within", "last"])
@pytest.mark.parametrize("named", [False, True])
async def test_one_bad_number_is_found_and_the_others_are_sent(ledger, place, named):
    """By halving, or because the gateway names it."""
    people = numbers(100)
    gateway = Choosy({people[place]}, named=named)

    report = await over(gateway, ledger, batch_size=100).send(people)

    assert gateway.taken == Counter(set(people) - {people[place]})
    assert (report.accepted, report.refused, report.paused) == (99, 1, None)
    assert gateway.requests == 2 if named else gateway.requests <= 15
    assert len(set(gateway.ids)) == gateway.requests
    assert report.problems == {"InvalidRequestError (code 103)": 1}


async def test_bad_numbers_in_several_places_are_all_found(ledger):
    """Each alone in the end."""
    people = numbers(64)
    bad = {people[0], people[1], people[40]}
    gateway = Choosy(bad)

    run = over(gateway, ledger, batch_size=64)
    told = [one async for one in run.stream(people)]

    refused = [one for one in told if one.state is BatchState.REFUSED]
    assert {one.recipients[0].phone_number for one in refused} == bad
    assert gateway.taken == Counter(set(people) - bad)
    assert (await states(ledger))["1"] == "split"


async def test_a_request_of_its_own_text_is_cut_as_well(ledger):
    """The text stays the same."""
    people = numbers(4)
    gateway = Choosy({people[2]})
    nothing = {"text": None, "sender": None, "purpose": None}

    report = await over(gateway, ledger, **nothing).send(
        [SmsRequest(**RUN, recipients=people)]
    )

    assert (report.accepted, report.refused, report.items) == (3, 1, 1)


@pytest.mark.parametrize("code", [121, 106, 1340])
async def test_a_refusal_of_the_text_or_sender_cuts_nothing(ledger, code):
    """And three in a row are no accident: the next would fare no better."""
    transport = ScriptedTransport(*[refusal(code)] * 3)

    report = await over(transport, ledger).send(numbers(100))

    assert (report.refused, report.paused) == (30, Pause.REFUSALS)
    assert len(transport.requests) == 3


async def test_refusals_with_something_accepted_between_them_go_on(ledger):
    """They concern those batches alone."""
    script = [refusal(121), refusal(121), answer(), refusal(121), refusal(106)]
    transport = ScriptedTransport(*script, answer())

    report = await over(transport, ledger).send(numbers(60))

    assert (report.refused, report.accepted, report.paused) == (40, 20, None)


async def test_requests_with_texts_of_their_own_are_refused_one_by_one(ledger):
    """A bad text says nothing about the next one."""
    nothing = {"text": None, "sender": None, "purpose": None}
    transport = ScriptedTransport(*[refusal(121)] * 5)

    report = await over(transport, ledger, **nothing).send(
        [SmsRequest(**RUN, recipients=[one]) for one in numbers(5)]
    )

    assert (report.refused, report.paused) == (5, None)


async def test_a_refusal_after_silence_cuts_nothing(ledger):
    """A part of it might be sent twice."""
    transport = ScriptedTransport(UnknownOutcomeError("silence"), refusal(103))

    run = over(transport, ledger, wait_for_gateway=0)
    results = run.stream(numbers(10))
    first = await anext(results)
    await results.aclose()

    assert first.state is BatchState.UNKNOWN
    assert await states(ledger) == {"1": "unknown"}


async def test_everybody_refused_is_no_bad_number(ledger):
    """It stops after forty requests, not a thousand."""
    people = numbers(500)
    gateway = Choosy(set(people))

    report = await over(gateway, ledger, batch_size=500).send(people)

    assert report.paused is Pause.REFUSALS
    assert gateway.requests == 40
    assert report.refused + report.not_sent == 500


@pytest.mark.parametrize("concurrency", [1, 4, 16])
async def test_a_gateway_that_refuses_everyone_is_asked_forty_times(
    ledger, concurrency
):
    """However many requests go at a time."""
    people = numbers(9_000)
    gateway = Choosy(set(people))

    report = await over(gateway, ledger, batch_size=500, concurrency=concurrency).send(
        people
    )

    assert report.paused is Pause.REFUSALS
    assert gateway.requests <= 40


@pytest.mark.parametrize("concurrency", [1, 16])
@pytest.mark.parametrize(("each", "requests"), [(1_000, 160), (500, 300), (50, 2_040)])
async def test_all_bad_numbers_are_named_and_all_good_ones_sent(
    ledger, each, requests, concurrency
):
    """Though the gateway refuses whole requests because of one."""
    people = numbers(8_000)
    bad = set(people[each // 2 :: each])
    gateway = Choosy(bad)

    run = over(gateway, ledger, batch_size=500, concurrency=concurrency)
    report = await run.send(people)

    assert report.paused is None
    assert gateway.taken == Counter(set(people) - bad)
    assert {
        number
        async for batch in ledger.batches("run", {BatchState.REFUSED})
        for number in unpack_numbers(batch.numbers)
    } == bad
    assert gateway.requests <= requests


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_the_search_for_a_good_part_goes_on_with_the_next_batch(
    ledger, concurrency
):
    """When all of one batch are bad: what begins then takes its turn as well."""
    people = numbers(80)
    gateway = Choosy(set(people[:8]))

    run = over(gateway, ledger, batch_size=8, concurrency=concurrency)
    report = await run.send(people)

    assert (report.refused, report.accepted, report.paused) == (8, 72, None)
    assert gateway.taken == Counter(people[8:])


async def test_more_bad_numbers_than_a_fifth_are_systemic(ledger):
    """Of at least 200 people decided; with a higher bound all are named."""
    people = numbers(1_000)
    bad = set(people[::4])
    gateway = Choosy(bad)

    paused = await over(gateway, ledger).send(people)
    done = await over(gateway, ledger, max_refused=0.5).send(people)

    decided = paused.accepted + paused.refused
    assert paused.paused is Pause.REFUSALS
    assert 200 <= decided <= 220
    assert (done.accepted, done.refused) == (750, 250)
    assert gateway.taken == Counter(set(people) - bad)


async def test_few_bad_numbers_among_many_batches_go_on(ledger):
    """Up to a share of them."""
    people = numbers(1_000)
    gateway = Choosy({people[5], people[305], people[905]})

    report = await over(gateway, ledger).send(people)

    assert (report.accepted, report.refused, report.paused) == (997, 3, None)


async def test_a_request_that_is_too_large_is_halved_once_and_remembered(ledger):
    """Later batches, and later starts, are cut before they are sent."""
    people = numbers(40)
    gateway = Choosy(set(), most=5)

    report = await over(gateway, ledger).send(people)
    again = await over(gateway, ledger).send(numbers(60))

    assert report.is_complete
    assert gateway.requests == 1 + 8 + 4
    assert again.accepted == 60
    assert gateway.taken == Counter(numbers(60))
    assert (await ledger.runs())[0].max_batch_size == 5


async def test_a_batch_that_may_have_been_sent_is_not_cut_when_it_is_asked_again(
    ledger,
):
    """Its parts would have other ids, and everyone in it the message twice."""
    people = numbers(20)

    class Silent(Choosy):
        async def send(self, request):
            (body,) = ScriptedTransport.bodies.fget(Requests([request]))
            if body["request_id"] in self.ids:
                return refusal(120)
            response = await super().send(request)
            if self.requests > 1:
                return response
            self.most = 5
            raise UnknownOutcomeError("no response")

    gateway = Silent(set())

    report = await over(gateway, ledger, retry=ONE_TRY).send(people)

    assert gateway.taken == Counter(people)
    assert (report.presumed, report.accepted) == (10, 10)


async def test_parts_that_were_not_sent_go_with_the_next_start(ledger):
    """A pause in the middle of the halves loses none of them."""
    people = numbers(8)

    class Poor(Choosy):
        async def send(self, request):
            if self.requests == 3:
                self.requests += 1
                return refusal(104)
            return await super().send(request)

    gateway = Poor({people[6]})
    paused = await over(gateway, ledger, batch_size=8).send(people)
    done = await over(gateway, ledger, batch_size=8).send(people)

    assert paused.paused is Pause.CREDIT
    assert paused.not_sent > 0
    assert (done.accepted, done.refused) == (7, 1)
    assert gateway.taken == Counter(set(people) - {people[6]})


@pytest.mark.parametrize("concurrency", [1, 4, 16])
async def test_a_gateway_that_refuses_everybody_is_left_alone(ledger, concurrency):
    """After 40 requests, however many were under way when the last was refused."""
    gateway = Choosy(set(numbers(9_000)))
    run = over(gateway, ledger, batch_size=500, concurrency=concurrency)

    report = await run.send(numbers(9_000))

    assert report.paused is Pause.REFUSALS
    assert report.accepted == 0
    assert gateway.requests == 40


async def test_the_sandbox_agrees(ledger):
    """It refuses a request for one bad number, as third parties report."""
    gateway = Gateway(GatewaySettings(credit=Decimal(100)), clock=VirtualClock())
    people = [*numbers(30), "+999000000000", *numbers(10, 30)]

    report = await at(gateway, ledger).send(people)

    assert gateway.sent_log.numbers() == Counter([*numbers(30), *numbers(10, 30)])
    assert report.refused == 1


# --- options --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"rate": 0}, "rate"),
        ({"max_cost": Decimal(0)}, "max_cost"),
        ({"max_refused": 1.5}, "max_refused"),
        ({"wait_for_credit": -1}, "wait_for_credit"),
        ({"wait_for_gateway": -1}, "wait_for_gateway"),
        ({"on_duplicate": "ignore"}, "on_duplicate"),
        ({"on_invalid": "keep"}, "on_invalid"),
        ({"on_unresolved": "retry"}, "on_unresolved"),
        ({"on_already_sent": "skip"}, "on_already_sent"),
        ({"sender": None}, "sender"),
        ({"text": None}, "text"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_bad_options_are_refused_before_anything_is_sent(options, field):
    """When the run is made."""
    with pytest.raises(InvalidFieldError) as caught:
        over(ScriptedTransport(), None, **options)

    assert caught.value.field == field


async def test_single_sends_are_not_starved_by_a_bulk():
    """They have slots that no bulk takes, and go first."""
    hanging = asyncio.Event()

    async def carry(request):
        if b"Hello" in request.body:
            await hanging.wait()
        return answer()

    transport = ScriptedTransport(*[carry] * 200)
    async with OctopushSession(
        "me@example.org", "key", transport=transport, max_in_flight=10
    ) as octopush:
        run = octopush.bulk("run", **RUN, batch_size=1, concurrency=50)
        task = asyncio.create_task(run.send(numbers(60)))
        while len(transport.requests) < 9:
            await asyncio.sleep(0)
        sent = await octopush.sms.send(**{**RUN, "text": "1"}, recipients=numbers(1))
        in_flight = len(transport.requests) - 1
        hanging.set()
        report = await task

    assert sent.outcome == "accepted"
    assert in_flight == 9
    assert report.accepted == 60


async def test_an_outage_met_by_a_bulk_leaves_single_sends_their_retries():
    """Its quota is its own."""
    silence = [NotSentError("refused") for _ in range(150)]
    transport = ScriptedTransport(*silence)
    session = session_over(transport)
    run = session.bulk("run", **RUN, batch_size=1, concurrency=1, wait_for_gateway=0)
    await run.send(numbers(100))

    transport.script = [NotSentError("refused"), answer()]
    sent = await session.sms.send(**RUN, recipients=numbers(1))

    assert sent.attempts == 2


async def test_faults_of_a_plan_are_counted():
    """By class and status."""
    gateway = Gateway(GatewaySettings(credit=Decimal(100)), clock=VirtualClock())
    plan = FaultPlan.schedule(["error_500_after_commit", "throttled_429"])

    report = await at(gateway, DurableLedger(), plan).send(numbers(20))

    assert report.faults == {
        "ServerError 500": 1,
        "ThrottledError 429": 1,
        "DuplicateRequestError 400": 1,
    }
    assert (report.presumed, report.accepted) == (10, 10)


async def test_a_ledger_that_fails_before_a_new_id_sends_nothing_under_it(ledger):
    """An id that nobody wrote down must not be used."""

    class Full(DurableLedger):
        async def begin(self, key, batch):
            raise LedgerError("the disk is full")

    transport = ScriptedTransport(refusal(438))
    run = over(transport, Full())

    with pytest.raises(LedgerError, match="full"):
        await run.send(numbers(10))

    assert len(transport.requests) == 1


async def test_what_was_held_is_not_asked_about_at_the_end(ledger):
    """Nor is it sent, though it stays on the worklist."""
    clock = VirtualClock()
    silence = [UnknownOutcomeError("silence")] * 2
    await over(ScriptedTransport(*silence), ledger, clock, retry=ONE_TRY).send(
        numbers(10)
    )
    clock.advance(24 * 3_600)

    transport = ScriptedTransport(answer())
    report = await over(transport, ledger, clock).send(numbers(20))

    assert (report.unknown, report.accepted) == (10, 10)
    assert len(transport.requests) == 1


async def test_the_first_hundred_bad_rows_are_listed_and_all_are_counted(ledger):
    """By the report; the ledger lists them all."""
    bad = [f"0{one:09d}" for one in range(150)]
    await over(ScriptedTransport(answer()), ledger).send([*bad, *numbers(1)])

    report = await over(ScriptedTransport(), ledger).send([*bad, *numbers(1)])

    assert (report.rejected, len(report.rejections)) == (150, 100)
    assert len([one async for one in ledger.rejections("run")]) == 150


class Endless(VirtualClock):
    """Whoever sleeps by it sleeps for ever."""

    async def sleep(self, seconds):
        """See `Clock.sleep`."""
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("script", "options"),
    [
        ([answer(503, "busy")], {}),
        ([answer(429, "slow down")], {}),
        ([answer()], {"rate": 0.01}),
        ([refusal(104, 402)], {"wait_for_credit": 3_600}),
    ],
    ids=["back-off", "throttled", "rate", "credit"],
)
async def test_stop_ends_every_wait(ledger, script, options):
    """And no new attempt begins."""
    transport = ScriptedTransport(*script)
    run = over(transport, ledger, Endless(), **options)
    sending = asyncio.create_task(run.send(numbers(20)))
    while not transport.requests:
        await asyncio.sleep(0)
    for _ in range(50):
        await asyncio.sleep(0)

    run.stop()
    async with asyncio.timeout(30):
        report = await sending

    assert len(transport.requests) == 1
    assert report.in_flight == 0
    assert report.resumable
