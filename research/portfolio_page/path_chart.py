"""The chart of the greedy paths: drawdown and Sharpe as symbols are dropped, by number of positions."""

from collections.abc import Mapping, Sequence

from portfold.research.portfolio_page.wording import money, ratio
from portfold.research.report.drawing import SMALL, Chart, Part, Trace, dollar_axis, frame, note, still_axis
from portfold.research.report.wording import label, number
from portfold.research.search.search import Constraints, Symbols, Visited

_HEIGHT_PX = 560
_LEFT_PX = 72
_ABOVE, _BELOW = (0.56, 1.0), (0.0, 0.44)
_FAINTEST, _BOLDEST = 0.30, 0.85
_LABELS = 10
_FAR = 3
"""A limit more than so many times the deepest drawdown is not drawn, as it would flatten the lines."""
_LEGEND = {"y": 1.06, "entrywidth": 34, "title": {"text": "positions", "side": "left", "font": {"size": 12}}}
_WHY = {"drawdown": "lowers the drawdown most", "sharpe": "is the weakest alone"}


def path_chart(
    paths: Mapping[int, Sequence[Visited]],
    kept: Mapping[int, Symbols],
    constraints: Constraints,
    chosen: int,
) -> Chart:
    """Draws the greedy paths and the set `kept` of each, by number of positions; `chosen` is the page's."""
    levels = [*(level for level in sorted(paths) if level != chosen), chosen]  # drawn last, over the others
    most = max(len(path[0].symbols) for path in paths.values())
    data = [
        trace
        for level in levels
        for trace in _way(level, paths[level], kept.get(level), constraints, _style(level, paths, chosen))
    ]
    below = still_axis() | {"range": [most + 0.5, 0.5], "anchor": "y2", "zeroline": False, "tickangle": 0}
    ticks: Part = {"dtick": -(-most // _LABELS), "tick0": most}
    layout = frame(_HEIGHT_PX, left_px=_LEFT_PX, top_px=64, bottom_px=50)
    deepest = max(visited.metrics.max_dd for path in paths.values() for visited in path)
    far = constraints.max_dd > _FAR * deepest > 0
    limit = f"limit {money(constraints.max_dd)}"
    return {
        "data": data if far else [*data, _limit(most, constraints)],
        "layout": layout
        | {
            "legend": layout["legend"] | _LEGEND,
            "xaxis": below | ticks | {"title": {"text": "symbols left", "font": SMALL}},
            "yaxis": dollar_axis() | {"domain": list(_ABOVE), "fixedrange": True},
            "yaxis2": still_axis()
            | {"domain": list(_BELOW), "rangemode": "tozero", "zerolinecolor": "@rule"},
            "annotations": [
                _name(f"Drawdown, {limit}{', far above' if far else ' dashed'}", _ABOVE[1]),
                _name("Sharpe", _BELOW[1]),
            ],
        },
    }


def _style(level: int, paths: Mapping[int, object], chosen: int) -> Part:
    if level == chosen:
        return {"color": "@ink", "width": 2.6, "opacity": 1.0}
    others = sorted(set(paths) - {chosen})
    step = (_BOLDEST - _FAINTEST) / max(len(others) - 1, 1)
    return {"color": "@gain", "width": 1.4, "opacity": _FAINTEST + step * others.index(level)}


def _way(
    level: int, path: Sequence[Visited], kept: Symbols | None, constraints: Constraints, style: Part
) -> list[Trace]:
    """Draws one path; hollow marks break a constraint, the large one is the set that was kept."""
    texts = [_hover(level, visited, constraints) for visited in path]
    valid = [constraints.met_by(visited.metrics) for visited in path]
    is_kept = [visited.symbols == kept for visited in path]
    symbols = [
        "star" if own else "circle" if fits else "circle-open"
        for own, fits in zip(is_kept, valid, strict=True)
    ]
    common: Trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"{level}",
        "x": [len(visited.symbols) for visited in path],
        "text": texts,
        "hovertemplate": "%{text}<extra></extra>",
        "opacity": style["opacity"],
        "line": {"color": style["color"], "width": style["width"]},
        "marker": {
            "symbol": symbols,
            "size": [14 if own else 5 for own in is_kept],
            "color": style["color"],
            "opacity": 1,
            "line": {"width": 1, "color": style["color"]},
        },
        "legendgroup": f"{level}",
        "legendrank": level,
    }
    return [
        common | {"y": [visited.metrics.max_dd for visited in path]},
        common | {"y": [visited.metrics.sharpe for visited in path], "yaxis": "y2", "showlegend": False},
    ]


def _hover(level: int, visited: Visited, constraints: Constraints) -> str:
    found = visited.metrics
    fits = "" if constraints.met_by(found) else ", not valid"
    next_ = (
        f"<br>next drops {label(visited.dropped)}: {_WHY.get(visited.because, '')}" if visited.dropped else ""
    )
    return (
        f"{level} positions, {len(visited.symbols)} symbols{fits}<br>drawdown {money(found.max_dd)}, "
        f"{number(found.breach_events)} breaches, Sharpe {ratio(found.sharpe)}{next_}"
    )


def _limit(most: int, constraints: Constraints) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "limit",
        "showlegend": False,
        "x": [most, 1],
        "y": [constraints.max_dd] * 2,
        "line": {"color": "@loss", "width": 1.6, "dash": "dash"},
        "hoverinfo": "skip",
    }


def _name(panel: str, top: float) -> Part:
    """Writes the panel's name above its left end."""
    position: Part = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
    return note(panel, 0, top, **position) | {"font": {"color": "@ink", "size": 12}}
