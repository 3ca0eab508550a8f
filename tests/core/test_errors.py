"""Errors: the tree, what each says about the message, the gateway's code table."""

import copy
import pickle
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush.errors import (
    GATEWAY_CODES,
    AuthenticationError,
    Backoff,
    DuplicateRequestError,
    InsufficientCreditError,
    InvalidFieldError,
    InvalidRequestError,
    InvalidResponseError,
    NotSentError,
    OctopushError,
    Outcome,
    RefusedError,
    ServerError,
    ThrottledError,
    TransportSecurityError,
    UnknownOutcomeError,
    WebhookError,
    shown,
)


UNTIL = datetime(2026, 1, 6, 9, 0, 0, 123456, tzinfo=UTC)

# The tree as it is drawn in the design, line by line.
TREE = [
    # class, its one parent in the tree, outcome, how it is tried again
    (OctopushError, Exception, "unknown", "never"),
    (InvalidFieldError, OctopushError, "not_sent", "never"),
    (NotSentError, OctopushError, "not_sent", "fast"),
    (TransportSecurityError, NotSentError, "not_sent", "never"),
    (UnknownOutcomeError, OctopushError, "unknown", "careful"),
    (ServerError, UnknownOutcomeError, "unknown", "careful"),
    (InvalidResponseError, UnknownOutcomeError, "unknown", "careful"),
    (RefusedError, OctopushError, "refused", "never"),
    (AuthenticationError, RefusedError, "refused", "never"),
    (InvalidRequestError, RefusedError, "refused", "never"),
    (DuplicateRequestError, RefusedError, "refused", "never"),
    (InsufficientCreditError, RefusedError, "refused", "never"),
    (ThrottledError, RefusedError, "refused", "throttle"),
    (WebhookError, OctopushError, None, "never"),
]
KINDS = [
    pytest.param(row[0], id=row[0].__name__)
    for row in TREE
    if row[0] is not InvalidFieldError
]


def column(number):
    """Each class with one column of the tree."""
    return [pytest.param(row[0], row[number], id=row[0].__name__) for row in TREE]


def with_everything(kind):
    """An error of that class, with every attribute away from its default."""
    error = kind(
        "it broke",
        status=503,
        headers={"retry-after": "7"},
        code=125,
        details={"message": "no", "cost": Decimal("0.10")},
        retry_after=7.0,
        backoff=Backoff.THROTTLE,
    )
    error.outcome = Outcome.UNKNOWN
    error.maybe_sent = True
    error.request_id = "abc"
    error.attempts = 3
    error.safe_to_retry_until = UNTIL
    error.operation = "POST /v1/public/sms-campaign/send"
    error.retry_budget_exhausted = True
    return error


# --- the tree -------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "parent"), column(1))
def test_every_error_has_its_place_in_the_tree(kind, parent):
    """Each class stands under exactly the parent that the design draws."""
    assert kind.__bases__[0] is parent


@pytest.mark.parametrize(("kind", "outcome"), column(2))
def test_the_class_says_what_became_of_the_message(kind, outcome):
    """Each class carries the outcome that the design gives it."""
    assert kind.outcome == outcome


@pytest.mark.parametrize(("kind", "backoff"), column(3))
def test_the_class_says_how_it_is_tried_again(kind, backoff):
    """Silence is tried carefully, what never left fast, and refusals not at all."""
    assert kind.backoff == backoff


def test_the_tree_has_no_other_branch():
    """Whoever catches the drawn classes catches everything that the SDK raises."""
    found, waiting = set(), [OctopushError]
    while waiting:
        kind = waiting.pop()
        if kind.__module__ == "aiooctopush.errors":
            found.add(kind)
            waiting.extend(kind.__subclasses__())

    assert found == {row[0] for row in TREE}


def test_an_invalid_field_is_a_value_error():
    """Who knows only Python's own exceptions still catches a bad argument."""
    assert issubclass(InvalidFieldError, ValueError)


def test_outcomes_are_the_five_words_of_the_ledger():
    """An outcome is stored as its word, so the words never change."""
    assert [str(one) for one in Outcome] == [
        "accepted",
        "presumed",
        "refused",
        "not_sent",
        "unknown",
    ]


