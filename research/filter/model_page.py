"""The page on a filter by cross-validation: are its probabilities right, and does it pay?"""

from collections.abc import Sequence
from decimal import Decimal

from portfold.dollars import shown
from portfold.research.filter.examples import Example
from portfold.research.filter.training import ChosenInFolds, Cut, FilterFigures
from portfold.research.report.drawing import SMALL, Chart, dollar_axis, frame, still_axis
from portfold.research.report.shell import figure, page
from portfold.research.report.table import Cell, money, table
from portfold.research.report.table import figure as number
from portfold.research.report.wording import text

_MARK = "portfold research train"
_PX = 420


def model_page(
    title: str,
    kicker: str,
    examples: Sequence[Example],
    probabilities: Sequence[float],
    measured: FilterFigures,
    cuts: Sequence[Cut],
    threshold: float,
) -> str:
    """Writes the self-contained page. Raises ModuleNotFoundError without plotly."""
    reliability = figure(
        _reliability(measured),
        "Reliability curve",
        "Each mark is a tenth of the examples: the probability they were given, and how many of them paid. "
        "On the line a probability means what it says.",
    )
    pnl = figure(
        _pnl(examples, probabilities, threshold),
        "P&L kept against P&L dropped",
        f"Every example as one trade, by the time of its entry; kept from probability {threshold:g} on. "
        "Examples overlap, so this compares, and is no backtest.",
    )
    body = (
        f'<header><p class="kicker">{text(kicker)}</p><h1>{text(title)}</h1>'
        f'<p class="session">{text(figures_in_words(len(examples), measured))}</p></header>'
        f"<h2>Reliability</h2>{reliability}<h2>P&amp;L kept and dropped</h2>{pnl}{_table(cuts)}"
        f'<p class="note">{text(chosen_in_words(measured.chosen))}</p>'
    )
    return page(title, body, mark=_MARK)


def figures_in_words(count: int, measured: FilterFigures) -> str:
    """Says how well the model predicts, beside the figures of always predicting the base rate."""
    return (
        f"{count:,} examples, {measured.base_rate:.1%} of which paid. "
        f"Log loss {measured.log_loss:.4f} (always saying so: {measured.base_log_loss:.4f}), "
        f"Brier score {measured.brier:.4f} ({measured.base_brier:.4f}), AUC {measured.auc:.3f} (0.500), the "
        f"mean of the folds with a standard error of {measured.auc_error:.3f}. Trades overlap: average "
        f"uniqueness {measured.uniqueness:.2f}."
    )


def chosen_in_words(chosen: ChosenInFolds) -> str:
    """Says what the best-looking threshold keeps where it is chosen without the trades that judge it."""
    return (
        f"Chosen in each fold by its own training ({', '.join(f'{at:g}' for at in chosen.thresholds)}), the "
        f"threshold that looks best keeps {chosen.kept:,} trades and {shown(chosen.kept_pnl)}, and drops "
        f"{chosen.dropped:,} and {shown(chosen.dropped_pnl)}. A table's best line is fitted to its trades."
    )


def _reliability(measured: FilterFigures) -> Chart:
    bins = measured.reliability
    even = {"x": [0, 1], "y": [0, 1], "type": "scatter", "mode": "lines", "name": "as it says"}
    marks = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "measured",
        "x": [part.predicted for part in bins],
        "y": [part.paid for part in bins],
        "text": [f"{part.count:,}: given {part.predicted:.3f}, paid {part.paid:.3f}" for part in bins],
        "hovertemplate": "%{text}<extra></extra>",
        "line": {"color": "@gain"},
    }
    layout = frame(_PX, left_px=64, top_px=44, bottom_px=54) | {
        "xaxis": still_axis() | {"range": [0, 1], "title": {"text": "probability given", "font": SMALL}},
        "yaxis": still_axis() | {"range": [0, 1], "title": {"text": "share that paid", "font": SMALL}},
    }
    return {"data": [even | {"line": {"color": "@muted", "dash": "dot"}}, marks], "layout": layout}


def _pnl(examples: Sequence[Example], probabilities: Sequence[float], threshold: float) -> Chart:
    kept = [given >= threshold for given in probabilities]
    lines = []
    for name, colour, chosen in (("kept", "@gain", True), ("dropped", "@loss", False)):
        total, times, totals = Decimal(0), [], []
        for example, is_kept in zip(examples, kept, strict=True):
            if is_kept is chosen:
                total += example.pnl
                times.append(example.time.isoformat())
                totals.append(float(total))
        lines.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"{name}, {shown(total)}",
                "x": times,
                "y": totals,
                "line": {"shape": "hv", "color": colour},
            }
        )
    layout = frame(_PX, left_px=86, top_px=44, bottom_px=54) | {
        "xaxis": still_axis() | {"type": "date"},
        "yaxis": dollar_axis(),
    }
    return {"data": lines, "layout": layout}


def _table(cuts: Sequence[Cut]) -> str:
    names = ("Probability from", "Kept", "P&L kept", "Dropped", "P&L dropped")
    heads = [Cell(text(name), figure=True) for name in names]
    rows = [
        [
            number(f"{cut.probability:g}"),
            number(f"{cut.kept:,}"),
            money(cut.kept_pnl),
            number(f"{cut.dropped:,}"),
            money(cut.dropped_pnl),
        ]
        for cut in cuts
    ]
    return table("What each threshold keeps and drops", heads, rows)
