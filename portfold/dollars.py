"""Dollars: exact arithmetic, the one P&L formula, and how an amount is shown to a person."""

from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow

ZERO = Decimal(0)
CENT = Decimal("0.01")
_PRICE_DECIMALS = 7

# Price, point value and size as the vocabulary bounds them multiply to fewer than 60 digits, so every sum
# and product in the fold is exact; quotients are rounded where they are made.
EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])


def gross_pnl(side: str, entry: Decimal, exit_price: Decimal, size: int, point_value: Decimal) -> Decimal:
    """Returns the dollars that `size` contracts made, before commission, to the cent."""
    move = exit_price - entry if side == "long" else entry - exit_price
    return EXACT.quantize(move * point_value * size, CENT)


def shown(amount: Decimal) -> str:
    """Shows an amount as `$-2,512.50`: with cents, thousands separated, the sign behind the dollar."""
    return f"${amount:,.2f}"


def shown_price(price: Decimal, *, grouped: bool = False) -> str:
    """Shows a price as `71.25`, no finer than any contract's tick; `≈` where that rounds it.

    A finer price was computed: an average, or an exit that a P&L implies. `grouped`: `5,000.25`.
    """
    style = ",f" if grouped else "f"
    if price.as_tuple().exponent >= -_PRICE_DECIMALS:  # type: ignore[operator]  # prices are finite
        return format(price, style)
    rounded = EXACT.quantize(price, Decimal(1).scaleb(-_PRICE_DECIMALS))
    text = format(rounded, style).rstrip("0").rstrip(".")
    return text if rounded == price else f"≈{text}"


def plain_count(count: Decimal) -> str:
    """Shows a count as `1.5`, and `2` for 2.00: contracts by weight have two decimals at most."""
    text = f"{count:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def shown_limit(amount: Decimal) -> str:
    """Shows a limit as `$2,500`, without cents where it has none."""
    return f"${amount:,.0f}" if amount == amount.to_integral_value() else shown(amount)
