"""The words for each kind of event that was folded: a row a kind.

Guarantees: `words_of_event` knows every event there is. mypy refuses a new one that has no row, so whoever
adds one writes its row here, and nowhere else.
"""

from decimal import Decimal
from typing import assert_never

from portfold.config import AlertLevel
from portfold.coordinator.fold.limits import limits_of, rules_shown
from portfold.coordinator.views.words import of_account, of_calendar, of_lockouts, of_trades
from portfold.coordinator.views.words.message_words import AlertWords, Known, MessageWords
from portfold.dollars import shown, shown_limit, shown_price
from portfold.events.account import AccountReported, AccountSettled, CashMoved
from portfold.events.calendar import SessionsPublished, WindowsPublished
from portfold.events.incoming import (
    COORDINATOR,
    ClockTicked,
    CoordinatorStarted,
    EntryRenewed,
    EntryRequested,
    EntryWithdrawn,
    Event,
    FlattenRequested,
    LockoutOrdered,
    LogTailMissing,
    LossAcknowledged,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    PositionSettled,
    StopMoved,
    TradingHalted,
    TradingResumed,
    WorkerLost,
    WorkerRetired,
    WorkerStarted,
    WorkerStopped,
)
from portfold.events.limits_changed import LimitsChanged
from portfold.events.scope import ScopedOrder
from portfold.exchange_time import span
from portfold.remedies import settle

STRATEGY_FAILED = "strategy failed"
"""How the reason of a worker begins that stops since its strategy cannot be gone on with."""
_HOUR_MS = 3_600_000
_WAS_IT_FILLED = "was it filled? Look at the broker; start it again, or: " + settle()


def words_of_event(event: Event, known: Known) -> list[MessageWords]:
    """Returns the row of an event; for a worker that stopped, also one for each slot that it left."""
    row = _row(event, known)
    if not isinstance(event, WorkerStopped):
        return [row]
    return [row, *(_left_a_slot(event.worker, symbol) for symbol in known.slots_left())]


def _row(event: Event, known: Known) -> MessageWords:
    match event:
        case EntryRequested():
            return _requested(event)
        case EntryWithdrawn():
            return _withdrawn(event)
        case EntryRenewed():
            return _renewed(event, known)
        case PositionOpened():
            return of_trades.opened(event, known)
        case PositionClosed():
            return of_trades.closed(event, known)
        case PositionMarked():
            return _marked(event)
        case StopMoved():
            return _stop_moved(event)
        case WorkerStarted():
            return _started(event)
        case WorkerStopped():
            return _stopped(event)
        case LogTailMissing():
            return _tail_missing(event, known)
        case TradingHalted():
            return _halted(event)
        case TradingResumed():
            return _resumed(event)
        case FlattenRequested():
            return _flatten_requested(event)
        case LockoutOrdered():
            return of_lockouts.ordered(event)
        case PositionSettled():
            return _settled(event)
        case AccountReported():
            return of_account.reported(event)
        case AccountSettled():
            return of_account.settled(event)
        case CashMoved():
            return of_account.cash_moved(event)
        case SessionsPublished():
            return of_calendar.sessions_published(event)
        case WindowsPublished():
            return of_calendar.windows_published(event)
        case LossAcknowledged():
            return _acknowledged(event)
        case WorkerRetired():
            return _retired(event)
        case LimitsChanged():
            return _limits_changed(event)
        case CoordinatorStarted():
            return _coordinator_started(event, known)
        case ClockTicked():
            return MessageWords("debug", "Time passed", alert=None)
        case WorkerLost():
            return _lost(event, known)
    assert_never(event)


# --- entries and positions ------------------------------------------------------------------------------


def _requested(event: EntryRequested) -> MessageWords:
    strategy = f" | {event.strategy}" if event.strategy else ""
    asked = f"{event.symbol} entry requested: {event.side} {event.size}{_planned(event)}"
    return MessageWords("debug", f"{asked} by {event.worker}{strategy}", alert=None)


