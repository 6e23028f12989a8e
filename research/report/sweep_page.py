"""A sweep of what-ifs as a self-contained page: the P&L under each limit, and how much of it is unknown."""

from collections.abc import Mapping, Sequence

from portfold.coordinator.audit.what_if.overrides import shown_value
from portfold.coordinator.audit.what_if.sweep import Point, Range
from portfold.coordinator.audit.what_if.tally import Tally, Totals
from portfold.dollars import shown
from portfold.research.report.drawing import SMALL, Chart, Part, Trace, dollar_axis, frame, still_axis
from portfold.research.report.shell import figure, page
from portfold.research.report.table import Cell, money, table
from portfold.research.report.table import figure as number
from portfold.research.report.wording import text

MARK = "portfold what-if"
_UNKNOWN = "with entries that would have been allowed. What they would have made is not in the P&L."
_CAPTIONS = {1: f"Hollow: {_UNKNOWN}", 2: f"Unknown: {_UNKNOWN}"}
_LINES_PX = 460
_ROW_PX = 46
# Loss, zero, gain: the hues of the style, pale enough for ink on them by day and by night.
_SCALE = [[0.0, "#d98a5b"], [0.5, "#f1f1ee"], [1.0, "#6aaedb"]]
_ON_SCALE = "#1b1f24"


def sweep_page(
    read_from: str, ranges: Sequence[Range], points: Sequence[Point], fixed: Mapping[str, str]
) -> str:
    """Writes the page on a sweep over one range or two; the `fixed` limits are the same throughout.

    Raises ModuleNotFoundError without plotly.
    """
    names = " and ".join(limit.name for limit in ranges)
    chart = _lines(ranges[0], points) if len(ranges) == 1 else _map(ranges, points)
    title = f"What if: {names}"
    also = ", ".join(f"{name} {value}" for name, value in fixed.items())
    days = f"{points[0].tally.days:,} trading days" + (f", with {also}" if also else "")
    body = (
        f'<header><p class="kicker">{text(read_from)}</p><h1>{text(title)}</h1>'
        f'<p class="session">{text(days)}</p></header>'
        f"<h2>P&amp;L</h2>{figure(chart, f'P&L by {names}', _CAPTIONS[len(ranges)])}"
        f"{_table(ranges, points)}"
    )
    return page(title, body, mark=MARK)


# --- one range ------------------------------------------------------------------------------------------


def _lines(of: Range, points: Sequence[Point]) -> Chart:
    labels = [_value(of, point.values[0]) for point in points]
    tallies = [point.tally for point in points]
    total = [float(tally.what_if.figures.pnl) for tally in tallies]
    worst = [float(tally.what_if.worst_pnl) for tally in tallies]
    symbols = ["circle-open" if tally.unknown else "circle" for tally in tallies]
    texts = [_hover(tally) for tally in tallies]
    recorded = float(tallies[0].recorded.figures.pnl)
    layout = frame(_LINES_PX, left_px=86, top_px=44, bottom_px=54) | {
        "xaxis": still_axis()
        | {"type": "category", "title": {"text": of.name, "font": SMALL}, "anchor": "y2"},
        "yaxis": dollar_axis() | {"domain": [0.36, 1.0]},
        "yaxis2": still_axis() | {"domain": [0.0, 0.26], "rangemode": "tozero", "tickformat": ",d"},
        "shapes": [_level(recorded)],
        "annotations": [_level_note(recorded)],
        "barmode": "group",
    }
    lines = [
        _line("P&L", labels, total, texts, {"color": "@gain", "width": 2.2}, symbols),
        _line("worst day", labels, worst, texts, {"color": "@loss", "width": 2, "dash": "dot"}, symbols),
    ]
    bars = [
        _bars("trades", labels, [tally.what_if.figures.trades for tally in tallies], "@held"),
        _bars("entries of unknown outcome", labels, [tally.unknown for tally in tallies], "@denied"),
    ]
    return {"data": [*lines, *bars], "layout": layout}


def _line(name: str, x: list[str], y: list[float], texts: list[str], line: Part, symbols: list[str]) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": x,
        "y": y,
        "line": line,
        "marker": {"symbol": symbols, "size": 9, "color": line["color"]},
        "text": texts,
        "hovertemplate": "%{x}: %{text}<extra>" + name + "</extra>",
    }


