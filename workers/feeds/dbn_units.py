"""Prices and times as Databento writes them: whole units of 1e-9, and nanoseconds since 1970."""

from decimal import Decimal

NS_IN_MS = 1_000_000
UNDEFINED_PRICE = 2**63 - 1
UNDEFINED_TIME = 2**64 - 1
_DECIMALS = 9


def exact_price(units: int) -> Decimal:
    """Returns the price of so many units of 1e-9, to the last digit and without trailing zeros."""
    sign, whole = ("-" if units < 0 else ""), f"{abs(units):010d}"
    digits = f"{sign}{whole[:-_DECIMALS]}.{whole[-_DECIMALS:]}"
    return Decimal(digits.rstrip("0").rstrip("."))


def ms_of(nanoseconds: int) -> int:
    """Returns the millisecond in which the moment lies."""
    return nanoseconds // NS_IN_MS


def is_time(nanoseconds: int) -> bool:
    """Returns whether there is a time at all."""
    return 0 < nanoseconds < UNDEFINED_TIME
