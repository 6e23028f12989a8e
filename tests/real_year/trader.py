"""One symbol's trader as a process: production gate, paper broker and reports, trading what it is told.

It reads an `Order` a line, does it, and answers a line. What a stop closes it closes once its gate has heard
of the stop and it is told that it is its turn, at the broker's last price: which trader is first is chance
live, and here that of the stop's own list.
"""

import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from queue import Queue

import msgspec

from portfold.config import Configuration, load
from portfold.dollars import gross_pnl
from portfold.events.wire.bus import Bus, at_time
from portfold.log import open_log
from portfold.research.simulate.trade_events import worker_of
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.client.context import GateEnvironment
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings, open_bus
from portfold.workers.run.reporting import report_entry, report_exit
from portfold.workers.run.trader import holdings_of
from tests.real_year.order import DONE, NOT_DONE, Order
from tests.waiting import PATIENCE_SECONDS

_STRATEGYS_OWN = "as in the backtest"


class Clock:
    """Simulated time: that of the order, or of the log where that is later."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.now_ms = 0

    def stamp(self) -> str:
        return at_time(max(self.now_ms, self._bus.last_event().ms))


class Trader:
    """Does what it is told with one symbol; `trade` is the number of the one it holds."""

    def __init__(
        self, configuration: Configuration, symbol: str, gate: PortfolioGate, broker: PaperBroker
    ) -> None:
        self._contract = configuration.contracts[symbol]
        self._gate = gate
        self._broker = broker
        self._trade = -1
        self._does: dict[str, Callable[[Order], bool]] = {
            "start": self._start,
            "ask": self._ask,
            "mark": self._mark,
            "leave": self._leave,
            "close": self._flatten,
        }
        self._ordered: Queue[FlattenOrder] = Queue()
        gate.on_flatten(self._hear)

    def obeys(self, order: Order) -> bool:
        """Does it; whether there was something to do."""
        if order.word in ("mark", "leave") and order.trade != self._trade:
            return False
        return self._does[order.word](order)

    def _start(self, _: Order) -> bool:
        self._gate.start()
        return True

    def _ask(self, order: Order) -> bool:
        symbol = self._contract.symbol
        with self._gate.request_entry(symbol, order.side, order.size) as entry:
            if not entry:
                return False
            with self._gate.orders:
                outcome = self._broker.enter(symbol, order.side, order.size, Decimal(order.price))
                self._trade = order.trade
                report_entry(self._gate, outcome)
        return True

    def _mark(self, order: Order) -> bool:
        symbol, price = self._contract.symbol, Decimal(order.price)
        self._broker.mark(symbol, price)
        with self._gate.orders:
            for held in self._broker.positions(self._gate.worker):
                made = gross_pnl(held.side, held.price, price, held.size, self._contract.point_value)
                self._gate.position_marked(symbol, held.side, price=price, unrealized=made)
        return True

    def _leave(self, order: Order) -> bool:
        with self._gate.orders:
            self._close(Decimal(order.price), _STRATEGYS_OWN)
        return True

    def _hear(self, order: FlattenOrder) -> None:
        """On the gate's own thread."""
        if self._broker.positions(self._gate.worker):
            self._ordered.put(order)

    def _flatten(self, _: Order) -> bool:
        ordered = self._ordered.get(timeout=PATIENCE_SECONDS)
        while not (
            ordered.everything or any(leg.symbol == self._contract.symbol for leg in ordered.positions)
        ):
            ordered = self._ordered.get(timeout=PATIENCE_SECONDS)
        with self._gate.orders:
            self._close(None, ordered.cause)
        return True

    def _close(self, price: Decimal | None, reason: str) -> None:
        for held in self._broker.positions(self._gate.worker):
            self._trade = -1
            outcome = self._broker.exit(held.symbol, held.side, held.size, price)
            for fill in outcome.fills:
                report_exit(self._gate, self._broker, self._contract, fill, reason)


def settings_of(configuration: Configuration, url: str, portfolio: str) -> GateSettings:
    """Those of the configuration; where the clock is driven every mark is published."""
    settings = GateSettings.of(configuration, url=url, portfolio=portfolio)
    return msgspec.structs.replace(settings, mark_seconds=0.0)


def main(url: str, portfolio: str, symbol: str, config: str, book: str) -> None:
    """Trades until standard input ends."""
    configuration = load(config, {}, Path("/"))
    settings, worker = settings_of(configuration, url, portfolio), worker_of(symbol)
    clock = Clock(open_bus(settings, "clock"))
    log, lines = open_log(worker)
    with PaperBroker(Path(book), worker, configuration.contracts) as broker:
        gate = PortfolioGate(
            worker,
            symbols=[symbol],
            settings=settings,
            holdings=lambda: holdings_of(broker, worker),
            log=log,
            environment=GateEnvironment(stamp=clock.stamp),
        )
        trader = Trader(configuration, symbol, gate, broker)
        for line in sys.stdin:
            order = msgspec.json.decode(line, type=Order)
            clock.now_ms = order.now_ms
            print(DONE if trader.obeys(order) else NOT_DONE, flush=True)
        gate.close("no more trades")
    lines.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
