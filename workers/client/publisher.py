"""Puts a worker's events on the log: each once, in order, none lost while the bus is away.

A lost reply leaves open whether the event arrived, so it is published again under the same number, and the
fold knows it. Facts wait in a bounded outbox until the bus takes them; whoever reports one never waits
longer than `patience_seconds`. Requests and marks do not wait: they would be stale. The numbers are one
process's own: in one forked off from it everything is refused, or an event would pass for the other's repeat.
"""

import os
import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from portfold.clock import Clock
from portfold.errors import PortfoldError
from portfold.events.codec import encode_checked
from portfold.events.incoming import Event, PositionClosed, PositionOpened
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import SERVERS_TIME, Bus
from portfold.events.wire.errors import BusError, BusRefused, BusUnreachable
from portfold.log import Log
from portfold.remedies import settle
from portfold.workers.client.closing.carrier import Begin, on_a_thread
from portfold.workers.client.noting import Noting

OUTBOX = 10_000
TAKEN = 10_000
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.5
_SHOWN = 20

Numbered = Callable[[int], Event]
"""Makes the event, given its number in the session."""


class OutboxFull(BusError):
    """The bus has been away for so long that no more facts can be kept for it."""


class OtherProcess(PortfoldError, RuntimeError):
    """A forked process uses its parent's publisher: the events of one of the two would be ignored."""


class NotPublished(BusUnreachable):
    """The request was certainly not published."""


class _Fact(NamedTuple):
    fields: list[str]
    recorded: Callable[[], object] | None


