"""`portfold tail`: what happens, as it happens."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from portfold.cli.audit.lines_wanted import LinesWanted
from portfold.cli.target import Target
from portfold.cli.typed import typed

if TYPE_CHECKING:
    from pathlib import Path

    from portfold.cli.target import ResolvedTarget
    from portfold.coordinator.audit.record.following import Note
    from portfold.coordinator.audit.record.tail import Choice, TailLine

_TARGET = Target()
_LINES = LinesWanted()
_STYLES = {"debug": "dim", "info": "", "warning": "yellow", "error": "bold red", "critical": "bold red"}
_INDENT = 19

Flag = Annotated[bool, Parameter(show_default=False)]
Show = Callable[["TailLine | Note"], None]


def register(app: App) -> None:
    """Adds the command."""
    app.command(tail)


def tail(
    *,
    lines: Annotated[int, Parameter(name=("--lines", "-n"), validator=Number(gte=0, lte=10_000))] = 20,
    follow: Annotated[bool, Parameter(name=("--follow", "-f"), show_default=False)] = False,
    lines_wanted: LinesWanted = _LINES,
    everything: Annotated[bool, Parameter(name="--all", show_default=False)] = False,
    json: Flag = False,
    text: Flag = False,
    target: Target = _TARGET,
) -> None:
    """Show the end of the log: what was said and what was decided.

    Lines for people on a terminal, elsewhere JSON lines as portfold audit show
    --format jsonl has them, with the level. With --follow until Ctrl-C, over
    restarts of coordinators and of the server. Of --symbol, --worker and
    --type each may be given several times.

    For example:

        portfold tail -f --symbol ES --symbol CL

    Parameters
    ----------
    lines
        How many lines there are first.
    follow
        Go on with what comes.
    everything
        Marks, ticks of the clock and requests too, which a log leaves out.
    json
        JSON lines, on a terminal too.
    text
        Lines for people, elsewhere too.
    """
    from portfold.cli.exits import Unusable
    from portfold.cli.stopping import ended_by_sigterm
    from portfold.coordinator.audit.record.tail import Tail

    if json and text:
        raise Unusable("--json, --text: expected one of them, got both.")
    place = target.resolve()
    choice = _choice(place, lines_wanted, everything=everything)
    show = _show_text() if text or (sys.stdout.isatty() and not json) else _show_json
    bus = place.bus()
    end = Tail(bus, _archive(place), choice)
    try:
        with ended_by_sigterm():
            for line in end.last(lines):
                show(line)
            if follow:
                for shown in end.follow():
                    show(shown)
            elif (note := end.undecided()) is not None:
                show(note)
    finally:
        bus.close()


def _choice(place: "ResolvedTarget", lines_wanted: LinesWanted, *, everything: bool) -> "Choice":
    from portfold.coordinator.audit.record.moment import Exchange
    from portfold.coordinator.audit.record.tail import Choice

    day = place.configuration.runtime.trading_day
    return Choice(lines_wanted.wanted(), everything, Exchange(day.zone, day.roll))


def _archive(place: "ResolvedTarget") -> "Path | None":
    from pathlib import Path

    named = place.configuration.runtime.archive_folder
    return Path(named) if named else None


def _show_json(line: "TailLine | Note") -> None:
    from portfold.coordinator.audit.record.following import Note
    from portfold.coordinator.audit.record.timeline_lines import json_line

    if isinstance(line, Note):
        print(f"portfold: {typed(line.text)}", file=sys.stderr, flush=True)
    else:
        print(f'{{"level":"{line.level}",{json_line(line.item)[1:]}', flush=True)


def _show_text() -> Show:
    """Returns what prints a line each, indented where it goes on below; above a day's first, the date."""
    from rich.console import Console
    from rich.text import Text

    from portfold.coordinator.audit.record.following import Note

    console = Console()
    day = ""

    def show(line: "TailLine | Note") -> None:
        nonlocal day
        if isinstance(line, Note):
            put(Text(f"-- {typed(line.text)}", style="dim"), indent=3)
            return
        item = line.item
        at = item.exchange.local(item.row.id.ms)
        if f"{at:%Y-%m-%d}" != day:
            day = f"{at:%Y-%m-%d}"
            put(Text(f"-- {at:%a %d %b %Y}, {item.exchange.zone}", style="bold"))
        mark = "→ " if item.table == "decisions" else "  "
        when = f"{at:%H:%M:%S}.{item.row.id.ms % 1000:03} {at:%Z} {mark}"
        put(Text.assemble((when, "dim"), (typed(item.text), _STYLES[line.level])))

    def put(line: Text, indent: int = _INDENT) -> None:
        if console.is_terminal:
            first, *rest = line.wrap(console, console.width)
            console.print(first)
            for more in Text(" ").join(rest).wrap(console, console.width - indent) if rest else []:
                console.print(Text(" " * indent).append_text(more))
        else:
            console.print(line, soft_wrap=True)
        console.file.flush()

    return show
