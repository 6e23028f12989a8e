"""What a stop may close at most, where the account holds less than the book says: closed by hand there.

It exists because such a stop would open the other way. Guarantees: a stop is cut to what is held, or ended,
only once the account has held less for a while, and says so when it is asked anew: a position that is
reported later than its fill is no such thing. Once it holds enough again, so may the stop be again.
"""

import time
from collections.abc import Mapping

from portfold.log import Log
from portfold.remedies import settle
from portfold.workers.brokers.ibkr.booking import Booking
from portfold.workers.brokers.ibkr.sending import OrderSender
from portfold.workers.brokers.protocol import BrokerError


class Shortfall:
    """Of the legs of `owner`."""

    def __init__(self, owner: str, sender: OrderSender, log: Log) -> None:
        self._owner = owner
        self._sender = sender
        self._log = log
        self._since: dict[str, float] = {}
        self._known: frozenset[str] = frozenset()
        self._is_fresh = False

    @property
    def is_suspected(self) -> bool:
        """Returns whether the account was last heard to hold less of anything."""
        return bool(self._since)

    def ask(self) -> None:
        """Asks the account anew where that decides something."""
        new = self._since.keys() - self._known
        self._is_fresh = any(self._has_lasted(symbol) for symbol in new)
        if self._is_fresh:
            try:
                self._sender.ask_positions()
            except BrokerError:  # it is asked again
                self._is_fresh = False

    def held(self, booking: Booking) -> Mapping[str, int]:
        """Returns, by symbol, the contracts that the account holds on the side of a leg, where that is less
        than the leg for certain; logs what is new.
        """
        less = self._less(booking)
        now = time.monotonic()
        self._since = {symbol: self._since.get(symbol, now) for symbol in less}
        new = {symbol for symbol in less if self._is_fresh and self._has_lasted(symbol)} - self._known
        self._known = frozenset(symbol for symbol in less if symbol in self._known or symbol in new)
        for symbol in new:
            self._log.critical(
                f"NOT IN THE ACCOUNT: it holds {less[symbol]} of what {self._owner} has of {symbol} in the "
                "book, so no protective stop is of more",
                what_to_do=f"look at the broker; where it was closed there: {self._settled(symbol)}",
            )
        return {symbol: size for symbol, size in less.items() if symbol in self._known}

    def _settled(self, symbol: str) -> str:
        return settle(symbol, self._owner, more="--in-book")

    def _less(self, booking: Booking) -> dict[str, int]:
        less: dict[str, int] = {}
        for leg in booking.entries.legs(self._owner):
            entered = booking.orders.newest_entry(self._owner, leg.symbol)
            if entered is None or booking.open_orders(self._owner, leg.symbol, "exit"):
                continue
            there = self._sender.held.get(entered.con_id, 0) * (1 if leg.side == "long" else -1)
            if there < leg.size:
                less[leg.symbol] = max(0, there)
        return less

    def _has_lasted(self, symbol: str) -> bool:
        return time.monotonic() - self._since[symbol] >= self._sender.waits.shortfall
