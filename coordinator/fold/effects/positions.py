"""Facts about positions: filled, closed, marked. One that breaks a limit is folded, with a LimitBreached."""

from decimal import Decimal

from portfold.coordinator.fold.closing import flatten
from portfold.coordinator.fold.effects import marks, moments
from portfold.coordinator.fold.effects.entry import SENTENCE
from portfold.coordinator.fold.effects.stop_moves import budget_breach
from portfold.coordinator.fold.fill_names import remember_fill, reported_before
from portfold.coordinator.fold.money_state import Plan
from portfold.coordinator.fold.pace.entered import note_entry
from portfold.coordinator.fold.rules import table
from portfold.coordinator.fold.rules.budget.loss_budget import beyond
from portfold.coordinator.fold.rules.budget.plans import granted_plan, joined, without
from portfold.coordinator.fold.rules.pace import streaks
from portfold.coordinator.fold.state import (
    CLOSES_REMEMBERED,
    POSITIONS_HELD,
    UNSETTLED_HELD,
    Halt,
    Position,
    State,
    Unsettled,
    earlier,
    has_slot,
    is_kept,
    leg_key,
    leg_of,
    open_symbols,
    slots_used,
)
from portfold.coordinator.fold.taken import contracts_counted
from portfold.coordinator.fold.worker_day import note_realized
from portfold.dollars import CENT, EXACT, ZERO, gross_pnl, plain_count, shown
from portfold.events.account import ACCOUNT
from portfold.events.decisions import Decision, EventRejected, LimitBreached, PnlDisputed, PositionMismatch
from portfold.events.incoming import COORDINATOR, PositionClosed, PositionMarked, PositionOpened
from portfold.events.stream_id import StreamId

_PRICE_DECIMALS = Decimal("1e-10")
_MORE_MAY_BE_HELD = ("close_unmatched", "late_close")  # than the log has: a close of the rest proves nothing


def opened(state: State, at: StreamId, event: PositionOpened) -> list[Decision]:
    """Adds the fill to the book, uses up its reservation, and reports each limit that it broke."""
    reported = reported_before(state, event)
    if reported is not None:
        return [reported]
    key = leg_of(event)
    if no_room(state, at, key):
        return [book_full("PositionOpened")]
    remember_fill(state, at, event)
    shared = any(held.symbol == event.symbol for other, held in state.positions.items() if other != key)
    note_entry(state, event, state.reservations.get(key))
    planned_before, plan = beyond(state, event.worker), granted_plan(state, key, event.size)
    granted = _use_reservation(state, key, event.size)
    add_to_book(state, at, key, event, plan)
    breaches = _breaches(state, event, granted=granted, shared=shared)
    breaches += budget_breach(state, event, planned_before)
    state.stats.limit_breaches += len(breaches)
    ordered: list[Decision] = []
    if flatten.catches_fill(state, event.symbol, event.worker):
        ordered = flatten.order_filled(state, at, key)
    owned = give_to_owner(state, at, event)
    return [*breaches, *ordered, *owned, *table.watch_latched(state, at)]


def give_to_owner(state: State, at: StreamId, fill: PositionOpened) -> list[Decision]:
    """Takes the fill out of what the account alone was seen to hold: by now its owner has reported it.

    None is new there: as long as that is in the book, nobody is granted the symbol. Was it after all, the
    next report shows it.
    """
    key = leg_key(fill.symbol, fill.side, ACCOUNT)
    nobodys = state.positions.get(key)
    if nobodys is None or fill.worker == ACCOUNT:
        return []
    if fill.size >= nobodys.size:
        return take_out_of_book(state, at, key, by=f"{fill.worker}, whose it is, at {at}")
    _shrink(nobodys, fill.size)
    return []


def add_to_book(state: State, at: StreamId, key: str, fill: PositionOpened, plan: Plan | None = None) -> None:
    """Opens the leg `key` or adds to it at the average price; `plan` is what was granted to be lost by it."""
    held = state.positions.get(key)
    if held is None:
        state.positions[key] = Position(
            symbol=fill.symbol,
            side=fill.side,
            size=fill.size,
            price=fill.price,
            worker=fill.worker,
            opened=str(at),
            opened_ms=at.ms,
            marked_ms=at.ms,
            plan=plan,
        )
    else:
        held.plan = joined(held.plan, plan)
        cost = held.price * held.size + fill.price * fill.size
        held.size += fill.size
        held.price = (cost / held.size).quantize(_PRICE_DECIMALS, context=EXACT).normalize(EXACT)
    state.stats.most_positions = max(state.stats.most_positions, len(state.positions))


def resize(state: State, held: Position, size: int, price: Decimal) -> None:
    """Sets a leg to the size that is really held. Its mark shrinks in proportion."""
    gone = held.size - size
    if gone > 0:
        note_realized(state, held.worker, -_share(earlier(state, held), gone, held.size))
        _shrink(held, gone)
    elif gone < 0:
        held.plan = None  # nobody said of what is more where its stop is
    held.size, held.price = size, price


