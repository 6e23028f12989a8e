"""Giving orders from the page, in two steps: what it will do is shown first, then it is typed to confirm.

Guarantees: each step's form is good once and for two minutes, and for the session it was made for; what goes
on record is the name that was signed in, whatever the form says.
"""

from collections.abc import Mapping
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from portfold.cli.dashboard.access.sessions import COOKIE, Session
from portfold.cli.dashboard.desk import Desk
from portfold.cli.dashboard.pages.order_forms import (
    ORDERS,
    Order,
    confirmed_by,
    effects,
    event_of,
    filled_in,
    order_named,
)
from portfold.cli.dashboard.site import Site
from portfold.cli.ordering import pulled, put
from portfold.coordinator.store import log_integrity
from portfold.coordinator.views.order_outcome import OrderOutcome, outcome_of
from portfold.coordinator.views.overview import missed_at_the_end
from portfold.errors import PortfoldError
from portfold.events.incoming import FlattenRequested
from portfold.events.stream_id import StreamId

_MOST_FIELDS = 16
_PATIENCE_SECONDS = 2.0
_NO_ORDERS = (
    "Orders are given by operators alone, where the dashboard was started with --operate. "
    "From a terminal: portfold halt, resume, flatten."
)
_STALE = "The form was sent before, or is older than two minutes. Nothing was ordered."


class OrderFailed(PortfoldError):
    """The order was not given, or not wholly; a sentence that says what was done all the same."""


class _Asked(NamedTuple):
    """Who orders what, of which portfolio, and what was filled in."""

    desk: Desk
    session: Session
    order: Order
    form: Mapping[str, str]
    fresh: bool


def routes(site: Site) -> list[Route]:
    """Returns the routes."""

    async def orders(request: Request) -> Response:
        desk = site.desk(request)
        if desk is None:
            return site.not_here(request)
        if not site.may_operate(request):
            return site.message(request, "No orders here", _NO_ORDERS, status=403)
        cookie = request.cookies[COOKIE]
        forms = {order.name: site.access.sessions.new_form(cookie) for order in ORDERS}
        return site.page(request, "orders.html", {"orders": ORDERS, "forms": forms})

    async def prepare(request: Request) -> Response:
        asked = await _asked(request)
        if isinstance(asked, Response):
            return asked
        words = filled_in(asked.order, asked.form)
        seen = await run_in_threadpool(asked.desk.look.now)
        given = {
            "order": asked.order,
            "effects": effects(asked.order, words, seen),
            "to_type": confirmed_by(asked.order, words, asked.desk.portfolio),
            "words": [("by", asked.session.name), *((name, word) for name, word in words.items() if word)],
            "hidden": list(words.items()),
            "confirm_form": site.access.sessions.new_form(request.cookies[COOKIE]),
        }
        return site.page(request, "confirm.html", given)

    async def give(request: Request) -> Response:
        asked = await _asked(request)
        if isinstance(asked, Response):
            return asked
        words = filled_in(asked.order, asked.form)
        expected = confirmed_by(asked.order, words, asked.desk.portfolio)
        back = f"/{asked.desk.portfolio}/orders"
        if asked.form.get("typed", "").strip() != expected:
            text = f"Expected “{expected}” to be typed. Nothing was ordered."
            return site.message(request, "Not confirmed", text, status=400, back=back)
        text = await run_in_threadpool(_given, asked.desk, asked.order, words, asked.session.name)
        return site.message(request, asked.order.title, text, status=200, back=f"/{asked.desk.portfolio}/")

    async def _asked(request: Request) -> _Asked | Response:
        desk, session = site.desk(request), site.session(request)
        if desk is None:
            return site.not_here(request)
        if session is None or not site.may_operate(request):
            return site.message(request, "No orders here", _NO_ORDERS, status=403)
        form = await request.form(max_files=0, max_fields=_MOST_FIELDS)
        words = {name: str(text) for name, text in form.items()}
        fresh = site.access.sessions.use_form(request.cookies.get(COOKIE), words.get("form", ""))
        if not fresh:
            return site.message(request, "Not ordered", _STALE, status=409, back=f"/{desk.portfolio}/orders")
        return _Asked(desk, session, order_named(request.path_params["order"]), words, fresh)

    return [
        Route("/{portfolio}/orders", orders),
        Route("/{portfolio}/orders/{order}", prepare, methods=["POST"]),
        Route("/{portfolio}/orders/{order}/give", give, methods=["POST"]),
    ]


def _given(desk: Desk, order: Order, words: Mapping[str, str], by: str) -> str:
    """Gives the order and says what became of it. Raises OrderFailed with all that was done before it did."""
    bus, done = desk.place.bus(), list[str]()
    try:
        event: StreamId
        if order.name == "acknowledge":
            event = log_integrity.acknowledge(
                bus, lambda: missed_at_the_end(bus), by=by, reason=words["reason"]
            )
        else:
            made = event_of(order, words, by)
            if isinstance(made, FlattenRequested) and made.scope is None:
                event = pulled(bus, made, done.append)
            else:
                event = put(bus, made)
        outcome = outcome_of(bus, event, wait_seconds=_PATIENCE_SECONDS)
        leader = None if outcome.folded else bus.leader()
    except PortfoldError as error:
        if not done:
            raise
        raise OrderFailed(" ".join([*done, error.with_remedy])) from error
    finally:
        bus.close()
    return " ".join([*done, _what_became(outcome, leader, by)])


def _what_became(outcome: OrderOutcome, leader: str | None, by: str) -> str:
    if outcome.rejected:
        return f"Refused, on record as {outcome.event}: {outcome.rejected}"
    if outcome.folded:
        return f"Done. On record as {outcome.event}, by {by}."
    if leader:
        return f"On record as {outcome.event}. {leader} leads and has not decided it yet."
    return f"On record as {outcome.event}. No coordinator leads now; it takes effect when one does."
