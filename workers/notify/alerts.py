"""What is worth an alert: one event with its decisions, as they stand on record, gives alerts in order.

Pure: the same log gives the same alerts. What time brought (a day that is over, a reminder) is told before
the event that was folded after it. Of an event that was refused, or that was folded before, only its
decisions tell.
"""

from typing import NamedTuple

from msgspec.structs import replace

from portfold.bounds import MOST_STOPS_A_WEEK
from portfold.config import AlertLevel
from portfold.coordinator.store.recorded import Recorded
from portfold.events.codec import RefusedField, decode_decided, decode_event
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
    CoordinatorStarted,
    EntryRenewed,
    EntryWithdrawn,
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
    WorkerEvent,
    WorkerLost,
    WorkerRetired,
    WorkerStarted,
    WorkerStopped,
)
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.workers.notify.alert import Alert
from portfold.workers.notify.book import AlertMemory, Trade, Trades, Week, week_of
from portfold.workers.notify.words import day_and_week, wording
from portfold.workers.notify.words.wording import When

_OF_TIME = (TradingDayStarted, FlattenOverdue, MarkStale)
_FACTS = (PositionOpened, PositionClosed, WorkerStarted, WorkerStopped, LogTailMissing)
_COORDINATOR = "coordinator"


class Worded(NamedTuple):
    """The alerts of one event, and the book after it."""

    alerts: tuple[Alert, ...]
    book: AlertMemory


def alerts_of(book: AlertMemory, recorded: Recorded, clock: When) -> Worded:
    """The alerts of the next event on record."""
    event, at = decode_event(recorded.event.fields), recorded.event.id
    telling = _Telling(book, at, clock)
    decisions = _read(recorded, telling)
    for decision in decisions:
        if isinstance(decision, _OF_TIME):
            telling.of_decision(decision, event)
    if not any(isinstance(decision, EventRejected) for decision in decisions):
        telling.of_event(event, decisions)
    for decision in decisions:
        if not isinstance(decision, _OF_TIME):
            telling.of_decision(decision, event)
    return Worded(tuple(telling.alerts), telling.book)


def _read(recorded: Recorded, telling: "_Telling") -> list[Decision]:
    decisions: list[Decision] = []
    for entry in recorded.decisions:
        try:
            decisions.append(decode_decided(entry.fields)[0])
        except RefusedField as refused:  # of a later version of the vocabulary
            telling.unreadable(f"{entry.id}: {refused}")
    return decisions


