"""What the SMS and the voice namespace share, each law held by both of them."""

import inspect
from datetime import timedelta
from decimal import Decimal

import attrs
import pytest
from fakes import ScriptedTransport, answer, refusal, session_over

from aiooctopush import (
    Audience,
    AuthenticationError,
    HttpResponse,
    InvalidFieldError,
    InvalidResponseError,
    NotSentError,
    Outcome,
    RefusedError,
    SendResult,
    Sms,
    SmsRequest,
    UnknownOutcomeError,
)
from aiooctopush.api.campaigns import CampaignState, CampaignStatus
from aiooctopush.api.sms_campaigns import (
    ListCampaignRequest,
    SmsDraft,
    TagCampaignRequest,
)
from aiooctopush.api.voice import (
    Voice,
    VoiceCampaignStatus,
    VoiceDraft,
    VoiceListCampaignRequest,
    VoiceRequest,
    VoiceResult,
    VoiceTagCampaignRequest,
)
from aiooctopush.sandbox import VirtualClock
from aiooctopush.sandbox.clock import START


@attrs.frozen(kw_only=True)
class Namespace:
    """One of the two, with what is its own."""

    name: str
    kind: type
    campaign: dict
    request: type
    on_list: type
    on_tag: type
    sent: type
    draft: type
    status: type

    @property
    def message(self):
        """A message to one recipient."""
        return {**self.campaign, "recipients": ["+33639980001"]}

    def of(self, octopush):
        """Return this namespace of a session."""
        return getattr(octopush, self.name)


SMS = Namespace(
    name="sms",
    kind=Sms,
    campaign={"text": "Sale. STOP au XXXXX", "sender": "Acme", "purpose": "wholesale"},
    request=SmsRequest,
    on_list=ListCampaignRequest,
    on_tag=TagCampaignRequest,
    sent=SendResult,
    draft=SmsDraft,
    status=CampaignStatus,
)
VOICE = Namespace(
    name="voice",
    kind=Voice,
    campaign={
        "text": "Your code is 1234",
        "sender": "33700000000",
        "purpose": "alert",
        "voice_gender": "female",
        "voice_language": "fr-FR",
    },
    request=VoiceRequest,
    on_list=VoiceListCampaignRequest,
    on_tag=VoiceTagCampaignRequest,
    sent=VoiceResult,
    draft=VoiceDraft,
    status=VoiceCampaignStatus,
)
LATER = START + timedelta(days=1)

pytestmark = [
    pytest.mark.usefixtures("audiences"),
    pytest.mark.parametrize(
        "namespace", [SMS, VOICE], ids=lambda namespace: namespace.name
    ),
]


@pytest.fixture
def calls(octopush, namespace):
    """The namespace of a session over that gateway."""
    return namespace.of(octopush)


# --- direct sends ---------------------------------------------------------------------


async def test_a_stored_request_is_sent_once(calls, gateway, namespace):
    """A second submission under its id is refused as a duplicate."""
    request = namespace.request(**namespace.message)

    sent = await calls.send_request(request)
    with pytest.raises(RefusedError, match="code 120"):
        await calls.send_request(request)

    assert (type(sent), sent.request_id) == (namespace.sent, request.request_id)
    assert gateway.sent_log.times("+33639980001") == 1


async def test_an_unknown_outcome_is_settled_under_the_same_id(namespace):
    """A duplicate after our own attempt without a response: nothing is sent twice."""
    transport = ScriptedTransport(refusal(120))
    clock = VirtualClock()
    request = namespace.request(**namespace.message, request_id="a")

    async with session_over(transport, clock=clock) as octopush:
        settled = await namespace.of(octopush).settle(
            request, safe_to_retry_until=clock.now() + timedelta(hours=20)
        )

    assert (settled.outcome, settled.ticket) == (Outcome.PRESUMED, None)
    assert transport.ids == ["a"]


async def test_a_scheduled_message_can_be_cancelled(calls, gateway, namespace):
    """By its ticket, before it leaves."""
    sent = await calls.send(**namespace.message, send_at=LATER)

    cancelled = await calls.cancel(sent.ticket)

    assert (cancelled.outcome, cancelled.status) == (Outcome.ACCEPTED, 204)
    assert gateway.sent_log.find(sent.ticket).cancelled


