"""What every Backtrader broker behind the gate has in common; strategies that trade by it stay as they are.

- An order that opens contracts is asked for first; denied, it comes back as any order that a broker rejects,
  with the reason in `order.info`. One that closes contracts never asks. Of an order that does both, only the
  closing part is sent when the rest is denied, as it is: the position is still open when it is given.
- At each bar open positions are marked, so that open losses count.

Which contract a data feed is of is said in `backtrader_feeds`; a contract has one position, whichever of its
feeds an order names.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import backtrader as bt

from portfold.dollars import gross_pnl
from portfold.events.codec import RefusedField
from portfold.events.fields import Side
from portfold.exchange_time import utc
from portfold.log import Log
from portfold.workers.adapters.backtrader_feeds import Feeds
from portfold.workers.client.amount import PlannedLoss, exact
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.client.decision import Decision
from portfold.workers.run.gate_protocol import Gate
from portfold.workers.run.in_process import InProcessGate

Way = Literal[1, -1]
"""1 buys, -1 sells."""


class Refusal(NamedTuple):
    """Why an entry is not even asked for."""

    code: str
    reason: str


class Gated:
    """A mix-in for a Backtrader broker, which says how an order is sent, and reports what is filled."""

    cerebro: Any
    _gate: Gate

    def trade(self, feeds: Feeds, log: Log) -> None:
        """Gives the broker what it needs, when it is made."""
        self._feeds = feeds
        self._log = log
        self._seen = 0.0

    def gate_by(self, gate: Gate) -> None:
        """Trades by this gate from now on."""
        if gate is not getattr(self, "_gate", None):
            gate.on_flatten(self.flatten, reminded=True)
        self._gate = gate

    # --- what the broker does ----------------------------------------------------------------------------

    def order(
        self, way: Way, owner: Any, data: Any, size: float, terms: dict[str, Any], granted: Decision | None
    ) -> Any:
        """Sends an order: one that opens what was `granted`, or, without that, one that closes."""
        raise NotImplementedError

    def held_by_then(self, data: Any) -> float:
        """Returns what is held, signed, once all is filled that surely will be."""
        raise NotImplementedError

    def forbids(self, symbol: str) -> Refusal | None:  # noqa: ARG002 - for those that have a reason
        """Says why nothing may be opened on a contract now, whatever the gate would say."""
        return None

    def flatten(self, order: FlattenOrder) -> None:
        """Closes what is open of what was ordered."""
        raise NotImplementedError

    def getposition(self, data: Any) -> Any:
        """Answers Backtrader."""
        raise NotImplementedError

    def notify(self, order: Any) -> None:
        """Notifies the strategy of what became of an order, as Backtrader does."""
        raise NotImplementedError

    # --- orders ------------------------------------------------------------------------------------------

    def buy(self, owner: Any, data: Any, size: float, **terms: Any) -> Any:
        """Buys, called by the strategy; asks first for what it opens."""
        return self._place(1, owner, data, size, terms)

    def sell(self, owner: Any, data: Any, size: float, **terms: Any) -> Any:
        """Sells, called by the strategy; asks first for what it opens."""
        return self._place(-1, owner, data, size, terms)

    def _place(self, way: Way, owner: Any, data: Any, size: float, terms: dict[str, Any]) -> Any:
        plan = _planned(data, terms)
        if terms.get("parent") is not None:  # of a bracket: closes what its parent opens
            return self.order(way, owner, data, size, terms, None)
        closes = min(size, max(0.0, -way * self.held_by_then(data)))
        if closes == size:
            return self.order(way, owner, data, size, terms, None)
        decision = self._ask(way, data, size - closes, plan)
        if decision:
            return self.order(way, owner, data, size, terms, decision)
        symbol = self._feeds.symbol(data)
        self._log.info(f"Entry denied: {symbol} | {decision.code} | {decision.reason} | {self._gate.worker}")
        if closes:
            return self.order(way, owner, data, closes, terms, None)
        return self.rejected(self.made(way, owner, data, size, terms), decision.code, decision.reason)

    def _ask(self, way: Way, data: Any, opens: float, plan: PlannedLoss) -> Decision:
        symbol = self._feeds.symbol(data)
        if opens != int(opens):
            raise RefusedField(f"size: expected whole contracts of {symbol}, got {opens:g}")
        refusal = self.forbids(symbol)
        if refusal is not None:
            return Decision(allowed=False, symbol=symbol, code=refusal.code, reason=refusal.reason)
        return self._gate.request_entry(symbol, side_of(way), int(opens), hold=True, **plan)

    @staticmethod
    def made(way: Way, owner: Any, data: Any, size: float, terms: dict[str, Any]) -> Any:
        """Returns an order that has not been sent."""
        kind = bt.order.BuyOrder if way > 0 else bt.order.SellOrder
        known = {name: terms.get(name) for name in ("price", "exectype", "valid", "tradeid")}
        return kind(owner=owner, data=data, size=size, pricelimit=terms.get("plimit"), **known)

    def rejected(self, order: Any, code: str, reason: str) -> Any:
        """Returns the order as a broker gives it back that does not take it."""
        order.addinfo(code=code, denied=reason)
        order.reject(self)
        self.notify(order)
        return order

    # --- bars --------------------------------------------------------------------------------------------

    def see_bar(self) -> bool:
        """Returns whether a bar has ended since the last call. If so it is that time, and positions are
        marked.
        """
        ended = max((data.datetime[0] for data in self.cerebro.datas if len(data)), default=0.0)
        if ended <= self._seen:
            return False
        if isinstance(self._gate, InProcessGate):
            self._gate.portfolio.at(moment_of(ended))
        if not self._seen:
            self._gate.start()
        self._seen = ended
        for symbol in self._feeds.symbols():
            latest = self._feeds.latest(symbol)
            if latest is not None:
                self._mark(symbol, number_of(latest.close[0]))
        return True

    def _mark(self, symbol: str, price: Decimal) -> None:
        with self._gate.orders:  # nobody closes it meanwhile
            position = self.getposition(self._feeds.main(symbol))
            if position.size:
                entry, point_value = number_of(position.price), self._feeds.contracts[symbol].point_value
                side, size = side_of(position.size), abs(int(position.size))
                unrealized = gross_pnl(side, entry, price, size, point_value)
                self._gate.position_marked(symbol, side, price=price, unrealized=unrealized)


def moment_of(number: float) -> datetime:
    """Returns the moment of Backtrader's number, to the millisecond: it has no more digits than that."""
    moment = bt.num2date(number).replace(tzinfo=UTC)
    return utc(round(moment.timestamp() * 1000))


def side_of(size: float) -> Side:
    """Returns the side of a signed size."""
    return "long" if size > 0 else "short"


def number_of(number: float) -> Decimal:
    """Returns a price, or dollars, that Backtrader has calculated."""
    return exact(float(number), "price")


def _planned(data: Any, terms: dict[str, Any]) -> PlannedLoss:
    """Takes out of an order's terms what it plans to lose: `stop_price`, or `risk` in dollars."""
    stop, risk = terms.pop("stop_price", None), terms.pop("risk", None)
    plan = PlannedLoss()
    if stop is not None:
        plan["stop_price"], plan["price"] = stop, terms.get("price") or data.close[0]
    if risk is not None:
        plan["risk"] = risk
    return plan
