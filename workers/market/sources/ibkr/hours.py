"""When a contract is traded, as its details say: `20261201:1700-20261202:1600;20261205:CLOSED`, and a zone.

Pure. Guarantees: what cannot be read is no session, so that nobody is told that a symbol is silent of which
nobody knows that it should speak.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portfold.exchange_time import milliseconds_of

_SESSION = re.compile(r"(\d{8}):(\d{4})-(?:(\d{8}):)?(\d{4})", re.ASCII)


class Hours(NamedTuple):
    """Sessions, each from its first millisecond to before its last."""

    sessions: tuple[tuple[int, int], ...]

    def is_open(self, at_ms: int) -> bool:
        """Returns whether it is traded at that moment."""
        return any(begin <= at_ms < end for begin, end in self.sessions)


def read_hours(text: str, zone: str) -> Hours:
    """Returns the sessions that a contract's details name."""
    try:
        clocks = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return Hours(())
    return Hours(tuple(_sessions(text, clocks)))


def _sessions(text: str, zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    for day in text.split(";"):
        for found in _SESSION.finditer(day):
            try:
                begin = datetime.strptime(found[1] + found[2], "%Y%m%d%H%M").replace(tzinfo=zone)
                end = datetime.strptime((found[3] or found[1]) + found[4], "%Y%m%d%H%M").replace(tzinfo=zone)
            except ValueError:
                continue
            yield milliseconds_of(begin), milliseconds_of(end)
