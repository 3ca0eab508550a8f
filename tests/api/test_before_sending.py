"""What is refused before a single send, by the text and the people: nothing leaves."""

from datetime import timedelta

import pytest

from aiooctopush import InvalidFieldError, Recipient, SmsRequest
from aiooctopush.api.voice import VoiceRequest


ONE = "+33639980001"
ABROAD = "+4915223433333"
SMS = {"text": "Hi", "sender": "Acme", "purpose": "alert", "recipients": [ONE]}
VOICE = {
    **SMS,
    "sender": "33700000000",
    "voice_gender": "female",
    "voice_language": "fr-FR",
}
MESSAGES = {"sms": SMS, "voice": VOICE}
REQUESTS = {"sms": SmsRequest, "voice": VoiceRequest}


both = pytest.mark.parametrize("kind", ["sms", "voice"])
ways = pytest.mark.parametrize("way", ["send", "send_request"])


async def sent(octopush, kind, way, **changes):
    """Send a message of a kind, by its keywords or as a request that was built."""
    namespace, message = getattr(octopush, kind), {**MESSAGES[kind], **changes}
    options = {name: message.pop(name) for name in ("on_missing",) if name in message}
    if way == "send":
        return await namespace.send(**message, **options)
    return await namespace.send_request(REQUESTS[kind](**message), **options)


# --- placeholders ---------------------------------------------------------------------


@both
@ways
@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("prenom", "first_name"),
        ("firstname", "first_name"),
        ("frist_name", "first_name"),
        ("nom", "last_name"),
        ("ch1", "param1"),
    ],
)
async def test_a_word_in_braces_that_is_no_placeholder_is_refused(  # noqa: PLR0917
    octopush, gateway, kind, way, word, meant
):
    """It would be sent as it stands, and paid; the right one is suggested."""
    with pytest.raises(InvalidFieldError) as caught:
        await sent(octopush, kind, way, text=f"Hi {{{word}}}")

    assert f"did you mean {{{meant}}}?" in str(caught.value)
    assert len(gateway.sent_log) == 0


@both
@ways
async def test_doubled_braces_are_sent_as_braces(octopush, gateway, kind, way):
    """For who means the braces themselves."""
    await sent(octopush, kind, way, text="Use {{code}} or }}")

    assert [one.texts for one in gateway.sent_log.entries] == [("Use {code} or }",)]


@both
@ways
async def test_a_recipient_without_a_value_stops_the_send(octopush, gateway, kind, way):
    """By the place and the masked number of the first one."""
    people = [Recipient(ONE, first_name="Zoé"), "+33639980002"]

    with pytest.raises(InvalidFieldError) as caught:
        await sent(octopush, kind, way, text="Hi {first_name}", recipients=people)

    assert caught.value.field == "recipients[1].first_name"
    assert caught.value.shown == "+336****0002"
    assert "39980002" not in str(caught.value)
    assert len(gateway.sent_log) == 0


@both
@ways
@pytest.mark.parametrize(
    ("on_missing", "texts"),
    [("skip", {ONE: "Hi Zoé"}), ("send", {ONE: "Hi Zoé", "+33639980002": "Hi "})],
)
async def test_people_without_a_value_are_left_out_or_sent_to_on_request(  # noqa: PLR0917
    octopush, gateway, kind, way, on_missing, texts
):
    """Whoever has a value gets his text in any case."""
    people = [Recipient(ONE, first_name="Zoé"), "+33639980002"]

    await sent(
        octopush,
        kind,
        way,
        text="Hi {first_name}",
        recipients=people,
        on_missing=on_missing,
    )

    (entry,) = gateway.sent_log.entries
    assert dict(zip(entry.recipients, entry.texts, strict=True)) == texts


@both
async def test_nobody_with_a_value_is_nobody_to_send_to(octopush, gateway, kind):
    """There is no empty request."""
    with pytest.raises(InvalidFieldError, match="none of them"):
        await sent(octopush, kind, "send", text="{param1}!", on_missing="skip")

    assert len(gateway.sent_log) == 0


async def test_an_empty_value_is_a_value(octopush, gateway):
    """It says that nothing is to stand there."""
    people = [Recipient(ONE, first_name="")]

    await octopush.sms.send(**{**SMS, "text": "Hi {first_name}", "recipients": people})

    assert gateway.sent_log.only().texts == ("Hi ",)


async def test_what_becomes_of_people_without_a_value_is_one_of_three_words(octopush):
    """Anything else is refused."""
    with pytest.raises(InvalidFieldError, match="'error', 'skip' or 'send'"):
        await octopush.sms.send(**SMS, send_at=None, list_name="x", on_missing="drop")


# --- blank texts ----------------------------------------------------------------------


@both
@ways
@pytest.mark.parametrize("text", [" ", "\n", " \t\u00a0"], ids=repr)
async def test_a_text_of_nothing_but_spaces_is_refused(
    octopush, gateway, kind, way, text
):
    """It would arrive empty, and be billed."""
    with pytest.raises(InvalidFieldError, match="must not consist of spaces"):
        await sent(octopush, kind, way, text=text)

    assert len(gateway.sent_log) == 0


