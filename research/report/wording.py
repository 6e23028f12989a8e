"""Writes figures and times for reports, and escapes text for HTML.

Text from a log may have been written by anybody: it goes into a page through `text` and into a chart through
`label`, and through nothing else.
"""

from datetime import date
from decimal import Decimal
from html import escape
from zoneinfo import ZoneInfo

from portfold.dollars import shown, shown_price
from portfold.exchange_time import local_time

NOTHING = "\N{EN DASH}"


def text(words: object) -> str:
    """Escapes text for the page."""
    return escape(str(words))


def label(words: object) -> str:
    """Escapes text for a chart, whose labels read entities but keep quotation marks."""
    return escape(str(words), quote=False)


def clock(ms: int, zone: str, day: str, *, exactly: bool = False) -> str:
    """Writes `14:23:45`; on another date than the trading day's, `Fri 17:00:00`; `exactly` with
    milliseconds."""
    found = local_time(ms, ZoneInfo(zone))
    weekday = "" if found.date().isoformat() == day else f"{found:%a} "
    return f"{weekday}{found:%H:%M:%S}{f'.{ms % 1000:03}' if exactly else ''}"


def wall(ms: int, zone: str) -> str:
    """Writes the exchange's clock as a chart's axis takes it, with milliseconds and without a zone."""
    return local_time(ms, ZoneInfo(zone)).replace(tzinfo=None).isoformat(sep=" ", timespec="milliseconds")


def long_date(day: str) -> str:
    """Writes `Monday 13 January 2025`."""
    found = date.fromisoformat(day)
    return f"{found:%A} {found.day} {found:%B %Y}"


def short_date(day: str) -> str:
    """Writes `Mon 13 Jan`."""
    found = date.fromisoformat(day)
    return f"{found:%a} {found.day} {found:%b}"


def moment(ms: int, zone: str) -> str:
    """Writes `Fri 10 Jan 17:00`."""
    found = local_time(ms, ZoneInfo(zone))
    return f"{found:%a} {found.day} {found:%b %H:%M}"


def dollars(amount: Decimal | None) -> str:
    """Writes `$-2,512.50`, or a dash."""
    return NOTHING if amount is None else shown(amount)


def percent(share: Decimal | None, digits: int = 1) -> str:
    """Writes `22.8%`, or a dash."""
    return NOTHING if share is None else f"{share:.{digits}%}"


def prices(*quotes: Decimal | None) -> list[str]:
    """Writes prices with the same number of decimals, so that they compare easily; a dash for None."""
    texts = [NOTHING if quote is None else shown_price(quote, grouped=True) for quote in quotes]
    decimals = max(len(text.partition(".")[2]) for text in texts)
    return [text if text == NOTHING else _padded(text, decimals) for text in texts]


def _padded(price: str, decimals: int) -> str:
    whole, _, fraction = price.partition(".")
    return f"{whole}.{fraction:0<{decimals}}" if decimals else whole


def counted(count: float, one: str, more: str = "") -> str:
    """Writes `1 stop`, `2 stops`, `no stops`, and `1.4 stops` for a mean."""
    words = one if count == 1 else more or f"{one}s"
    return f"{number(count)} {words}" if count else f"no {words}"


def number(count: float) -> str:
    """Writes `12`, and `12.4` for a mean."""
    return f"{count:,.0f}" if count == round(count) else f"{count:,.1f}"
