"""The whole portfolio as one drop-in sees it: the status, what was known last, and whose limits hold.

Guarantees: reading never raises for a bus that is away; where the program's limits and those in force differ
it is said once for each change, and looser ones that no person ordered are tightened.
"""

from decimal import Decimal

from portfold.config import Configuration
from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.view_field import ViewRead, what_can_be_read
from portfold.events.wire.bus import Bus
from portfold.events.wire.errors import BusError
from portfold.log import Log
from portfold.workers.client.amount import exact, whole
from portfold.workers.compat.positions import PricedLeg, legs_in
from portfold.workers.compat.shown import familiar
from portfold.workers.run.program_limits import (
    LimitsRefused,
    compare_limits,
    may_be_tightened,
    tighten_limits,
)


class PortfolioReader:
    """`wanted` are the most positions and the daily stop, in dollars, that the program asks for."""

    def __init__(
        self, bus: Bus, configuration: Configuration, wanted: tuple[int, float], *, worker: str, log: Log
    ) -> None:
        self._bus = bus
        self._configuration = configuration
        self._wanted = (whole(wanted[0]), _dollars(wanted[1]))
        self._worker = worker
        self._log = log
        self._read: ViewRead | None = None
        self._compared = ""
        self._refused = False

    @property
    def last_view(self) -> PortfolioView:
        """Returns the view as it was read last: what of it can be read."""
        return self._read.view if self._read else PortfolioView()

    def view(self) -> PortfolioView:
        """Returns what of the view can be read now; what was known last while the bus is away."""
        try:
            status = self._bus.status()
            self._read = what_can_be_read(status) if status else None
        except BusError as error:
            self._log.error("The bus is unreachable; what is shown is what was known last", why=str(error))
        view = self.last_view
        limits = view.limits.text if view.limits else ""
        if limits != self._compared:
            self._compared = limits
            compare_limits(view.limits, *self._wanted, log=self._log)
        return view

    def familiar(self) -> dict[str, object]:
        """Returns the status in the shape that code written for one process knows."""
        self.view()
        return self._familiar()

    def legs(self) -> list[PricedLeg]:
        """Returns everybody's."""
        return legs_in(self.view())

    def point_value(self, symbol: str) -> Decimal | None:
        """Dollars a point, by the limits in force or the configuration; None where neither knows."""
        limits = self.view().limits
        known = limits.point_values.get(symbol) if limits else None
        contract = self._configuration.contracts.get(symbol)
        return known or (contract.point_value if contract else None)

    def known(self) -> dict[str, object]:
        """Returns what was known last, asking nobody: for an emergency."""
        status = self._familiar()
        return {
            "daily_pnl": status["daily_pnl"],
            "stop_loss_limit": status["daily_stop_loss"],
            "trading_day": status["current_day"],
            "held_by_others": sorted(
                {one.symbol for one in self.last_view.positions if one.worker != self._worker}
            ),
        }

    # --- limits ------------------------------------------------------------------------------------------

    def tighten(self) -> None:
        """Puts the program's limits in force where they are tighter. RefusedField for what is no limit."""
        try:
            tighten_limits(self._bus, self._configuration, *self._wanted, by=self._worker, log=self._log)
        except BusError as error:
            self._log.error("The bus is unreachable: no entries until it is back", why=str(error))
        except LimitsRefused as refused:
            self._refused = True
            self._log.critical(str(refused))

    def look_at_limits(self) -> None:
        """Tightens, at each sign of life, looser limits that nobody ordered, as after another's start."""
        limits = self.view().limits
        if limits is None or self._refused or not may_be_tightened(limits.by):
            return
        if limits.max_positions > self._wanted[0] or limits.daily_stop_loss > self._wanted[1]:
            self.tighten()

    def _familiar(self) -> dict[str, object]:
        max_positions, daily_stop_loss = self._wanted
        return familiar(self._read, max_positions, float(daily_stop_loss))


def _dollars(daily_stop_loss: float) -> Decimal:
    """Returns the limit as it stands on the log: 2500 for 2500.0 and for -2500."""
    return Decimal(f"{abs(exact(daily_stop_loss, 'daily_stop_loss')).normalize():f}")
