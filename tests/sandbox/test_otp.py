"""One-time codes in the simulated gateway: sent, tried, expired, used."""

import string

import pytest
from sandbox.calls import HEADERS, ONE, TWO, ask, call, fresh_gateway, read
from sandbox.contract import cases_of, problems, response_schema

from aiooctopush.sandbox import OneTimeCode


GENERATE = ("POST", "service/otp/generate")
VALIDATE = ("PUT", "service/otp/validate")


def generate(gateway, number=ONE, **changes):
    """Ask for a code; what the gateway sent."""
    status, answer = ask(gateway, *GENERATE, {"phone_number": number, **changes})
    assert (status, answer["code"]) == (200, 0)
    assert problems(response_schema("generate_otp", status), answer) == []
    assert answer["otp_request_token"] == gateway.codes[-1].token
    return gateway.codes[-1]


def validate(gateway, code, **named):
    """Try a code; the answer, which fits the document."""
    status, answer = ask(gateway, *VALIDATE, {"code": code, **named})
    assert problems(response_schema("validate_otp", status), answer) == []
    assert (status == 200) == (answer["code"] == 0)
    return answer


@pytest.mark.parametrize(
    ("seconds", "status"),
    [(366 * 86_400, 200), (366 * 86_400 + 1, 400), (10**40, 400)],
    ids=["a-year", "longer", "longer-than-any-calendar"],
)
def test_a_code_is_valid_for_a_year_at_most(seconds, status):
    """No limit is documented; without one there is an instant after all instants."""
    body = {"phone_number": ONE, "validity_period": seconds}

    assert ask(fresh_gateway(), *GENERATE, body)[0] == status


def test_the_right_code_is_found_right_once():
    """By its token; afterwards it is unknown: our choice."""
    gateway = fresh_gateway()
    sent = generate(gateway)
    by_token = {"otp_request_token": sent.token}

    assert validate(gateway, sent.code, **by_token) == {"code": 0, "message": "success"}
    assert validate(gateway, sent.code, **by_token)["code"] == 198


def test_with_a_number_the_last_code_counts():
    """Documented; the one before can still be had by its token."""
    gateway = fresh_gateway()
    first, second, other = (generate(gateway, one) for one in (ONE, ONE, TWO))

    assert validate(gateway, first.code, phone_number=ONE)["code"] == 199
    assert validate(gateway, second.code, phone_number=ONE)["code"] == 0
    assert validate(gateway, first.code, phone_number=ONE)["code"] == 198
    assert validate(gateway, first.code, otp_request_token=first.token)["code"] == 0
    assert validate(gateway, other.code, phone_number=TWO)["code"] == 0


def test_wrong_codes_are_counted():
    """Down to nought, after which even the right one is refused."""
    gateway = fresh_gateway()
    sent = generate(gateway, max_wrong_attempts="2")
    by_token = {"otp_request_token": sent.token}

    left = [
        validate(gateway, "no!", **by_token)["remaining_number_of_attempts"]
        for _ in range(2)
    ]

    assert left == [1, 0]
    assert validate(gateway, sent.code, **by_token)["code"] == 196


def test_a_code_has_a_time():
    """A second before it is right, then it has expired; five minutes by default."""
    gateway = fresh_gateway()
    first, second = generate(gateway), generate(gateway)

    gateway.clock.advance(299)
    assert validate(gateway, first.code, otp_request_token=first.token)["code"] == 0
    gateway.clock.advance(1)
    assert validate(gateway, second.code, otp_request_token=second.token)["code"] == 197


def test_a_time_may_be_set():
    """In seconds."""
    gateway = fresh_gateway()
    sent = generate(gateway, validity_period=10)

    gateway.clock.advance(10)

    assert validate(gateway, sent.code, phone_number=ONE)["code"] == 197


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"otp_request_token": "t"}, 195),
        ({"code": "", "otp_request_token": "t"}, 195),
        ({"code": 1234, "otp_request_token": "t"}, 195),
        ({"code": "1234"}, 194),
        ({"code": "1234", "phone_number": "0600000001"}, 194),
        ({"code": "1234", "otp_request_token": "t"}, 198),
        ({"code": "1234", "phone_number": ONE}, 198),
    ],
    ids=[str(number) for number in range(7)],
)
def test_a_bad_validation_is_refused(body, code):
    """With the codes of the page."""
    status, answer = ask(fresh_gateway(), *VALIDATE, body)

    assert (status, answer["code"]) == (400, code)


def test_a_code_of_another_account_is_unknown():
    """By token and by number."""
    gateway = fresh_gateway()
    sent = generate(gateway)
    for named in ({"otp_request_token": sent.token}, {"phone_number": ONE}):
        stranger = call(
            *VALIDATE,
            {"code": sent.code, **named},
            headers=HEADERS | {"api-login": "you@example.org"},
        )

        assert read(gateway.handle(stranger))[1]["code"] == 198


