"""The market's calendar as somebody publishes it in a run: sessions of days, and windows around the news."""

from datetime import date, timedelta
from typing import Any

from portfold.events.calendar import (
    Session,
    SessionsPublished,
    WindowsPublished,
    moment_text,
    sessions_text,
)
from portfold.exchange_time import utc

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
_BY = "olga"


def published_sessions(now_ms: int, days: int, closes: int, *, holiday: bool) -> SessionsPublished:
    """Sessions from the day before on, each from 23:00 to 22:00 UTC, in Chicago from 17:00 to 16:00.

    The one that is under way, or begins next, closes so many minutes from now where `closes` says so. With a
    `holiday` the first weekday after today has none.
    """
    today = utc(now_ms).date()
    dates = [today + timedelta(days=number) for number in range(-1, days + 1)]
    weekdays = [day for day in dates if day.weekday() < 5]
    if holiday:
        weekdays = _without_first_after(weekdays, today)
    found = [_session(day) for day in weekdays]
    if closes:
        at_ms = (now_ms // _MINUTE_MS + closes) * _MINUTE_MS
        found = [_closing(one, at_ms) for one in found]
    return SessionsPublished(
        by=_BY,
        reason="as the exchange says",
        source="the exchange",
        first=dates[0].isoformat(),
        last=dates[-1].isoformat(),
        sessions=sessions_text(tuple(found)),
    )


def published_windows(now_ms: int, windows: list[dict[str, Any]]) -> WindowsPublished:
    """Windows that begin so many minutes from now, each once."""
    words = dict.fromkeys(_window(now_ms // _MINUTE_MS * _MINUTE_MS, **one) for one in windows)
    return WindowsPublished(by=_BY, reason="news", source="a list", windows=" ".join(words))


def _window(now_ms: int, begins: int, lasts: int, action: str, symbol: str) -> str:
    opens_ms = now_ms + begins * _MINUTE_MS
    when = f"{moment_text(opens_ms)}..{moment_text(opens_ms + lasts * _MINUTE_MS)}"
    return f"{when}={action}{f':{symbol}' if symbol else ''}"


def _without_first_after(days: list[date], today: date) -> list[date]:
    first = next((day for day in days if day > today), None)
    return [day for day in days if day != first]


def _session(day: date) -> Session:
    midnight_ms = (day - date(1970, 1, 1)).days * _DAY_MS
    return Session(day.isoformat(), midnight_ms - _HOUR_MS, midnight_ms + 22 * _HOUR_MS)


def _closing(one: Session, at_ms: int) -> Session:
    if not one.opens_ms < at_ms < one.closes_ms:
        return one
    return Session(one.date, one.opens_ms, at_ms)
