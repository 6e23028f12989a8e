"""`portfold research tear-sheet`: what the trades of files come to."""

from decimal import Decimal
from pathlib import Path

from cyclopts import App

from portfold.cli.exits import Failure
from portfold.cli.tear_sheet.printing import Cash, Flag, print_sheet


def register(app: App) -> None:
    """Adds the command."""
    app.command(over_files, name="tear-sheet")


def over_files(
    *,
    results_dir: Path = Path("results"),
    cash: Cash = 150_000,
    zone: str | None = None,
    returns: Path | None = None,
    json: Flag = False,
    config: str | None = None,
) -> None:
    """Show what the trades of a results folder come to, each as it is in its file.

    Sharpe, Sortino, growth, drawdown and how long it lasted, Calmar, wins,
    losses and streaks, exposure, P&L by month, weekday and hour. No limit is
    simulated: portfold research simulate does that.

    For example:

        portfold research tear-sheet --results-dir results --returns returns.csv

    Parameters
    ----------
    results_dir
        The folder of trades, as a backtest writes it.
    cash
        Dollars of the account at the beginning.
    zone
        The clock of times without an offset; by default the exchange's.
    returns
        Write the daily returns to this file, as CSV.
    json
        Print the figures as one JSON object.
    config
        The configuration's folder; by default PORTFOLD_CONFIG, ./config if there is one, the packaged one.
    """
    import os
    from collections import defaultdict
    from zoneinfo import ZoneInfo

    from portfold.cli.research.extra import needs_extra

    needs_extra()
    from portfold.config import load
    from portfold.coordinator.audit.report.tear_sheet import SheetTrade, tear_sheet
    from portfold.coordinator.fold.trading_day import trading_day_at
    from portfold.research.trades.results_folder import read_results

    day = load(config, os.environ, Path.cwd()).runtime.trading_day
    read = read_results(results_dir, zone=ZoneInfo(zone or day.zone))
    trades = [
        SheetTrade(one.entry_ms, one.exit_ms, one.pnl) for symbol in read.symbols for one in symbol.trades
    ]
    if not trades:
        raise Failure(f"{results_dir} holds no trades.")
    pnl_of: defaultdict[str, Decimal] = defaultdict(Decimal)
    for one in trades:
        pnl_of[trading_day_at(one.exit_ms, day.zone, day.roll).date] += one.pnl
    print_sheet(
        tear_sheet(trades, pnl_of, Decimal(str(cash)), ZoneInfo(day.zone)), day.zone, returns, json=json
    )
