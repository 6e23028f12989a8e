"""Research: the pages that its commands have left in the folder of results."""

import os
import stat
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from portfold.cli.dashboard.pages.days import REPORT_POLICY
from portfold.cli.dashboard.site import Site
from portfold.errors import PortfoldError
from portfold.exchange_time import utc_clock
from portfold.research.portfolio_page.page import MARK as RESEARCH_MARK
from portfold.research.report.page import MARK as DAY_MARK
from portfold.research.report.sweep_page import MARK as SWEEP_MARK
from portfold.research.report.trial_page import MARK as TRIAL_MARK

_MOST_FILES = 500
_HEAD_BYTES = 400
_OWN = (DAY_MARK, RESEARCH_MARK, SWEEP_MARK, TRIAL_MARK)
_MILLION = 1_000_000


class FoundPage(NamedTuple):
    """A page of portfold's own in the folder of results."""

    key: str
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
        key = request.path_params["key"]
        for one in await run_in_threadpool(found_pages, site.results):
            if one.key == key:
                html = await run_in_threadpool(_text, one.file)
                return HTMLResponse(html, headers=REPORT_POLICY)
        return site.message(request, "Not here", "There is no such page any more.", status=404)

    return [
        Route("/{portfolio}/research", research),
        Route("/{portfolio}/research/{key}", research_page),
    ]


def found_pages(folder: Path | None, marks: Sequence[str] = _OWN) -> list[FoundPage]:
    """Returns the pages of portfold's own in the folder and below, the newest first; others are left out.

    A page is known by its name, so that one that is written meanwhile takes no other's place.
    """
    if folder is None:
        return []
    written = [(at, file) for file in folder.rglob("*.html") if (at := _written_ns(file)) is not None]
    newest = sorted(written, key=lambda one: -one[0])[:_MOST_FILES]
    return [
        FoundPage(_key(name), name, utc_clock(at // _MILLION), file)
        for at, file in newest
        if _is_own(file, marks) and (name := str(file.relative_to(folder)))
    ]


def _key(name: str) -> str:
    return sha256(os.fsencode(name)).hexdigest()[:16]


def _written_ns(file: Path) -> int | None:
    """Returns when a file was written; None for what is no file, such as a link, a pipe or one that went."""
    try:
        found = file.lstat()
    except OSError:
        return None
    return found.st_mtime_ns if stat.S_ISREG(found.st_mode) else None


def _is_own(file: Path, marks: Sequence[str]) -> bool:
    try:
        with file.open("rb") as opened:
            head = opened.read(_HEAD_BYTES).decode(errors="replace")
    except OSError:
        return False
    return any(mark in head for mark in marks)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise PortfoldError(f"{file.name}: {error.strerror}.") from error
