"""Operators' orders: halt, flatten, change limits, and settle where log and broker differ."""

from portfold.coordinator.fold.closing import flatten, scoped_orders
from portfold.coordinator.fold.closing.pending import cancel_pending
from portfold.coordinator.fold.closing.unowned import take_unowned
from portfold.coordinator.fold.effects import marks, moments, ordered_limits
from portfold.coordinator.fold.effects.positions import (
    add_to_book,
    book_full,
    no_room,
    resize,
    take_out_of_book,
)
from portfold.coordinator.fold.effects.time_passing import open_first_day
from portfold.coordinator.fold.pace.entered import note_entry
from portfold.coordinator.fold.rules import table
from portfold.coordinator.fold.rules.pace import streaks
from portfold.coordinator.fold.state import (
    CONFIGS_REMEMBERED,
    Halt,
    Position,
    State,
    earlier,
    is_kept,
    leg_of,
)
from portfold.coordinator.fold.windows import publishing
from portfold.coordinator.fold.worker_day import note_realized
from portfold.events.decisions import Decision, EventRejected
from portfold.events.incoming import (
    FlattenRequested,
    PositionOpened,
    PositionSettled,
    TradingHalted,
)
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import StreamId


def halted(state: State, at: StreamId, event: TradingHalted) -> list[Decision]:
    """Denies entries until a resume, however many days pass."""
    if event.scope is not None:
        return scoped_orders.halted(state, at, event, event.scope)
    flattening = state.halt is not None and state.halt.flatten
    state.halt = Halt(by=event.by, reason=event.reason, since=str(at), flatten=flattening)
    return []


def flatten_requested(state: State, at: StreamId, event: FlattenRequested) -> list[Decision]:
    """Halts, takes reserved slots back, and orders every position closed."""
    if event.scope is not None:
        return scoped_orders.flatten_requested(state, at, event, event.scope)
    state.halt = Halt(by=event.by, reason=event.reason, since=str(at), flatten=True)
    pending = cancel_pending(state, at)
    taken = take_unowned(state, at)
    return [*taken, *flatten.order_everything(state, at, f"ordered by {event.by}", pending)]


def limits_changed(state: State, at: StreamId, event: LimitsChanged) -> list[Decision]:
    """Takes the limits. A stop that they make due is triggered at once."""
    loosening = ordered_limits.take(state, at, event)
    if event.config:
        _remember_config(state, event.config)
    opened = open_first_day(state, at)
    windows = publishing.look_anew(state, at)
    waited = [*marks.end_doubts(state, at), *moments.end_waiting(state, at)]
    return [*opened, *loosening, *windows, *waited, *table.watch(state, at)]


def _remember_config(state: State, config: str) -> None:
    """Remembers the configuration as one that was in force; older snapshots know only the last one."""
    others = [each for each in (*state.configs, state.config) if each and each != config]
    state.configs = [*dict.fromkeys(others), config][-CONFIGS_REMEMBERED:]
    state.config = config


def settled(state: State, at: StreamId, event: PositionSettled) -> list[Decision]:
    """Corrects the book to what is really held, books the P&L made unseen, and allows the symbol again."""
    key = leg_of(event)
    held = state.positions.get(key)
    kept = is_kept(state, key)
    if key not in state.unsettled and not kept and _says_the_same(held, event):
        reason = f"PositionSettled: the log says so already, nothing is unsettled about {key}"
        return [EventRejected(reason=reason, rejected="PositionSettled")]
    if event.size > 0 and no_room(state, at, key):
        return [book_full("PositionSettled")]
    state.unsettled.pop(key, None)
    if held is None and event.size > 0:
        note_entry(state, _as_fill(event), state.reservations.get(key))
    if kept:
        del state.reservations[key]
    if held is not None:
        held.made += event.pnl
    note_realized(state, event.worker, event.pnl)
    state.net += event.pnl
    return [*_correct_book(state, at, key, event), *table.watch(state, at)]


def _says_the_same(held: Position | None, event: PositionSettled) -> bool:
    if held is None:
        return event.size == 0
    return (held.size, held.price) == (event.size, event.price)


def _correct_book(state: State, at: StreamId, key: str, event: PositionSettled) -> list[Decision]:
    held = state.positions.get(key)
    if event.size == 0:
        if held is None:
            return []
        note_realized(state, held.worker, -earlier(state, held))
        taken_out = take_out_of_book(state, at, key, by=f"settlement by {event.by} at {at}")
        return [*taken_out, *streaks.trade_ended(state, at, held)]
    if held is None:
        add_to_book(state, at, key, _as_fill(event))
    else:
        resize(state, held, event.size, event.price)
    if not flatten.catches_fill(state, event.symbol, event.worker):
        return []
    return flatten.order(state, at, f"{event.symbol} settled open after the order to flatten", [key])


def _as_fill(event: PositionSettled) -> PositionOpened:
    return PositionOpened(event.worker, "settled", 0, event.symbol, event.side, event.size, event.price)
