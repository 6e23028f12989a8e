"""The words for each kind of decision: a row a kind.

Guarantees: `words_of_decision` knows every decision there is. mypy refuses a new one that has no row, so
whoever adds one writes its row here, and nowhere else.
"""

from typing import assert_never

from portfold.coordinator.views.words import of_account, of_calendar, of_lockouts
from portfold.coordinator.views.words.message_words import AlertWords, MessageWords
from portfold.coordinator.views.words.of_trades import legs_told
from portfold.dollars import shown, shown_limit
from portfold.events.account import (
    AccountAgrees,
    AccountDiffers,
    AccountHeard,
    AccountSilent,
    FlatUnconfirmed,
)
from portfold.events.calendar import WindowClosed, WindowOpened
from portfold.events.decisions import (
    LATE_REPORTS,
    Decision,
    EntryAllowed,
    EntryDenied,
    EntryExpired,
    EventRejected,
    FlattenHandedOver,
    FlattenOrdered,
    FlattenOverdue,
    LimitBreached,
    LimitReached,
    LockoutEnded,
    LooseningEnded,
    LooseningWaits,
    MarkDoubted,
    MarkStale,
    PnlDisputed,
    PortfolioFlat,
    PositionAdopted,
    PositionMismatch,
    StopLossApproaching,
    StopLossTriggered,
    TradingDayStarted,
)
from portfold.events.incoming import Event, FlattenRequested, Malformed
from portfold.events.legs import parse_legs
from portfold.exchange_time import span
from portfold.remedies import settle


def words_of_decision(decision: Decision, cause: Event | Malformed | None = None) -> MessageWords:
    """Returns the row of a decision; `cause` is the event it was made on, where that is at hand."""
    match decision:
        case EntryAllowed():
            return _allowed(decision)
        case EntryDenied():
            return _denied(decision)
        case EntryExpired():
            return _expired(decision)
        case StopLossApproaching():
            return _approaching(decision)
        case StopLossTriggered():
            return _triggered(decision)
        case LimitReached():
            return _limit_reached(decision)
        case FlattenOrdered():
            return _flatten_ordered(decision, cause)
        case FlattenHandedOver():
            return _handed_over(decision)
        case FlattenOverdue():
            return _overdue(decision)
        case PortfolioFlat():
            return _flat(decision)
        case LimitBreached():
            return _breached(decision)
        case PositionAdopted():
            return _adopted(decision)
        case PositionMismatch():
            return _mismatch(decision)
        case PnlDisputed():
            return _disputed(decision)
        case MarkStale():
            return _stale(decision)
        case AccountDiffers():
            return of_account.differs(decision)
        case AccountAgrees():
            return of_account.agrees(decision)
        case AccountSilent():
            return of_account.silent(decision)
        case AccountHeard():
            return of_account.heard(decision)
        case FlatUnconfirmed():
            return of_account.flat_unconfirmed(decision)
        case MarkDoubted():
            return _doubted(decision)
        case WindowOpened():
            return of_calendar.opened(decision)
        case LockoutEnded():
            return of_lockouts.ended(decision)
        case WindowClosed():
            return of_calendar.closed(decision)
        case LooseningWaits():
            return _loosening_waits(decision)
        case LooseningEnded():
            return _loosening_ended(decision)
        case EventRejected():
            return _rejected(decision)
        case TradingDayStarted():
            return of_calendar.day_started(decision)
    assert_never(decision)


# --- entries --------------------------------------------------------------------------------------------


def _allowed(decision: EntryAllowed) -> MessageWords:
    return MessageWords(
        "info",
        f"{decision.symbol} entry allowed: {decision.side} {decision.size} | "
        f"Slots: {decision.slots}/{decision.max_positions} | {decision.worker}",
        alert=None,
    )


def _denied(decision: EntryDenied) -> MessageWords:
    line = (
        f"Entry denied: {decision.symbol} {decision.side} {decision.size} | {decision.code} | "
        f"{decision.reason} | {decision.worker}"
    )
    alert = AlertWords("entry_denied", "info", (line,), decision.code, decision.symbol)
    return MessageWords(
        "info",
        f"⛔ {decision.symbol} ENTRY BLOCKED BY PORTFOLIO: {decision.reason} | {decision.worker}",
        alert=None if decision.repeats else alert,
    )


