"""`portfold audit tear-sheet`: what the trades on the log come to."""

from decimal import Decimal
from pathlib import Path

from cyclopts import App

from portfold.cli.audit.source import Source
from portfold.cli.exits import Failure
from portfold.cli.tear_sheet.printing import Cash, Flag, print_sheet

_SOURCE = Source()


def register(app: App) -> None:
    """Adds the command."""
    app.command(over_log, name="tear-sheet")


def over_log(
    *,
    cash: Cash = 150_000,
    returns: Path | None = None,
    json: Flag = False,
    source: Source = _SOURCE,
) -> None:
    """Show what the trades on the log come to: the figures of portfold research tear-sheet.

    P&L of a day is as the stop counts it, days that are not over included.

    Exit code 1 when nothing was closed yet, or when the recorded decisions
    are not those that the rules make of the events.

    For example:

        portfold audit tear-sheet --returns returns.csv

    Parameters
    ----------
    cash
        Dollars of the account at the beginning.
    returns
        Write the daily returns to this file, as CSV.
    json
        Print the figures as one JSON object.
    """
    from zoneinfo import ZoneInfo

    from portfold.cli.progress import progress
    from portfold.coordinator.audit.report.days import Asked, gather
    from portfold.coordinator.audit.report.tear_sheet import SheetTrade, tear_sheet

    with source.record() as record:
        with progress("Reading", record.events, "events") as on_progress:
            found = gather(record, Asked(), on_progress)
        shown = record.shown
    trades = [
        SheetTrade(one.opened_ms, one.ms, one.pnl, one.commission)
        for account in found.accounts
        for one in account.trades
    ]
    if not trades:
        raise Failure(f"Nothing was closed yet on record for {shown}.")
    zone = next((account.limits.zone for account in found.accounts if account.limits), "UTC")
    pnl_of = {account.day: account.pnl for account in found.accounts}
    print_sheet(tear_sheet(trades, pnl_of, Decimal(str(cash)), ZoneInfo(zone)), zone, returns, json=json)
    if found.difference:
        raise Failure(
            f"{found.difference} The figures may be of what was never decided. See: portfold audit verify"
        )
