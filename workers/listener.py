"""Listens to the decisions for orders to flatten, and passes them on within milliseconds.

On a thread of its own, so that no strategy's bar, request or order can delay it. What was decided while the
bus was away is read when it is back; an order that fails is brought again whenever the log says that it is
overdue.
"""

import threading
from collections.abc import Callable
from typing import NamedTuple

from coordinator.log import Log
from events.bus import Bus
from events.codec import RefusedField, decode_decision
from events.decisions import FlattenHandedOver, FlattenOrdered, FlattenOverdue, StopLossTriggered
from events.errors import BusError
from events.legs import Leg, parse_legs
from events.stream_id import StreamId

LISTEN_SECONDS = 1.0
_READ_AT_ONCE = 100
_PAUSE_SECONDS = 0.1

_ORDERS = {order.__name__ for order in (StopLossTriggered, FlattenOrdered, FlattenOverdue, FlattenHandedOver)}


class FlattenOrder(NamedTuple):
    """Close `positions`, which are this worker's on the log; with `everything`, all the broker holds for it.

    `event` is the ID of the event that led to the order, `episode` the same for all repeats of it.
    """

    episode: str
    event: StreamId
    cause: str
    everything: bool
    positions: tuple[Leg, ...]
    pending: tuple[Leg, ...]


class Listener:
    """Reads decisions from `start` on and calls `on_order` for those that concern `worker`."""

    def __init__(
        self, bus: Bus, worker: str, start: StreamId, on_order: Callable[[FlattenOrder], None], log: Log
    ) -> None:
        self._bus = bus
        self._worker = worker
        self._seen = start
        self._on_order = on_order
        self._log = log
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="flatten", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stops listening; waits for the read under way."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(2 * LISTEN_SECONDS)

    def _listen(self) -> None:
        reachable = True
        while not self._stop.is_set():
            try:
                entries = self._bus.decisions_after(
                    self._seen, count=_READ_AT_ONCE, block_ms=int(LISTEN_SECONDS * 1000)
                )
                reachable = True
            except BusError as error:
                if reachable:
                    self._log.error("No longer hearing decisions", why=str(error))
                reachable = False
                self._stop.wait(_PAUSE_SECONDS)
                continue
            for entry in entries:
                self._seen = entry.id
                self._hear(entry.id, entry.fields)

    def _hear(self, at: StreamId, fields: list[str]) -> None:
        if fields[1] not in _ORDERS:
            return
        try:
            order = read_order(self._worker, at, fields)
        except (RefusedField, ValueError) as error:
            self._log.error("A decision could not be read", decision=str(at), why=str(error))
            return
        if order is None:
            return
        try:
            self._on_order(order)
        except Exception as error:  # noqa: BLE001 - the author's code: said, and brought again when overdue
            self._log.critical("FLATTEN FAILED in the strategy", why=repr(error), episode=order.episode)


def read_order(worker: str, at: StreamId, fields: list[str]) -> FlattenOrder | None:
    """The order in a decision for `worker`, or None when it is for others."""
    decision = decode_decision(fields[: fields.index("event")])
    if not isinstance(decision, StopLossTriggered | FlattenOrdered | FlattenOverdue):
        return None
    mine = tuple(leg for leg in parse_legs(decision.positions) if leg.worker == worker)
    pending: tuple[Leg, ...] = ()
    everything, cause = False, "flatten overdue"
    if isinstance(decision, StopLossTriggered):
        everything, cause = True, "daily stop loss"
    elif isinstance(decision, FlattenOrdered):
        everything, cause = decision.everything, decision.cause
    if not isinstance(decision, FlattenOverdue):
        pending = tuple(leg for leg in parse_legs(decision.pending) if leg.worker == worker)
    if not (mine or pending or everything):
        return None
    return FlattenOrder(decision.episode, at.event(), cause, everything, mine, pending)
