"""Hours and days in which marketing is not to be sent."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiooctopush.errors import InvalidFieldError
from aiooctopush.text import (
    FRENCH_QUIET_HOURS,
    QuietHours,
    easter_sunday,
    public_holidays,
    quiet_until,
)


PARIS = ZoneInfo("Europe/Paris")
INSTANTS = st.integers(852_076_800, 3_786_912_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)
# Outside of the hour that a change of the clocks skips or repeats.
BOUNDS = st.times().filter(lambda bound: not 1 <= bound.hour <= 3)


def in_paris(words):
    """An instant by the clock of Paris, such as ``2026-11-20 19:59``."""
    return datetime.fromisoformat(words).replace(tzinfo=PARIS)


@pytest.mark.parametrize(
    ("instant", "end"),
    [
        pytest.param("2026-11-20 19:59:59", None, id="Friday, before eight"),
        pytest.param("2026-11-20 20:00", "2026-11-21 08:00", id="Friday at eight"),
        pytest.param("2026-11-20 00:00", "2026-11-20 08:00", id="midnight"),
        pytest.param("2026-11-20 07:59:59", "2026-11-20 08:00", id="in the morning"),
        pytest.param("2026-11-20 08:00", None, id="the end itself"),
        pytest.param("2026-11-21 12:00", None, id="Saturday"),
        pytest.param("2026-11-21 21:00", "2026-11-23 08:00", id="into a Sunday"),
        pytest.param("2026-11-22 12:00", "2026-11-23 08:00", id="Sunday"),
        pytest.param("2026-12-25 12:00", "2026-12-26 08:00", id="Christmas"),
        pytest.param("2027-12-24 20:00", "2027-12-27 08:00", id="two days off"),
        pytest.param("2026-04-04 20:00", "2026-04-07 08:00", id="Easter"),
        pytest.param("2026-12-31 20:00", "2027-01-02 08:00", id="New Year"),
    ],
)
def test_quiet_hours_by_default(instant, end):
    """From 20:00 to 08:00, and the whole of Sundays and public holidays."""
    assert quiet_until(in_paris(instant)) == (end and in_paris(end))


@pytest.mark.parametrize(
    ("instant", "end"),
    [
        pytest.param("2026-03-27T19:00Z", "2026-03-28T07:00Z", id="before spring"),
        pytest.param("2026-03-28T19:00Z", "2026-03-30T06:00Z", id="over the spring"),
        pytest.param("2026-03-30T17:59Z", None, id="summer, before eight"),
        pytest.param("2026-03-30T18:00Z", "2026-03-31T06:00Z", id="summer at eight"),
        pytest.param("2026-10-24T18:00Z", "2026-10-26T07:00Z", id="over the autumn"),
        pytest.param("2026-10-26T18:00Z", None, id="winter, before eight"),
    ],
)
def test_clocks_change(instant, end):
    """The bounds are those of the wall clock in Paris, on both sides of a change."""
    expected = end and datetime.fromisoformat(end)

    assert quiet_until(datetime.fromisoformat(instant)) == expected


def test_repeated_hour_has_two_ends():
    """On the night when 02:30 comes twice, each of them ends the quiet before it."""
    hours = QuietHours(begin=time(1), end=time(2, 30), whole_days=False)
    first = datetime(2026, 10, 25, 0, 10, tzinfo=UTC)
    second = first + timedelta(hours=1)

    ends = [quiet_until(instant, hours=hours) for instant in (first, second)]

    assert [end.astimezone(UTC) for end in ends] == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("hours", "instant", "end"),
    [
        pytest.param(
            QuietHours(begin=time(21, 30)), "2026-11-20 21:00", None, id="later"
        ),
        pytest.param(
            QuietHours(begin=time(12), end=time(14)),
            "2026-11-20 12:00",
            "2026-11-20 14:00",
            id="within a day",
        ),
        pytest.param(
            QuietHours(begin=time(12), end=time(14)),
            "2026-11-20 14:00",
            None,
            id="after them",
        ),
        pytest.param(
            QuietHours(begin=time(8), end=time(8)),
            "2026-11-20 08:00",
            None,
            id="none on a working day",
        ),
        pytest.param(
            QuietHours(whole_days=False), "2026-11-22 12:00", None, id="Sunday allowed"
        ),
    ],
)
def test_quiet_hours_can_be_chosen(hours, instant, end):
    """Bounds and days off are the caller's to set."""
    assert quiet_until(in_paris(instant), hours=hours) == (end and in_paris(end))


@pytest.mark.parametrize("bound", ["20:00", 20, time(20, tzinfo=UTC)], ids=repr)
def test_bounds_are_times_of_day(bound):
    """In France, so without a time zone of their own."""
    with pytest.raises(InvalidFieldError, match="begin"):
        QuietHours(begin=bound)


@given(INSTANTS, st.builds(QuietHours, begin=BOUNDS, end=BOUNDS))
def test_quiet_ends_later_and_for_good(instant, hours):
    """The end of a quiet lies ahead, and is not quiet itself."""
    end = quiet_until(instant, hours=hours)

    assert end is None or (end > instant and quiet_until(end, hours=hours) is None)


@given(INSTANTS)
def test_quiet_is_never_longer_than_two_nights_and_the_days_between(instant):
    """60 hours, such as from Saturday to Tuesday; 61 where the clocks are set back."""
    end = quiet_until(instant)

    assert end is None or end - instant <= timedelta(hours=61)


def test_time_zones_may_be_missing(monkeypatch):
    """Some platforms bring no database; the error says what to install."""

    def no_such_zone(name):
        raise ZoneInfoNotFoundError(name)

    monkeypatch.setattr("zoneinfo.ZoneInfo", no_such_zone)

    with pytest.raises(LookupError, match="install the package tzdata"):
        quiet_until(datetime(2026, 11, 20, tzinfo=UTC))


@pytest.mark.parametrize(
    "day",
    [
        date(1818, 3, 22),
        date(1943, 4, 25),
        date(1954, 4, 18),
        date(1981, 4, 19),
        date(2000, 4, 23),
        date(2008, 3, 23),
        date(2024, 3, 31),
        date(2025, 4, 20),
        date(2026, 4, 5),
        date(2027, 3, 28),
        date(2038, 4, 25),
        date(2049, 4, 18),
    ],
    ids=str,
)
def test_easter_sunday(day):
    """As in the almanac, its earliest, latest and exceptional days included."""
    assert easter_sunday(day.year) == day


@pytest.mark.parametrize(
    "monday",
    [date(2024, 4, 1), date(2025, 4, 21), date(2026, 4, 6), date(2027, 3, 29)],
    ids=str,
)
def test_easter_monday_is_quiet(monday):
    """It is a public holiday that moves."""
    noon = datetime.combine(monday, time(12), tzinfo=PARIS)
    tuesday = datetime.combine(monday + timedelta(days=1), time(8), tzinfo=PARIS)

    assert quiet_until(noon) == tuesday


def test_public_holidays_of_a_year():
    """All eleven of 2026, and neither Good Friday nor 26 December."""
    assert public_holidays(2026) == {
        date(2026, 1, 1),
        date(2026, 4, 6),
        date(2026, 5, 1),
        date(2026, 5, 8),
        date(2026, 5, 14),
        date(2026, 5, 25),
        date(2026, 7, 14),
        date(2026, 8, 15),
        date(2026, 11, 1),
        date(2026, 11, 11),
        date(2026, 12, 25),
    }


def test_default_bounds_are_those_of_the_vendor():
    """Eight in the evening, eight in the morning."""
    assert QuietHours(begin=time(20), end=time(8)) == FRENCH_QUIET_HOURS
