"""Tells of an order that is in no list of the broker's and may have been filled: only a person can settle it.

Guarantees: each is told once, critically and with what to do; one that is there at the next look is no such
thing, as a position may be reported later than its fill.
"""

from collections.abc import Sequence

from portfold.log import Log
from portfold.remedies import filled, not_filled
from portfold.workers.brokers.ibkr.order_records import LiveOrder


class InNoList:
    """What the newest lists lacked, as `look` is told after each of them."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._lacking: frozenset[str] = frozenset()
        self._told: frozenset[str] = frozenset()

    def look(self, lacking: Sequence[LiveOrder]) -> None:
        """Tells of each order that was lacking the last time as well."""
        by_name = {order.reference: order for order in lacking}
        new = (by_name.keys() & self._lacking) - self._told
        for reference in sorted(new):
            self._log.critical(
                "IN NO LIST: Interactive Brokers has no such order any more, and it may have been filled",
                order=str(by_name[reference]),
                what_to_do=_what_to_do(by_name[reference]),
            )
        self._lacking = frozenset(by_name)
        self._told = (self._told | new) & self._lacking


def _what_to_do(order: LiveOrder) -> str:
    where_not = "settle what else differs" if order.does == "stop" else not_filled(order.reference)
    return f"look at the broker; where it was: {filled(order.reference)}; where not: {where_not}"
