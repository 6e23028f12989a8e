"""What happened, in the lines operators know and grep for.

One event and its decisions give the lines; the state they met is looked at right after the fold, so that
"Open positions: 3/4" is the count at that event, not at the end of the batch.
"""

from typing import Literal, NamedTuple

from portfold.coordinator.fold.state import State, daily_pnl
from portfold.coordinator.store.ledger import Decided
from portfold.dollars import shown, shown_limit
from portfold.events.decisions import (
    Decision,
    EntryAllowed,
    EntryDenied,
    EntryExpired,
    EventRejected,
    FlattenHandedOver,
    FlattenOrdered,
    FlattenOverdue,
    LimitBreached,
    MarkStale,
    PnlDisputed,
    PortfolioFlat,
    PositionAdopted,
    PositionMismatch,
    StopLossApproaching,
    StopLossTriggered,
    TradingDayStarted,
)
from portfold.events.incoming import (
    Event,
    FlattenRequested,
    LimitsChanged,
    LogTailMissing,
    LossAcknowledged,
    Malformed,
    PositionClosed,
    PositionOpened,
    PositionSettled,
    TradingHalted,
    TradingResumed,
    WorkerLost,
    WorkerRetired,
    WorkerStarted,
    WorkerStopped,
)
from portfold.exchange_time import span

Level = Literal["debug", "info", "warning", "error", "critical"]


class Line(NamedTuple):
    """A line for the log."""

    level: Level
    text: str


def narrate(state: State, decided: Decided) -> list[Line]:
    """The lines for one event, given the state right after it."""
    refused = any(isinstance(decision, EventRejected) for decision in decided.decisions)
    told = [] if refused or decided.repeated else told_event(state, decided.event)
    return [*told, *(told_decision(decision) for decision in decided.decisions)]


def told_event(state: State | None, event: Event | Malformed) -> list[Line]:
    """The line for an event that was folded, where it deserves one.

    `state` is that right after it; where it is not known, None, running totals are left out.
    """
    match event:
        case PositionOpened():
            return [
                Line("info", f"Position opened: {event.symbol} | Size: {event.size}{_open_positions(state)}")
            ]
        case PositionClosed():
            return [
                Line(
                    "info",
                    f"Position closed: {event.symbol} | P&L: {shown(event.pnl)}"
                    f"{_daily_pnl(state)}{_open_positions(state)}",
                )
            ]
        case WorkerStarted():
            return [Line("info", f"Worker started: {event.worker} | Symbols: {event.symbols or 'none'}")]
        case WorkerStopped():
            stopped = f"Worker stopped: {event.worker}{_because(event.reason)}"
            return [Line("info", stopped), *_kept(state, event)]
        case WorkerLost():
            return [Line("error", f"Worker lost: {event.worker} | Silent for {span(event.silent_ms)}")]
        case LogTailMissing():
            told = f"{event.worker} saw event {event.saw}, which is gone"
            if state is not None and state.tail_missing is None:
                return [Line("warning", f"The log lost its end, as was acknowledged: {told}")]
            way_out = "Entries are denied. Check what is open, then: portfold acknowledge"
            return [Line("critical", f"THE LOG LOST ITS END: {told} | {way_out}")]
        case LossAcknowledged():
            lost = event.detail or "what is missing"
            return [Line("warning", f"Loss acknowledged by {event.by}: {event.reason} | {lost}")]
        case WorkerRetired():
            return [Line("warning", f"Worker retired by {event.by}: {event.worker} | {event.reason}")]
        case TradingHalted():
            return [Line("warning", f"Trading halted by {event.by}: {event.reason}")]
        case TradingResumed():
            forced = " (the day's stop lifted by force)" if event.force else ""
            return [Line("warning", f"Trading resumed by {event.by}: {event.reason}{forced}")]
        case FlattenRequested():
            return [Line("critical", f"Flatten ordered by {event.by}: {event.reason}")]
        case LimitsChanged():
            return [
                Line(
                    "warning",
                    f"Limits in force: max_positions={event.max_positions}, "
                    f"max_contracts={event.max_contracts}, "
                    f"daily_stop_loss={shown_limit(event.daily_stop_loss)}"
                    f" | By {event.by}: {event.reason}",
                )
            ]
        case PositionSettled():
            return [
                Line(
                    "warning",
                    f"Position settled by {event.by}: {event.symbol} of {event.worker} is {event.side} "
                    f"{event.size} | P&L: {shown(event.pnl)} | {event.reason}",
                )
            ]
    return []