def _planned(event: EntryRequested) -> str:
    """Says what an entry plans to lose, where it does."""
    if event.risk:
        return f", risk {shown(event.risk)}"
    return f", stop {shown_price(Decimal(event.stop_price))}" if event.stop_price else ""


def _withdrawn(event: EntryWithdrawn) -> MessageWords:
    text = f"{event.symbol} entry withdrawn by {event.worker} | {event.reason}"
    return MessageWords("debug", text, alert=None)


def _renewed(event: EntryRenewed, known: Known) -> MessageWords:
    since_ms = known.long_renewed_ms()
    line = (
        f"Granted, never registered: {event.symbol} | {event.worker} has renewed a slot for "
        f"{since_ms / _HOUR_MS:.1f} h | was it filled? Report it, or give the slot back"
    )
    alert = AlertWords("entry_unregistered", "warning", (line,), event.worker, event.symbol)
    text = f"{event.symbol} entry still under way, its slot is kept for {event.worker}"
    return MessageWords("debug", text, alert=alert if since_ms else None)


def _marked(event: PositionMarked) -> MessageWords:
    whose = f" | of {event.owner}, by {event.worker}" if event.owner else ""
    text = f"Position marked: {event.symbol} at {event.price:f} | Open P&L: {shown(event.unrealized)}{whose}"
    return MessageWords("debug", text, alert=None)


def _stop_moved(event: StopMoved) -> MessageWords:
    text = f"Stop moved: {event.symbol} {event.side} to {shown_price(event.stop_price)} | {event.worker}"
    return MessageWords("debug", text, alert=None)


def _settled(event: PositionSettled) -> MessageWords:
    whose = f"Position settled by {event.by}: {event.symbol} of {event.worker} is"
    made = f"P&L: {shown(event.pnl)} | {event.reason}"
    held = f"{event.side} {event.size}"
    line = f"{whose} {held if event.size else 'flat'} | {made}"
    return MessageWords(
        "warning", f"{whose} {held} | {made}", alert=AlertWords("position_settled", "warning", (line,))
    )


# --- workers --------------------------------------------------------------------------------------------


def _started(event: WorkerStarted) -> MessageWords:
    line = f"Worker started: {event.worker} | Symbols: {event.symbols or 'none'}"
    return MessageWords(
        "info", line, alert=AlertWords("worker_started", "info", (line,), "all", event.worker)
    )


def _stopped(event: WorkerStopped) -> MessageWords:
    line = f"Worker stopped: {event.worker}{_because(event.reason)}"
    if event.reason.startswith(STRATEGY_FAILED):  # what it holds has nobody who would leave it
        return MessageWords("critical", line, alert=AlertWords("worker_stopped", "critical", (line,)))
    return MessageWords(
        "info", line, alert=AlertWords("worker_stopped", "info", (line,), "all", event.worker)
    )


def _left_a_slot(worker: str, symbol: str) -> MessageWords:
    """Warns of a slot that its worker neither used nor gave back: it may have been filled."""
    line = (
        f"Granted, never registered: {symbol} | {worker} stopped with its slot, which stays taken | "
        f"{_WAS_IT_FILLED}"
    )
    return MessageWords(
        "warning",
        f"Its slot stays taken, for it may be filled: {symbol} of {worker}",
        alert=AlertWords("entry_unregistered", "warning", (line,), worker, symbol),
    )


def _lost(event: WorkerLost, known: Known) -> MessageWords:
    lines = (
        f"🚨 WORKER LOST: {event.worker}",
        f"Silent for {span(event.silent_ms)}; its symbols get no entries until it is back, or: "
        "portfold retire",
        *(f"Granted, never registered: {symbol} | {_WAS_IT_FILLED}" for symbol in known.slots_left()),
    )
    return MessageWords(
        "error",
        f"Worker lost: {event.worker} | Silent for {span(event.silent_ms)}",
        alert=AlertWords("worker_lost", "critical", lines),
    )


def _retired(event: WorkerRetired) -> MessageWords:
    line = f"Worker retired by {event.by}: {event.worker} | {event.reason}"
    return MessageWords("warning", line, alert=AlertWords("worker_retired", "warning", (line,)))


