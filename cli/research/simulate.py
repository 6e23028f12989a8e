"""`portfold research simulate`: what each number of positions would have come to, by the live rules."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from portfold.cli.research.given import Given, Positions
from portfold.cli.research.printing import (
    SHARPE_LINE,
    drawdown_head,
    drawdown_lines,
    ends,
    forced_lines,
    looked_lines,
    lots,
    lots_line,
    money,
    number,
    percent,
    print_lines,
    ratio,
    read_lines,
    rules_line,
    sessions_lines,
    span_lines,
)
from portfold.cli.rows import in_columns

if TYPE_CHECKING:
    from portfold.research.search.tables import SimulatedRow
    from portfold.research.simulate.scenario import Scenario

_GIVEN = Given()


def register(app: App) -> None:
    """Adds the command."""
    app.command(simulate)


def simulate(
    *,
    min_positions: Positions = 1,
    max_positions: Positions = 10,
    first: Annotated[date | None, Parameter(name="--from")] = None,
    last: Annotated[date | None, Parameter(name="--to")] = None,
    output: Path | None = None,
    given: Given = _GIVEN,
) -> None:
    """Simulate all symbols together, for each number of positions.

    Every entry is granted or denied, and every stop triggered, by the same
    rules that the coordinator enforces.

    For example:

        portfold research simulate --results-dir results --max-positions 5

    Parameters
    ----------
    min_positions
        The smallest number of positions open at once.
    max_positions
        The largest.
    first
        The first trading day, as 2023-01-02; by default as far back as there are trades.
    last
        The last one.
    output
        The table to write; by default portfolio_simulation.csv in the folder of results.
    """
    from portfold.cli.research.extra import needs_extra

    needs_extra()
    from portfold.cli.research.given import levels
    from portfold.research.search.tables import simulation_table
    from portfold.research.trades.trading_days import DaySpan
    from portfold.research.trades.whole_files import write_whole

    positions = levels(min_positions, max_positions)
    loaded = given.load()
    chosen = loaded.chosen(DaySpan(first, last))
    known = span_lines("Span", loaded.known_of(chosen), "--from")
    print_lines(read_lines(loaded), known, [rules_line(loaded)])
    looked = looked_lines(given.results_dir, "simulate", chosen.days)
    scenario = loaded.scenario(chosen)
    print_lines(sessions_lines(scenario))
    rows = _rows(scenario, positions, given.seed)
    table = output or given.results_dir / "portfolio_simulation.csv"
    write_whole(table, simulation_table(rows))
    forced = forced_lines({row.max_positions: row.metrics for row in rows}, bars=loaded.market is not None)
    bars = loaded.market is not None
    remarks = [*drawdown_lines(bars=bars), _INTERVALS_LINE, lots_line(given.drawings), SHARPE_LINE]
    found = ["", *in_columns(list(_cells(rows, bars=bars, drawings=given.drawings))), "", *remarks]
    print_lines(found, forced, looked, [f"Written: {table}"])


def _rows(scenario: "Scenario", positions: Sequence[int], seed: int) -> list["SimulatedRow"]:
    from portfold.cli.progress import progress
    from portfold.research.search.tables import SimulatedRow

    rows: list[SimulatedRow] = []
    with progress("Simulating", len(positions), "simulations") as on_progress:
        for level in positions:
            drawn = scenario.simulations(scenario.symbols, level)
            rows.append(SimulatedRow(level, scenario.mean_figures(drawn), scenario.intervals(drawn, seed)))
            on_progress(len(rows))
    return rows


_INTERVALS_LINE = (
    "(95 %): the interval of each row's Sharpe by itself, before selection: of the best row expect less."
)

_HEADS = (
    "Pos",
    "Sharpe",
    "(95 %)",
    "$ Sharpe",
    "Lots",
    "CAGR/vol",
    "CAGR",
    "Return",
    "MaxDD",
    "",
    "PF",
    "Breaches",
    "Stops",
    "Avg",
    "Sym",
    "Blocked",
)


def _cells(rows: Sequence["SimulatedRow"], *, bars: bool, drawings: int) -> Iterator[Sequence[str]]:
    yield [drawdown_head(bars=bars) if head == "MaxDD" else head for head in _HEADS]
    for level, found, luck in rows:
        yield (
            str(level),
            ratio(found.sharpe),
            ends(luck.sharpe),
            ratio(found.sharpe_dollars),
            lots(found, drawings=drawings),
            ratio(found.cagr_over_vol),
            percent(found.cagr),
            money(found.total_return),
            money(found.max_dd),
            percent(found.max_dd_pct / 100),
            ratio(found.profit_factor),
            number(found.breach_events),
            number(found.daily_stops),
            ratio(found.avg_positions),
            number(found.symbols_used),
            percent(found.block_rate),
        )
