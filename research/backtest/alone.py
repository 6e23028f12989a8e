"""The gate of a symbol that is alone: it grants every entry, and keeps what was traded.

There is no portfolio behind it, no limit and no daily stop: what these cost depends on what else is traded,
and is the simulator's to find out. A position is one entry and one exit, as the trader has it.
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
    """A position as it was entered, at `ms` in the clock of the stream IDs."""

    symbol: str
    side: Side
    size: int
    ms: int
    price: Decimal


class AloneGate:
    """Meets `workers.run.gate_protocol.Gate`. `trades` are those that have ended, `opened` is the position
    there is.

    `now_ms`, in the same clock, is set by who brings the bars.
    """

    def __init__(self, worker: str) -> None:
        self.worker = worker
        self.orders = threading.RLock()
        self.now_ms = 0
        self.opened: Opened | None = None
        self.trades: list[Trade] = []

    def request_entry(self, symbol: str, *_: object, **__: object) -> Decision:
        """Granted."""
        return Decision(allowed=True, symbol=symbol, reason="alone")

    def standing(self, _: object, *, seconds: float = 0.0) -> bool:  # noqa: ARG002 - no time passes
        """A yes holds."""
        return True

    def position_opened(
        self, symbol: str, side: Side = "long", size: int = 1, *, price: Amount, **_: object
    ) -> bool:
        """A trade begins."""
        self.opened = Opened(symbol, side, size, self.now_ms, exact(price, "price"))
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
        """It ends."""
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
        )
        self.trades.append(trade)
        if recorded is not None:
            recorded()
        return True

    # --- what somebody else would have to hear, or to say --------------------------------------------------

    def position_marked(self, *_: object, **__: object) -> bool:
        """Nobody counts open losses."""
        return True

    def withdraw(self, *_: object, **__: object) -> bool:
        """Nothing was reserved."""
        return True

    def start(self) -> None:
        """Nobody is told."""

    def announce_again(self) -> bool:
        """Nobody is told."""
        return True

    def close(self, *_: object, **__: object) -> None:
        """Nobody is told."""

    def on_flatten(self, _: object, *, reminded: bool = False) -> None:
        """Nobody orders that."""