async def test_an_id_is_replaced_only_if_nobody_chose_it(namespace):
    """After a clean refusal for speed: a new id of ours, the same id of the caller."""

    async def ids_of(name, message, request_id):
        transport = ScriptedTransport(
            refusal(438), answer(201, {"ticket_number": "sms_1"})
        )
        async with session_over(transport) as octopush:
            call = getattr(namespace.of(octopush), name)
            await call(**message, request_id=request_id)
        return len(set(transport.ids))

    for name, message in (
        ("send", namespace.message),
        ("create_on_list", {**namespace.campaign, "list_name": "x"}),
        ("create_on_tag", {**namespace.campaign, "tag_name": "x"}),
    ):
        assert await ids_of(name, message, None) == 2
        assert await ids_of(name, message, "mine") == 1


# --- campaigns on a list or a tag -----------------------------------------------------


@pytest.mark.parametrize(
    ("target", "people"),
    [
        ({"list_name": "customers"}, ("+33639980001", "+33639980002")),
        ({"tag_name": "vip"}, ("+33639980003",)),
    ],
    ids=["list", "tag"],
)
async def test_a_campaign_is_created_priced_confirmed_and_sent(
    calls, gateway, namespace, target, people
):
    """The whole life cycle, to a list and to a tag."""
    audience = next(iter(target)).removesuffix("_name")

    created = await getattr(calls, f"create_on_{audience}")(
        **target,
        **namespace.campaign,
        segmentation="filter",
        simulation_mode=False,
        auto_remove_blacklisted_numbers=False,
    )
    status = await calls.wait_until_ready(created.ticket)
    confirmed = await calls.confirm(created.ticket, audience=audience)

    assert type(status) is namespace.status
    assert status.state is CampaignState.READY_TO_BE_SENT
    assert status.number_of_contacts == len(people)
    assert isinstance(status.cost, Decimal)
    assert confirmed.outcome is Outcome.ACCEPTED
    entry = gateway.sent_log.find(created.ticket)
    assert entry.recipients == people
    assert entry.ignored_fields == ()


async def test_the_draft_is_the_campaign_that_waits(calls, namespace):
    """There is at most one in an account."""
    created = await calls.create_on_list(list_name="customers", **namespace.campaign)
    await calls.wait_until_ready(created.ticket)

    draft = await calls.draft()

    assert type(draft) is namespace.draft
    assert (draft.ticket, draft.state) == (created.ticket, "validated")


@pytest.mark.parametrize("audience", list(Audience))
async def test_a_prepared_campaign_can_be_dropped(calls, gateway, namespace, audience):
    """Nothing is sent, and its ticket is gone."""
    created = await calls.create_on_list(list_name="customers", **namespace.campaign)

    await calls.cancel(created.ticket, audience=audience)

    with pytest.raises(RefusedError, match="code 131"):
        await calls.status(created.ticket)
    assert len(gateway.sent_log) == 0


async def test_a_creation_that_is_presumed_has_no_ticket(namespace):
    """The gateway does not repeat it; nothing is sent without a confirmation."""
    transport = ScriptedTransport(answer(500, {}), refusal(120))

    async with session_over(transport) as octopush:
        created = await namespace.of(octopush).create_on_tag(
            tag_name="vip", **namespace.campaign
        )

    assert (created.outcome, created.ticket) == (Outcome.PRESUMED, None)


# --- waiting --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pending",
    [
        pytest.param(answer(200, {"status": "under_computation"}), id="under way"),
        pytest.param(answer(200, {"status": "a new word"}), id="unknown word"),
        pytest.param(refusal(129), id="400 with a code"),
        pytest.param(answer(400, {"message": "not ready"}), id="400 without"),
    ],
)
@pytest.mark.parametrize("ready", ["ready_to_be_sent", "ready_to_be_send"])
async def test_waiting_takes_each_sign_of_pending_for_one(namespace, pending, ready):
    """A 400, a known and an unknown word; and both spellings of ready."""
    clock = VirtualClock()
    transport = ScriptedTransport(
        *[pending] * 3, answer(200, {"status": ready, "cost": "1.5"})
    )

    async with session_over(transport, clock=clock) as octopush:
        status = await namespace.of(octopush).wait_until_ready("sms_1")

    assert status.state is CampaignState.READY_TO_BE_SENT
    assert status.cost == Decimal("1.5")
    assert clock.sleeps == [1.0, 1.5, 2.25]
    assert transport.requests[0].query == (("ticket_number", "sms_1"),)


async def test_pauses_between_questions_grow_to_half_a_minute(namespace):
    """Polite, and never slower than that."""
    clock = VirtualClock()
    pending = answer(200, {"status": "under_computation"})
    transport = ScriptedTransport(*[pending] * 99)

    async with session_over(transport, clock=clock) as octopush:
        with pytest.raises(NotSentError, match="not ready after 300 seconds") as caught:
            await namespace.of(octopush).wait_until_ready("sms_1", timeout=300)

    assert max(clock.sleeps) == 30.0
    assert clock.monotonic() <= 300
    assert caught.value.maybe_sent is False


