"""Figures and times as a report writes them, and the one place where text becomes HTML.

Whatever comes from a log may have been written by a stranger: it goes through `text` (in the page) or `label`
(in a chart), and through nothing else.
"""

from datetime import date
from decimal import Decimal
from html import escape
from zoneinfo import ZoneInfo

from portfold.dollars import shown, shown_price
from portfold.exchange_time import local_time

NOTHING = "\N{EN DASH}"


def text(words: object) -> str:
    """Words for the page, with nothing left in them that HTML understands."""
    return escape(str(words))


def label(words: object) -> str:
    """The same for a chart, whose labels read entities but no quotation marks."""
    return escape(str(words), quote=False)


def clock(ms: int, zone: str, day: str, *, exactly: bool = False) -> str:
    """`14:23:45`; on another date than the trading day's, `Fri 17:00:00`; `exactly` with milliseconds."""
    found = local_time(ms, ZoneInfo(zone))
    weekday = "" if found.date().isoformat() == day else f"{found:%a} "
    return f"{weekday}{found:%H:%M:%S}{f'.{ms % 1000:03}' if exactly else ''}"


def wall(ms: int, zone: str) -> str:
    """The exchange's clock as a chart's axis takes it, with milliseconds and without a zone."""
    return local_time(ms, ZoneInfo(zone)).replace(tzinfo=None).isoformat(sep=" ", timespec="milliseconds")


def long_date(day: str) -> str:
    """`Monday 13 January 2025`."""
    found = date.fromisoformat(day)
    return f"{found:%A} {found.day} {found:%B %Y}"


def short_date(day: str) -> str:
    """`Mon 13 Jan`."""
    found = date.fromisoformat(day)
    return f"{found:%a} {found.day} {found:%b}"


def moment(ms: int, zone: str) -> str:
    """`Fri 10 Jan 17:00`."""
    found = local_time(ms, ZoneInfo(zone))
    return f"{found:%a} {found.day} {found:%b %H:%M}"


def dollars(amount: Decimal | None) -> str:
    """`$-2,512.50`, or a dash."""
    return NOTHING if amount is None else shown(amount)


def percent(share: Decimal | None, digits: int = 1) -> str:
    """`22.8%`, or a dash."""
    return NOTHING if share is None else f"{share:.{digits}%}"


def prices(*quotes: Decimal | None) -> list[str]:
    """All with as many decimals as the longest has, so that one can compare them; for what is none a dash."""
    texts = [NOTHING if quote is None else shown_price(quote, grouped=True) for quote in quotes]
    decimals = max(len(text.partition(".")[2]) for text in texts)
    return [told if told == NOTHING else _padded(told, decimals) for told in texts]


def _padded(told: str, decimals: int) -> str:
    whole, _, fraction = told.partition(".")
    return f"{whole}.{fraction:0<{decimals}}" if decimals else whole


def counted(count: int, one: str, more: str = "") -> str:
    """`1 stop`, `2 stops`, `no stops`."""
    words = one if count == 1 else more or f"{one}s"
    return f"{count:,} {words}" if count else f"no {words}"
