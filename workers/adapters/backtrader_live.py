"""A Backtrader broker that trades through one of ours, over the bus: every order at once, at the market.

Fills are reported as they happen, and an order to flatten is carried out at once, on the gate's own thread,
whatever Backtrader is waiting for. What is open from an earlier life is there again after a start.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from typing import Any

import backtrader as bt

from portfold.dollars import gross_pnl
from portfold.events.legs import Holding
from portfold.log import Log
from portfold.workers.adapters.backtrader_again import ExitsAgain
from portfold.workers.adapters.backtrader_bars_of_now import BarsOfNow
from portfold.workers.adapters.backtrader_closing import PositionCloser
from portfold.workers.adapters.backtrader_feeds import CannotRun, Feeds
from portfold.workers.adapters.backtrader_gated import Gated, Refusal, Way, number_of, side_of
from portfold.workers.adapters.backtrader_held import BrokerHoldings
from portfold.workers.brokers.order import ExitFill, Fill, OrderOutcome
from portfold.workers.brokers.protocol import (
    BrokerError,
    BrokerPosition,
    NotOpen,
    OpenedBroker,
    OrderUnknown,
    refuse_a_rest,
    sends_within,
    when_taken_late,
)
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.client.decision import Decision
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.run.money import OfNow
from portfold.workers.run.reporting import report_entry, report_exit
from portfold.workers.run.trader import holdings_of

_AT_THE_MARKET = (None, bt.Order.Market, bt.Order.Close)


class LiveBroker(Gated, bt.BrokerBase):  # type: ignore[misc]  # Backtrader has no types
    """Orders of a cerebro, through `gate`, to `broker`. Starts the gate with the first bar; closes both.

    Only orders at the market: others are rejected, and say so. `cash` is what `getcash` begins with: nobody
    here knows the account. `of_now`: makes what judges the bars of a contract, where old ones open nothing.
    """

    def __init__(
        self,
        gate: PortfolioGate,
        broker: OpenedBroker,
        feeds: Feeds,
        *,
        cash: float,
        log: Log,
        of_now: Callable[[], OfNow] | None = None,
    ) -> None:
        super().__init__()
        self.trade(feeds, log)
        self.gate_by(gate)
        self.own_gate = gate
        when_taken_late(broker, gate.announce_again)
        self._broker = broker
        self.startingcash = self._cash = cash
        self._bars = BarsOfNow(feeds, of_now)
        self._held = BrokerHoldings(broker, gate.worker, log)
        self.closing = PositionCloser(gate, log)
        self._again = ExitsAgain()
        self._in_doubt: Decision | None = None
        self._cash_lock = threading.Lock()
        self._notifications: deque[Any] = deque()

    def __reduce__(self) -> str:
        raise CannotRun("optstrategy: a live broker trades in its own process: expected addstrategy")

    def start(self) -> None:
        """Begins, called by Backtrader. Raises CannotRun, also at a second run, without a broker."""
        if self._held.is_over:
            raise CannotRun("run: a live broker trades in one run; make another with live_broker(...)")
        self._feeds.read(self.cerebro.datas)
        super().start()

    def report_leftovers(self) -> None:
        """Reports what an earlier life of this worker closed at the broker and did not live to report."""
        unreported = self._broker.unreported_exits(self._gate.worker)
        self._report_exit(unreported, "reported after a restart")

    def holdings(self) -> list[Holding]:
        """Returns what is open, for the coordinator to compare with the log. Raises BrokerError."""
        if self.closing.is_busy:
            raise BrokerError("something is being closed, and is not reported yet")
        return holdings_of(self._broker, self._gate.worker)

    def stop(self) -> None:
        """Says goodbye, called by Backtrader. What is open stays open."""
        super().stop()
        for order in self._again.waiting():
            symbol = self._feeds.symbol(order.data)
            held = self._held.of(symbol)
            if held is not None and held.side == side_of(-order.size):  # else closed meanwhile
                size = min(abs(order.size), held.size)
                self._log.critical("NOT CLOSED, and this run ends", symbol=symbol, size=size)
        self._held.end()
        self._gate.close("no more bars")
        self._broker.close()

    def next(self) -> None:
        """Tries again what is due; Backtrader calls it at each bar, and every now and then between two."""
        self._bars.see()
        for order in self._again.due(bar_ended=self.see_bar()):
            self._settle(order, None)

    def forbids(self, symbol: str) -> Refusal | None:
        """Lets an old bar open nothing with money: history, a market played again, a feed that stood still.

        Nor does anything open while the broker cannot say what is held.
        """
        if not self._bars.has(symbol):
            return Refusal("old_bar", f"{symbol} bars are not of now (times in UTC): they open nothing")
        self._held.positions()
        if not self._held.is_known:
            return Refusal("broker_silent", "The broker cannot say what is held")
        return None

    def _mark(self, symbol: str, price: Decimal) -> None:
        """Marks at the broker first, then on the log: a stop that the mark triggers is filled at that price.

        A locked book ends no run, and the mark is published all the same: it counts the open loss.
        """
        try:
            self._broker.mark(symbol, price)
        except BrokerError as error:
            self._log.critical("The broker could not take note of a price", symbol=symbol, why=str(error))
        if not self.closing.is_under_way(symbol):  # it may be closed already, and reported
            super()._mark(symbol, price)

    # --- what Backtrader asks ----------------------------------------------------------------------------

    def getposition(self, data: Any) -> Any:
        """Returns what the broker says is open."""
        held = self._held.of(self._feeds.symbol(data))
        if held is None:
            return bt.Position()
        return bt.Position(held.size if held.side == "long" else -held.size, float(held.price))

    def held_by_then(self, data: Any) -> float:
        """Returns what is held now: of an exit that waits nobody knows when it is filled."""
        return float(self.getposition(data).size)

    def getcash(self) -> float:
        """Dollars it began with, and has made since."""
        return self._cash

    def getvalue(self, datas: Any = None) -> float:
        """Returns the same, and what is open at the last prices."""
        value = self._cash
        for symbol in {self._feeds.symbol(data) for data in datas or self.cerebro.datas}:
            held, latest = self._held.of(symbol), self._feeds.latest(symbol)
            if held is not None and latest is not None:
                price, point_value = number_of(latest.close[0]), self._feeds.contracts[symbol].point_value
                value += float(gross_pnl(held.side, held.price, price, held.size, point_value))
        return value

    def notify(self, order: Any) -> None:
        """Keeps what became of an order for Backtrader."""
        self._notifications.append(order.clone())

    def get_notification(self) -> Any:
        """Returns the next thing that became of an order, or None."""
        return self._notifications.popleft() if self._notifications else None

    def cancel(self, order: Any) -> bool:
        """Cancels an exit that is tried again; no other order can be: all are filled or rejected by now."""
        if not self._again.drop(order):
            return False
        self._cancelled(order)
        return True

    # --- orders ------------------------------------------------------------------------------------------

    def order(
        self, way: Way, owner: Any, data: Any, size: float, terms: dict[str, Any], granted: Decision | None
    ) -> Any:
        """Has it filled, or rejects it; a grant that is not used is given back.

        An exit that the broker does not do stays accepted, and is tried again.
        """
        order = self.made(way, owner, data, size, terms)
        if _is_at_the_market(order):  # others are never sent
            self._make_way(order)
        return self._settle(order, granted)

    def _make_way(self, order: Any) -> None:
        """Cancels waiting exits, as far as they and the later order would together close too much."""
        symbol, size = self._feeds.symbol(order.data), abs(order.size)
        held = self._held.of(symbol)
        waiting = [one for one in self._again.waiting() if self._feeds.symbol(one.data) == symbol]
        left = (held.size if held else 0) - size - sum(abs(one.size) for one in waiting)
        for one in waiting:
            if left < 0:
                self.cancel(one)
                left += abs(one.size)

    def _settle(self, order: Any, granted: Decision | None) -> Any:
        problem = self._fill(order, granted)
        if not problem:
            return order
        symbol = self._feeds.symbol(order.data)
        self._log.error("An order was not filled", symbol=symbol, why=problem)
        if granted is not None and granted is not self._in_doubt:
            self._gate.withdraw(symbol, problem[:200], decision=granted)
        return self.rejected(order, "not_filled", problem)

    def flatten(self, order: FlattenOrder) -> None:
        """Closes at once, at the last prices known, on the gate's thread."""
        worker = self._gate.worker
        self.closing.carry_out(order, lambda: self._broker.positions(worker), self._close_at_once)

    def _fill(self, order: Any, granted: Decision | None) -> str:
        """Has the order filled, and reports it; or says why it was not."""
        if not _is_at_the_market(order):
            return f"only orders at the market can be given here, not {order.getordername()}"
        try:
            with self.closing.ordering():
                return self._enter(order, granted) if granted is not None else self._exit(order)
        except OrderUnknown as unknown:
            self._note_unknown(order, unknown, granted)
            if granted is not None:
                return str(unknown)
            self._again.at_the_next_bar(order)
        except NotOpen as closed:
            return str(closed)
        except BrokerError as error:
            if granted is not None:
                return str(error)
            self._log.critical(
                "NOT CLOSED; trying again within seconds",
                symbol=self._feeds.symbol(order.data),
                why=str(error),
                in_seconds=self._again.later(order),
            )
        self._accepted(order)
        return ""

    def _accepted(self, order: Any) -> None:
        """Tells the strategy, the first time, that its order is under way."""
        if order.status == order.Created:
            order.submit(self)
            order.accept(self)
            self.notify(order)

    def _note_unknown(self, order: Any, unknown: OrderUnknown, granted: Decision | None) -> None:
        """Announces an unknown entry, which the broker counts as open; until that succeeds the slot
        is kept.
        """
        symbol = self._feeds.symbol(order.data)
        self._log.critical("What became of an order is unknown", symbol=symbol, why=str(unknown))
        if not self.own_gate.announce_again():
            self._in_doubt = granted
            self._log.critical("What is held is announced with the next sign of life", symbol=symbol)

    def _enter(self, order: Any, granted: Decision) -> str:
        if not self._gate.standing(granted):
            return "a flatten was ordered meanwhile, or the slot has expired"
        symbol, price = self._symbol_and_price(order)
        size = abs(int(order.size))
        may_send = partial(self._gate.standing, granted, seconds=sends_within(self._broker))
        outcome = self._broker.enter(symbol, side_of(order.size), size, price, may_send=may_send)
        report_entry(self._gate, outcome)
        self._earn(-outcome.commission)
        self._filled(order, outcome)
        if outcome.rest:
            self._cancelled(order)
        return ""

    def _exit(self, order: Any) -> str:
        symbol, price = self._symbol_and_price(order)
        with self.closing.leaving(symbol):
            if self.closing.is_under_way(symbol):
                return f"{symbol} is being closed already, by an order to flatten"
            left = abs(int(order.executed.remsize))
            outcome = self._broker.exit(symbol, side_of(-order.size), left, price)
            self._report_exit(outcome.fills, "strategy")
        self._filled(order, outcome)
        refuse_a_rest(outcome)
        return ""

    def _symbol_and_price(self, order: Any) -> tuple[str, Decimal]:
        symbol = self._feeds.symbol(order.data)
        return symbol, number_of(self._feeds.latest(symbol).close[0])

    def _close_at_once(self, held: BrokerPosition, cause: str) -> None:
        """Closes and reports, on any thread: it reads no data feed, which Backtrader may be moving on."""
        try:
            outcome = self._broker.exit(held.symbol, held.side, held.size, None)
        except NotOpen as closed:
            self._log.warning("Already closed by somebody else", symbol=held.symbol, why=str(closed))
            return
        self._report_exit(outcome.fills, cause)
        data = self._feeds.main(held.symbol)
        if data is not None:  # else open from an earlier life, and no strategy here looks at it
            kind = bt.order.SellOrder if held.side == "long" else bt.order.BuyOrder
            order = kind(data=data, size=outcome.size, price=float(outcome.price), simulated=True)
            order.addinfo(flatten=cause)
            self._filled(order, outcome)
        refuse_a_rest(outcome)

    def _report_exit(self, fills: Iterable[ExitFill], reason: str) -> None:
        for fill in fills:
            contract = self._feeds.contracts[fill.symbol]
            report_exit(self.own_gate, self._broker, contract, fill, reason)
            made = gross_pnl(fill.side, fill.entry_price, fill.price, fill.size, contract.point_value)
            self._earn(made - fill.commission)

    def _earn(self, dollars: Decimal) -> None:
        with self._cash_lock:
            self._cash += float(dollars)

    def _cancelled(self, order: Any) -> None:
        order.cancel()
        self.notify(order)

    def _filled(self, order: Any, outcome: OrderOutcome[Fill]) -> None:
        """Notifies the strategy, as Backtrader does, of each fill."""
        left = self.getposition(order.data)
        order.submit(self)
        order.accept(self)
        order.addcomminfo(self.getcommissioninfo(order.data))
        for fill in outcome.fills:
            size, commission, pnl = fill.size if order.isbuy() else -fill.size, float(fill.commission), 0.0
            nothing, all_of_it = (0, 0.0, 0.0), (size, 0.0, commission)
            closed, opened = nothing, all_of_it
            if isinstance(fill, ExitFill):
                closed, opened = all_of_it, nothing
                point_value = self._feeds.contracts[fill.symbol].point_value
                pnl = float(gross_pnl(fill.side, fill.entry_price, fill.price, fill.size, point_value))
            price = float(fill.price)
            order.execute(self._seen, size, price, *closed, *opened, 0.0, pnl, left.size, left.price)
            self.notify(order)


def _is_at_the_market(order: Any) -> bool:
    return order.exectype in _AT_THE_MARKET and order.parent is None
