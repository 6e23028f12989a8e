"""A record in memory: a log that was decided as a leader does it, for what needs no server."""

from collections.abc import Iterable, Iterator

from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.recorded import Recorded
from portfold.events.codec import encode
from portfold.events.incoming import Event
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry
from tests.archive.past import log


class InMemory:
    """The record of the log `entries`."""

    def __init__(self, entries: Iterable[tuple[StreamId, list[str]]]) -> None:
        follower = Follower()
        self.all: list[Recorded] = []
        for at, fields in entries:
            decided = follower.advance(at, fields)
            self.all.append(Recorded(Entry(at, fields), [Entry(*one) for one in decided.entries]))
        self.portfolio = "main"
        self.shown = "main in memory"
        self.cursor = follower.cursor
        self.chain = follower.chain
        self.events: int | None = len(self.all)

    def recorded(self) -> Iterator[Recorded]:
        """Every event with its decisions."""
        return iter(self.all)


def past_of(*said: tuple[int, Event]) -> InMemory:
    """The record of these events, each at its millisecond."""
    entries: list[tuple[StreamId, list[str]]] = []
    for ms, event in said:
        seq = entries[-1][0].seq + 1 if entries and entries[-1][0].ms == ms else 0
        entries.append((StreamId(ms, seq), encode(event)))
    return InMemory(entries)


def realistic(count: int, seed: int = 1) -> InMemory:
    """The record of a realistic log of `count` events with garbage in it."""
    return InMemory((at, [_text(word) for word in words]) for at, words in log(count, seed))


def _text(word: str | bytes) -> str:
    return word.decode("utf-8", "surrogateescape") if isinstance(word, bytes) else word
