"""`portfold research backtest`: the trades of each symbol alone, as the live worker would make them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, Protocol, TypeVar

from cyclopts import App, Parameter

from portfold.cli.exits import Failure, Unusable
from portfold.cli.research.given import Days, Dollars
from portfold.cli.research.printing import SHARPE_LINE, money, percent, print_lines, ratio
from portfold.cli.rows import in_columns
from portfold.cli.symbols import Symbols, symbols_in
from portfold.cli.workplace import Workplace

if TYPE_CHECKING:
    from portfold.config import Configuration
    from portfold.research.backtest.best import Best
    from portfold.research.backtest.outcome import BacktestPlan, FinishedBacktest
    from portfold.research.backtest.several import FailedBacktest
    from portfold.research.simulate.market import ResearchMarket


@Parameter(name="*", group="What is traded")
@dataclass(frozen=True)
class Past:
    """The options of symbols and bars."""

    bars: str
    """`synthetic` (the bundled market) or a folder of <SYMBOL>.csv files."""

    symbols: Symbols = ()
    """Which symbols, as ES,CL; by default all with bars and a contract."""

    days: Days | None = None
    """How many trading days of the synthetic market, by default 250."""

    market_seed: int | None = None
    """Which synthetic market, by default 1."""

    first: Annotated[date | None, Parameter(name="--from")] = None
    """The first trading day, as 2023-01-02; bars before it warm up indicators. By default all are traded."""

    last: Annotated[date | None, Parameter(name="--to")] = None
    """The last one."""


_WORKPLACE = Workplace()


def register(app: App) -> None:
    """Adds the command."""
    app.command(backtest)


def backtest(
    *,
    past: Past,
    results_dir: Path = Path("results"),
    initial_cash: Dollars = 150_000,
    tuned: Path | None = None,
    config: str | None = None,
    workplace: Workplace = _WORKPLACE,
) -> None:
    """Trade each symbol alone over bars of the past, as its worker would.

    Strategy, filter, fills and costs are those of runtime.json. A symbol is
    alone: no portfolio limit and no daily stop, which are the simulator's.
    Writes the folder of results that simulate and optimize read. What is
    done already, and has not changed, is not done again.

    Exit code 1 when a symbol cannot be backtested; the others are done.

    For example:

        portfold research backtest --bars synthetic --days 250

    Parameters
    ----------
    results_dir
        The folder to write to, as <SYMBOL>_optimization/<SYMBOL>_rf_best_trades.csv; signals and best.json
        beside it.
    initial_cash
        Dollars in the account at the beginning: Sharpe and CAGR are of its returns.
    tuned
        The file of parameters that tune wrote, in place of those of runtime.json; the number of tries goes on
        record.
    config
        The configuration's folder; by default PORTFOLD_CONFIG, ./config if there is one, the packaged one.
    """
    from portfold.cli.research.extra import needs_extra

    needs_extra()
    from portfold.research.backtest.several import each_alone

    plan, chosen, without = past_plan(past, results_dir, initial_cash, config, tuned)
    print_lines(what_is_done(plan, chosen, without))
    done, failed = run_each(each_alone(plan, chosen, workplace.place()), len(chosen))
    if done:
        print_lines(_found(plan, done))
    if failed:
        raise Failure(" ".join(one.why for one in failed))


class PastPlan(NamedTuple):
    """What is traded over the past: which symbols, and those `without` a contract that are left out."""

    plan: "BacktestPlan"
    symbols: list[str]
    without: list[str]


def past_plan(
    past: Past, results_dir: Path, initial_cash: float, config: str | None, tuned: Path | None = None
) -> PastPlan:
    """Returns what is traded by these options, on paper whatever broker is configured: nothing of the past
    reaches a real one. Raises Unusable, ConfigError, ResearchError, BarsError.
    """
    import os
    from decimal import Decimal

    from portfold.cli.research.given import market_of
    from portfold.config import load
    from portfold.research.backtest.outcome import BacktestPlan
    from portfold.research.trades.trading_days import DaySpan
    from portfold.workers.brokers.registry import on_paper

    market = market_of(past.bars, past.days, past.market_seed)
    if market is None:
        raise Unusable("--bars: expected synthetic or a folder, got nothing.")
    configuration, tried = on_paper(load(config, os.environ, Path.cwd())), dict[str, int]()
    if tuned is not None:
        from portfold.research.tune.tuned_file import read_tuned, tuned_configuration

        parameters = read_tuned(tuned)
        configuration, tried = tuned_configuration(configuration, parameters), dict(parameters.tried)
    chosen, without = symbols_of(configuration, market, symbols_in(past.symbols))
    cash = Decimal(str(initial_cash)).quantize(Decimal("0.01"))
    span = DaySpan(past.first, past.last)
    return PastPlan(BacktestPlan(configuration, market, span, cash, results_dir, tried), chosen, without)


def symbols_of(
    configuration: "Configuration", market: "ResearchMarket", wanted: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Returns the symbols to backtest, and those that have bars but no contract. Raises Unusable."""
    there, contracts = market.open(configuration).symbols, configuration.contracts
    known = ", ".join(contracts)
    for symbol in wanted:
        if symbol not in there:
            has = f"{market} has bars of {', '.join(there)}"
            raise Unusable(f"--symbols: {has}, and none of {symbol[:40]}.")
        if symbol not in contracts:
            raise Unusable(f"--symbols: expected symbols with a contract ({known}), got {symbol[:40]}.")
    if wanted:
        return sorted(set(wanted)), []
    chosen = [symbol for symbol in there if symbol in contracts]
    if not chosen:
        raise Unusable(f"--bars: expected symbols with a contract ({known}), and {market} has none of them.")
    return chosen, [symbol for symbol in there if symbol not in contracts]