# --- the log and who leads ------------------------------------------------------------------------------


def _tail_missing(event: LogTailMissing, known: Known) -> MessageWords:
    """Raises no alarm where somebody has already answered for the loss."""
    saw = f"{event.worker} saw event {event.saw}"
    if known.is_answered_for():
        before = f"The log lost its end, as was acknowledged: {saw}"
        return MessageWords(
            "warning", f"{before}, which is gone", alert=AlertWords("loss_acknowledged", "warning", (before,))
        )
    lost = f"THE LOG LOST ITS END: {saw}, which is gone"
    way_out = "Entries are denied. Check what is open, then: portfold acknowledge"
    return MessageWords(
        "critical", f"{lost} | {way_out}", alert=AlertWords("log_lost", "critical", (f"🚨 {lost}", way_out))
    )


def _acknowledged(event: LossAcknowledged) -> MessageWords:
    line = f"Loss of log acknowledged by {event.by}: {event.reason}"
    return MessageWords(
        "warning",
        f"Loss acknowledged by {event.by}: {event.reason} | {event.detail or 'what is missing'}",
        alert=AlertWords("loss_acknowledged", "warning", (line,)),
    )


def _coordinator_started(event: CoordinatorStarted, known: Known) -> MessageWords:
    """Alerts only where another process leads: one that leads again only lost its lease for a moment."""
    before, limits = known.leader(), known.limits()
    verb = "Coordinator started" if event.epoch <= 1 else "Coordinator took over"
    after = f" after {before}" if before else ""
    first = f"{verb}: {event.leader}{after} | epoch {event.epoch}"
    lines = (first, f"Limits in force: {limits}") if limits else (first,)
    return MessageWords(
        "debug",
        f"Coordinator started: {event.leader} | Epoch {event.epoch} | Rules {event.fold}",
        alert=None if event.leader == before else AlertWords("coordinator_started", "warning", lines),
    )


# --- what people order ----------------------------------------------------------------------------------


def _halted(event: TradingHalted) -> MessageWords:
    """Words a halt: an operator knows of his own; the coordinator's means that something is wrong."""
    line = f"Trading halted by {event.by}{_only(event)}: {event.reason}"
    level: AlertLevel = "critical" if event.by == COORDINATOR else "warning"
    return MessageWords("warning", line, alert=AlertWords("halted", level, (line,)))


def _resumed(event: TradingResumed) -> MessageWords:
    forced = " (the day's stop lifted by force)" if event.force else ""
    line = f"Trading resumed by {event.by}{_only(event)}: {event.reason}{forced}"
    return MessageWords("warning", line, alert=AlertWords("resumed", "warning", (line,)))


def _flatten_requested(event: FlattenRequested) -> MessageWords:
    """Has no alert: the FlattenOrdered that follows from it has one."""
    line = f"Flatten ordered by {event.by}{_only(event)}: {event.reason}"
    return MessageWords("critical", line, alert=None)


def _only(event: ScopedOrder) -> str:
    return f", only {event.scope}" if event.scope else ""


def _limits_changed(event: LimitsChanged) -> MessageWords:
    second = f", second {event.second}" if event.second else ""
    line = f"Limits ordered: {limits_words(event)} | by {event.by}{second}: {event.reason}"
    return MessageWords(
        "warning",
        f"Limits ordered: {_bounds(event)} | By {event.by}{second}: {event.reason}",
        alert=AlertWords("limits_changed", "warning", (line,)),
    )


def limits_words(limits: LimitsChanged) -> str:
    """Shows the limits that matter to a trader, in a line."""
    return f"{_bounds(limits)}, symbols={', '.join(limits.symbols.split(' '))}"


def _bounds(limits: LimitsChanged) -> str:
    of_money = "".join(f", {name}={text}" for name, text in rules_shown(limits_of(limits)).items())
    return (
        f"max_positions={limits.max_positions}, max_contracts={limits.max_contracts}, "
        f"daily_stop_loss={shown_limit(limits.daily_stop_loss)}{of_money}"
    )


def _because(reason: str) -> str:
    return f" | {reason}" if reason else ""
