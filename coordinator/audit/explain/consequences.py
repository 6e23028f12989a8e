"""What happened next: which threads of a story begin with an event and its decisions."""

from collections.abc import Sequence

from portfold.coordinator.audit.explain.trackers import (
    OF_EPISODE,
    DeniedThread,
    EpisodeThread,
    HaltThread,
    LegThread,
    NextThread,
    StopThread,
    Thread,
    UnsettledThread,
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
    LimitsChanged,
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


def threads_of(event: Event | Malformed, decisions: Sequence[Decision], after: State) -> list[Thread]:
    """The threads that begin with an event and its decisions, given the state it led to."""
    threads = [thread for one in decisions for thread in _of_decision(one, event)]
    if refusal(decisions) is None:
        threads += _of_event(event)
    for name in dict.fromkeys(one.episode for one in decisions if isinstance(one, OF_EPISODE)):
        threads.append(EpisodeThread(name, after))
    return [thread for thread in threads if not thread.done]


def _of_decision(decision: Decision, event: Event | Malformed) -> list[Thread]:
    match decision:
        case EntryAllowed():
            return [LegThread(decision.symbol, decision.side, decision.worker)]
        case EntryDenied() if isinstance(event, EntryRequested):
            return [DeniedThread(event)]
        case EntryExpired():
            same = {"worker": decision.worker, "symbol": decision.symbol}
            return [NextThread(EntryRequested, same, f"{decision.worker} did not ask for it again.")]
        case StopLossTriggered():
            return [StopThread()]
        case PositionMismatch():
            return [UnsettledThread(leg_key(decision.symbol, decision.side, decision.worker))]
        case MarkStale():
            same = {"worker": decision.worker, "symbol": decision.symbol}
            return [NextThread(PositionMarked, same, "It was not marked again.")]
    return []


def _of_event(event: Event | Malformed) -> list[Thread]:
    match event:
        case PositionOpened():
            return [LegThread(event.symbol, event.side, event.worker)]
        case LimitsChanged():
            return [NextThread(LimitsChanged, {}, "These limits are in force where the record ends.")]
        case TradingHalted() | FlattenRequested():
            return [HaltThread()]
        case WorkerLost() | WorkerStopped() | WorkerRetired():
            return [
                NextThread(WorkerStarted, {"worker": event.worker}, f"{event.worker} did not start again.")
            ]
        case LogTailMissing():
            return [NextThread(LossAcknowledged, {}, "Nobody acknowledged the loss.")]
    return []
