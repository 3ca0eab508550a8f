"""Phone numbers: clean ones come out, others are refused, and none is shown whole."""

import contextlib
import pickle
import re
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aiooctopush.errors import InvalidFieldError, Outcome
from aiooctopush.phone import country_of, mask, normalize


NUMBERS = st.from_regex(r"\+[1-9][0-9]{4,15}", fullmatch=True)
SEPARATORS = " .-\u00a0\u202f\u2010\u2011"


@pytest.mark.parametrize(
    ("written", "number"),
    [
        pytest.param("+33600000001", "+33600000001", id="clean"),
        pytest.param("+33 6 00 00 00 01", "+33600000001", id="spaces"),
        pytest.param("+33.6.00.00.00.01", "+33600000001", id="dots"),
        pytest.param("+44-7700-900123", "+447700900123", id="hyphens"),
        pytest.param("+33\u00a0600\u202f000001", "+33600000001", id="no-break spaces"),
        pytest.param("+44\u20107700\u2011900123", "+447700900123", id="real hyphens"),
        pytest.param(" \t+33600000001\r\n", "+33600000001", id="outer white space"),
        pytest.param("+ 33600000001", "+33600000001", id="space after the plus"),
        pytest.param("+٣٣٦٠٠٠٠٠٠٠١", "+33600000001", id="Arabic-Indic digits"),
        pytest.param("\uff0b33600000001", "+33600000001", id="full-width plus"),
        pytest.param("\u202a+33600000001\u202c", "+33600000001", id="directions"),
        pytest.param("\u200e+336\ufeff0000\u200b0001", "+33600000001", id="unseen"),
        pytest.param("'+33600000001", "+33600000001", id="apostrophe"),
        pytest.param('="+33600000001"', "+33600000001", id="formula"),
        pytest.param("Tel: +33-600000001", "+33600000001", id="link"),
        pytest.param("+12345", "+12345", id="5 digits"),
        pytest.param("+2222333334444555", "+2222333334444555", id="16 digits"),
    ],
)
def test_international_numbers_are_accepted(written, number):
    """What people put between digits goes; the digits stay."""
    assert normalize(written) == number


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param(" \n", "is empty", id="blank"),
        pytest.param("0612345678", "must start with '+' and the", id="national"),
        pytest.param("612345678", "must start with '+' and the", id="bare national"),
        pytest.param("33612345678", "must start with '+' and the", id="without plus"),
        pytest.param("0033612345678", "not with '00'", id="two zeros"),
        pytest.param(
            "+0612345678", "no country code begins with 0", id="national with plus"
        ),
        pytest.param("+33(0)612345678", "without the '(0)'", id="trunk zero"),
        pytest.param("+33 (0) 612345678", "without the '(0)'", id="spaced trunk zero"),
        pytest.param("+33 (6) 12345678", "contains '('", id="brackets"),
        pytest.param("+33600/000001", "contains '/'", id="slash"),
        pytest.param("+33600000001x12", "contains 'x'", id="extension"),
        pytest.param("++33600000001", "contains '+'", id="two pluses"),
        pytest.param("+33600\n000001", r"contains '\n'", id="newline inside"),
        pytest.param("+33600\0000001", r"contains '\x00'", id="nul inside"),
        pytest.param("+3³600000001", "contains '³'", id="superscript"),
        pytest.param("-+33600000001", "must start with '+'", id="separator first"),
        pytest.param("+33600000001-", "must end with a digit", id="separator last"),
        pytest.param("+33600000001.0", "as a decimal number", id="float"),
        pytest.param("+33600000001.00", "as a decimal number", id="float, two places"),
        pytest.param("+", "5 to 16 digits, has 0", id="plus alone"),
        pytest.param("+1234", "5 to 16 digits, has 4", id="4 digits"),
        pytest.param("+12345678901234567", "has 17", id="17 digits"),
    ],
)
def test_everything_else_is_refused(written, problem):
    """A number that would have to be guessed is refused, with what to write."""
    with pytest.raises(InvalidFieldError, match=re.escape(problem)) as caught:
        normalize(written)

    assert caught.value.outcome is Outcome.NOT_SENT


@pytest.mark.parametrize(
    "value", [None, 33600000001, b"+33600000001", ["+33600000001"]]
)
def test_only_a_string_is_a_number(value):
    """An int has lost its plus already; the error names the type, not the value."""
    with pytest.raises(InvalidFieldError, match="must be a string") as caught:
        normalize(value)

    assert caught.value.shown == type(value).__name__


