"""Coordinators: the production process, taking its steps in simulated time."""

import threading
from collections.abc import Generator
from importlib.metadata import version

from portfold.coordinator.process import process as production
from tests.simulation.memory.wire import Wire
from tests.simulation.scheduler import Process
from tests.simulation.seats.world import SILENT, Seat, ended

_SLOWEST_MS = (3, 30, 120)
_VERSION = version("portfold")


class CoordinatorSeat(Seat):
    """Whoever sits here leads or stands by."""

    _steps: Generator[float, None, None]

    def begin(self, process: Process, wire: Wire) -> None:
        self._stop = threading.Event()
        coordinator = production.CoordinatorProcess(
            self.world.configuration,
            wire,
            clock="server",
            log=SILENT,
            stop=self._stop,
            who=f"{self.name}.{self.lives}",
            clocks=production.Clocks(time=process),
        )
        self._steps = steps = coordinator.steps()
        stepper = self.stepper(lambda: self._step(steps), self.random.choice(_SLOWEST_MS))
        self.world.wake(stepper, self.world.keys.events)
        stepper.begin()

    def stop(self) -> None:
        """Tells it to end in good order."""
        self._stop.set()

    def forget(self) -> None:
        ended(self._steps.close)

    def _step(self, steps: Generator[float, None, None]) -> float | None:
        pause_seconds = next(steps, None)
        if pause_seconds is None:
            self.die()
        return pause_seconds
