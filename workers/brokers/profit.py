"""What a worker reports as its profit: the coordinator's own formula, less commission.

Using the same formula on both sides is safe: it is checked against prices, not against itself, and a worker
that gets side, price or size wrong is disputed all the same.
"""

from decimal import Decimal

from portfold.dollars import gross_pnl
from portfold.events.fields import Side


def net_pnl(
    side: Side, entry: Decimal, exit_: Decimal, size: int, point_value: Decimal, commission: Decimal
) -> Decimal:
    """Returns what a position of `size` contracts made between two prices, in dollars, net of `commission`.

    `point_value` is what one contract gains in dollars when the price rises by 1; `commission` is in dollars
    for all contracts, of both sides for a closed position, of the entry alone for one marked at `exit_`.
    """
    return gross_pnl(side, entry, exit_, size, point_value) - commission
