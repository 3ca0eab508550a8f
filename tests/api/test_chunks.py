"""Many items for a gateway that takes a few at a time: what becomes of each."""

import asyncio

import pytest
from fakes import ScriptedTransport, answer, refusal, session_over
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush import (
    AuthenticationError,
    InsufficientCreditError,
    InvalidFieldError,
    InvalidRequestError,
    NotSentError,
    Outcome,
    Recipient,
    RefusedError,
    RetryPolicy,
    ServerError,
    TransportSecurityError,
)
from aiooctopush.api._chunks import ChunkReply, call_in_chunks
from aiooctopush.api.contacts import (
    CreateContactsRequest,
    DeleteContactsRequest,
    ItemResult,
    ManyResults,
)
from aiooctopush.sandbox import (
    FaultPlan,
    Gateway,
    GatewaySettings,
    SandboxTransport,
    VirtualClock,
)


ONE = "+33639980001"
TWO = "+33639980002"


def numbers(count):
    """That many numbers, none of them twice."""
    return [f"+33639{index:06d}" for index in range(count)]


def told(results):
    """Numbers by what became of them, in words."""
    return {str(outcome): count for outcome, count in results.by_outcome.items()}


# --- chunks --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(0, []), (1, [1]), (200, [200]), (201, [1, 200]), (1000, [200] * 5)],
    ids=str,
)
@pytest.mark.parametrize("call", ["create", "delete"])
async def test_many_leave_two_hundred_in_a_request(call, count, sizes):
    """The documented limit of deleting, and ours of creating."""
    transport = ScriptedTransport(*[answer(201, {})] * len(sizes))

    async with session_over(transport) as octopush:
        results = await getattr(octopush.contacts, call)(iter(numbers(count)))

    field = {"create": "contacts", "delete": "phone_numbers"}[call]
    assert sorted(len(body[field]) for body in transport.bodies) == sizes
    assert len(results) == count
    assert results.is_complete


async def test_a_request_that_failed_does_not_hide_the_others():
    """Each item says what became of its own request, in the order given."""
    script = [answer(201, {}), refusal(304), answer(500, {}), answer(201, {})]
    transport = ScriptedTransport(*script)
    once = RetryPolicy(attempts=1)

    async with session_over(transport, retry=once) as octopush:
        results = await octopush.contacts.create(numbers(700), concurrency=1)

    assert [one.item.phone_number for one in results] == numbers(700)
    assert told(results) == {"accepted": 300, "refused": 200, "unknown": 200}
    assert {str(one.outcome) for one in results.items[200:400]} == {"refused"}
    assert {str(one.outcome) for one in results.items[400:600]} == {"unknown"}
    assert not results.is_complete
    assert [type(one) for one in results.errors] == [InvalidRequestError, ServerError]
    assert results[200].error is results[399].error
    assert results[600].error is None
    with pytest.raises(InvalidRequestError, match="code 304"):
        results.raise_error()


async def test_nothing_is_raised_if_all_was_done():
    """Whoever prefers exceptions calls it after every call."""
    async with session_over(ScriptedTransport(answer(201, {}))) as octopush:
        results = await octopush.contacts.create([ONE])

    assert results.errors == ()
    results.raise_error()


async def test_contacts_are_asked_again_after_silence():
    """A number names its contact, so a repeat finds it there."""
    transport = ScriptedTransport(answer(500, {}), answer(201, {}))

    async with session_over(transport) as octopush:
        results = await octopush.contacts.create([ONE])

    assert results.is_complete
    assert transport.bodies[0] == transport.bodies[1]


async def test_a_presumed_removal_is_told_as_such():
    """What we asked to remove is gone after a try that had no answer."""
    transport = ScriptedTransport(answer(500, {}), answer(404, {}))

    async with session_over(transport) as octopush:
        results = await octopush.contacts.delete([ONE])

    assert results[0].outcome is Outcome.PRESUMED
    assert results.is_complete


@pytest.mark.parametrize("most", [60, 1])
async def test_a_request_that_is_too_long_is_halved(most):
    """Down to what the gateway takes; the order stays."""
    gateway = Gateway(
        GatewaySettings(most_contacts_per_call=most), clock=VirtualClock()
    )
    transport = SandboxTransport(gateway)

    async with session_over(transport, clock=gateway.clock) as octopush:
        results = await octopush.contacts.create(numbers(250), list_name="all")

    assert results.is_complete
    assert [one.item.phone_number for one in results] == numbers(250)
    assert len(gateway.lists["all"]) == 250