@pytest.mark.parametrize(
    ("changes", "length", "alphabet"),
    [
        ({}, 6, string.digits),
        ({"code_length": 3}, 3, string.digits),
        ({"code_length": 32, "allow_lower_case": True}, 32, string.hexdigits),
        (
            {"code_length": 32, "allow_digits": False, "allow_special_chars": True},
            32,
            "!#$%&?@",
        ),
        (
            {"code_length": 32, "remove_confusing_characters": True},
            32,
            "23456789",
        ),
    ],
    ids=[str(number) for number in range(5)],
)
def test_a_code_is_made_as_asked(changes, length, alphabet):
    """Its length and its characters."""
    if "allow_lower_case" in changes:
        alphabet = string.digits + string.ascii_lowercase

    sent = generate(fresh_gateway(), **changes)

    assert len(sent.code) == length
    assert set(sent.code) <= set(alphabet)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"phone_number": None}, "phone_number"),
        ({"phone_number": "0600000001"}, "phone_number"),
        ({"code_length": 2}, "code_length"),
        ({"code_length": 33}, "code_length"),
        ({"code_length": True}, "code_length"),
        ({"code_length": "six"}, "code_length"),
        ({"validity_period": 0}, "validity_period"),
        ({"max_wrong_attempts": 0}, "max_wrong_attempts"),
        ({"allow_digits": False}, "allow_digits"),
    ],
    ids=[str(number) for number in range(9)],
)
def test_a_bad_request_for_a_code_is_refused(changes, told):
    """No page has the code for it; nothing is sent."""
    gateway = fresh_gateway()

    status, answer = ask(gateway, *GENERATE, {"phone_number": ONE} | changes)

    assert (status, answer["code"]) == (400, 400)
    assert told in answer["message"]
    assert (len(gateway.sent_log), gateway.codes) == (0, ())


@pytest.mark.parametrize(
    ("channel", "entered", "cost"),
    [
        (None, "sms", 0.05),
        ("text_sms", "sms", 0.05),
        ("voice_sms", "voice_sms", 0.1),
        ("whatsapp", "whatsapp", 0.02),
        ("email", "email", 0.02),
        ("imessage", "imessage", 0.02),
    ],
)
def test_a_code_is_a_message_and_costs(channel, entered, cost):
    """It stands in the sent log, by its channel, and without the code itself."""
    gateway = fresh_gateway()
    asked = {} if channel is None else {"channel": channel}

    sent = generate(gateway, text="Your code is {code}", **asked)

    (entry,) = gateway.sent_log.entries
    assert (entry.channel, float(entry.cost)) == (entered, cost)
    assert (entry.operation, entry.recipients) == ("service/otp/generate", (ONE,))
    assert entry.texts == ("Your code is {code}",)
    assert entry.ignored_fields == ()
    assert sent.code not in str(gateway.sent_log.as_json())
    assert sent.token not in str(gateway.sent_log.as_json())


def test_an_empty_text_is_the_code_alone():
    """Documented."""
    gateway = fresh_gateway()

    generate(gateway, text="")

    assert gateway.sent_log.entries[0].text == "{code}"


@pytest.mark.parametrize(
    ("field", "value"), [("channel", "sms"), ("channel", []), ("request_id", "a")]
)
def test_what_is_not_understood_is_dropped_and_it_is_sent(field, value):
    """The word of third-party clients among them; the sent log names it."""
    gateway = fresh_gateway()

    generate(gateway, **{field: value})

    assert gateway.sent_log.entries[0].ignored_fields == (field,)
    assert gateway.sent_log.entries[0].channel == "sms"


def test_without_credit_no_code_is_sent():
    """104, and none can be validated."""
    gateway = fresh_gateway(credit=0)

    status, answer = ask(gateway, *GENERATE, {"phone_number": ONE})

    assert (status, answer["code"]) == (400, 104)
    assert gateway.codes == ()


def test_a_repeat_sends_a_second_code():
    """It has no request_id."""
    gateway = fresh_gateway()
    generate(gateway)
    generate(gateway)

    assert gateway.sent_log.times(ONE) == 2
    assert len({one.token for one in gateway.codes}) == 2


def test_what_was_deferred_is_among_the_codes_in_time():
    """As with the sent log."""
    gateway = fresh_gateway()
    gateway.defer(call(*GENERATE, {"phone_number": ONE}), seconds=5)

    assert gateway.codes == ()
    gateway.clock.advance(5)
    assert len(gateway.codes) == 1


def test_a_reset_forgets_the_codes():
    """And the messages they came in."""
    gateway = fresh_gateway()
    sent = generate(gateway)

    gateway.reset()

    assert gateway.codes == ()
    assert validate(gateway, sent.code, phone_number=ONE)["code"] == 198


def test_a_repr_shows_the_code_alone():
    """A failed test shows what was sent; the gateway itself shows nothing of it."""
    gateway = fresh_gateway()
    sent = generate(gateway)

    others = repr(gateway) + repr(gateway.sent_log.entries)

    assert isinstance(sent, OneTimeCode)
    assert f"code='{sent.code}'" in repr(sent)
    assert sent.code not in others
    for private in (sent.token, ONE):
        assert private not in repr(sent) + others


@pytest.mark.parametrize(("name", "sample"), cases_of("generate_otp"))
def test_the_gateway_takes_every_sample(name, sample):
    """And nothing of it is dropped."""
    gateway = fresh_gateway(strict_unknown_fields=True)

    status, answer = ask(gateway, *GENERATE, sample["request"])

    assert status == sample["status"]
    assert set(answer) >= set(sample["response"])
    assert problems(response_schema(name, status), answer) == []
