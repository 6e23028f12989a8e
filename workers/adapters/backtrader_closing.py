"""Carries orders to flatten out for a live cerebro: all at once, whatever hangs.

Guarantees: positions are closed side by side, so that one that hangs or fails delays no other, nor does an
order of the strategy that hangs; the same position is never ordered closed by two at once; and whoever waits
waits a bounded time. What could not be closed, or may still be opened by an order under way, is raised at
last, so that all of it is tried again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from portfold.log import Log
from portfold.workers.brokers.protocol import BrokerPosition
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.flattener.side_by_side import NotDone, SideBySide
from portfold.workers.run.gate_protocol import Gate

_EXIT_SECONDS = 5.0
_UNDER_WAY_SECONDS = 1.0
_ANNOUNCING_SECONDS = 10.0

Close = Callable[[BrokerPosition, str], None]
"""Closes it at the broker, and reports that; given the cause."""


class PositionCloser:
    """Closes what one gate's worker holds."""

    def __init__(self, gate: Gate, log: Log) -> None:
        self._gate = gate
        self._log = log
        self._side_by_side = SideBySide(_EXIT_SECONDS)
        self._leaving: str | None = None
        self._ordering = False

    @property
    def is_busy(self) -> bool:
        """Returns whether anything is still being closed."""
        return self._side_by_side.is_busy

    def is_under_way(self, symbol: str) -> bool:
        """Returns whether that contract is being closed by an order to flatten."""
        return self._side_by_side.is_under_way(symbol)

    @contextmanager
    def ordering(self) -> Iterator[None]:
        """Holds up closing while a strategy's order and its report are under way. For one thread only."""
        with self._gate.orders:
            self._ordering = True
            try:
                yield
            finally:
                self._ordering = False

    @contextmanager
    def leaving(self, symbol: str) -> Iterator[None]:
        """Notes that the strategy's own exit is under way. For one thread only."""
        self._leaving = symbol
        try:
            yield
        finally:
            self._leaving = None

    def carry_out(
        self, order: FlattenOrder, positions: Callable[[], list[BrokerPosition]], close: Close
    ) -> None:
        """Closes what is open of what was ordered; raises the first of what failed."""
        with self._undisturbed() as undisturbed:
            wanted = {leg.symbol for leg in order.positions}
            acts = {
                held.symbol: partial(self._close, close, held, order.cause)
                for held in positions()
                if (order.everything or held.symbol in wanted) and held.symbol != self._leaving
            }
            failed = self._side_by_side.do(acts)
        if not undisturbed:
            failed.append(NotDone("an order of the strategy is under way: looked at again after it"))
        if failed:
            raise failed[0]

    @contextmanager
    def _undisturbed(self) -> Iterator[bool]:
        """Lets no order of the strategy, and no announcement, come in between; yields false where one hangs.

        An announcement is waited for longer: it waits for the bus, and would say what is closed meanwhile.
        """
        alone = self._gate.orders.acquire(timeout=_UNDER_WAY_SECONDS)
        if not alone and not self._ordering:
            alone = self._gate.orders.acquire(timeout=_ANNOUNCING_SECONDS)
        try:
            yield alone
        finally:
            if alone:
                self._gate.orders.release()

    def _close(self, close: Close, held: BrokerPosition, cause: str) -> None:
        try:
            close(held, cause)
        except Exception as error:
            self._log.critical("NOT CLOSED", symbol=held.symbol, why=repr(error))
            raise