_TOO_MANY = f"more than {POSITIONS_HELD} positions were reported open"


def no_room(state: State, at: StreamId, key: str) -> bool:
    """Returns whether the leg `key` is one too many for the book; halts trading if so."""
    if key in state.positions or len(state.positions) < POSITIONS_HELD:
        return False
    state.halt = state.halt or Halt(by=COORDINATOR, reason=_TOO_MANY, since=str(at))
    return True


def book_full(rejected: str) -> EventRejected:
    """Refuses the event `rejected`, as it found no room."""
    return EventRejected(reason=f"{rejected}: {_TOO_MANY}; trading is halted", rejected=rejected)


def _use_reservation(state: State, key: str, size: int) -> int:
    """Takes the fill out of its reservation; returns how many of its contracts were granted."""
    reservation = state.reservations.get(key)
    if reservation is None:
        return 0
    used = min(size, reservation.size)
    reservation.plan = without(reservation.plan, used, reservation.size)
    reservation.size -= used
    if reservation.size == 0:
        del state.reservations[key]
    return 0 if reservation.revoked else used


def _use_kept(state: State, key: str, unreported: int) -> None:
    """Uses up a kept slot by contracts that were closed without ever having been reported open."""
    if is_kept(state, key):
        _use_reservation(state, key, unreported)


def _breaches(state: State, event: PositionOpened, *, granted: int, shared: bool) -> list[Decision]:
    limits = state.limits
    found: list[tuple[str, str]] = []
    if granted < event.size:
        found.append(("ungranted", f"{event.size} filled where {granted} were granted"))
    if shared:
        found.append(("symbol_in_position", f"{event.symbol} is already in a position"))
    if limits is not None and event.symbol not in limits.symbols:
        found.append(("symbol_not_allowed", f"{event.symbol} is not in the portfolio"))
    if limits is not None and granted < event.size:
        slots, contracts = slots_used(state), contracts_counted(state, limits)
        if slots > limits.max_positions:
            open_now = ", ".join(open_symbols(state))
            found.append(
                ("max_positions", f"{slots} positions, limit {limits.max_positions}. Open: {open_now}")
            )
        if contracts > limits.max_contracts:
            used = plain_count(contracts)
            found.append(("max_contracts", f"{used} contracts, limit {limits.max_contracts}"))
        found += table.broken(state, limits, event)
    return [
        LimitBreached(worker=event.worker, symbol=event.symbol, code=code, reason=reason[:SENTENCE])
        for code, reason in found
    ]


def closed(state: State, at: StreamId, event: PositionClosed) -> list[Decision]:
    """Books the P&L, the lower of reported and computed, and takes the contracts out of the book."""
    reported = reported_before(state, event)
    if reported is not None:
        return [reported]
    remember_fill(state, at, event)
    key = _leg_closed(state, event)
    held = state.positions.get(key)
    if held is None:
        return _closed_unmatched(state, at, key, event)
    disputed = _book_profit(state, held, event)
    mismatch: list[Decision] = []
    if event.size > held.size:
        mismatch.append(_unmatched(state, at, key, event, held.size))
        _use_kept(state, key, event.size - held.size)
    state.stats.total_exits += 1
    state.day.exits += 1
    done: list[Decision] = []
    if event.size >= held.size:
        done = take_out_of_book(state, at, key, by=f"{event.worker} at {at}")
        done += streaks.trade_ended(state, at, held)
    else:
        _shrink(held, event.size)
    return [*disputed, *mismatch, *done, *table.watch(state, at)]


def _leg_closed(state: State, event: PositionClosed) -> str:
    """Returns the leg that is closed: of an entry never reported it is what the account alone showed.

    Only of a close with a broker's name: another may be a second report of an earlier one.
    """
    key, nobodys = leg_of(event), leg_key(event.symbol, event.side, ACCOUNT)
    unreported = event.fill and key not in state.positions
    return nobodys if unreported and nobodys in state.positions else key


def take_out_of_book(state: State, at: StreamId, key: str, by: str) -> list[Decision]:
    """Removes the leg `key`, and ticks it off where it was to be flattened."""
    del state.positions[key]
    if len(state.day.closed) >= CLOSES_REMEMBERED:
        del state.day.closed[next(iter(state.day.closed))]
    state.day.closed[key] = by
    if key in state.unsettled and state.unsettled[key].kind not in _MORE_MAY_BE_HELD:
        del state.unsettled[key]
    return flatten.confirm_closed(state, at, key)


def _book_profit(state: State, held: Position, event: PositionClosed) -> list[Decision]:
    """Adds to the day what counts of the reported P&L, less what an earlier day already counted."""
    size = min(event.size, held.size)
    computed = event.pnl
    point_value = state.limits.point_values.get(event.symbol) if state.limits else None
    if point_value is not None:
        computed = gross_pnl(held.side, held.price, event.price, size, point_value) - event.commission
    counted = min(event.pnl, computed)
    note_realized(state, held.worker, counted - _share(earlier(state, held), size, held.size))
    state.net += counted
    held.made += counted
    if abs(event.pnl - computed) <= CENT:
        return []
    return [_disputed(event, event.pnl, computed, counted)]


