"""Signing in and out: by name and password, or by the address that the command has printed."""

import hmac

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from portfold.cli.dashboard.access.sessions import COOKIE, LASTS_SECONDS
from portfold.cli.dashboard.site import Site

LOCAL = "local"
"""The name of whoever came by the printed address: may look, and give no orders."""

_WRONG = "No such name, or not its password."
_TOO_MANY = "Too many tries: wait five minutes."
_LONGEST = 256
_AT_ONCE = 2
"""How many passwords are looked at at once: each takes tens of megabytes, on purpose."""


def routes(site: Site) -> list[Route]:
    """Returns the routes."""
    users, hashing = site.access.users, CapacityLimiter(_AT_ONCE)

    async def login(request: Request) -> Response:
        if request.method == "GET":
            return site.page(request, "login.html", {"wrong": ""})
        form = await request.form(max_files=0, max_fields=4)
        name, password = str(form.get("name", ""))[:_LONGEST], str(form.get("password", ""))[:_LONGEST]
        keys = (f"name {name}", _address(site, request))
        if not site.access.rate.may_try(*keys):
            return site.page(request, "login.html", {"wrong": _TOO_MANY}, status=429)
        site.access.rate.failed(*keys)
        user = await to_thread.run_sync(users.signed_in, name, password, limiter=hashing) if users else None
        if user is None:
            return site.page(request, "login.html", {"wrong": _WRONG}, status=401)
        site.access.rate.succeeded(*keys)
        return _signed_in(site, user.name, operates=user.role == "operator")

    async def sign_in(request: Request) -> Response:
        sent = request.query_params.get("token", "")
        address = _address(site, request)
        if not site.access.rate.may_try(address):
            return site.message(request, "Not now", _TOO_MANY, status=429)
        if not (site.access.token and hmac.compare_digest(sent.encode(), site.access.token.encode())):
            site.access.rate.failed(address)
            text = "This address is not one that the command has printed since it was started."
            return site.message(request, "Not signed in", text, status=401)
        return _signed_in(site, LOCAL, operates=False)

    async def logout(request: Request) -> Response:
        site.access.sessions.end(request.cookies.get(COOKIE))  # by a page of ours, however long it was open
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE)
        return answer

    async def session(_request: Request) -> Response:
        return Response(status_code=204)

    return [
        Route("/login", login, methods=["GET", "POST"]),
        Route("/sign-in", sign_in),
        Route("/logout", logout, methods=["POST"]),
        Route("/session", session),
    ]


def _address(site: Site, request: Request) -> str:
    """Names where a request comes from: behind a proxy what that says last, as all come from its address."""
    told = request.headers.get("x-forwarded-for", "") if site.access.proxied else ""
    peer = request.client.host if request.client else ""
    return f"address {told.rpartition(',')[2].strip()[:_LONGEST] or peer}"


def _signed_in(site: Site, name: str, *, operates: bool) -> Response:
    cookie = site.access.sessions.begin(name, "operator" if operates else "viewer")
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        COOKIE,
        cookie,
        max_age=int(LASTS_SECONDS),
        httponly=True,
        secure=site.access.secure,
        samesite="strict",
    )
    return answer
