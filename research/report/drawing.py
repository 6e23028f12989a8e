"""The parts of all charts: step lines, marks, axes and the frame, as plotly.js takes them.

A colour is a name, `@loss`, looked up in the page's style when the chart is drawn, so that one chart is right
by day, by night and on paper. Texts are made with `label`.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

Chart = dict[str, Any]
Trace = dict[str, Any]
Part = dict[str, Any]

SMALL = {"size": 11}


def steps(
    points: Iterable[tuple[str, Decimal]],
    name: str,
    *,
    hover: Callable[[Decimal], str],
    line: Part,
    axis: str = "y",
    **more: object,
) -> Trace:
    """Draws a line that holds each value until the next; `hover` writes the value under the pointer."""
    each = list(points)
    return _trace("lines", name, [(x, float(value)) for x, value in each], axis) | {
        "line": {"shape": "hv"} | line,
        "text": [hover(value) for _, value in each],
        "hovertemplate": "%{text}<extra>" + name + "</extra>",
        **more,
    }


def marks(
    name: str,
    at: Iterable[tuple[str, object]],
    texts: list[str],
    *,
    marker: Part,
    axis: str = "y",
    **more: object,
) -> Trace:
    """Draws marks at these points, each with its text."""
    return _trace("markers", name, list(at), axis) | {
        "text": texts,
        "hovertemplate": "%{text}<extra></extra>",
        "marker": marker,
        **more,
    }


def _trace(mode: str, name: str, points: Sequence[tuple[str, object]], axis: str) -> Trace:
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": [x for x, _ in points],
        "y": [y for _, y in points],
        "yaxis": axis,
    }


def frame(height_px: int, *, left_px: int, top_px: int, bottom_px: int) -> Part:
    """Returns the part of the layout that all charts share."""
    return {
        "height": height_px,
        "margin": {"l": left_px, "r": 14, "t": top_px, "b": bottom_px},
        "paper_bgcolor": "@paper",
        "plot_bgcolor": "@paper",
        "font": {"color": "@ink", "family": "system-ui, sans-serif", "size": 12},
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": "@paper", "bordercolor": "@rule", "font": {"color": "@ink"}},
        "legend": {"orientation": "h", "x": 0, "y": 1.015, "yanchor": "bottom", "traceorder": "normal"},
    }


def dollar_axis() -> Part:
    """Returns an axis of dollars that always shows 0."""
    return {
        "tickprefix": "$",
        "tickformat": ",.0f",
        "rangemode": "tozero",
        "color": "@muted",
        "gridcolor": "@grid",
        "zerolinecolor": "@rule",
        "zerolinewidth": 1.5,
        "tickfont": SMALL,
    }


def still_axis() -> Part:
    """Returns an axis that cannot be zoomed."""
    return {"color": "@muted", "gridcolor": "@grid", "tickfont": SMALL, "fixedrange": True}


def time_axis(window: tuple[str, str], lowest: str) -> Part:
    """Returns an axis of the exchange's clock, under the panel of the axis `lowest`."""
    return {
        "type": "date",
        "range": list(window),
        "anchor": lowest,
        "color": "@muted",
        "gridcolor": "@grid",
        "linecolor": "@rule",
        "tickfont": SMALL,
        "tickformatstops": [
            {"dtickrange": [None, 1_000], "value": "%H:%M:%S.%L"},
            {"dtickrange": [1_000, 60_000], "value": "%H:%M:%S"},
            {"dtickrange": [60_000, None], "value": "%H:%M\n%a %-d %b"},
        ],
        "showspikes": True,
        "spikemode": "across",
        "spikethickness": 1,
        "spikedash": "dot",
        "spikecolor": "@muted",
    }


def note(text: str, x: object, y: object, **more: object) -> Part:
    """Writes words into a chart, without an arrow unless `more` sets one."""
    return {"text": text, "x": x, "y": y, "showarrow": False, "font": {"color": "@muted", "size": 11}} | more
