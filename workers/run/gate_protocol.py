"""What a strategy's process asks of a gate, whichever it is: over the bus, or in process for a backtest."""

import threading
from collections.abc import Callable
from typing import Protocol, Unpack

from portfold.events.fields import Side
from portfold.workers.client.amount import Amount, PlannedLoss
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.client.decision import Decision


class Gate(Protocol):
    """See `workers.client.gate.PortfolioGate`, which says what each of these promises."""

    worker: str
    orders: threading.RLock

    def start(self) -> object: ...
    def announce_again(self) -> bool: ...
    def close(self, reason: str = "") -> None: ...
    def on_flatten(self, callback: Callable[[FlattenOrder], object], *, reminded: bool = False) -> None: ...
    def request_entry(
        self,
        symbol: str,
        side: Side = "long",
        size: int = 1,
        *,
        strategy: str = "",
        hold: bool = False,
        **plan: Unpack[PlannedLoss],
    ) -> Decision: ...
    def stop_moved(self, symbol: str, side: Side = "long", *, price: Amount) -> bool: ...
    def withdraw(self, symbol: str, reason: str = "", *, decision: Decision | None = None) -> bool: ...
    def renew(self, decision: Decision) -> bool: ...
    def standing(self, decision: Decision, *, seconds: float = 0.0) -> bool: ...
    def position_opened(
        self, symbol: str, side: Side = "long", size: int = 1, *, price: Amount, fill: str = ""
    ) -> bool: ...
    def position_closed(  # noqa: PLR0913 - what there is to report, each by its name
        self,
        symbol: str,
        side: Side = "long",
        size: int = 1,
        *,
        price: Amount,
        pnl: Amount,
        commission: Amount,
        reason: str = "",
        owner: str = "",
        fill: str = "",
        recorded: Callable[[], object] | None = None,
    ) -> bool: ...
    def position_marked(
        self, symbol: str, side: Side = "long", *, price: Amount, unrealized: Amount, moment_ms: int = 0
    ) -> bool: ...
