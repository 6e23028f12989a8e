"""What of an event and its decisions is remembered, so that the next alert can be worded. Pure.

A type that is not named here leaves no trace in the memory.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from portfold.coordinator.views.words.of_events import limits_words
from portfold.events.decisions import (
    Decision,
    EntryAllowed,
    EntryDenied,
    EntryExpired,
    LooseningEnded,
    LooseningWaits,
    PnlDisputed,
    PositionMismatch,
    StopLossTriggered,
    TradingDayStarted,
)
from portfold.events.incoming import (
    CoordinatorStarted,
    EntryRenewed,
    EntryWithdrawn,
    Event,
    LossAcknowledged,
    PositionClosed,
    PositionOpened,
)
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import StreamId
from portfold.workers.notify.book import AlertMemory, CountedTrade, Trades, Week, begins_a_week


def after_event(book: AlertMemory, at: StreamId, event: Event, decisions: Sequence[Decision]) -> AlertMemory:
    """Returns the memory after an event that counts."""
    match event:
        case PositionOpened() | EntryWithdrawn():
            return book.without_slot(event.worker, event.symbol)
        case PositionClosed():
            return _with_trade(book, event, decisions)
        case EntryRenewed():
            return book.with_renewal(event.worker, event.symbol, at.ms)
        case LimitsChanged():
            return replace(book, limits=limits_words(event), limits_waiting="")
        case LossAcknowledged():
            return replace(book, acknowledged=str(at))
        case CoordinatorStarted():
            return replace(book, leader=event.leader)
    return book


def after_decision(book: AlertMemory, at: StreamId, decision: Decision) -> AlertMemory:
    """Returns the memory after a decision."""
    match decision:
        case EntryAllowed(repeats=""):
            return book.with_grant(decision.worker, decision.symbol, at.ms)
        case EntryDenied(repeats=""):
            return book.with_denial(decision.code)
        case EntryExpired():
            return book.without_slot(decision.worker, decision.symbol)
        case LooseningWaits():
            return replace(book, limits_waiting=f"from {decision.day}: {decision.limits}")
        case LooseningEnded():
            return replace(book, limits_waiting="")
        case StopLossTriggered():
            return replace(book, stops=book.stops + 1)
        case TradingDayStarted() if decision.previous_day:
            week = Week() if begins_a_week(decision) else book.week.with_day(decision)
            return replace(book, trades=Trades(), denied={}, stops=0, week=week)
    return book


def _with_trade(book: AlertMemory, event: PositionClosed, decisions: Sequence[Decision]) -> AlertMemory:
    """Counts a trade at what counts of its P&L; a close of nothing is no trade."""
    counted = event.pnl
    for decision in decisions:
        if isinstance(decision, PositionMismatch) and _nothing_was_open(decision):
            return book
        if isinstance(decision, PnlDisputed):
            counted = decision.counted
    return replace(book, trades=book.trades.with_one(CountedTrade(event.symbol, counted)))


def _nothing_was_open(found: PositionMismatch) -> bool:
    return found.kind == "close_unmatched" and not found.log_size
