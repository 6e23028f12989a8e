"""Trackers: each follows a position, a denied request, a flatten or a stop to its end.

A tracker reads every later event and returns the sentences that belong to its story. It is done when nothing
more can come; where the record ends before that, it says how things stood.
"""

from typing import NamedTuple, Protocol

from msgspec import Struct

from portfold.coordinator.audit.record.timeline import event_text
from portfold.coordinator.fold.rules.table import why_not
from portfold.coordinator.fold.state import State, daily_pnl, leg_key, leg_of
from portfold.coordinator.store.ledger import Decided
from portfold.coordinator.views.words.of_decisions import words_of_decision
from portfold.coordinator.views.words.of_trades import closed_line, opened_line
from portfold.dollars import ZERO, shown
from portfold.events.decisions import (
    Decision,
    EntryAllowed,
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
    StopLossTriggered,
    TradingDayStarted,
)
from portfold.events.incoming import (
    EntryRenewed,
    EntryRequested,
    EntryWithdrawn,
    Event,
    Malformed,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    PositionSettled,
    TradingResumed,
)
from portfold.events.legs import parse_legs
from portfold.events.scope import Scope
from portfold.events.stream_id import StreamId

OF_EPISODE = (StopLossTriggered, FlattenOrdered, FlattenHandedOver, FlattenOverdue, PortfolioFlat)
"""The decisions that belong to an episode of flattening."""


class LaterEvent(NamedTuple):
    """A later event: what it says, what was decided on it, and the state it led to."""

    at: StreamId
    fields: list[str]
    decided: Decided
    state: State

    @property
    def event(self) -> Event | Malformed:
        """Returns the event, or why it cannot be read."""
        return self.decided.event

    @property
    def decisions(self) -> list[Decision]:
        """Returns what was decided on it."""
        return self.decided.decisions

    @property
    def sentence(self) -> str:
        """Returns its sentence; a fill with what it made of the day, and no count of what is open."""
        event = self.event
        line = ""
        if isinstance(event, PositionOpened) and self.decided.took_effect:
            line = opened_line(event)
        elif isinstance(event, PositionClosed) and self.decided.took_effect:
            line = closed_line(event, event.owner)
        if line:
            return f"{line} | Daily P&L: {shown(daily_pnl(self.state))}"
        return event_text(self.state, self.decided, self.fields)


class Tracker(Protocol):
    """Follows a position, a request, a flatten, a stop or a halt to its end."""

    done: bool

    def follow(self, step: LaterEvent) -> list[str]:
        """Returns the sentences of the later event that belong to the story."""
        ...

    def unfinished(self) -> str:
        """Says how things stand where the record ends before it is done; empty where that needs no word."""
        ...