def _expired(decision: EntryExpired) -> MessageWords:
    line = (
        f"Entry expired: {decision.symbol} {decision.side} {decision.size} | {decision.reason} | "
        f"{decision.worker}"
    )
    return MessageWords(
        "warning",
        f"{decision.symbol} entry expired, its slot is free again: {decision.reason} | {decision.worker}",
        alert=AlertWords("entry_expired", "info", (line,), decision.reason, decision.symbol),
    )


# --- limits ---------------------------------------------------------------------------------------------


def _loosening_waits(decision: LooseningWaits) -> MessageWords:
    line = (
        f"Limits that loosen count from {decision.day}: {decision.limits} | by {decision.by} | at once only "
        "with the name of a second person"
    )
    return MessageWords("warning", line, alert=AlertWords("limits_changed", "warning", (line,)))


def _loosening_ended(decision: LooseningEnded) -> MessageWords:
    how = "count from here on" if decision.counts else "wait no more: a newer order has replaced them"
    line = f"Limits that loosen {how}: {decision.limits} | by {decision.by}"
    return MessageWords("warning", line, alert=AlertWords("limits_changed", "warning", (line,)))


# --- the day's loss -------------------------------------------------------------------------------------


def _approaching(decision: StopLossApproaching) -> MessageWords:
    line = (
        f"⚠️ Daily loss at {decision.percent} % of the limit | Daily P&L: {shown(decision.daily_pnl)} | "
        f"Limit: {shown(-decision.limit)}"
    )
    return MessageWords(
        "warning",
        f"Daily loss at {decision.percent} % of the limit | Daily P&L: {shown(decision.daily_pnl)} | "
        f"Limit: {shown_limit(decision.limit)}",
        alert=AlertWords("stop_approaching", "warning", (line,)),
    )


def _triggered(decision: StopLossTriggered) -> MessageWords:
    symbols = sorted({leg.symbol for leg in parse_legs(decision.positions)})
    lines = (
        "🚨 PORTFOLIO STOP LOSS HIT",
        f"Daily P&L: {shown(decision.daily_pnl)}",
        f"Limit: {shown(-decision.limit)}",
        f"Open positions: {', '.join(symbols) or 'none'}",
    )
    return MessageWords(
        "critical",
        f"🚨 PORTFOLIO STOP LOSS TRIGGERED 🚨 | Daily P&L: {shown(decision.daily_pnl)} | "
        f"Limit: {shown_limit(decision.limit)} | Open positions: {decision.open_positions}",
        alert=AlertWords("stop", "critical", lines),
    )


def _limit_reached(decision: LimitReached) -> MessageWords:
    """Words a limit of money that is reached; one that is only told is no alarm."""
    whose = decision.worker or decision.symbol
    lifts = decision.until or ("then" if decision.until_ms else "a resume")
    until = f"until {lifts}{f' of {whose}' if whose and not decision.until_ms else ''}"
    follows = {
        "tell": "Nothing follows from it",
        "above": f"Larger entries are denied {until}",
        "deny": f"Entries{f' of {whose}' if whose else ''} are denied {until}",
        "flatten": f"{decision.worker or 'Everything'} is closed, and entries are denied {until}",
    }.get(decision.action, "")
    line = f"LIMIT REACHED ({decision.rule}): {decision.reason}"
    pauses_one = bool(whose and decision.until_ms)
    serious = decision.action in ("deny", "flatten") and not pauses_one
    lines = (f"🚨 {line}" if serious else f"⚠️ {line}", follows)
    return MessageWords(
        "critical" if serious else "warning",
        f"{line} | {follows}",
        alert=AlertWords("limit_reached", "critical" if serious else "warning", lines),
    )


# --- flattening -----------------------------------------------------------------------------------------


def _flatten_ordered(decision: FlattenOrdered, cause: Event | Malformed | None) -> MessageWords:
    by_whom = None
    if isinstance(cause, FlattenRequested):
        by_whom = f"by {cause.by}{f', only {cause.scope}' if cause.scope else ''}: {cause.reason}"
    lines = (
        f"🚨 FLATTEN ORDERED {by_whom or f'| {decision.cause}'}",
        f"To close: {legs_told(decision.positions)}",
    )
    return MessageWords(
        "critical",
        f"Flatten: {legs_told(decision.positions)} | {decision.cause}",
        alert=AlertWords("flatten_ordered", "critical", lines),
    )


