"""The status hash read back as values: positions, reservations, workers, the day's account.

What another version did not write is unknown. What is there and cannot be read was written by somebody else:
BusRefused names the field and what was expected.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import NamedTuple, TypeVar

from portfold.dollars import ZERO
from portfold.events.legs import parse_legs
from portfold.events.stream_id import StreamId
from portfold.events.wire.errors import BusRefused

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_HELD = re.compile(rf"(\S+) (long|short) ([0-9]+) @ (-?{_NUMBER}) by (\S+) \(([+-]{_NUMBER})\)").fullmatch
_RESERVED = re.compile(r"(\S+) (long|short) ([0-9]+) by (\S+)").fullmatch
_PRESENCE = re.compile(r"(\S+) (unannounced|up|lost|stopped|retired)").fullmatch
_NAMED = re.compile(r"(\S+)((?: \S+)*)").fullmatch
_MOMENT = re.compile(r"[0-9]{1,20}").fullmatch

_Value = TypeVar("_Value")


class ShownPosition(NamedTuple):
    """An open position: price of entry, dollars of open profit at the last mark, milliseconds of the log.

    `unmarked`: there was no mark yet, so what it makes is not known.
    """

    symbol: str
    side: str
    size: int
    price: Decimal
    worker: str
    unrealized: Decimal
    opened_ms: int | None
    mark_stale: bool
    unmarked: bool


class Reserved(NamedTuple):
    """A slot reserved for an entry that was allowed, until `until_ms`.

    `kept`: its worker was lost or stopped with it, so it may be filled, and has no end by itself.
    """

    symbol: str
    side: str
    size: int
    worker: str
    until_ms: int | None
    kept: bool = False


class Announced(NamedTuple):
    """A worker as the log knows it: `presence` is unannounced, up, lost, stopped or retired."""

    worker: str
    presence: str
    symbols: tuple[str, ...]


class ShownDay(NamedTuple):
    """The trading day's account in dollars: `stop_from` is the P&L from which the limit counts.

    `limit` is zero where none is in force.
    """

    daily_pnl: Decimal
    realized: Decimal
    limit: Decimal
    stop_from: Decimal

    @property
    def stop_at(self) -> Decimal:
        """The daily P&L at which everything is closed."""
        return self.stop_from - self.limit

    @property
    def used(self) -> Decimal:
        """How much of the way to the stop is gone, from 0 to 1."""
        lost = self.stop_from - self.daily_pnl
        return min(Decimal(1), max(ZERO, lost / self.limit)) if self.limit else ZERO


class Moments(NamedTuple):
    """Times in milliseconds of the log; None for what is not so."""

    stopped: int | None
    day_ends: int | None
    flatten_deadline: int | None


def account_in(fields: Mapping[str, str]) -> ShownDay:
    """The day's account. Raises BusRefused."""
    names = ("daily_pnl", "realized_pnl", "daily_stop_loss", "stop_from")
    return ShownDay(*(_dollars(fields, name) for name in names))


def moments_in(fields: Mapping[str, str]) -> Moments:
    """When things were or will be. Raises BusRefused."""
    stopped_at = fields.get("stopped_at", "")
    try:
        stopped = StreamId.parse(stopped_at).ms if stopped_at else None
    except ValueError as unread:
        raise BusRefused(f"status, stopped_at: {unread}") from None
    day_ends, deadline = (_moments(fields, name)[:1] for name in ("day_ends_ms", "flatten_deadline_ms"))
    return Moments(stopped, day_ends[0] if day_ends else None, deadline[0] if deadline else None)


def held_in(fields: Mapping[str, str]) -> tuple[ShownPosition, ...]:
    """The open positions. Raises BusRefused."""
    stale = _items(fields.get("stale_marks", ""))
    unmarked = _items(fields.get("unmarked", ""))
    opened = _moments(fields, "opened_ms")

    def read(found: re.Match[str], number: int) -> ShownPosition:
        symbol, side, size, price, worker, unrealized = found.groups()
        return ShownPosition(
            symbol=symbol,
            side=side,
            size=int(size),
            price=Decimal(price),
            worker=worker,
            unrealized=Decimal(unrealized),
            opened_ms=opened[number] if number < len(opened) else None,
            mark_stale=symbol in stale,
            unmarked=symbol in unmarked and not Decimal(unrealized),
        )

    return _each(fields, "positions", _HELD, read, "positions such as CL long 1 @ 71.25 by ibs-CL (+12.00)")


