"""Charts of how much is luck: ranks on other days, drawings of lots, the choice made anew each quarter."""

from collections.abc import Sequence

from portfold.research.kernel.anew import ChosenAnew
from portfold.research.portfolio_page.wording import money
from portfold.research.report.drawing import SMALL, Chart, Part, frame, still_axis
from portfold.research.report.wording import label
from portfold.research.statistics.lots import LotsSpread
from portfold.research.statistics.overfitting import Overfitting

_HEIGHT_PX = 240
_HALF = 0.5


def ranks_chart(found: Overfitting) -> Chart:
    """Draws which rank the set that was best on one half of the days had on the other, from 0 to 100 %."""
    count = len(found.ranks)
    middles = [100 * (number + 0.5) / count for number in range(count)]
    tones = ["@loss" if middle < 100 * _HALF else "@gain" for middle in middles]
    texts = [
        f"rank {100 * number / count:.0f} to {100 * (number + 1) / count:.0f} %: {many:,} choices"
        for number, many in enumerate(found.ranks)
    ]
    return _bars(middles, found.ranks, texts, tones, "rank on the other half, percent of all sets", {})


def lots_chart(found: LotsSpread) -> Chart:
    """Draws how many drawings of lots come to which Sharpe; outside of the dashed lines lies a tenth."""
    count = len(found.counts)
    step = (found.most - found.least) / count if found.most > found.least else 1 / count
    middles = [found.least + (number + 0.5) * step for number in range(count)]
    texts = [
        f"Sharpe about {at:.2f}: {many:,} drawings" for at, many in zip(middles, found.counts, strict=True)
    ]
    lines = [_line(at, "dash") for at in (found.low, found.high)]
    return _bars(
        middles,
        found.counts,
        texts,
        ["@gain"] * count,
        "Sharpe",
        {"shapes": [*lines, _line(found.middle, "solid")]},
    )


def anew_chart(found: ChosenAnew) -> Chart:
    """Draws the dollars of each quarter, made by what was chosen on the days before it."""
    made = [quarter.made for quarter in found.quarters]
    texts = [
        f"{quarter.first_day} to {quarter.last_day}: {money(quarter.made)}<br>"
        + (
            f"{quarter.max_positions} positions of {' '.join(map(label, quarter.symbols))}"
            if quarter.symbols
            else "no set was valid before"
        )
        for quarter in found.quarters
    ]
    tones = ["@gain" if one >= 0 else "@loss" for one in made]
    days = [quarter.first_day for quarter in found.quarters]
    return _bars(
        days, made, texts, tones, "", {"yaxis": still_axis() | {"tickprefix": "$", "tickformat": "~s"}}
    )


def _bars(
    at: Sequence[object],
    high: Sequence[float],
    texts: Sequence[str],
    tones: Sequence[str],
    below: str,
    more: Part,
) -> Chart:
    return {
        "data": [
            {
                "type": "bar",
                "name": below,
                "x": list(at),
                "y": list(high),
                "text": list(texts),
                "textposition": "none",
                "hovertemplate": "%{text}<extra></extra>",
                "marker": {"color": list(tones)},
            }
        ],
        "layout": frame(_HEIGHT_PX, left_px=52, top_px=14, bottom_px=44)
        | {
            "showlegend": False,
            "bargap": 0.08,
            "xaxis": still_axis() | {"title": {"text": below, "font": SMALL}, "zeroline": False},
            "yaxis": still_axis() | {"rangemode": "tozero"},
        }
        | more,
    }


def _line(at: float, dash: str) -> Part:
    return {
        "type": "line",
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "x0": at,
        "x1": at,
        "line": {"color": "@ink", "width": 1.2, "dash": dash},
    }