# --- attributes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("maybe_sent", False),
        ("request_id", None),
        ("attempts", 0),
        ("safe_to_retry_until", None),
        ("operation", None),
        ("retry_budget_exhausted", False),
        ("status", None),
        ("headers", {}),
        ("code", None),
        ("details", {}),
        ("retry_after", None),
    ],
)
def test_an_error_that_knows_nothing_claims_nothing(name, value):
    """Whatever was not said has a default that promises nothing."""
    assert getattr(OctopushError("it broke"), name) == value


def test_the_problem_is_what_happened_without_the_advice():
    """A log line can leave out what to do about it."""
    error = NotSentError("cannot connect")

    assert error.problem == "cannot connect"


def test_a_backoff_given_to_one_error_changes_no_other():
    """The way to wait may differ for one error without touching its class."""
    NotSentError("the proxy refused", backoff=Backoff.NEVER)

    assert NotSentError("cannot connect").backoff is Backoff.FAST


def test_an_invalid_field_names_field_limit_and_value():
    """A form can show the problem beside the field that has it."""
    error = InvalidFieldError("sender", "must have 3 letters", shown="'ab'")

    assert (error.field, error.limit, error.shown) == (
        "sender",
        "must have 3 letters",
        "'ab'",
    )


# --- words ----------------------------------------------------------------------------


def of(kind, **attributes):
    """An error with some attributes set, as the engine sets them."""
    error = kind("it broke")
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(of(OctopushError), "it broke.", id="nothing known"),
        pytest.param(of(NotSentError), "it broke. Nothing was sent.", id="not sent"),
        pytest.param(of(RefusedError), "it broke. Nothing was sent.", id="refused"),
        pytest.param(
            of(UnknownOutcomeError), "it broke.", id="a read of unknown outcome"
        ),
        pytest.param(of(WebhookError), "it broke.", id="webhook"),
        pytest.param(
            of(UnknownOutcomeError, maybe_sent=True),
            "it broke. It may have been done. Check before you repeat it: this "
            "operation has no request_id that would protect a repeat.",
            id="a write without id",
        ),
        pytest.param(
            of(UnknownOutcomeError, maybe_sent=True, repeat_is_harmless=True),
            "it broke. It may have been done. A repeat is harmless.",
            id="a write that may be repeated",
        ),
        pytest.param(
            of(AuthenticationError, code=101),
            "it broke. Nothing was sent. Check OCTOPUSH_API_LOGIN and "
            "OCTOPUSH_API_KEY, or the arguments passed in their place.",
            id="wrong credentials",
        ),
        pytest.param(
            of(AuthenticationError, code=113),
            "it broke. Nothing was sent.",
            id="an account that may not",
        ),
        pytest.param(
            of(UnknownOutcomeError, maybe_sent=True, request_id="abc"),
            "it broke. It may have been sent. Repeat it only with the same "
            "request_id 'abc'.",
            id="a write with id",
        ),
        pytest.param(
            of(
                UnknownOutcomeError,
                maybe_sent=True,
                request_id="abc",
                safe_to_retry_until=UNTIL,
            ),
            "it broke. It may have been sent. Repeat it only with the same "
            "request_id 'abc' before 2026-01-06T09:00:00+00:00.",
            id="a write with id, and until when",
        ),
        pytest.param(
            of(RefusedError, maybe_sent=True, request_id="abc"),
            "it broke. It may have been sent. Repeat it only with the same "
            "request_id 'abc'.",
            id="refused after silence",
        ),
        pytest.param(
            of(NotSentError, operation="GET /a", attempts=1),
            "GET /a: it broke. Nothing was sent.",
            id="one try",
        ),
        pytest.param(
            of(NotSentError, operation="GET /a", attempts=2),
            "GET /a: it broke after 2 attempts. Nothing was sent.",
            id="two attempts",
        ),
        pytest.param(
            InvalidFieldError("text", "must not be empty", shown="''"),
            "text: must not be empty (got ''). Nothing was sent.",
            id="field with value",
        ),
        pytest.param(
            InvalidFieldError("api_key", "must be ASCII"),
            "api_key: must be ASCII. Nothing was sent.",
            id="field without value",
        ),
    ],
)
def test_str_says_what_became_of_the_message(error, words):
    """Whoever reads only the log line knows whether a repeat is safe."""
    assert str(error) == words


