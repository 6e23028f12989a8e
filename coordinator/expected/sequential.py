"""Does it still make what was expected of it: Wald's sequential test, and a control chart. Pure.

- As expected (H0): a day's P&L is one of the expected days', each as likely as the others.
- Half the edge (H1): it is one of the same days', weighted so that their mean is half of what was expected.
  The weights are w(x) = e^(-t·x) / mean(e^(-t·x)), the tilting of Esscher ("On the Probability Function in
  the Collective Theory of Risk", Skandinavisk Aktuarietidskrift 15, 1932); for normal days that is the mean
  halved and the spread kept. No form of the days is assumed, and so fat tails raise no false signs.
- A day speaks for H1 by its log likelihood ratio, ln w(x) = -t·x - ln mean(e^(-t·x)).
- The test (A. Wald, "Sequential Tests of Statistical Hypotheses", Annals of Mathematical Statistics 16, 1945)
      adds these up from the first day on. At ln(1/FALSE_SIGN) it says half the edge, at ln(MISSED) as
      expected, and is over. These are Wald's inequalities and not his approximations: of portfolios that are
      as expected at most FALSE_SIGN ever get the sign, of those with half the edge at most MISSED are called
      as expected.
- The chart (E. S. Page, "Continuous Inspection Schemes", Biometrika 41, 1954) adds up the same, but never
  falls below nothing, so that good days of the past hide no decline. Its bound is where false signs are
  CHART_DAYS apart on average as long as all is as expected, by Siegmund's approximation ("Sequential
  Analysis", 1985, II.6).
- How long it takes to find half the edge follows from the days: the sum drifts up by `drift` a day, and the
  time until it has come to the bound has the inverse Gaussian distribution (Wald, "Sequential Analysis",
  1947, A.6); the bound is taken 0.583 spreads higher, as a sum that is looked at once a day oversteps it (D.
  Siegmund, "Sequential Analysis", 1985, chapter 10).

Where days go together (`block_days` above 1) what they add is divided by how much more their sums vary than
those of days that do not: the long-run variance over the variance, with the weights of M. S. Bartlett, never
below 1. docs/statistics.md has what was measured of all of it.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from msgspec import Struct

FALSE_SIGN = 0.05
MISSED = 0.1
CHART_DAYS = 2500
FOUND_SHARE = 0.8
"""The share of portfolios with half the edge that `Hypotheses.found_within` speaks of."""
EDGE_LEFT = 0.5
_OVERSTEP = 0.583
_LONGEST = 1_000_000
_HALVINGS = 60

Verdict = Literal["", "as expected", "half the edge"]


class Hypotheses(NamedTuple):
    """What the test reckons with: `tilt` a dollar, `offset` a day; both in logarithms.

    `drift` and `spread` are the mean and the standard deviation of what a day adds where half the edge is
    left, `chart_bound` is where the chart gives its sign.
    """

    tilt: float
    offset: float
    drift: float
    spread: float
    chart_bound: float

    def weight(self, pnl: float) -> float:
        """Returns how much a day with this P&L speaks for half the edge; below 0 against it."""
        return -self.tilt * pnl - self.offset

    @property
    def found_within(self) -> int:
        """Returns within how many trading days FOUND_SHARE of portfolios with half the edge get the sign."""
        bound = math.log(1 / FALSE_SIGN) + _OVERSTEP * self.spread
        few, many = 0, 1
        while _arrived(bound, self.drift, self.spread, many) < FOUND_SHARE + MISSED and many < _LONGEST:
            few, many = many, many * 2
        while many - few > 1:
            middle = (few + many) // 2
            enough = _arrived(bound, self.drift, self.spread, middle) >= FOUND_SHARE + MISSED
            few, many = (few, middle) if enough else (middle, many)
        return many

    @property
    def charted_after(self) -> int:
        """Returns after how many days the chart gives its sign on average, once half the edge is left."""
        bound = self.chart_bound + 2 * _OVERSTEP * self.spread
        return math.ceil((math.exp(-bound) + bound - 1) / self.drift)


class Followed(Struct, frozen=True):
    """The test and the chart after some days.

    `weighed` and `chart` are their sums. `verdict` is what the test said on `decided_on`, after which it is
    over; `chart_on` the day of the chart's first sign. A sign stands until other days are expected.
    """

    weighed: float = 0.0
    chart: float = 0.0
    verdict: Verdict = ""
    decided_on: str = ""
    chart_on: str = ""

    @property
    def has_sign(self) -> bool:
        """Returns whether either says that less is made than was expected."""
        return self.verdict == "half the edge" or bool(self.chart_on)

    @property
    def way_to_sign(self) -> float:
        """Returns how far the test is on its way to the sign, as a fraction; 0 where it leans away."""
        return min(1.0, max(0.0, self.weighed / math.log(1 / FALSE_SIGN)))

    def way_to_chart_sign(self, hypotheses: Hypotheses) -> float:
        """Returns the same of the chart."""
        return min(1.0, self.chart / hypotheses.chart_bound)

    def after(self, day: str, pnl: float, hypotheses: Hypotheses) -> "Followed":
        """Returns this after one trading day more."""
        weight = hypotheses.weight(pnl)
        weighed = self.weighed if self.verdict else self.weighed + weight
        verdict = self.verdict or _verdict(weighed)
        chart = max(0.0, self.chart + weight)
        signs = chart >= hypotheses.chart_bound
        return Followed(
            weighed=weighed,
            chart=chart,
            verdict=verdict,
            decided_on=self.decided_on or (day if verdict else ""),
            chart_on=self.chart_on or (day if signs else ""),
        )


def hypotheses_of(pnl: Sequence[float], block_days: float = 1.0) -> Hypotheses | None:
    """Returns what is tested against days with this P&L, in their order.

    None where there is no edge to be halved: where they lost on average, are all alike, or none made less
    than half of the mean.
    """
    mean = math.fsum(pnl) / len(pnl)
    spread = math.sqrt(math.fsum((one - mean) ** 2 for one in pnl) / len(pnl))
    if mean <= 0 or spread <= mean * 1e-9 or min(pnl) >= EDGE_LEFT * mean:
        return None
    units = [one / spread for one in pnl]
    tilt = _tilt_to(units, EDGE_LEFT * mean / spread)
    weights = _weights(units, tilt)
    offset = _log_mean(units, tilt)
    adds = [-tilt * unit - offset for unit in units]
    drift = math.fsum(weight * add for weight, add in zip(weights, adds, strict=True))
    varies = math.fsum(weight * (add - drift) ** 2 for weight, add in zip(weights, adds, strict=True))
    more = _varies_more(units, block_days)
    half_spread = math.sqrt(varies / more)
    bound = _chart_bound(-math.fsum(adds) / len(adds) / more, half_spread)
    return Hypotheses(tilt / spread / more, offset / more, drift / more, half_spread, bound)


def _chart_bound(falls: float, spread: float) -> float:
    """Returns the bound at which false signs are CHART_DAYS apart, where the sum `falls` so much a day."""
    low, high = 0.0, math.log(CHART_DAYS)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = middle + 2 * _OVERSTEP * spread
        too_near = (math.exp(above) - above - 1) / falls < CHART_DAYS
        low, high = (middle, high) if too_near else (low, middle)
    return high


def _varies_more(units: Sequence[float], block_days: float) -> float:
    """Returns how much more sums of days vary than if they did not go together; at least 1."""
    count, mean = len(units), math.fsum(units) / len(units)
    far = [unit - mean for unit in units]
    lags = min(count - 1, round(2 * block_days)) if block_days > 1 else 0
    more = 1.0
    for lag in range(1, lags + 1):
        together = math.fsum(a * b for a, b in zip(far, far[lag:], strict=False)) / count
        more += 2 * (1 - lag / (lags + 1)) * together
    return max(1.0, more)


def _verdict(weighed: float) -> Verdict:
    if weighed >= math.log(1 / FALSE_SIGN):
        return "half the edge"
    return "as expected" if weighed <= math.log(MISSED) else ""


def _tilt_to(units: Sequence[float], mean: float) -> float:
    """Returns the tilt at which the weighted mean is `mean`: it falls as the tilt grows."""
    low, high = 0.0, 1.0
    while _mean(units, high) > mean:
        low, high = high, high * 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _mean(units, middle) > mean else (low, middle)
    return high


def _mean(units: Sequence[float], tilt: float) -> float:
    return math.fsum(weight * unit for weight, unit in zip(_weights(units, tilt), units, strict=True))


def _weights(units: Sequence[float], tilt: float) -> list[float]:
    """Returns the weights of the days, which add up to 1."""
    least = min(units)
    raised = [math.exp(-tilt * (unit - least)) for unit in units]  # at most 1, so nothing overflows
    total = math.fsum(raised)
    return [one / total for one in raised]


def _log_mean(units: Sequence[float], tilt: float) -> float:
    least = min(units)
    raised = math.fsum(math.exp(-tilt * (unit - least)) for unit in units)
    return math.log(raised / len(units)) - tilt * least


def _arrived(bound: float, drift: float, spread: float, days: int) -> float:
    """Returns the chance that a walk has come to the bound within so many days."""
    width = spread * math.sqrt(days)
    ahead, behind = (drift * days - bound) / width, (-drift * days - bound) / width
    return _normal(ahead) + math.exp(min(2 * drift * bound / spread**2, 700.0)) * _normal(behind)


def _normal(value: float) -> float:
    return math.erfc(-value / math.sqrt(2)) / 2
