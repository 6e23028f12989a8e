"""Every set of parameters that was ever traded for a symbol, in a file beside its results.

A set is traded once, over all bars; what a choice may know of it are the trades that had ended by then. So a
search that was interrupted asks for the same sets again, and finds here what was done. What bars, costs or
code have changed since is not used again, and was tried all the same: `tried` counts every different set of
every strategy, by its name. A set traded again by edited code of the same name is counted once.
"""

from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
from msgspec import Struct

from portfold.research.errors import ResearchError


class Tried(Struct, frozen=True):
    """A set of a strategy's parameters traded on what has the digest `of`; of each trade its ends in ms, and
    cents. `strategy` is empty in a line of a version that did not name it, which counts as a set of its own.
    """

    of: str
    parameters: dict[str, Any]
    trades: tuple[tuple[int, int, int], ...]
    strategy: str = ""

    @property
    def key(self) -> bytes:
        """Returns what makes it another set than others."""
        return _key(self.strategy, self.parameters)


class TrialRecord:
    """The record in the file `path`, for trades of a strategy, by its name, on what has the digest `of`.

    Raises ResearchError where the file cannot be read or written.
    """

    def __init__(self, path: Path, of: str, strategy: str) -> None:
        self.path, self._of, self._strategy = path, of, strategy
        before = _read(path)
        every = list(_lines(before))
        self._known = {one.key: one for one in every if one.of == of}
        self._tried = {one.key for one in every}
        self.found = len(self._known)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab")
            if before and not before.endswith(b"\n"):
                self._file.write(b"\n")  # after a line that was cut short
        except OSError as error:
            raise ResearchError(f"{path}: cannot be written: {error.strerror}.") from error

    @property
    def tried(self) -> int:
        """Counts the different sets that were ever traded."""
        return len(self._tried)

    def known(self, parameters: Struct) -> Tried | None:
        """Returns what came of a set; None of one that was not traded yet."""
        return self._known.get(_key(self._strategy, msgspec.to_builtins(parameters)))

    def add(self, parameters: Struct, trades: tuple[tuple[int, int, int], ...]) -> Tried:
        """Adds what came of a set, and writes it at once."""
        one = Tried(self._of, msgspec.to_builtins(parameters), trades, self._strategy)
        self._file.write(msgspec.json.encode(one) + b"\n")
        self._file.flush()
        self._known[one.key] = one
        self._tried.add(one.key)
        return one

    def __enter__(self) -> "TrialRecord":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def _key(strategy: str, parameters: dict[str, Any]) -> bytes:
    return msgspec.json.encode((strategy, parameters), order="deterministic")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ResearchError(f"{path}: cannot be read: {error.strerror}.") from error


def _lines(content: bytes) -> "list[Tried]":
    found = []
    for line in content.split(b"\n"):
        try:
            found.append(msgspec.json.decode(line, type=Tried))
        except (UnicodeDecodeError, msgspec.DecodeError):
            continue  # cut short by a crash, or zeros and odd bytes after a power cut
    return found
