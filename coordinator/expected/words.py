"""What is said of the days beside those expected: lines for people, the same wherever they stand."""

from decimal import Decimal

from portfold.coordinator.expected.comparison import Beside, Comparison
from portfold.coordinator.expected.lived import Expectation, Lived
from portfold.coordinator.expected.sequential import CHART_DAYS, FALSE_SIGN, FOUND_SHARE, MISSED
from portfold.dollars import shown_limit

_CALLED = {
    "pnl": "P&L",
    "trades": "trades",
    "win_rate": "win rate",
    "block_rate": "entries denied",
    "stops": "daily stops",
}
_WEEK = 5
_LONG = 5_000
_MANY = 10


def span_of(days: int) -> str:
    """Says how many trading days: as weeks where they are whole ones."""
    if days % _WEEK == 0:
        return "1 week" if days == _WEEK else f"{days // _WEEK} weeks"
    return "1 day" if days == 1 else f"{days} days"


def rarity(found: Comparison) -> str:
    """Returns the sentence of how rarely so little is made where all is as expected."""
    return f"{span_of(found.lived.days)} of this {_seen_in(found)}"


def _seen_in(found: Comparison) -> str:
    count, of = found.as_bad, found.histories
    if not count:
        return f"would be seen in fewer than 1 of {of:,} histories"
    if of / count >= _MANY:
        return f"would be seen in 1 of {round(of / count)} histories"
    return f"or worse would be seen in {max(1, round(10 * count / of))} of 10 histories"


def figure_text(beside: Beside) -> str:
    """Says a figure and its band: `P&L $1,240 (-$300 to $4,100)`."""
    name = _CALLED[beside.name]
    lived = "none" if beside.lived is None else _value(beside.name, beside.lived)
    if beside.band is None:
        return f"{name} {lived}"
    low, high = (_value(beside.name, edge) for edge in beside.band)
    mark = "⚠️ " if beside.outside else ""
    return f"{mark}{name} {lived} ({low} to {high})"


def _value(name: str, value: float) -> str:
    if name == "pnl":
        return shown_limit(Decimal(round(value)))
    return f"{value:.0%}" if name.endswith("rate") else f"{value:,.0f}"


def standing_text(lived: Lived, expectation: Expectation) -> str:
    """Says where the test and the chart stand."""
    if expectation.hypotheses is None:
        return "No test: the days expected have no edge that could be halved"
    followed, on_chart = lived.followed, lived.followed.way_to_chart_sign(expectation.hypotheses)
    test = {
        "": f"not decided, {followed.way_to_sign:.0%} of the way to a sign",
        "as expected": f"as expected, since {followed.decided_on}",
        "half the edge": f"half the edge or less, since {followed.decided_on}",
    }[followed.verdict]
    chart = f"{on_chart:.0%} of the way to a sign"
    if followed.chart_on:
        chart = f"a decline, since {followed.chart_on}"
    return f"Test: {test} | Control chart: {chart}"


def rates_text(expectation: Expectation) -> str:
    """Says what the signs are worth; nothing where nothing is tested."""
    if expectation.hypotheses is None:
        return ""
    days = expectation.hypotheses.found_within
    within = f"{days:,} trading days" if days <= _LONG else f"more than {_LONG:,} trading days"
    charted = expectation.hypotheses.charted_after
    after = f"{charted:,} trading days" if charted <= _LONG else f"more than {_LONG:,} trading days"
    return (
        f"While all is as expected at most {FALSE_SIGN:.0%} of portfolios ever get the test's sign, and "
        f"false signs of the chart are about {CHART_DAYS:,} trading days apart. Of those with half the edge "
        f"{FOUND_SHARE:.0%} get the test's within {within}, and at most {MISSED:.0%} are called as expected; "
        f"the chart's comes after {after} on average."
    )


def sign_text(lived: Lived) -> str:
    """Says that less is made than was expected; nothing where no sign stands."""
    followed = lived.followed
    if not followed.has_sign:
        return ""
    on = min(day for day in (followed.chart_on, followed.decided_on) if day)
    made = f"{shown_limit(lived.pnl)} in {span_of(lived.days)}"
    return f"less is made than the portfolio was chosen for, since {on}: {made}"


def lines(found: Comparison, expectation: Expectation) -> tuple[str, ...]:
    """Returns all of it in three lines."""
    lived = found.lived
    return (
        f"Against what was expected, {span_of(lived.days)} from {lived.first}: "
        + " | ".join(map(figure_text, found.figures)),
        rarity(found),
        standing_text(lived, expectation),
    )