async def test_one_contact_that_is_too_many_is_refused():
    """There is nothing left to halve."""
    transport = ScriptedTransport(refusal(305))

    async with session_over(transport) as octopush:
        results = await octopush.contacts.create([ONE])

    assert results[0].error.code == 305


async def test_a_request_that_may_have_been_done_is_not_halved():
    """A refusal after silence does not prove that the first try did nothing."""
    transport = ScriptedTransport(answer(500, {}), refusal(305))

    async with session_over(transport) as octopush:
        results = await octopush.contacts.create([ONE, TWO])

    assert told(results) == {"unknown": 2}
    assert len(transport.requests) == 2


async def test_after_a_failure_that_all_would_share_the_rest_is_not_asked():
    """A wrong key is asked once; the others name it as their reason."""
    transport = ScriptedTransport(refusal(101, 401))

    async with session_over(transport) as octopush:
        results = await octopush.contacts.create(numbers(1000))

    assert len(transport.requests) == 1
    assert told(results) == {"refused": 200, "not_sent": 800}
    first, rest = results.errors
    assert isinstance(first, AuthenticationError)
    assert isinstance(rest, NotSentError)
    assert rest.__cause__ is first
    assert "credentials were refused" in str(rest)


async def test_without_a_secure_connection_the_rest_is_not_asked():
    """Neither is it tried again: it may be an attack."""
    transport = ScriptedTransport(TransportSecurityError("another's certificate"))

    async with session_over(transport) as octopush:
        results = await octopush.contacts.create(numbers(400))

    assert len(transport.requests) == 1
    assert told(results) == {"not_sent": 400}


async def test_the_first_failure_is_the_reason_why_the_rest_is_not_asked():
    """Whatever those in flight end with."""

    async def no_credit(request):
        await asyncio.sleep(0)
        return refusal(104)

    async def wrong_key(request):
        await asyncio.sleep(0)
        return refusal(101, 401)

    transport = ScriptedTransport(answer(201, {}), no_credit, wrong_key)

    async with session_over(transport) as octopush:
        results = await octopush.contacts.create(numbers(1000), concurrency=2)

    assert told(results) == {"accepted": 200, "refused": 400, "not_sent": 400}
    assert isinstance(results[999].error.__cause__, InsufficientCreditError)


async def test_after_five_requests_without_an_answer_the_rest_is_not_asked():
    """An answer in between starts the count anew, whatever it says."""
    silence, once = answer(500, {}), RetryPolicy(attempts=1)
    script = [*[silence] * 4, refusal(304), *[silence] * 4, answer(201, {})]
    transport = ScriptedTransport(*script, *[silence] * 5)

    async with session_over(transport, retry=once) as octopush:
        results = await octopush.contacts.create(numbers(4000), concurrency=1)

    assert len(transport.requests) == 15
    assert told(results) == {
        "unknown": 13 * 200,
        "refused": 200,
        "accepted": 200,
        "not_sent": 5 * 200,
    }


async def test_the_first_request_goes_alone_and_then_a_few_at_a_time():
    """The first one makes the list; the others are as many as allowed."""
    flying, seen = 0, []

    async def slowly(request):
        nonlocal flying
        flying += 1
        seen.append(flying)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        flying -= 1
        return answer(201, {})

    transport = ScriptedTransport(*[slowly] * 8)

    async with session_over(transport) as octopush:
        await octopush.contacts.create(numbers(1600), concurrency=3)

    assert seen[:2] == [1, 1]
    assert max(seen) == 3


@pytest.mark.parametrize("value", [0, -1, True, "4", 1.5, None], ids=repr)
async def test_a_concurrency_is_a_number_of_requests(value):
    """At least one."""
    transport = ScriptedTransport()

    async with session_over(transport) as octopush:
        with pytest.raises(InvalidFieldError, match="concurrency"):
            await octopush.contacts.create([ONE], concurrency=value)

    assert transport.requests == []


