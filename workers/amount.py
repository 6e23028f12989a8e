"""Prices and dollars as authors of strategies have them, made exact."""

from decimal import Decimal

from events.codec import RefusedField

Amount = Decimal | int | float | str
"""A price or dollars. A float is read by its shortest text, so 71.25 means 71.25.

What floats add to it in calculating, behind the tenth decimal, is rounded away: 0.1 + 0.2 means 0.3.
"""

_FLOATS_DECIMALS = Decimal("1e-10")


def exact(amount: Amount, field: str) -> Decimal:
    """The amount as a Decimal, see `Amount`. Raises RefusedField, naming the field."""
    try:
        if isinstance(amount, float):
            return Decimal(str(amount)).quantize(_FLOATS_DECIMALS).normalize()
        return amount if isinstance(amount, Decimal) else Decimal(str(amount))
    except ArithmeticError:
        raise RefusedField(f"{field}: expected a number, got {str(amount)[:80]!r}") from None
