"""Research: the pages that its commands have left in the folder of results."""

from pathlib import Path
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from portfold.cli.dashboard.pages.days import REPORT_POLICY
from portfold.cli.dashboard.site import Site
from portfold.exchange_time import utc_clock
from portfold.research.portfolio_page.page import MARK as RESEARCH_MARK
from portfold.research.report.page import MARK as DAY_MARK
from portfold.research.report.sweep_page import MARK as SWEEP_MARK

_MOST_FILES = 500
_HEAD_BYTES = 400
_OWN = (DAY_MARK, RESEARCH_MARK, SWEEP_MARK)
_MILLION = 1_000_000


class FoundPage(NamedTuple):
    """A page of portfold's own in the folder of results."""

    number: int
    name: str
    written: str
    file: Path


def routes(site: Site) -> list[Route]:
    """Returns the routes."""

    async def research(request: Request) -> Response:
        if site.desk(request) is None:
            return site.not_here(request)
        found = await run_in_threadpool(found_pages, site.results)
        folder = str(site.results) if site.results else ""
        return site.page(request, "research.html", {"folder": folder, "found": found})

    async def research_page(request: Request) -> Response:
        number = request.path_params["number"]
        for one in await run_in_threadpool(found_pages, site.results):
            if one.number == number:
                html = await run_in_threadpool(one.file.read_text, encoding="utf-8")
                return HTMLResponse(html, headers=REPORT_POLICY)
        return site.message(request, "Not here", "There is no such page any more.", status=404)

    return [
        Route("/{portfolio}/research", research),
        Route("/{portfolio}/research/{number:int}", research_page),
    ]


def found_pages(folder: Path | None) -> list[FoundPage]:
    """Returns the pages of portfold's own in the folder and below, the newest first; others are left out."""
    if folder is None:
        return []
    files = sorted(folder.rglob("*.html"), key=lambda file: -file.stat().st_mtime_ns)[:_MOST_FILES]
    own = [file for file in files if not file.is_symlink() and _is_own(file)]
    return [
        FoundPage(number, str(file.relative_to(folder)), utc_clock(file.stat().st_mtime_ns // _MILLION), file)
        for number, file in enumerate(own)
    ]


def _is_own(file: Path) -> bool:
    with file.open("rb") as opened:
        head = opened.read(_HEAD_BYTES).decode(errors="replace")
    return any(mark in head for mark in _OWN)
