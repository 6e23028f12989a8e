"""What happened next: which trackers begin with an event and its decisions."""

from collections.abc import Sequence

from portfold.coordinator.audit.explain.trackers import (
    OF_EPISODE,
    DeniedTracker,
    EpisodeTracker,
    HaltTracker,
    LegTracker,
    LockoutTracker,
    NextTracker,
    StopTracker,
    Tracker,
    UnsettledTracker,
)
from portfold.coordinator.fold.state import State, leg_key
from portfold.events.decisions import (
    Decision,
    EntryAllowed,
    EntryDenied,
    EntryExpired,
    MarkStale,
    PositionMismatch,
    StopLossTriggered,
    refusal,
)
from portfold.events.incoming import (
    EntryRequested,
    Event,
    FlattenRequested,
    LockoutOrdered,
    LogTailMissing,
    LossAcknowledged,
    Malformed,
    PositionMarked,
    PositionOpened,
    TradingHalted,
    WorkerLost,
    WorkerRetired,
    WorkerStarted,
    WorkerStopped,
)
from portfold.events.limits_changed import LimitsChanged


def trackers_of(event: Event | Malformed, decisions: Sequence[Decision], after: State) -> list[Tracker]:
    """Returns the trackers that begin with an event and its decisions, given the state it led to."""
    trackers = [tracker for decision in decisions for tracker in _of_decision(decision, event)]
    if refusal(decisions) is None:
        trackers += _of_event(event)
    for name in dict.fromkeys(decision.episode for decision in decisions if isinstance(decision, OF_EPISODE)):
        trackers.append(EpisodeTracker(name, after))
    return [tracker for tracker in trackers if not tracker.done]


def _of_decision(decision: Decision, event: Event | Malformed) -> list[Tracker]:
    match decision:
        case EntryAllowed():
            return [LegTracker(decision.symbol, decision.side, decision.worker)]
        case EntryDenied() if isinstance(event, EntryRequested):
            return [DeniedTracker(event)]
        case EntryExpired():
            same = {"worker": decision.worker, "symbol": decision.symbol}
            return [NextTracker(EntryRequested, same, f"{decision.worker} did not ask for it again.")]
        case StopLossTriggered():
            return [StopTracker()]
        case PositionMismatch():
            return [UnsettledTracker(leg_key(decision.symbol, decision.side, decision.worker))]
        case MarkStale():
            same = {"holder": decision.worker, "symbol": decision.symbol}
            return [NextTracker(PositionMarked, same, "It was not marked again.")]
    return []


def _of_event(event: Event | Malformed) -> list[Tracker]:
    match event:
        case PositionOpened():
            return [LegTracker(event.symbol, event.side, event.worker)]
        case LimitsChanged():
            return [NextTracker(LimitsChanged, {}, "No others were ordered before the record ends.")]
        case TradingHalted() | FlattenRequested():
            return [HaltTracker(event.scope)]
        case LockoutOrdered():
            return [LockoutTracker()]
        case WorkerLost() | WorkerStopped() | WorkerRetired():
            return [
                NextTracker(WorkerStarted, {"worker": event.worker}, f"{event.worker} did not start again.")
            ]
        case LogTailMissing():
            return [NextTracker(LossAcknowledged, {}, "Nobody acknowledged the loss.")]
    return []
