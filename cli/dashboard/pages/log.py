"""The log: its last lines by symbol, worker and type; how the portfolio stood; why something was decided."""

from typing import NamedTuple, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from portfold.cli.dashboard.desk import Desk
from portfold.cli.dashboard.drawing import DrawnLine, drawn_line
from portfold.cli.dashboard.site import Site
from portfold.coordinator.audit.explain.explanation import explain
from portfold.coordinator.audit.explain.lookup import find_id
from portfold.coordinator.audit.explain.portfolio_rows import moment_of, portfolio_rows, time_text
from portfold.coordinator.audit.explain.status_at import status_at
from portfold.coordinator.audit.record.moment import read_moment
from portfold.coordinator.audit.record.timeline import Wanted
from portfold.errors import PortfoldError
from portfold.events.decisions import Decision
from portfold.events.incoming import Event
from portfold.events.stream_id import StreamId
from portfold.exchange_time import local_time

MOST_LINES = 10_000
_FEW_LINES = 200
_TYPES = sorted(message.__name__ for message in (*get_args(Event), *get_args(Decision)))


class Asked(NamedTuple):
    """What lines were asked for; empty where it does not matter."""

    symbol: str
    worker: str
    type: str
    lines: int
    everything: bool

    @classmethod
    def by(cls, request: Request) -> "Asked":
        """Reads the form. A count that is none is the default."""
        words = request.query_params
        count = words.get("lines", "")
        lines = int(count) if count.isdecimal() and len(count) <= 5 else _FEW_LINES
        return cls(
            words.get("symbol", "")[:32],
            words.get("worker", "")[:64],
            words.get("type", "")[:40],
            max(1, min(MOST_LINES, lines)),
            words.get("all") == "1",
        )

    @property
    def wanted(self) -> Wanted:
        """Returns the choice of lines."""
        return Wanted(*(frozenset([one] if one else []) for one in (self.symbol, self.worker, self.type)))


def routes(site: Site) -> list[Route]:
    """Returns the routes."""

    async def log(request: Request) -> Response:
        desk, asked = site.desk(request), Asked.by(request)
        if desk is None:
            return site.not_here(request)
        lines = await site.at_length(lambda: _lines(desk, asked))
        return site.page(request, "log.html", {"asked": asked, "types": _TYPES, "lines": lines})

    async def at(request: Request) -> Response:
        desk = site.desk(request)
        if desk is None:
            return site.not_here(request)
        given = await site.at_length(lambda: _stood(desk, request.query_params.get("time", "")[:40]))
        return site.page(request, "at.html", given)

    async def why(request: Request) -> Response:
        desk = site.desk(request)
        if desk is None:
            return site.not_here(request)
        given = await site.at_length(lambda: _explained(desk, request.path_params["id"]))
        return site.page(request, "why.html", given)

    return [
        Route("/{portfolio}/log", log),
        Route("/{portfolio}/at", at),
        Route("/{portfolio}/why/{id}", why),
    ]


def last_lines(desk: Desk, wanted: Wanted, count: int, *, everything: bool = False) -> list[DrawnLine]:
    """Returns the last lines of that kind, the newest first. Raises BusError."""
    bus = desk.place.bus()
    try:
        lines = list(desk.tail(bus, wanted, everything=everything).last(count))
    finally:
        bus.close()
    return [drawn_line(line, desk.zone, dated=True) for line in reversed(lines)]


def _lines(desk: Desk, asked: Asked) -> list[DrawnLine]:
    return last_lines(desk, asked.wanted, asked.lines, everything=asked.everything)


def _stood(desk: Desk, time: str) -> dict[str, object]:
    moment = read_moment(time)
    with desk.record() as record:
        found = status_at(record, moment, _quietly)
    return {
        "when": moment_of(found.view),
        "event": str(found.event),
        "next": str(found.next) if found.next else "",
        "rows": portfolio_rows(found.view),
    }


def _explained(desk: Desk, wanted: str) -> dict[str, object]:
    try:
        event = StreamId.parse(wanted)
    except ValueError as error:
        raise PortfoldError(f"ID: {error}.") from error
    with desk.record() as record:
        story = explain(record, find_id(record, event, _quietly), _quietly)
    clocks = {
        one.id: f"{local_time(StreamId.parse(one.id).ms, desk.zone):%a %H:%M:%S %Z}" for one in story.next
    }
    when = time_text(story.exchange, StreamId.parse(story.event).ms)
    return {"story": story, "when": when, "clocks": clocks}


def _quietly(_done: int) -> None:
    """Shows no progress: the browser shows that it waits."""
