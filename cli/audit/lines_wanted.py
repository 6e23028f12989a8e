"""Which lines of the log are shown: the options that `portfold audit show` and `portfold tail` share."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from portfold.coordinator.audit.record.timeline import Wanted

Named = Annotated[list[str] | None, Parameter(negative="")]


@Parameter(name="*", group="Which lines")
@dataclass(frozen=True)
class LinesWanted:
    """The options `--symbol`, `--worker` and `--type`."""

    symbol: Named = None
    """Only events and decisions about this symbol."""

    worker: Named = None
    """Only events of this worker, and decisions about it."""

    type_: Annotated[list[str] | None, Parameter(name="--type", negative="")] = None
    """Only events or decisions of this type, such as PositionClosed."""

    def wanted(self) -> "Wanted":
        """Returns the choice of lines. Raises Unusable."""
        from portfold.coordinator.audit.record.timeline import Wanted

        types = message_types(self.type_ or [])
        return Wanted(frozenset(self.symbol or ()), frozenset(self.worker or ()), types)


def message_types(names: list[str]) -> frozenset[str]:
    """Checks that each type exists, since a misspelt one would show nothing. Raises Unusable."""
    from typing import get_args

    from portfold.cli.exits import Unusable
    from portfold.events.decisions import Decision
    from portfold.events.incoming import Event

    known = [message.__name__ for message in (*get_args(Event), *get_args(Decision))]
    for name in names:
        if name not in known:
            raise Unusable(f"--type: expected one of {', '.join(known)}, got {name[:60]!r}.")
    return frozenset(names)
