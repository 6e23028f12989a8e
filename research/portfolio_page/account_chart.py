"""The chart of the account at the end of each day, and of its drawdown."""

from collections.abc import Sequence
from decimal import Decimal

from portfold.research.portfolio_page.replayed import ReplayedSpan
from portfold.research.portfolio_page.wording import money
from portfold.research.report.drawing import Chart, Part, Trace, dollar_axis, frame, note, still_axis
from portfold.research.report.wording import counted

_HEIGHT_PX = 520
_LEFT_PX = 72
_ACCOUNT, _DRAWDOWN = (0.40, 1.0), (0.0, 0.32)
_FEW_STOPS = 40
_MARK_PX, _SMALL_MARK_PX = 10, 6
CHOSEN, JUDGED = "chosen on", "judged on"
"""The names of the spans."""
_DAY = "%{x|%a %-d %b %Y}: %{y:$,.0f}"


def account_chart(spans: Sequence[tuple[str, ReplayedSpan]], breach_limit: Decimal) -> Chart:
    """Draws the named spans, the earlier first; only the first is in the legend."""
    data = [trace for number, (name, one) in enumerate(spans) for trace in _span(name, one, first=not number)]
    return {
        "data": [*data, *_stops([span for _, span in spans]), _breach(spans, breach_limit)],
        "layout": frame(_HEIGHT_PX, left_px=_LEFT_PX, top_px=48, bottom_px=36)
        | {
            "xaxis": still_axis() | {"type": "date", "anchor": "y2", "linecolor": "@rule"} | _window(spans),
            "yaxis": dollar_axis()
            | {"rangemode": "normal", "domain": list(_ACCOUNT), "automargin": False, "fixedrange": True},
            "yaxis2": dollar_axis() | {"domain": list(_DRAWDOWN), "fixedrange": True, "nticks": 5},
            "shapes": _shading(spans) if len(spans) > 1 else [],
            "annotations": _names(spans) if len(spans) > 1 else [],
        },
    }


def _span(name: str, span: ReplayedSpan, *, first: bool) -> list[Trace]:
    x = [day.date for day in span.days]
    group = {"legendgroup": "account", "showlegend": first}
    below = {"legendgroup": "drawdown", "showlegend": first}
    ends = [x[0], x[-1]]
    beginning = _line(
        "Beginning", ends, [float(span.cash)] * 2, {"color": "@muted", "width": 1, "dash": "dot"}
    )
    return [
        _line("Account", x, [day.account for day in span.days], {"color": "@gain", "width": 1.8})
        | group
        | {"hovertemplate": f"{_DAY}<extra>{_called('Account', name)}</extra>"},
        beginning | {"hoverinfo": "skip", "legendgroup": "beginning", "showlegend": first},
        _line(
            "Drawdown",
            x,
            [-day.drawdown for day in span.days],
            {"color": "@loss", "width": 1, "shape": "hvh"},
        )
        | below
        | {"yaxis": "y2", "fill": "tozeroy", "fillcolor": "@lossfill"}
        | {"hovertemplate": f"{_DAY}<extra>{_called('Deepest of the day', name)}</extra>"},
    ]


def _called(what: str, span: str) -> str:
    return f"{what}, {span}" if span else what


def _line(name: str, x: Sequence[str], y: Sequence[float], line: Part) -> Trace:
    return {"type": "scatter", "mode": "lines", "name": name, "x": list(x), "y": list(y), "line": line}


def _stops(spans: Sequence[ReplayedSpan]) -> list[Trace]:
    """Marks the account at the end of each day on which the stop was triggered."""
    account = {day.date: day.account for span in spans for day in span.days}
    days = [day for span in spans for day in span.stop_days]
    if not days:
        return []
    size = _MARK_PX if len(days) <= _FEW_STOPS else _SMALL_MARK_PX
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": counted(len(days), "daily stop"),
            "x": days,
            "y": [account[day] for day in days],
            "marker": {
                "symbol": "octagon",
                "size": size,
                "color": "@ink",
                "line": {"width": 1, "color": "@paper"},
            },
            "hovertemplate": "%{x|%a %-d %b %Y}: stopped<extra></extra>",
        }
    ]


def _breach(spans: Sequence[tuple[str, ReplayedSpan]], limit: Decimal) -> Trace:
    line = {"color": "@ink", "width": 1.4, "dash": "dash"}
    return _line(f"Broker's limit, {money(limit)}", _ends(spans), [-float(limit)] * 2, line) | {
        "yaxis": "y2",
        "hoverinfo": "skip",
    }


def _window(spans: Sequence[tuple[str, ReplayedSpan]]) -> Part:
    """Returns the range from the first day to the last; none for a single day, where the chart picks its
    own."""
    first, last = _ends(spans)
    return {"range": [first, last]} if first < last else {}


def _ends(spans: Sequence[tuple[str, ReplayedSpan]]) -> list[str]:
    return [spans[0][1].days[0].date, spans[-1][1].days[-1].date]


# --- two spans ------------------------------------------------------------------------------------------


def _shading(spans: Sequence[tuple[str, ReplayedSpan]]) -> list[Part]:
    fills = ("@grid", "@heldfill") if spans[0][0] == CHOSEN else ("@heldfill", "@grid")
    return [
        {
            "type": "rect",
            "layer": "below",
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "x0": one.days[0].date,
            "x1": one.days[-1].date,
            "fillcolor": fill,
            "opacity": 0.5,
            "line": {"width": 0},
        }
        for (_, one), fill in zip(spans, fills, strict=True)
    ]


def _names(spans: Sequence[tuple[str, ReplayedSpan]]) -> list[Part]:
    """Writes the names between the panels, at the outer ends, so that a short span's name has room too."""
    (first, early), (last, late) = spans
    between: Part = {"yref": "paper", "yanchor": "middle"}
    y = (_ACCOUNT[0] + _DRAWDOWN[1]) / 2
    return [
        note(first, early.days[0].date, y, xanchor="left", **between),
        note(last, late.days[-1].date, y, xanchor="right", **between),
    ]
