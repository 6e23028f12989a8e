"""A limit of pace that live has the simulation has too: the same fold, the same answers."""

from typing import Any

import pytest

from tests.research.made import trade
from tests.research.simulate.test_simulated_exposure import simulated


@pytest.mark.parametrize(
    ("rule", "symbols", "reached"),
    [
        ({"max_entries": 2}, ["SI"], []),
        ({"symbol_entries": "1"}, [], []),
        ({"loss_streak": 1}, ["CL", "SI"], ["loss_streak"]),
        ({"loss_streak": 1, "loss_streak_minutes": 9999}, ["CL", "SI"], ["loss_streak"]),
        ({"symbol_loss_streak": "1"}, [], ["symbol_loss_streak"]),
        ({"worker_loss_streak": "1"}, [], ["worker_loss_streak"]),
    ],
)
def test_a_limit_of_pace_that_live_has_the_simulation_has_too(
    rule: dict[str, Any], symbols: list[str], reached: list[str]
) -> None:
    trades = (trade("ES", 0, 1, -10), trade("CL", 2, 3, 10), trade("SI", 4, 5, 10))
    found, denied = simulated(trades, **rule)
    assert denied == symbols
    assert [one for _, one in found.reached] == reached
