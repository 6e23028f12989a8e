"""Marks what a worker holds from the last prices on the bus, whatever its strategy's bars.

It exists because a loss between two bars is a loss: on hourly bars nobody would know of it for an hour.
Guarantees: a new price is reported no later than `mark_seconds` after it came to the bus; one that is older
than it may be, or dated far ahead, is none, and so is one of another month than the position's, so that the
coordinator finds the marks stale, and says so. It waits for no order: of one that hangs at the broker, the
position goes on being marked as it was seen last.
"""

import threading
from contextlib import suppress
from decimal import Decimal

from portfold.config import Contract
from portfold.dollars import gross_pnl
from portfold.events.wire.bus import Bus
from portfold.events.wire.errors import BusError
from portfold.events.wire.market import LastPrice
from portfold.exchange_time import utc_clock
from portfold.log import Log
from portfold.workers.brokers.contract_names import is_price_of
from portfold.workers.brokers.protocol import BrokerError, BrokerPosition, OpenedBroker
from portfold.workers.client.gate import PortfolioGate

_LOOK_SECONDS = 0.05
"""From one look at the prices to the next, while a new mark may go out."""


class Marking:
    """Marks the position of `gate` in `contract`; `stale_seconds`: how old a price may be."""

    def __init__(
        self,
        bus: Bus,
        gate: PortfolioGate,
        broker: OpenedBroker,
        contract: Contract,
        *,
        mark_seconds: float,
        stale_seconds: float,
        log: Log,
    ) -> None:
        self._bus = bus
        self._gate = gate
        self._broker = broker
        self._contract = contract
        self._mark_seconds = mark_seconds
        self._stale_ms = round(stale_seconds * 1000)
        self._log = log
        self._held: BrokerPosition | None = None
        self._noted: Decimal | None = None
        self._told = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="marking", daemon=True)

    def start(self) -> None:
        """Begins, on a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Ends; waits a moment for what it is doing."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(2 * self._mark_seconds)
        self._bus.close()

    def look(self) -> float:
        """Marks what is held, if it is time; returns how many seconds to wait before the next look."""
        due = self._gate.mark_due_in(self._contract.symbol)
        if due > 0:
            return min(due, self._mark_seconds)
        has_lock = self._gate.orders.acquire(timeout=_LOOK_SECONDS)
        try:
            held = self._holding() if has_lock else self._held
            last = self._price(held) if held is not None else None
            if not has_lock and self._gate.orders.acquire(blocking=False):
                has_lock, held = True, self._holding()  # the order is over, and may have closed it
            if held is None or last is None:
                return self._mark_seconds
            self._mark(held, last)
        finally:
            if has_lock:
                self._gate.orders.release()
        return min(_LOOK_SECONDS, self._mark_seconds)

    def _go_on(self) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            try:
                pause = self.look()
            except Exception as error:  # noqa: BLE001 - whatever fails, the next look tries again
                self._log.critical("A position is not marked; trying again", why=repr(error))
                pause = self._mark_seconds

    def _holding(self) -> BrokerPosition | None:
        with suppress(BrokerError):  # who trades says so; it was held when that could last be asked
            mine = self._broker.positions(self._gate.worker)
            self._held = next((held for held in mine if held.symbol == self._contract.symbol), None)
        return self._held

    def _price(self, held: BrokerPosition) -> LastPrice | None:
        """Returns the last price of what is held; None where there is none, or it is too old to be one."""
        symbol = self._contract.symbol
        try:
            now_ms, prices = self._bus.last_prices([symbol])
        except BusError:  # the gate says so
            return None
        last = prices.get(symbol)
        fault = self._fault(held, last, now_ms)
        if fault != self._told:
            if fault:
                made = utc_clock(last.at_ms) if last else None
                self._log.error(f"{symbol} has no price to mark the position at: {fault}", made=made)
            else:
                self._log.info(f"{symbol} has a price again: the position is marked")
        self._told = fault
        return last if last is not None and not fault else None

    def _fault(self, held: BrokerPosition, last: LastPrice | None, now_ms: int) -> str:
        """Returns why a price marks nothing, the same words for as long as it is so; empty where it does."""
        if last is None:
            return "it has none"
        if fault := last.fault(now_ms, self._stale_ms):
            return fault
        if not is_price_of(held, last.contract):
            return f"the last is of {last.contract}, and held is {held.contract}"
        return ""

    def _mark(self, held: BrokerPosition, last: LastPrice) -> None:
        price = last.price
        if price != self._noted:
            with suppress(BrokerError):  # no more than what a fill on paper is made at
                self._broker.mark(held.symbol, price)
            self._noted = price
        made = gross_pnl(held.side, held.price, price, held.size, self._contract.point_value)
        self._gate.position_marked(
            held.symbol, held.side, price=price, unrealized=made, moment_ms=last.moment_ms
        )
