"""`portfold research sensitivity`: what is left of a portfolio at other costs, and with later fills."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from cyclopts import App

from portfold.cli.research.given import Given, Positions
from portfold.cli.research.printing import (
    SHARPE_LINE,
    drawdown_head,
    drawdown_lines,
    looked_lines,
    lots,
    lots_line,
    money,
    percent,
    print_lines,
    ratio,
    read_lines,
    rules_line,
    span_lines,
)
from portfold.cli.rows import in_columns

if TYPE_CHECKING:
    from portfold.cli.research.given import Loaded
    from portfold.research.simulate.restated import Restated
    from portfold.research.statistics.metrics import Metrics
    from portfold.research.trades.trading_days import Chosen

_GIVEN = Given()
_AS_IT_IS = "as it is"


def register(app: App) -> None:
    """Adds the command."""
    app.command(sensitivity)


def sensitivity(*, max_positions: Positions = 4, given: Given = _GIVEN) -> None:
    """Simulate a portfolio as it is, at twice its costs, and filled later.

    A result that does not survive twice its costs, or the open of the next
    bar, comes of the assumptions. How far the lots matter stands beside it.
    Later fills need --bars.

    For example:

        portfold research sensitivity --bars synthetic --max-positions 2

    Parameters
    ----------
    max_positions
        How many positions may be open at once.
    """
    from portfold.cli.research.extra import needs_extra

    needs_extra()
    from portfold.research.trades.trading_days import DaySpan

    loaded = given.load()
    chosen = loaded.chosen(DaySpan())
    known = span_lines("Span", loaded.known_of(chosen), "")
    print_lines(read_lines(loaded), known, [rules_line(loaded)])
    looked = looked_lines(given.results_dir, "sensitivity", chosen.days)
    rows = [_measured(loaded, name, restated, max_positions) for name, restated in _restated(loaded, chosen)]
    bars = loaded.market is not None
    cells = list(_cells(rows, bars=bars, drawings=given.drawings))
    print_lines(["", *in_columns(cells, left=frozenset([0])), ""])
    remarks = [*drawdown_lines(bars=bars), lots_line(given.drawings), SHARPE_LINE]
    print_lines(_remarks(rows, bars=bars), remarks, looked)


class _Row(NamedTuple):
    name: str
    metrics: "Metrics"
    left_out: int


def _restated(loaded: "Loaded", chosen: "Chosen") -> "Iterator[tuple[str, Restated]]":
    from portfold.research.simulate.restated import (
        Restated,
        bars_of,
        costs_twice,
        filled_a_day_later,
        filled_at_the_next_open,
    )

    trades, pricing = chosen.trades, loaded.pricing
    yield _AS_IT_IS, Restated(trades)
    yield "costs twice", costs_twice(trades, pricing)
    if loaded.market is not None:
        bars = bars_of(loaded.configuration, loaded.market, {trade.symbol for trade in trades})
        yield "filled at the next bar's open", filled_at_the_next_open(trades, pricing, bars)
        yield "filled a day later", filled_a_day_later(trades, pricing, bars)


def _measured(loaded: "Loaded", name: str, restated: "Restated", max_positions: int) -> _Row:
    from msgspec import structs

    from portfold.research.trades.trading_days import DaySpan, trades_within

    day = loaded.configuration.runtime.trading_day
    chosen = trades_within(restated.trades, DaySpan(), zone=day.zone, roll=day.roll)
    marks_entry_bar = loaded.pricing.marks_entry_bar or restated.at_open
    pricing = structs.replace(loaded.pricing, marks_entry_bar=marks_entry_bar)
    scenario = replace(loaded, pricing=pricing).scenario(chosen)
    return _Row(name, scenario.measure(scenario.symbols, max_positions), restated.left_out)


def _cells(rows: Sequence[_Row], *, bars: bool, drawings: int) -> Iterator[Sequence[str]]:
    yield ("", "Sharpe", "Lots", "$ Sharpe", "left", "CAGR", "Return", drawdown_head(bars=bars))
    first = rows[0].metrics.sharpe_dollars
    for name, found, _ in rows:
        yield (
            name,
            ratio(found.sharpe),
            lots(found, drawings=drawings),
            ratio(found.sharpe_dollars),
            percent(max(0.0, found.sharpe_dollars / first)) if first > 0 else "none",
            percent(found.cagr),
            money(found.total_return),
            money(found.max_dd),
        )


def _remarks(rows: Sequence[_Row], *, bars: bool) -> Iterator[str]:
    for name, _, left_out in rows:
        if left_out:
            yield f"Left out where {name}: {left_out:,} trades without a price."
    if not bars:
        yield "Without bars (--bars) nothing is filled later."
