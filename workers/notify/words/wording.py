"""The words of alerts. Each function gives the lines for one kind; the first line says it all by itself.

Nothing here knows of Discord: who sends a text escapes it. No wording of ours uses a character that would
need it, so what arrives reads as it stands here.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from portfold.coordinator.fold.limits import Limits
from portfold.dollars import shown, shown_limit
from portfold.events.decisions import (
    LATE_REPORTS,
    EntryDenied,
    EntryExpired,
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
)
from portfold.events.incoming import (
    CoordinatorStarted,
    EntryRenewed,
    FlattenRequested,
    LimitsChanged,
    LogTailMissing,
    LossAcknowledged,
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
from portfold.events.legs import parse_legs
from portfold.exchange_time import local_time, span
from portfold.quotes import entry_price, exit_price

Lines = tuple[str, ...]
When = Callable[[int], datetime]
"""The exchange's clock at a millisecond of the log."""


def clock_of(zone: str) -> When:
    """The clock of a time zone."""
    exchange = ZoneInfo(zone)
    return lambda ms: local_time(ms, exchange)


def at_clock(when: datetime) -> str:
    """`14:23:45`."""
    return f"{when:%H:%M:%S}"


def time_line(when: datetime) -> str:
    """`Time: 2025-01-15T14:23:45`."""
    return f"Time: {when:%Y-%m-%dT%H:%M:%S}"


def limits_words(limits: LimitsChanged | Limits) -> str:
    """The limits that matter to a trader, in a line."""
    symbols = limits.symbols.split(" ") if isinstance(limits, LimitsChanged) else limits.symbols
    return (
        f"max_positions={limits.max_positions}, max_contracts={limits.max_contracts}, "
        f"daily_stop_loss={shown_limit(limits.daily_stop_loss)}, symbols={', '.join(symbols)}"
    )


# --- stop and flatten -----------------------------------------------------------------------------------


def stop(decision: StopLossTriggered, when: datetime) -> Lines:
    symbols = sorted({leg.symbol for leg in parse_legs(decision.positions)})
    return (
        "🚨 PORTFOLIO STOP LOSS HIT",
        f"Daily P&L: {shown(decision.daily_pnl)}",
        f"Limit: {shown(-decision.limit)}",
        f"Open positions: {', '.join(symbols) or 'none'}",
        time_line(when),
    )


def stop_approaching(decision: StopLossApproaching, when: datetime) -> Lines:
    return (
        f"⚠️ Daily loss at {decision.percent} % of the limit | Daily P&L: {shown(decision.daily_pnl)} | "
        f"Limit: {shown(-decision.limit)} | {at_clock(when)}",
    )


def flatten_ordered(decision: FlattenOrdered, order: FlattenRequested | None, when: datetime) -> Lines:
    why = f"by {order.by}: {order.reason}" if order else f"| {decision.cause}"
    return (f"🚨 FLATTEN ORDERED {why}", f"To close: {_legs(decision.positions)}", time_line(when))


def handed_over(decision: FlattenHandedOver, when: datetime) -> Lines:
    return (f"Flatten handed over to the flattener: {_legs(decision.positions)} | {at_clock(when)}",)


def overdue(decision: FlattenOverdue, when: datetime) -> Lines:
    return (
        f"🚨 FLATTEN OVERDUE by {span(decision.late_ms)}, reminder {decision.reminder}",
        f"Still open: {_legs(decision.positions)}",
        "Look at the broker; close it there; then: portfold settle",
        time_line(when),
    )


def flat(decision: PortfolioFlat, when: datetime) -> Lines:
    return (
        "✅ FLAT: every position is confirmed closed",
        f"After {span(decision.took_ms)} | {decision.cause}",
        time_line(when),
    )


# --- trades and entries ---------------------------------------------------------------------------------


def opened(event: PositionOpened, when: datetime) -> Lines:
    return (
        f"Opened: {event.symbol} {event.side} {event.size}{entry_price(event.price)} | {event.worker} | "
        f"{at_clock(when)}",
    )


