"""Backtrader strategies as people have them: they know nothing of gates and portfolios."""

from typing import Any

import backtrader as bt

from portfold.workers.adapters.backtrader_feeds import name_of


class Dips(bt.Strategy):  # type: ignore[misc]  # Backtrader has no types
    """Buys what closes near its low, sells it again near its high; `told` is what it heard of its orders."""

    params = (("below", 0.25), ("above", 0.6))

    def __init__(self) -> None:
        self.orders: dict[Any, Any] = {}
        self.told: list[tuple[str, str]] = []

    def next(self) -> None:
        for data in self.datas:
            if not len(data) or self.orders.get(data) is not None or data.high[0] == data.low[0]:
                continue
            strength = (data.close[0] - data.low[0]) / (data.high[0] - data.low[0])
            if not self.getposition(data):
                if strength < self.p.below:
                    self.orders[data] = self.buy(data=data)
            elif strength > self.p.above:
                self.orders[data] = self.close(data=data)

    def notify_order(self, order: Any) -> None:
        self.told.append((name_of(order.data), order.getstatusname()))
        if not order.alive():
            self.orders[order.data] = None


class Told(bt.Strategy):  # type: ignore[misc]  # Backtrader has no types
    """Does on each bar what `plan` says, which maps the number of a bar, from 1, to a function of it; keeps
    in `told` what it hears of its orders."""

    params = (("plan", None), ("told", None))

    def __init__(self) -> None:
        self.told: list[tuple[int, str, str]] = [] if self.p.told is None else self.p.told
        self.reasons: list[str] = []

    def next(self) -> None:
        act = self.p.plan.get(len(self.data))
        if act is not None:
            act(self)

    def notify_order(self, order: Any) -> None:
        if order.status in (order.Submitted, order.Accepted):
            return
        self.told.append((len(self.data), order.ordtypename(), order.getstatusname()))
        if "denied" in order.info:
            self.reasons.append(order.info.denied)
