"""Checkpoints: the state after each segment of an archive, in a file of its own beside it.

Whoever asks about a late event begins at the nearest, and folds a segment instead of the whole log. A file
holds what differs from the state before it, as most of a state is names of fills that it goes on to know: so
their share of an archive does not grow. They are a cache, never the truth: where one is missing, altered or
of another fold, the last before it is used. The verification comes to each by the fold, and names the file of
one that is not what it came to.
"""

import gzip
import hashlib
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from portfold.coordinator.store.snapshot import Checkpoint, beginning, read_snapshot, snapshot_text
from portfold.whole_files import write_durably

_JOINT = b',"'
_KEPT_AT_ONCE = 32


class Kept(NamedTuple):
    """A checkpoint, who led there, and how many events lie up to it."""

    checkpoint: Checkpoint
    leader: str
    events: int


def kept_at_the_beginning() -> Kept:
    """Returns what is known before the first event."""
    return Kept(beginning(), "", 0)


def content_of(checkpoint: Checkpoint, leader: str) -> bytes:
    """Returns the checkpoint as a file has to lead to it: the same for the same log."""
    leader_text = msgspec.json.encode(leader)
    return leader_text + b"\n" + snapshot_text(checkpoint).encode()


def read_content(content: bytes) -> tuple[Checkpoint, str] | None:
    """Returns the checkpoint and who led there, or None where it cannot be used."""
    leader_text, _, text = content.partition(b"\n")
    try:
        leader = msgspec.json.decode(leader_text, type=str)
    except (msgspec.MsgspecError, ValueError):
        return None
    checkpoint = read_snapshot(text.decode("utf-8", "surrogateescape"))
    return (checkpoint, leader) if checkpoint is not None else None


class Checkpoints:
    """The files in `folder`, of which `listed` has the SHA-256 of each segment's; empty where it has none."""

    def __init__(self, folder: Path, listed: Sequence[str]) -> None:
        self._folder = folder
        self._listed = listed

    def path(self, number: int) -> Path:
        """Returns the file with the state after the segment `number`."""
        return self._folder / f"checkpoint-{number:06}.json.gz"

    def contents(self, behind: int = 0, before: bytes = b"") -> Iterator[bytes | None]:
        """Yields what the files lead to after each segment, from the first on; None where they do not.

        It begins behind so many segments, where `before` is what they lead to. One that differs from a file
        which cannot be used cannot be used either; a segment without a file is one of an earlier version, and
        what follows it begins anew.
        """
        for pieces in self._each(len(self._listed), behind, before):
            yield _JOINT.join(pieces) if pieces is not None else None

    def backwards(self, number: int) -> Iterator[tuple[int, bytes | None]]:
        """Yields with its number what the files lead to after segment `number`, then after each before it.

        A later one is put together from those before it: some of these stay in memory until they are due.
        """
        while number > 0:
            latest = deque(self._each(number), maxlen=_KEPT_AT_ONCE)
            while latest:
                pieces = latest.pop()
                yield number, _JOINT.join(pieces) if pieces is not None else None
                number -= 1

    def after(self, number: int) -> bytes | None:
        """Returns what the files lead to after the segment `number`, or None where they do not."""
        *_, pieces = None, *self._each(number)
        return _JOINT.join(pieces) if pieces is not None else None

    def write_next(self, before: bytes | None, content: bytes) -> str:
        """Writes what comes after the last one listed, `before`; returns its SHA-256. Raises OSError."""
        runs = _change(before.split(_JOINT) if before else [], content.split(_JOINT))
        compressed = gzip.compress(msgspec.json.encode(runs), mtime=0)
        write_durably(self.path(len(self._listed) + 1), compressed)
        return hashlib.sha256(compressed).hexdigest()

    def is_whole(self, number: int) -> bool:
        """Returns whether the file is, byte for byte, the one that was listed."""
        return self._compressed(number, self._listed[number - 1]) is not None

    def _each(self, up_to: int, behind: int = 0, before: bytes = b"") -> Iterator[list[bytes] | None]:
        """Yields the contents in pieces, as each is put together from those of the one before."""
        pieces: list[bytes] | None = before.split(_JOINT) if before else []
        for number, sha256 in enumerate(self._listed[behind:up_to], start=behind + 1):
            if not sha256:
                pieces = []
                yield None
            else:
                pieces = self._read(number, sha256, pieces) if pieces is not None else None
                yield pieces

    def _read(self, number: int, sha256: str, before: list[bytes]) -> list[bytes] | None:
        compressed = self._compressed(number, sha256)
        if compressed is None:
            return None
        try:
            return _changed(before, msgspec.json.decode(gzip.decompress(compressed), type=list[_Run]))
        except (EOFError, OSError, ValueError, zlib.error, msgspec.MsgspecError):
            return None

    def _compressed(self, number: int, sha256: str) -> bytes | None:
        try:
            compressed = self.path(number).read_bytes()
        except OSError:
            return None
        return compressed if hashlib.sha256(compressed).hexdigest() == sha256 else None


_Run = tuple[int, int] | str
"""Pieces that stay, from the first to behind the last; or text that is new."""


def _change(old: list[bytes], new: list[bytes]) -> list[_Run]:
    """Returns the runs of which the new pieces consist."""
    places = {piece: place for place, piece in enumerate(old)}
    runs: list[_Run] = []
    at = 0
    while at < len(new):
        place = places.get(new[at])
        if place is None:
            runs.append(new[at].decode())
            at += 1
            continue
        length = 1
        while at + length < len(new) and old[place + length : place + length + 1] == [new[at + length]]:
            length += 1
        runs.append((place, place + length))
        at += length
    return runs


def _changed(old: list[bytes], runs: list[_Run]) -> list[bytes]:
    """Returns the pieces that the runs come to. Raises ValueError where there are no such old ones."""
    pieces: list[bytes] = []
    for run in runs:
        if isinstance(run, str):
            pieces.append(run.encode())
        elif 0 <= run[0] < run[1] <= len(old):
            pieces += old[run[0] : run[1]]
        else:
            raise ValueError("a run of pieces that are not there")
    return pieces