def closed(event: PositionClosed, when: datetime) -> Lines:
    owner = f"{event.worker} for {event.owner}" if event.owner else event.worker
    reason = f" | {event.reason}" if event.reason else ""
    price = exit_price(event.price, event.reason)
    return (
        f"Closed: {event.symbol} {event.side} {event.size}{price} | "
        f"P&L: {shown(event.pnl)}{reason} | {owner} | {at_clock(when)}",
    )


def denied(decision: EntryDenied, when: datetime) -> Lines:
    return (
        f"Entry denied: {decision.symbol} {decision.side} {decision.size} | {decision.code} | "
        f"{decision.reason} | {decision.worker} | {at_clock(when)}",
    )


def expired(decision: EntryExpired, when: datetime) -> Lines:
    return (
        f"Entry expired: {decision.symbol} {decision.side} {decision.size} | {decision.reason} | "
        f"{decision.worker} | {at_clock(when)}",
    )


def stopped_with_a_slot(event: WorkerStopped, symbol: str, when: datetime) -> Lines:
    return (
        f"Granted, never registered: {symbol} | {event.worker} stopped with its slot, which stays taken | "
        f"was it filled? Look at the broker; start it again, or: portfold settle | {at_clock(when)}",
    )


def unregistered(event: EntryRenewed, since_ms: int, when: datetime) -> Lines:
    return (
        f"Granted, never registered: {event.symbol} | {event.worker} has renewed a slot for "
        f"{since_ms / 3_600_000:.1f} h | was it filled? Report it, or give the slot back | {at_clock(when)}",
    )


# --- what should not have happened ----------------------------------------------------------------------


def breached(decision: LimitBreached, when: datetime) -> Lines:
    return (
        f"🚨 LIMIT BREACHED ({decision.code}): {decision.symbol} by {decision.worker}",
        f"Why: {decision.reason}",
        time_line(when),
    )


def mismatch(decision: PositionMismatch, when: datetime) -> Lines:
    unsure = "?" if decision.kind in LATE_REPORTS else ""
    return (
        f"🚨 POSITION MISMATCH ({decision.kind}): {decision.symbol} {decision.side} of {decision.worker}",
        f"Log: {decision.log_size} | Broker: {decision.broker_size}{unsure} | {decision.reason}",
        "Entries on the symbol are denied until: portfold settle",
        time_line(when),
    )


def adopted(decision: PositionAdopted, when: datetime) -> Lines:
    return (
        f"Position adopted: {decision.symbol} {decision.side} {decision.size} by {decision.worker} | "
        f"{at_clock(when)}",
    )


def disputed(decision: PnlDisputed, when: datetime) -> Lines:
    return (
        f"P&L DISPUTED: {decision.symbol} of {decision.worker} | Reported: {shown(decision.reported)} | "
        f"Computed: {shown(decision.computed)} | Counted: {shown(decision.counted)} | {at_clock(when)}",
    )


def mark_stale(decision: MarkStale, when: datetime) -> Lines:
    return (
        f"Mark of {decision.symbol} is {span(decision.age_ms)} old: its open loss may be out of date | "
        f"{decision.worker} | {at_clock(when)}",
    )


def rejected(reason: str, when: datetime) -> Lines:
    return (f"Event rejected: {reason} | {at_clock(when)}",)


def unreadable(what: str, when: datetime) -> Lines:
    return (f"A decision that this notifier cannot read: {what} | {at_clock(when)}",)


def worker_lost(event: WorkerLost, slots: Sequence[str], when: datetime) -> Lines:
    asked = "was it filled? Look at the broker; start it again, or: portfold settle"
    return (
        f"🚨 WORKER LOST: {event.worker}",
        f"Silent for {span(event.silent_ms)}; its symbols get no entries until it is back, or: "
        "portfold retire",
        *(f"Granted, never registered: {symbol} | {asked}" for symbol in slots),
        time_line(when),
    )


