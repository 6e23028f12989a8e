"""Keeps a record of every look at a test span: what is changed after a look is chosen on the span.

The record lies in the folder of results, a line a look, and is only ever added to. A look is an optimization
that is judged on the span, or a simulation of days of a span on record. A line that cannot be read counts as
a look: nobody knows that it was none.
"""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from portfold.research.errors import ResearchError


class Look(Struct, frozen=True):
    """A look by a `command`, `at` a time as 2025-01-15T14:30:00Z, at the trading days of a span."""

    at: str
    command: str
    first_day: str
    last_day: str

    def meets(self, first_day: str, last_day: str) -> bool:
        """Returns whether the look was at any of these days."""
        return self.first_day <= last_day and first_day <= self.last_day


def looks_file(folder: Path) -> Path:
    """Returns the path of the record in a folder of results."""
    return folder / "test_spans.looks"


def looks_at(folder: Path, first_day: str, last_day: str) -> int:
    """Counts the looks on record at any of these days. Raises ResearchError."""
    return sum(look is None or look.meets(first_day, last_day) for look in _read(looks_file(folder)))


def record_look(folder: Path, command: str, first_day: str, last_day: str) -> int:
    """Adds a look to the record, and returns its number among those at any of its days. Raises
    ResearchError."""
    path = looks_file(folder)
    before = looks_at(folder, first_day, last_day)
    look = Look(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", command, first_day, last_day)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(b"\n" + msgspec.json.encode(look) + b"\n")  # a line of its own, even after a torn one
    except OSError as error:
        raise ResearchError(f"{path}: cannot be written: {error.strerror}.") from error
    return before + 1


def in_words(number: int) -> str:
    """Says which look at the days of a test span it is, and what that means."""
    if number == 1:
        return "This is the first look on record at days of this span; what is changed now is chosen on it"
    return f"This is look {number:,} on record at days of this span; what was changed since is chosen on it"


def _read(path: Path) -> list[Look | None]:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ResearchError(f"{path}: cannot be read: {error.strerror}.") from error
    return [_look(line) for line in lines if line]


def _look(line: bytes) -> Look | None:
    try:
        return msgspec.json.decode(line, type=Look)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
