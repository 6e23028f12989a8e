"""The dashboard as an application: every route, the guard in front of them, and what an error looks like."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from portfold.cli.dashboard.access.guard import Guard
from portfold.cli.dashboard.pages import days, limits, live, log, metrics, orders, research, signing_in
from portfold.cli.dashboard.site import Site
from portfold.errors import PortfoldError

_STATIC = Path(__file__).with_name("static")


def application(site: Site, hosts: list[str]) -> Starlette:
    """Returns the application; `hosts` are the names by which it may be called."""

    @asynccontextmanager
    async def while_it_runs(_app: Starlette) -> AsyncIterator[None]:
        for desk in site.desks.values():
            desk.begin()
        yield
        for desk in site.desks.values():
            await run_in_threadpool(desk.end)

    async def refused(request: Request, error: Exception) -> Response:
        text = error.with_remedy if isinstance(error, PortfoldError) else str(error)
        return site.message(request, "That did not work", text, status=400, back="/")

    async def http_error(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        text = error.detail if isinstance(error, HTTPException) else "Something is wrong here."
        return site.message(request, "Not here" if status == 404 else "Not so", text, status=status, back="/")

    return Starlette(
        routes=[
            Mount("/static", StaticFiles(directory=_STATIC)),
            *signing_in.routes(site),
            *metrics.routes(site),
            *live.routes(site),
            *log.routes(site),
            *days.routes(site),
            *limits.routes(site),
            *research.routes(site),
            *orders.routes(site),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
            Middleware(Guard, access=site.access),
        ],
        exception_handlers={PortfoldError: refused, HTTPException: http_error},
        lifespan=while_it_runs,
    )
