"""Hours in which marketing is not to be sent to France."""

from datetime import date, datetime, time, timedelta
from typing import Final

import attrs
from attrs import field, frozen

from ..errors import wrong_value


_FRANCE: Final = "Europe/Paris"
_SUNDAY: Final = 6

# Days after Easter Sunday: Easter Monday, Ascension, Whit Monday.
_AFTER_EASTER: Final = (1, 39, 50)
_FIXED: Final = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))


def _wall_time(_: object, attribute: "attrs.Attribute[time]", value: time) -> None:
    known: object = value
    if not isinstance(known, time) or value.tzinfo is not None:
        raise wrong_value(
            attribute.name,
            "must be a time of day in France, such as time(20), without a time zone",
            value,
        )


@frozen(kw_only=True)
class QuietHours:
    """
    When marketing SMS is not to be sent in France, by wall clock there.

    How the gateway handles such a message is undocumented: it may refuse, delay or send
    it. So a message in quiet hours is not refused here. It only causes a warning.

    Args:
        begin: When the quiet of a day begins; the default is 20:00.
        end: When it ends, on the next day if that is earlier; the default is 08:00.
            If both are the same, no hours of a working day are quiet.
        whole_days: Whether Sundays and public holidays are quiet from midnight to
            midnight.

    Raises:
        InvalidFieldError: A bound is no time of day, or carries a time zone.

    Source: the vendor's article on deferred sending, for the defaults (documented,
    unseen). We assume the time of Paris and the holidays of the whole country, without
    the two of Alsace and Moselle. A carriers' charter of 2026 reportedly allows 08:00
    to 21:30.
    """

    begin: time = field(default=time(20), validator=_wall_time)
    end: time = field(default=time(8), validator=_wall_time)
    whole_days: bool = True

    def end_of(self, wall: datetime) -> datetime | None:
        """
        Return the end of the present quiet hours; None outside of them.

        Args:
            wall: Wall clock time in France.
        """
        day, now = wall.date(), wall.time()
        day_off = wall.weekday() == _SUNDAY or day in public_holidays(day.year)
        if day_off and self.whole_days:
            return _at(wall + timedelta(days=1), time())
        if self.begin <= self.end:
            return _at(wall, self.end) if self.begin <= now < self.end else None
        if now < self.end:
            return _at(wall, self.end)
        # Up to midnight: the day that begins there may be quiet as a whole.
        return _at(wall + timedelta(days=1), time()) if now >= self.begin else None


FRENCH_QUIET_HOURS: Final = QuietHours()
"""From 20:00 to 08:00, and on Sundays and public holidays."""


def in_france(instant: datetime) -> datetime:
    """The instant by the clock of Paris; LookupError without a time zone database."""
    # A run loads this module before it knows whether it needs a time zone.
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415

    try:
        return instant.astimezone(ZoneInfo(_FRANCE))
    except ZoneInfoNotFoundError as error:
        raise LookupError(
            "this machine has no time zone database; install the package tzdata"
        ) from error


def quiet_until(
    instant: datetime, *, hours: QuietHours = FRENCH_QUIET_HOURS
) -> datetime | None:
    """
    Return when marketing SMS may be sent to France, if not at that instant.

    Args:
        instant: Aware, in any time zone.
        hours: Which hours are quiet.

    Returns:
        The first instant after it that is not quiet, by the clock of Paris; None if
        the instant itself is not.

    Raises:
        LookupError: This machine has no database of time zones.
    """
    wall = in_france(instant)
    end = hours.end_of(wall)
    last = None
    # A night may be followed by a Sunday, and that by a holiday and another night.
    while end is not None:
        last, end = end, hours.end_of(end)
    return last


def public_holidays(year: int) -> frozenset[date]:
    """
    The eleven public holidays of the whole of France.

    Source: French Labour Code, article L3133-1.
    """
    sunday = easter_sunday(year)
    fixed = (date(year, month, day) for month, day in _FIXED)
    return frozenset(fixed).union(sunday + timedelta(days) for days in _AFTER_EASTER)


def easter_sunday(year: int) -> date:
    """
    Easter Sunday in the Gregorian calendar.

    Source: Meeus, "Astronomical Algorithms", ch. 8.
    """
    century, of_century = divmod(year, 100)
    golden = year % 19
    corrected = (8 * century + 13) // 25
    epact = (19 * golden + century - century // 4 - corrected + 15) % 30
    weekday = (32 + 2 * (century % 4 + of_century // 4) - epact - of_century % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _at(wall: datetime, moment: time) -> datetime:
    """Another time of the same day; the second 02:30 of a night stays the second."""
    return datetime.combine(wall.date(), moment, tzinfo=wall.tzinfo).replace(
        fold=wall.fold
    )
