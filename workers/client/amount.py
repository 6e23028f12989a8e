"""Converts prices, dollars and sizes from what strategies use to what the log takes.

Whatever is rounded is rounded here, before a broker is asked: nothing is refused for its digits once filled.
"""

from decimal import Context, Decimal
from operator import index
from typing import SupportsFloat, SupportsIndex, TypedDict

from msgspec import structs

from portfold.dollars import ZERO
from portfold.events.codec import RefusedField, encode_checked
from portfold.events.fields import Side
from portfold.events.incoming import EntryRequested, unfit_plan

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


class PlannedLoss(TypedDict, total=False):
    """What an entry plans to lose: at `stop_price`, when it is filled at `price` as expected; or `risk`, in
    dollars for all of it, before costs.
    """

    stop_price: Amount
    price: Amount
    risk: Amount


class NamedLoss(TypedDict):
    """The same as a request on the log names it."""

    stop_price: str
    price: str
    risk: Decimal


def planned(side: str, plan: PlannedLoss) -> NamedLoss:
    """Returns what a request names. Raises RefusedField for a plan that is none."""
    numbers = {name: exact(amount, name) for name, amount in plan.items()}  # type: ignore[arg-type]  # typed
    for name, number in numbers.items():
        if not number.is_finite() or (name == "risk" and number <= 0):
            expected = "more than 0 dollars" if name == "risk" else "a price"
            raise RefusedField(f"{name}: expected {expected}, got {number}")
    stop, price = (f"{numbers[name]:f}" if name in numbers else "" for name in ("stop_price", "price"))
    risk = numbers.get("risk", ZERO)
    refused = unfit_plan(side, stop, price, risk)
    if refused:
        raise RefusedField(
            f"{refused}, got {', '.join(f'{name} {number}' for name, number in numbers.items())}"
        )
    return NamedLoss(stop_price=stop, price=price, risk=risk)


def requested(worker: str, symbol: str, side: Side, size: int, plan: PlannedLoss) -> EntryRequested:
    """Returns a request that is only thought of, by the worker's session of now. Raises RefusedField."""
    request = EntryRequested(worker, "none", 0, symbol, side, size, **planned(side, plan))
    encode_checked(request)
    return structs.replace(request, session="")