class Finished(Protocol):
    """What is finished of a symbol."""

    @property
    def best(self) -> "Best":
        """Returns its figures."""


Done = TypeVar("Done", bound=Finished)


def run_each(
    each: "Iterable[Done | FailedBacktest]", symbols: int, doing: str = "Backtesting"
) -> "tuple[list[Done], list[FailedBacktest]]":
    """Does the work of each of so many symbols; returns what is done, sorted, and what failed."""
    from portfold.cli.progress import progress
    from portfold.research.backtest.several import FailedBacktest

    done: list[Done] = []
    failed: list[FailedBacktest] = []
    try:
        with progress(doing, symbols, "symbols") as on_progress:
            for one in each:
                if isinstance(one, FailedBacktest):
                    failed.append(one)
                else:
                    done.append(one)
                on_progress(len(done) + len(failed))
    except KeyboardInterrupt:
        kept = f"{len(done)} of {symbols} symbols are done and kept"
        print_lines([f"Interrupted. {kept}; the same command does the rest."])
        raise
    return sorted(done, key=lambda one: one.best.symbol), sorted(failed)


# --- in words -------------------------------------------------------------------------------------------


def what_is_done(plan: "BacktestPlan", symbols: Sequence[str], without: Sequence[str]) -> Iterator[str]:
    """Yields what is traded, how it is filled and what it costs."""
    from portfold.research.simulate.market import SYNTHETIC
    from portfold.workers.brokers.paper import fill_at

    fills = (
        "the open of the next bar" if fill_at(plan.configuration) == "next_bar" else "the close of the bar"
    )
    yield f"{', '.join(symbols)} over {plan.market}, each alone: no portfolio limit, no daily stop."
    yield f"Fills at {fills}. Costs each way: {'; '.join(_costs(plan, symbols))}."
    if plan.market.source != SYNTHETIC:
        zone = plan.configuration.runtime.bar_zones_in_words(symbols)
        yield f"Times in bars that name no zone are read as {zone} (bar_zones in runtime.json)."
    if without:
        yield f"Left out, as they have no contract: {', '.join(without)}."


