"""The guard in front of every page: who has no session gets in nowhere but to sign in, and to ask for health.

Guarantees: what changes anything comes from a page of this dashboard, by its address; a request that is too
big is not read; every answer carries the headers that keep it from being cached, framed or sniffed.
"""

import asyncio
import hmac
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portfold.cli.dashboard.access.sessions import COOKIE
from portfold.cli.dashboard.site import POLICY, Access

OPEN_TO_ALL = ("/login", "/sign-in", "/healthz", "/readyz")
MOST_BYTES = 64 * 1024
BODY_SECONDS = 10.0

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # by none at all browsers send forms with the origin "null"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": POLICY,
}
_READING = ("GET", "HEAD")


class Guard:
    """Lets through who may pass, to `app`."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or has `app` answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        request = Request(scope)
        heard = receive if request.method in _READING else _in_time(receive)
        await (self._refusal(request) or self._app)(scope, heard, send_guarded)

    def _refusal(self, request: Request) -> Response | None:
        if request.method not in _READING:
            size = request.headers.get("content-length", "")
            if not size.isdecimal() or int(size) > MOST_BYTES:
                return PlainTextResponse("Expected a form of at most 64 KB, with its length.", 413)
            if not _from_here(request):
                return PlainTextResponse("Expected a form of this dashboard's own pages.", 403)
        if self._is_open(request) or self._access.sessions.of(request.cookies.get(COOKIE)) is not None:
            return None
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("/login", 303)
        return PlainTextResponse("Sign in first.", 401)

    def _is_open(self, request: Request) -> bool:
        path = request.url.path
        if path == "/metrics" and self._access.metrics_token:
            sent = request.headers.get("authorization", "")
            return hmac.compare_digest(sent.encode(), f"Bearer {self._access.metrics_token}".encode())
        return path in OPEN_TO_ALL or path.startswith("/static/")


def _in_time(receive: Receive) -> Receive:
    """Returns a way to receive a body that is given up where it does not come in time."""
    deadline = asyncio.get_running_loop().time() + BODY_SECONDS

    async def receive_in_time() -> Message:
        try:
            async with asyncio.timeout_at(deadline):
                return await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}

    return receive_in_time


def _from_here(request: Request) -> bool:
    """Returns whether the browser says that a page of this very address sent the form."""
    origin = request.headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc == request.headers.get("host", "")
