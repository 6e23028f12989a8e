"""Trading days and weeks: the reports of `portfold audit`, made on demand, and kept once they are over.

Guarantees: one report is made at a time, however often it is asked for; a day that goes on is made anew.
"""

import re
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from threading import Lock

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from portfold.cli.dashboard.desk import Desk
from portfold.cli.dashboard.site import Site
from portfold.coordinator.audit.report.day_account import DayAccount
from portfold.coordinator.audit.report.days import Asked, gather
from portfold.coordinator.audit.report.days_lived import beside_expected
from portfold.coordinator.audit.report.tallies import all_together
from portfold.dollars import ZERO, shown
from portfold.errors import PortfoldError
from portfold.exchange_time import local_time, week_of
from portfold.whole_files import write_durably

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_LAST_OF_WEEK = 4
_DAYS_LISTED = 90

REPORT_POLICY = {
    "Content-Security-Policy": "sandbox allow-scripts allow-downloads; connect-src 'none'; "
    "form-action 'none'; frame-src 'none'; base-uri 'none'; frame-ancestors 'none'"
}
"""A report brings a policy of its own, which names its scripts by their hashes. Whatever it is, it is of no
origin: a file that somebody has put where reports lie has no cookie, and can ask nothing of the dashboard."""


def routes(site: Site) -> list[Route]:
    """Returns the routes."""
    making = Lock()

    async def days(request: Request) -> Response:
        desk = site.desk(request)
        if desk is None:
            return site.not_here(request)
        return site.page(request, "days.html", await site.at_length(lambda: _days(desk, making)))

    async def day(request: Request) -> Response:
        return await _report(request, week=False)

    async def week(request: Request) -> Response:
        return await _report(request, week=True)

    async def _report(request: Request, *, week: bool) -> Response:
        desk, asked = site.desk(request), request.path_params["day"]
        if desk is None:
            return site.not_here(request)
        if not _is_day(asked):
            raise PortfoldError("DAY: expected a trading day such as 2025-01-15.")
        html = await site.at_length(lambda: _made(desk, asked, site.kept, making, week=week))
        return HTMLResponse(html, headers=REPORT_POLICY)

    return [
        Route("/{portfolio}/days", days),
        Route("/{portfolio}/days/{day}", day),
        Route("/{portfolio}/weeks/{day}", week),
    ]


def _days(desk: Desk, making: Lock) -> dict[str, object]:
    with making, desk.record() as record:
        last = local_time(record.cursor.ms, desk.zone).date()
        found = gather(record, Asked((last - timedelta(days=_DAYS_LISTED)).isoformat()))
    return {"days": [_row(one) for one in reversed(found.accounts)], "unlike": found.difference}


def _row(account: DayAccount) -> dict[str, object]:
    return {
        "day": account.day,
        "week": week_of(account.day),
        "pnl": shown(account.pnl),
        "gains": account.pnl >= ZERO,
        "trades": all_together([account]).trades,
        "denied": account.blocked,
        "stops": account.stops,
    }


def _made(desk: Desk, first: str, kept: Path, making: Lock, *, week: bool) -> str:
    """Returns the report, from where it is kept if it is over. A log without a name has none kept."""
    from portfold.research.report.page import report_html

    log = desk.log_name()
    file = kept / f"{desk.portfolio}-{log}" / f"{'week' if week else 'day'}-{first}.html"
    with making:
        if log and file.is_file():
            return file.read_text(encoding="utf-8")
        with desk.record() as record:
            found = gather(record, Asked(first, _last_of_week(first) if week else first))
            if not found.accounts:
                raise PortfoldError(f"There is no trading day {first} on record.")
            found.beside = beside_expected(found.accounts, desk.place.configuration.expected)
            html = report_html(
                found,
                portfolio=desk.portfolio,
                read_from=record.shown,
                week=week,
                version=version("portfold"),
            )
        if log and not found.ended and not found.difference:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_durably(file, html.encode())
    return html


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return bool(_DAY(text))


def _last_of_week(monday: str) -> str:
    return (date.fromisoformat(monday) + timedelta(days=_LAST_OF_WEEK)).isoformat()
