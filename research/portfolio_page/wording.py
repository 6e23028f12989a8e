"""Writes figures of research, which are floats, as they are measured, not booked."""

from decimal import Decimal

from portfold.research.report.wording import NOTHING

INFINITE = "∞"
_SMALLEST = 0.001
_THOUSAND, _MANY_THOUSANDS, _MILLION = 1_000, 99_950, 999_500


def money(dollars: float | Decimal | None) -> str:
    """Writes `$-1,235`: whole dollars, the sign behind the dollar as everywhere."""
    return NOTHING if dollars is None else f"${_plain(round(dollars)):,}"


def short_money(dollars: float | Decimal) -> str:
    """Writes `12.3k`, `-410`, `1.2M`: for a narrow cell."""
    size = abs(float(dollars))
    sign = "-" if round(dollars) < 0 else ""
    if size >= _MILLION:
        return f"{sign}{size / 1e6:.1f}M"
    if size >= _MANY_THOUSANDS:
        return f"{sign}{size / 1e3:.0f}k"
    return f"{sign}{size / 1e3:.1f}k" if size >= _THOUSAND else f"{sign}{size:.0f}"


def percent(fraction: float | None, digits: int = 1) -> str:
    """Writes `-12.3%`."""
    return NOTHING if fraction is None else f"{_plain(round(fraction, digits + 2)):.{digits}%}"


def kept_of(kept: float, what: str) -> str:
    """Says how much of `what` is left, as `62% of it is left`; where it lost, that nothing is."""
    if kept <= 0:
        return f"nothing of {what} is left: it lost"
    return f"{percent(kept, 0)} of {what} is left" if kept <= 1 else f"more than all of {what} is left"


def chance(probability: float) -> str:
    """Writes `12.3%`, and `less than 0.1%` for a probability that is as good as none."""
    return percent(probability) if probability >= _SMALLEST else f"less than {percent(_SMALLEST)}"


def ratio(value: float | None) -> str:
    """Writes two decimals."""
    return NOTHING if value is None else f"{_plain(round(value, 2)):.2f}"


def _plain(rounded: float) -> float:
    """Removes the sign of zero."""
    return rounded or 0