async def test_a_cancelled_call_says_how_far_it_was():
    """Cancellation passes, with a note of what may have been done."""
    stuck = asyncio.Event()

    async def hangs(request):
        stuck.set()
        await asyncio.Event().wait()

    transport = ScriptedTransport(answer(201, {}), answer(201, {}), hangs)

    async with session_over(transport) as octopush:
        task = asyncio.create_task(
            octopush.contacts.delete(numbers(1000), concurrency=1)
        )
        await stuck.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task

    assert caught.value.__notes__ == [
        "of 5 requests 2 had ended, 1 more may have been executed"
    ]


async def test_a_mistake_in_the_program_comes_out_as_it_is():
    """A closed session is no result of an item, and no group of exceptions."""

    closing = []

    async def closes(request):
        # Somebody else does: to close waits for requests on the wire, as this one is.
        closing.append(asyncio.create_task(octopush.close()))
        await asyncio.sleep(0)
        return answer(201, {})

    octopush = session_over(ScriptedTransport(closes))

    with pytest.raises(RuntimeError, match="closed"):
        await octopush.contacts.create(numbers(1000))
    with pytest.raises(RuntimeError, match="closed"):
        await octopush.contacts.create([ONE])
    await asyncio.gather(*closing)


@pytest.mark.parametrize("seed", range(4))
async def test_under_faults_every_contact_is_told_truly(seed):
    """What is called done stands in the list; what is called not done does not."""
    gateway = Gateway(clock=VirtualClock())
    kinds = ["connection_refused", "fin_accept", "fin_after_commit", "error_500"]
    plan = FaultPlan(kinds=kinds, probability=0.5, seed=seed)

    async with session_over(
        SandboxTransport(gateway, plan),
        clock=gateway.clock,
        retry=RetryPolicy(attempts=1),
    ) as octopush:
        results = await octopush.contacts.create(
            numbers(3000), list_name="all", concurrency=2
        )

    there = {one["phone_number"] for one in gateway.lists["all"]}
    done = {one.item.phone_number for one in results if one.outcome == "accepted"}
    doubt = {one.item.phone_number for one in results if one.outcome == "unknown"}
    assert plan.seen
    assert len(results) == 3000
    assert done <= there <= done | doubt


# --- privacy --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        ItemResult(item=ONE, outcome=Outcome.ACCEPTED),
        ItemResult(item=Recipient(ONE, first_name="Zoé"), outcome=Outcome.ACCEPTED),
        DeleteContactsRequest(phone_numbers=(ONE, TWO)),
    ],
    ids=["number", "contact", "request"],
)
def test_a_value_shows_its_number_masked(value):
    """Its repr may stand in a log."""
    assert "+336****0001" in repr(value)
    assert "39980001" not in repr(value)
    assert "Zoé" not in repr(value)


def test_many_values_show_their_count_only():
    """A list of a million is no line for a log."""
    results = ManyResults(items=(ItemResult(item=ONE, outcome=Outcome.ACCEPTED),))
    request = CreateContactsRequest(contacts=(Recipient(ONE),) * 200)

    assert repr(results) == "ManyResults(items=<1>, cost=None)"
    assert "contacts=<200>" in repr(request)
    assert repr(DeleteContactsRequest(phone_numbers=())) == (
        "DeleteContactsRequest(phone_numbers=<0>, list_name=None)"
    )


# --- laws ----------------------------------------------------------------------------


@given(
    count=st.integers(0, 60),
    size=st.integers(1, 9),
    failing=st.sets(st.integers(0, 60)),
    concurrency=st.integers(1, 5),
)
async def test_no_item_is_lost_or_told_twice(count, size, failing, concurrency):
    """Whatever fails, each item has its own result, in its own place."""

    async def ask(chunk):
        if failing.intersection(chunk):
            raise RefusedError("no")
        return ChunkReply(outcome=Outcome.ACCEPTED, details=[-item for item in chunk])

    results = await call_in_chunks(
        ask, tuple(range(count)), size=size, concurrency=concurrency
    )

    assert [one.item for one in results] == list(range(count))
    for one in results:
        first = one.item - one.item % size
        fails = failing.intersection(range(first, min(first + size, count)))
        assert one.outcome == (Outcome.REFUSED if fails else Outcome.ACCEPTED)
        assert one.details == (None if fails else -one.item)
