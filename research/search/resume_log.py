"""The resume log: the measurements of a long search, so that an interrupted search continues where it was.

Each measurement is one line, written as soon as it is done; a line cut short by a crash is skipped. The first
line names the scenario: a resume log of other trades, limits or another version is begun anew.
"""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import msgspec
from msgspec import Struct

from portfold.research.errors import ResearchError
from portfold.research.search.search import Symbols
from portfold.research.statistics.metrics import Metrics


class MeasuredSet(Struct, frozen=True):
    """The figures of one set of symbols with one number of positions."""

    max_positions: int
    symbols: Symbols
    metrics: Metrics


class ResumeLog:
    """The measurements of one search in the file `path`.

    `scenario` is the digest they depend on; `found` counts the measurements that were in the file already.
    Raises ResearchError where the file cannot be read or written.
    """

    def __init__(self, path: Path, scenario: str) -> None:
        self.path = path
        before = _read(path)
        own = before.startswith(_line(scenario))
        self._known = (
            {(entry.max_positions, entry.symbols): entry for entry in _measured(before)} if own else {}
        )
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
        """Returns the figures of a set that was measured before; None of any other."""
        entry = self._known.get((max_positions, symbols))
        return entry.metrics if entry is not None else None

    def add(self, measured: MeasuredSet) -> None:
        """Adds a measurement, and writes it to the file at once."""
        self._known[measured.max_positions, measured.symbols] = measured
        self._file.write(_line(measured))
        self._file.flush()

    @property
    def tried(self) -> tuple[MeasuredSet, ...]:
        """Returns all measurements."""
        return tuple(self._known.values())

    def discard(self) -> None:
        """Removes the file, as a search that is over needs it no more."""
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


def _measured(content: bytes) -> Iterator[MeasuredSet]:
    """Yields the measurements after the first line; skips a line that a crash cut short."""
    for line in content.split(b"\n")[1:]:
        try:
            yield msgspec.json.decode(line, type=MeasuredSet)
        except msgspec.DecodeError:
            continue