async def test_a_campaign_that_failed_is_an_error(namespace):
    """Nothing is sent, and waiting longer is no use."""
    transport = ScriptedTransport(answer(200, {"status": "failed"}))

    async with session_over(transport) as octopush:
        with pytest.raises(RefusedError, match="could not prepare") as caught:
            await namespace.of(octopush).wait_until_ready("sms_1")

    assert caught.value.status == 200


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (refusal(131), RefusedError),
        (refusal(101, 400), AuthenticationError),
        (answer(302, {}), InvalidResponseError),
    ],
    ids=["no such campaign", "wrong key", "redirect"],
)
async def test_waiting_ends_at_what_waiting_cannot_mend(namespace, step, error):
    """An error that does not mean pending comes out at once."""
    transport = ScriptedTransport(step)

    async with session_over(transport) as octopush:
        with pytest.raises(error):
            await namespace.of(octopush).wait_until_ready("sms_1")

    assert len(transport.requests) == 1


# --- confirming -----------------------------------------------------------------------


async def test_a_confirmation_is_not_repeated_after_a_failure(namespace):
    """Nothing protects it: it may have been accepted."""
    transport = ScriptedTransport(answer(500, {}))

    async with session_over(transport) as octopush:
        with pytest.raises(UnknownOutcomeError) as caught:
            await namespace.of(octopush).confirm("sms_1", audience="list")

    assert caught.value.maybe_sent
    assert len(transport.requests) == 1


async def test_a_confirmation_is_repeated_for_a_caller_who_asks_for_it(namespace):
    """Twice rather than not at all."""
    date = answer(200, {"sending_date": "2026-01-01T00:00:00+00:00"})
    transport = ScriptedTransport(answer(500, {}), date)

    async with session_over(transport) as octopush:
        confirmed = await namespace.of(octopush).confirm(
            "sms_1", audience="tag", on_unknown="retry"
        )

    assert confirmed.attempts == 2


async def test_a_page_is_no_confirmation(namespace):
    """It comes from somebody on the way."""
    page = HttpResponse(status=200, body=b" <html>Welcome</html>")

    async with session_over(ScriptedTransport(page)) as octopush:
        with pytest.raises(UnknownOutcomeError, match=r"a page|not JSON"):
            await namespace.of(octopush).confirm("sms_1", audience="list")


# --- arguments ------------------------------------------------------------------------


@pytest.mark.parametrize("ticket", ["", "  ", None, 7], ids=repr)
async def test_what_is_no_ticket_is_refused(namespace, ticket):
    """A presumed call has no ticket: None must not travel as the word None."""
    transport = ScriptedTransport()

    async with session_over(transport) as octopush:
        calls = namespace.of(octopush)
        for call in (
            calls.cancel(ticket),
            calls.status(ticket),
            calls.confirm(ticket, audience="tag"),
        ):
            with pytest.raises(InvalidFieldError, match="ticket"):
                await call

    assert transport.requests == []


async def test_an_audience_is_a_list_or_a_tag(namespace):
    """Confirming and cancelling refuse anything else."""
    async with session_over(ScriptedTransport()) as octopush:
        calls = namespace.of(octopush)
        with pytest.raises(InvalidFieldError, match="'list' or 'tag'"):
            await calls.confirm("sms_1", audience="segment")
        with pytest.raises(InvalidFieldError, match="'list' or 'tag'"):
            await calls.cancel("sms_1", audience="segment")


def test_keywords_and_fields_are_the_same(namespace):
    """The list is written twice, for editors; here it is kept equal."""
    for name, record in (
        ("send", namespace.request),
        ("create_on_list", namespace.on_list),
        ("create_on_tag", namespace.on_tag),
    ):
        call = getattr(namespace.kind, name)
        keywords = set(inspect.signature(call).parameters)

        assert keywords - {"self", "timeout", "country", "on_missing"} == {
            one.name for one in attrs.fields(record)
        }


def test_timeout_is_an_option_of_every_call(namespace):
    """Seconds for the whole call; waiting for a campaign has one of its own."""
    calls = {
        name: call
        for name, call in inspect.getmembers(
            namespace.kind, inspect.iscoroutinefunction
        )
        if not name.startswith("_")
    }

    assert sorted(calls) == [
        *("cancel", "confirm", "create_on_list", "create_on_tag", "draft", "send"),
        *("send_request", "settle", "status", "wait_until_ready"),
    ]
    for call in calls.values():
        assert "timeout" in inspect.signature(call).parameters, call
