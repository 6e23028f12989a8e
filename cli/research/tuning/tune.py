"""`portfold research tune`: parameters chosen anew before each test span, and those to trade by now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from portfold.cli.exits import Failure
from portfold.cli.research.backtest import Past, past_plan, run_each, what_is_done
from portfold.cli.research.given import Dollars
from portfold.cli.research.printing import print_lines

if TYPE_CHECKING:
    from portfold.pieces.place import Place
    from portfold.research.backtest.several import FailedBacktest
    from portfold.research.tune.plan import TunePlan
    from portfold.research.tune.tuned_file import WorkerEntry
    from portfold.research.tune.tuning import FinishedTuning


@Parameter(name="*", group="How it is tuned")
@dataclass(frozen=True)
class Tuning:
    """The options of ranges, test spans and choices."""

    test_from: date
    """The first trading day of the first test span, as 2023-01-02; a choice knows the bars before."""

    every: Literal["month", "quarter", "year"] = "quarter"
    """How often parameters are chosen anew: at the beginning of each calendar month and so on."""

    ranges: Annotated[tuple[str, ...], Parameter(name="--range", negative=())] = ()
    """What is tried, once for each parameter: bars=10..60/5, or sides=long,both; by default what the strategy
    declares."""

    trials: Annotated[int, Parameter(validator=Number(gte=2, lte=1_000))] = 40
    """How many sets of parameters are compared for each choice; all there are, where these are no more."""

    min_trades: Annotated[int, Parameter(validator=Number(gte=1, lte=100_000))] = 20
    """How many trades a set needs to be chosen."""

    seed: Annotated[int, Parameter(validator=Number(gte=0, lte=2**31))] = 1
    """Draws which sets are tried, and the resamples of the reality check."""


def register(app: App) -> None:
    """Adds the command."""
    app.command(tune)


def tune(
    *,
    past: Past,
    tuning: Tuning,
    results_dir: Path = Path("results/tuned"),
    initial_cash: Dollars = 150_000,
    jobs: Annotated[int | None, Parameter(validator=Number(gte=1, lte=256))] = None,
    config: str | None = None,
) -> None:
    """Tune each symbol's parameters by walk-forward, and count every try.

    For each test span it chooses, of the sets tried, the one with the highest
    Sharpe of dollars by the trades that had ended before. The live trader
    trades all spans in one go, without a filter: one folder of results, out
    of sample as far as parameters go. What is best on all bars goes into
    tuned.json there, with the number of sets that were ever tried; other
    symbols in it stay.

    After Ctrl-C the same command goes on where it was. Exit code 1 when a
    symbol cannot be tuned; the others are done.

    For example:

        portfold research tune --bars my-bars --test-from 2022-01-03

    Parameters
    ----------
    results_dir
        The folder to write to, as backtest does: what simulate and optimize take as --results-dir.
    initial_cash
        Dollars in the account at the beginning: Sharpe and CAGR are of its returns.
    jobs
        How many processes work, a symbol each; by default one a core.
    config
        The configuration's folder; by default PORTFOLD_CONFIG, ./config if there is one, the packaged one.
    """
    from portfold.cli.research.extra import needs_extra, needs_optuna

    needs_extra()
    needs_optuna()
    from portfold.cli.research.tuning.told import told
    from portfold.pieces.place import place_of
    from portfold.research.tune.plan import TunePlan

    alone, chosen, without = past_plan(past, results_dir, initial_cash, config)
    plan = TunePlan(
        alone,
        tuning.test_from,
        tuning.every,
        tuning.trials,
        tuning.min_trades,
        tuning.seed,
        tuning.ranges,
    )
    _before(_tuned_file(plan))  # one that cannot be added to is said before hours of work, not after them
    print_lines(what_is_done(alone, chosen, without), [f"{plan.method[:1].upper()}{plan.method[1:]}"])
    done, failed = _tuned(plan, chosen, place_of(jobs))
    if done:
        print_lines(told(plan, done, _written(plan, done)))
    if failed:
        raise Failure(" ".join(one.why for one in failed))


def _tuned(
    plan: "TunePlan", symbols: Sequence[str], place: "Place"
) -> "tuple[list[FinishedTuning], list[FailedBacktest]]":
    from portfold.research.tune.several import each_tuned

    if len(symbols) == 1:
        return _alone(plan, symbols[0])
    try:
        return run_each(each_tuned(plan, symbols, place), len(symbols), "Tuning")
    except KeyboardInterrupt:
        print_lines(["Of the others each set of parameters that was traded is kept as well."])
        raise


def _alone(plan: "TunePlan", symbol: str) -> "tuple[list[FinishedTuning], list[FailedBacktest]]":
    """Tunes one symbol in this process, which shows how many sets it has looked at."""
    from portfold.cli.progress import progress
    from portfold.research.backtest.several import FailedBacktest
    from portfold.research.tune.several import tuned_here

    try:
        with progress("Tuning", None, "sets") as on_progress:
            one = tuned_here(plan, symbol, on_progress)
    except KeyboardInterrupt:
        print_lines(
            ["Interrupted. Each set of parameters that was traded is kept; the same command goes on."]
        )
        raise
    return ([], [one]) if isinstance(one, FailedBacktest) else ([one], [])


def _written(plan: "TunePlan", done: "Sequence[FinishedTuning]") -> Path:
    """Writes the file of tuned parameters, those of other symbols as they were, and returns its path."""
    from portfold.research.tune.tuned_file import write_tuned

    path = _tuned_file(plan)
    workers, tried = _before(path)
    workers |= {one.best.symbol: one.entry for one in done}
    tried |= {one.best.symbol: one.tried for one in done}
    write_tuned(path, dict(sorted(workers.items())), dict(sorted(tried.items())))
    return path


def _before(path: Path) -> "tuple[dict[str, WorkerEntry], dict[str, int]]":
    """Reads what earlier commands have tuned, of other symbols too: nothing where there is no such file.

    Raises ConfigError.
    """
    from portfold.research.tune.tuned_file import read_tuned

    if not path.exists():
        return {}, {}
    found = read_tuned(path)
    return dict(found.workers), dict(found.tried)


def _tuned_file(plan: "TunePlan") -> Path:
    return plan.backtest.folder / "tuned.json"