# --- pickle ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "carry",
    [
        pytest.param(lambda error: pickle.loads(pickle.dumps(error)), id="pickle"),  # noqa: S301 - our own bytes
        pytest.param(copy.copy, id="copy"),
    ],
)
def test_every_attribute_survives_the_way_to_another_process(kind, carry):
    """A worker's error says the same in the process that started the worker."""
    error = with_everything(kind)

    arrived = carry(error)

    assert (type(arrived), arrived.args, vars(arrived)) == (
        kind,
        ("it broke",),
        {
            "status": 503,
            "headers": {"retry-after": "7"},
            "code": 125,
            "details": {"message": "no", "cost": Decimal("0.10")},
            "retry_after": 7.0,
            "backoff": Backoff.THROTTLE,
            "outcome": Outcome.UNKNOWN,
            "maybe_sent": True,
            "request_id": "abc",
            "attempts": 3,
            "safe_to_retry_until": UNTIL,
            "operation": "POST /v1/public/sms-campaign/send",
            "retry_budget_exhausted": True,
        },
    )


def test_an_invalid_field_survives_pickle():
    """It has other arguments than the rest of the tree, and survives all the same."""
    error = InvalidFieldError("text", "must not be empty", shown="''")
    error.operation = "POST /a"

    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert (type(arrived), str(arrived), vars(arrived)) == (
        InvalidFieldError,
        "POST /a: text: must not be empty (got ''). Nothing was sent.",
        vars(error),
    )


def test_notes_survive_pickle():
    """What somebody noted on an error on its way up is not lost."""
    error = NotSentError("cannot connect")
    error.add_note("batch 7")

    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert arrived.__notes__ == ["batch 7"]


# --- words from outside ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        pytest.param("all right", "'all right'", id="plain words"),
        pytest.param("+33600000001 is bad", "'*** is bad'", id="number"),
        pytest.param("+33 6 00 00 00 01 is bad", "'*** is bad'", id="spaces"),
        pytest.param("+33.6.00.00.00.01 is bad", "'*** is bad'", id="dots"),
        pytest.param("06-00-00-00-01 is bad", "'*** is bad'", id="hyphens"),
        pytest.param("06/00/00/00/01 is bad", "'*** is bad'", id="slashes"),
        pytest.param("+33 (0)6 00 00 00 01 is bad", "'*** is bad'", id="brackets"),
        pytest.param(
            "+33\u00a06\u202f00\u00a000\u201000\u201101", "'***'", id="typographic"
        ),
        pytest.param("code 123456", "'code ***'", id="6 digits"),
        pytest.param("code 12345", "'code 12345'", id="5 digits"),
        pytest.param("1, 2, 3, 4, 5, 6", "'1, 2, 3, 4, 5, 6'", id="a list of figures"),
        pytest.param("+٣٣٦٠٠٠٠٠٠٠١", "'***'", id="Arabic-Indic digits"),
        pytest.param("a\r\nERROR b", r"'a\r\nERROR b'", id="line breaks"),
        pytest.param("a\x1b[31mb\0", r"'a\x1b[31mb\x00'", id="escapes and NUL"),
        pytest.param("a\u202eb", r"'a\u202eb'", id="direction override"),
        pytest.param("a\ud800b", "'a?b'", id="half a surrogate pair"),
        pytest.param("é €", "'é €'", id="accents"),
        pytest.param(["+33600000001"], "\"['***']\"", id="not a text"),
        pytest.param(None, "'None'", id="nothing"),
    ],
)
def test_words_from_outside_are_made_fit_for_a_log(text, fit):
    """No phone number, no code and no control character gets through."""
    assert shown(text) == fit


@pytest.mark.parametrize(
    ("length", "expected"),
    [(198, "'" + "x" * 198 + "'"), (199, "'" + "x" * 197 + "…'")],
)
def test_long_words_are_cut_at_200_characters(length, expected):
    """A page of HTML does not flood the log."""
    assert shown("x" * length) == expected


def test_what_escaping_adds_is_counted():
    """A NUL is shown as four characters."""
    assert len(shown("\0" * 300)) == 200


def test_a_very_long_text_is_cut_after_it_was_masked():
    """Masked numbers make room; what follows them may be shown."""
    assert shown("+33600000001," * 1_000).count("***") >= 40


@given(st.text())
def test_what_is_shown_is_one_printable_line(text):
    """Nothing that a gateway says breaks out of its line."""
    assert shown(text).isprintable()


@given(st.text(max_size=20), st.from_regex(r"\+[1-9][0-9]{9}", fullmatch=True))
def test_no_number_is_shown_whatever_stands_around_it(around, number):
    """A number in the middle of anything is masked."""
    assert number[1:] not in shown(f"{around}{number}{around}")


# --- the code table -------------------------------------------------------------------