class LegTracker:
    """A position, or a slot reserved for one, until neither is left."""

    def __init__(self, symbol: str, side: str, worker: str) -> None:
        self._symbol, self._side, self._worker = symbol, side, worker
        self._key = leg_key(symbol, side, worker)
        self._held = False
        self._worst = self._best = ZERO
        self._marks = self._renewals = 0
        self.done = False

    def follow(self, step: LaterEvent) -> list[str]:
        found = [step.sentence] if self._concerns(step.event) else []
        found += [words_of_decision(decision).text for decision in step.decisions if self._is_about(decision)]
        if isinstance(step.event, PositionMarked):
            self._mark(step)
        self._renewals += self._is_renewed(step)
        held, reserved = self._key in step.state.positions, self._key in step.state.reservations
        if not reserved and not held and not found:
            found = [f"The slot is taken back: {step.sentence}"]
        if self._renewals and not reserved:
            found = [f"The slot was renewed meanwhile, {_times(self._renewals)}.", *found]
            self._renewals = 0
        self._held = held
        self.done = not (held or reserved)
        return [*found, *(self._marked() if self.done else [])]

    def unfinished(self) -> str:
        what = "is still open" if self._held else "still has its slot"
        return f"{self._symbol} {what} where the record ends. {' '.join(self._marked())}".rstrip()

    def _concerns(self, event: Event | Malformed) -> bool:
        match event:
            case EntryWithdrawn():
                return (event.symbol, event.worker) == (self._symbol, self._worker)
            case PositionOpened() | PositionClosed() | PositionSettled():
                return leg_of(event) == self._key
        return False

    def _is_about(self, decision: Decision) -> bool:
        match decision:
            case EntryExpired():
                return leg_key(decision.symbol, decision.side, decision.worker) == self._key
            case LimitBreached() | PositionMismatch() | PnlDisputed() | MarkStale() | PositionAdopted():
                return (decision.symbol, decision.worker) == (self._symbol, self._worker)
            case StopLossTriggered() | FlattenOrdered():
                return self._key in _keys(decision.positions) | _keys(decision.pending)
            case FlattenHandedOver() | FlattenOverdue():
                return self._key in _keys(decision.positions)
        return False

    def _is_renewed(self, step: LaterEvent) -> bool:
        event, slot = step.event, step.state.reservations.get(self._key)
        renews = isinstance(event, EntryRenewed) and (event.symbol, event.worker) == (
            self._symbol,
            self._worker,
        )
        return renews and slot is not None and not step.decisions and not step.decided.repeated

    def _mark(self, step: LaterEvent) -> None:
        held = step.state.positions.get(self._key)
        if held is not None and held.marked_ms == step.at.ms:
            self._worst = min(self._worst, held.unrealized) if self._marks else held.unrealized
            self._best = max(self._best, held.unrealized) if self._marks else held.unrealized
            self._marks += 1

    def _marked(self) -> list[str]:
        if not self._marks:
            return []
        if self._marks == 1:
            return [f"While open it was marked once, at {shown(self._worst)}."]
        between = f"between {shown(self._worst)} and {shown(self._best)}"
        return [f"While open it was marked {self._marks:,} times, {between}."]


class DeniedTracker:
    """A denied request, until it could have been allowed and was asked again, or the trading day ended."""

    def __init__(self, request: EntryRequested) -> None:
        self._request = request
        self._asked = self._free = self.done = False

    def follow(self, step: LaterEvent) -> list[str]:
        found: list[str] = []
        if any(isinstance(decision, TradingDayStarted) for decision in step.decisions):
            self.done = True
            return found if self._free else ["The trading day ended before it could have been allowed."]
        if not self._asked and self._is_asked_again(step.event):
            self._asked = True
            answers = [
                decision for decision in step.decisions if isinstance(decision, EntryAllowed | EntryDenied)
            ]
            found += [f"Asked again: {words_of_decision(answer).text}" for answer in answers]
            self.done = any(isinstance(answer, EntryAllowed) for answer in answers)
        if not self._free and not self.done and self._would_be_allowed(step.state):
            self._free = True
            found.append(f"From here on it would have been allowed, after: {step.sentence}")
        self.done = self.done or (self._asked and self._free)
        return found

    def unfinished(self) -> str:
        return "" if self._free else "Where the record ends it would still be denied."

    def _is_asked_again(self, event: Event | Malformed) -> bool:
        same = self._request
        return isinstance(event, EntryRequested) and (event.worker, event.symbol) == (
            same.worker,
            same.symbol,
        )

    def _would_be_allowed(self, state: State) -> bool:
        known = state.limits is not None and self._request.worker in state.workers
        return known and state.limits is not None and why_not(state, state.limits, self._request) is None


