"""A limit entry that waits for its price: asked for once, granted for as long as it waits, then withdrawn.

It waits here and not at the broker, whose market knows no other prices than its worker's bars; so an order to
flatten, a halt that stands at the next bar, or the end of this process leaves nothing behind that could still
be filled. Guarantees: its
slot is held for all of its life and given back at the end of it, or as soon as it does not stand any more;
nothing is filled whose slot does not stand; one that waits when a life ends is not made any more.
"""

from decimal import Decimal
from typing import NamedTuple

from portfold.log import Log
from portfold.workers.brokers.resting.fills import limit_fill
from portfold.workers.entries.entering import Entering, Granted
from portfold.workers.feeds.bar import Bar
from portfold.workers.protection import path_of
from portfold.workers.run.gate_protocol import Gate
from portfold.workers.strategies.intent import Enter


class _Waiting(NamedTuple):
    """What waits for how many more bars, given of which month's bar."""

    granted: Granted
    bars_left: int
    contract: str


class WaitingLimit:
    """The limit entry of one symbol that waits, if one does."""

    def __init__(self, entering: Entering, gate: Gate, tick_size: Decimal, log: Log) -> None:
        self._entering, self._gate, self._tick_size, self._log = entering, gate, tick_size, log
        self._waiting: _Waiting | None = None

    def ask(self, wish: Enter, limit: Decimal, bar: Bar) -> None:
        """Asks for the slot at the close of `bar`; from the next bar on the entry waits, if that is a yes."""
        place = self._entering.place(wish.stop)
        entry = self._entering.asked(wish, limit, place, hold=True)
        if entry:
            self._waiting = _Waiting(Granted(wish, limit, place, entry), wish.lives_bars, bar.contract)
            self._log.info(
                f"{bar.symbol} {wish.side} {wish.size} waits at {limit}", lives_bars=wish.lives_bars
            )

    def take(self, bar: Bar, *, may_open: bool) -> bool:
        """Takes the next bar. Returns whether it filled what waits; `may_open`: whether it may."""
        waiting = self._waiting
        if waiting is None:
            return False
        wish, limit = waiting.granted.wish, waiting.granted.price
        if why := self._over(waiting, bar, may_open=may_open):
            self.withdraw(why)
            return False
        price = limit_fill(wish.side, limit, path_of(bar), self._tick_size)
        if price is None:
            self._waiting = waiting._replace(bars_left=waiting.bars_left - 1)
            if waiting.bars_left == 1:
                self.withdraw(f"not filled within {wish.lives_bars} bars")
            return False
        with self._gate.orders:
            if self._waiting is None:  # withdrawn by an order to flatten, in this very moment
                return False
            self._waiting = None
        self._entering.prolong(waiting.granted.entry)
        with waiting.granted.entry:
            return self._entering.order(waiting.granted, price)

    def withdraw(self, reason: str) -> None:
        """Gives the slot of what waits back; does nothing where nothing does. Any thread may."""
        with self._gate.orders:
            waiting, self._waiting = self._waiting, None
        if waiting is None:
            return
        entry = waiting.granted.entry
        self._gate.withdraw(entry.symbol, reason, decision=entry)
        self._log.info(f"{entry.symbol} limit entry withdrawn: {reason}")

    def _over(self, waiting: _Waiting, bar: Bar, *, may_open: bool) -> str:
        if not may_open:
            return "the bar is not of now"
        if waiting.contract and bar.contract and waiting.contract != bar.contract:
            return f"the bars are of {bar.contract} now"
        return "" if self._gate.standing(waiting.granted.entry) else "its slot does not stand any more"