class Publisher:
    """Publishes under consecutive numbers; any thread may use it."""

    def __init__(
        self,
        bus: Bus,
        *,
        patience_seconds: float,
        stamp: Callable[[], str],
        log: Log,
        clock: Clock,
        begin: Begin = on_a_thread,
    ) -> None:
        self._bus = bus
        self._patience_seconds = patience_seconds
        self._stamp = stamp
        self._log = log
        self._clock = clock
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._number = 0
        self._outbox: deque[_Fact] = deque()
        self._noting = Noting(log=log, clock=clock, begin=begin)
        self._taken: deque[StreamId] = deque(maxlen=TAKEN)
        self._taken_lock = threading.Lock()

    @property
    def is_here(self) -> bool:
        """Returns whether this is the process that it was made in."""
        return os.getpid() == self._process

    def check_process(self) -> None:
        """Raises OtherProcess in another process than the one that it was made in."""
        if not self.is_here:
            raise OtherProcess(
                f"This gate was made in process {self._process} and is used in {os.getpid()}, forked off "
                "from it: make a gate in each process, under a name of its own, after the fork"
            )

    @property
    def waiting(self) -> int:
        """Returns how many facts the bus has not taken yet."""
        return len(self._outbox)

    def taken(self) -> tuple[StreamId, ...]:
        """Returns the events that the log confirmed, and that nobody has looked for since; and the
        last.
        """
        with self._taken_lock:
            return tuple(self._taken)

    def looked_for(self, events: tuple[StreamId, ...]) -> None:
        """Records that these were looked for: only the last event is to be looked for again."""
        with self._taken_lock:
            while len(self._taken) > 1 and self._taken[0] in events:
                self._taken.popleft()

    def log_ms(self, servers_ms: int) -> int:
        """Returns what the log's clock shows, when the server's shows `servers_ms`: another only if
        driven.
        """
        stamp = self._stamp()
        return servers_ms if stamp == SERVERS_TIME else int(stamp.partition("-")[0])

    def fact(self, make: Numbered, recorded: Callable[[], object] | None = None) -> bool:
        """Puts a fact on the log; false while it waits in the outbox. Raises RefusedField, OutboxFull.

        `recorded` is called once it is on the log, and again after a pause for as long as it raises.
        """
        self.check_process()
        with self._lock:
            self._keep(make, recorded)
            on_the_log = self._flush(self._clock.monotonic() + self._patience_seconds)
        self._noting.new()
        return on_the_log

    def look(self) -> None:
        """Begins to call again what failed to note that its fact is on the log. Called at each sign
        of life.
        """
        self._noting.look()

    def later(self, make: Numbered) -> None:
        """Keeps a fact for when the bus is back. Raises RefusedField, OutboxFull."""
        self.check_process()
        with self._lock:
            self._keep(make, None)

    def ask(self, make: Numbered) -> StreamId:
        """Puts a request on the log behind all facts. Raises BusError when that cannot be done in time.

        NotPublished and BusRefused say that it did not arrive; after another BusUnreachable it may have.
        """
        self.check_process()
        deadline = self._clock.monotonic() + self._patience_seconds
        with self._lock:
            if not self._flush(deadline):
                raise NotPublished("The bus has not taken earlier reports yet.")
            return self._send(self._numbered(make), deadline)

    def mention(self, make: Numbered) -> StreamId | None:
        """Publishes what the next report replaces anyway, in a single attempt."""
        self.check_process()
        with self._lock:
            fields = self._numbered(make)
            if self._outbox:
                return None
            try:
                taken = self._bus.append(fields, self._stamp())
            except BusError as error:
                self._log.warning("A mark or a renewal was not published", why=str(error))
                return None
            self._note_taken(taken)
            return taken

    def flush(self) -> bool:
        """Tries once to empty the outbox."""
        self.check_process()
        with self._lock:
            return self._flush(self._clock.monotonic())

    def close(self) -> None:
        """Ends publishing, and logs which reports die with this process."""
        self._noting.close()
        with self._lock:
            lost = [fact.fields for fact in self._outbox if not _says_how_it_is(fact.fields)]
        if lost:
            self._log.critical(
                f"NEVER REPORTED: the bus was away until the end, and the log lacks {_shown(lost)}",
                what_to_do=f"start it again if its broker keeps a book; else look there, and: {settle()}",
            )

    def _note_taken(self, event: StreamId) -> None:
        with self._taken_lock:
            self._taken.append(event)

    def _keep(self, make: Numbered, recorded: Callable[[], object] | None) -> None:
        if len(self._outbox) >= OUTBOX:
            raise OutboxFull(f"{OUTBOX} facts already wait for the bus; this one is not recorded.")
        self._outbox.append(_Fact(self._numbered(make), recorded))

    def _numbered(self, make: Numbered) -> list[str]:
        fields = encode_checked(make(self._number + 1))
        self._number += 1
        return fields

    def _flush(self, deadline: float) -> bool:
        try:
            while self._outbox:
                self._send(self._outbox[0].fields, deadline)
                recorded = self._outbox.popleft().recorded
                if recorded is not None:
                    self._noting.add(recorded)
        except BusError as error:
            self._log.error("Reports wait for the bus", waiting=len(self._outbox), why=str(error))
            return False
        return True

    def _send(self, fields: list[str], deadline: float) -> StreamId:
        """Appends, again and again until the deadline while nobody answers."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                taken = self._bus.append(fields, self._stamp())
            except BusRefused:
                raise
            except BusUnreachable:
                if self._clock.monotonic() + pause > deadline:
                    raise
            else:
                self._note_taken(taken)
                return taken
            self._clock.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _says_how_it_is(fields: list[str]) -> bool:
    """Returns a goodbye, or a slot given back: what the coordinator comes to by itself."""
    return fields[1] not in (PositionOpened.__name__, PositionClosed.__name__)


def _shown(facts: list[list[str]]) -> str:
    named = [dict(zip(fields[::2], fields[1::2], strict=True)) for fields in facts[:_SHOWN]]
    more = f" and {len(facts) - _SHOWN} more" if len(facts) > _SHOWN else ""
    return ", ".join(f"{one['type']} {one['symbol']} {one['side']} {one['size']}" for one in named) + more
