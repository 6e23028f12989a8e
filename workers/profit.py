"""The one place where prices become dollars."""

from decimal import ROUND_HALF_EVEN, Decimal

from events.fields import Side

_CENT = Decimal("0.01")


def net_pnl(
    side: Side, entry: Decimal, exit_: Decimal, size: int, point_value: Decimal, commission: Decimal
) -> Decimal:
    """What a position of `size` contracts made between two prices, in dollars and whole cents (half to even).

    `point_value` is what one contract gains in dollars when the price rises by 1; `commission` is in dollars
    for all contracts, of both sides for a closed position, of the entry alone for one marked at `exit_`.
    """
    rise = exit_ - entry
    gain = rise if side == "long" else -rise
    return (gain * size * point_value - commission).quantize(_CENT, ROUND_HALF_EVEN)
