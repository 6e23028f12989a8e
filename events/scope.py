"""What an order is about: the whole portfolio, or a scope of it, which is a worker, a symbol or a group.

Guarantees: an order names one scope or none. Two names in one order are refused, for nobody can tell whether
both were meant together or each by itself; so is an empty name, which would have closed the whole portfolio.
"""

from typing import Literal, NamedTuple

from portfold.events.fields import Name, Person, Symbol, Text
from portfold.events.message import AnyEvent

ScopeKind = Literal["worker", "symbol", "group"]
SCOPE_KINDS: tuple[ScopeKind, ...] = ("worker", "symbol", "group")


class Scope(NamedTuple):
    """A worker, a symbol or a group of symbols, by its name."""

    kind: ScopeKind
    name: Name

    def __str__(self) -> str:
        """Shows it as `symbol CL`."""
        return f"{self.kind} {self.name}"

    @property
    def option(self) -> str:
        """Returns the option of a command that names it."""
        return f"--{self.kind} {self.name}"


class ScopedOrder(AnyEvent, frozen=True):
    """What orders of a person share that are about the whole portfolio, or about one scope of it."""

    by: Person
    reason: Text
    worker: Name = ""
    symbol: Symbol = ""
    group: Name = ""

    def __post_init__(self) -> None:
        named = [kind for kind in SCOPE_KINDS if getattr(self, kind)]
        if len(named) > 1:
            raise ValueError(f"{named[1]}: expected nothing, as {named[0]} is named: one scope an order")

    @property
    def scope(self) -> Scope | None:
        """Returns the scope; None for the whole portfolio."""
        return next((Scope(kind, name) for kind in SCOPE_KINDS if (name := getattr(self, kind))), None)
