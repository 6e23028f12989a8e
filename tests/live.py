"""The words of a story, told to a real coordinator over a real server.

Whatever is said is published, waited for until it is decided, and folded a second time here: a decision, a
chain or a status that differs from what this replica arrives at fails the test.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from portfold.coordinator.store.follower import Follower
from portfold.events.codec import decode_decision, encode_checked
from portfold.events.decisions import Decision
from portfold.events.incoming import ClockTicked, Event, Malformed
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import SERVERS_TIME, Bus, Entry
from tests.coordinator.story import Story
from tests.waiting import until

_AT_ONCE = 100_000
_ALIVE_MS = 600_000


class Live(Story):
    """A portfolio on a server, as a worker, an operator or an auditor sees it."""

    def __init__(self, bus: Bus, client: Any) -> None:
        self.bus = bus
        self.keys = bus.keys
        self.client = client
        self.ms = 0
        self.last: Event | Malformed = ClockTicked()
        self._seqs = defaultdict(int)
        self._replica = Follower()
        self.state = self._replica.state
        self._checked = ORIGIN

    # --- saying ------------------------------------------------------------------------------------------

    def hears(self, event: Event | Malformed, at: int | None = None) -> list[Decision]:
        """Publishes `event`, at the millisecond `at` where the clock is driven; returns what was decided."""
        return self.decided(self.publishes(event, at))

    def publishes(self, event: Event | Malformed, at: int | None = None) -> StreamId:
        """Publishes `event` and does not wait."""
        assert not isinstance(event, Malformed), "garbage is written by hand: see `by_hand`"
        self.last = event
        return self.bus.append(encode_checked(event), SERVERS_TIME if at is None else f"{at}-*")

    def publishes_all(self, events: Iterable[Event]) -> None:
        """Publishes many in one go."""
        with self.client.pipeline(transaction=False) as commands:
            for event in events:
                commands.execute_command("XADD", self.keys.events, SERVERS_TIME, *encode_checked(event))
            commands.execute()

    def by_hand(self, *words: str | bytes, at: str = "*") -> StreamId:
        """Adds any fields at all to the events, as a person with a Redis shell would."""
        return StreamId.parse(str(self.client.execute_command("XADD", self.keys.events, at, *words)))

    def starts(
        self, worker: str, session: str = "s1", symbols: str = "", positions: str = ""
    ) -> list[Decision]:
        """A worker announces itself, and is alive as long as a test may take."""
        self.bus.beat(worker, session, _ALIVE_MS)
        return super().starts(worker, session, symbols, positions)

    # --- reading -----------------------------------------------------------------------------------------

    def decided(self, event: StreamId) -> list[Decision]:
        """What was decided on `event`, once it is."""
        until(lambda: self.has_decided(event), f"a decision on event {event} of {self.keys.events}")
        self.agrees()
        return [read(entry) for entry in self.bus.decisions_of(event)]

    def has_decided(self, event: StreamId) -> bool:
        head = self.bus.head()
        return head is not None and head.cursor >= event

    def all_decided(self) -> None:
        """Waits until nothing on the log is undecided, and checks it all."""
        until(lambda: self.has_decided(self.bus.last_event()), "decisions on everything")
        self.agrees()

    def agrees(self) -> None:
        """Folds what was committed since the last look: head and decisions are what follows from it."""
        head = self.bus.head()
        assert head is not None
        expected: list[Entry] = []
        for entry in self.bus.events_after(self._replica.cursor, count=_AT_ONCE):
            if entry.id <= head.cursor:
                expected += map(Entry._make, self._replica.advance(entry.id, entry.fields).entries)
        self._replica.prove(head.cursor, head.chain)
        written = self.bus.decisions_after(self._checked, count=_AT_ONCE)
        assert written[: len(expected)] == expected
        self._checked = expected[-1].id if expected else self._checked

    def events(self) -> list[Entry]:
        """Everything on the log."""
        return self.bus.events_after(ORIGIN, count=_AT_ONCE)

    def said(self, kind: str) -> list[dict[str, str]]:
        """The events of one type on the log."""
        return [fields for fields in map(flat, self.events()) if fields.get("type") == kind]

    def decisions(self) -> list[Entry]:
        """Everything decided."""
        return self.bus.decisions_after(ORIGIN, count=_AT_ONCE)

    def status(self) -> dict[str, str]:
        return self.bus.status()


def read(entry: Entry) -> Decision:
    """A decision as it lies in its stream."""
    return decode_decision(entry.fields[:-4])


def flat(entry: Entry) -> dict[str, str]:
    """An entry's fields by name; of a name given twice the last."""
    return entry.by_name
