"""The place a status is of, and looking at it as often as one likes."""

from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from portfold.cli.typed import typed

if TYPE_CHECKING:
    from portfold.cli.target import ResolvedTarget
    from portfold.coordinator.views.overview import Overview
    from portfold.events.wire.bus import Bus


class Look(NamedTuple):
    """A portfolio on a server: `shown` names both, `zone` is on whose clocks times are shown."""

    bus: "Bus"
    shown: str
    zone: ZoneInfo

    @classmethod
    def at(cls, place: "ResolvedTarget") -> "Look":
        """Connects when first used."""
        return cls(place.bus(), place.shown, ZoneInfo(place.configuration.runtime.trading_day.zone))

    @property
    def nobody(self) -> str:
        """That there is nothing to be seen yet, and what to do."""
        return typed(
            f"No coordinator has ever run for portfolio {self.shown}. Start one: portfold coordinator"
        )

    def now(self) -> "Overview | None":
        """How the portfolio is; None where no coordinator ever was. Raises BusError."""
        from portfold.coordinator.views.overview import look
        from portfold.workers.flattener.flattener import NAME

        return look(self.bus, flattener=NAME)

    def close(self) -> None:
        """Lets the connection go."""
        self.bus.close()
