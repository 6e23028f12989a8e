"""The gate of a symbol traded alone: it allows every entry, and keeps the trades.

There is no portfolio behind it, no limit and no daily stop: what these cost depends on the other symbols, and
the simulator measures it. A position has one entry and one exit, as the trader trades it.
"""

import threading
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from portfold.dollars import CENT
from portfold.events.fields import Side
from portfold.research.trades.trade_file import Trade
from portfold.workers.client.amount import Amount, exact
from portfold.workers.client.decision import Decision


class Opened(NamedTuple):
    """An open position and its entry, at `ms` in the clock of the stream IDs.

    `stop_price` is where its protective stop rests, as the entry named it or said after its fill; None where
    it named none, or the fill was beyond it already, as after a gap: no entry at that price can plan that.
    """

    symbol: str
    side: Side
    size: int
    ms: int
    price: Decimal
    stop_price: Decimal | None = None

    def stopped_at(self, stop: Decimal | None) -> "Opened":
        """Returns the same position with its stop there, if that is on the losing side of its fill."""
        is_loss = stop is not None and (stop < self.price if self.side == "long" else stop > self.price)
        return self._replace(stop_price=stop if is_loss else None)


class AloneGate:
    """Implements `workers.run.gate_protocol.Gate`. `trades` have ended, `opened` is the open position, if
    any.

    The caller sets `now_ms`, in the clock of the stream IDs, to the time of each bar. `on_opened` is called
    as a position opens.
    """

    def __init__(self, worker: str, on_opened: Callable[[], object] = lambda: None) -> None:
        self.worker = worker
        self._on_opened = on_opened
        self.orders = threading.RLock()
        self.now_ms = 0
        self.opened: Opened | None = None
        self.trades: list[Trade] = []
        self.withdrawn = False
        """Whether the last entry was given back."""
        self._stop: Decimal | None = None

    def request_entry(
        self,
        symbol: str,
        *_: object,
        stop_price: Amount | None = None,
        **__: object,
    ) -> Decision:
        """Allows the entry, and takes note of where its stop is planned."""
        self._stop = None if stop_price is None else exact(stop_price, "stop_price")
        self.withdrawn = False
        return Decision(allowed=True, symbol=symbol, reason="alone")

    def renew(self, _: object) -> bool:
        """Returns True, as no time passes."""
        return True

    def standing(self, _: object, *, seconds: float = 0.0) -> bool:  # noqa: ARG002 - no time passes
        """Returns True: an allowed entry stays allowed."""
        return True

    def position_opened(
        self, symbol: str, side: Side = "long", size: int = 1, *, price: Amount, **_: object
    ) -> bool:
        """Opens the position."""
        opened = Opened(symbol, side, size, self.now_ms, exact(price, "price"))
        self.opened = opened.stopped_at(self._stop)
        self._on_opened()
        return True

    def position_closed(
        self,
        symbol: str,
        side: Side = "long",
        size: int = 1,
        *,
        price: Amount,
        pnl: Amount,
        recorded: Callable[[], object] | None = None,
        **_: object,
    ) -> bool:
        """Ends the trade. Raises ValueError where it is not the open position."""
        opened, self.opened = self.opened, None
        if opened is None or opened[:3] != (symbol, side, size):
            raise ValueError(f"expected the end of {opened}, got that of {side} {size} {symbol}")
        trade = Trade(
            symbol=symbol,
            entry_ms=opened.ms,
            exit_ms=self.now_ms,
            pnl=exact(pnl, "pnl").quantize(CENT, ROUND_HALF_EVEN),
            size=size,
            side=side,
            entry_price=opened.price,
            exit_price=exact(price, "price"),
            stop_price=opened.stop_price,
        )
        self.trades.append(trade)
        if recorded is not None:
            recorded()
        return True

    def stop_moved(self, _symbol: str, _side: Side = "long", *, price: Amount) -> bool:
        """Takes note of where the stop of the open position is."""
        if self.opened is not None:
            self.opened = self.opened.stopped_at(exact(price, "price"))
        return True

    # --- what concerns only a portfolio --------------------------------------------------------------------

    def position_marked(self, *_: object, **__: object) -> bool:
        """Does nothing, as open losses do not count."""
        return True

    def withdraw(self, *_: object, **__: object) -> bool:
        """Takes note of it; no slot was taken."""
        self.withdrawn = True
        return True

    def start(self) -> None:
        """Does nothing, as there is no coordinator."""

    def announce_again(self) -> bool:
        """Does nothing, as there is no coordinator."""
        return True

    def close(self, *_: object, **__: object) -> None:
        """Does nothing, as there is no coordinator."""

    def on_flatten(self, _: object, *, reminded: bool = False) -> None:
        """Does nothing, as no flatten is ever ordered."""
