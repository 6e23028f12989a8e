"""Limits: where each stands, and how they were changed."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from portfold.cli.dashboard.desk import Desk
from portfold.cli.dashboard.now import closed_rows, limit_rows
from portfold.cli.dashboard.pages.log import last_lines
from portfold.cli.dashboard.pages.research import found_pages
from portfold.cli.dashboard.site import Site
from portfold.cli.operate.promote import ON_TRIAL
from portfold.coordinator.audit.record.timeline import Wanted
from portfold.coordinator.views.status import limits_in_words, loosening_in_words
from portfold.research.report.trial_page import MARK as TRIAL_MARK

_CHANGES = frozenset(["LimitsChanged", "LooseningWaits", "LooseningEnded"])
_CHANGES_SHOWN = 200


def routes(site: Site) -> list[Route]:
    """Returns the route."""

    async def limits(request: Request) -> Response:
        desk = site.desk(request)
        if desk is None:
            return site.not_here(request)
        given = await site.at_length(lambda: _limits(desk, site.results))
        return site.page(request, "limits.html", given)

    return [Route("/{portfolio}/limits", limits)]


def _limits(desk: Desk, results: Path | None) -> dict[str, object]:
    seen = desk.look.now()
    words = limits_in_words(seen.view) if seen else []
    changes = last_lines(desk, Wanted(types=_CHANGES), _CHANGES_SHOWN)
    return {
        "rows": limit_rows(seen.view) if seen else (),
        "words": "; ".join(words) or "none are in force, so no entry is allowed",
        "waiting": loosening_in_words(seen.view.loosening) if seen else "",
        "closed": closed_rows(seen, desk.zone) if seen else (),
        "trials": found_pages(results, (TRIAL_MARK,)),
        "promoted": [one for one in changes if ON_TRIAL in one.text],
        "lines": changes,
    }
