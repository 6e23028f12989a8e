"""The order of the tests: all are run, and what takes long lies where nobody waits for it in the end."""

from hypothesis import given
from hypothesis import strategies as st

from tests.longest_first import dealt

A_FEW = st.integers(0, 30)


@given(A_FEW, A_FEW, st.integers(1, 6))
def test_each_test_is_run_once(long: int, others: int, workers: int) -> None:
    numbers = list(range(long + others))
    assert sorted(dealt(numbers[:long], numbers[long:], workers)) == numbers


def test_each_worker_begins_with_a_long_one_and_has_others_between() -> None:
    assert "".join(dealt("ABCD", "." * 16, 2)) == "A..C......B..D......"


def test_where_nothing_takes_long_the_order_stays() -> None:
    assert dealt("", "others", 4) == list("others")
