"""Numbers of a declared country, judged by libphonenumber called directly."""

import random
import re
import subprocess
import sys

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiooctopush import InvalidFieldError, Recipient, _countries, _numbering
from aiooctopush.bulk.preview import doubts
from aiooctopush.phone import (
    check_possible,
    heads_of,
    normalize,
    normalize_all,
    read_column,
)


COUNTRIES = ("FR", "DE", "GB", "ES", "IT", "BE", "CH", "US", "PL", "BR")


def judged(written, country=None):
    """What libphonenumber makes of a number; None if it is not possible."""
    try:
        parsed = phonenumbers.parse(written, country)
    except phonenumbers.NumberParseException:
        return None
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def read(written, country=None):
    """What we make of it; None if it is refused."""
    try:
        number = normalize(written, country=country)
        check_possible(number)
    except InvalidFieldError:
        return None
    return number


def notations(country, count):
    """Mobile numbers of a country in every way that people write them."""
    draw = random.Random(country)
    example = phonenumbers.example_number_for_type(
        country, phonenumbers.PhoneNumberType.MOBILE
    )
    code, start = str(example.country_code), str(example.national_number)
    kinds = phonenumbers.PhoneNumberFormat
    for at in range(count):
        digits = f"{draw.randrange(10**4):04}"
        parsed = phonenumbers.parse(f"+{code}{start[:-4]}{digits}")
        plain = str(parsed.national_number)
        national, international = (
            phonenumbers.format_number(parsed, kind)
            for kind in (kinds.NATIONAL, kinds.INTERNATIONAL)
        )
        yield (
            national,
            international,
            "".join(filter(str.isdigit, national)),
            national.replace(" ", "."),
            national.replace(" ", "-"),
            national.replace(" ", "/"),
            plain,
            f"{code}{plain}",
            f"00{code}{plain}",
            f"+{code}{plain}",
            f"+{code} (0) {plain}",
            f"(+{code}) {plain}",
            f"\u202a{international}\u202c",
            f"'{national}",
            f'="{international}"',
            f" {national}\u00a0",
            f"tel:+{code}-{plain}",
            f"+{code}0{plain}",
            f"{national}9",
            f"+{code}{plain[:-3]}",
        )[at % 20]


WRITTEN = [(country, one) for country in COUNTRIES for one in notations(country, 200)]


def test_two_thousand_numbers_are_read_as_libphonenumber_reads_them():
    """Or are refused; and those that are not odd are read."""
    assert len(WRITTEN) == 2_000
    refused = 0
    for country, written in WRITTEN:
        found = read(written, country)
        plain = written.strip("'\" =").removeprefix("tel:")
        assert found in {judged(plain, country), None}, (country, written)
        refused += found is None

    # Three in twenty have a digit too many, too few, or a prefix too many.
    assert refused <= 2_000 * 5 / 20


DIGITS = st.text("0123456789", min_size=4, max_size=15)
MARKS = st.sampled_from(
    ["", "0", "00", "+", "011", "+33", "33", "0033", "(0)", "+33 0"]
)
COUNTRY = st.sampled_from([*COUNTRIES, "AR", "MX", "RU", "JP", "CI", "RE"])


@given(MARKS, DIGITS, COUNTRY)
def test_no_number_is_read_otherwise_than_libphonenumber_does(mark, digits, country):
    """Whatever digits come: the same number, or none."""
    found = read(mark + digits, country)

    assert found is None or found == judged(mark + digits, country)


def alone(written, country):
    """What becomes of a number by itself; None if it is refused."""
    try:
        number = normalize(written, country=country)
        if country is None:
            check_possible(number)
    except InvalidFieldError:
        return None
    return number


SEPARATORS = (" ", ".", "-", " - ", "\u00a0", "\u202f", "\u2010", "..", "/", "\u2013")
PREFIXES = ("", "", "0", "00", "1", "06", "+", "+33", "33", "0033", "18002")