def test_error_names_the_field_and_masks_the_number():
    """The error says where, and shows no more than the ends of the number."""
    with pytest.raises(InvalidFieldError) as caught:
        normalize("33612345678", field="recipients[3]")

    assert caught.value.field == "recipients[3]"
    assert caught.value.shown == "336****5678"
    assert "12345678" not in str(caught.value)


def test_error_survives_pickle():
    """A worker may send it to another process."""
    with pytest.raises(InvalidFieldError) as caught:
        normalize("0612345678")

    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        pytest.param("+33600000001", "+336****0001", id="11 digits"),
        pytest.param("+2222333334444555", "+222****4555", id="16 digits"),
        pytest.param("+4712345678", "+47****78", id="10 digits"),
        pytest.param("+12345678", "+12****78", id="8 digits"),
        pytest.param("+12345", "+1****5", id="5 digits"),
        pytest.param("0612345678", "06****78", id="national"),
        pytest.param(" +33 6 00-00.00 01 ", "+336****0001", id="separators"),
        pytest.param("+1234", "****", id="too short"),
        pytest.param("+12345678901234567", "****", id="too long"),
        pytest.param("++33600000001", "****", id="two pluses"),
        pytest.param("Ana Costa", "****", id="name"),
        pytest.param("٣٣٦٠٠٠٠٠٠٠١", "****", id="Arabic-Indic digits"),
        pytest.param("", "****", id="empty"),
        pytest.param("1" * 1_000_000, "****", id="huge"),
        pytest.param(None, "****", id="none"),
        pytest.param(33600000001, "****", id="int"),
    ],
)
def test_mask_shows_the_ends_at_most(number, shown):
    """Head and tail of a number, and nothing of what is none."""
    assert mask(number) == shown


@given(NUMBERS)
def test_normalizing_twice_is_normalizing_once(number):
    """A clean number comes out as it went in."""
    assert normalize(normalize(number)) == number


@given(NUMBERS, st.data())
def test_separators_make_no_difference(number, data):
    """However a number is spaced, it is the same number."""
    gaps = data.draw(
        st.lists(
            st.text(SEPARATORS, max_size=2),
            min_size=len(number) - 1,
            max_size=len(number) - 1,
        )
    )
    spaced = number[0] + "".join(
        gap + digit for gap, digit in zip(gaps, number[1:], strict=True)
    )

    # One dot before a last nought is no separator: see the floats above.
    assume(not re.fullmatch(r"\+\d+\.00?", spaced))
    assert normalize(spaced) == number


@given(st.text() | st.text(string.digits + SEPARATORS + "+()/eE", max_size=24))
def test_what_comes_out_is_always_clean(written):
    """Whatever goes in, out comes a plus with 5 to 16 ASCII digits, or nothing."""
    with contextlib.suppress(InvalidFieldError):
        assert re.fullmatch(r"\+[1-9][0-9]{4,15}", normalize(written))


@given(st.from_regex(r"[0-9]{6,16}", fullmatch=True), st.sampled_from(["", "00", "+0"]))
def test_no_error_shows_a_whole_number(digits, prefix):
    """Errors end up in logs."""
    with pytest.raises(InvalidFieldError) as caught:
        normalize(prefix + digits)

    assert digits not in str(caught.value)


@given(NUMBERS, st.data())
def test_mask_depends_on_the_ends_alone(number, data):
    """The middle, at least four digits or half of all, leaves no trace."""
    digits = number[1:]
    head, tail = (3, 4) if len(digits) >= 11 else (len(digits) // 4,) * 2
    hidden = len(digits) - head - tail
    middle = data.draw(st.text(string.digits, min_size=hidden, max_size=hidden))

    other = f"+{digits[:head]}{middle}{digits[-tail:]}"

    assert mask(other) == mask(number)
    assert hidden >= min(4, len(digits) / 2)


@given(st.text() | st.binary() | st.integers() | st.none())
def test_mask_never_raises(value):
    """It is called while an error is being written."""
    assert "****" in mask(value)


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+33639980001", "FR"),
        ("+590690001234", "GP"),
        ("+447700900123", "GB"),
        ("+12045550100", "CA"),
        ("+12025550100", "US"),
        ("+77010000001", "KZ"),
        ("+79161234567", "RU"),
        ("+10000000000", "US"),
        ("+80012345678", None),
        ("+99912345678", None),
    ],
)
def test_country_of_a_number(number, country):
    """Also where several countries share a code; none is told for numbers of none."""
    assert country_of(number) == country