def _costs(plan: "BacktestPlan", symbols: Sequence[str]) -> Iterator[str]:
    """Yields each cost that there is, and where there are several, whose it is."""
    from portfold.dollars import shown
    from portfold.research.report.wording import counted

    alike: dict[str, list[str]] = {}
    for symbol in symbols:
        contract = plan.configuration.contracts[symbol]
        slippage, commission = counted(contract.slippage_ticks, "tick"), shown(contract.commission_per_side)
        alike.setdefault(f"{slippage} slippage, {commission} commission", []).append(symbol)
    for cost, those in alike.items():
        yield cost if len(alike) == 1 else f"{', '.join(those)} {cost}"


_HEADS = (
    "Symbol",
    "Trades",
    "Won",
    "Net P&L",
    "Costs",
    "Sharpe",
    "(95 %)",
    "OOS",
    "PF",
    "CAGR",
    "MaxDD",
    "In market",
)


def _found(plan: "BacktestPlan", done: "Sequence[FinishedBacktest]") -> Iterator[str]:
    all_of_them = [one.best for one in done]
    first, last = min(best.first_day for best in all_of_them), max(best.last_day for best in all_of_them)
    yield f"Traded: {first} to {last}."
    before = [one.best.symbol for one in done if one.before]
    if before:
        yield f"Done before, and nothing has changed since: {', '.join(before)}."
    yield ""
    yield from in_columns([_HEADS, *(_cells(best) for best in all_of_them)], left=frozenset([0]))
    yield ""
    yield from _remarks(all_of_them)
    yield from _methods(all_of_them)
    yield SHARPE_LINE
    yield f"Written: {plan.folder}, for portfold research simulate and optimize."
    paths = max(len(best.sharpe_oos_paths) for best in all_of_them)
    if paths:
        whose = ", ".join(best.symbol for best in all_of_them if best.sharpe_oos_paths)
        yield (
            f"Trades of {whose} by models that have not seen them: --results-dir {plan.folder}/paths/1 "
            f"to {paths}."
        )


def _cells(best: "Best") -> Sequence[str]:
    return (
        best.symbol,
        f"{best.trades:,}",
        percent(best.win_rate),
        money(best.total_pnl_usd),
        money(best.costs_usd),
        ratio(best.sharpe),
        f"{best.sharpe_low:.2f} to {best.sharpe_high:.2f}",
        "none" if best.sharpe_oos_cpcv is None else ratio(best.sharpe_oos_cpcv),
        ratio(best.profit_factor) if best.trades else "none",
        percent(best.cagr),
        money(best.max_drawdown_usd),
        percent(best.time_in_market_pct / 100),
    )


def _remarks(all_of_them: "Sequence[Best]") -> Iterator[str]:
    quiet = ", ".join(best.symbol for best in all_of_them if not best.trades)
    if quiet:
        yield f"No trade, so simulate and optimize leave it out: {quiet}."
    still = ", ".join(best.symbol for best in all_of_them if best.open_at_end)
    if still:
        yield f"Open at the end of the bars, which is no trade: {still}."
    for best in all_of_them:
        if best.model is not None:
            unknown = best.refused_without_outcome
            more = f", {unknown:,} of them with an unknown outcome" if unknown else ""
            yield f"{best.symbol}: the filter refused {best.refused:,} signals{more}."
        if best.trades_on_training_bars:
            part = f"{best.trades_on_training_bars:,} of {best.trades:,} trades"
            yield (
                f"{best.symbol}: {part} are on bars that the model was trained on, and prove nothing; "
                "--from begins after them."
            )


def _methods(all_of_them: "Sequence[Best]") -> Iterator[str]:
    """Yields by which method the Sharpe out of sample was measured, and of which symbols."""
    methods = sorted({best.sharpe_oos_method for best in all_of_them})
    for method in methods:
        whose = ", ".join(best.symbol for best in all_of_them if best.sharpe_oos_method == method)
        yield f"OOS{f' of {whose}' if len(methods) > 1 else ''}: {method}"
