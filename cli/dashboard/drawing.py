"""Draws pages and their parts as HTML, from templates that escape whatever is put into them.

Guarantees: text of the log is shown and nothing else: markup is escaped, and characters that turn text around
or hide it are shown as what they are.
"""

import secrets
from typing import NamedTuple
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from msgspec import Struct

from portfold.cli.dashboard.now import Now, limit_rows, now_of
from portfold.cli.dashboard.watching import Moment
from portfold.coordinator.audit.record.following import Note
from portfold.coordinator.audit.record.tail import TailLine
from portfold.coordinator.views.overview import Overview
from portfold.events.fields import readable
from portfold.exchange_time import local_time, zoned_clock

_NEVER_LED = "No coordinator has ever run for this portfolio. Start one: portfold coordinator"

PAGES = (
    ("", "Now"),
    ("log", "Log"),
    ("days", "Days"),
    ("limits", "Limits"),
    ("research", "Research"),
)


class DrawnLine(Struct, frozen=True):
    """A line of the log as a page has it: `key` is no other's, `id` leads to its `why`; a note has none."""

    key: str
    id: str
    time: str
    level: str
    text: str
    decision: bool


class Drawing:
    """Draws from the templates of this folder."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("portfold.cli.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_shown,
        )
        panels = self._environment.get_template("panels.html").make_module()
        self._panel = {
            name: getattr(panels, name) for name in ("verdict", "day", "limits", "held", "facts", "line")
        }

    def page(self, name: str, **given: object) -> str:
        """Draws a whole page."""
        return self._environment.get_template(name).render(**given)

    def parts(self, portfolio: str, moment: Moment, zone: ZoneInfo) -> dict[str, str]:
        """Draws what the page of now shows of the moment, part by part, but for the lines."""
        seen, trouble = moment.glimpse.seen, moment.glimpse.trouble
        if seen is None:
            return self._nothing(trouble or _NEVER_LED)
        now = now_of(seen, moment.curve.points, zone)
        panel = self._panel
        return {
            "verdict": panel["verdict"](now, trouble, moment.glimpse.news),
            "day": panel["day"](now),
            "limits": panel["limits"](now.limits),
            "held": panel["held"](now.held),
            "closed": panel["facts"]("Closed, and what comes next", now.closed),
            "workers": panel["facts"]("Workers", now.workers),
            "system": panel["facts"]("What keeps it going", now.system),
            "title": _title(portfolio, now, trouble),
        }

    def line(self, portfolio: str, one: DrawnLine) -> Markup:
        """Draws a line of the log."""
        drawn: Markup = self._panel["line"](portfolio, one)
        return drawn

    def _nothing(self, why: str) -> dict[str, str]:
        text = Markup('<p class="headline critical"><b>NOTHING TO SHOW</b> {}</p>').format(readable(why))
        return {
            "verdict": text,
            **dict.fromkeys(("day", "limits", "held", "closed", "workers", "system"), ""),
        }


def card_of(portfolio: str, seen: Overview | None, zone: ZoneInfo) -> dict[str, object]:
    """Returns what the list of portfolios shows of one of them."""
    if seen is None:
        text = "no coordinator has ever run for it"
        return {"portfolio": portfolio, "good": False, "verdict": "NOT THERE", "pnl": "", "text": text}
    now = now_of(seen, (), zone)
    near = limit_rows(seen.view)[:1]
    return {
        "portfolio": portfolio,
        "good": now.may_trade,
        "verdict": now.verdict,
        "pnl": now.pnl,
        "text": "; ".join(
            [f"{len(now.held)} open or reserved", *(f"{one.name}: {one.left} left" for one in near)]
        ),
    }


class PortfolioDrawing(NamedTuple):
    """Draws one portfolio; `zone` is the time zone in which times are shown."""

    drawing: Drawing
    portfolio: str
    zone: ZoneInfo

    def parts(self, moment: Moment) -> dict[str, str]:
        """Draws the parts of the page of now, but for the lines."""
        return self.drawing.parts(self.portfolio, moment, self.zone)

    def line(self, line: TailLine | Note) -> str:
        """Draws a line of the log."""
        return self.drawing.line(self.portfolio, drawn_line(line, self.zone))


def drawn_line(line: TailLine | Note, zone: ZoneInfo, *, dated: bool = False) -> DrawnLine:
    """Returns a line as a page shows it; `dated`: with its day, where lines are of more than one."""
    if isinstance(line, Note):
        return DrawnLine(f"note-{secrets.token_hex(6)}", "", "", "info", line.text, decision=False)
    item = line.item
    ms = item.row.id.ms
    at = zoned_clock(ms, zone) if dated else f"{local_time(ms, zone):%H:%M:%S %Z}"
    decided = item.table == "decisions"
    key = f"{item.table}-{item.row.id}"
    return DrawnLine(key, str(item.row.id), at, line.level, item.text, decided)


def _title(portfolio: str, now: Now, trouble: str) -> str:
    return f"{'OLD ' if trouble else ''}{now.verdict} {now.pnl} · {portfolio}"


def _shown(value: object) -> object:
    """Escapes what may not be shown in text; what was drawn already is left as it is."""
    return readable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
