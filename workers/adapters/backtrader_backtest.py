"""Backtrader's own broker behind the gate: for backtests, in process and in simulated time.

It fills as it always does, by default at the next bar's open. A fill is reported at the end of the bar before
the one that fills, for that end and this one's open are the same moment. An entry order that is filled bars
later keeps its slot until then, as live, and is cancelled where that is taken back: by a stop or a halt. A
child of a bracket closes what its parent opens, so it does not ask; without the parent Backtrader rejects it.
An order on a slower feed of a contract is filled at that feed's next bar.

Each run begins anew: with a portfolio of its own, unless several cerebros share one. So `optstrategy` and a
second `run()` are as the first, also in processes of their own.
"""

import os
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

import backtrader as bt

from portfold.events.incoming import LimitsChanged
from portfold.log import Log
from portfold.program_log import program_log
from portfold.workers.adapters.backtrader_feeds import CannotRun, Feeds, name_of
from portfold.workers.adapters.backtrader_gated import Gated, Way, number_of, side_of
from portfold.workers.brokers.leg_arithmetic import join, reduce, worse
from portfold.workers.brokers.profit import net_pnl
from portfold.workers.brokers.protocol import BrokerPosition
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.client.decision import Decision
from portfold.workers.run.gate_protocol import Gate
from portfold.workers.run.in_process import InProcessPortfolio

# Futures pay no price, they put up a margin; without one Backtrader takes them for stocks. One dollar keeps
# cash out of it: how many positions there may be is for the portfolio to say.
_MARGIN = 1.0
_AT_THE_MARKET = (bt.Order.Market, bt.Order.Close)
_SLIPS = (*_AT_THE_MARKET, bt.Order.Stop, bt.Order.StopTrail)


@cache
def _log_of(worker: str, process: int) -> Log:  # noqa: ARG001 - a log's thread does not live on in a fork
    return program_log(worker)


class Fresh:
    """Opens the gate of `worker` in a portfolio of its own with these limits; can be pickled."""

    def __init__(self, worker: str, limits: LimitsChanged) -> None:
        self._worker = worker
        self._limits = limits

    def __call__(self) -> Gate:
        """Returns a gate to a portfolio in which nothing has happened yet."""
        return InProcessPortfolio(self._limits).gate(self._worker)


class Shared:
    """Gives the gate of `worker` in `portfolio`, always the same; cannot be pickled."""

    def __init__(self, worker: str, portfolio: InProcessPortfolio) -> None:
        self._gate = portfolio.gate(worker)

    def __call__(self) -> Gate:
        """Returns the gate."""
        return self._gate

    def __reduce__(self) -> str:
        raise CannotRun("portfolio: one that is shared stays in its process: expected maxcpus=1, or none")


