"""Parts of the book are closed alone, with real processes: what a person closes, a worker that loses.

The others go on, and whoever dies over it is closed by the flattener.
"""

import pytest

from portfold.events.incoming import FlattenRequested
from tests.coordinator.story import code
from tests.stop.floor import QUICK, Floor, Role, ToldWorker
from tests.stop.told_worker import Moment
from tests.waiting import until

OTHER = "CL:ibs-CL"


def holding(floor: Floor, dies_at: Moment | None = None) -> ToldWorker:
    """Two workers that hold one contract each, ES and CL; returns that of ES."""
    floor.configure(**QUICK)
    first, other = floor.opens(Role("ES", dies_at), Role("CL"), flattener=True)
    first.enters(5000)
    other.enters(70)
    return first


def only_the_other_holds_on(floor: Floor, closer: str) -> None:
    until(lambda: floor.closed_by() == [f"ES:ibs-ES by {closer}"], "the report of the close")
    assert floor.held() == [OTHER]
    flat = floor.decides("PortfolioFlat")
    assert flat.others == 1
    assert {leg for one in floor.decided("FlattenOrdered") for leg in one.positions.split()} == {
        "ES:long:1:ibs-ES"
    }


@pytest.mark.parametrize(("scope", "dies"), [("symbol", ""), ("symbol", "before"), ("worker", "exiting")])
def test_a_flatten_of_one_scope_closes_it_whoever_dies_and_the_other_holds_on(
    floor: Floor, scope: str, dies: str
) -> None:
    owner = holding(floor, "exiting" if dies == "exiting" else None)
    if dies == "before":
        owner.kill()
    names = {"symbol": "ES", "worker": "ibs-ES"}
    floor.live.hears(FlattenRequested(by="ann", reason="it trades nonsense", **{scope: names[scope]}))
    only_the_other_holds_on(floor, "flattener" if dies else "ibs-ES")
    assert code(floor.live.asks("6A", worker="by-hand")) == "allowed"
    if scope == "symbol":
        assert code(floor.live.asks("ES", worker="by-hand")) == "scope_closed"


@pytest.mark.parametrize("dies_at", [None, "exiting"])
def test_a_worker_that_has_lost_what_it_may_is_closed_and_its_day_lets_the_others_go_on(
    floor: Floor, dies_at: Moment | None
) -> None:
    owner = holding(floor, dies_at)
    floor.live.change_limits(worker_daily_loss="500")
    owner.told("mark", 4985)
    reached = floor.decides("LimitReached")
    assert (reached.rule, reached.worker) == ("worker_daily_loss", "ibs-ES")
    only_the_other_holds_on(floor, "flattener" if dies_at else "ibs-ES")
    assert floor.live.status()["stopped_out"] == "false"
    assert code(floor.live.asks("6A", worker="by-hand")) == "allowed"
