"""A weekly window as people write it, in the configuration and on the log: `fri/close-10..close=flatten`.

It says on which days, from when to when, and what follows: entries are denied, of all symbols or of some, or
everything is closed. Either edge is a time of day, or the `open` or `close` of that day's session, with
minutes before or after it. Guarantees: pure; whatever `bounds.WINDOW` matches is read.
"""

from collections.abc import Iterable
from datetime import time
from functools import lru_cache
from typing import Literal

from msgspec import Struct

WindowAction = Literal["deny", "flatten"]
"""What follows while a window is open; a flatten denies as well."""
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Edge(Struct, frozen=True):
    """Where a window begins or ends: `anchor`, which is `open`, `close` or `clock`, and minutes after it."""

    anchor: Literal["open", "close", "clock"]
    at: time
    minutes: int

    @property
    def is_of_a_session(self) -> bool:
        """Returns whether it takes a session to know when that is."""
        return self.anchor != "clock"


class WeeklyWindow(Struct, frozen=True):
    """A window of the week; `weekdays` counts from 0 for Monday. With no `symbols` it is of all of them."""

    text: str
    weekdays: frozenset[int]
    begins: Edge
    ends: Edge
    action: WindowAction
    symbols: tuple[str, ...]

    @property
    def needs_sessions(self) -> bool:
        """Returns whether it takes the day's session to know when it is."""
        return self.begins.is_of_a_session or self.ends.is_of_a_session


@lru_cache(maxsize=64)
def windows_of(text: str) -> tuple[WeeklyWindow, ...]:
    """Reads windows separated by blanks."""
    return tuple(_window(word) for word in text.split(" ") if word)


def wrong_in(windows: Iterable[WeeklyWindow]) -> str:
    """Returns what was expected where windows are written well and make no sense; empty where they do."""
    seen: set[str] = set()
    for window in windows:
        begins, ends = window.begins, window.ends
        same = (begins.anchor, begins.at) == (ends.anchor, ends.at)
        if same and begins.minutes >= ends.minutes:
            return f"an end after the beginning, not {window.text}"
        if len(set(window.symbols)) != len(window.symbols):
            return f"each symbol once, not {window.text}"
        if window.text in seen:
            return f"each window once, not {window.text} again"
        seen.add(window.text)
    return ""


def _window(text: str) -> WeeklyWindow:
    when, _, what = text.partition("=")
    days, _, edges = when.partition("/")
    begins, _, ends = edges.partition("..")
    action, _, symbols = what.partition(":")
    return WeeklyWindow(
        text=text,
        weekdays=_weekdays(days),
        begins=_edge(begins),
        ends=_edge(ends),
        action="flatten" if action == "flatten" else "deny",
        symbols=tuple(symbols.split(",")) if symbols else (),
    )


def _weekdays(text: str) -> frozenset[int]:
    """Reads `fri`, or `mon-fri`; one that ends before it begins goes over the weekend: `sat-mon`."""
    first, _, last = text.partition("-")
    begin, end = _DAYS.index(first), _DAYS.index(last or first)
    length = (end - begin) % len(_DAYS)
    return frozenset((begin + days) % len(_DAYS) for days in range(length + 1))


def _edge(text: str) -> Edge:
    for sign in "+-":
        anchor, found, minutes = text.partition(sign)
        if found:
            return _anchored(anchor, int(f"{sign}{minutes}"))
    return _anchored(text, 0)


def _anchored(anchor: str, minutes: int) -> Edge:
    if anchor == "open":
        return Edge("open", time(), minutes)
    if anchor == "close":
        return Edge("close", time(), minutes)
    return Edge("clock", time.fromisoformat(anchor), minutes)