def log_lost(event: LogTailMissing, when: datetime) -> Lines:
    return (
        f"🚨 THE LOG LOST ITS END: {event.worker} saw event {event.saw}, which is gone",
        "Entries are denied. Check what is open, then: portfold acknowledge",
        time_line(when),
    )


def log_lost_before(event: LogTailMissing, when: datetime) -> Lines:
    return (
        f"The log lost its end, as was acknowledged: {event.worker} saw event {event.saw} | {at_clock(when)}",
    )


def not_deciding(since: datetime) -> Lines:
    return (
        "🚨 NOBODY COORDINATES: no entry is answered, no stop is noticed",
        "Is a coordinator running? portfold status",
        f"Since: {since:%Y-%m-%dT%H:%M:%S}",
    )


def missed(after: str, up_to: str, when: datetime) -> Lines:
    return (
        f"🚨 ALERTS MISSED: events after {after} up to {up_to} were archived before they were told here",
        "What happened then: portfold audit",
        time_line(when),
    )


def place_lost(at: str, when: datetime) -> Lines:
    return (
        "🚨 ALERTS MISSED, perhaps: somebody overwrote how far alerts had been told here",
        f"They go on after event {at}; what happened before: portfold audit",
        time_line(when),
    )


def refused(count: int, why: str, when: datetime) -> Lines:
    what = "An alert was" if count == 1 else f"{count} alerts were"
    return (
        f"🚨 ALERTS MISSED: {what} refused here and passed over: {why}",
        "What it said: the notifier's log, portfold audit",
        time_line(when),
    )


# --- who and what runs ----------------------------------------------------------------------------------


def halted(event: TradingHalted, when: datetime) -> Lines:
    return (f"Trading halted by {event.by}: {event.reason} | {at_clock(when)}",)


def resumed(event: TradingResumed, when: datetime) -> Lines:
    forced = " (the day's stop lifted by force)" if event.force else ""
    return (f"Trading resumed by {event.by}: {event.reason}{forced} | {at_clock(when)}",)


def limits_changed(event: LimitsChanged, when: datetime) -> Lines:
    return (f"Limits in force: {limits_words(event)} | by {event.by}: {event.reason} | {at_clock(when)}",)


def settled(event: PositionSettled, when: datetime) -> Lines:
    held = f"{event.side} {event.size}" if event.size else "flat"
    return (
        f"Position settled by {event.by}: {event.symbol} of {event.worker} is {held} | "
        f"P&L: {shown(event.pnl)} | {event.reason} | {at_clock(when)}",
    )


def worker_retired(event: WorkerRetired, when: datetime) -> Lines:
    return (f"Worker retired by {event.by}: {event.worker} | {event.reason} | {at_clock(when)}",)


def acknowledged(event: LossAcknowledged, when: datetime) -> Lines:
    return (f"Loss of log acknowledged by {event.by}: {event.reason} | {at_clock(when)}",)


def coordinator_started(event: CoordinatorStarted, before: str, limits: str, when: datetime) -> Lines:
    told = "Coordinator started" if event.epoch <= 1 else "Coordinator took over"
    after = f" after {before}" if before else ""
    first = f"{told}: {event.leader}{after} | epoch {event.epoch} | {at_clock(when)}"
    return (first, f"Limits in force: {limits}") if limits else (first,)


def worker_started(event: WorkerStarted, when: datetime) -> Lines:
    return (f"Worker started: {event.worker} | Symbols: {event.symbols or 'none'} | {at_clock(when)}",)


def worker_stopped(event: WorkerStopped, when: datetime) -> Lines:
    reason = f" | {event.reason}" if event.reason else ""
    return (f"Worker stopped: {event.worker}{reason} | {at_clock(when)}",)


def startup(portfolio: str, wanted: str, limits: str, state: str) -> Lines:
    return (
        f"Alerts of portfolio {portfolio} are told here: {wanted}",
        f"Limits in force: {limits or 'none yet'}{state}",
    )


def _legs(text: str) -> str:
    legs = [f"{leg.symbol} {leg.side} {leg.size} ({leg.worker})" for leg in parse_legs(text)]
    return ", ".join(legs) or "nothing open"
