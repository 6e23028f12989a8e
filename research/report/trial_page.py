"""A trial of other limits as a self-contained page: what each rule saved and cost, and what nobody knows."""

from portfold.coordinator.audit.what_if.trial import TrialBegan
from portfold.coordinator.audit.what_if.trial_tally import RuleRow, TrialTally
from portfold.research.report.drawing import Chart, Trace, dollar_axis, frame, still_axis
from portfold.research.report.shell import figure, page
from portfold.research.report.table import Cell, money, table, words
from portfold.research.report.table import figure as number
from portfold.research.report.wording import label, text

MARK = "portfold shadow"
_CHART_PX = 360
_UNKNOWN = "What the trial allowed and the log denied has no outcome, and none is in any figure."


def trial_page(place: str, began: TrialBegan, tally: TrialTally) -> str:
    """Writes the page on a trial as it stands. Raises ModuleNotFoundError without plotly."""
    whole = "from its beginning" if began.whole_day else f"after event {began.after}"
    since = f"Since trading day {began.day}, {whole}." if began.day else "Since the log's beginning."
    body = (
        f'<header><p class="kicker">{text(place)}</p><h1>Limits on trial</h1>'
        f'<p class="session">{text(since)}</p></header>'
        f"{_limits(began)}"
        f"<h2>P&amp;L by day</h2>{figure(_chart(tally), 'P&L by trading day', _UNKNOWN)}"
        f"{_days(tally)}{_rules(tally)}"
    )
    return page("Limits on trial", body, mark=MARK)


def _limits(began: TrialBegan) -> str:
    rows = [[words(name), words(began.recorded[name]), words(value)] for name, value in began.trial.items()]
    stay = ", ".join(began.not_on_trial)
    note = f"Not on trial, as on the log: {stay}." if stay else ""
    heads = [words("Limit"), words("In force then"), words("On trial")]
    return table("What is on trial", heads, rows, note=note)


def _chart(tally: TrialTally) -> Chart:
    days = list(tally.days.values())
    layout = frame(_CHART_PX, left_px=86, top_px=44, bottom_px=54) | {
        "xaxis": still_axis() | {"type": "category"},
        "yaxis": dollar_axis(),
        "barmode": "group",
    }
    names = [label(day.day) for day in days]
    recorded = _bars("log", names, [float(day.recorded) for day in days], "@muted")
    return {
        "data": [recorded, _bars("trial", names, [float(day.trial) for day in days], "@gain")],
        "layout": layout,
    }


def _bars(name: str, x: list[str], y: list[float], color: str) -> Trace:
    return {
        "type": "bar",
        "name": name,
        "x": x,
        "y": y,
        "marker": {"color": color},
        "hovertemplate": "%{x}: $%{y:,.2f}<extra>" + name + "</extra>",
    }


def _days(tally: TrialTally) -> str:
    heads = [words("Day"), *map(number, ("P&L on the log", "In the trial", "Unknown"))]
    rows = [
        [words(day.day), money(day.recorded), money(day.trial), number(f"{day.unknown:,}")]
        for day in tally.days.values()
    ]
    return table("By day", heads, rows, note="Unknown: entries without an outcome, which are in no P&L.")


def _rules(tally: TrialTally) -> str:
    names = ("Denied", "Stops", "Saved", "Cost", "Open", "Unknown", "Stops gone")
    heads = [words("Day"), words("Rule"), *map(number, names)]
    note = (
        "Denied, stops: of the trial alone. Saved, cost: by trades that have ended on the log. Unknown: "
        "allowed by the trial alone, or closed at a price nobody knows. Stops gone: of the log alone; what "
        "then came is unknown."
    )
    return table("By rule", heads, [_row(row) for row in tally.rows], total=_row(tally.total()), note=note)


def _row(row: RuleRow) -> list[Cell]:
    return [
        words(row.day),
        words(row.rule),
        *(number(f"{count:,}") for count in (row.denied, row.stops)),
        *(number(f"${amount:,.2f}") for amount in (row.saved, row.cost)),
        *(number(f"{count:,}") for count in (row.open, row.unknown, row.stops_gone)),
    ]
