"""`portfold lockout`: nobody enters until a moment, and nobody lifts that before.

It is asked twice, with its effect shown: a wrong moment is locked as well.
"""

import sys
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from cyclopts import App, Parameter

from portfold.cli.asking import answered
from portfold.cli.exits import Unusable
from portfold.cli.operate.orders import Who, Why
from portfold.cli.operate.own_name import USER
from portfold.cli.ordering import print_outcome, put
from portfold.cli.target import Target
from portfold.events.roles.server_roles import OPERATOR

_TARGET = Target()
_SHAPE = "YYYY-MM-DD HH:MM"


def register(app: App) -> None:
    """Adds the command."""
    app.command(lockout)


def lockout(
    *,
    until: str,
    by: Who = USER,
    reason: Why,
    yes: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    target: Target = _TARGET,
) -> None:
    """Deny every entry until a moment, whoever resumes. Exits go on.

    Nobody lifts it before: no resume, no force, no second name, no new day and
    no restart. Ordered again it is made longer, never shorter; at most 31 days
    ahead.

    Exit code 1 when it is refused: the moment has passed, is too far ahead, or
    is no later than that of the lockout in force.

    For example:

        portfold lockout --until "2026-12-04 17:00" --by jo --reason rest

    Parameters
    ----------
    until
        The moment, as "2026-12-04 17:00", on the exchange's clocks, or with an offset, as in
        2026-12-04T17:00+00:00.
    yes
        Do not ask again: for scripts.
    """
    from portfold.events.incoming import LockoutOrdered
    from portfold.exchange_time import milliseconds_of

    resolved = target.resolve(OPERATOR)
    zone = ZoneInfo(resolved.configuration.runtime.trading_day.zone)
    moment = moment_in(until, zone)
    bus = resolved.bus()
    if not yes:
        ask_again(moment, zone, bus.now_ms())
    order = LockoutOrdered(by=by, reason=reason, until_ms=milliseconds_of(moment))
    shown = f"{moment.astimezone(zone):%a %d %b %Y %H:%M} ({zone.key})"
    print_outcome(bus, put(bus, order), f"Locked out until {shown}; nobody lifts it before.")


def moment_in(text: str, zone: ZoneInfo) -> datetime:
    """Reads a moment; one without an offset is on the clocks of `zone`, the later where they have it twice.

    Raises Unusable.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or ":" not in text:  # a day alone would be its midnight, which nobody has said
        raise Unusable(f"--until: expected a moment as {_SHAPE}, got {text[:80]!r}.")
    return found.replace(tzinfo=zone, fold=1) if found.tzinfo is None else found


def ask_again(moment: datetime, zone: ZoneInfo, now_ms: int) -> None:
    """Shows what follows, and asks for the moment once more. Raises Unusable where it is not the same."""
    from portfold.exchange_time import milliseconds_of, span

    until = f"{moment.astimezone(zone):%a %d %b %Y %H:%M} ({zone.key})"
    lasting = span(max(0, milliseconds_of(moment) - now_ms))
    effect = (
        f"Every entry of every worker will be denied until {until}, for {lasting}.\n"
        "NOBODY can lift that before: no resume, no --force, no second name, no restart. Exits go on."
    )
    if not sys.stdin.isatty():
        raise Unusable(f"--yes: expected where nobody can be asked.\n{effect}")
    print(effect)
    again = moment_in(answered(f"Type the moment again, as {_SHAPE}: "), zone)
    if milliseconds_of(again) != milliseconds_of(moment):
        raise Unusable("--until: the two moments differ; nothing is ordered.")
