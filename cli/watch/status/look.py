"""Reads the status of one portfolio as often as wanted."""

from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from portfold.cli.typed import typed

if TYPE_CHECKING:
    from portfold.cli.target import ResolvedTarget
    from portfold.coordinator.views.overview import Overview
    from portfold.events.wire.bus import Bus


class Look(NamedTuple):
    """A portfolio on a server: `shown` names both, `zone` is the time zone that times are shown in."""

    bus: "Bus"
    shown: str
    zone: ZoneInfo

    @classmethod
    def at(cls, resolved: "ResolvedTarget") -> "Look":
        """Returns the look at that portfolio, which connects when first used."""
        return cls(resolved.bus(), resolved.shown, ZoneInfo(resolved.configuration.runtime.trading_day.zone))

    @property
    def nobody(self) -> str:
        """Says that there is no status yet, and what to do."""
        return typed(
            f"No coordinator has ever run for portfolio {self.shown}. Start one: portfold coordinator"
        )

    def now(self) -> "Overview | None":
        """Returns the status; None where no coordinator has ever run. Raises BusError."""
        from portfold.coordinator.views.overview import look
        from portfold.workers.flattener.flattener import NAME

        return look(self.bus, flattener=NAME)

    def close(self) -> None:
        """Closes the connection."""
        self.bus.close()
