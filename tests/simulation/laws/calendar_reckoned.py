"""When windows are, reckoned a second time: from the words of a week, dates, and the days' sessions."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from portfold.coordinator.fold.limits import Limits
from tests.simulation.laws.exposure.numbers import symbols_of_group

_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_EDGE = re.compile(r"(\d\d:\d\d|open|close)([+-]\d+)?")
_DAY, _DAY_MS, _MINUTE_MS = timedelta(days=1), 86_400_000, 60_000
_FAR_MS = 250_000_000_000_000
"""Beyond it IDs are written by hand, and nothing recurs."""


class Reckoned(NamedTuple):
    """A window as it is once; with no `symbols` of all."""

    begins_ms: int
    name: str
    ends_ms: int
    action: str
    symbols: tuple[str, ...]

    def is_on(self, ms: int) -> bool:
        """Whether it has begun and is not over."""
        return self.begins_ms <= ms < self.ends_ms


class Published(NamedTuple):
    """What the exchange, and people, have published; as texts on the log."""

    first: str = ""
    last: str = ""
    sessions: str = ""
    windows: str = ""

    def knows(self, day: str) -> bool:
        """Whether it says of the day which session it has."""
        return self.first <= day <= self.last


def reckoned(limits: Limits, published: Published, ms: int) -> list[Reckoned]:
    """All windows near the moment, the first to begin first."""
    zone = limits.zone
    today = "" if ms >= _FAR_MS else _local(ms, zone).date().isoformat()
    weekly = " ".join(_in_symbols(word, limits.groups) for word in limits.windows.split())
    return _near(weekly, limits.flatten_ms, zone, published, today)


def _in_symbols(word: str, groups: str) -> str:
    """The window, and behind it the symbols that its group has, where it is of one."""
    name = word.partition("=")[2].partition(":")[2]
    return "|".join([word, ",".join(sorted(symbols_of_group(groups, name)))])


def needs_sessions(weekly: str) -> bool:
    """Whether some window is told by a day's session."""
    return any("open" in word or "close" in word for word in weekly.split())


@lru_cache(maxsize=256)
def _near(weekly: str, flatten_ms: int, zone: str, published: Published, today: str) -> list[Reckoned]:
    found = [_dated(word) for word in published.windows.split()]
    if today:
        sessions = {word[:10]: _span(word[11:]) for word in published.sessions.split()}
        days = [date.fromisoformat(today) + number * _DAY for number in range(-9, 10)]
        for word in weekly.split():
            found += _weekly(word, days, sessions, zone, flatten_ms)
    return sorted(found)


def _dated(word: str) -> Reckoned:
    when, what = word.split("=")
    action, _, symbols = what.partition(":")
    begins, ends = _span(when)
    return Reckoned(begins, word, ends, action, tuple(symbols.split(",")) if symbols else ())


def _span(text: str) -> tuple[int, int]:
    first, last = (datetime.fromisoformat(edge.replace("Z", "+00:00")) for edge in text.split(".."))
    return round(first.timestamp() * 1000), round(last.timestamp() * 1000)


def _weekly(
    word: str, days: list[date], sessions: dict[str, tuple[int, int]], zone: str, flatten_ms: int
) -> Iterator[Reckoned]:
    word, _, of_group = word.partition("|")
    when, what = word.split("=")
    on, edges = when.split("/")
    action, _, names = what.partition(":")
    symbols = of_group or names
    (begin, before), (end, after) = (_edge(edge) for edge in edges.split(".."))
    for day in days:
        own = sessions.get(day.isoformat())
        if _DAYS[day.weekday()] not in _named(on) or (begin in ("open", "close") and own is None):
            continue
        begins = _at(begin, day, own, zone) + before * _MINUTE_MS
        ends = _end(end, after * _MINUTE_MS, begins, own, sessions, zone)
        if ends <= begins:
            continue
        if action == "flatten":
            begins = min(begins, begins - min(0, before) * _MINUTE_MS - flatten_ms)
        yield Reckoned(begins, word, ends, action, tuple(symbols.split(",")) if symbols else ())


def _end(
    edge: str,
    after_ms: int,
    begins: int,
    own: tuple[int, int] | None,
    sessions: dict[str, tuple[int, int]],
    zone: str,
) -> int:
    if edge == "close":
        return own[1] + after_ms if own is not None else begins
    if edge == "open":
        opens = sorted(first + after_ms for first, _ in sessions.values())
        return next((ms for ms in opens if ms > begins), begins + _DAY_MS)
    day = _local(begins, zone).date()
    ends = _at(edge, day, None, zone) + after_ms
    return ends if ends > begins else _at(edge, day + _DAY, None, zone) + after_ms


def _at(edge: str, day: date, own: tuple[int, int] | None, zone: str) -> int:
    if own is not None and edge in ("open", "close"):
        return own[edge == "close"]
    shown = datetime.combine(day, time.fromisoformat(edge), tzinfo=ZoneInfo(zone))
    return round(shown.timestamp() * 1000)


def _edge(text: str) -> tuple[str, int]:
    found = _EDGE.fullmatch(text)
    assert found is not None, text
    return found[1], int(found[2] or 0)


def _named(days: str) -> list[str]:
    first, _, last = days.partition("-")
    twice = _DAYS * 2
    begin = twice.index(first)
    return twice[begin : twice.index(last or first, begin) + 1]


def _local(ms: int, zone: str) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(ZoneInfo(zone))
