"""What the page is about: a row of a table, and all that is known of it."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from portfold.research.portfolio_page.replayed import Replayed
from portfold.research.search.config_export import PortfolioChoice
from portfold.research.search.findings import Findings, Winner
from portfold.research.search.tables import GREEDY_COLUMNS
from portfold.research.statistics.significance import Intervals

SPAN_UNKNOWN = "on days that are not known"
ON_TEST = "on the test span"
ON_TRAIN = "on the days it was chosen on"


class JudgedFigures(Struct, frozen=True):
    """The figures the row is judged by, by the table's names; where from, in words; `intervals` if known."""

    where: str
    by_name: Mapping[str, float | None]
    intervals: Intervals | None


class Subject(Struct, frozen=True):
    """The row `choice`, the first rows of its table, it among them or not, and the row simulated again.

    Without `replayed`, `why_not` says why nothing was simulated: one sentence. `version` is ours.
    """

    choice: PortfolioChoice
    rows: Sequence[PortfolioChoice]
    replayed: Replayed | None
    why_not: str
    version: str

    @property
    def findings(self) -> Findings | None:
        """Those of the table."""
        return self.choice.findings

    @property
    def winner(self) -> Winner | None:
        """What the search knew of the row."""
        return self.choice.winner

    @property
    def figures(self) -> JudgedFigures:
        """Where there was a test span, it is judged by that."""
        winner, again = self.winner, self.replayed
        if winner is None:
            return JudgedFigures(SPAN_UNKNOWN, self.choice.figures, None)
        if winner.test is None:
            return JudgedFigures(ON_TRAIN, _named(winner.train), winner.intervals)
        test = again.test if again is not None else None
        return JudgedFigures(ON_TEST, _named(winner.test), test.intervals if test is not None else None)


def _named(metrics: object) -> dict[str, float | None]:
    return {name: getattr(metrics, name) for name in GREEDY_COLUMNS[3:]}
