"""The one line that tells a trade: in the log, an alert, an answer to why, a worker's own log.

`Opened: ES long 1 @ 5990.00 | ibs-ES`, and `Closed: ES long 1 @ 5995.00 | P&L: $245.00 | ibs | ibs-ES`. Who
adds to it, such as the day's P&L, adds behind it.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Protocol

from portfold.coordinator.views.words.message_words import AlertWords, Known, MessageWords
from portfold.dollars import shown
from portfold.events.incoming import PositionClosed, PositionOpened
from portfold.events.legs import Leg, parse_legs
from portfold.quotes import entry_price, exit_price


class Opening(Protocol):
    """What there is to tell of a fill that opens."""

    @property
    def symbol(self) -> str: ...
    @property
    def side(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def price(self) -> Decimal: ...
    @property
    def worker(self) -> str: ...


class Closing(Opening, Protocol):
    """What there is to tell of a fill that closes."""

    @property
    def pnl(self) -> Decimal: ...
    @property
    def reason(self) -> str: ...


def opened_line(fill: Opening) -> str:
    """Tells a fill that opens, or adds to, a position."""
    return f"Opened: {fill.symbol} {fill.side} {fill.size}{entry_price(fill.price)} | {fill.worker}"


def closed_line(fill: Closing, for_owner: str = "") -> str:
    """Tells a fill that closes a position, or a part of it; whose it was, where another closed it."""
    worker = f"{fill.worker} for {for_owner}" if for_owner else fill.worker
    because = f" | {fill.reason}" if fill.reason else ""
    leg = f"{fill.symbol} {fill.side} {fill.size}{exit_price(fill.price, fill.reason)}"
    return f"Closed: {leg} | P&L: {shown(fill.pnl)}{because} | {worker}"


def legs_told(text: str) -> str:
    """Tells the legs of a decision as all lists are told: `CL long 1 (ibs-CL), ES short 2 (ibs-ES)`."""
    return legs_listed(parse_legs(text)) or "nothing open"


def legs_listed(legs: Iterable[Leg]) -> str:
    """Tells legs, likewise; empty for none."""
    return ", ".join(f"{leg.symbol} {leg.side} {leg.size} ({leg.worker})" for leg in legs)


def opened(event: PositionOpened, known: Known) -> MessageWords:
    """Returns the row of a fill that opens."""
    line = opened_line(event)
    alert = AlertWords("trade_opened", "info", (line,))
    return MessageWords("info", f"{line}{known.open_positions()}", alert=alert)


def closed(event: PositionClosed, known: Known) -> MessageWords:
    """Returns the row of a fill that closes."""
    line = closed_line(event, event.owner)
    alert = AlertWords("trade_closed", "info", (line,))
    return MessageWords("info", f"{line}{known.daily_pnl()}{known.open_positions()}", alert=alert)
