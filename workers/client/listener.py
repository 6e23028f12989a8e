"""Listens for orders to flatten, and passes them on within milliseconds.

On a thread of its own, so that no strategy's bar or request can delay it, nor an earlier order that is being
carried out (`workers.client.closing.carrier`). What was decided while the bus was away is read when it is
back. An order is brought again whenever the log says that it is overdue. The kill switch is heard beside the
decisions, so it needs no coordinator; where somebody has overwritten one of the two streams that is logged,
and the other is still read. Where a stream was set back, by a backup or by another server, it is heard
again from there: an ID that comes a second time would otherwise be taken for one that was heard.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import suppress

from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Entry
from portfold.events.wire.errors import BusError, BusRefused
from portfold.log import Log
from portfold.workers.client.closing.flatten_order import FlattenOrder, pulled

LISTEN_SECONDS = 1.0
_READ_AT_ONCE = 100
_ALONE_MS = 100
_PAUSE_SECONDS = 0.1
_READ_AGAIN_MS = 10_000
"""How far back a stream that was set back is heard again: longer than it takes to find out."""


class Listener:
    """Reads decisions and pulls of the kill switch from now on, and calls `on_order` for what is ordered.

    `read` finds the order in a decision, if there is one; `on_order` is not to wait for it to be carried out;
    `each_step` is called at least every second; `on_silence` while the bus is away.
    Raises BusError where the bus cannot say what "now" is; an order by kill switch that no coordinator has
    taken note of yet is brought at once.
    """

    def __init__(
        self,
        bus: Bus,
        *,
        read: Callable[[Entry], FlattenOrder | None],
        on_order: Callable[[FlattenOrder], None],
        on_silence: Callable[[], None],
        each_step: Callable[[], None],
        log: Log,
    ) -> None:
        self._bus = bus
        self._on_silence = on_silence
        self._each_step = each_step
        self._read = read
        self._on_order = on_order
        self._log = log
        self._decisions = bus.last_decision()
        self._pulls: StreamId | None = None
        self._refused = ""
        self._outstanding = self._find_pulls()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="orders", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stops listening; waits for the read under way."""
        self._stop.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(2 * LISTEN_SECONDS)

    def _listen(self) -> None:
        for pause_seconds in self.steps():
            if pause_seconds:
                self._stop.wait(pause_seconds)

    def steps(self) -> Generator[float, None, None]:
        """Listens, step by step: yields how many seconds to wait before the next."""
        if self._outstanding is not None:
            self._on_order(self._outstanding)
        reachable = sure = True
        while not self._stop.is_set():
            self._each_step()
            try:
                if not sure:
                    self._go_back_if_set_back()
                sure = self._hear()
                reachable = True
                yield 0.0  # the read itself waits
            except BusError as error:
                self._on_silence()
                if reachable:
                    self._log.error("No longer hearing decisions", why=str(error))
                reachable = sure = False
                yield _PAUSE_SECONDS

    def _hear(self) -> bool:
        """Passes on what arrived. Returns false if nothing did: then the streams may have been set back."""
        decisions, pulls = self._orders()
        for entry in pulls:
            self._pulls = entry.id
            self._on_order(_pulled(self._bus, entry))
        for entry in decisions:
            self._decisions = entry.id
            try:
                order = self._read(entry)
            except ValueError as error:
                self._log.error("A decision could not be read", decision=str(entry.id), why=str(error))
                continue
            if order is not None:
                self._on_order(order)
        return bool(decisions or pulls)

    def _orders(self) -> tuple[list[Entry], list[Entry]]:
        """Returns the next of both streams; of what the other's refusal would hide as well."""
        if self._pulls is None and (outstanding := self._find_pulls()) is not None:
            self._on_order(outstanding)
        count, block_ms = _READ_AT_ONCE, int(LISTEN_SECONDS * 1000)
        if self._pulls is None:
            key = self._bus.keys.decisions
            return self._bus.published_after(key, self._decisions, count=count, block_ms=block_ms), []
        try:
            found = self._bus.orders_after(self._decisions, self._pulls, count=count, block_ms=block_ms)
        except BusRefused as refused:
            return self._each_by_itself(self._pulls, refused)
        self._refused = ""
        return found

    def _each_by_itself(self, heard: StreamId, refused: BusRefused) -> tuple[list[Entry], list[Entry]]:
        """Raises `refused` unless one of the two streams can be read."""
        keys, found, unread = self._bus.keys, list[list[Entry]](), list[str]()
        for key, after in ((keys.decisions, self._decisions), (keys.killswitch, heard)):
            try:
                found.append(self._bus.published_after(key, after, count=_READ_AT_ONCE, block_ms=_ALONE_MS))
            except BusRefused:
                found.append([])
                unread.append(key)
        if len(unread) > 1:
            raise refused
        if unread == [keys.killswitch]:
            self._lose_pulls(refused)
        elif unread:
            self._log_refused(unread[0], refused)
        decisions, pulls = found
        return decisions, pulls

    def _find_pulls(self) -> FlattenOrder | None:
        """Sets where the kill switch is read from. Returns a pull that no coordinator has handled yet."""
        try:
            self._pulls, outstanding = _last_pull(self._bus)
        except BusRefused as refused:
            self._lose_pulls(refused)
            return None
        return outstanding

    def _lose_pulls(self, refused: BusRefused) -> None:
        self._pulls = None
        self._log_refused(self._bus.keys.killswitch, refused)

    def _log_refused(self, key: str, refused: BusRefused) -> None:
        if key == self._refused:
            return
        self._refused = key
        self._log.critical(
            f"NOT HEARD: {key} holds something else, and orders by it do not arrive; others do",
            why=str(refused),
            what_to_do=f"redis-cli DEL {key}, which is made anew",
        )

    def _go_back_if_set_back(self) -> None:
        """Goes back to the end of a stream that was set back, or a little further: it may have
        grown since.
        """
        for look in (self._look_at_decisions, self._look_at_pulls):
            with suppress(BusRefused):  # one that was overwritten: said where it is to be heard
                look()

    def _look_at_decisions(self) -> None:
        last = self._bus.last_decision()
        if last < self._decisions:
            self._log_set_back("decisions", self._decisions, last)
            lately = StreamId(max(0, self._bus.now_ms() - _READ_AGAIN_MS), 0)
            self._decisions = min(last, lately)

    def _look_at_pulls(self) -> None:
        if self._pulls is None:
            return
        try:
            last = self._bus.last_pull_id()
        except BusRefused as refused:
            self._lose_pulls(refused)
            return
        if last < self._pulls:
            self._log_set_back("kill switch", self._pulls, last)
            if (outstanding := self._find_pulls()) is not None:
                self._on_order(outstanding)

    def _log_set_back(self, stream: str, heard: StreamId, last: StreamId) -> None:
        self._log.critical(
            f"SET BACK: the stream of the {stream} ends before what was heard; it is heard again from there",
            heard=str(heard),
            last=str(last),
        )


def _last_pull(bus: Bus) -> tuple[StreamId, FlattenOrder | None]:
    """Returns where to listen from, and the latest pull if the coordinator has not got as far as
    its event.
    """
    entry = bus.last_pull()
    if entry is None:
        return ORIGIN, None
    order = _pulled(bus, entry)
    head = bus.head()
    return entry.id, order if head is None or head.cursor < order.event else None


def _pulled(bus: Bus, entry: Entry) -> FlattenOrder:
    """Returns what a pull orders. An event that the log does not reach is as if none were named."""
    order = pulled(entry)
    with suppress(BusError):  # then it is taken as it stands, and is carried out all the same
        if order.event > entry.id and order.event > bus.last_event():
            return order._replace(event=entry.id)
    return order
