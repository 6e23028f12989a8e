"""Which amounts a view takes: the status may hold any number that somebody wrote there by hand."""

from decimal import Decimal

_MOST_DIGITS = 100  # far more than any sum of the fold


def refuse_no_amount(*amounts: Decimal) -> None:
    """Raises ValueError for an amount beyond any sum of dollars that arithmetic here can hold."""
    for amount in amounts:
        if not amount.is_finite() or abs(amount.adjusted()) > _MOST_DIGITS:
            raise ValueError(f"expected an amount in dollars, got {str(amount)[:40]}")
