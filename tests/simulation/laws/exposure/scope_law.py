"""What must hold of scopes: one is closed until it is opened by its name, and nothing else is.

A flatten of a scope orders closed what is in it, whole, and nothing that is not; what fills there is closed.
"""

from typing import NamedTuple

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.state import State
from portfold.events.decisions import Decision, EntryAllowed, EntryDenied, FlattenOrdered, LimitReached
from portfold.events.incoming import (
    Event,
    FlattenRequested,
    Malformed,
    PositionOpened,
    TradingHalted,
    TradingResumed,
)
from portfold.events.legs import parse_legs
from portfold.events.scope import Scope
from portfold.events.stream_id import StreamId
from tests.simulation.laws.book import Book
from tests.simulation.laws.exposure.numbers import groups_with, symbols_of_group
from tests.simulation.scheduler import Violation

_ALONE = "a flatten of a scope closes what is in it, and no more"


class _Closed(NamedTuple):
    """`symbols` are those of a group when it was closed; `flat`: what fills there is to be closed."""

    flat: bool
    symbols: frozenset[str]


class ScopeLaw:
    """Follows which scopes are closed."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._closed: dict[Scope, _Closed] = {}
        self._until_ms: dict[Scope, int] = {}
        self._held: set[str] = set()

    def enter(
        self, at: StreamId, event: Event | Malformed | None, decisions: list[Decision], state: State
    ) -> None:
        """Takes note of one event, None where it changed nothing, and what was decided. Raises Violation."""
        limits = state.limits
        for one in decisions:
            if isinstance(one, LimitReached) and one.worker and one.action == "flatten":
                self._close(Scope("worker", one.worker), limits, flat=True)
        for scope in self._pauses(at, decisions, state):
            self._close(scope, limits, flat=False)
        match event:
            case TradingHalted() if event.scope is not None:
                self._close(event.scope, limits, flat=False)
            case FlattenRequested() if event.scope is not None:
                self._close(event.scope, limits, flat=True)
                self._is_ordered(at, event.scope, event.by, decisions, limits)
            case TradingResumed() if event.scope is not None:
                self._closed.pop(event.scope, None)
            case PositionOpened():
                self._fill_is_closed(at, event, decisions, limits)
        known = {scope: one.flat for scope, one in self._closed.items()}
        if {one.scope: one.flatten for one in state.scopes.values()} != known:
            raise Violation(
                "a scope is closed by its name and opened by its name",
                f"{at}: {list(state.scopes)}, not {known}",
            )
        for one in decisions:
            if isinstance(one, EntryAllowed | EntryDenied) and not one.repeats:
                self._answered(at, one, limits)
        self._held = set(self._book.held)

    def _pauses(self, at: StreamId, decisions: list[Decision], state: State) -> list[Scope]:
        """What losses in a row, or a rate, close now. What opens by its time is the law of pace's."""
        for scope in [scope for scope in self._closed if str(scope) not in state.scopes]:
            if 0 < self._until_ms.pop(scope, 0) <= at.ms:
                del self._closed[scope]
        self._until_ms = {one.scope: one.until_ms for one in state.scopes.values() if one.until_ms}
        paused = [one for one in decisions if isinstance(one, LimitReached) and one.action == "deny"]
        workers = [Scope("worker", one.worker) for one in paused if one.worker]
        return [*workers, *(Scope("symbol", one.symbol) for one in paused if one.symbol)]

    def _close(self, scope: Scope, limits: Limits | None, *, flat: bool) -> None:
        before = self._closed.get(scope)
        symbols = before.symbols if before is not None else _symbols(scope, limits)
        self._closed[scope] = _Closed(flat or (before is not None and before.flat), symbols)

    def _covering(self, symbol: str, worker: str, limits: Limits | None) -> list[Scope]:
        found = []
        for scope, closed in self._closed.items():
            is_in = symbol in closed.symbols or _is_in(scope, symbol, worker, limits)
            found += [scope] if is_in else []
        return found

    def _answered(self, at: StreamId, one: EntryAllowed | EntryDenied, limits: Limits | None) -> None:
        covering = self._covering(one.symbol, one.worker, limits)
        if isinstance(one, EntryAllowed) and covering:
            raise Violation("no entry in a closed scope", f"{at}: {one} though {covering} is closed")
        if isinstance(one, EntryDenied) and one.code == "scope_closed" and not covering:
            raise Violation("what is outside of a closed scope goes on", f"{at}: {one}")

    def _is_ordered(
        self, at: StreamId, scope: Scope, by: str, decisions: list[Decision], limits: Limits | None
    ) -> None:
        """All that is held in it, also what the account alone showed until now."""
        orders = [one for one in decisions if isinstance(one, FlattenOrdered)]
        own = [one for one in orders if one.cause == f"{scope}, ordered by {by}"]
        if len(own) != 1:
            raise Violation(_ALONE, f"{at}: {len(own)} orders for {scope}")
        named = {f"{leg.symbol}:{leg.side}:{leg.worker}" for leg in parse_legs(own[0].positions)}
        within = {leg for leg in self._book.held if _leg_is_in(scope, leg, limits)}
        if named != within or own[0].everything:
            raise Violation(_ALONE, f"{at}: {named} for {scope}, in which is {within}")

    def _fill_is_closed(
        self, at: StreamId, event: PositionOpened, decisions: list[Decision], limits: Limits | None
    ) -> None:
        flat = [one for one in self._covering(event.symbol, event.worker, limits) if self._closed[one].flat]
        orders = [one for one in decisions if isinstance(one, FlattenOrdered)]
        named = {(leg.symbol, leg.worker) for one in orders for leg in parse_legs(one.positions)}
        if flat and (event.symbol, event.worker) not in named:
            raise Violation("what fills in a scope that is to be flat is closed", f"{at}: {event}, {flat}")


def _leg_is_in(scope: Scope, leg: str, limits: Limits | None) -> bool:
    symbol, _, worker = leg.split(":")
    return _is_in(scope, symbol, worker, limits)


def _is_in(scope: Scope, symbol: str, worker: str, limits: Limits | None) -> bool:
    match scope.kind:
        case "worker":
            return scope.name == worker
        case "symbol":
            return scope.name == symbol
    return limits is not None and scope.name in groups_with(limits.groups, symbol)


def _symbols(scope: Scope, limits: Limits | None) -> frozenset[str]:
    if scope.kind != "group" or limits is None:
        return frozenset()
    return symbols_of_group(limits.groups, scope.name)
