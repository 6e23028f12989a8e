"""Makes a view of the state. Pure: the view does not change when the state does."""

from decimal import Decimal

from msgspec.structs import replace

from portfold.coordinator.fold.closing.flatten import catches_new_fills
from portfold.coordinator.fold.rules.budget.at_stop import entry_at_stop, leg_at_stop
from portfold.coordinator.fold.state import (
    Flatten,
    Position,
    Reservation,
    State,
    Stop,
    daily_pnl,
    earlier,
    slots_used,
)
from portfold.coordinator.views.account_view import shown_account
from portfold.coordinator.views.calendar_view import shown_calendar
from portfold.coordinator.views.portfolio_view import (
    Announced,
    PortfolioView,
    ShownDay,
    ShownFlatten,
    ShownPosition,
    ShownStop,
    ShownUnsettled,
    Slot,
)
from portfold.coordinator.views.rule_view import shown_rules
from portfold.dollars import CENT, EXACT
from portfold.events.legs import Leg
from portfold.events.stream_id import StreamId


def portfolio_view(
    state: State, at: StreamId, *, leader: str = "", durability: str = "", clock: str = ""
) -> PortfolioView:
    """Returns the portfolio after the event `at`; `durability` and `clock` are those of its `leader`."""
    slots = state.reservations.values()
    return PortfolioView(
        last_event=str(at),
        epoch=state.epoch,
        fold_version=state.fold_version,
        keys=state.keys,
        leader=leader,
        durability=durability,
        clock=clock,
        day=_day(state),
        limits=state.limits,
        positions=tuple(_position(state, held) for held in state.positions.values()),
        reserved=tuple(_slot(state, slot) for slot in slots if not slot.revoked),
        taken_back=tuple(_slot(state, slot) for slot in slots if slot.revoked),
        slots_used=slots_used(state),
        unsettled=_unsettled(state),
        workers=tuple(Announced(name, one.presence, one.symbols) for name, one in state.workers.items()),
        stop=_stop(state.stop) if state.stop else None,
        halt=replace(state.halt) if state.halt else None,
        flatten=_flatten(state, state.flatten) if state.flatten else None,
        fills_closed_at_once=catches_new_fills(state),
        tail_missing=replace(state.tail_missing) if state.tail_missing else None,
        acknowledged=replace(state.acknowledged) if state.acknowledged else None,
        stats=replace(state.stats),
        account=shown_account(state, state.account) if state.account else None,
        rules=shown_rules(state),
        locks=tuple(replace(lock) for lock in state.locks.values()),
        scopes=tuple(replace(closed) for closed in state.scopes.values()),
        loosening=state.loosening,
        calendar=shown_calendar(state.calendar, at.ms) if state.calendar else None,
        lockout=state.lockout,
    )


def _day(state: State) -> ShownDay:
    day = state.day
    return ShownDay(
        date=day.date,
        ends_ms=day.ends_ms,
        pnl=_cents(daily_pnl(state)),
        realized=_cents(day.realized),
        stop_from=_cents(day.stop_from),
    )


def _position(state: State, held: Position) -> ShownPosition:
    limits = state.limits
    return ShownPosition(
        symbol=held.symbol,
        side=held.side,
        size=held.size,
        price=held.price,
        worker=held.worker,
        unrealized=_cents(held.unrealized),
        opened_ms=held.opened_ms,
        mark=held.mark,
        earlier=_cents(earlier(state, held)),
        mark_stale=held.mark_stale,
        mark_doubted=held.doubt is not None,
        stop_price=held.plan.stop if held.plan is not None else None,
        at_stop=_at_stop(leg_at_stop(limits, held)) if limits is not None and limits.loss_budget else None,
        marked_ms=held.marked_ms if held.mark is not None else 0,
    )


def _slot(state: State, one: Reservation) -> Slot:
    kept, limits = one.kept and not one.revoked, state.limits
    made = entry_at_stop(limits, one, one.plan) if limits is not None and limits.loss_budget else None
    return Slot(one.symbol, one.side, one.size, one.worker, one.expires_ms, kept, _at_stop(made))


def _at_stop(made: Decimal | None) -> Decimal | None:
    return None if made is None else _cents(made)


def _unsettled(state: State) -> tuple[ShownUnsettled, ...]:
    """Lists where log and broker disagree, or may: a slot whose worker was lost may be filled."""
    unsettled = [
        ShownUnsettled(found.symbol, found.worker, found.kind, found.since)
        for found in state.unsettled.values()
    ]
    maybe = [
        ShownUnsettled(one.symbol, one.worker, "maybe_filled")
        for key, one in state.reservations.items()
        if one.kept and key not in state.unsettled
    ]
    return (*unsettled, *maybe)


def _stop(stop: Stop) -> ShownStop:
    return ShownStop(stop.day, _cents(stop.daily_pnl), stop.since)


def _flatten(state: State, episode: Flatten) -> ShownFlatten:
    held = (state.positions[key] for key in sorted(episode.left))
    left = tuple(Leg(one.symbol, one.side, one.size, one.worker) for one in held)
    return ShownFlatten(episode.cause, episode.started_ms, episode.deadline_ms, left)


def _cents(amount: Decimal) -> Decimal:
    """Rounds to the cent by the arithmetic of the fold, which holds any sum of events."""
    return EXACT.quantize(amount, CENT)
