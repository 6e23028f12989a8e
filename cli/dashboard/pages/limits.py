"""Limits: where each stands, and how they were changed."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from portfold.cli.dashboard.desk import Desk
from portfold.cli.dashboard.now import limit_rows
from portfold.cli.dashboard.pages.log import last_lines
from portfold.cli.dashboard.site import Site
from portfold.coordinator.audit.record.timeline import Wanted
from portfold.coordinator.views.status import limits_in_words, loosening_in_words

_CHANGES = frozenset(["LimitsChanged", "LooseningWaits", "LooseningEnded"])
_CHANGES_SHOWN = 200


def routes(site: Site) -> list[Route]:
    """Returns the route."""

    async def limits(request: Request) -> Response:
        desk = site.desk(request)
        if desk is None:
            return site.not_here(request)
        return site.page(request, "limits.html", await run_in_threadpool(_limits, desk))

    return [Route("/{portfolio}/limits", limits)]


def _limits(desk: Desk) -> dict[str, object]:
    seen = desk.look.now()
    words = limits_in_words(seen.view) if seen else []
    return {
        "rows": limit_rows(seen.view) if seen else (),
        "words": "; ".join(words) or "none are in force, so no entry is allowed",
        "waiting": loosening_in_words(seen.view.loosening) if seen else "",
        "lines": last_lines(desk, Wanted(types=_CHANGES), _CHANGES_SHOWN),
    }