def told_decision(decision: Decision) -> Line:
    """The line for a decision."""
    match decision:
        case EntryAllowed():
            return Line(
                "info",
                f"{decision.symbol} entry allowed: {decision.side} {decision.size} | "
                f"Slots: {decision.slots}/{decision.max_positions}",
            )
        case EntryDenied():
            return Line("info", f"⛔ {decision.symbol} ENTRY BLOCKED BY PORTFOLIO: {decision.reason}")
        case EntryExpired():
            return Line(
                "warning", f"{decision.symbol} entry expired, its slot is free again: {decision.reason}"
            )
        case StopLossApproaching():
            return Line(
                "warning",
                f"Daily loss at {decision.percent} % of the limit | Daily P&L: {shown(decision.daily_pnl)} | "
                f"Limit: {shown_limit(decision.limit)}",
            )
        case StopLossTriggered():
            return Line(
                "critical",
                f"🚨 PORTFOLIO STOP LOSS TRIGGERED 🚨 | Daily P&L: {shown(decision.daily_pnl)} | "
                f"Limit: {shown_limit(decision.limit)} | Open positions: {decision.open_positions}",
            )
        case FlattenOrdered():
            return Line("critical", f"Flatten: {decision.positions or 'nothing open'} | {decision.cause}")
        case FlattenHandedOver():
            return Line("critical", f"Flatten handed over to the flattener: {decision.positions}")
        case FlattenOverdue():
            return Line(
                "critical", f"FLATTEN OVERDUE by {span(decision.late_ms)} | Still open: {decision.positions}"
            )
        case PortfolioFlat():
            return Line("warning", f"Flat after {span(decision.took_ms)} | {decision.cause}")
        case LimitBreached():
            return Line("error", f"LIMIT BREACHED ({decision.code}) by {decision.worker}: {decision.reason}")
        case PositionAdopted():
            return Line(
                "info",
                f"Position adopted: {decision.symbol} {decision.side} {decision.size} by {decision.worker}",
            )
        case PositionMismatch():
            return Line(
                "error",
                f"POSITION MISMATCH ({decision.kind}): {decision.symbol} of {decision.worker}: "
                f"{decision.reason}",
            )
        case PnlDisputed():
            return Line(
                "error",
                f"P&L DISPUTED: {decision.symbol} of {decision.worker} | "
                f"Reported: {shown(decision.reported)} | Computed: {shown(decision.computed)} | "
                f"Counted: {shown(decision.counted)}",
            )
        case MarkStale():
            return Line(
                "warning", f"Mark of {decision.symbol} is {span(decision.age_ms)} old ({decision.worker})"
            )
        case EventRejected():
            return Line("error", f"Event rejected: {decision.reason}")
        case TradingDayStarted():
            return Line(
                "info",
                f"Trading day {decision.day} | {decision.previous_day or 'No day'} before it: "
                f"Daily P&L: {shown(decision.daily_pnl)} | Entries allowed: {decision.entries_allowed}, "
                f"blocked: {decision.entries_blocked} | Stops: {decision.stops}",
            )


def _kept(state: State | None, event: WorkerStopped) -> list[Line]:
    """What nobody knows of who stopped: whether slots that he neither used nor gave back were filled."""
    slots = state.reservations.values() if state is not None else ()
    symbols = sorted({one.symbol for one in slots if one.worker == event.worker and one.kept})
    return [
        Line("warning", f"Its slot stays taken, for it may be filled: {symbol} of {event.worker}")
        for symbol in symbols
    ]


def _because(reason: str) -> str:
    return f" | {reason}" if reason else ""


def _daily_pnl(state: State | None) -> str:
    return f" | Daily P&L: {shown(daily_pnl(state))}" if state is not None else ""


def _open_positions(state: State | None) -> str:
    if state is None:
        return ""
    limit = f"/{state.limits.max_positions}" if state.limits else ""
    return f" | Open positions: {len(state.positions)}{limit}"
