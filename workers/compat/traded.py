"""What a drop-in trades: what it was given, else what its earlier life announced; and whatever it asks for.

Old code never announces its symbols. Between two trades nobody would then seem to trade them. Guarantees:
what was asked for and is in the portfolio is announced once nothing is held (until then its position shows
it), and again after a restart.
"""

import threading
from collections.abc import Callable, Sequence

from portfold.bounds import MOST_SYMBOLS
from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.workers.client.decision import Decision

_NOT_TRADED_CODES = {"symbol_not_allowed", "no_answer"}


class TradedSymbols:
    """`announced` is what the gate announces at first. Any thread may use it."""

    def __init__(self, announced: Sequence[str]) -> None:
        self._lock = threading.Lock()
        self._known = set(announced)
        self._unannounced: list[str] = []

    def note(self, decision: Decision) -> None:
        """Notes the symbol of a request that was answered."""
        if decision.event is None or decision.code in _NOT_TRADED_CODES:
            return
        with self._lock:
            if decision.symbol not in self._known and len(self._known) < MOST_SYMBOLS:
                self._known.add(decision.symbol)
                self._unannounced.append(decision.symbol)

    def announce(self, publish: Callable[[Sequence[str]], bool]) -> None:
        """Announces what is new; `publish` returns whether it arrived."""
        with self._lock:
            unannounced = list(self._unannounced)
        if unannounced and publish(unannounced):
            with self._lock:
                self._unannounced = [symbol for symbol in self._unannounced if symbol not in unannounced]


def announced_before(view: PortfolioView, worker: str) -> Sequence[str]:
    """Returns what an earlier life of the worker announced, by the status."""
    return next((one.symbols for one in view.workers if one.worker == worker), ())
