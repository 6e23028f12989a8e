"""What tuning found, in words: the test spans, what is chosen now, and how much of it is luck."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from portfold.cli.research.printing import SHARPE_LINE, money, percent, ratio
from portfold.cli.rows import in_columns

if TYPE_CHECKING:
    from portfold.research.tune.plan import TunePlan
    from portfold.research.tune.tuning import FinishedTuning

_HEADS = ("Symbol", "Trades", "Won", "Net P&L", "Sharpe", "(95 %)", "PF", "MaxDD", "Tried")
_SPAN_HEADS = ("Test span", "", "Learned", "Sharpe", "Trades", "Net P&L", "Parameters")
_SMALLEST = 0.001


def told(plan: "TunePlan", done: "Sequence[FinishedTuning]", written: Path) -> Iterator[str]:
    """Yields the tables, and of each symbol what is chosen now and how much of it is luck."""
    from portfold.research.tune.in_words import MEASURED

    yield ""
    yield "Out of sample, each test span by the parameters that were the best before it:"
    yield from in_columns([_HEADS, *map(_cells, done)], left=frozenset([0]))
    for one in done:
        yield ""
        yield from _of_symbol(one)
    yield ""
    yield MEASURED
    yield "Tried: sets of parameters ever traded on record, for any choice. Learned: trades, and Sharpe of"
    yield "dollars, by which a set was chosen: the best of many, and not what to expect."
    yield SHARPE_LINE
    folder = plan.backtest.folder
    yield f"Written: {folder}, out of sample as far as parameters go. A portfolio of these trades:"
    yield f"  portfold research optimize --results-dir {folder}"
    yield f"What is chosen now is in {written}: its workers go into runtime.json as they are. Their trades,"
    yield "chosen on these bars, with the number of tries on record:"
    yield f"  portfold research backtest --bars {plan.backtest.market.source} --tuned {written}"


def _cells(one: "FinishedTuning") -> Sequence[str]:
    best = one.best
    return (
        best.symbol,
        f"{best.trades:,}",
        percent(best.win_rate),
        money(best.total_pnl_usd),
        ratio(best.sharpe),
        f"{best.sharpe_low:.2f} to {best.sharpe_high:.2f}",
        ratio(best.profit_factor) if best.trades else "none",
        money(best.max_drawdown_usd),
        f"{one.tried:,}",
    )


def _of_symbol(one: "FinishedTuning") -> Iterator[str]:
    from portfold.research.tune.in_words import IN_WORDS, verdict_on

    names = list(one.values)
    yield f"{one.best.symbol}: {IN_WORDS[verdict_on(one.luck)]}"
    yield from (f"  {line}" for line in in_columns([_SPAN_HEADS, *_rows(one, names)], left=_LEFT))
    yield (
        f"  Now, on all bars: {_values(one.values)}; Sharpe of dollars {ratio(one.last.sharpe)} on "
        f"{one.last.trades:,} trades, the best of {len(one.last.among):,} sets"
    )
    yield from _luck(one)


_LEFT = frozenset([0, 1, len(_SPAN_HEADS) - 1])


def _rows(one: "FinishedTuning", names: Sequence[str]) -> Iterator[Sequence[str]]:
    for span in one.best.tuned:
        yield (
            span.first_day,
            f"to {span.last_day}",
            f"{span.trades_learned:,}",
            ratio(span.sharpe_learned),
            f"{span.trades:,}",
            money(span.pnl_usd),
            _values({name: span.params[name] for name in names}),
        )


def _values(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in values.items())


def _value(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:f}" if isinstance(value, Decimal) else f"{value}"


def _luck(one: "FinishedTuning") -> Iterator[str]:
    checked, deflated = one.luck.reality_check, one.luck.deflated
    if checked is None:
        yield "  Reality check: too few days, or none that vary, to tell"
    else:
        less = "less than " if checked.p_value < _SMALLEST else ""
        yield (
            f"  Reality check: had none of the {checked.tries:,} sets any merit, the best of them would look "
            f"as good with a probability of {less}{percent(max(checked.p_value, _SMALLEST))}"
        )
    if deflated is not None:
        yield (
            f"  Deflated Sharpe: {percent(deflated.probability)} sure to be above "
            f"{ratio(deflated.threshold)}, which the best of {deflated.tries:,} sets without merit would show"
        )