def _disputed(
    event: PositionClosed | PositionMarked, reported: Decimal, computed: Decimal, counted: Decimal
) -> PnlDisputed:
    return PnlDisputed(
        worker=event.worker,
        symbol=event.symbol,
        price=event.price,
        reported=reported,
        computed=computed,
        counted=counted,
    )


def _shrink(held: Position, size: int) -> None:
    held.unrealized -= _share(held.unrealized, size, held.size)
    if held.doubt is not None:
        held.doubt.unrealized -= _share(held.doubt.unrealized, size, held.size)
    if held.apart is not None:
        held.apart.unrealized -= _share(held.apart.unrealized, size, held.size)
    held.carried -= _share(held.carried, size, held.size)
    if held.rolled is not None:
        held.rolled -= _share(held.rolled, size, held.size)
    held.plan = without(held.plan, size, held.size)
    held.size -= size


def _share(amount: Decimal, part: int, whole: int) -> Decimal:
    return amount if part == whole else (amount * part / whole).quantize(CENT, context=EXACT)


def _closed_unmatched(state: State, at: StreamId, key: str, event: PositionClosed) -> list[Decision]:
    """Handles a close of nothing. Refuses a second close, once; otherwise counts a loss, but not a gain.

    A close with a broker's name not folded before is another fill and no second close. So is a close of a leg
    whose worker was granted a slot there since, and may have been filled again.
    """
    granted = is_kept(state, key) if state.fold_version < 6 else has_slot(state, event.symbol, event.holder)
    another = state.fold_version >= 4 and (event.fill or granted)
    closed_by = None if another else state.day.closed.pop(key, None)
    if closed_by is not None:
        reason = f"PositionClosed: {key} was already closed by {closed_by}; not counted again"
        return [EventRejected(reason=reason, rejected="PositionClosed")]
    note_realized(state, event.holder, min(event.pnl, ZERO))
    state.net += min(event.pnl, ZERO)
    _use_kept(state, key, event.size)
    return [_unmatched(state, at, key, event, 0), *table.watch(state, at)]


def _unmatched(
    state: State, at: StreamId, key: str, event: PositionClosed, log_size: int
) -> PositionMismatch:
    note_unsettled(state, at, key, event.symbol, event.holder, "close_unmatched")
    return PositionMismatch(
        worker=event.holder,
        symbol=event.symbol,
        side=event.side,
        kind="close_unmatched",
        log_size=log_size,
        broker_size=0,
        reason=f"{event.size} reported closed for {shown(event.pnl)} where the log holds {log_size}",
    )


def note_unsettled(state: State, at: StreamId, key: str, symbol: str, worker: str, kind: str) -> None:
    """Denies entries on the symbol until the difference is settled; too many of them halt trading."""
    if key not in state.unsettled and len(state.unsettled) >= UNSETTLED_HELD:
        reason = f"more than {UNSETTLED_HELD} differences between log and broker"
        state.halt = state.halt or Halt(by=COORDINATOR, reason=reason, since=str(at))
        return
    state.unsettled[key] = Unsettled(symbol, worker, kind, str(at))


def marked(state: State, at: StreamId, event: PositionMarked) -> list[Decision]:
    """Takes the lower of the reported and the computed open P&L into the day.

    Whoever is up marks what it holds itself: what another says of it then is refused.
    """
    held = state.positions.get(leg_of(event))
    if held is None:
        reason = f"PositionMarked: {event.holder} holds no {event.side} {event.symbol} on the log"
        return [EventRejected(reason=reason, rejected="PositionMarked")]
    if event.worker != held.worker and _is_up(state, held.worker):
        reason = f"PositionMarked: {held.worker} is up and marks its {event.symbol} itself"
        return [EventRejected(reason=reason, rejected="PositionMarked")]
    computed, limits = event.unrealized, state.limits
    point_value = limits.point_values.get(event.symbol) if limits is not None else None
    if point_value is not None:
        computed = gross_pnl(held.side, held.price, event.price, held.size, point_value)
    held.marked_ms, held.mark_stale = at.ms, False
    if limits is not None and limits.mark_jumps and not marks.is_believed(limits, at, held, event):
        return marks.doubt(state, at, held, event, min(event.unrealized, computed))
    held.doubt = None
    counted = min(event.unrealized, computed)
    disputed: list[Decision] = []
    if event.unrealized - computed > CENT and not held.mark_disputed:
        held.mark_disputed = True
        disputed.append(_disputed(event, event.unrealized, computed, counted))
    return [*disputed, *moments.take(state, at, held, event, counted)]


def _is_up(state: State, worker: str) -> bool:
    known = state.workers.get(worker)
    return known is not None and known.presence == "up"