def nearly(region, count):
    """Numbers that are nearly those of a country, in nearly all notations."""
    draw = random.Random(f"{region} {count}")
    code = phonenumbers.country_code_for_region(region)
    kinds = phonenumbers.PhoneNumberType
    examples = [
        str(one.national_number)
        for kind in (kinds.MOBILE, kinds.FIXED_LINE, kinds.TOLL_FREE, kinds.VOIP)
        if (one := phonenumbers.example_number_for_type(region, kind))
    ]
    for _ in range(count):
        rest = draw.choice(examples)
        rest = f"{rest[:-3]}{draw.randrange(1_000):03d}"
        if draw.random() < 0.3:  # another length, or other digits
            rest = str(draw.randrange(10**13))[: draw.randrange(3, 13)]
        own = (f"+{code}", str(code), f"00{code}", f"+{code}0", f"{code}0")
        written = draw.choice((*PREFIXES, *own)) + rest
        if draw.random() < 0.5:
            separator, at = draw.choice(SEPARATORS), draw.randrange(1, len(written) + 1)
            written = written[:at] + separator + written[at:]
        odd = draw.choice((".0", ".00", ",0", ".")) if draw.random() < 0.05 else ""
        yield (written + odd).strip()


@pytest.mark.parametrize(
    ("regions", "count"),
    [
        pytest.param(sorted(phonenumbers.SUPPORTED_REGIONS), 40, id="all countries"),
        pytest.param((*COUNTRIES, "HU", "JP", "RU", "AU"), 600, id="some countries"),
    ],
)
def test_a_column_is_read_as_each_number_alone(regions, count):
    """Or the number is left to a closer look."""
    read_at_once = 0
    for region in regions:
        numbers = list(nearly(region, count))
        for country in (region, None):
            for begin in range(0, count, 8):
                some = numbers[begin : begin + 8]
                found = read_column(some, country)
                assert len(found) == len(some)
                for written, number in zip(some, found, strict=True):
                    read_at_once += number is not None
                    assert number in {None, alone(written, country)}, (written, country)
    assert read_at_once > 1_000


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param(["0639980001", "0639980001.0"], id="a float"),
        pytest.param(["0639980001", "06\n39980002"], id="a line end"),
        pytest.param(["+33639980001", "06/39/98/00/01 06"], id="two numbers"),
        pytest.param([], id="none"),
    ],
)
def test_a_column_has_a_result_for_each_cell(numbers):
    """And None for one that is odd."""
    found = read_column(numbers, "FR")

    assert len(found) == len(numbers)
    assert not any(found[1:])


# Brazil's prefix may contain the code of a carrier, so its numbers are parsed.
@pytest.mark.parametrize("country", [one for one in COUNTRIES if one != "BR"])
def test_common_notations_in_a_column_need_no_closer_look(country):
    """They are what lists are full of."""
    code = phonenumbers.country_code_for_region(country)
    mobile = phonenumbers.PhoneNumberType.MOBILE
    example = phonenumbers.example_number_for_type(country, mobile)
    plain = str(example.national_number)
    trunk = {"FR": "0", "DE": "0", "GB": "0", "BE": "0", "CH": "0"}.get(country, "")
    wanted = f"+{code}{plain}"

    assert wanted == judged(wanted)
    assert (
        read_column(
            [
                f"{trunk}{plain}",
                f"{trunk}{plain[:3]} {plain[3:5]} {plain[5:]}",
                f"{trunk}{plain[:3]}.{plain[3:5]}-{plain[5:]}",
                f"+{code} {plain[:3]} {plain[3:]}",
                wanted,
            ],
            country,
        )
        == [None if country == "BR" else wanted] * 3 + [wanted] * 2
    )


@example("+9991234567")  # of a country that there is not
@given(st.from_regex(r"\+[1-9][0-9]{4,15}", fullmatch=True))
def test_an_international_number_is_kept_or_refused(number):
    """And kept only if libphonenumber leaves it as it is."""
    found = read(number)

    assert found in {number, None}
    assert (found == number) == (judged(number) == number)


def lists(least, most):
    """Numbers of three countries, with so many digits after their first ones."""
    some = rf"\+(33[0-9]|32[04]|44[17])[0-9]{{{least},{most}}}"
    return st.lists(st.from_regex(some, fullmatch=True), max_size=5)