@both
@ways
async def test_a_text_that_is_blank_for_somebody_is_refused(
    octopush, gateway, kind, way
):
    """Also if his value is given and empty."""
    people = [Recipient(ONE, first_name="Zoé"), Recipient(ABROAD, first_name=" ")]

    with pytest.raises(InvalidFieldError, match="text of spaces only") as caught:
        await sent(octopush, kind, way, text=" {first_name} ", recipients=people)

    assert caught.value.field == "recipients[1]"
    assert len(gateway.sent_log) == 0


# --- instants -------------------------------------------------------------------------


@both
@ways
async def test_an_instant_that_has_passed_is_refused(octopush, gateway, kind, way):
    """The gateway would send at once."""
    late = gateway.clock.now() - timedelta(seconds=61)

    with pytest.raises(InvalidFieldError, match="must not be in the past"):
        await sent(octopush, kind, way, send_at=late)

    assert len(gateway.sent_log) == 0


@both
@ways
async def test_a_minute_ago_is_now(octopush, gateway, kind, way):
    """Clocks differ, and programs take their time."""
    await sent(octopush, kind, way, send_at=gateway.clock.now() - timedelta(minutes=1))

    assert len(gateway.sent_log) == 1


async def test_a_campaign_is_looked_at_as_well(octopush, gateway):
    """By the same rules, as far as its people are not needed for them."""
    late = gateway.clock.now() - timedelta(days=1)
    campaign = {"text": "Hi", "sender": "Acme", "purpose": "alert"}

    for changes, words in (
        ({"send_at": late}, "in the past"),
        ({"text": "Hi {prenom}"}, "first_name"),
    ):
        with pytest.raises(InvalidFieldError, match=words):
            await octopush.sms.create_on_tag(tag_name="vip", **{**campaign, **changes})


async def test_what_may_have_been_sent_is_settled_whenever_it_was_to_go(octopush):
    """A request of yesterday is asked about as it is; nothing is sent twice."""
    start = octopush._clock.now()
    request = SmsRequest(**SMS, send_at=start - timedelta(hours=5))

    settled = await octopush.sms.settle(
        request, safe_to_retry_until=start + timedelta(hours=5)
    )

    assert settled.request_id == request.request_id


async def test_what_no_id_protects_is_not_settled(octopush, gateway):
    """The error of such a call has no instant, and a repeat could send twice."""
    with pytest.raises(InvalidFieldError, match="without a request ID"):
        await octopush.sms.settle(SmsRequest(**SMS), safe_to_retry_until=None)

    assert len(gateway.sent_log) == 0


# --- marketing ------------------------------------------------------------------------


@ways
@pytest.mark.parametrize(
    ("kind", "mention"),
    [("sms_premium", "STOP au XXXXX"), ("sms_low_cost", "no PUB=STOP")],
)
async def test_marketing_to_france_needs_its_mention(
    octopush, gateway, way, kind, mention
):
    """The gateway refuses the whole request without; with it all is well."""
    marketing = {"purpose": "marketing", "type": kind, "recipients": [ABROAD, ONE]}

    with pytest.raises(InvalidFieldError) as caught:
        await sent(octopush, "sms", way, text="Sale", **marketing)
    refused = len(gateway.sent_log)
    await sent(octopush, "sms", way, text=f"Sale. {mention}", **marketing)

    assert mention in str(caught.value)
    assert (refused, len(gateway.sent_log)) == (0, 1)


@ways
async def test_marketing_elsewhere_needs_none(octopush, gateway, way):
    """The rule is about French numbers."""
    await sent(
        octopush, "sms", way, text="Sale", purpose="wholesale", recipients=[ABROAD]
    )

    assert len(gateway.sent_log) == 1


async def test_marketing_by_voice_needs_none(octopush, gateway):
    """The mention is one of SMS."""
    await sent(octopush, "voice", "send", text="Sale", purpose="wholesale")

    assert len(gateway.sent_log) == 1


# --- national numbers -----------------------------------------------------------------


@both
async def test_national_numbers_are_read_as_those_of_a_declared_country(
    octopush, gateway, kind
):
    """Recipients and international numbers stay what they are."""
    people = ["06 39 98 00 01", ABROAD, Recipient("+33639980002")]

    await getattr(octopush, kind).send(
        **{**MESSAGES[kind], "recipients": people}, country="FR"
    )

    assert gateway.sent_log.only().recipients == (ONE, ABROAD, "+33639980002")


@both
async def test_a_number_of_no_phone_is_refused_by_its_place(octopush, gateway, kind):
    """With a country declared, its rules hold."""
    people = [ONE, "06 39"]

    with pytest.raises(InvalidFieldError) as caught:
        await getattr(octopush, kind).send(
            **{**MESSAGES[kind], "recipients": people}, country="FR"
        )

    assert caught.value.field == "recipients[1].phone_number"
    assert len(gateway.sent_log) == 0


async def test_a_text_for_a_list_is_refused_with_a_country_as_well(octopush):
    """A str is no list of numbers."""
    with pytest.raises(InvalidFieldError, match="must be a list of numbers"):
        await octopush.sms.send(**{**SMS, "recipients": ONE}, country="FR")
