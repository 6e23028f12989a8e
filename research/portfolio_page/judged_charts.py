"""Charts that compare the train span with the test span: one a figure, a pair of marks a row."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from portfold.research.portfolio_page.wording import INFINITE, money, percent, ratio
from portfold.research.report.drawing import SMALL, Chart, Part, Trace, frame, still_axis
from portfold.research.search.findings import Winner
from portfold.research.statistics.metrics import Metrics

_HEIGHT_PX = 240
_NUMBERED = 12


class Compared(NamedTuple):
    """A figure of both spans: its name, how it is read and written, and the ticks of its axis."""

    name: str
    read: Callable[[Metrics], float | None]
    write: Callable[[float | None], str]
    axis: Part


def _factor(value: float | None) -> str:
    return INFINITE if value is None else ratio(value)


COMPARED = (
    Compared("Sharpe", lambda one: one.sharpe, ratio, {}),
    Compared("CAGR", lambda one: one.cagr, percent, {"tickformat": ".0%"}),
    Compared("Max drawdown", lambda one: one.max_dd, money, {"tickprefix": "$", "tickformat": "~s"}),
    Compared("Profit factor", lambda one: one.profit_factor, _factor, {}),
)


def judged_chart(of: Compared, rows: Sequence[Winner], chosen: int) -> Chart:
    """Draws each row's figure on both spans, by number of positions; shades that of `chosen` positions."""
    tested = sorted((row for row in rows if row.test is not None), key=lambda row: row.max_positions)
    levels = [row.max_positions for row in tested]
    then = [of.read(row.train) for row in tested]
    now = [of.read(row.test) if row.test is not None else None for row in tested]
    ticks: Part = {
        "tickmode": "array",
        "tickvals": levels,
        "ticktext": [_tick(level, chosen) for level in levels],
    }
    if len(levels) > _NUMBERED:
        ticks = {}
    return {
        "data": [
            _between(levels, then, now),
            _marks("where it was chosen", levels, then, of, "circle-open", "@ink"),
            _marks("where it is judged", levels, now, of, "circle", "@gain"),
        ],
        "layout": frame(_HEIGHT_PX, left_px=52, top_px=14, bottom_px=44)
        | {
            "showlegend": False,
            "xaxis": still_axis()
            | {"title": {"text": "positions", "font": SMALL}, "zeroline": False, "showgrid": False}
            | {"range": [levels[0] - 0.6, levels[-1] + 0.6]}
            | ticks,
            "yaxis": still_axis()
            | {"rangemode": "tozero", "zerolinecolor": "@rule", "zerolinewidth": 1.5, "nticks": 6}
            | of.axis,
            "shapes": [_band(chosen)],
        },
    }


def _tick(level: int, chosen: int) -> str:
    return f"<b>{level}</b>" if level == chosen else f"{level}"


def _between(levels: Sequence[int], then: Sequence[float | None], now: Sequence[float | None]) -> Trace:
    """Draws a line between the two marks of each pair."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "difference",
        "x": [x for level in levels for x in (level, level, None)],
        "y": [y for a, b in zip(then, now, strict=True) for y in (a, b, None)],
        "line": {"color": "@muted", "width": 1.2},
        "hoverinfo": "skip",
    }


def _marks(
    name: str, levels: Sequence[int], values: Sequence[float | None], of: Compared, symbol: str, color: str
) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": list(levels),
        "y": list(values),
        "text": [of.write(value) for value in values],
        "hovertemplate": "%{x} positions: %{text}<extra>" + name + "</extra>",
        "marker": {"symbol": symbol, "color": color, "size": 9, "line": {"width": 1.8, "color": color}},
    }


def _band(chosen: int) -> Part:
    return {
        "type": "rect",
        "layer": "below",
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "x0": chosen - 0.45,
        "x1": chosen + 0.45,
        "fillcolor": "@grid",
        "line": {"width": 0},
    }
