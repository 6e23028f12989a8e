"""What is closed of the portfolio: a worker, a symbol or a group, each until a person opens it.

Pure. Guarantees: a closed scope says nothing about what is outside of it; neither a new trading day, nor a
resume of the whole portfolio, nor a restart, nor another definition of a group opens one; how many there may
be is bounded. Only what a rule has closed for so many minutes is opened by the time that it names.
"""

from msgspec import Struct

from portfold.by_name import groups_of
from portfold.coordinator.fold.limits import Limits
from portfold.events.scope import Scope, ScopeKind

SCOPES_HELD = 128
"""How many may be closed at a time."""


class ClosedScope(Struct):
    """A scope in which no entry is allowed since the event `since`; with `flatten`, what fills is closed.

    `symbols` are those that a group had when it was closed: whatever it has now, they stay closed too.
    `until_ms`: it opens by itself at that time; 0 where only a person opens it.
    """

    kind: ScopeKind
    name: str
    by: str
    reason: str
    since: str
    flatten: bool = False
    symbols: tuple[str, ...] = ()
    until_ms: int = 0

    @property
    def scope(self) -> Scope:
        """Returns what is closed."""
        return Scope(self.kind, self.name)

    def covers(self, limits: Limits | None, symbol: str, worker: str) -> bool:
        """Returns whether what a worker does in a symbol is closed."""
        return symbol in self.symbols or covers(self.scope, limits, symbol, worker)


def covers(scope: Scope, limits: Limits | None, symbol: str, worker: str) -> bool:
    """Returns whether what a worker does in a symbol is in the scope."""
    return scope.name == worker if scope.kind == "worker" else symbol in symbols_of(scope, limits)


def symbols_of(scope: Scope, limits: Limits | None) -> tuple[str, ...]:
    """Returns the symbols that the scope is all of; none of a worker, whose symbols others hold as well."""
    if scope.kind == "symbol":
        return (scope.name,)
    if scope.kind == "worker" or limits is None:
        return ()
    return tuple(groups_of(limits.groups).get(scope.name, ()))
