"""What a search comes to in one sentence: whether there is anything that luck does not explain.

Two figures decide, each measured in docs/statistics.md: the reality check over all sets that were tried, and
the interval of the Sharpe on days that chose nothing. Neither knows what was tried before there were files.
"""

from typing import Literal

from portfold.research.search.findings import Winner
from portfold.research.statistics.intervals import Interval
from portfold.research.statistics.reality_check import RealityCheck

LARGEST_CHANCE = 0.05
"""The probability of looking as good by luck at which the reality check says no more than luck."""

Verdict = Literal["cannot be told", "of all sets", "luck", "unjudged", "not confirmed", "holds"]


def verdict(checked: RealityCheck | None, tested: Interval | None) -> Verdict:
    """Judges a chosen set by its reality check, and the interval of its Sharpe on a test span, if any."""
    if checked is None:
        return "cannot be told"
    if checked.p_value > LARGEST_CHANCE:
        return "luck"
    if tested is None:
        return "unjudged"
    return "holds" if tested.low > 0 else "not confirmed"


def verdict_on(winner: Winner) -> Verdict:
    """Judges the best set of a number of positions."""
    if winner.of_all:
        return "of all sets"
    tested = winner.test_intervals
    return verdict(winner.reality_check, tested.sharpe if tested is not None else None)


IN_WORDS: dict[Verdict, str] = {
    "cannot be told": "Too few days, or none that vary: merit cannot be told from luck.",
    "of all sets": "The best of all sets: how much of it is luck the probability of overfitting and other "
    "days say.",
    "luck": "Nothing here: luck explains how good the best of the sets looks.",
    "unjudged": "Better than luck explains, on the days it was chosen on. No other days have judged it.",
    "not confirmed": "Nothing here that holds: better than luck explains where it was chosen, and on the "
    "test span the 95 % interval of its Sharpe has 0 in it.",
    "holds": "Something here: better than luck explains where it was chosen, and on the test span the whole "
    "95 % interval of its Sharpe is above 0.",
}