class GatedBroker(Gated, bt.brokers.BackBroker):  # type: ignore[misc]  # Backtrader has no types
    """Backtrader's broker, which asks before it opens and reports what it fills.

    A data feed whose costs were not set (`setcommission(..., name="ES")`) gets those of its contract:
    `commission_per_side` dollars, and the dollar value of a point. `slippage_ticks` are lost on each fill at
    the market or by a stop. With `at_close` an order at the market is filled at the close of its own bar.

    `open_gate` is called at each start. In another process, which this is taken to by pickling, the log is
    a new one that names `worker`.
    """

    def __init__(
        self,
        worker: str,
        open_gate: Callable[[], Gate],
        feeds: Feeds,
        *,
        at_close: bool,
        log: Log,
    ) -> None:
        super().__init__()
        self._worker = worker
        self._open_gate = open_gate
        self.trade(feeds, log)
        self._begin()
        self.set_coc(at_close)

    def _begin(self) -> None:
        """Begins with nothing open, and nothing ordered yet."""
        self._seen = 0.0
        self._granted: dict[int, tuple[Any, Decision]] = {}
        self._closing: dict[int, Any] = {}
        self._legs: dict[str, BrokerPosition] = {}
        self._owners: dict[str, Any] = {}
        self._reported: dict[int, int] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_gate", "_log")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _log=_log_of(state["_worker"], os.getpid()))

    def start(self) -> None:
        """Begins anew, called by Backtrader; sets the costs of contracts that have none. Raises CannotRun."""
        self._begin()
        self.gate_by(self._open_gate())
        self._feeds.read(self.cerebro.datas)
        super().start()
        for data in self.cerebro.datas:
            contract, main = self._feeds.contract(data), self._main(data)
            if data is not main:
                data.compensate(main)  # Backtrader's word for: its orders change the other's position
            if name_of(data) not in self.comminfo:
                self.setcommission(
                    commission=float(contract.commission_per_side),
                    margin=_MARGIN,
                    mult=float(contract.point_value),
                    name=name_of(data),
                )

    def stop(self) -> None:
        """Says goodbye, called by Backtrader."""
        super().stop()
        if self._seen:
            for order, _ in self._granted.values():
                self._gate.withdraw(self._feeds.symbol(order.data), "the backtest is over")
            self._gate.close("the backtest is over")

    def next(self) -> None:
        """Fills what was ordered before, called by Backtrader. Only then has the new bar ended."""
        super().next()
        if self.see_bar():
            for order, decision in list(self._granted.values()):
                if order.alive() and not self._gate.standing(decision):
                    self._log.warning(f"{self._feeds.symbol(order.data)}: entry cancelled, its slot is gone")
                    self.cancel(order)

    def getposition(self, data: Any) -> Any:
        """Answers Backtrader with the contract's position, whichever of its feeds is asked about."""
        return bt.brokers.BackBroker.getposition(self, self._main(data))

    def getcommissioninfo(self, data: Any) -> Any:
        """Answers Backtrader: a feed without a name costs what its contract does."""
        return super().getcommissioninfo(data if name_of(data) else self._main(data))

    def _main(self, data: Any) -> Any:
        return self._feeds.main(self._feeds.symbol(data))

    def order(
        self, way: Way, owner: Any, data: Any, size: float, terms: dict[str, Any], granted: Decision | None
    ) -> Any:
        """Sends it the way Backtrader does."""
        send = bt.brokers.BackBroker.buy if way > 0 else bt.brokers.BackBroker.sell
        order = send(self, owner, data, size, **terms)
        if granted is not None:
            self._granted[order.ref] = (order, granted)
        elif order.alive() and terms.get("parent") is None:
            self._closing[order.ref] = order
        return order

    def held_by_then(self, data: Any) -> float:
        """Returns what is held once entries, and exits at the market, are filled; resting exits may
        never be.
        """
        coming = [order for order, _ in self._granted.values()]
        coming += [order for order in self._closing.values() if order.exectype in _AT_THE_MARKET]
        main = self._main(data)
        left = sum(one.executed.remsize for one in coming if self._main(one.data) is main and one.alive())
        return float(self.getposition(data).size + left)

    def flatten(self, order: FlattenOrder) -> None:
        """Cancels whatever else is under way, and orders what is open closed at the market."""
        symbols = {leg.symbol for leg in order.positions}
        for symbol, held in list(self._legs.items()):
            if order.everything or symbol in symbols:
                data = self._feeds.main(symbol)
                for one in [*self.submitted, *self.pending]:
                    if one is not None and self._main(one.data) is data:
                        self._call_off(one)
                self.order(-1 if held.side == "long" else 1, self._owners[symbol], data, held.size, {}, None)

    def _call_off(self, order: Any) -> None:
        if order in self.submitted:
            self.submitted.remove(order)
            order.cancel()
            self.notify(order)
        else:
            self.cancel(order)

    # --- what became of orders ---------------------------------------------------------------------------

    def notify(self, order: Any) -> None:
        """Reports each fill once, and gives the slot of an unfilled entry back; called by Backtrader."""
        bt.brokers.BackBroker.notify(self, order)
        fills = list(order.executed.exbits)[self._reported.get(order.ref, 0) :]
        self._reported[order.ref] = len(order.executed.exbits)
        for fill in fills:
            self._report(order, fill)
        if not order.alive():
            self._forget(order)

    def _forget(self, order: Any) -> None:
        del self._reported[order.ref]
        self._closing.pop(order.ref, None)
        granted = self._granted.pop(order.ref, None)
        if granted is not None and order.status != order.Completed:
            self._gate.withdraw(self._feeds.symbol(order.data), order.getstatusname())

    def _report(self, order: Any, fill: Any) -> None:
        symbol, price = self._feeds.symbol(order.data), number_of(fill.price)
        if fill.closed:
            self._closed(symbol, abs(int(fill.closed)), price, number_of(fill.closedcomm))
        if fill.opened:
            side, size = side_of(fill.opened), abs(int(fill.opened))
            paid = number_of(fill.openedcomm)
            fresh = BrokerPosition(self._gate.worker, symbol, side, size, price, paid)
            self._legs[symbol] = join(self._legs[symbol], fresh) if symbol in self._legs else fresh
            self._owners[symbol] = order.owner
            self._gate.position_opened(symbol, side, size, price=price)

    def _closed(self, symbol: str, size: int, price: Decimal, exit_commission: Decimal) -> None:
        leg = self._legs.pop(symbol)
        left, entry_commission = reduce(leg, size)
        if left.size:
            self._legs[symbol] = left
        commission = entry_commission + exit_commission
        point_value = self._feeds.contracts[symbol].point_value
        pnl = net_pnl(leg.side, leg.price, price, size, point_value, commission)
        self._gate.position_closed(symbol, leg.side, size, price=price, pnl=pnl, commission=commission)

    def _execute(self, order: Any, ago: Any = None, price: Any = None, **more: Any) -> Any:
        """Slips by ticks of the order's own contract, which Backtrader's slippage does not know."""
        if ago is not None and price is not None and order.exectype in _SLIPS:
            price = float(worse(number_of(price), self._feeds.contract(order.data), buys=order.isbuy()))
        return super()._execute(order, ago=ago, price=price, **more)