@given(lists(7, 9) | st.integers(7, 9).flatmap(lambda count: lists(count, count)))
def test_many_are_judged_as_each_alone(numbers):
    """A quick look at many takes no number that a look at each would refuse."""
    assert _numbering.all_possible(numbers) == all(
        _numbering.impossible(number) is None for number in numbers
    )


def test_numbers_of_several_lengths_are_judged_by_their_beginnings(monkeypatch):
    """In Belgium 8 or 9 digits follow the country code; no number is looked at."""
    monkeypatch.setattr(_numbering, "impossible", None)

    assert _numbering.all_possible(["+32470123456", "+3221234567"])


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+33 (0)6 39 98 00 01", "+33639980001"),
        ("(+33) (0)6.39.98.00.01", "+33639980001"),
        ("+44 (0)7700 900123", "+447700900123"),
        ("+44 7700 900123", "+447700900123"),
        ("+447700900123", "+447700900123"),
    ],
)
def test_common_notations_are_read_without_the_library(written, number, monkeypatch):
    """It takes twenty times as long, and lists have many of them."""
    monkeypatch.setattr(_numbering.phonenumbers, "parse", None)

    assert read(written, "FR") == number


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+39 (0)6 69812345", "+390669812345"),
        ("+33 6 (0)39 98 00 01", None),
        ("+33 (0)06 39 98 00 01", None),
        ("+41 (0)084 06 58 94", None),
        ("+999 (0)6 39 98 00 01", None),
        ("+44 18002 07700 900123", None),
    ],
)
def test_a_zero_in_brackets_is_left_out_only_where_it_is_a_prefix(written, number):
    """It belongs to Italian numbers, and to none behind another digit."""
    assert read(written, "FR") == number


def test_countries_are_those_of_libphonenumber():
    """Written down, so that to declare one does not load it."""
    assert phonenumbers.SUPPORTED_REGIONS == _countries.COUNTRIES


@pytest.mark.parametrize("country", ["XX", "France", "", "UK", "fr "])
def test_an_unknown_country_is_refused_by_name(country):
    """Two letters in any case are one."""
    if country == "fr ":
        assert normalize("0639980001", country=country) == "+33639980001"
        return
    with pytest.raises(InvalidFieldError, match="two letters of a country") as caught:
        normalize("0639980001", country=country)

    assert ("are GB" in str(caught.value)) == (country == "UK")


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("", "is empty"),
        ("06 39 98 00 0x", "contains 'x' (LATIN SMALL LETTER X, U+0078)"),
        ("06 39 98 00 01-", "must end with a digit"),
        ("06 39", "has too few digits for a number of FR"),
        ("06 39 98 00 01 02", "has too many digits for a number of FR"),
        ("+999 639980001", "has no existing country code"),
        ("+0639980001", "has no existing country code"),
        ("0000000", "for a number of FR"),
        ("+(0)", "must end with a digit"),
        ("+33 (0) 6", "has too few digits"),
        ("+33 (0)639980001234567890", "has too many digits"),
        ("(0)", "must end with a digit"),
        ("+33 6", "has too few digits for a number of +33"),
        # One digit too few, and so the 0 before it stays: nobody has such a number.
        ("06 39 98 00 0", "has too few digits for a number of FR"),
    ],
)
def test_a_number_that_no_phone_has_says_why(written, words):
    """The words are about the number, and show no more than its ends."""
    with pytest.raises(InvalidFieldError) as caught:
        normalize(written, country="FR")

    assert words in str(caught.value)


@pytest.mark.parametrize(
    "written",
    ["0301234567890123", "(0)301234567890123", "+49301234567890123"],
    ids=["national", "trunk prefix", "international"],
)
def test_a_number_that_is_longer_than_any_says_so(written):
    """Germany allows 15 digits behind its code, which the gateway does not."""
    with pytest.raises(InvalidFieldError, match="has more than 16 digits"):
        normalize(written, country="DE")


def test_several_numbers_may_have_a_country():
    """As each alone."""
    assert normalize_all(["0639980001", "+33639980002"], country="FR") == [
        "+33639980001",
        "+33639980002",
    ]


def test_a_recipient_may_have_a_national_number():
    """If its country is declared."""
    one = Recipient.of("06 39 98 00 01", country="FR", first_name="Zoé")

    assert one == Recipient("+33639980001", first_name="Zoé")


