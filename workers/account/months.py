"""Several months of one symbol as the one holding that a report has."""

from collections.abc import Sequence
from decimal import Decimal

from portfold.dollars import ZERO
from portfold.events.legs import Holding
from portfold.workers.account.source import AccountUnreadable

_FINEST_PRICE = Decimal("1E-10")


def as_one(symbol: str, held: Sequence[tuple[int, Decimal]]) -> Holding:
    """Returns the months, each a signed size and its price, at their average price.

    Raises AccountUnreadable where one is long and another short: what is held would seem to be nothing.
    """
    size = sum(each for each, _price in held)
    if any((each > 0) != (size > 0) for each, _price in held):
        raise AccountUnreadable(
            f"The account is long of one month of {symbol} and short of another: a net position does not say "
            "that, so nothing is reported"
        )
    paid = sum((price * each for each, price in held), ZERO)
    try:
        price = (paid / size).quantize(_FINEST_PRICE).normalize()
    except ArithmeticError as error:
        raise AccountUnreadable(f"The account holds {symbol} at a price that is none") from error
    return Holding(symbol, "long" if size > 0 else "short", abs(size), price)
