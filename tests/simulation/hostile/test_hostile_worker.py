"""With a hostile worker beside them the honest ones are answered, and the days come out, as without it."""

from collections.abc import Callable
from typing import Any

import pytest

from portfold.coordinator.fold import repeats
from portfold.coordinator.fold.effects import positions
from portfold.coordinator.fold.invariants import InvariantBroken
from portfold.coordinator.fold.state import State
from tests.simulation.hostile.days import DAYS, HONEST, played

SEEDS = range(3)


@pytest.mark.parametrize("seed", SEEDS)
def test_honest_answers_and_every_days_pnl_are_the_same(seed: int) -> None:
    alone, beside = played(seed, hostile=False), played(seed, hostile=True)
    assert len(alone.days) == DAYS
    assert {answer for _, answer in alone.answers} >= {"allowed", "stopped_out"}
    assert len(set(alone.days.values())) > DAYS // 3
    assert beside.answers == alone.answers
    assert beside.days == alone.days
    assert beside.rejected > alone.rejected + 500


def _folded_however_often(state: State, event: Any, folded: Callable[..., bool] = repeats.is_repeat) -> bool:
    folded(state, event)
    return False


def _said_again_counts(patch: pytest.MonkeyPatch) -> None:
    """Neither a number nor the name of a fill tells what was said before."""
    patch.setattr(repeats, "is_repeat", _folded_however_often)
    patch.setattr(positions, "reported_before", lambda *_: None)


def _whoever_has_more_names_pushes_others_out(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(repeats, "has_no_room", lambda *_: False)
    patch.setattr(
        repeats, "_forgettable", lambda state: next((one for one in state.workers if one in HONEST), None)
    )


@pytest.mark.parametrize("plant", [_said_again_counts, _whoever_has_more_names_pushes_others_out])
def test_a_planted_bug_is_seen(plant: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    alone = played(0, hostile=False)
    try:
        beside = played(0, hostile=True)
    except InvariantBroken:
        return  # seen sooner than that
    assert (beside.answers, beside.days) != (alone.answers, alone.days)
