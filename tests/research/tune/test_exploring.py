"""Which sets are looked at: all where they are few, else those near the best, alike each time."""

import pytest

from portfold.config import IbsParameters
from portfold.config.strategies.shipped import BollingerParameters
from portfold.research.tune.exploring import Places, explore
from portfold.research.tune.ranges import Space, space_of

WIDE = space_of("bollinger", BollingerParameters(), ("bars=2..100", "max_bars=1..100"))


def hill(places: Places) -> float:
    """Best at 40 and 70."""
    return -(float(places[0] - 40) ** 2) - float(places[1] - 70) ** 2


def test_few_sets_are_all_looked_at_once_but_for_those_that_do_not_go_together() -> None:
    space: Space = space_of("ibs", IbsParameters(), ("entry_below=0.2,0.6", "exit_above=0.5,0.9"))
    looked: list[Places] = []

    def worth(places: Places) -> float:
        looked.append(places)
        return 1.0

    found = explore(space, 4, 1, worth)
    assert looked == list(found) == [(0, 0), (0, 1), (1, 1)]


def test_of_many_so_many_different_ones_are_looked_at_the_same_for_the_same_seed() -> None:
    one, same, other = (explore(WIDE, 30, seed, hill) for seed in (1, 1, 2))
    assert list(one.items()) == list(same.items())
    assert list(one) != list(other)
    assert len(one) == 30


def test_more_sets_begin_with_the_same_ones() -> None:
    assert list(explore(WIDE, 25, 1, hill))[:15] == list(explore(WIDE, 15, 1, hill))


def test_it_comes_near_the_best_of_ten_thousand_with_sixty() -> None:
    found = [one for one in explore(WIDE, 60, 1, hill).values() if one is not None]
    assert max(found) > hill((30, 60))


@pytest.mark.parametrize("trials", [3, 20])
def test_sets_that_cannot_be_chosen_are_looked_at_like_the_others(trials: int) -> None:
    found = explore(WIDE, trials, 1, lambda places: None if places[0] < 50 else hill(places))
    assert len(found) == trials
    assert None in found.values()
