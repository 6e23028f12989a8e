"""When windows are: from the words of a week, and the days' sessions, to milliseconds.

Times of day are the exchange's. Where its clocks show a time twice, or never, a window is the longer one: it
begins by the earlier reading and ends by the later. Guarantees: pure, and of bounded cost: what is looked at
lies within nine days.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portfold.by_name import groups_of
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.windows.calendar import Calendar
from portfold.events.calendar import Session
from portfold.exchange_time import local_time, milliseconds_of
from portfold.weekly_windows import Edge, WeeklyWindow, WindowAction, symbols_in, windows_of

DAYS_LOOKED_AT = 9
"""Before and after now."""
_DAY = timedelta(days=1)
_MINUTE_MS = 60_000
_DAY_MS = 24 * 60 * _MINUTE_MS
# Far beyond any clock, well within the calendar: an ID written by hand may name any millisecond.
_LAST_MS = 250_000_000_000_000


class Occurrence(NamedTuple):
    """One time that a window is: from `begins_ms` to `ends_ms`, exclusive. `window` is what it is called."""

    window: str
    action: WindowAction
    symbols: tuple[str, ...]
    begins_ms: int
    ends_ms: int


def occurrences(limits: Limits, calendar: Calendar, ms: int) -> list[Occurrence]:
    """Returns every time within nine days of `ms` that a window is, the earliest first."""
    found = [
        Occurrence(one.text, one.action, one.symbols, one.opens_ms, one.closes_ms) for one in calendar.dated
    ]
    if limits.windows and ms < _LAST_MS:
        zone = ZoneInfo(limits.zone)
        today = local_time(ms, zone).date()
        days = [today + days * _DAY for days in range(-DAYS_LOOKED_AT, DAYS_LOOKED_AT + 1)]
        for window in windows_of(limits.windows):
            symbols = symbols_in(window, groups_of(limits.groups), limits.symbols)
            times = _of_days(window, days, calendar.sessions, zone, limits.flatten_ms)
            found += [Occurrence(window.text, window.action, symbols, *when) for when in times]
    return sorted(found, key=lambda one: (one.begins_ms, one.window))


def _of_days(
    window: WeeklyWindow, days: Iterable[date], sessions: tuple[Session, ...], zone: ZoneInfo, flatten_ms: int
) -> Iterator[tuple[int, int]]:
    by_date = {one.date: one for one in sessions}
    for day in days:
        session = by_date.get(day.isoformat())
        begins = _begins(window.begins, day, session, zone) if day.weekday() in window.weekdays else None
        ends = _ends(window.ends, begins, session, sessions, zone) if begins is not None else None
        if begins is None or ends is None:
            continue
        if window.action == "flatten":  # early enough to be flat at the time, which a lead comes before
            lead_ms = max(0, -window.begins.minutes) * _MINUTE_MS
            begins = min(begins, begins + lead_ms - flatten_ms)
        yield begins, ends


def _begins(edge: Edge, day: date, session: Session | None, zone: ZoneInfo) -> int | None:
    """Returns when a window of the day begins; None where its session says so and there is none."""
    if edge.anchor == "clock":
        return _read(day, edge, zone, min)
    if session is None:
        return None
    return (session.opens_ms if edge.anchor == "open" else session.closes_ms) + edge.minutes * _MINUTE_MS


def _ends(
    edge: Edge, begins: int, session: Session | None, sessions: Iterable[Session], zone: ZoneInfo
) -> int | None:
    """Returns when it ends, the first such moment after it begins; a close is that of its own session.

    None where the day's session has closed before it would begin. Until an open that nobody published it
    lasts a day.
    """
    after_ms = edge.minutes * _MINUTE_MS
    if edge.anchor == "close":
        ends = session.closes_ms + after_ms if session is not None else begins
        return ends if ends > begins else None
    if edge.anchor == "open":
        opens = (one.opens_ms + after_ms for one in sessions if one.opens_ms + after_ms > begins)
        return next(opens, begins + _DAY_MS)
    day = local_time(begins, zone).date()
    ends = _read(day, edge, zone, max)
    return ends if ends > begins else _read(day + _DAY, edge, zone, max)


def _read(day: date, edge: Edge, zone: ZoneInfo, choose: Callable[[int, int], int]) -> int:
    """Reads a time of day, of two readings the one that is chosen."""
    shown = datetime.combine(day, edge.at, tzinfo=zone)
    readings = milliseconds_of(shown), milliseconds_of(shown.replace(fold=1))
    return choose(*readings) + edge.minutes * _MINUTE_MS
