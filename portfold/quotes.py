"""A price as people read it, with what stands before it: the one place that says one.

Code written for one process tells no exit price, and sometimes no entry price: on the log stands one that
fits its P&L, or 0. Guarantees: neither is shown to anybody as if it had been paid; a price that was computed
is shown no finer than any contract's tick. Files for machines have what the log has.
"""

from decimal import Decimal

from portfold.dollars import shown_price
from portfold.events.incoming import PRICE_NOT_TOLD

ENTRY_NOT_TOLD = "no entry price told"


def entry_price(price: Decimal, before: str = " @ ", *, grouped: bool = False) -> str:
    """` @ 71.25`, or, where none was told, ` (no entry price told)`."""
    return f"{before}{shown_price(price, grouped=grouped)}" if price else f" ({ENTRY_NOT_TOLD})"


def exit_price(price: Decimal, reason: str, before: str = " @ ", *, grouped: bool = False) -> str:
    """` @ 71.25`, or nothing where the close's `reason` says that none was told, and is to be said itself."""
    return "" if is_made_up(reason) else f"{before}{shown_price(price, grouped=grouped)}"


def is_made_up(reason: str) -> bool:
    """Whether the price of a close with this reason was made up."""
    return reason.startswith(PRICE_NOT_TOLD)