def test_numbers_that_hardly_get_a_text_are_told_apart():
    """By their places: given to nobody, and landlines."""
    numbers = [
        "+33612345678",
        "+33140000000",
        "+33899123456",
        "+33612",
        "+447700900123",
    ]

    numbers += ["+999123456", "+12025550123"]
    invalid, landlines = doubts.doubtful(numbers, heads_of(numbers))

    assert (invalid, landlines) == ([3, 5], [1, 2])


LANDLINES = {
    *(phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.UAN),
    *(
        phonenumbers.PhoneNumberType.PREMIUM_RATE,
        phonenumbers.PhoneNumberType.TOLL_FREE,
    ),
    *(phonenumbers.PhoneNumberType.SHARED_COST, phonenumbers.PhoneNumberType.VOICEMAIL),
}


@pytest.mark.parametrize("country", COUNTRIES)
def test_doubts_are_those_of_libphonenumber(country):
    """Of numbers made at random, each kind as the library tells it, one by one."""
    numbers_of = random.Random(country)
    code = phonenumbers.country_code_for_region(country)
    example = phonenumbers.example_number_for_type(
        country, phonenumbers.PhoneNumberType.MOBILE
    )
    digits = len(str(example.national_number))
    made = {
        f"+{code}{numbers_of.randrange(10 ** (digits - 1), 10**digits)}"
        for _ in range(500)
    }
    numbers = sorted(one for one in made if read(one) == one)

    kinds = [phonenumbers.number_type(phonenumbers.parse(one)) for one in numbers]
    unknown = phonenumbers.PhoneNumberType.UNKNOWN
    invalid = [at for at, kind in enumerate(kinds) if kind == unknown]
    landlines = [at for at, kind in enumerate(kinds) if kind in LANDLINES]
    assert len(numbers) > 100
    assert doubts.doubtful(numbers, heads_of(numbers)) == (invalid, landlines)


def test_each_number_of_a_sure_head_is_a_mobile():
    """Of every head of a few countries: what is not asked again is never a doubt."""
    tails = random.Random(1)
    sure = []
    for code, digits in (("33", 3), ("44", 4), ("49", 4), ("852", 2)):
        for at in range(10**digits):
            head = f"+{code}{at:0{digits}d}"
            if doubts._are_mobiles(head):
                sure += [f"{head}{tails.randrange(10**6):06d}" for _ in range(20)]

    kinds = {phonenumbers.number_type(phonenumbers.parse(one)) for one in sure}

    assert len(sure) > 1_000
    assert kinds <= {
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    }


def test_the_patterns_of_the_library_are_plain_enough_for_sure_heads():
    r"""Only what takes every digit may take the sign for one: no ``[^0]``, no ``.``."""
    plain = re.compile(r"(?:\\d|\[[0-9-]+\]|[0-9]|\{[0-9,]+\}|\(\?:|[()|?])+")
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        for region in regions:
            known = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(
                code, region
            )
            for about in (known.general_desc, known.mobile):
                pattern = about and about.national_number_pattern
                assert not pattern or plain.fullmatch(pattern), (region, pattern)


WITHOUT = """
import sys
sys.modules["phonenumbers"] = None
from aiooctopush import InvalidFieldError, read_csv
from aiooctopush.bulk.preview.doubts import doubtful
from aiooctopush.phone import are_possible, check_possible, normalize, read_column
check_possible("+33612")
print(normalize("+33 6 39 98 00 01"), are_possible(["+33612"]))
print(read_column(["+33 612", "0639980001"]), doubtful(["+33612"], ["+33612"]))
for call in (normalize, read_csv):
    try:
        call("0639980001", country="FR")
    except InvalidFieldError as error:
        print(error.field, error)
"""


def test_without_the_extra_a_country_says_what_to_install():
    """And nothing is known against an international number."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True
    )

    first, second, *others = done.stdout.splitlines()
    assert first == "+33639980001 True"
    assert second == "['+33612', None] Doubt(invalid=[], landlines=[])"
    assert len(others) == 2
    for line in others:
        assert line.startswith("country country: needs the extra phone")
        assert 'pip install "aiooctopush[phone]"' in line
