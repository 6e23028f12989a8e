"""One event entered in the account of its trading day.

The state is that right after the fold, so that every figure is the coordinator's own; what a close closed is
looked up right before, since afterwards it is gone.
"""

from decimal import Decimal
from typing import NamedTuple

from portfold.coordinator.audit.report.day_account import (
    LINES_KEPT,
    Above,
    Booking,
    ClosedTrade,
    DayAccount,
    EndOfDayPosition,
    EntryFill,
    LimitsChange,
    NarratedLine,
    OperatorOrder,
    OrderKind,
)
from portfold.coordinator.fold.closing.flatten import catches_fill
from portfold.coordinator.fold.limits import Limits, limits_named
from portfold.coordinator.fold.rules.limits.daily_loss import is_near
from portfold.coordinator.fold.state import (
    State,
    daily_pnl,
    earlier,
    leg_of,
    reported_pnl,
    slots_used,
)
from portfold.coordinator.fold.taken import weighed
from portfold.coordinator.store.ledger import Decided
from portfold.coordinator.views.narration import narrate
from portfold.coordinator.views.words.message_words import is_everyday
from portfold.dollars import ZERO
from portfold.events.account import AccountDiffers, AccountSettled, AccountSilent, CashMoved
from portfold.events.calendar import SessionsPublished, WindowsPublished
from portfold.events.codec import Fields
from portfold.events.decisions import (
    Decision,
    EntryAllowed,
    EntryDenied,
    EntryExpired,
    EventRejected,
    LimitBreached,
    LimitReached,
    LooseningWaits,
    PnlDisputed,
    StopLossTriggered,
    TradingDayStarted,
    first,
    refusal,
)
from portfold.events.incoming import (
    EntryRequested,
    Event,
    FlattenRequested,
    LockoutOrdered,
    LossAcknowledged,
    Malformed,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    PositionSettled,
    TradingHalted,
    TradingResumed,
    WorkerRetired,
)
from portfold.events.limits_changed import LimitsChanged
from portfold.events.scope import ScopedOrder

_BY_TRADERS = (EntryRequested, PositionOpened, PositionClosed, PositionMarked, PositionSettled)


class Before(NamedTuple):
    """What an event met: the day's realized P&L, the limits, and what was open, by leg (price, since)."""

    day: str
    realized: Decimal
    limits: Limits | None
    open: dict[str, tuple[Decimal, int]]


def before(state: State, fields: Fields) -> Before:
    """Reads what an event meets, before the fold; copies open positions only where it may reduce them."""
    taken = "PositionClosed" in fields
    held = {key: (one.price, one.opened_ms) for key, one in state.positions.items()} if taken else {}
    return Before(state.day.date, state.day.realized, state.limits, held)


def begin(state: State, ms: int, met: Before) -> DayAccount:
    """Opens the account of the trading day that the event at `ms` began; a day begins at 0 dollars."""
    account = DayAccount(day=state.day.date, first_ms=ms, last_ms=ms, limits=met.limits)
    account.total_curve.add(ms, ZERO)
    account.realized_curve.add(ms, ZERO)
    return account


def enter(account: DayAccount, decided: Decided, state: State, met: Before) -> None:
    """Enters the event and its decisions."""
    ms = decided.at.ms
    account.events += 1
    account.last_ms = ms
    account.ends_ms = state.day.ends_ms
    account.halted = state.halt is not None
    if decided.took_effect:
        _enter_event(account, decided, state, met)
    elif isinstance(decided.event, TradingResumed):
        refused = refusal(decided.decisions)
        _enter_order(account, ms, decided.event, refused=refused.reason if refused is not None else "")
    _enter_change(account, decided, state, met)  # at any event: what was ordered before may count from here
    for decision in decided.decisions:
        _enter_decision(account, ms, decision, state)
    _enter_lines(account, decided, state)
    _enter_figures(account, ms, state)


