"""Proves that a snapshot is what the log leads to, by deciding again from further back, page by page.

A snapshot's checksum and the head's chain bind no state, so whoever can write to the server could exchange
the state, and no event would show it. Guarantees: where the log is short, the proof is over before anybody
leads by the snapshot; else it goes on, a little at each step, while the process stands by and leads. A
snapshot that differs is passed over, with a critical line. A snapshot that this process has proved, or wrote
on a proved one, is not proved again. Where the beginning of the log is gone, and no archive has it, a line
says that there is no proof.
"""

from pathlib import Path
from typing import NamedTuple

from portfold.coordinator.store.follower import Follower, LogDiffers
from portfold.coordinator.store.segment import ArchiveError
from portfold.coordinator.store.snapshot import read_snapshot, snapshot_text
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus
from portfold.log import Log

_SHORT = 50_000  # events: decided again in about a second


class SnapshotDiffers(LogDiffers):
    """The snapshot is not the state that the log leads to."""


class _Proof(NamedTuple):
    """The proof of the snapshot `text` at `cursor`; `by_log` has followed the log alone so far."""

    text: str
    cursor: StreamId
    by_log: Follower


class ProvedSnapshots:
    """Where a coordinator begins, term after term; `archive` has what left the streams."""

    def __init__(self, bus: Bus, archive: Path | None, *, log: Log) -> None:
        self._bus = bus
        self._archive = archive
        self._log = log
        self._trusted = ""
        self._passed_over = False
        self._sound = True
        self._proof: _Proof | None = None

    def begin(self) -> Follower:
        """Begins at the snapshot; where that differs from the log, at what the log alone leads to."""
        self._proof, self._sound = None, True
        if self._passed_over:
            return Follower(archive=self._archive).further_back(self._bus)
        follower = Follower.from_snapshot(self._bus, self._archive)
        text = snapshot_text(follower.checkpoint)
        if text == self._trusted:
            return follower
        try:
            by_log = Follower(archive=self._archive).further_back(self._bus)
        except (LogDiffers, ArchiveError):
            self._believe(text, follower.cursor)
            return follower
        if by_log.cursor >= follower.cursor:  # there is no snapshot, or a late one
            return follower
        self._proof = _Proof(text, follower.cursor, by_log)
        try:
            while self._bus.extent().length <= _SHORT and self._prove():
                pass
        except SnapshotDiffers:
            return by_log
        return follower

    def go_on(self) -> None:
        """Goes on with the proof, if it is not over. Raises SnapshotDiffers, BusError."""
        try:
            self._prove()
        except SnapshotDiffers:
            self._sound = False
            raise

    def pass_over(self) -> bool:
        """Begins next with what the log alone leads to; returns false if that was so already."""
        passed_over, self._passed_over = self._passed_over, True
        return not passed_over

    def wrote(self, text: str) -> None:
        """Notes the snapshot that a leader wrote: it is as good as the one where that leader began."""
        if text and self._proof is None and self._sound:
            self._trusted, self._passed_over = text, False

    def _prove(self) -> bool:
        """Proves one page more; returns whether there are others. Raises SnapshotDiffers, BusError."""
        if self._proof is None:
            return False
        text, cursor, by_log = self._proof
        if by_log.step(self._bus, cursor):
            return True
        self._proof = None
        checkpoint = read_snapshot(text)
        if checkpoint is None or not by_log.leads_to(checkpoint.cursor, checkpoint.chain):
            self._believe(text, cursor)
        elif by_log.state == checkpoint.state:
            self._trusted = text
        else:
            self._passed_over = True
            message = (
                f"The snapshot at {cursor} is not what the log leads to: somebody else wrote it, or an "
                "earlier version. It is passed over, and the log is decided again from further back."
            )
            self._log.critical(message)
            raise SnapshotDiffers(message)
        return False

    def _believe(self, text: str, cursor: StreamId) -> None:
        """Counts the snapshot as proved. It still has to lead to the head, or is passed over there."""
        self._trusted = text
        self._log.warning(
            "The snapshot is believed: the log before it is gone, or another, and no archive has it",
            snapshot=str(cursor),
        )
