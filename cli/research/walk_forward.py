"""`portfold research walk-forward`: each symbol traded by filters that know only what came before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from portfold.cli.exits import Failure
from portfold.cli.research.backtest import Past, past_plan, run_each, what_is_done
from portfold.cli.research.given import Dollars
from portfold.cli.research.printing import SHARPE_LINE, money, percent, print_lines, ratio
from portfold.cli.rows import in_columns
from portfold.cli.workplace import Workplace

if TYPE_CHECKING:
    from portfold.research.backtest.best import Best, WalkedSpan
    from portfold.research.backtest.walk_forward import WalkPlan


@Parameter(name="*", group="How it is fitted anew")
@dataclass(frozen=True)
class Walk:
    """The options of test spans and models."""

    test_from: date
    """The first trading day of the first test span, as 2023-01-02; all bars before it are learned from."""

    every: Literal["month", "quarter", "year"] = "quarter"
    """How often filter and threshold are fitted anew: at the beginning of each calendar month and so on."""

    kind: Literal["logistic", "random_forest", "gradient_boosting"] = "logistic"
    """Which kind of model."""

    embargo: Annotated[float, Parameter(validator=Number(gte=0, lte=0.2))] = 0.01
    """How much of the bars before a test span, as a fraction, lies between it and what is learned from."""


_WORKPLACE = Workplace()


def register(app: App) -> None:
    """Adds the command."""
    app.command(walk_forward, name="walk-forward")


def walk_forward(
    *,
    past: Past,
    walk: Walk,
    results_dir: Path = Path("results/walk-forward"),
    initial_cash: Dollars = 150_000,
    config: str | None = None,
    workplace: Workplace = _WORKPLACE,
) -> None:
    """Trade each symbol through test spans, fitting its filter anew before each.

    For each span the model is trained, and its threshold chosen, on the trades
    that had ended before it; a filter that runtime.json names is not used. The
    live trader trades all spans in one go. Trades and signals of all of them
    are one folder of results, out of sample as far as filters go.

    Exit code 1 when a symbol cannot be walked forward; the others are done.

    For example:

        portfold research walk-forward --bars my-bars --test-from 2022-01-03

    Parameters
    ----------
    results_dir
        The folder to write to, as backtest does: what simulate and optimize take as --results-dir.
    initial_cash
        Dollars in the account at the beginning: Sharpe and CAGR are of its returns.
    config
        The configuration's folder; by default PORTFOLD_CONFIG, ./config if there is one, the packaged one.
    """
    from portfold.cli.research.extra import needs_extra, needs_ml

    needs_extra()
    needs_ml()
    from portfold.research.backtest.several import each_alone
    from portfold.research.backtest.walk_forward import WalkPlan

    alone, chosen, without = past_plan(past, results_dir, initial_cash, config)
    plan = WalkPlan(alone, walk.test_from, walk.every, walk.kind, walk.embargo)
    print_lines(what_is_done(alone, chosen, without), [f"{_capital(plan.method)}"])
    done, failed = run_each(each_alone(plan, chosen, workplace.place()), len(chosen))
    if done:
        again = [one.best.symbol for one in done if one.before]
        print_lines(_found(plan, [one.best for one in done], again))
    if failed:
        raise Failure(" ".join(one.why for one in failed))


# --- in words -------------------------------------------------------------------------------------------

_HEADS = ("Symbol", "Trades", "Won", "Net P&L", "Unfiltered", "Sharpe", "(95 %)", "PF", "MaxDD", "From")
_SPAN_HEADS = ("Test span", "", "Learned", "From", "Trades", "Net P&L", "Unfiltered")


def _found(plan: "WalkPlan", all_of_them: "Sequence[Best]", again: Sequence[str]) -> Iterator[str]:
    if again:
        yield f"Done before, and nothing has changed since: {', '.join(again)}."
    yield ""
    yield from in_columns([_HEADS, *(_cells(best) for best in all_of_them)], left=frozenset([0]))
    yield ""
    yield from in_columns([_SPAN_HEADS, *_of_spans(all_of_them)], left=frozenset([0, 1]))
    yield ""
    yield "Learned: trades that had ended before. From: the probabilities from which entries were let pass."
    yield "Unfiltered: every signal traded, on the same days. What a filter is worth is the difference."
    yield "Parameters of the strategy are not fitted here: whoever chose them may have seen these days."
    yield SHARPE_LINE
    yield (
        f"Written: {plan.backtest.folder}, out of sample as far as filters go, for portfold research "
        f"simulate and optimize: --results-dir {plan.backtest.folder}"
    )


def _cells(best: "Best") -> Sequence[str]:
    return (
        best.symbol,
        f"{best.trades:,}",
        percent(best.win_rate),
        money(best.total_pnl_usd),
        money(sum(span.unfiltered_pnl_usd for span in best.walk_forward)),
        ratio(best.sharpe),
        f"{best.sharpe_low:.2f} to {best.sharpe_high:.2f}",
        ratio(best.profit_factor) if best.trades else "none",
        money(best.max_drawdown_usd),
        _thresholds(best.walk_forward),
    )


def _of_spans(all_of_them: "Sequence[Best]") -> Iterator[Sequence[str]]:
    """Yields a row for each test span, all symbols together."""
    by_end: dict[str, list[WalkedSpan]] = {}
    for best in all_of_them:
        for span in best.walk_forward:
            by_end.setdefault(span.first_day, []).append(span)
    for first_day, spans in sorted(by_end.items()):
        yield (
            first_day,
            f"to {max(span.last_day for span in spans)}",
            f"{sum(span.examples for span in spans):,}",
            _thresholds(spans),
            f"{sum(span.trades for span in spans):,}",
            money(sum(span.pnl_usd for span in spans)),
            money(sum(span.unfiltered_pnl_usd for span in spans)),
        )


def _thresholds(spans: "Sequence[WalkedSpan]") -> str:
    lowest, highest = (end(span.threshold for span in spans) for end in (min, max))
    return f"{lowest:g}" if lowest == highest else f"{lowest:g} to {highest:g}"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