def close(account: DayAccount, state: State) -> None:
    """Closes the account with what is open; the state is that before the next day began, or the last."""
    counts = state.limits is not None and state.limits.stop_loss_on == "total"
    account.held = [
        EndOfDayPosition(
            symbol=position.symbol,
            side=position.side,
            size=position.size,
            price=position.price,
            worker=position.worker,
            unrealized=position.unrealized if position.mark is not None else None,
            counted=position.unrealized - earlier(state, position) if counts else ZERO,
        )
        for position in state.positions.values()
    ]


# --- events ---------------------------------------------------------------------------------------------


def _enter_event(account: DayAccount, decided: Decided, state: State, met: Before) -> None:
    ms, event = decided.at.ms, decided.event
    if isinstance(event, _BY_TRADERS):
        first_ms, _ = account.active_ms or (ms, ms)
        account.active_ms = first_ms, ms
    if isinstance(event, EntryRequested) and event.strategy:
        account.strategies[event.worker] = event.strategy
    elif isinstance(event, PositionOpened):
        account.entries.append(
            EntryFill(ms, event.symbol, event.side, event.size, event.price, event.worker, daily_pnl(state))
        )
    elif isinstance(event, PositionClosed):
        _enter_close(account, decided, event, state, met)
    elif isinstance(event, PositionSettled):
        booked = _booked(state, met)
        if booked:
            account.bookings.append(
                Booking(ms, event.symbol, event.worker, booked, f"settled by {event.by}: {event.reason}")
            )
    _enter_order(account, ms, event)


def _enter_close(
    account: DayAccount, decided: Decided, event: PositionClosed, state: State, met: Before
) -> None:
    owner, booked = event.holder, _booked(state, met)
    held = met.open.get(leg_of(event))
    if held is None:
        if booked:
            account.bookings.append(
                Booking(decided.at.ms, event.symbol, owner, booked, "closed what was not open")
            )
        return
    disputed = first(PnlDisputed, decided.decisions)
    entry, opened_ms = held
    account.trades.append(
        ClosedTrade(
            ms=decided.at.ms,
            symbol=event.symbol,
            side=event.side,
            size=event.size,
            worker=owner,
            opened_ms=opened_ms,
            entry=entry,
            price=event.price,
            commission=event.commission,
            pnl=disputed.counted if disputed is not None else event.pnl,
            booked=booked,
            reason=event.reason,
            closed_by=event.worker if event.worker != owner else "",
            daily_pnl=daily_pnl(state),
        )
    )


def _booked(state: State, met: Before) -> Decimal:
    """Returns what the event added to the day's realized P&L."""
    return state.day.realized - (met.realized if met.day == state.day.date else ZERO)


def _enter_order(account: DayAccount, ms: int, event: Event | Malformed, refused: str = "") -> None:
    kind: OrderKind
    match event:
        case TradingHalted():
            kind = "halt"
        case TradingResumed():
            kind = "resume by force" if event.force else "resume"
        case FlattenRequested():
            kind = "flatten"
        case LockoutOrdered():
            kind = "lockout"
        case PositionSettled() | AccountSettled():
            kind = "settle"
        case CashMoved():
            kind = "cash"
        case SessionsPublished() | WindowsPublished():
            kind = "calendar"
        case LossAcknowledged():
            kind = "acknowledge"
        case WorkerRetired():
            kind = "retire"
        case _:  # no order, or one that the account has among the changes of its limits
            return
    about = f"{event.scope}: " if isinstance(event, ScopedOrder) and event.scope else ""
    account.orders.append(OperatorOrder(ms, kind, event.by, f"{about}{event.reason}", refused))


def _enter_change(account: DayAccount, decided: Decided, state: State, met: Before) -> None:
    if state.limits is met.limits or state.limits is None:
        return
    if met.limits is None:
        account.limits = state.limits
        return
    old, new = limits_named(met.limits), limits_named(state.limits)
    changes = tuple((name, old[name], value) for name, value in new.items() if old[name] != value)
    if changes:
        event, by = decided.event, state.limits.by
        if isinstance(event, LimitsChanged) and event.second:
            by = f"{by}, second {event.second}"
        account.changes.append(LimitsChange(decided.at.ms, by, state.limits.reason, changes))


