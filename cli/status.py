"""`portfold status`: how are we?"""

import textwrap
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from cli.target import Target

if TYPE_CHECKING:
    from cli.target import Place

_TARGET = Target()
_COLUMNS = 80
_NAMES = 13
_BAR = 20


def register(app: App) -> None:
    """Adds the command."""
    app.command(status)


def status(*, json: Annotated[bool, Parameter(show_default=False)] = False, target: Target = _TARGET) -> None:
    """Show the positions, the day's profit or loss against the limit, and who leads.

    Ends with exit code 1 when no coordinator has ever run for the portfolio.

    For example:

        portfold status --json

    Parameters
    ----------
    json
        The same as one JSON object, for programs.
    """
    from cli.exits import Failure
    from coordinator.status import read_status

    place = target.resolve()
    bus = place.bus()
    found = bus.status()
    leader, last_event = bus.leader(), str(bus.last_event())
    bus.close()
    if not found:
        raise Failure(
            f"No coordinator has ever run for portfolio {place.shown}. Start one: portfold coordinator"
        )
    if json:
        import msgspec

        shown = read_status(found) | {"leading": leader or "", "last_on_log": last_event}
        print(msgspec.json.encode(shown).decode())
    else:
        print("\n".join(status_lines(place, found, leader, last_event)))


def status_lines(place: "Place", found: Mapping[str, str], leader: str | None, last_event: str) -> list[str]:
    """The status hash for people, within 80 columns."""
    stats = dict(pair.split("=") for pair in found["stats"].split(" "))
    asked, blocked = stats["total_entries_requested"], stats["total_entries_blocked"]
    until = datetime.fromtimestamp(int(found["day_ends_ms"]) / 1000, UTC)
    rows = [
        ("Portfolio", place.shown),
        ("Leader", leader or "nobody leads: no entry is answered. Start one: portfold coordinator"),
        (
            "Trading day",
            f"{found['current_day']}, until {until:%Y-%m-%d %H:%M} UTC"
            if found["current_day"]
            else "none yet",
        ),
        ("Positions", f"{found['open_positions_count']}/{found['max_positions']}  {found['open_positions']}"),
        *(("", held) for held in _listed(found["positions"])),
        ("Stale marks", found.get("stale_marks") or "none"),
        ("Reserved", found["reserved"] or "none"),
        ("Daily P&L", _loss(Decimal(found["daily_pnl"]), Decimal(found["daily_stop_loss"] or 0))),
        ("Stopped out", f"yes, by event {found['stopped_at']}" if found["stopped_out"] == "true" else "no"),
        ("Halted", f"by {found['halted_by']}: {found['halt_reason']}" if found["halted"] == "true" else "no"),
        ("Log", _log(found)),
        ("Flattening", f"{found['flattening']} ({found['flatten_cause']})" if found["flattening"] else "no"),
        (
            "Entries",
            f"{asked} asked, {stats['total_entries_allowed']} allowed, {blocked} blocked "
            f"({float(stats['block_rate']):.1%})",
        ),
        ("Exits", f"{stats['total_exits']}, stops: {stats['stop_loss_triggers']}"),
        ("Unsettled", found["unsettled"] or "nothing"),
        ("Limits by", found.get("limits_by") or "nobody yet"),
        ("Workers", found["workers"] or "none"),
    ]
    if last_event != found["last_event"]:
        rows.append(("Undecided", f"events after {found['last_event']} up to {last_event}"))
    return [line for name, text in rows for line in _wrapped(name, text)]


def _wrapped(name: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _COLUMNS,
        initial_indent=f"{name:<{_NAMES}}",
        subsequent_indent=" " * _NAMES,
        break_on_hyphens=False,
    )


def _log(found: Mapping[str, str]) -> str:
    """Whether it lost its end, and whoever last answered for that."""
    kept = f"whole; {found['durability']}" if found.get("durability") else "whole"
    missing = found.get("tail_missing")
    if missing:
        kept = f"lost its end ({missing}), so entries are denied. Then: portfold acknowledge"
    acknowledged = found.get("loss_acknowledged")
    return f"{kept}; loss acknowledged {acknowledged}" if acknowledged else kept


def _listed(text: str) -> list[str]:
    return text.split(", ") if text else []


def _loss(pnl: Decimal, limit: Decimal) -> str:
    """`$-1,200.00 of $-2,500.00  [##########..........] 48 %`."""
    used = min(Decimal(1), max(Decimal(0), -pnl / limit)) if limit else Decimal(0)
    full = int(used * _BAR)
    return f"${pnl:,.2f} of $-{limit:,.2f}  [{'#' * full}{'.' * (_BAR - full)}] {used:.0%}"
