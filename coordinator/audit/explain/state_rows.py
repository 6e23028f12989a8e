"""The portfolio at a moment of the past, for people: what it held, made and was allowed, in labelled rows.

Shows only what the log knows: nobody recorded who was alive then, or what the server was like.
"""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from portfold.coordinator.audit.record.moment import Exchange, exchange_of
from portfold.coordinator.fold.state import (
    Position,
    Reservation,
    State,
    contracts_used,
    daily_pnl,
    earlier,
    legs_named,
    slots_used,
)
from portfold.dollars import ZERO, shown, shown_limit
from portfold.events.stream_id import StreamId
from portfold.quotes import entry_price

_BAR = 20


class Labelled(NamedTuple):
    """A row: what it is about, and its lines."""

    label: str
    lines: list[str]


def state_rows(state: State) -> list[Labelled]:
    """Returns every row, the day's loss first."""
    exchange = exchange_of(state.limits)
    return [
        Labelled("Trading day", [_day(state, exchange)]),
        Labelled("Daily P&L", _pnl(state)),
        Labelled("Positions", _positions(state, exchange)),
        Labelled("Reserved", _reserved(state, exchange)),
        Labelled("Contracts", [_contracts(state)]),
        Labelled("Stopped out", [_stopped(state)]),
        Labelled("Halted", [_halted(state)]),
        *_seldom(state, exchange),
        Labelled("Limits", _limits(state)),
        Labelled(
            "Workers", [", ".join(f"{name} {one.presence}" for name, one in state.workers.items()) or "none"]
        ),
    ]


def time_text(exchange: Exchange, ms: int) -> str:
    """Shows a moment as `Wed 15 Jan 2025 08:32:07.123`, by the exchange's clock."""
    return f"{exchange.local(ms):%a %d %b %Y %H:%M:%S}.{ms % 1000:03}"


def clock_text(exchange: Exchange, ms: int) -> str:
    """Shows a moment as `08:32:07`, by the exchange's clock."""
    return f"{exchange.local(ms):%H:%M:%S}"


def pnl_parts(state: State) -> str:
    """Shows the daily P&L as a sum: realized, and what each open position adds."""
    parts = [f"realized {shown(state.day.realized)}"]
    if state.limits is None or state.limits.stop_loss_on == "realized":
        return f"{parts[0]}, open positions do not count"
    for held in state.positions.values():
        if held.mark is None:
            parts.append(f"{held.symbol} no mark")
            continue
        before_today = earlier(state, held)
        open_now = held.unrealized - before_today
        before = f" ({shown(before_today)} of it in earlier days)" if before_today else ""
        parts.append(f"{held.symbol} {shown(open_now)}{before}")
    return " + ".join(parts)


def slots_sum(state: State) -> str:
    """Shows the slots as `3 positions open + 1 reserved = 4 of 4`."""
    open_now, used = len(state.positions), slots_used(state)
    limit = state.limits.max_positions if state.limits else 0
    return f"{_count(open_now, 'position')} open + {used - open_now} reserved = {used} of {limit}"


def _day(state: State, exchange: Exchange) -> str:
    if not state.day.date:
        return "none yet"
    ends = exchange.local(state.day.ends_ms)
    weekday = date.fromisoformat(state.day.date)
    return f"{weekday:%a} {state.day.date}, until {ends:%a %H:%M} {exchange.zone}"


def _pnl(state: State) -> list[str]:
    pnl = daily_pnl(state)
    if state.limits is None:
        return [shown(pnl)]
    limit = state.limits.daily_stop_loss
    used = min(Decimal(1), max(ZERO, (state.day.stop_from - pnl) / limit))
    full = int(used * _BAR)
    stop_at = state.day.stop_from - limit
    return [
        f"{shown(pnl)}, stop at {shown(stop_at)}  [{'#' * full}{'.' * (_BAR - full)}] {used:.0%}",
        pnl_parts(state),
    ]


def _positions(state: State, exchange: Exchange) -> list[str]:
    limit = f" of {state.limits.max_positions}" if state.limits else ""
    each = [_position(held, exchange) for held in state.positions.values()]
    return [f"{len(state.positions)}{limit}", *each]


def _position(held: Position, exchange: Exchange) -> str:
    mark = f", marked {held.mark:f} {shown(held.unrealized)}" if held.mark is not None else ", not marked yet"
    stale = " (stale)" if held.mark_stale else ""
    price = entry_price(held.price)
    since = f"since {exchange.local(held.opened_ms):%a %H:%M:%S}"
    return f"{held.symbol} {held.side} {held.size}{price} by {held.worker} {since}{mark}{stale}"


def _reserved(state: State, exchange: Exchange) -> list[str]:
    each = [
        f"{slot.symbol} {slot.side} {slot.size} by {slot.worker} {_lasts(slot, exchange)}"
        for slot in state.reservations.values()
    ]
    return each or ["nothing"]


def _lasts(slot: Reservation, exchange: Exchange) -> str:
    if slot.kept:
        return "kept: it may be filled"
    if slot.revoked:
        return "taken back: a fill may still be reported"
    return f"until {clock_text(exchange, slot.expires_ms)}"


def _contracts(state: State) -> str:
    limit = f" of {state.limits.max_contracts}" if state.limits else ""
    return f"{contracts_used(state)}{limit}"


def _stopped(state: State) -> str:
    stop = state.stop
    return f"yes, at {shown(stop.daily_pnl)} on {stop.day}, by event {stop.since}" if stop else "no"


def _halted(state: State) -> str:
    halt = state.halt
    return f"by {halt.by}: {halt.reason}, since event {halt.since}" if halt else "no"


def _seldom(state: State, exchange: Exchange) -> list[Labelled]:
    """Returns rows that are shown only when set."""
    rows = []
    if state.flatten is not None:
        due = clock_text(exchange, state.flatten.deadline_ms)
        left = legs_named(state, state.flatten.left) or "nothing"
        rows.append(Labelled("Flattening", [f"{left}, due {due}: {state.flatten.cause}"]))
    if state.unsettled:
        lines = [
            f"{found.symbol} of {found.worker}: {found.kind}, event {found.since}"
            for found in state.unsettled.values()
        ]
        rows.append(Labelled("Unsettled", lines))
    if state.tail_missing is not None:
        lost = state.tail_missing
        rows.append(Labelled("Log", [f"lost its end: {lost.worker} saw {lost.saw}, event {lost.since}"]))
    return rows


def _limits(state: State) -> list[str]:
    limits = state.limits
    if limits is None:
        return ["none in force"]
    return [
        f"{limits.max_positions} positions, {limits.max_contracts} contracts, daily stop loss "
        f"{shown_limit(limits.daily_stop_loss)} on {limits.stop_loss_on} P&L",
        f"{', '.join(limits.symbols)}",
        f"by {limits.by}: {limits.reason}",
    ]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def since(state: State, at: StreamId) -> str:
    """Shows when the event `at` was: `Wed 15 Jan 2025 08:32:07.123 (America/Chicago)`."""
    exchange = exchange_of(state.limits)
    return f"{time_text(exchange, at.ms)} ({exchange.zone})"
