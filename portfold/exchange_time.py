"""Moments and durations as people read them."""

from datetime import datetime
from zoneinfo import ZoneInfo


def span(ms: int) -> str:
    """How long, in two units at most: `2 h 05 m`, `12 m 30 s`, `4.2 s`, `850 ms`."""
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


def clock(ms: int, zone: ZoneInfo) -> str:
    """A moment of the log on the clocks of `zone`: `Wed 15 Jan 14:23:45`."""
    try:
        return f"{datetime.fromtimestamp(ms / 1000, zone):%a %d %b %H:%M:%S}"
    except (ValueError, OverflowError, OSError):  # an ID written by hand may name any millisecond
        return "the end of time"