class EpisodeTracker:
    """Flattening, from the order until everything is confirmed closed."""

    def __init__(self, episode: str, state: State) -> None:
        self._episode = episode
        self._keys: set[str] = set()
        self._note(state)
        self.done = not self._keys  # with nothing open, it ended as it began

    def follow(self, step: LaterEvent) -> list[str]:
        found = [step.sentence] if self._closes(step.event) else []
        found += [words_of_decision(decision).text for decision in step.decisions if self._is_of(decision)]
        self._note(step.state)
        self.done = step.state.flatten is None or step.state.flatten.episode != self._episode
        return found

    def unfinished(self) -> str:
        return f"Where the record ends these are still to be closed: {', '.join(sorted(self._keys))}."

    def _note(self, state: State) -> None:
        flatten = state.flatten
        self._keys = set(flatten.left) if flatten is not None and flatten.episode == self._episode else set()

    def _closes(self, event: Event | Malformed) -> bool:
        return isinstance(event, PositionClosed | PositionSettled) and leg_of(event) in self._keys

    def _is_of(self, decision: Decision) -> bool:
        return isinstance(decision, OF_EPISODE) and decision.episode == self._episode


class StopTracker:
    """The day's latch, until it lifts."""

    def __init__(self) -> None:
        self._denied = 0
        self.done = False

    def follow(self, step: LaterEvent) -> list[str]:
        self._denied += sum(
            isinstance(decision, EntryDenied) and decision.code == "stopped_out"
            for decision in step.decisions
        )
        self.done = step.state.stop is None
        return [f"The stop lifts; it denied {_requests(self._denied)}. {step.sentence}"] if self.done else []

    def unfinished(self) -> str:
        return f"Where the record ends the stop holds; it denied {_requests(self._denied)} so far."


class HaltTracker:
    """A halt, of all or of a scope, until it is lifted."""

    def __init__(self, scope: Scope | None = None) -> None:
        self._scope = scope
        self._denied = 0
        self.done = False

    def follow(self, step: LaterEvent) -> list[str]:
        self._denied += sum(isinstance(one, EntryDenied) and self._denies(one) for one in step.decisions)
        state = step.state
        self.done = state.halt is None if self._scope is None else str(self._scope) not in state.scopes
        resumed = isinstance(step.event, TradingResumed) and step.event.scope == self._scope
        told = [step.sentence] if resumed else []
        return [*told, *([f"It denied {_requests(self._denied)}."] if self.done else [])]

    def _denies(self, one: EntryDenied) -> bool:
        if self._scope is None:
            return one.code == "halted"
        return one.code == "scope_closed" and one.reason.startswith(f"{self._scope} ")

    def unfinished(self) -> str:
        what = self._scope or "trading"
        return f"Where the record ends {what} is still halted; that denied {_requests(self._denied)} so far."


class LockoutTracker:
    """A lockout, until it is over."""

    _denied, done = 0, False

    def follow(self, step: LaterEvent) -> list[str]:
        denied = [one for one in step.decisions if isinstance(one, EntryDenied)]
        self._denied += sum(one.code == "locked_out" for one in denied)
        self.done = step.state.lockout is None
        return [f"It is over; it denied {_requests(self._denied)}."] if self.done else []

    def unfinished(self) -> str:
        return f"Where the record ends it lasts; it denied {_requests(self._denied)} so far."


class UnsettledTracker:
    """A difference between log and broker, until it is settled."""

    def __init__(self, key: str) -> None:
        self._key = key
        self.done = False

    def follow(self, step: LaterEvent) -> list[str]:
        self.done = self._key not in step.state.unsettled
        return [f"Settled: {step.sentence}"] if self.done else []

    def unfinished(self) -> str:
        return f"Where the record ends {self._key} is not settled."


class NextTracker:
    """The next event of one type whose fields are those `named`; else `otherwise`."""

    def __init__(self, of: type[Struct], named: dict[str, str], otherwise: str) -> None:
        self._of, self._named, self._otherwise = of, named, otherwise
        self.done = False

    def follow(self, step: LaterEvent) -> list[str]:
        if not isinstance(step.event, self._of):
            return []
        self.done = all(getattr(step.event, name) == value for name, value in self._named.items())
        return [step.sentence] if self.done else []

    def unfinished(self) -> str:
        return self._otherwise


def _keys(legs: str) -> set[str]:
    return {leg_key(leg.symbol, leg.side, leg.worker) for leg in parse_legs(legs)}


def _requests(count: int) -> str:
    return f"{count:,} request" if count == 1 else f"{count:,} requests"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"
