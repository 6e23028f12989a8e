"""Sessions of an exchange from the library, which is an extra: asked once, and then they are on the log.

The library is imported by its name, as the rest of portfold does without. What it says of a day a person may
correct: docs/adr/0015 has where it differs from what the exchange published.
"""

from collections.abc import Iterable
from datetime import date, datetime, time
from importlib import import_module
from zoneinfo import ZoneInfo

from portfold.cli.exits import Unusable
from portfold.events.calendar import Session
from portfold.exchange_time import local_time, milliseconds_of
from portfold.installing import install_command

_LIBRARY = "pandas_market_calendars"
CLOSED = "closed"


def sessions_from_library(calendar: str, first: date, last: date) -> tuple[tuple[Session, ...], str]:
    """Returns the sessions of the weekdays from `first` to `last`, and their source. Raises Unusable."""
    try:
        library = import_module(_LIBRARY)
    except ImportError as missing:
        command = install_command("calendar")
        raise Unusable(f"Sessions need {missing.name}, which is not installed: {command}") from missing
    try:
        found = library.get_calendar(calendar)
    except RuntimeError as unknown:
        raise Unusable(f"--calendar: expected one that {_LIBRARY} has, got {calendar[:80]!r}.") from unknown
    schedule = found.schedule(first.isoformat(), last.isoformat())
    rows = zip(schedule.index, schedule["market_open"], schedule["market_close"], strict=True)
    sessions = (
        Session(day.date().isoformat(), milliseconds_of(opens), milliseconds_of(closes))
        for day, opens, closes in rows
    )
    weekdays = tuple(one for one in sessions if date.fromisoformat(one.date).weekday() < 5)
    return weekdays, f"{calendar} by {_LIBRARY} {library.__version__}"


def corrected(sessions: Iterable[Session], corrections: str, zone: ZoneInfo) -> tuple[Session, ...]:
    """Returns the sessions as a person corrects them, `2025-04-18=closed`. Raises Unusable."""
    by_date = {one.date: one for one in sessions}
    for word in corrections.split():
        day, _, closes = word.partition("=")
        one = by_date.get(day)
        if one is None:
            raise Unusable(f"--correct: expected a day that has a session, got {word[:80]!r}.")
        if closes == CLOSED:
            del by_date[day]
            continue
        by_date[day] = Session(day, one.opens_ms, _closing(one, closes, zone))
    return tuple(by_date.values())


def _closing(one: Session, closes: str, zone: ZoneInfo) -> int:
    try:
        shown = datetime.combine(date.fromisoformat(one.date), time.fromisoformat(closes), zone)
    except ValueError as unfit:
        raise Unusable(f"--correct: expected a time as 08:30, or closed, got {closes[:80]!r}.") from unfit
    closes_ms = milliseconds_of(shown)
    if closes_ms <= one.opens_ms:
        opens = f"{local_time(one.opens_ms, zone):%Y-%m-%d %H:%M}"
        raise Unusable(f"--correct: expected a close after {one.date} opens, {opens}, got {closes}.")
    return closes_ms
