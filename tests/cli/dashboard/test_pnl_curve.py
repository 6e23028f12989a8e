"""The drawing of the day's P&L."""

import re
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from portfold.cli.dashboard.pnl_curve import HEIGHT, WIDTH, pnl_curve

AMOUNTS = st.decimals(-(10**9), 10**9, places=2)


def test_nothing_is_drawn_of_nothing() -> None:
    assert pnl_curve([], [("stop", Decimal(-2500))], 1) is None


def test_a_step_is_drawn_where_the_amount_changes() -> None:
    drawn = pnl_curve([(0, Decimal(0)), (50, Decimal(100))], [], 100)
    assert drawn is not None
    assert drawn.line == "M0.0 223.4H500.0V16.6H1000.0V16.6"
    assert (drawn.lowest, drawn.highest) == (Decimal(0), Decimal(100))


def test_the_stop_lies_below_what_did_not_reach_it() -> None:
    drawn = pnl_curve([(0, Decimal(0)), (10, Decimal(-2480))], [("stop", Decimal(-2500))], 10)
    assert drawn is not None
    stop = next(level for level in drawn.levels if level.name == "stop")
    assert stop.y > drawn.last_y


@given(st.lists(st.tuples(st.integers(0, 10**13), AMOUNTS), min_size=1, max_size=2000), AMOUNTS)
def test_all_of_it_lies_within_the_drawing(points: list[tuple[int, Decimal]], stop: Decimal) -> None:
    ordered = sorted(points, key=lambda point: point[0])
    drawn = pnl_curve(ordered, [("stop", stop)], ordered[-1][0])
    assert drawn is not None
    across = [float(text) for text in re.findall(r"[MH]([\d.-]+)", drawn.line)]
    down = [float(text) for text in re.findall(r"[V ]([\d.-]+)", drawn.line)]
    assert all(0 <= x <= WIDTH for x in across)
    assert all(0 <= y <= HEIGHT for y in (*down, *(level.y for level in drawn.levels)))
    assert len(across) <= 2000
