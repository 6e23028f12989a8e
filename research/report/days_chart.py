"""The chart of several trading days: each day's P&L against its stop line, its lowest point, and the sum."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate

from portfold.coordinator.audit.report.day_account import DayAccount
from portfold.dollars import shown_limit
from portfold.research.report.drawing import Chart, Part, Trace, dollar_axis, frame, marks, still_axis
from portfold.research.report.wording import counted, dollars, label, short_date

_HEIGHT_PX = 360
_FEW = 15
_DAY_MS = 86_400_000


def days_chart(accounts: Sequence[DayAccount]) -> Chart:
    """Draws a bar for each day, with its stop line and its lowest point, and the sum so far."""
    return {
        "data": [trace(accounts) for trace in (_results, _sum, _stop_lines, _lowest, _stops)],
        "layout": frame(_HEIGHT_PX, left_px=64, top_px=44, bottom_px=34)
        | {"xaxis": still_axis() | _weekdays(len(accounts)), "yaxis": dollar_axis()},
    }


def _weekdays(count: int) -> Part:
    """Returns an axis of dates without weekends, which are no trading days; names each of a few."""
    each = {"dtick": _DAY_MS} if count <= _FEW else {}
    return {"type": "date", "rangebreaks": [{"bounds": ["sat", "mon"]}], "tickformat": "%a %-d %b"} | each


def _results(accounts: Sequence[DayAccount]) -> Trace:
    return {
        "type": "bar",
        "name": "Daily P&L",
        "x": [account.day for account in accounts],
        "y": [float(account.pnl) for account in accounts],
        "text": [dollars(account.pnl) for account in accounts],
        "textposition": "none",
        "hovertemplate": "%{x|%a %-d %b}: %{text}<extra>Daily P&L</extra>",
        "marker": {
            "color": ["@gain" if account.pnl >= 0 else "@loss" for account in accounts],
            "opacity": 0.5,
        },
        "width": _DAY_MS // 2,
        "showlegend": False,
    }


def _stop_lines(accounts: Sequence[DayAccount]) -> Trace:
    lines = [
        (account.day, -account.limits.daily_stop_loss) for account in accounts if account.limits is not None
    ]
    return marks(
        "Stop line",
        [(day, float(line)) for day, line in lines],
        [label(f"{short_date(day)}: limit {shown_limit(line)}") for day, line in lines],
        marker={
            "symbol": "line-ew",
            "size": 34 if len(accounts) <= _FEW else 10,
            "line": {"width": 2.5, "color": "@loss"},
        },
    )


def _lowest(accounts: Sequence[DayAccount]) -> Trace:
    return marks(
        "Lowest in the day",
        [(account.day, float(account.worst)) for account in accounts],
        [label(f"{short_date(account.day)}: lowest {dollars(account.worst)}") for account in accounts],
        marker={"symbol": "diamond-open", "size": 8, "color": "@ink"},
    )


def _stops(accounts: Sequence[DayAccount]) -> Trace:
    stopped = [account for account in accounts if account.stops]
    return marks(
        "Stopped out",
        [(account.day, float(account.worst)) for account in stopped],
        [label(f"{short_date(account.day)}: {counted(account.stops, 'stop')}") for account in stopped],
        marker={"symbol": "octagon", "size": 14, "color": "@loss", "line": {"width": 2, "color": "@paper"}},
    )


def _sum(accounts: Sequence[DayAccount]) -> Trace:
    sums: list[Decimal] = list(accumulate(account.pnl for account in accounts))
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "Sum of the days so far",
        "x": [account.day for account in accounts],
        "y": [float(total) for total in sums],
        "text": [dollars(total) for total in sums],
        "hovertemplate": "%{x|%a %-d %b}: %{text}<extra>Sum so far</extra>",
        "line": {"color": "@ink", "width": 2},
        "marker": {"color": "@ink", "size": 5},
    }
