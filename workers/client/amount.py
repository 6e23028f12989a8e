"""Converts prices, dollars and sizes from what strategies use to what the log takes.

Whatever is rounded is rounded here, before a broker is asked: nothing is refused for its digits once filled.
"""

from decimal import Context, Decimal
from operator import index
from typing import SupportsFloat, SupportsIndex

from portfold.events.codec import RefusedField

Amount = Decimal | int | float | str | SupportsFloat
"""A price or dollars, numpy's numbers included. A float is read by its shortest text, so 71.25 means 71.25.

What calculating adds to it behind the tenth decimal, with floats or by a division of Decimals, is rounded
away: 0.1 + 0.2 means 0.3.
"""

_DECIMALS = -10
_FINEST = Decimal((0, (1,), _DECIMALS))


def exact(amount: Amount, field: str) -> Decimal:
    """Returns the amount as a Decimal, see `Amount`. Raises RefusedField, naming the field."""
    try:
        number = amount if isinstance(amount, Decimal) else Decimal(str(amount))
    except ArithmeticError:
        raise RefusedField(f"{field}: expected a number, got {str(amount)[:80]!r}") from None
    if not number.is_finite():
        return number  # the codec says what it expects instead
    _, digits, exponent = number.as_tuple()
    if int(exponent) < _DECIMALS:
        number = number.quantize(_FINEST, context=Context(prec=len(digits) + 1)).normalize()
    elif isinstance(amount, float):
        number = number.normalize(Context(prec=len(digits)))
    return number or Decimal(0)


def whole(size: SupportsIndex) -> int:
    """Returns the number of contracts as a plain int, where it is one of numpy's; what is none is left as it
    is.
    """
    try:
        return size if isinstance(size, int) else index(size)
    except TypeError:
        return size  # type: ignore[return-value]  # the codec says what it expects instead
