"""What a long search has measured so far, so that one that was interrupted goes on where it was.

A line for each measurement, written as soon as it is there; a line cut short by a crash is passed over. The
first line says what all of it depends on: a resume log of other trades, limits or another version is not gone
on with.
"""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import msgspec
from msgspec import Struct

from portfold.research.errors import ResearchError
from portfold.research.search.search import Symbols
from portfold.research.statistics.metrics import Metrics


class Measured(Struct, frozen=True):
    """The figures of one set of symbols with one number of positions."""

    max_positions: int
    symbols: Symbols
    metrics: Metrics


class ResumeLog:
    """The measurements of one search in the file `path`.

    `scenario` names what they depend on; `found` is how many of them were there already. Raises ResearchError
    where the file cannot be read or written.
    """

    def __init__(self, path: Path, scenario: str) -> None:
        self.path = path
        before = _read(path)
        own = before.startswith(_line(scenario))
        self._known = {(one.max_positions, one.symbols): one for one in _measured(before)} if own else {}
        self.found = len(self._known)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab" if own else "wb")
            if not own:
                self._file.write(_line(scenario))
            elif not before.endswith(b"\n"):
                self._file.write(b"\n")
        except OSError as error:
            raise ResearchError(f"{path}: cannot be written: {error.strerror}.") from error

    def known(self, max_positions: int, symbols: Symbols) -> Metrics | None:
        """What was measured before."""
        one = self._known.get((max_positions, symbols))
        return one.metrics if one is not None else None

    def add(self, measured: Measured) -> None:
        """Remembers a measurement."""
        self._known[measured.max_positions, measured.symbols] = measured
        self._file.write(_line(measured))
        self._file.flush()

    @property
    def tried(self) -> tuple[Measured, ...]:
        """Everything that was measured."""
        return tuple(self._known.values())

    def discard(self) -> None:
        """The search is over, and what was measured not needed any more."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> "ResumeLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def _line(content: object) -> bytes:
    return msgspec.json.encode(content) + b"\n"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ResearchError(f"{path}: cannot be read: {error.strerror}.") from error


def _measured(content: bytes) -> Iterator[Measured]:
    """The lines behind the first, but for what a crash left of one."""
    for line in content.split(b"\n")[1:]:
        try:
            yield msgspec.json.decode(line, type=Measured)
        except msgspec.DecodeError:
            continue
