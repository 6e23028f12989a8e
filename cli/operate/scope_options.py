"""The options of an order that name its scope: a worker, a symbol or a group; else it is of the whole.

Guarantees: an order of a scope never becomes one of the whole portfolio, as by a name left empty by a shell.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from cyclopts import Parameter

from portfold.cli.exits import Unusable

if TYPE_CHECKING:
    from portfold.events.incoming import FlattenRequested, TradingHalted, TradingResumed

Ordered = TypeVar("Ordered", "TradingHalted", "TradingResumed", "FlattenRequested")


@Parameter(name="*", group="Of what; the whole portfolio where none of them is given")
@dataclass(frozen=True)
class Of:
    """The options of a scope."""

    worker: str | None = None
    """Only what this worker does and holds."""

    symbol: str | None = None
    """Only what is done and held in this symbol, whoever does it."""

    group: str | None = None
    """Only what is done and held in the symbols of this group."""

    @property
    def named(self) -> dict[str, str]:
        """Returns the fields of an order that name it."""
        return {kind: name for kind, name in asdict(self).items() if name is not None}

    @property
    def in_words(self) -> str:
        """Returns the scope in words; nothing for the whole portfolio."""
        return "".join(f" of {kind} {name}" for kind, name in self.named.items())


def made(order: "Callable[..., Ordered]", of: Of, **fields: Any) -> "Ordered":
    """Makes an order of the scope. Raises Unusable where several are named, or one is empty."""
    for kind, name in of.named.items():
        if not name:
            raise Unusable(
                f"--{kind}: expected a name, got nothing; without it the whole portfolio is meant."
            )
    if len(of.named) > 1:
        options = ", ".join(f"--{name}" for name in of.named)
        raise Unusable(f"{options}: expected one of them: an order is of one scope.")
    return order(**fields, **of.named)
