"""Each evening the days so far are held against those expected, and a sign is told once."""

from typing import Any

from portfold.coordinator.expected.lived import Expectation
from tests.coordinator.expected.made import expected_days
from tests.coordinator.story import DAY, chicago
from tests.notifier.telling import Telling

MONDAY = chicago(2025, 1, 13, 10)


def expecting(**days: Any) -> Telling:
    """The telling of a portfolio of which something is expected, from a Monday on."""
    return Telling(MONDAY, Expectation.of(expected_days(**days)))


def loses(telling: Telling, days: int) -> list[str]:
    """So many days each lose 900 dollars: the alerts of their ends."""
    for _ in range(days):
        telling.enters("CL")
        telling.closes("CL", pnl="-900")
        telling.after(DAY)
    return telling.told()


def test_the_summary_of_a_day_holds_the_days_against_those_expected() -> None:
    [summary] = [text for text in loses(expecting(), 1) if text.startswith("Day ")]
    lines = summary.split("\n")
    assert lines[3] == "Stops: 0"
    assert lines[4].startswith("Against what was expected, 1 day from 2025-01-13: P&L $-900 ($-1,")
    assert lines[5].startswith("1 day of this would be seen in 1 of 1")
    assert lines[6].startswith("Test: not decided, ")


def test_a_sign_is_told_once() -> None:
    telling = expecting()
    told = [text for text in loses(telling, 11) if "LESS THAN EXPECTED" in text]
    assert len(told) == 1
    assert told[0].startswith("⚠️ LESS THAN EXPECTED: less is made than the portfolio was chosen for, since ")
    assert told[0].endswith("All of it: portfold audit expected")
    assert (int(telling.book.lived.pnl), telling.book.lived.days) == (-9900, 9), "the weekend is Monday's"


def test_days_before_the_first_that_counts_are_not_held_against_anything() -> None:
    told = loses(expecting(since="2025-01-15"), 3)
    beside = [text.split("\n")[4].split(":")[0] for text in told if text.count("\n") > 3]
    assert beside == ["Against what was expected, 1 day from 2025-01-15"]
