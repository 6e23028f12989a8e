"""`portfold doctor`: checks that everything is fit for the open."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from portfold.cli.copyable import wrapped
from portfold.cli.target import Target
from portfold.cli.typed import typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from portfold.coordinator.doctor.finding import Finding

_TARGET = Target()
_COLUMNS = 80
_LABEL = 22
_LEVELS = ("ok", "warn", "fail")
_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}

Flag = Annotated[bool, Parameter(show_default=False)]


def register(app: App) -> None:
    """Adds the command."""
    app.command(doctor)


def doctor(*, ping: Flag = False, json: Flag = False, target: Target = _TARGET) -> int:
    """Examine server, log, processes and configuration before the open.

    Each line says ok, warn or fail, and what to do. It changes nothing.

    Exit code 0 when nothing fails, 1 when anything does, also when the
    configuration or the server cannot be read.

    For example, a quarter of an hour before the open:

        portfold doctor --ping

    Parameters
    ----------
    ping
        Send a test message to each webhook, and report whether it is taken.
    json
        The findings as one JSON object, for programs.
    """
    from portfold.cli.exits import FAILED, OK

    found = [
        one._replace(text=typed(one.text), remedy=typed(one.remedy)) for one in _findings(target, ping=ping)
    ]
    failed = sum(one.level == "fail" for one in found)
    warned = sum(one.level == "warn" for one in found)
    if json:
        from portfold.coordinator.store.entry_json import shown_json

        counts = {"ok": not failed, "failed": failed, "warned": warned}
        print(shown_json(counts | {"findings": [one._asdict() for one in found]}))
    else:
        from rich.console import Console

        console = Console()
        for line in report(found, failed, warned):
            console.print(line, soft_wrap=True)
    return FAILED if failed else OK


def _findings(target: Target, *, ping: bool) -> "list[Finding]":
    import os
    import time
    from contextlib import suppress

    from portfold.cli.watch.models import feed, models
    from portfold.cli.watch.options import options
    from portfold.cli.watch.traded_months import traded_months
    from portfold.config import ConfigError
    from portfold.coordinator.doctor.examine import examine
    from portfold.coordinator.doctor.finding import fail
    from portfold.events.wire.errors import BusError
    from portfold.workers.flattener.flattener import NAME

    try:
        resolved = target.resolve()
        bus = resolved.bus()
    except ConfigError as error:
        return [fail("config", str(error), "correct the file; nothing else was checked")]
    try:
        found = examine(
            bus,
            resolved.configuration,
            os.environ,
            url=resolved.url,
            flattener=NAME,
            wall_ms=lambda: int(time.time() * 1000),
        )
        with suppress(BusError):  # which is a finding already
            found.append(traded_months(resolved.configuration, bus.market()))
    finally:
        bus.close()
    found += [check(resolved.configuration) for check in (options, models, feed)]
    if ping:
        from portfold.cli.watch.ping import ping as pinged

        found += pinged(resolved.configuration, os.environ, resolved.portfolio)
    return found


def report(found: "Sequence[Finding]", failed: int, warned: int) -> "list[Text]":
    """Returns the findings for people, in 80 columns, the worst last, and below them the verdict."""
    from rich.text import Text

    worst_last = sorted(found, key=lambda one: _LEVELS.index(one.level))
    counts = f"{failed} failed, {warned} warned, {len(found) - failed - warned} ok."
    verdict = f"Not fit for the open: {counts}" if failed else f"Fit for the open: {counts}"
    style = _STYLES["fail" if failed else "warn" if warned else "ok"]
    return [*(line for one in worst_last for line in _finding_lines(one)), Text(), Text(verdict, style=style)]


def _finding_lines(one: "Finding") -> "list[Text]":
    from rich.text import Text

    mark = f"{'FAIL' if one.level == 'fail' else one.level:<5}"
    lines = wrapped(one.text, _COLUMNS, " " * _LABEL, " " * _LABEL)
    first = Text.assemble((mark, _STYLES[one.level]), f"{one.check:<{_LABEL - len(mark)}}", lines[0][_LABEL:])
    remedy = wrapped(one.remedy, _COLUMNS, f"{'':<{_LABEL}}→ ", " " * (_LABEL + 2)) if one.remedy else []
    return [first, *(Text(line) for line in lines[1:]), *(Text(line, style="dim") for line in remedy)]
