"""News windows in a small CSV, read exactly or not at all: each row that is wrong is named.

The columns are date, time, name, minutes_before, minutes_after, action and symbols, in exchange time. A group
among the symbols stands for those that it has now: on the log are symbols.
"""

import csv
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from portfold.by_name import groups_of
from portfold.cli.exits import Unusable
from portfold.coordinator.fold.limits import Limits
from portfold.events.calendar import moment_text
from portfold.exchange_time import local_time, milliseconds_of

COLUMNS = ("date", "time", "name", "minutes_before", "minutes_after", "action", "symbols")
_MOST_MINUTES = 1440
_MOST_SYMBOLS = 16
_MOST_BYTES = 100_000


def news_windows(path: Path, limits: Limits) -> str:
    """Returns the windows of the file as WindowsPublished has them, by the limits' clocks and groups.

    Raises Unusable, with each wrong row.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as unreadable:
        raise Unusable(f"{path}: cannot be read: {unreadable}") from unreadable
    if len(text) > _MOST_BYTES:
        raise Unusable(f"{path}: expected at most {_MOST_BYTES:,} bytes.")
    rows = list(csv.reader(text.splitlines()))
    if not rows or tuple(rows[0]) != COLUMNS:
        raise Unusable(f"{path}: expected the columns {','.join(COLUMNS)} in the first line.")
    windows, wrong = [], []
    for number, row in enumerate(rows[1:], 2):
        try:
            windows.append(_window(row, limits))
        except ValueError as why:
            wrong.append(f"line {number}: {why}")
    if wrong:
        raise Unusable(f"{path}: {'; '.join(wrong)}.")
    return " ".join(windows)


def _window(row: list[str], limits: Limits) -> str:
    """Words a row. Raises ValueError with what was expected."""
    if len(row) != len(COLUMNS):
        raise ValueError(f"expected {len(COLUMNS)} fields, got {len(row)}")
    day, clock, name, before, after, action, symbols = row
    at_ms = _moment(day, clock, ZoneInfo(limits.zone))
    lead, lag = _minutes("minutes_before", before), _minutes("minutes_after", after)
    if action not in ("deny", "flatten"):
        raise ValueError(f"action: expected deny or flatten, got {action!r}")
    if action == "flatten" and not lead:
        raise ValueError("minutes_before: expected at least 1 with flatten, to be flat in")
    if lead + lag == 0:
        raise ValueError("expected minutes before or after it")
    found = _symbols(symbols.split(), limits)
    named = f":{','.join(found)}" if found else ""
    begins, ends = moment_text(at_ms - lead * 60_000), moment_text(at_ms + lag * 60_000)
    return f"{begins}..{ends}={action}{named}{f'#{name}' if name else ''}"


def _symbols(names: list[str], limits: Limits) -> list[str]:
    """Returns each symbol once, and of a group all that it has. Raises ValueError where a name is neither."""
    known, groups = {*limits.symbols, *limits.point_values}, groups_of(limits.groups)
    found = dict[str, None]()
    for name in names:
        if name in groups and name in known:
            raise ValueError(f"symbols: expected a name that is not both a symbol and a group, got {name!r}")
        if name not in groups and name not in known:
            raise ValueError(
                f"symbols: expected symbols that are known, or groups of the limit groups, got {name!r}"
            )
        found |= dict.fromkeys(groups.get(name, (name,)))
    if len(found) > _MOST_SYMBOLS:
        raise ValueError(f"symbols: expected at most {_MOST_SYMBOLS}, got {len(found)}: take another row")
    return [*found]


def _moment(day: str, clock: str, zone: ZoneInfo) -> int:
    try:
        shown = datetime.strptime(f"{day} {clock}", "%Y-%m-%d %H:%M").replace(tzinfo=zone)
    except ValueError as unfit:
        raise ValueError(
            f"expected a date and a time as 2026-12-10 and 07:30, got {day!r} and {clock!r}"
        ) from unfit
    at_ms = milliseconds_of(shown)
    if at_ms != milliseconds_of(shown.replace(fold=1)) or local_time(at_ms, zone).time() != shown.time():
        raise ValueError(f"time: the clocks of {zone} change then, so {clock} is no one moment")
    return at_ms


def _minutes(column: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _MOST_MINUTES:
        raise ValueError(f"{column}: expected whole minutes from 0 to {_MOST_MINUTES}, got {text!r}")
    return int(text)
