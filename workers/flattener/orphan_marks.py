"""Marks what is open and whose worker is not there to mark it, from the last prices on the bus.

A worker that died marks nothing more, and its loss would be as old as its last mark until somebody closes
what it holds. Guarantees: what the log holds for a worker that is not up there, or for nobody (`account`),
is marked at the latest `mark_seconds` after a new price came to the bus, and again before the last mark is
stale; a price that is older than it may be, dated far ahead, or of another month, is none. A worker that is
up marks by itself, and the log refuses the mark of another. Only the flattener at work does it, so no
position is marked by two processes.
"""

import threading
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import NamedTuple

from portfold.clock import Clock
from portfold.config import Contract
from portfold.coordinator.views.portfolio_view import ShownPosition
from portfold.coordinator.views.view_field import what_can_be_read
from portfold.dollars import gross_pnl
from portfold.events.fields import Side
from portfold.events.wire.bus import Bus
from portfold.events.wire.errors import BusError
from portfold.events.wire.market import LastPrice
from portfold.log import Log
from portfold.workers.brokers.contract_names import is_price_of
from portfold.workers.brokers.protocol import BrokerError, BrokerPosition, OpenedBroker
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.marks import Mark

_Leg = tuple[str, str, Side]
"""Worker, symbol and side."""


class Pace(NamedTuple):
    """How often is marked, how old a price may be, and after how long the same mark is given again."""

    mark_seconds: float
    stale_seconds: float
    repeat_seconds: float


class _Marked(NamedTuple):
    """A mark that was given: the entry, the price and the contracts it was of, and when."""

    of: tuple[Decimal, int, Decimal]
    at: float


class OrphanMarks:
    """Marks by `gate`; `contracts`: those of the symbols that have prices on the bus."""

    def __init__(
        self,
        bus: Bus,
        gate: PortfolioGate,
        broker: OpenedBroker,
        contracts: Mapping[str, Contract],
        pace: Pace,
        *,
        log: Log,
        clock: Clock,
    ) -> None:
        self._bus = bus
        self._gate = gate
        self._broker = broker
        self._contracts = contracts
        self._pace = pace
        self._log = log
        self._clock = clock
        self._marked: dict[_Leg, _Marked] = {}
        self._told: dict[str, str] = {}
        self._booked: dict[_Leg, BrokerPosition] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="orphan-marks", daemon=True)

    def start(self) -> None:
        """Begins, on a thread of its own: no exit that hangs holds up a mark."""
        self._thread.start()

    def close(self) -> None:
        """Ends; waits a moment for what it is doing."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(2 * self._pace.mark_seconds)
        self._bus.close()

    def look(self) -> None:
        """Marks each position of theirs once, where it is time to. Raises BusError."""
        orphans = self._orphans()
        self._marked = {leg: self._marked[leg] for leg in map(_leg, orphans) if leg in self._marked}
        symbols = sorted({held.symbol for held in orphans})
        self._told = {symbol: fault for symbol, fault in self._told.items() if symbol in symbols}
        if not symbols:
            return
        now_ms, prices = self._bus.last_prices(symbols)
        months = self._months()
        for held in orphans:
            last = self._price(held, months.get(_leg(held)), prices.get(held.symbol), now_ms)
            if last is not None:
                self._mark(held, last)

    def _go_on(self) -> None:
        while not self._over.wait(self._pace.mark_seconds):
            try:
                self.look()
            except BusError:  # the gate says so
                continue
            except Exception as error:  # noqa: BLE001 - whatever fails, the next look tries again
                self._log.error("What is nobody's to mark is not marked; trying again", why=repr(error))

    def _orphans(self) -> list[ShownPosition]:
        """Returns what is held by nobody who is up, or is there and not on the log yet; but for what was
        entered at a price that nobody knows, shown as 0.
        """
        view = what_can_be_read(self._bus.status()).view
        priced = [held for held in view.positions if held.symbol in self._contracts and held.price != 0]
        held_by_none = [held for held in priced if view.presence_of(held.worker) != "up"]
        beats = self._bus.beats([held.worker for held in held_by_none])
        return [held for held, beat in zip(held_by_none, beats, strict=True) if beat is None]

    def _months(self) -> Mapping[_Leg, BrokerPosition]:
        """Returns what the book has of each leg, as it was when that could last be asked."""
        with suppress(BrokerError):  # who closes says so
            self._booked = {(one.owner, one.symbol, one.side): one for one in self._broker.positions()}
        return self._booked

    def _price(
        self, held: ShownPosition, booked: BrokerPosition | None, last: LastPrice | None, now_ms: int
    ) -> LastPrice | None:
        """Returns the last price of what is held; None, and says so once, where there is none that counts."""
        fault = self._fault(booked, last, now_ms)
        if fault and self._told.get(held.symbol) != fault:
            self._log.error(f"{held.symbol} has no price to mark what is open at: {fault}", of=held.worker)
        self._told[held.symbol] = fault
        return last if last is not None and not fault else None

    def _fault(self, booked: BrokerPosition | None, last: LastPrice | None, now_ms: int) -> str:
        """Returns why a price marks nothing, the same words for as long as it is so; empty where it does."""
        if last is None:
            return "it has none"
        if fault := last.fault(now_ms, self._pace.stale_seconds * 1000):
            return fault
        if booked is not None and not is_price_of(booked, last.contract):
            return f"the last is of {last.contract}, and held is {booked.contract}"
        return ""

    def _mark(self, held: ShownPosition, last: LastPrice) -> None:
        price = last.price
        leg, of, now = _leg(held), (held.price, held.size, price), self._clock.monotonic()
        before = self._marked.get(leg)
        if before is not None and before.of == of and now - before.at < self._pace.repeat_seconds:
            return
        with suppress(BrokerError):  # no more than what a fill on paper is made at
            self._broker.mark(held.symbol, price)
        value = self._contracts[held.symbol].point_value
        made = gross_pnl(held.side, held.price, price, held.size, value)
        mark = Mark(held.symbol, held.side, price, made, last.moment_ms)
        if self._gate.marked_for(held.worker, mark):
            if before is None:
                self._log.warning(
                    f"Marking {held.symbol} for {held.worker}, which is not there to", price=str(price)
                )
            self._marked[leg] = _Marked(of, now)


def _leg(held: ShownPosition) -> _Leg:
    return held.worker, held.symbol, held.side
