"""The pages of now: all portfolios side by side, one of them live, and the stream that keeps it so."""

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import msgspec
from sse_starlette.sse import EventSourceResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from portfold.cli.dashboard.drawing import card_of
from portfold.cli.dashboard.site import Site
from portfold.cli.dashboard.watching import Page, Parts
from portfold.events.wire.errors import BusError

if TYPE_CHECKING:
    from portfold.cli.dashboard.desk import Desk

BEAT_SECONDS = 2.0
SEND_SECONDS = 15.0
"""How long a page may take nothing of what it is told, before it is let go."""
AGAIN_MS = 1000
"""How long a browser waits before it connects again."""


def routes(site: Site) -> list[Route]:
    """Returns the routes."""

    async def home(request: Request) -> Response:
        if len(site.desks) == 1:
            return RedirectResponse(f"/{next(iter(site.desks))}/", 303)
        cards = await run_in_threadpool(lambda: [_card(desk) for desk in site.desks.values()])
        return site.page(request, "portfolios.html", {"cards": cards})

    async def now(request: Request) -> Response:
        desk = site.desk(request)
        if desk is None:
            return site.not_here(request)
        return site.page(request, "now.html", {"parts": await run_in_threadpool(desk.watch.drawn)})

    async def live(request: Request) -> Response:
        desk = site.desk(request)
        if desk is None:
            return site.not_here(request)
        told = _told(desk, lambda: site.session(request) is not None)
        return EventSourceResponse(told, send_timeout=SEND_SECONDS)

    return [
        Route("/", home),
        Route("/{portfolio}/", now),
        Route("/{portfolio}/live", live),
    ]


def _card(desk: "Desk") -> dict[str, object]:
    try:
        seen = desk.look.now()
    except BusError as error:
        text = str(error)
        return {"portfolio": desk.portfolio, "good": False, "verdict": "NO ANSWER", "pnl": "", "text": text}
    return card_of(desk.portfolio, seen, desk.zone)


def plain(message: Parts) -> dict[str, str]:
    """Returns the parts as text that can be encoded."""
    return {name: str(html) for name, html in message.items()}


async def _told(desk: "Desk", signed_in: Callable[[], bool]) -> AsyncIterator[dict[str, object]]:
    """Yields what the page is told, and beats where that is nothing, until its session is over or it is gone.

    Without a watch that is fresh there is no beat, and the page says that it is not live.
    """
    page = Page()
    desk.watch.opened(page)
    try:
        yield {"event": "beat", "data": "", "retry": AGAIN_MS}
        while (message := await page.next(BEAT_SECONDS)) is not None and signed_in():
            if message:
                yield {"event": "parts", "data": msgspec.json.encode(plain(message)).decode()}
            elif desk.watch.is_fresh():
                yield {"event": "beat", "data": ""}
    finally:
        desk.watch.closed(page)
