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

    `stop_price` is where its protective stop rests, as far from its fill as it was from the price that the
    entry expected; None where it named none.
    """

    symbol: str
    side: Side
    size: int
    ms: int
    price: Decimal
    stop_price: Decimal | None = None


class AloneGate:
    """Implements `workers.run.gate_protocol.Gate`. `trades` have ended, `opened` is the open position, if
    any.

    The caller sets `now_ms`, in the clock of the stream IDs, to the time of each bar.
    """

    def __init__(self, worker: str) -> None:
        self.worker = worker
        self.orders = threading.RLock()
        self.now_ms = 0
        self.opened: Opened | None = None
        self.trades: list[Trade] = []
        self._off: Decimal | None = None

    def request_entry(
        self,
        symbol: str,
        *_: object,
        price: Amount | None = None,
        stop_price: Amount | None = None,
        **__: object,
    ) -> Decision:
        """Allows the entry, and takes note of how far off its stop is planned."""
        self._off = None
        if price is not None and stop_price is not None:
            self._off = exact(stop_price, "stop_price") - exact(price, "price")
        return Decision(allowed=True, symbol=symbol, reason="alone")

    def standing(self, _: object, *, seconds: float = 0.0) -> bool:  # noqa: ARG002 - no time passes
        """Returns True: an allowed entry stays allowed."""
        return True

    def position_opened(
        self, symbol: str, side: Side = "long", size: int = 1, *, price: Amount, **_: object
    ) -> bool:
        """Opens the position."""
        filled, off = exact(price, "price"), self._off
        self.opened = Opened(symbol, side, size, self.now_ms, filled, None if off is None else filled + off)
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

    # --- what concerns only a portfolio --------------------------------------------------------------------

    def position_marked(self, *_: object, **__: object) -> bool:
        """Does nothing, as open losses do not count."""
        return True

    def stop_moved(self, *_: object, **__: object) -> bool:
        """Does nothing, as nothing is planned."""
        return True

    def withdraw(self, *_: object, **__: object) -> bool:
        """Does nothing, as no slot was taken."""
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
