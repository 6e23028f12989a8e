"""Measures what the signs of live against expected are worth, on histories whose truth is known.

Days are expected of a made-up portfolio; `--histories` are then lived, each twice as long as the test says it
needs. Some are drawn from the days expected: how many ever get the test's sign, and how far apart are the
chart's? Of others half the edge is left: how many get the sign within the days stated? docs/statistics.md has
the figures, and says what they mean.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring.options import count, parser, sized
from portfold.coordinator.expected.sequential import CHART_DAYS, FALSE_SIGN, MISSED, Hypotheses, hypotheses_of
from portfold.research.statistics.bootstrap import block_length, stationary_days
from portfold.research.statistics.metrics import DAYS_A_YEAR, Floats

_AT_ONCE = 250
_DOLLARS_A_DAY = 1_000.0
_DEPENDENCE = 0.2
Draw = Callable[[int, int], Floats]


class Kind(NamedTuple):
    """How the days of a portfolio are made, and its Sharpe by the year."""

    name: str
    sharpe: float


KINDS = (
    *(Kind("normal", sharpe) for sharpe in (2.0, 4.0, 8.0)),
    Kind("fat-tailed", 4.0),
    Kind("dependent", 4.0),
)


class Lived(NamedTuple):
    """What was said of histories: when each got the test's sign, was called as expected, and signs of the
    chart in all."""

    sign_on: NDArray[np.int64]
    expected_on: NDArray[np.int64]
    chart_signs: int


def main() -> None:
    """Measures, and prints a line for each kind of days."""
    options = parser("expected", __doc__)
    options.add_argument("--histories", type=count, default=10_000, help="lived of each kind (10000)")
    options.add_argument("--days", type=count, default=750, help="expected of each portfolio (750)")
    options.add_argument("--seed", type=int, default=1, help="of the days (1)")
    asked = sized(options, histories=20, days=200)
    print(
        f"{asked.histories:,} histories a figure; stated: false {FALSE_SIGN:.0%}, missed "
        f"{MISSED:.0%}, chart's {CHART_DAYS:,} days apart"
    )
    for kind in KINDS:
        print(_line(kind, asked.histories, asked.days, np.random.default_rng(asked.seed)))


def _line(kind: Kind, histories: int, days: int, random: np.random.Generator) -> str:
    expected = _made(kind, days, random)
    blocks = block_length(expected) if kind.name == "dependent" else 1.0
    tested = hypotheses_of(expected.tolist(), blocks)
    if tested is None:
        raise SystemExit(f"{kind.name}: the days have no edge to halve; another --seed makes others.")
    within = tested.found_within

    def as_expected(count: int, length: int) -> Floats:
        if length > days:
            whole: Floats = np.hstack([as_expected(count, days), as_expected(count, length - days)])
            return whole
        picked: Floats = expected[stationary_days(days, blocks, count, random)[:, :length]]
        return picked

    weights = np.exp([tested.weight(one) for one in expected])
    weights /= weights.sum()

    def tilted(count: int, length: int) -> Floats:
        drawn: Floats = random.choice(expected, (count, length), p=weights)
        return drawn

    def lower(count: int, length: int) -> Floats:
        less: Floats = as_expected(count, length) - expected.mean() / 2
        return less

    usual, half, less = (_lived(draw, tested, histories, 2 * within) for draw in (as_expected, tilted, lower))
    delay = histories * 2 * within / max(1, less.chart_signs)
    apart = histories * 2 * within / max(1, usual.chart_signs)
    return (
        f"{kind.name}, Sharpe {kind.sharpe:g}: half the edge found within {within:,} days stated; "
        f"false signs {_ever(usual.sign_on):.1%}; chart's false signs {apart:,.0f} days apart; "
        f"half the edge found in time {_within(half, within):.1%}, {_within(less, within):.1%} with the "
        f"spread kept; charted after {delay:,.0f} days ({tested.charted_after:,} stated); "
        f"called as expected {_ever(half.expected_on):.1%}, {_ever(less.expected_on):.1%}"
    )


def _made(kind: Kind, days: int, random: np.random.Generator) -> Floats:
    """Makes days with exactly that Sharpe."""
    drawn: Floats = random.standard_t(3, days) if kind.name == "fat-tailed" else random.normal(size=days)
    if kind.name == "dependent":
        for day in range(1, days):
            drawn[day] += _DEPENDENCE * drawn[day - 1]
    standard = (drawn - drawn.mean()) / drawn.std(ddof=1)
    made: Floats = _DOLLARS_A_DAY * (standard + kind.sharpe / math.sqrt(DAYS_A_YEAR))
    return made


def _lived(draw: Draw, tested: Hypotheses, histories: int, length: int) -> Lived:
    """Lives so many histories, a few at a time for the memory they take."""
    parts = list(_parts(draw, tested, histories, length))
    sign_on, expected_on = (np.concatenate([part[place] for part in parts]) for place in (0, 1))
    return Lived(sign_on, expected_on, sum(part.chart_signs for part in parts))


def _parts(draw: Draw, tested: Hypotheses, histories: int, length: int) -> Iterator[Lived]:
    for first in range(0, histories, _AT_ONCE):
        made = draw(min(_AT_ONCE, histories - first), length)
        adds = -tested.tilt * made - tested.offset
        sums = np.cumsum(adds, axis=1)
        sign, expected = _first(sums >= math.log(1 / FALSE_SIGN)), _first(sums <= math.log(MISSED))
        never = np.int64(2**62)
        yield Lived(
            np.where(sign < expected, sign, never),
            np.where(expected < sign, expected, never),
            _charted(adds, tested.chart_bound),
        )


def _first(reached: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Returns the first day on which each history has reached it, from 1; far beyond all where none has."""
    days: NDArray[np.int64] = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, 2**62)
    return days


def _charted(adds: Floats, bound: float) -> int:
    """Counts the chart's signs; it begins anew after each."""
    chart, signs = np.zeros(len(adds)), 0
    for day in adds.T:
        chart = np.maximum(0.0, chart + day)
        over = chart >= bound
        signs += int(over.sum())
        chart[over] = 0.0
    return signs


def _ever(days: NDArray[np.int64]) -> float:
    return float((days < 2**62).mean())


def _within(lived: Lived, days: int) -> float:
    return float((lived.sign_on <= days).mean())


if __name__ == "__main__":
    main()
