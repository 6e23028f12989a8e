"""The map of all sets: drawdown against Sharpe, the frontier, greedy's way, the set that was chosen."""

from collections.abc import Sequence

from portfold.research.portfolio_page.wording import money, ratio
from portfold.research.report.drawing import SMALL, Chart, Part, Trace, dollar_axis, frame, still_axis
from portfold.research.report.wording import counted, label
from portfold.research.search.all_sets import AllSets, FrontSet
from portfold.research.search.findings import Winner
from portfold.research.search.search import Constraints, Visited

_HEIGHT_PX = 460
_FAR = 1.5
"""A limit more than so many times the deepest drawdown is not drawn, as it would flatten the map."""


def sets_map(found: AllSets, path: Sequence[Visited], chosen: Winner, constraints: Constraints) -> Chart:
    """Draws some of all sets, the frontier, greedy's `path` and the row `chosen` from it."""
    depths = [point.max_dd for point in found.map] + [one.metrics.max_dd for one in path]
    limit = constraints.max_dd if constraints.max_dd <= _FAR * max(depths, default=0.0) else None
    layout = frame(_HEIGHT_PX, left_px=52, top_px=40, bottom_px=50)
    return {
        "data": [_sets(found), _frontier(found.front), _way(path), _star(chosen)],
        "layout": layout
        | {
            "xaxis": dollar_axis()
            | {"title": {"text": "drawdown", "font": SMALL}, "fixedrange": True, "nticks": 7},
            "yaxis": still_axis()
            | {"title": {"text": "Sharpe", "font": SMALL}, "zeroline": True, "zerolinecolor": "@rule"},
            "shapes": [_line(limit)] if limit is not None else [],
        },
    }


def _sets(found: AllSets) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "sets",
        "x": [point.max_dd for point in found.map],
        "y": [point.sharpe for point in found.map],
        "customdata": [point.max_positions for point in found.map],
        "hovertemplate": "%{customdata} positions: drawdown $%{x:,.0f}, Sharpe %{y:.2f}<extra></extra>",
        "marker": {"color": "@muted", "size": 4, "opacity": 0.45},
    }


def _frontier(front: Sequence[FrontSet]) -> Trace:
    """Draws what no other set betters in all three figures: of two of them that is no line."""
    return _named("frontier", "markers", "@gain") | {
        "x": [one.metrics.max_dd for one in front],
        "y": [one.metrics.sharpe for one in front],
        "text": [
            f"{counted(one.max_positions, 'position')} of {_symbols(one.symbols)}<br>"
            f"drawdown {money(one.metrics.max_dd)}, Sharpe {ratio(one.metrics.sharpe)}, "
            f"return {money(one.metrics.total_return)}"
            for one in front
        ],
        "marker": {"color": "@gain", "size": 8, "symbol": "diamond"},
    }


def _way(path: Sequence[Visited]) -> Trace:
    return _named("greedy's way", "lines+markers", "@ink") | {
        "x": [one.metrics.max_dd for one in path],
        "y": [one.metrics.sharpe for one in path],
        "text": [
            f"{counted(len(one.symbols), 'symbol')}: drawdown {money(one.metrics.max_dd)}, "
            f"Sharpe {ratio(one.metrics.sharpe)}"
            + (f"<br>next drops {label(one.dropped)}" if one.dropped else "")
            for one in path
        ],
        "line": {"color": "@ink", "width": 1.2},
        "marker": {"color": "@ink", "size": 5},
    }


def _star(chosen: Winner) -> Trace:
    found = chosen.train
    words = (
        f"chosen: {_symbols(chosen.symbols)}<br>drawdown {money(found.max_dd)}, Sharpe {ratio(found.sharpe)}"
    )
    return _named("chosen", "markers", "@loss") | {
        "x": [found.max_dd],
        "y": [found.sharpe],
        "text": [words],
        "marker": {"color": "@loss", "size": 16, "symbol": "star"},
    }


def _named(name: str, mode: str, color: str) -> Trace:
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "hovertemplate": "%{text}<extra></extra>",
        "hoverlabel": {"font": {"color": color}},
    }


def _symbols(symbols: Sequence[str]) -> str:
    return " ".join(map(label, symbols))


def _line(limit: float) -> Part:
    return {
        "type": "line",
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "x0": limit,
        "x1": limit,
        "line": {"color": "@loss", "width": 1.6, "dash": "dash"},
    }
