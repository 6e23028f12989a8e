"""Signing in and out: by name and password, or by the address that the command has printed."""

import hmac

from starlette.concurrency import run_in_threadpool
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


def routes(site: Site) -> list[Route]:
    """Returns the routes."""

    async def login(request: Request) -> Response:
        if request.method == "GET":
            return site.page(request, "login.html", {"wrong": ""})
        form = await request.form(max_files=0, max_fields=4)
        name, password = str(form.get("name", ""))[:_LONGEST], str(form.get("password", ""))[:_LONGEST]
        keys = (f"name {name}", f"address {request.client.host if request.client else ''}")
        if not site.access.rate.may_try(*keys):
            return site.page(request, "login.html", {"wrong": _TOO_MANY}, status=429)
        users = site.access.users
        user = await run_in_threadpool(users.signed_in, name, password) if users else None
        if user is None:
            site.access.rate.failed(*keys)
            return site.page(request, "login.html", {"wrong": _WRONG}, status=401)
        return _signed_in(site, user.name, operates=user.role == "operator")

    async def sign_in(request: Request) -> Response:
        sent = request.query_params.get("token", "")
        address = f"address {request.client.host if request.client else ''}"
        if not site.access.rate.may_try(address):
            return site.message(request, "Not now", _TOO_MANY, status=429)
        if not (site.access.token and hmac.compare_digest(sent.encode(), site.access.token.encode())):
            site.access.rate.failed(address)
            text = "This address is not one that the command has printed since it was started."
            return site.message(request, "Not signed in", text, status=401)
        return _signed_in(site, LOCAL, operates=False)

    async def logout(request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=2)
        cookie = request.cookies.get(COOKIE)
        if site.access.sessions.use_form(cookie, str(form.get("form", ""))):
            site.access.sessions.end(cookie)
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
