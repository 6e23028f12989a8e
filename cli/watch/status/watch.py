"""Shows the status again every second, in place, until Ctrl-C.

While the server is away the last status stays, with a line that says so. Where there is no terminal, or none
to draw on, each changed status is printed below the one before.
"""

import time

from msgspec.structs import replace
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from portfold.cli.stopping import ended_by_sigterm
from portfold.cli.watch.status.as_json import as_json
from portfold.cli.watch.status.contact import Contact, Glimpse
from portfold.cli.watch.status.look import Look
from portfold.cli.watch.status.screen import badged, picture, put
from portfold.coordinator.views.headlines import Headline
from portfold.events.stream_id import ORIGIN

_EVERY_SECONDS = 1.0


def watch_on(look: Look, *, json: bool) -> None:
    """Shows the status until Ctrl-C or SIGTERM."""
    console = Console()
    contact = Contact(look.now, wall_ms=lambda: int(time.time() * 1000), zone=look.zone)
    with ended_by_sigterm():
        if json:
            _print_json(contact)
        elif console.is_terminal and not console.is_dumb_terminal:
            _draw(console, look, contact)
        else:
            _print_below(console, look, contact)


def _draw(console: Console, look: Look, contact: Contact) -> None:
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            live.update(Group(*frame(look, contact.glimpse())), refresh=True)
            time.sleep(_EVERY_SECONDS)


def _print_below(console: Console, look: Look, contact: Contact) -> None:
    before: object = None
    while True:
        glimpse = contact.glimpse()
        if (facts := _facts(glimpse)) != before:
            put(console, [*frame(look, glimpse, whole=True), Text()])
            console.file.flush()
            before = facts
        time.sleep(_EVERY_SECONDS)


def _facts(glimpse: Glimpse) -> object:
    """Returns what a new status must differ in to be printed again: all of it but the time."""
    seen = glimpse.seen
    if seen is not None:
        backlog = seen.backlog._replace(oldest_ms=None)
        seen = replace(seen, now_ms=0, last_event=ORIGIN, backlog=backlog)
    return seen, bool(glimpse.trouble), glimpse.news


def _print_json(contact: Contact) -> None:
    while True:
        glimpse = contact.glimpse()
        if glimpse.seen is not None and not glimpse.trouble:
            print(as_json(glimpse.seen), flush=True)
        time.sleep(_EVERY_SECONDS)


def frame(look: Look, glimpse: Glimpse, *, whole: bool = False) -> list[Text]:
    """Returns the lines that show a glimpse; `whole`: with no reason cut."""
    lines = [] if glimpse.seen else [Text(f"{look.nobody}.")]
    if glimpse.seen:
        lines = picture(glimpse.seen, shown=look.shown, zone=look.zone, whole=whole)
    if glimpse.trouble:
        gone = badged(Headline("no_server", "critical", "NO SERVER", glimpse.trouble), whole=whole)
        lines = [*gone, *([Text("Last seen:", style="dim"), *lines] if glimpse.seen else [])]
    return [*lines, *([Text(glimpse.news, style="dim")] if glimpse.news else [])]
