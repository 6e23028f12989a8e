"""Protective stops on paper: kept in the book, and filled by the bars and prices that their owner sees.

Guarantees: a stop that a bar reaches is filled at its own price, or at the bar's open where that is worse
already, whatever the bar does afterwards; for what all is closed of a position its stop is gone with it, in
one transaction. While its owner is dead nobody works it: the next bar that he sees does.
"""

from collections.abc import Mapping
from decimal import Decimal

from portfold.config import Contract
from portfold.workers.brokers.legs_book import Entries
from portfold.workers.brokers.protocol import BrokerPosition
from portfold.workers.brokers.resting.fills import PricePath, stop_fill
from portfold.workers.brokers.resting.protective import StopPlace

STOPS_TABLE = """CREATE TABLE IF NOT EXISTS resting_stops (
    owner TEXT NOT NULL, symbol TEXT NOT NULL, price TEXT NOT NULL, PRIMARY KEY (owner, symbol))"""


class RestingStops:
    """The stops within one transaction of the book: one beside each leg that was entered with one."""

    def __init__(self, entries: Entries, contracts: Mapping[str, Contract]) -> None:
        self._entries = entries
        self._contracts = contracts

    def put(self, leg: BrokerPosition, place: StopPlace) -> None:
        """Has a stop rest beside the leg, in place of the one that was there."""
        price = place.beside(leg, self._contracts[leg.symbol].tick_size)
        self._entries.connection.execute(
            "INSERT OR REPLACE INTO resting_stops (owner, symbol, price) VALUES (?, ?, ?)",
            (leg.owner, leg.symbol, str(price)),
        )

    def forget(self, owner: str, symbol: str) -> None:
        """Takes the stop away: its leg is closed."""
        self._entries.connection.execute(
            "DELETE FROM resting_stops WHERE owner = ? AND symbol = ?", (owner, symbol)
        )

    def symbols(self, owner: str) -> set[str]:
        """Returns in which symbols stops of the owner rest."""
        found = self._entries.connection.execute("SELECT symbol FROM resting_stops WHERE owner = ?", (owner,))
        return {symbol for (symbol,) in found}

    def reached(self, owner: str, symbol: str, path: PricePath) -> tuple[BrokerPosition, Decimal] | None:
        """Returns the owner's leg whose stop the price has reached, and the price that it gets for it."""
        leg = self._entries.leg(owner, symbol)
        found = self._entries.connection.execute(
            "SELECT price FROM resting_stops WHERE owner = ? AND symbol = ?", (owner, symbol)
        ).fetchone()
        if leg is None or found is None:
            return None
        price = stop_fill(leg.side, Decimal(found[0]), path)
        return None if price is None else (leg, price)
