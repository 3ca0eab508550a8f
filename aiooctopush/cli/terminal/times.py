"""Times and durations for people; always in UTC."""

from datetime import UTC, datetime, timedelta


def at(instant: datetime | None) -> str:
    """Format an instant in UTC, such as ``2026-11-22 03:50:29``; ``-`` for None."""
    return "-" if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def span(duration: timedelta) -> str:
    """A span such as ``45 s``, ``3 min``, ``3 h 12 min`` or ``2 days 4 h``."""
    seconds = round(duration.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min" + f" {seconds} s" * bool(seconds and minutes < 10)
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h" + f" {minutes} min" * bool(minutes)
    days, hours = divmod(hours, 24)
    return f"{days} day{'s' * (days != 1)}" + f" {hours} h" * bool(hours)
