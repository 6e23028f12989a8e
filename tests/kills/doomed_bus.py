"""A bus on which its process dies at a chosen place: the production coordinator on it cannot tell."""

import os
import signal
import socket
from collections.abc import Mapping, Sequence
from typing import NoReturn

from portfold.events.codec import Fields
from portfold.events.stream_id import StreamId
from portfold.events.wire.archiver_bus import ArchiverBus, Trimmed
from portfold.events.wire.bus import Bus, Committed, Entry, Extent, LeadersWord, Lease

LEADING = (
    "after read",
    "after fold",
    "committed, reply lost",
    "before snapshot",
    "mid-snapshot",
    "after snapshot",
    "before renewing",
    "after renewing",
)
"""Where a leader can be killed in the course of its work."""
TAKING_OVER = (
    "mid-takeover: lease taken",
    "mid-takeover: log looked at",
    "mid-takeover: start to be said",
    "mid-takeover: start said",
    "mid-takeover: start decided",
)
"""Where a standby can be killed that is just about to lead, in this order."""
ARCHIVING = (
    "mid-archive: log read",
    "mid-archive: to be trimmed",
    "mid-archive: trimmed, reply lost",
)
"""Where an archiver can be killed, in this order."""


class DoomedBus(Bus):
    """Kills its process with -9 at the place called `doom`, once it comes there."""

    doom = ""
    address = ("127.0.0.1", 0)
    _led = False
    _said = False

    def events_after(self, after: StreamId, *, count: int, block_ms: int | None = None) -> list[Entry]:
        entries = super().events_after(after, count=count, block_ms=block_ms)
        if entries:
            self._here("after read")
        return entries

    def lead_append(
        self, fields: Fields, stamp: str, *, epoch: int, limits_known_to: StreamId | None = None
    ) -> LeadersWord:
        starts = fields[1] == "CoordinatorStarted"
        if starts:
            self._here("mid-takeover: start to be said")
        said = super().lead_append(fields, stamp, epoch=epoch, limits_known_to=limits_known_to)
        if starts:
            self._said = True
            self._here("mid-takeover: start said")
        return said

    def take_lead(self, who: str, lease_ms: int) -> Lease:
        lease = super().take_lead(who, lease_ms)
        if lease.epoch:
            self._led, self._said = True, False
            self._here("mid-takeover: lease taken")
        return lease

    def extent(self) -> Extent:
        extent = super().extent()
        if self._led and not self._said:
            self._here("mid-takeover: log looked at")
        return extent

    def commit(
        self,
        *,
        epoch: int,
        before: StreamId,
        after: StreamId,
        chain: str,
        events: int,
        decisions: Sequence[tuple[StreamId, Fields]],
        status: Mapping[str, str],
    ) -> Committed:
        self._here("after fold")
        done = super().commit(
            epoch=epoch,
            before=before,
            after=after,
            chain=chain,
            events=events,
            decisions=decisions,
            status=status,
        )
        self._here("committed, reply lost")
        if self._said:
            self._here("mid-takeover: start decided")
        return done

    def keep_lead(self, who: str, lease_ms: int, epoch: int = 0) -> bool:
        self._here("before renewing")
        kept = super().keep_lead(who, lease_ms, epoch)
        self._here("after renewing")
        return kept

    def save_snapshot(self, text: str) -> None:
        self._here("before snapshot")
        if self.doom == "mid-snapshot":
            self._send_half("SET", self.keys.snapshot, text)
            self._here("mid-snapshot")
        super().save_snapshot(text)
        self._here("after snapshot")

    def _here(self, place: str) -> None:
        die_if_at(place, self.doom)

    def _send_half(self, *words: str) -> None:
        """The first half of a command's bytes, on a connection that then breaks."""
        parts = [f"*{len(words)}\r\n".encode()]
        for word in map(str.encode, words):
            parts += (f"${len(word)}\r\n".encode(), word, b"\r\n")
        whole = b"".join(parts)
        socket.create_connection(self.address, timeout=5).sendall(whole[: len(whole) // 2])


class DoomedArchiverBus(ArchiverBus):
    """The same for an archiver."""

    doom = ""

    def decisions_after(self, after: StreamId, *, count: int, block_ms: int | None = None) -> list[Entry]:
        entries = super().decisions_after(after, count=count, block_ms=block_ms)
        die_if_at("mid-archive: log read", self.doom)
        return entries

    def trim(self, keep_from: StreamId, folder: str) -> Trimmed:
        die_if_at("mid-archive: to be trimmed", self.doom)
        trimmed = super().trim(keep_from, folder)
        die_if_at("mid-archive: trimmed, reply lost", self.doom)
        return trimmed


def die_if_at(place: str, doom: str) -> None:
    """Ends this process where it is to."""
    if place == doom:
        die()


def die() -> NoReturn:
    """Ends this process as kill -9 does."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody lives to raise this")
