"""Reads a cell of a file of trades: a time, dollars, a price, a side, a size, a plan.

Files have been through spreadsheets, so times and dollars are also read in the forms that spreadsheets write:
`1/31/2025 2:30 PM`, `$1,234.50`, `($643.75)`. A cell that cannot be read is never guessed. A date that might
be read in two ways is read month first; a date that can only be day first (`31/1/2025`) refuses the whole
file, as its other dates would be read wrongly.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from portfold.bounds import MOST_CONTRACTS
from portfold.dollars import CENT
from portfold.events.fields import Side
from portfold.exchange_time import milliseconds_of

_TIME = re.compile(
    r"(?:(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
    r"|(?P<us_month>\d{1,2})/(?P<us_day>\d{1,2})/(?P<us_year>\d{4}))"
    r"(?:[T ] ?(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,9}))?)?"
    r"(?: ?(?P<half>[AaPp])[Mm])?)?"
    r" ?(?P<offset>Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_DAY_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/\d{4}\b.*", re.ASCII)
_TIME_FORMS = "2025-01-31 14:30:00 or 1/31/2025 2:30 PM (month first)"
_AMOUNT = re.compile(r"-?\$?-?(\d{1,3}(?:,\d{3})+|\d+)(\.\d*)?", re.ASCII)
_AMOUNT_FORMS = "-1234.50, $1,234.50 or ($643.75)"
_MONTHS = 12
_HALF_DAY = 12
_MOST_DOLLARS = Decimal(999_999_999)
_PRICE_DECIMALS = Decimal("1e-10")
_SHOWN = 40


class Unfit(ValueError):
    """A row that cannot be used: `why` is the reason it is counted under, `sample` shows the cell."""

    def __init__(self, why: str, text: str = "", expected: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.sample = f": {text[:_SHOWN]!r}, expected {expected}" if expected else ""


class Refused(ValueError):
    """A cell that shows that the file would be read wrongly; the message says what was expected."""


def moment_in(text: str, what: str, zone: ZoneInfo) -> int:
    """Reads a time as milliseconds since 1970; in an hour that the clocks show twice, the first.

    Raises Unfit for a cell without a time, Refused for a date that can only be day first.
    """
    if not text or text.lower() in ("nan", "nat", "none"):
        raise Unfit(f"no {what}")
    found = _TIME.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        moment = milliseconds_of(_read(found, zone))
    except (ValueError, OverflowError):
        _refuse_day_first(text, what)
        raise Unfit(f"unreadable {what}", text, f"a form such as {_TIME_FORMS}") from None
    if moment < 0:
        raise Unfit(f"{what} before 1970")
    return moment


def _read(found: re.Match[str], zone: ZoneInfo) -> datetime:
    """Reads the matched time. Raises ValueError for one that no calendar or clock has."""
    part = found.groupdict(default="")
    year, month, day = (int(part[name] or part[f"us_{name}"]) for name in ("year", "month", "day"))
    hour = int(part["hour"] or 0)
    if part["half"]:
        if not 1 <= hour <= _HALF_DAY:
            raise ValueError(part["hour"])
        hour = hour % _HALF_DAY + (_HALF_DAY if part["half"] in "Pp" else 0)
    micro = int(part["fraction"].ljust(6, "0")[:6])
    clock = _offset(part["offset"]) if part["offset"] else zone
    minute, second = int(part["minute"] or 0), int(part["second"] or 0)
    return datetime(year, month, day, hour, minute, second, micro, clock)


def _refuse_day_first(text: str, what: str) -> None:
    found = _DAY_FIRST.fullmatch(text)
    if found is not None and int(found[1]) > _MONTHS >= int(found[2]):
        raise Refused(
            f"{what}: expected a form such as {_TIME_FORMS}, got {text[:_SHOWN]!r}, which is day first: "
            "other dates of the file would be read wrongly"
        )


def _offset(text: str) -> timezone:
    if text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))


def number_in(text: str) -> Decimal | None:
    """Reads a finite number, also in the forms in which spreadsheets write dollars; None for any other
    text."""
    inner = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    try:
        if _AMOUNT.fullmatch(inner) and inner.count("-") <= 1 - (inner != text):
            number = Decimal(inner.replace("$", "").replace(",", ""))
            return -number if inner != text else number
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def dollars_in(text: str) -> Decimal:
    """Reads dollars, rounded to the cent. Raises Unfit."""
    amount = number_in(text)
    if amount is None and text.lower().lstrip("+-") in ("", "nan", "none", "null", "inf", "infinity"):
        raise Unfit("no P&L")
    if amount is None:
        raise Unfit("unreadable P&L", text, f"dollars such as {_AMOUNT_FORMS}")
    if abs(amount) > _MOST_DOLLARS:
        raise Unfit("P&L beyond all bounds")
    return amount.quantize(CENT, ROUND_HALF_EVEN)


def price_in(text: str) -> Decimal | None:
    """Reads a price; None for any other text, as a price is only needed together with bars."""
    price = number_in(text)
    if price is None or abs(price) > _MOST_DOLLARS:
        return None
    return Decimal(f"{price.quantize(_PRICE_DECIMALS, ROUND_HALF_EVEN).normalize():f}")


def stop_price_in(text: str) -> Decimal | None:
    """Reads the price of a stop; None for an empty cell. Raises Unfit."""
    if not text:
        return None
    price = price_in(text)
    if price is None:
        raise Unfit("unreadable Stop_Price", text, "a price such as 4990.25, or nothing")
    return price


def risk_in(text: str) -> Decimal | None:
    """Reads the dollars that an entry may lose, up to the next cent; None for an empty cell. Raises Unfit."""
    if not text:
        return None
    amount = number_in(text)
    if amount is None or not 0 < amount <= _MOST_DOLLARS:
        raise Unfit("unreadable Risk", text, "more than 0 dollars, such as 500 or $1,250.00, or nothing")
    return amount.quantize(CENT, ROUND_CEILING)


def side_in(text: str) -> Side | None:
    """Reads the side; None for an empty cell. Raises Unfit."""
    lowered = text.lower()
    if lowered in ("", "long"):
        return "long" if lowered else None
    if lowered == "short":
        return "short"
    raise Unfit("side neither long nor short", text, "long or short")


def size_in(text: str) -> int:
    """Reads the number of contracts; 1 for an empty cell. Raises Unfit."""
    if not text:
        return 1
    size = number_in(text)
    if size is None or size != size.to_integral_value() or not 1 <= size <= MOST_CONTRACTS:
        raise Unfit("size not a whole number of contracts", text, f"1 to {MOST_CONTRACTS:,}")
    return int(size)
