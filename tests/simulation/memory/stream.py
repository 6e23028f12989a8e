"""One stream of the server in memory: its entries, and the IDs that it gives out or refuses."""

from bisect import bisect_right
from typing import NamedTuple

from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Entry

_LARGEST = 2**64 - 1
_TOO_SMALL = "The ID specified in XADD is equal or smaller than the target stream top item"
_EXHAUSTED = "The stream has exhausted the last possible ID, unable to add more items"
_NO_ID = "Invalid stream ID specified as stream command argument"


class Refused(Exception):
    """The server's no; the text is its own."""


class Wanted(NamedTuple):
    """What is wanted of an ID: nothing, its millisecond, or all of it."""

    ms: int | None
    seq: int | None


class Stream:
    """Entries in the order of their IDs, and the largest ID ever given out."""

    def __init__(self) -> None:
        self.ids: list[StreamId] = []
        self.entries: list[Entry] = []
        self.last = ORIGIN
        self.added = 0

    def after(self, after: StreamId, count: int) -> list[Entry]:
        """The next entries."""
        if after >= self.last:
            return []
        first = bisect_right(self.ids, after)
        return self.entries[first : first + count]

    def holds(self, event: StreamId) -> bool:
        """Whether the entry is there."""
        return self.ids[bisect_right(self.ids, event) - 1 :][:1] == [event]

    def stamped(self, wanted: Wanted, now_ms: int) -> StreamId:
        """The ID for what is wanted, above all before it, or Refused."""
        last = self.last
        if last == (_LARGEST, _LARGEST):
            raise Refused(_EXHAUSTED)
        if wanted.ms is None:
            return StreamId(now_ms, 0) if now_ms > last.ms else _following(last)
        seq = wanted.seq
        if seq is None:
            seq = last.seq + 1 if wanted.ms == last.ms else 0
        at = StreamId(wanted.ms, seq)
        if at <= last or seq > _LARGEST:
            raise Refused(_TOO_SMALL)
        return at

    def add(self, entry: Entry) -> None:
        self.ids.append(entry.id)
        self.entries.append(entry)
        self.last = entry.id
        self.added += 1


def read_stamp(stamp: str) -> Wanted:
    """`*`, `<ms>-*`, `<ms>` or `<ms>-<seq>`."""
    if stamp == "*":
        return Wanted(None, None)
    ms, dash, seq = stamp.partition("-")
    return Wanted(_number(ms), None if seq == "*" else _number(seq) if dash else 0)


def _following(last: StreamId) -> StreamId:
    return StreamId(last.ms, last.seq + 1) if last.seq < _LARGEST else StreamId(last.ms + 1, 0)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= _LARGEST):
        raise Refused(_NO_ID)
    return int(text)
