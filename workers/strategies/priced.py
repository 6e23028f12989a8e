"""The prices that an entry names, its limit and its stop: what they may be, and where on the grid they are.

Pure. A strategy need not know the tick size: a price off the grid is taken to the next tick, a limit away
from the market, a stop towards the entry: rounding never buys dearer, nor loses more, than was named.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from msgspec.structs import replace

from portfold.dollars import shown_price
from portfold.workers.strategies.intent import Enter

MOST_LIVES_BARS = 1000
"""The longest life of a limit entry, in bars."""
_BEYOND = Decimal(10) ** 9
_DECIMALS = 10
"""As finely as the log has prices: what a division adds behind that is no reason for a tick."""


def unfit_prices(wish: Enter) -> str:
    """Says what was expected of a field of an entry that has a price; nothing where all may be."""
    for field in ("limit", "stop"):
        price: object = getattr(wish, field)
        if price is not None and not _is_price(price):
            return f"its {field} as a finite Decimal of at most 9 digits before the point, or None"
    bars: object = wish.lives_bars
    if not isinstance(bars, int) or isinstance(bars, bool) or not 1 <= bars <= MOST_LIVES_BARS:
        return f"its lives_bars as a whole number of bars from 1 to {MOST_LIVES_BARS}"
    if wish.limit is None and bars != 1:
        return "its lives_bars beside a limit alone, as an entry at the market does not wait"
    return ""


def on_the_grid(wish: Enter, tick_size: Decimal) -> Enter:
    """Returns the same entry with its prices on whole ticks."""
    long = wish.side == "long"
    limit = _to_tick(wish.limit, tick_size, ROUND_FLOOR if long else ROUND_CEILING)
    stop = _to_tick(wish.stop, tick_size, ROUND_CEILING if long else ROUND_FLOOR)
    return replace(wish, limit=limit, stop=stop)


def expected_price(wish: Enter, close: Decimal) -> Decimal:
    """Returns at which price an entry expects to be filled: its limit, else the close of its bar."""
    return close if wish.limit is None else wish.limit


def wrong_side(wish: Enter, price: Decimal) -> str:
    """Says that its stop is on the wrong side of the `price` that it expects to be filled at; nothing where
    it is not.
    """
    stop = wish.stop
    if stop is None or (stop < price if wish.side == "long" else stop > price):
        return ""
    where = "below" if wish.side == "long" else "above"
    what = "limit" if wish.limit is not None else "price"
    return f"stop: expected {where} the {what} {shown_price(price)} of a {wish.side}, got {shown_price(stop)}"


def _is_price(price: object) -> bool:
    return isinstance(price, Decimal) and price.is_finite() and abs(price) < _BEYOND


def _to_tick(price: Decimal | None, tick_size: Decimal, rounding: str) -> Decimal | None:
    if price is None:
        return None
    return (round(price, _DECIMALS) / tick_size).to_integral_value(rounding) * tick_size
