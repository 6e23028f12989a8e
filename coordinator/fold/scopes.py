"""What is closed of the portfolio: a worker, a symbol or a group, each until a person opens it.

Pure. Guarantees: a closed scope says nothing about what is outside of it; neither a new trading day, nor a
resume of the whole portfolio, nor a restart opens one; how many there may be is bounded.
"""

from msgspec import Struct

from portfold.by_name import groups_of
from portfold.coordinator.fold.limits import Limits
from portfold.events.scope import Scope, ScopeKind

SCOPES_HELD = 128
"""How many may be closed at a time."""


class ClosedScope(Struct):
    """A scope in which no entry is allowed since the event `since`; with `flatten`, what fills is closed."""

    kind: ScopeKind
    name: str
    by: str
    reason: str
    since: str
    flatten: bool = False

    @property
    def scope(self) -> Scope:
        """Returns what is closed."""
        return Scope(self.kind, self.name)


def covers(scope: Scope, limits: Limits | None, symbol: str, worker: str) -> bool:
    """Returns whether what a worker does in a symbol is in the scope."""
    return scope.name == worker if scope.kind == "worker" else symbol in symbols_of(scope, limits)


def symbols_of(scope: Scope, limits: Limits | None) -> tuple[str, ...]:
    """Returns the symbols that the scope is all of; none of a worker, whose symbols others hold as well."""
    if scope.kind == "group":
        return groups_of(limits.groups).get(scope.name, ()) if limits is not None else ()
    return (scope.name,) if scope.kind == "symbol" else ()
