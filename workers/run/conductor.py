"""The conductor: drives simulated time through a portfolio whose processes cannot tell it from real time.

Step by step it says what time it is, hands out the bars that ended then, waits until every worker is done
with them, and until the coordinator has decided all there is and nothing is left to flatten; then it goes on.
So every event of a step carries the step's time, and no event ever comes late.

Every wait is bounded, and looks meanwhile whether the others are still alive: what does not come in time is a
ConductorError that names who is missing, never a hang.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.view_field import what_can_be_read
from portfold.errors import PortfoldError
from portfold.events.codec import encode_checked
from portfold.events.incoming import ClockTicked
from portfold.events.legs import legs_text
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus, at_time
from portfold.exchange_time import milliseconds_of
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.driven import publish_end, publish_step

_READ_AT_ONCE = 200
_LOOK_MS = 100
_SETTLE_LOOK_MS = 2


class ConductorError(PortfoldError):
    """Simulated time cannot go on. The text is a sentence for a person."""


class Conductor:
    """Drives the clock of the portfolio on `bus` for `workers`, named as they name themselves.

    `check` is called in every wait and raises, in its own words, when one of the others is no more.
    `patience_seconds` of real time bound each wait.
    """

    def __init__(
        self,
        bus: Bus,
        workers: Sequence[str],
        *,
        check: Callable[[], None],
        patience_seconds: float = 30.0,
    ) -> None:
        self._bus = bus
        self._workers = frozenset(workers)
        self._check = check
        self._patience_seconds = patience_seconds
        self._now_ms = 0
        self._acknowledged = ORIGIN
        self._decided = ORIGIN

    def open(self, moment: datetime) -> None:
        """Begins at `moment`, before any coordinator: what that one says first is then said at this time.

        Raises ConductorError where the log has got further already.
        """
        last = self._bus.last_event()
        if last != ORIGIN and milliseconds_of(moment) <= last.ms:
            raise ConductorError(
                f"The log of {self._bus.keys.events} goes up to {last} already, and simulated time would "
                f"begin before that, at {milliseconds_of(moment)}: use a fresh portfolio."
            )
        self._tick(moment)

    def wait_for_limits(self) -> None:
        """Waits until a coordinator leads and has put limits in force: before that no entry is allowed."""
        self._wait(lambda view: view.limits is not None, "The coordinator has put no limits in force")

    def play(self, moment: datetime, bars: Mapping[str, Bar]) -> None:
        """Plays one step: all bars that ended at `moment`, later than the step before."""
        self._tick(moment)
        publish_step(self._bus, moment, bars)
        self._wait_for_workers()
        self.settle()

    def end(self) -> None:
        """Says that there are no more bars; the workers then end by themselves."""
        publish_end(self._bus)

    def settle(self) -> None:
        """Waits until every event is decided and nothing is left to flatten."""
        self._wait(
            lambda view: not (view.flatten and view.flatten.left), "The portfolio has not come to rest"
        )

    def _tick(self, moment: datetime) -> None:
        self._now_ms = milliseconds_of(moment)
        self._bus.append(encode_checked(ClockTicked()), at_time(self._now_ms))

    def _wait_for_workers(self) -> None:
        missing = set(self._workers)
        deadline = time.monotonic() + self._patience_seconds
        while missing:
            for entry in self._bus.published_after(
                self._bus.keys.steps, self._acknowledged, count=_READ_AT_ONCE, block_ms=_LOOK_MS
            ):
                self._acknowledged = entry.id
                done = entry.by_name
                if done["time_ms"] == str(self._now_ms):
                    missing.discard(done["worker"])
            self._check()
            if missing and time.monotonic() > deadline:
                late = ", ".join(sorted(missing))
                raise ConductorError(f"{self._failed('Not done with their bars')}: {late}.")

    def _wait(self, at_rest: Callable[[PortfolioView], bool], failing: str) -> None:
        """Waits until the status shows everything decided that is on the log, and `at_rest`.

        The status is read first: if by then nothing has been added to what it was made of, it is the present.
        One that cannot be read, the coordinator writes anew with what it decides next.
        """
        deadline = time.monotonic() + self._patience_seconds
        while True:
            view, unreadable = what_can_be_read(self._bus.status())
            last = str(self._bus.last_event())
            if not unreadable and view.last_event == last and at_rest(view):
                return
            self._check()
            if time.monotonic() > deadline:
                decided = view.last_event or "nothing"
                left = legs_text(view.flatten.left) if view.flatten and view.flatten.left else "nothing"
                raise ConductorError(
                    f"{self._failed(failing)}: events up to {last}, decided up to {decided}, "
                    f"left to flatten {left}."
                )
            self._pause()

    def _pause(self) -> None:
        """Waits until the next decision, or a moment: what led to none shows in the status only."""
        for entry in self._bus.decisions_after(self._decided, count=_READ_AT_ONCE, block_ms=_SETTLE_LOOK_MS):
            self._decided = entry.id

    def _failed(self, what: str) -> str:
        return f"{what} within {self._patience_seconds:g} s of the step at {self._now_ms}"