def _handed_over(decision: FlattenHandedOver) -> MessageWords:
    line = f"Flatten handed over to the flattener: {legs_told(decision.positions)}"
    return MessageWords(
        "critical",
        line,
        alert=AlertWords("flatten_handed_over", "warning", (line,)),
    )


def _overdue(decision: FlattenOverdue) -> MessageWords:
    lines = (
        f"🚨 FLATTEN OVERDUE by {span(decision.late_ms)}, reminder {decision.reminder}",
        f"Still open: {legs_told(decision.positions)}",
        f"Look at the broker; close it there; then: {settle(size='0')}",
    )
    return MessageWords(
        "critical",
        f"FLATTEN OVERDUE by {span(decision.late_ms)} | Still open: {legs_told(decision.positions)}",
        alert=AlertWords("flatten_overdue", "critical", lines),
    )


def _flat(decision: PortfolioFlat) -> MessageWords:
    others = f"; {decision.others} others stay open" if decision.others else ""
    lines = (
        f"✅ FLAT: every position {'that was to be closed ' if others else ''}is confirmed closed{others}",
        f"After {span(decision.took_ms)} | {decision.cause}",
    )
    return MessageWords(
        "warning",
        f"Flat after {span(decision.took_ms)}{others} | {decision.cause}",
        alert=AlertWords("flat", "critical", lines),
    )


# --- what should not have happened ----------------------------------------------------------------------


def _breached(decision: LimitBreached) -> MessageWords:
    lines = (
        f"🚨 LIMIT BREACHED ({decision.code}): {decision.symbol} by {decision.worker}",
        f"Why: {decision.reason}",
    )
    return MessageWords(
        "error",
        f"LIMIT BREACHED ({decision.code}) by {decision.worker}: {decision.reason}",
        alert=AlertWords("limit_breached", "critical", lines),
    )


def _adopted(decision: PositionAdopted) -> MessageWords:
    line = f"Position adopted: {decision.symbol} {decision.side} {decision.size} by {decision.worker}"
    return MessageWords(
        "info", line, alert=AlertWords("position_adopted", "info", (line,), "all", decision.symbol)
    )


def _mismatch(decision: PositionMismatch) -> MessageWords:
    unsure = "?" if decision.kind in LATE_REPORTS else ""
    lines = (
        f"🚨 POSITION MISMATCH ({decision.kind}): {decision.symbol} {decision.side} of {decision.worker}",
        f"Log: {decision.log_size} | Broker: {decision.broker_size}{unsure} | {decision.reason}",
        f"Entries on the symbol are denied until: {settle(decision.symbol, decision.worker)}",
    )
    return MessageWords(
        "error",
        f"POSITION MISMATCH ({decision.kind}): {decision.symbol} of {decision.worker}: {decision.reason}",
        alert=AlertWords("position_mismatch", "critical", lines),
    )


def _disputed(decision: PnlDisputed) -> MessageWords:
    line = (
        f"P&L DISPUTED: {decision.symbol} of {decision.worker} | "
        f"Reported: {shown(decision.reported)} | Computed: {shown(decision.computed)} | "
        f"Counted: {shown(decision.counted)}"
    )
    return MessageWords(
        "error",
        line,
        alert=AlertWords("pnl_disputed", "warning", (line,), decision.worker, decision.symbol),
    )


def _stale(decision: MarkStale) -> MessageWords:
    old = f"Mark of {decision.symbol} is {span(decision.age_ms)} old"
    line = f"{old}: its open loss may be out of date | {decision.worker}"
    return MessageWords(
        "warning",
        f"{old} ({decision.worker})",
        alert=AlertWords("mark_stale", "warning", (line,), "all", decision.symbol),
    )


def _doubted(decision: MarkDoubted) -> MessageWords:
    line = f"Mark of {decision.symbol} jumped from {decision.before:f} to {decision.price:f}"
    follows = f"entries are denied until a second one confirms it, or not | {decision.worker}"
    alert = AlertWords("mark_doubted", "warning", (f"{line}: {follows}",), "all", decision.symbol)
    return MessageWords("warning", f"{line} ({decision.worker})", alert=alert)


def _rejected(decision: EventRejected) -> MessageWords:
    line, kind = f"Event rejected: {decision.reason}", decision.rejected or "no event"
    return MessageWords("error", line, alert=AlertWords("event_rejected", "warning", (line,), kind, kind))
