"""What is critical of all that a run and its processes say, read out of the file that takes it.

Guarantees: whatever lies in that file, reading is bounded and ends no run; what is shown steers no terminal.
"""

import re
from collections import deque
from datetime import datetime, tzinfo
from pathlib import Path
from typing import NamedTuple

import msgspec

from portfold.events.fields import readable

_KEPT = 20
_BYTES_AT_ONCE = 4_000_000
_LONGEST_SHOWN = 500
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# As portfold.log renders it for people: 2025-01-15 14:23:45.123 CST [critical ] what happened
_FOR_PEOPLE = re.compile(
    r"\S+ (?P<at>[0-9:]+)\.[0-9]+ (?P<zone>\S+) \[critical *\] +(?P<text>.*?)(?: process=\S+)?$"
)


class CriticalLine(NamedTuple):
    """One of them: when it was said, with the zone, and what."""

    when: str
    text: str


class _LogLine(msgspec.Struct):
    """What is read of a line that a process wrote for machines."""

    process: str
    event: str
    level: str
    timestamp: datetime
    why: str = ""


class CriticalLines:
    """The last critical lines of a file that grows, and how many there have been."""

    def __init__(self, file: Path, zone: tzinfo | None) -> None:
        self.last: deque[CriticalLine] = deque(maxlen=_KEPT)
        self.count = 0
        self._file, self._zone, self._read, self._rest = file, zone, 0, b""

    def read_on(self) -> None:
        """Reads what has been written since."""
        try:
            with self._file.open("rb") as file:
                file.seek(self._read)
                piece = file.read(_BYTES_AT_ONCE)
        except OSError:  # the picture goes on; what is critical is known to the log of the portfolio too
            return
        self._read += len(piece)
        *lines, self._rest = (self._rest + piece).split(b"\n")
        self._rest = self._rest[-_BYTES_AT_ONCE:]
        for line in lines:
            if b"critical" in line and (found := critical_in(line, self._zone)):
                self.last.append(found)
                self.count += 1


def critical_in(line: bytes, zone: tzinfo | None) -> CriticalLine | None:
    """Returns what a line says, where that is critical; None for any other."""
    try:
        said = msgspec.json.decode(line, type=_LogLine)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = _COLOURS.sub("", line.decode(errors="replace"))
        ours = _FOR_PEOPLE.match(text)
        return ours and CriticalLine(readable(f"{ours['at']} {ours['zone']}"), _shown(ours["text"]))
    if said.level != "critical":
        return None
    because = f": {said.why}" if said.why else ""
    return CriticalLine(_clock(said.timestamp, zone), _shown(f"{said.event}{because} ({said.process})"))


def _clock(at: datetime, zone: tzinfo | None) -> str:
    """Returns the time on the zone's clocks; as it was written where the calendar has none such there."""
    try:
        return f"{at.astimezone(zone):%H:%M:%S %Z}"
    except (OverflowError, ValueError):  # anything may lie in the file: a strategy prints into it
        return f"{at:%H:%M:%S}"


def _shown(text: str) -> str:
    return readable(text.strip())[:_LONGEST_SHOWN]
