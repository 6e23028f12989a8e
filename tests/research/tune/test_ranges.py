"""What is tried: declared by a strategy or said by the user, and held to the rules of its parameters."""

from decimal import Decimal
from typing import Annotated

import pytest
from msgspec import Struct

from portfold.config import ConfigError, IbsParameters
from portfold.config.rules import Searched, Whole
from portfold.config.strategies.shipped import SHIPPED, BollingerParameters
from portfold.research.errors import ResearchError
from portfold.research.tune.ranges import space_of


class Wide(Struct, frozen=True):
    """Declares a range beyond what may be configured."""

    below: Annotated[int, Whole(1, 5, "bars"), Searched(4, 6)] = 3


class Unruled(Struct, frozen=True):
    """Declares a range, and no rule."""

    below: Annotated[int, Searched(2, 4)] = 3


class Undeclared(Struct, frozen=True):
    """Declares none."""

    below: Annotated[int, Whole(1, 5, "bars")] = 3


@pytest.mark.parametrize("name", SHIPPED)
def test_each_strategy_that_ships_declares_what_is_tried_about_its_defaults(name: str) -> None:
    space = space_of(name, SHIPPED[name](), ())
    for one in space.ranges:
        assert one.ordered
        assert getattr(space.parameters, one.name) in one.values
        assert len(one.values) > 2


def test_what_the_user_says_is_tried_instead_typed_as_the_parameter_is() -> None:
    words = ("deviations=1.5..2.5/0.5", "sides=long,both", "max_bars=5,10,null")
    space = space_of("bollinger", BollingerParameters(bars=30), words)
    deviations, sides, longest = space.ranges
    assert deviations.values == (Decimal("1.5"), Decimal(2), Decimal("2.5"))
    assert (sides.values, sides.ordered) == (("long", "both"), False)
    assert (longest.values, longest.ordered) == ((5, 10, None), False)
    assert space.sets == 3 * 2 * 3
    assert space.at((0, 1, 2)) == BollingerParameters(30, Decimal("1.5"), "both", None)


def test_of_float_parameters_the_values_are_floats() -> None:
    (one,) = space_of("ibs", IbsParameters(), ("entry_below=0.1..0.3/0.1",)).ranges
    assert one.values == (0.1, 0.2, 0.3)
    assert all(type(value) is float for value in one.values)


def test_values_that_do_not_go_together_are_no_set() -> None:
    space = space_of("ibs", IbsParameters(), ("entry_below=0.2,0.6", "exit_above=0.5,0.9"))
    assert [not space.fits(places) for places in ((0, 0), (0, 1), (1, 0), (1, 1))] == [
        False,
        False,
        True,
        False,
    ]


def test_a_range_without_a_rule_is_held_to_its_type() -> None:
    assert space_of("own", Unruled(), ()).ranges[0].values == (2, 3, 4)
    with pytest.raises(ConfigError, match=r"--range: below: expected a whole number .*, got"):
        space_of("own", Unruled(), ("below=1.5,2",))


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("bars", r"bars: expected NAME=LOW..HIGH/STEP or NAME=ONE,OTHER, several different values, got ''"),
        ("bar=1..5", r"expected one of bars, deviations, sides, max_bars before =, got 'bar'"),
        ("size=1..5", r"expected one of bars, deviations, sides, max_bars before =, got 'size'"),
        ("bars=20", "bars: expected .* several different values, got '20'"),
        ("bars=20,20", "bars: expected .* several different values, got '20,20'"),
        ("bars=30..20", "bars: expected a low end below the high one, .* got 30..20/1"),
        ("bars=2..20/0", "bars: expected .* steps above 0, got 2..20/0"),
        ("bars=2..2000/1", "bars: expected .* at most 1,000 steps above 0, got 2..2000/1"),
        ("deviations=1.5..2.5", "deviations: expected LOW..HIGH/STEP, as these are no whole numbers"),
        ("bars=1..3", "bars: expected a whole number of bars from 2 to 1000, got 1"),
        ("sides=long,up", 'sides: expected "long" or "short" or "both", got "up"'),
    ],
)
def test_what_cannot_be_tried_is_refused_by_name(word: str, said: str) -> None:
    with pytest.raises((ResearchError, ConfigError), match=f"--range: {said}"):
        space_of("bollinger", BollingerParameters(), (word,))


def test_each_parameter_is_said_once() -> None:
    with pytest.raises(ResearchError, match="--range: expected each parameter once, got bars again"):
        space_of("bollinger", BollingerParameters(), ("bars=20..30", "bars=40..50"))


def test_a_strategy_that_declares_none_is_said_so_and_one_beyond_its_own_rule_is_named() -> None:
    with pytest.raises(ResearchError, match=r"as my.py:Own declares no range"):
        space_of("my.py:Own", Undeclared(), ())
    with pytest.raises(ConfigError, match=r"my.py:Own: below: expected a whole number .* from 1 to 5, got 6"):
        space_of("my.py:Own", Wide(), ())
