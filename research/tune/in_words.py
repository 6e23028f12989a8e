"""What tuning comes to in one sentence, by the figures that judge a search (`research.search.verdict`).

How often each sentence is right is measured in docs/statistics.md.
"""

from portfold.research.search.verdict import Verdict, verdict
from portfold.research.tune.tuning import Luck

IN_WORDS: dict[Verdict, str] = {
    "cannot be told": "Too few days, or none that vary: merit cannot be told from luck.",
    "luck": "Nothing here: luck explains how good the best of the sets of parameters looks.",
    "unjudged": "Better than luck explains. No other days have judged it.",
    "not confirmed": "Nothing here that holds: the best set looks better than luck explains, and out of "
    "sample the 95 % interval of the Sharpe has 0 in it.",
    "holds": "Something here: the best set looks better than luck explains, and out of sample the whole "
    "95 % interval of the Sharpe is above 0.",
}

MEASURED = 'Of 100 random walks that were tuned, 3 ended in "something here": docs/statistics.md.'
"""What `python -m benchmarks.tuning --runs 100` has found."""


def verdict_on(luck: Luck) -> Verdict:
    """Judges tuned parameters: by the reality check among the sets of the last choice, and the test spans."""
    return verdict(luck.reality_check, luck.tested)
