"""Shows a price to people, with what stands before it: the one place that does.

Code written for one process reports no exit price, and sometimes no entry price: the log then holds one that
fits its P&L, or 0. Guarantees: neither is shown to anybody as if it had been paid; a price that was computed
is shown no finer than any contract's tick. Files for machines have what the log has.
"""

from decimal import Decimal

from portfold.dollars import shown_price
from portfold.events.incoming import NO_EXIT_PRICE

NO_ENTRY_PRICE = "no entry price told"


def entry_price(price: Decimal, before: str = " @ ", *, grouped: bool = False) -> str:
    """Returns ` @ 71.25`, or ` (no entry price told)` where none was reported."""
    return f"{before}{shown_price(price, grouped=grouped)}" if price else f" ({NO_ENTRY_PRICE})"


def exit_price(price: Decimal, reason: str, before: str = " @ ", *, grouped: bool = False) -> str:
    """Returns ` @ 71.25`; nothing where none was reported: the close's `reason` then says so."""
    return "" if is_made_up(reason) else f"{before}{shown_price(price, grouped=grouped)}"


def is_made_up(reason: str) -> bool:
    """Returns whether the price of a close with this reason was made up."""
    return reason.startswith(NO_EXIT_PRICE)
