"""The resume log: the measurements of a long search, so that an interrupted search continues where it was.

Each measurement is one line, written as soon as it is done; a line cut short by a crash is skipped. The first
line names the scenario: a resume log of other trades, limits or another version is begun anew.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol

import msgspec
from msgspec import Struct, structs

from portfold.research.errors import ResearchError
from portfold.research.search.search import Symbols
from portfold.research.statistics.metrics import Metrics


class MeasuredSet(Struct, frozen=True):
    """The figures of one set of symbols with one number of positions.

    `daily_stop_loss` is None under that of the scenario itself.
    """

    max_positions: int
    symbols: Symbols
    metrics: Metrics
    daily_stop_loss: Decimal | None = None


class ResumeLog:
    """The measurements of one search in the file `path`.

    `scenario` is the digest they depend on; `found` counts the measurements that were in the file already.
    Raises ResearchError where the file cannot be read or written.
    """

    def __init__(self, path: Path, scenario: str) -> None:
        self.path = path
        before = _read(path)
        own = before.startswith(_line(scenario))
        self._known = {_place(entry): entry for entry in _measured(before)} if own else {}
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

    def known(
        self, max_positions: int, symbols: Symbols, daily_stop_loss: Decimal | None = None
    ) -> Metrics | None:
        """Returns the figures of a set that was measured before; None of any other."""
        entry = self._known.get((daily_stop_loss, max_positions, symbols))
        return entry.metrics if entry is not None else None

    def under(self, daily_stop_loss: Decimal | None) -> "Known":
        """Returns the log for measurements under this daily stop; None is that of the scenario itself."""
        return self if daily_stop_loss is None else _Under(self, daily_stop_loss)

    def add(self, measured: MeasuredSet) -> None:
        """Adds a measurement, and writes it to the file at once."""
        self._known[_place(measured)] = measured
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


class Known(Protocol):
    """What searches ask of a resume log, under one daily stop."""

    def known(self, max_positions: int, symbols: Symbols, /) -> Metrics | None:
        """Returns the figures of a set that was measured before; None of any other."""

    def add(self, measured: MeasuredSet, /) -> None:
        """Adds a measurement, and writes it to the file at once."""

    @property
    def tried(self) -> tuple[MeasuredSet, ...]:
        """Returns all measurements, under every daily stop."""


class _Under(NamedTuple):
    """The log under another daily stop than that of the scenario."""

    log: ResumeLog
    daily_stop_loss: Decimal

    def known(self, max_positions: int, symbols: Symbols) -> Metrics | None:
        return self.log.known(max_positions, symbols, self.daily_stop_loss)

    def add(self, measured: MeasuredSet) -> None:
        self.log.add(structs.replace(measured, daily_stop_loss=self.daily_stop_loss))

    @property
    def tried(self) -> tuple[MeasuredSet, ...]:
        return self.log.tried


def _place(measured: MeasuredSet) -> tuple[Decimal | None, int, Symbols]:
    return measured.daily_stop_loss, measured.max_positions, measured.symbols


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
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
