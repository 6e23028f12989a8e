"""The bounds above which something is a warning sign, from both sides."""

import pytest

from portfold.bounds import too_many_blocked, too_many_stops


@pytest.mark.parametrize(
    ("blocked", "asked", "sign"), [(1, 2, False), (2, 3, True), (0, 0, False), (1, 0, False)]
)
def test_more_than_half_of_the_entries_denied_is_a_sign(blocked: int, asked: int, *, sign: bool) -> None:
    assert too_many_blocked(blocked, asked) == sign


@pytest.mark.parametrize(("stops", "sign"), [(3, False), (4, True)])
def test_more_than_three_stops_in_a_week_are_a_sign(stops: int, *, sign: bool) -> None:
    assert too_many_stops(stops) == sign