def reserved_in(fields: Mapping[str, str]) -> tuple[Reserved, ...]:
    """The slots reserved. Raises BusRefused."""
    until = _moments(fields, "reserved_until_ms")
    kept = {found[:4] for found in _slots_in(fields, "kept")}

    def read(found: re.Match[str], number: int) -> Reserved:
        symbol, side, size, worker = found.groups()
        if (symbol, side, int(size), worker) in kept:
            return Reserved(symbol, side, int(size), worker, None, kept=True)
        return Reserved(symbol, side, int(size), worker, until[number] if number < len(until) else None)

    return _each(fields, "reserved", _RESERVED, read, "reservations such as CL long 1 by ibs-CL")


def taken_back_in(fields: Mapping[str, str]) -> tuple[Reserved, ...]:
    """The slots that a flatten took back, and of which a fill may still be reported. Raises BusRefused."""
    return _slots_in(fields, "taken_back")


def _slots_in(fields: Mapping[str, str], name: str) -> tuple[Reserved, ...]:
    def read(found: re.Match[str], _number: int) -> Reserved:
        symbol, side, size, worker = found.groups()
        return Reserved(symbol, side, int(size), worker, None)

    return _each(fields, name, _RESERVED, read, "slots such as CL long 1 by ibs-CL")


def announced_in(fields: Mapping[str, str]) -> tuple[Announced, ...]:
    """The workers that ever announced themselves, or spoke. Raises BusRefused."""
    named = _each(fields, "worker_symbols", _NAMED, lambda found, _: found.groups(), "workers")
    symbols = {name: tuple(rest.split()) for name, rest in named}

    def read(found: re.Match[str], _number: int) -> Announced:
        return Announced(found[1], found[2], symbols.get(found[1], ()))

    return _each(fields, "workers", _PRESENCE, read, "workers such as ibs-CL up")


def trading_in(fields: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """What each worker has a position or a slot in, whatever it announced. Raises BusRefused."""
    pairs = [(one.worker, one.symbol) for one in held_in(fields)]
    pairs += [(one.worker, one.symbol) for one in reserved_in(fields)]
    symbols: dict[str, set[str]] = {}
    for worker, symbol in pairs:
        symbols.setdefault(worker, set()).add(symbol)
    return {worker: tuple(sorted(names)) for worker, names in symbols.items()}


def flattening_in(fields: Mapping[str, str]) -> tuple[str, ...]:
    """What is still to be closed, as `CL long 1 (ibs-CL)`. Raises BusRefused."""
    try:
        legs = parse_legs(fields.get("flattening", ""))
    except ValueError as unread:
        raise BusRefused(f"status, flattening: {unread}") from None
    return tuple(f"{leg.symbol} {leg.side} {leg.size} ({leg.worker})" for leg in legs)


def _each(
    fields: Mapping[str, str],
    name: str,
    pattern: Callable[[str], re.Match[str] | None],
    read: Callable[[re.Match[str], int], _Value],
    expected: str,
) -> tuple[_Value, ...]:
    values = []
    for number, item in enumerate(_items(fields.get(name, ""))):
        found = pattern(item)
        if found is None:
            raise BusRefused(f"status, {name}: expected {expected}, got {item[:80]!r}")
        values.append(read(found, number))
    return tuple(values)


def _dollars(fields: Mapping[str, str], name: str) -> Decimal:
    text = fields.get(name) or "0"
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise BusRefused(f"status, {name}: expected dollars, got {text[:80]!r}")
    return amount


def _moments(fields: Mapping[str, str], name: str) -> tuple[int, ...]:
    return _each(fields, name, _MOMENT, lambda found, _: int(found[0]), "milliseconds")


def _items(text: str) -> list[str]:
    return text.split(", ") if text else []
