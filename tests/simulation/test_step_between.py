"""Marks that waited count before what comes: a worker that they bring to its limit is closed, whatever comes.

A day that begins, or a close that wins it back, leaves nothing to be seen of a worker that was let go on. So
the law looks in between, and is shown here not to miss it: such moments are rare in schedules.
"""

from collections.abc import Callable
from contextlib import nullcontext
from decimal import Decimal

import pytest

from portfold.events.decisions import Decision, LimitReached
from portfold.events.incoming import Event, Malformed
from portfold.events.stream_id import StreamId
from tests.coordinator.story import SECOND, Story, chicago, each
from tests.simulation.laws.exposure.worker_loss_law import WorkerLossLaw
from tests.simulation.laws.together_law import TogetherLaw
from tests.simulation.plants.planted import PLANTS
from tests.simulation.scheduler import Violation

BEFORE_THE_ROLL = chicago(2025, 1, 15, 16, 58, 40)
PLANT = "marks-together-close-no-worker"


class Judged(Story):
    """A story that both laws hear; ES is held with CL, and its mark, by which 150 dollars are lost, waits."""

    def __init__(self) -> None:
        self._together = TogetherLaw()
        self._loss = WorkerLossLaw(self._together)
        super().__init__(
            BEFORE_THE_ROLL,
            point_values="ES=50 CL=1000",
            worker_daily_loss="100",
            marks_together_seconds=60,
            mark_stale_ms=600_000,
        )
        self.enters("ES", "CL")
        assert self.marks("ES", "-150", price="97", moment_ms=1_000) == []

    def hears(self, event: Event | Malformed, at: int | None = None) -> list[Decision]:
        decisions = super().hears(event, at)
        here = StreamId(self.ms, self._within_ms)
        self._together.enter(here, event, decisions, self.state)
        self._loss.enter(here, event, decisions, self.state)
        return decisions

    def day_begins(self) -> list[Decision]:
        """The roll comes before anything says that the minute is over for which the mark waits."""
        return self.after(90 * SECOND)

    def is_won_back(self) -> list[Decision]:
        """The mark has waited; and with that the position is closed, 500 dollars better than it says."""
        self.ms += 60 * SECOND
        return self.closes("ES", price="107", pnl="350")


@pytest.mark.parametrize("comes", [Judged.day_begins, Judged.is_won_back])
@pytest.mark.parametrize("planted", [False, True])
def test_whom_marks_that_waited_bring_to_his_limit_is_closed_whatever_comes(
    comes: Callable[[Judged], list[Decision]], *, planted: bool
) -> None:
    story = Judged()
    with PLANTS[PLANT]() if planted else nullcontext():
        if planted:
            with pytest.raises(Violation, match=r"ibs-ES had made -150"):
                comes(story)
        else:
            (reached,) = each(LimitReached, comes(story))
            assert (reached.worker, reached.now) == ("ibs-ES", Decimal(-150))