class _Telling:
    """Collects the alerts of one event. The exchange's clock at it is `when`."""

    def __init__(self, book: AlertMemory, at: StreamId, clock: When) -> None:
        self.book = book
        self.alerts: list[Alert] = []
        self._at = at
        self._ms = at.ms
        self._when = clock(at.ms)

    def unreadable(self, what: str) -> None:
        lines = wording.unreadable(what, self._when)
        self._add(Alert("event_rejected", "warning", self._ms, lines, "unreadable", "decision"))

    # --- events ------------------------------------------------------------------------------------------

    def of_event(self, event: Event | Malformed, decisions: list[Decision]) -> None:
        """What the event itself says, where it counts."""
        if isinstance(event, _FACTS):
            if self.book.is_repeat(event):
                return
            self.book = self.book.with_fact(event)
        if isinstance(event, WorkerEvent):
            self._of_worker(event, decisions)
        else:
            self._of_operator_or_leader(event)

    def _of_worker(self, event: WorkerEvent, decisions: list[Decision]) -> None:
        when, ms = self._when, self._ms
        match event:
            case PositionOpened():
                self.book = self.book.without_slot(event.worker, event.symbol)
                self._add(Alert("trade_opened", "info", ms, wording.opened(event, when)))
            case PositionClosed():
                self._add(Alert("trade_closed", "info", ms, wording.closed(event, when)))
                self._book_trade(event, decisions)
            case WorkerStarted():
                lines = wording.worker_started(event, when)
                self._add(Alert("worker_started", "info", ms, lines, "all", event.worker))
            case WorkerStopped():
                lines = wording.worker_stopped(event, when)
                self._add(Alert("worker_stopped", "info", ms, lines, "all", event.worker))
                for symbol in self.book.slots_of(event.worker):
                    lines = wording.stopped_with_a_slot(event, symbol, when)
                    self._add(Alert("entry_unregistered", "warning", ms, lines, event.worker, symbol))
            case EntryWithdrawn():
                self.book = self.book.without_slot(event.worker, event.symbol)
            case LogTailMissing():
                self._add(self._log_lost(event))
            case EntryRenewed():
                self.book, since_ms = self.book.with_renewal(event.worker, event.symbol, ms)
                if since_ms:
                    lines = wording.unregistered(event, since_ms, when)
                    self._add(Alert("entry_unregistered", "warning", ms, lines, event.worker, event.symbol))

    def _book_trade(self, event: PositionClosed, decisions: list[Decision]) -> None:
        """At what counts of its P&L; a close of nothing is no trade."""
        counted = event.pnl
        for decision in decisions:
            if isinstance(decision, PositionMismatch) and _nothing_was_open(decision):
                return
            if isinstance(decision, PnlDisputed):
                counted = decision.counted
        trades = self.book.trades.with_one(Trade(event.symbol, counted))
        self.book = replace(self.book, trades=trades)

    def _log_lost(self, event: LogTailMissing) -> Alert:
        """What somebody answered for already is no alarm."""
        known = self.book.acknowledged
        if known and StreamId.parse(event.saw) < StreamId.parse(known):
            lines = wording.log_lost_before(event, self._when)
            return Alert("loss_acknowledged", "warning", self._ms, lines)
        return Alert("log_lost", "critical", self._ms, wording.log_lost(event, self._when))

    def _of_operator_or_leader(self, event: Event | Malformed) -> None:
        when, ms = self._when, self._ms
        match event:
            case WorkerLost():
                lines = wording.worker_lost(event, self.book.slots_of(event.worker), when)
                self._add(Alert("worker_lost", "critical", ms, lines))
            case TradingHalted():
                # An operator knows of his own halt; the coordinator's means that something is wrong.
                level: AlertLevel = "critical" if event.by == _COORDINATOR else "warning"
                self._add(Alert("halted", level, ms, wording.halted(event, when)))
            case TradingResumed():
                self._add(Alert("resumed", "warning", ms, wording.resumed(event, when)))
            case LimitsChanged():
                self.book = replace(self.book, limits=wording.limits_words(event))
                self._add(Alert("limits_changed", "warning", ms, wording.limits_changed(event, when)))
            case PositionSettled():
                self._add(Alert("position_settled", "warning", ms, wording.settled(event, when)))
            case WorkerRetired():
                self._add(Alert("worker_retired", "warning", ms, wording.worker_retired(event, when)))
            case LossAcknowledged():
                self.book = replace(self.book, acknowledged=str(self._at))
                self._add(Alert("loss_acknowledged", "warning", ms, wording.acknowledged(event, when)))
            case CoordinatorStarted():
                if event.leader == self.book.leader:
                    return  # the same process leads again, as after a moment without a lease
                lines = wording.coordinator_started(event, self.book.leader, self.book.limits, when)
                self._add(Alert("coordinator_started", "warning", ms, lines))
                self.book = replace(self.book, leader=event.leader)

    # --- decisions ---------------------------------------------------------------------------------------

    def of_decision(self, decision: Decision, event: Event | Malformed) -> None:
        """What was decided on the event, or because time had passed."""
        when, ms = self._when, self._ms
        match decision:
            case EntryAllowed():
                if not decision.repeats:
                    self.book = self.book.with_grant(decision.worker, decision.symbol, ms)
            case EntryDenied():
                self._denied(decision)
            case EntryExpired():
                self.book = self.book.without_slot(decision.worker, decision.symbol)
                lines = wording.expired(decision, when)
                self._add(Alert("entry_expired", "info", ms, lines, decision.reason, decision.symbol))
            case StopLossTriggered():
                self._add(Alert("stop", "critical", ms, wording.stop(decision, when)))
                self._count_stop()
            case StopLossApproaching():
                self._add(Alert("stop_approaching", "warning", ms, wording.stop_approaching(decision, when)))
            case FlattenOrdered():
                order = event if isinstance(event, FlattenRequested) else None
                lines = wording.flatten_ordered(decision, order, when)
                self._add(Alert("flatten_ordered", "critical", ms, lines))
            case FlattenHandedOver():
                self._add(Alert("flatten_handed_over", "warning", ms, wording.handed_over(decision, when)))
            case FlattenOverdue():
                self._add(Alert("flatten_overdue", "critical", ms, wording.overdue(decision, when)))
            case PortfolioFlat():
                self._add(Alert("flat", "critical", ms, wording.flat(decision, when)))
            case TradingDayStarted():
                self._day_over(decision)
            case _:
                self._of_finding(decision)

    def _of_finding(self, decision: Decision) -> None:
        """What should not have happened."""
        when, ms = self._when, self._ms
        match decision:
            case LimitBreached():
                self._add(Alert("limit_breached", "critical", ms, wording.breached(decision, when)))
            case PositionMismatch():
                self._add(Alert("position_mismatch", "critical", ms, wording.mismatch(decision, when)))
            case PositionAdopted():
                lines = wording.adopted(decision, when)
                self._add(Alert("position_adopted", "info", ms, lines, "all", decision.symbol))
            case PnlDisputed():
                lines = wording.disputed(decision, when)
                self._add(Alert("pnl_disputed", "warning", ms, lines, decision.worker, decision.symbol))
            case MarkStale():
                lines = wording.mark_stale(decision, when)
                self._add(Alert("mark_stale", "warning", ms, lines, "all", decision.symbol))
            case EventRejected():
                lines = wording.rejected(decision.reason, when)
                kind = decision.rejected or "no event"
                self._add(Alert("event_rejected", "warning", ms, lines, kind, kind))

    def _denied(self, decision: EntryDenied) -> None:
        if decision.repeats:
            return
        self.book = self.book.with_denial(decision.code)
        lines = wording.denied(decision, self._when)
        self._add(Alert("entry_denied", "info", self._ms, lines, decision.code, decision.symbol))

    # --- the day and the week ----------------------------------------------------------------------------

    def _count_stop(self) -> None:
        self.book = replace(self.book, stops=self.book.stops + 1)
        stops = self.book.week.stops + self.book.stops
        if stops == MOST_STOPS_A_WEEK + 1:  # said at once, and once
            lines = day_and_week.stops_this_week(stops, self._when)
            self._add(Alert("weekly_signs", "warning", self._ms, lines))

    def _day_over(self, started: TradingDayStarted) -> None:
        if not started.previous_day:
            return
        lines = day_and_week.day_summary(started, self.book.trades, self.book.denied)
        self._add(Alert("day_summary", "info", self._ms, lines))
        week = _with_day(self.book.week, started)
        if not _in_one_week(started.previous_day, started.day):
            signs = day_and_week.week_signs(week)
            if signs:
                self._add(Alert("weekly_signs", "warning", self._ms, signs))
            week = Week()
        self.book = replace(self.book, trades=Trades(), denied={}, stops=0, week=week)

    def _add(self, alert: Alert) -> None:
        self.alerts.append(alert)


def _nothing_was_open(found: PositionMismatch) -> bool:
    return found.kind == "close_unmatched" and not found.log_size


def _with_day(week: Week, over: TradingDayStarted) -> Week:
    return Week(
        first=week.first or over.previous_day,
        last=over.previous_day,
        pnl=week.pnl + over.daily_pnl,
        stops=week.stops + over.stops,
        requested=week.requested + over.entries_requested,
        blocked=week.blocked + over.entries_blocked,
    )


def _in_one_week(day: str, next_day: str) -> bool:
    return week_of(day) == week_of(next_day)


def missed_alert(after: StreamId, up_to: StreamId, clock: When) -> Alert:
    """That events are gone before they could be told."""
    since = str(after) if after != ORIGIN else "the beginning"
    return Alert("alerts_missed", "critical", up_to.ms, wording.missed(since, str(up_to), clock(up_to.ms)))
