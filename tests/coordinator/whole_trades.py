"""Whole trades for random logs: what their workers say from the request to the close."""

from decimal import Decimal

from msgspec import structs

from portfold.events.incoming import (
    EntryRequested,
    Event,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    WorkerStarted,
)
from portfold.events.message import WorkerEvent


def filled(request: EntryRequested) -> list[Event]:
    """A request and the fill it asked for."""
    return [
        request,
        PositionOpened(*_speaker(request), request.symbol, request.side, request.size, Decimal(100)),
    ]


def traded(request: EntryRequested, price: Decimal, pnl: Decimal) -> list[Event]:
    """All of a trade: asked, filled, marked, closed."""
    leg = (request.symbol, request.side)
    return [
        *filled(request),
        PositionMarked(*_speaker(request), *leg, price, pnl),
        PositionClosed(*_speaker(request), *leg, request.size, price, Decimal(5), pnl),
    ]


def restarted(request: EntryRequested) -> list[Event]:
    """A trade whose worker comes back with its position."""
    holding = f"{request.symbol}:{request.side}:{request.size}:100"
    return [*filled(request), WorkerStarted(*_speaker(request), request.symbol, holding)]


def reported_late(request: EntryRequested, pnl: Decimal, *, opens: bool) -> list[Event]:
    """A trade whose worker comes back as another process; only then a report of the old one arrives."""
    old = structs.replace(request, session="s1")
    asked, filled, back = restarted(old)
    closed = PositionClosed(*_speaker(old), old.symbol, old.side, old.size, Decimal(100), Decimal(5), pnl)
    return [asked, filled, structs.replace(back, session="s2"), filled if opens else closed]


def _speaker(event: WorkerEvent) -> tuple[str, str, int]:
    return event.worker, event.session, event.seq