# --- decisions ------------------------------------------------------------------------------------------


def _enter_decision(account: DayAccount, ms: int, decision: Decision, state: State) -> None:
    match decision:
        case EntryAllowed(repeats=""):
            account.asked += 1
            account.allowed += 1
            account.asked_by[decision.symbol, decision.worker] += 1
        case EntryDenied(repeats=""):
            account.asked += 1
            account.denied[decision.code] += 1
            account.asked_by[decision.symbol, decision.worker] += 1
            account.denied_by[decision.symbol, decision.worker] += 1
            account.denials.add(ms, decision.code, decision.symbol)
        case EntryExpired():
            account.expired += 1
        case LooseningWaits():
            from_day = f"from {decision.day}: {decision.limits}"
            account.orders.append(OperatorOrder(ms, "limits that wait", decision.by, from_day))
        case StopLossTriggered():
            account.stops += 1
        case LimitReached():
            account.reached[decision.rule] += 1
        case LimitBreached(code="ungranted") if catches_fill(state, decision.symbol, decision.worker):
            account.crossed += 1  # granted, and on its way when the order to flatten took the grant back
        case LimitBreached():
            account.breaches[decision.code] += 1
        case EventRejected():
            account.rejected += 1
        case AccountDiffers():
            account.account_differed[decision.subject] += 1
        case AccountSilent():
            account.account_silences += 1


def _enter_lines(account: DayAccount, decided: Decided, state: State) -> None:
    """Enters the lines of the coordinator's log that are no routine, except that a day began."""
    shown: list[Decision] = [
        decision for decision in decided.decisions if not isinstance(decision, TradingDayStarted)
    ]
    for line in narrate(state, decided._replace(decisions=shown)):
        if is_everyday(line.level):
            continue
        if len(account.lines) < LINES_KEPT:
            account.lines.append(NarratedLine(decided.at.ms, line))
        else:
            account.lines_left_out += 1


# --- figures --------------------------------------------------------------------------------------------


def _enter_figures(account: DayAccount, ms: int, state: State) -> None:
    pnl = daily_pnl(state)
    account.pnl, account.reported, account.realized = pnl, reported_pnl(state), state.day.realized
    account.worst, account.best = min(account.worst, pnl), max(account.best, pnl)
    account.total_curve.add(ms, pnl)
    account.realized_curve.add(ms, account.realized)
    held, slots = len(state.positions), slots_used(state)
    if held > account.most_open or account.most_allowed is None:
        account.most_open = max(account.most_open, held)
        account.most_allowed = state.limits.max_positions if state.limits else None
    account.open_curve.add(ms, held)
    account.slots_curve.add(ms, slots)
    limits = state.limits
    if limits is None:
        return
    account.limit_curve.add(ms, limits.max_positions)
    account.stop_curve.add(ms, state.day.stop_from - limits.daily_stop_loss)
    lost = state.day.stop_from - pnl
    used = lost / limits.daily_stop_loss
    if used > account.used or not account.lost_of:
        account.used, account.lost, account.lost_of = max(ZERO, used), max(ZERO, lost), limits.daily_stop_loss
    account.near = account.near or is_near(lost, limits)
    _enter_above(account, Above("positions", ms, held, limits.max_positions))
    _enter_above(account, Above("contracts", ms, _contracts_held(state, limits), limits.max_contracts))


def _contracts_held(state: State, limits: Limits) -> int | Decimal:
    held = state.positions.values()
    if not limits.contract_weights:
        return sum(one.size for one in held)
    return sum((weighed(limits, one.symbol, one.size) for one in held), ZERO)


def _enter_above(account: DayAccount, found: Above) -> None:
    """Keeps the worst of each kind, the first of equals."""
    if found.held <= found.limit:
        return
    for index, known in enumerate(account.above):
        if known.what == found.what:
            if found.held - found.limit > known.held - known.limit:
                account.above[index] = found
            return
    account.above.append(found)
