"""Moments of the log on people's clocks, and durations as people read them.

The log's clock is the server's: milliseconds since 1970, in every stream ID. An ID written by hand may name
any up to 2^64, and no calendar goes that far. So milliseconds become a date here and nowhere else (a
rule of the house): a moment beyond the calendar is shown as its end.

Pure: the fold reads its trading day here.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

LAST_MS = 253_402_300_799_999
"""The calendar's last millisecond, in UTC: the end of the year 9999."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_NEVER = "the end of time"


def utc(ms: int) -> datetime:
    """Returns the moment in UTC; beyond the calendar its last moment."""
    return _EPOCH + timedelta(milliseconds=min(ms, LAST_MS))


def local_time(ms: int, zone: ZoneInfo) -> datetime:
    """Returns the moment on the clocks of `zone`; beyond the calendar its last moment there."""
    try:
        return utc(ms).astimezone(zone)
    except OverflowError:  # the last hours in UTC are next year's to the east
        return datetime.max.replace(tzinfo=zone)


def milliseconds_of(moment: datetime) -> int:
    """Returns the millisecond of the log in which `moment` lies; the moment has a zone."""
    return (moment - _EPOCH) // _MILLISECOND


def clock(ms: int, zone: ZoneInfo) -> str:
    """Shows a moment of the log on the clocks of `zone`: `Wed 15 Jan 14:23:45`."""
    return _NEVER if ms > LAST_MS else f"{local_time(ms, zone):%a %d %b %H:%M:%S}"


def zoned_clock(ms: int, zone: ZoneInfo) -> str:
    """Shows the same with its zone: `Wed 15 Jan 14:23:45 CST`."""
    return _NEVER if ms > LAST_MS else f"{clock(ms, zone)} {local_time(ms, zone):%Z}"


def utc_clock(ms: int) -> str:
    """Shows a moment of the log in UTC: `2025-01-15 20:23:45 UTC`."""
    return _NEVER if ms > LAST_MS else f"{utc(ms):%Y-%m-%d %H:%M:%S} UTC"


def week_of(day: str) -> str:
    """Returns the Monday of the week in which the day lies, both as ISO dates."""
    found = date.fromisoformat(day)
    return date.fromordinal(found.toordinal() - found.weekday()).isoformat()


def span(ms: int) -> str:
    """Shows how long, in two units at most: `2 h 05 m`, `12 m 30 s`, `4.2 s`, `850 ms`."""
    seconds = ms // 1000
    if seconds < 1:
        return f"{ms} ms"
    if seconds < 10:
        return f"{ms / 1000:.1f} s"
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} m {seconds % 60:02} s"
    if seconds < 86_400:
        return f"{seconds // 3600} h {seconds // 60 % 60:02} m"
    return f"{seconds // 86_400} d {seconds // 3600 % 24:02} h"
