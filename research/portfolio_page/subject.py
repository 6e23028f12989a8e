"""The subject of the page: a row of a table, its findings and its simulation."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from portfold.research.portfolio_page.replayed import Replayed
from portfold.research.search.config_export import PortfolioChoice
from portfold.research.search.findings import Findings, Winner
from portfold.research.search.tables import GREEDY_COLUMNS
from portfold.research.statistics.intervals import Intervals

SPAN_UNKNOWN = "on days that are not known"
ON_TEST = "on the test span"
ON_TRAIN = "on the days it was chosen on"


class JudgedFigures(Struct, frozen=True):
    """The figures that judge the row, by the table's names; `where` says on which days; `intervals` if
    known."""

    where: str
    by_name: Mapping[str, float | None]
    intervals: Intervals | None

    @property
    def intervals_are(self) -> str:
        """Says what the intervals are: those of the days it was chosen on know nothing of the choosing."""
        return "95% interval" if self.where == ON_TEST else "95% interval before selection"


class Subject(Struct, frozen=True):
    """The row `choice`, the first rows of its table, and the row simulated again.

    `why_not` is one sentence that says why nothing was simulated. `version` is that of portfold.
    """

    choice: PortfolioChoice
    rows: Sequence[PortfolioChoice]
    replayed: Replayed | None
    why_not: str
    version: str

    @property
    def findings(self) -> Findings | None:
        """Returns the findings of the table."""
        return self.choice.findings

    @property
    def winner(self) -> Winner | None:
        """Returns the row of the findings."""
        return self.choice.winner

    @property
    def figures(self) -> JudgedFigures:
        """Returns the figures of the test span; of the train span where there was no other."""
        winner, again = self.winner, self.replayed
        if winner is None:
            return JudgedFigures(SPAN_UNKNOWN, self.choice.figures, None)
        if winner.test is None:
            return JudgedFigures(ON_TRAIN, _named(winner.train), winner.intervals)
        test = again.test if again is not None else None
        return JudgedFigures(ON_TEST, _named(winner.test), test.intervals if test is not None else None)


def _named(metrics: object) -> dict[str, float | None]:
    return {name: getattr(metrics, name) for name in GREEDY_COLUMNS[3:]}
