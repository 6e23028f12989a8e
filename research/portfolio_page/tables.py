"""The page's tables: the rows of the search, the symbols of the row, train against test, the greedy path."""

from collections.abc import Sequence
from decimal import Decimal

from portfold.research.portfolio_page.by_symbol import SymbolOutcome, all_of
from portfold.research.portfolio_page.replayed import Replayed
from portfold.research.portfolio_page.wording import INFINITE, money, percent, ratio
from portfold.research.report.table import Cell, figure, table, tone_of, words
from portfold.research.report.wording import NOTHING, number
from portfold.research.search.config_export import PortfolioChoice
from portfold.research.search.findings import Winner
from portfold.research.search.search import Constraints, Symbols, Visited

_REASONS = {"drawdown": "lowers the drawdown most", "sharpe": "lowest Sharpe alone"}


def rows_table(rows: Sequence[PortfolioChoice], chosen: int, note: str) -> str:
    """Writes the rows of the table; the row of the page is marked."""
    tested = any(row.winner is not None and row.winner.test is not None for row in rows)
    known = any(row.winner is not None for row in rows)
    names = (
        "Row",
        "Pos.",
        *(("Stop",) if rows[0].daily_stop_loss is not None else ()),
        "Sharpe",
        *(("95% before selection",) if known else ()),
        "CAGR",
        "Return",
        "Max DD",
        "Breaches",
    )
    names += ("Stops", "PF", *(("Deflated",) if known else ()))
    names += ("Test Sharpe", "Left", "Test return", "Test DD") if tested else ()
    heads = [*map(figure, names), words("Symbols")]
    lines = [_row(row, chosen, known=known, tested=tested) for row in rows]
    return table("The rows of the search", heads, lines, note=note)


def _row(row: PortfolioChoice, chosen: int, *, known: bool, tested: bool) -> list[Cell]:
    found, winner = row.figures, row.winner
    luck = winner.intervals.sharpe if winner is not None else None
    deflated = winner.deflated if winner is not None else None
    factor = (
        INFINITE if found["profit_factor"] is None and winner is not None else ratio(found["profit_factor"])
    )
    cells = [
        figure(f"{row.row}{' ◂' if row.row == chosen else ''}", "name" if row.row == chosen else ""),
        figure(row.max_positions),
        *([figure(money(row.daily_stop_loss))] if row.daily_stop_loss is not None else []),
        figure(ratio(found["sharpe"])),
        *([figure(f"{ratio(luck.low)} to {ratio(luck.high)}" if luck else NOTHING)] if known else []),
        figure(percent(found["cagr"])),
        _money(found["total_return"]),
        figure(money(found["max_dd"])),
        figure(_count(found["breach_events"])),
        figure(_count(found["daily_stops"])),
        figure(factor),
        *([figure(percent(deflated.probability if deflated else None))] if known else []),
    ]
    if tested:
        test = winner.test if winner is not None else None
        cells += [
            figure(ratio(test.sharpe if test else None)),
            figure(percent(winner.kept if winner else None, 0)),
            _money(test.total_return if test else None),
            figure(money(test.max_dd if test else None)),
        ]
    return [*cells, words(" ".join(row.symbols), "list")]


def _money(amount: float | None) -> Cell:
    return figure(money(amount), tone_of(Decimal(round(amount)) if amount is not None else None))


def _count(value: float | None) -> str:
    return NOTHING if value is None else number(value)


# --- symbols --------------------------------------------------------------------------------------------


def symbols_table(again: Replayed, note: str) -> str:
    """Writes each symbol's trades in the row, on the train span, and on the test span where there was one."""
    names = ("Trades", "Won", "P&L", "Denied", "Blocked", "Forced", "At final P&L")
    spans = [again.train.outcomes, *([again.test.outcomes] if again.test is not None else [])]
    heads = [words("Symbol"), *map(figure, names)]
    if again.test is not None:
        heads += [
            figure(f"Test {name[0].lower()}{name[1:]}" if name != "P&L" else "Test P&L") for name in names
        ]
    each = list(zip(*spans, strict=True))
    each.sort(key=lambda own: (-own[0].pnl, own[0].symbol))
    lines = [[words(own[0].symbol, "name"), *(cell for one in own for cell in _outcome(one))] for own in each]
    total = [words("Total"), *(cell for span in spans for cell in _outcome(all_of(span)))]
    return table("The symbols of the row", heads, lines, total=total, note=note)


def _outcome(outcome: SymbolOutcome) -> list[Cell]:
    won = outcome.won / outcome.trades if outcome.trades else None
    return [
        figure(f"{outcome.trades:,}"),
        figure(percent(won, 0)),
        figure(money(outcome.pnl), tone_of(outcome.pnl)),
        figure(f"{outcome.denied:,}"),
        figure(percent(outcome.block_rate)),
        figure(f"{outcome.forced:,}"),
        figure(f"{outcome.at_final:,}"),
    ]


# --- train and test -------------------------------------------------------------------------------------


def judged_table(rows: Sequence[Winner], chosen: int) -> str:
    """Writes each row's figures on the train span, and beside them those on the test span."""
    pairs = ("Sharpe", "$ Sharpe", "CAGR", "Max DD", "PF")
    heads = [
        figure("Pos."),
        *(figure(name) for pair in pairs for name in (pair, "test")),
        figure("$ Sharpe left"),
    ]
    lines = [_judged(row, chosen) for row in sorted(rows, key=lambda row: row.max_positions)]
    return table("Where it was chosen, and on the test span", heads, lines)


def _judged(row: Winner, chosen: int) -> list[Cell]:
    own = row.max_positions == chosen
    spans = (row.train, row.test)
    pairs = [
        [ratio(span.sharpe) if span else NOTHING for span in spans],
        [ratio(span.sharpe_dollars) if span else NOTHING for span in spans],
        [percent(span.cagr) if span else NOTHING for span in spans],
        [money(span.max_dd) if span else NOTHING for span in spans],
        [
            (INFINITE if span.profit_factor is None else ratio(span.profit_factor)) if span else NOTHING
            for span in spans
        ],
    ]
    return [
        figure(f"{row.max_positions}{' ◂' if own else ''}", "name" if own else ""),
        *(figure(cell) for pair in pairs for cell in pair),
        figure(percent(row.kept, 0)),
    ]


# --- the way --------------------------------------------------------------------------------------------


def way_table(path: Sequence[Visited], kept: Symbols, constraints: Constraints) -> str:
    """Writes the greedy path to the row, a step a line."""
    heads = [*map(figure, ("Symbols", "Sharpe", "Max DD", "Breaches")), words("Valid"), words("Dropped next")]
    return table("Greedy's way to this row", heads, [_step(visited, kept, constraints) for visited in path])


def _step(visited: Visited, kept: Symbols, constraints: Constraints) -> list[Cell]:
    found = visited.metrics
    own = visited.symbols == kept
    return [
        figure(f"{len(visited.symbols)}{' ★' if own else ''}", "name" if own else ""),
        figure(ratio(found.sharpe)),
        figure(money(found.max_dd)),
        figure(number(found.breach_events)),
        words("yes" if constraints.met_by(found) else "no"),
        words(f"{visited.dropped}: {_REASONS.get(visited.because, '')}" if visited.dropped else NOTHING),
    ]