# Section 8 of the specification, by hand: its class, and whether and how a code may
# be tried again: "no", "later" and "poll" are not ours to repeat.
CALLER, AUTH, MONEY = InvalidRequestError, AuthenticationError, InsufficientCreditError
STATE, SPEED, SERVER = RefusedError, ThrottledError, ServerError
CODES = [
    (100, CALLER, "no"),
    (101, AUTH, "no"),
    (102, CALLER, "no"),
    (103, CALLER, "no"),
    (104, MONEY, "later"),
    (105, MONEY, "later"),
    (106, CALLER, "no"),
    (107, CALLER, "no"),
    (108, AUTH, "no"),
    (109, AUTH, "no"),
    (110, CALLER, "no"),
    (111, CALLER, "no"),
    (112, CALLER, "no"),
    (113, AUTH, "later"),
    (114, AUTH, "no"),
    (115, CALLER, "no"),
    (116, CALLER, "no"),
    (117, CALLER, "no"),
    (118, CALLER, "no"),
    (119, CALLER, "no"),
    (120, DuplicateRequestError, "no"),
    (121, CALLER, "no"),
    (122, CALLER, "no"),
    (123, CALLER, "no"),
    (124, CALLER, "no"),
    (125, SERVER, "careful"),
    (126, STATE, "later"),
    (127, STATE, "poll"),
    (128, SPEED, "later"),
    (129, STATE, "poll"),
    (130, STATE, "poll"),
    (131, CALLER, "no"),
    (132, STATE, "no"),
    # Duplicates of something else than the request_id: no sign of an earlier try.
    (133, CALLER, "no"),
    (134, CALLER, "no"),
    (139, CALLER, "no"),
    (142, CALLER, "no"),
    (150, CALLER, "no"),
    (151, CALLER, "no"),
    (152, CALLER, "no"),
    (153, SPEED, "throttle"),
    (181, CALLER, "no"),
    (182, DuplicateRequestError, "no"),
    (189, CALLER, "no"),
    (194, CALLER, "no"),
    (195, CALLER, "no"),
    (196, SPEED, "no"),
    (197, STATE, "no"),
    (198, CALLER, "no"),
    (199, CALLER, "no"),
    (201, AUTH, "no"),
    (202, CALLER, "no"),
    (203, CALLER, "no"),
    (204, CALLER, "no"),
    (205, MONEY, "no"),
    (206, STATE, "later"),
    (207, AUTH, "no"),
    (208, CALLER, "no"),
    (209, AUTH, "no"),
    (210, CALLER, "no"),
    (300, AUTH, "no"),
    (301, CALLER, "no"),
    (302, CALLER, "no"),
    (303, CALLER, "no"),
    (304, CALLER, "no"),
    (305, CALLER, "no"),
    (306, CALLER, "no"),
    (308, CALLER, "no"),
    (400, CALLER, "no"),
    (438, SPEED, "throttle"),
    (500, SERVER, "careful"),
    (501, SERVER, "careful"),
    (1340, CALLER, "no"),
    (1341, CALLER, "no"),
]


def test_the_code_table_has_every_code_of_the_specification():
    """No documented code is unknown, and none was made up."""
    assert set(GATEWAY_CODES) == {code for code, _, _ in CODES}


@pytest.mark.parametrize(("code", "kind"), [row[:2] for row in CODES])
def test_a_code_becomes_the_error_of_its_class(code, kind):
    """Each code is raised as the class that the specification gives it."""
    assert GATEWAY_CODES[code].error is kind


@pytest.mark.parametrize(("code", "again"), [(row[0], row[2]) for row in CODES])
def test_a_code_is_repeated_only_where_the_specification_says_so(code, again):
    """Only a failure of theirs, and going too fast, is ours to repeat."""
    expected = {"careful": Backoff.CAREFUL, "throttle": Backoff.THROTTLE}

    assert GATEWAY_CODES[code].backoff is expected.get(again, Backoff.NEVER)


def test_only_two_codes_mean_that_the_request_id_was_used():
    """A duplicate counts as success after silence, so no other code may be one."""
    duplicates = {
        code
        for code, row in GATEWAY_CODES.items()
        if row.error is DuplicateRequestError
    }

    assert duplicates == {120, 182}


@pytest.mark.parametrize("code", [code for code, _, _ in CODES])
def test_every_code_has_a_meaning_in_words(code):
    """Nobody has to look a number up."""
    assert GATEWAY_CODES[code].meaning.strip()
