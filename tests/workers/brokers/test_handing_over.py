"""An order to Interactive Brokers on its way to the thread that writes it: within a moment, or never."""

import pytest

from portfold.workers.brokers.ibkr.handing_over import HandingOver, NotSent


class Clocks:
    """A clock that never jumps, and the machine's."""

    def __init__(self) -> None:
        self.now = (100.0, 1_000.0)

    def __call__(self) -> tuple[float, float]:
        return self.now


@pytest.mark.parametrize("after", [(101.0, 1_001.0), (100.5, 900.0)])
def test_it_is_written_within_a_moment_also_where_the_machines_clock_is_put_back(
    after: tuple[float, float],
) -> None:
    clocks = Clocks()
    handing = HandingOver(clocks)
    clocks.now = after
    handing.do(lambda: 7)
    assert handing.wait(1.0) == 7


@pytest.mark.parametrize("after", [(101.5, 1_001.5), (100.0, 4_600.0)])
def test_it_is_never_written_by_a_process_that_was_halted_or_a_machine_that_slept(
    after: tuple[float, float],
) -> None:
    clocks, written = Clocks(), list[int]()
    handing = HandingOver(clocks)
    clocks.now = after

    def write() -> int:
        written.append(7)
        return 7

    handing.do(write)
    with pytest.raises(NotSent, match="was not sent any more"):
        handing.wait(1.0)
    assert written == []


def test_it_is_never_written_once_it_was_given_up() -> None:
    handing = HandingOver()
    with pytest.raises(NotSent, match="too busy"):
        handing.wait(0.0)
    handing.do(lambda: pytest.fail("it was written"))
