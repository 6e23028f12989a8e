"""What every page of the dashboard shares: the portfolios, who is signed in, and how an answer is made.

Guarantees: an answer is kept by no cache, runs no script but the dashboard's own, asks nothing of any other
place, and cannot be framed.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import anyio
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from portfold.cli.dashboard.access.sessions import COOKIE, LoginRate, Session, Sessions
from portfold.cli.dashboard.access.users import Users
from portfold.cli.dashboard.desk import Desk
from portfold.cli.dashboard.drawing import PAGES, Drawing

T = TypeVar("T")

_LONG_AT_ONCE = 2

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


class Access(NamedTuple):
    """How people come in: by `users`, or, where there are none, by the `token` of this start, to look.

    `secure`: the page comes by TLS, here or at a proxy, so its cookie does too; `proxied`: at a proxy.
    `metrics_token` is what a machine that reads the metrics sends, empty for none.
    """

    sessions: Sessions
    rate: LoginRate
    users: Users | None
    token: str
    secure: bool
    operate: bool
    metrics_token: str = ""
    proxied: bool = False


class Site:
    """The dashboard: its portfolios by name, who comes in how, and what draws it."""

    def __init__(
        self, desks: Sequence[Desk], access: Access, drawing: Drawing, *, results: Path | None, kept: Path
    ) -> None:
        self.desks = {desk.portfolio: desk for desk in desks}
        self.access = access
        self.drawing = drawing
        self.results = results
        self.kept = kept
        self._long = anyio.CapacityLimiter(_LONG_AT_ONCE)

    async def at_length(self, work: Callable[[], T]) -> T:
        """Does what takes long, such as folding a log, beside the answers to others: two at a time."""
        return await anyio.to_thread.run_sync(work, limiter=self._long)

    def desk(self, request: Request) -> Desk | None:
        """Returns the portfolio that the address names."""
        return self.desks.get(request.path_params["portfolio"])

    def session(self, request: Request) -> Session | None:
        """Returns the session that the request is of."""
        return self.access.sessions.of(request.cookies.get(COOKIE))

    def may_operate(self, request: Request) -> bool:
        """Returns whether whoever asks may give orders here."""
        session = self.session(request)
        return bool(self.access.operate and session and session.operates)

    def page(
        self, request: Request, template: str, given: Mapping[str, object] | None = None, *, status: int = 200
    ) -> Response:
        """Answers with a page."""
        session = self.session(request)
        pages = [*PAGES, ("orders", "Orders")] if self.may_operate(request) else PAGES
        shared: dict[str, object] = {
            "portfolio": request.path_params.get("portfolio", ""),
            "pages": pages,
            "page": request.url.path.strip("/").partition("/")[2].partition("/")[0],
            "session": session,
            "operate": self.access.operate,
        }
        html = self.drawing.page(template, **(shared | dict(given or {})))
        return HTMLResponse(html, status)

    def message(self, request: Request, title: str, text: str, *, status: int, back: str = "") -> Response:
        """Answers with a sentence."""
        return self.page(request, "message.html", {"title": title, "text": text, "back": back}, status=status)

    def not_here(self, request: Request) -> Response:
        """Answers that there is no such portfolio."""
        return self.message(request, "Not here", "There is no such portfolio on this dashboard.", status=404)
