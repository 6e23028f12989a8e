"""A weekly window as people write it, in the configuration and on the log: `fri/close-10..close=flatten`.

It says on which days, from when to when, and what follows: entries are denied, or what is open is closed as
well, of all symbols, of some or of a group. Either edge is a time of day, or the `open` or `close` of that
day's session, with minutes before or after it. Guarantees: pure; whatever `bounds.WINDOW` matches is read.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import time
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from portfold.bounds import SYMBOL

WindowAction = Literal["deny", "flatten"]
"""What follows while a window is open; a flatten denies as well."""
_SYMBOL = re.compile(SYMBOL)
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
    """A window of the week; `weekdays` counts from 0 for Monday. `names` are the symbols that it is of, or a
    group; with none it is of all symbols.
    """

    text: str
    weekdays: frozenset[int]
    begins: Edge
    ends: Edge
    action: WindowAction
    names: tuple[str, ...]

    @property
    def needs_sessions(self) -> bool:
        """Returns whether it takes the day's session to know when it is."""
        return self.begins.is_of_a_session or self.ends.is_of_a_session


@lru_cache(maxsize=64)
def windows_of(text: str) -> tuple[WeeklyWindow, ...]:
    """Reads windows separated by blanks."""
    return tuple(_window(word) for word in text.split(" ") if word)


def symbols_in(
    window: WeeklyWindow, groups: Mapping[str, tuple[str, ...]], traded: Collection[str]
) -> tuple[str, ...]:
    """Returns the symbols that it is of, none where it is of all.

    Where something is traded by the name of a group, that is meant and not the group.
    """
    if len(window.names) != 1 or window.names[0] in traded:
        return window.names
    return groups.get(window.names[0], window.names)


def wrong_in(windows: Iterable[WeeklyWindow], groups: Collection[str]) -> str:
    """Returns what was expected where windows are written well and make no sense; empty where they do."""
    seen: set[str] = set()
    for window in windows:
        begins, ends = window.begins, window.ends
        same = (begins.anchor, begins.at) == (ends.anchor, ends.at)
        if same and begins.minutes >= ends.minutes:
            return f"an end after the beginning, not {window.text}"
        if len(set(window.names)) != len(window.names):
            return f"each symbol once, not {window.text}"
        if not all(name in groups or _SYMBOL.fullmatch(name) for name in window.names):
            return f"symbols, or a group as the limit groups has it, not {window.text}"
        if window.text in seen:
            return f"each window once, not {window.text} again"
        seen.add(window.text)
    return ""


def unknown_in(windows: Iterable[WeeklyWindow], groups: Collection[str], symbols: Collection[str]) -> str:
    """Returns what was expected where a window names nothing known, or what may be either; empty where not.

    For what people write: on the log such a window stays what it is, whatever may be traded by now.
    """
    for window in windows:
        for name in window.names:
            if name in groups and name in symbols:
                return f"a name that is not both a symbol and a group, not {name} in {window.text}"
            if name not in groups and name not in symbols:
                return f"symbols that are known, or a group as the limit groups has it, not {window.text}"
    return ""


def _window(text: str) -> WeeklyWindow:
    when, _, what = text.partition("=")
    days, _, edges = when.partition("/")
    begins, _, ends = edges.partition("..")
    action, _, names = what.partition(":")
    return WeeklyWindow(
        text=text,
        weekdays=_weekdays(days),
        begins=_edge(begins),
        ends=_edge(ends),
        action="flatten" if action == "flatten" else "deny",
        names=tuple(names.split(",")) if names else (),
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
