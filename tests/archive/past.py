"""A decided past to archive: a realistic log with somebody's garbage in it, committed as a leader does."""

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.measuring.realistic_log import realistic_log
from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.snapshot import snapshot_text
from portfold.coordinator.views.status import status_fields
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.archiver_bus import ArchiverBus, Trimmed
from portfold.events.wire.bus import Bus, Entry
from portfold.events.wire.connection import connect

ALL = 1_000_000
_COMMITTED_AT_ONCE = 100

GARBAGE: list[list[str | bytes]] = [
    [b"\xff\xfe", b"\xed\xb3\xbf\x00\n\x1b[2J"],
    ["type", "EntryRequested", "type", "EntryRequested"],
    ["", ""],
    ["type", b"Trading\x80Halted", "reason", "\N{LINE SEPARATOR}\N{MONEY BAG}\\\"'{"],
]


class Whole(NamedTuple):
    """All that is in both streams."""

    events: list[Entry]
    decisions: list[Entry]


class Past:
    """The past of one portfolio, and what may be done to it."""

    def __init__(self, url: str, portfolio: str, client: Any) -> None:
        self.url = url
        self.bus = ArchiverBus(connect(url), portfolio)
        self.client = client
        self._follower = Follower()
        self._epoch = self.bus.take_lead("tester", 60_000).epoch
        self.bus.keep_lead("tester", 0)

    def happens(self, count: int, seed: int = 1) -> None:
        """So many events, garbage among them, decided and with a snapshot behind them."""
        with self.client.pipeline(transaction=False) as commands:
            for at, words in log(count, seed):
                commands.execute_command("XADD", self.bus.keys.events, str(at), *words)
            commands.execute()
        self.is_decided()
        self.is_snapshot()

    def goes_on(self, *events: list[str | bytes], at: str = "*") -> list[StreamId]:
        """More events, by the server's clock unless said otherwise, decided; no snapshot."""
        added = [
            StreamId.parse(self.client.execute_command("XADD", self.bus.keys.events, at, *words))
            for words in events
        ]
        self.is_decided()
        return added

    def is_decided(self) -> None:
        """Commits what follows from everything on the log."""
        while entries := self.bus.events_after(self._follower.cursor, count=_COMMITTED_AT_ONCE):
            before = self._follower.cursor
            decided = [self._follower.advance(entry.id, entry.fields) for entry in entries]
            done = self.bus.commit(
                epoch=self._epoch,
                before=before,
                after=self._follower.cursor,
                chain=self._follower.chain,
                events=len(entries),
                decisions=[one for each in decided for one in each.entries],
                status=status_fields(portfolio_view(self._follower.state, self._follower.cursor)),
            )
            assert done.outcome == "done"

    def led_anew(self) -> None:
        """Another leads, from the head as it stands, and commits what follows."""
        head = self.bus.head()
        assert head is not None
        self._follower = Follower()
        while self._follower.step(self.bus, head.cursor):
            pass
        self._epoch = self.bus.take_lead("another", 60_000).epoch
        self.is_decided()

    def is_snapshot(self) -> None:
        """The state now is the snapshot."""
        self.bus.save_snapshot(snapshot_text(self._follower.checkpoint))

    def whole(self) -> Whole:
        """Everything that is on the server."""
        return on_server(self.bus)

    @property
    def place(self) -> tuple[StreamId, str, str]:
        """Where the log is: its last event, its chain, its state."""
        return self._follower.cursor, self._follower.chain, snapshot_text(self._follower.checkpoint)


class _Ended(Exception):
    """The archiver ends here."""


class _EndsAfterTrims(ArchiverBus):
    """The bus of an archiver that ends once it has trimmed so often."""

    left = 0

    def trim(self, keep_from: StreamId, folder: str) -> Trimmed:
        if self.left == 0:
            raise _Ended
        self.left -= 1
        return super().trim(keep_from, folder)


def archive_and_end_after(past: Past, trims: int, folder: Path, *, segment_events: int) -> None:
    """Archives all but 20 events in segments, and ends when it has taken the first few off the server."""
    bus = _EndsAfterTrims(connect(past.url), past.bus.keys.name)
    bus.left = trims
    with suppress(_Ended):
        archive_history(bus, folder, Keep(events=20), segment_events=segment_events)
    bus.close()


def on_server(bus: Bus) -> Whole:
    return Whole(bus.events_after(ORIGIN, count=ALL), bus.decisions_after(ORIGIN, count=ALL))


@cache
def log(count: int, seed: int) -> list[tuple[StreamId, list[str | bytes]]]:
    """A realistic log of `count` events, with garbage spread over it."""
    entries: list[tuple[StreamId, list[str | bytes]]] = [
        (at, list(fields)) for at, fields in realistic_log(count - len(GARBAGE), seed)
    ]
    for number, words in enumerate(GARBAGE, start=1):
        at = _gap(entries, number * count // (len(GARBAGE) + 1))
        before, _ = entries[at - 1]
        entries.insert(at, (StreamId(before.ms, before.seq + 1), words))
    return entries


def _gap(entries: list[tuple[StreamId, list[str | bytes]]], near: int) -> int:
    """Where something fits in without an ID being there already."""
    return next(at for at in range(near, len(entries)) if entries[at][0].ms > entries[at - 1][0].ms)


def contents(folder: Path) -> dict[str, bytes]:
    """The files of an archive."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