def _bars(name: str, x: list[str], y: list[int], color: str) -> Trace:
    return {
        "type": "bar",
        "name": name,
        "x": x,
        "y": y,
        "yaxis": "y2",
        "marker": {"color": color},
        "hovertemplate": "%{x}: %{y:,}<extra>" + name + "</extra>",
    }


def _level(recorded: float) -> Part:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "yref": "y",
        "y0": recorded,
        "y1": recorded,
        "line": {"color": "@muted", "dash": "dash", "width": 1},
    }


def _level_note(recorded: float) -> Part:
    return {
        "text": "recorded",
        "xref": "paper",
        "x": 1,
        "xanchor": "right",
        "y": recorded,
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"color": "@muted", "size": 11},
    }


# --- two ranges -----------------------------------------------------------------------------------------


def _map(ranges: Sequence[Range], points: Sequence[Point]) -> Chart:
    outer, inner = ranges
    width = len(inner.values)
    rows = [points[start : start + width] for start in range(0, len(points), width)]
    layout = frame(120 + _ROW_PX * len(rows), left_px=86, top_px=20, bottom_px=54) | {
        "xaxis": still_axis() | {"type": "category", "title": {"text": inner.name, "font": SMALL}},
        "yaxis": still_axis() | {"type": "category", "title": {"text": outer.name, "font": SMALL}},
    }
    heat = {
        "type": "heatmap",
        "name": "P&L",
        "x": [_value(inner, value) for value in inner.values],
        "y": [_value(outer, value) for value in outer.values],
        "z": [[float(point.tally.what_if.figures.pnl) for point in row] for row in rows],
        "text": [[_cell(point.tally) for point in row] for row in rows],
        "texttemplate": "%{text}",
        "textfont": {"color": _ON_SCALE, "size": 12},
        "customdata": [[_hover(point.tally) for point in row] for row in rows],
        "hovertemplate": "%{customdata}<extra></extra>",
        "colorscale": _SCALE,
        "zmid": 0,
        "xgap": 2,
        "ygap": 2,
        "colorbar": {"tickprefix": "$", "tickformat": ",.0f", "outlinewidth": 0, "tickfont": SMALL},
    }
    return {"data": [heat], "layout": layout}


def _cell(tally: Tally) -> str:
    amount = f"${tally.what_if.figures.pnl:,.0f}"
    return f"{amount}<br>{tally.unknown:,} unknown" if tally.unknown else amount


# --- words ----------------------------------------------------------------------------------------------


def _hover(tally: Tally) -> str:
    figures = tally.what_if.figures
    return (
        f"P&L {shown(figures.pnl)}, worst day {shown(tally.what_if.worst_pnl)}<br>"
        f"{figures.trades:,} trades, {figures.stops:,} stops, {tally.unknown:,} entries of unknown outcome"
    )


def _value(of: Range, value: object) -> str:
    return shown_value(value) if of.name == "daily_stop_loss" else f"{value}"


def _table(ranges: Sequence[Range], points: Sequence[Point]) -> str:
    heads = [
        *(number(limit.name) for limit in ranges),
        *map(
            number,
            ("Allowed", "Denied", "Trades", "P&L", "Stops", "Worst day", "Gone", "Their P&L", "Unknown"),
        ),
    ]
    first = points[0].tally
    recorded = [
        *(number(_recorded(limit, first)) for limit in ranges),
        *_totals(first.recorded),
        number("recorded"),
        money(None),
        number(""),
    ]
    return table("In figures", heads, [_row(ranges, point) for point in points], total=recorded)


def _row(ranges: Sequence[Range], point: Point) -> list[Cell]:
    return [
        *(number(_value(one, value)) for one, value in zip(ranges, point.values, strict=True)),
        *_totals(point.tally.what_if),
        number(f"{point.tally.gone.trades:,}"),
        money(point.tally.gone.pnl),
        number(f"{point.tally.unknown:,}"),
    ]


def _totals(of: Totals) -> list[Cell]:
    figures = of.figures
    return [
        *(number(f"{count:,}") for count in (figures.allowed, figures.denied, figures.trades)),
        money(figures.pnl),
        number(f"{figures.stops:,}"),
        money(of.worst_pnl),
    ]


def _recorded(of: Range, tally: Tally) -> str:
    """Writes the values that were in force, in their order."""
    return ", ".join(_value(of, value) for value in tally.in_place_of.get(of.name, []))
