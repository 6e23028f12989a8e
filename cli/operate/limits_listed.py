"""`portfold limits` alone: every rule in force, where it stands, and how far it is to go."""

from collections.abc import Iterator

from msgspec.structs import asdict

from portfold.cli.exits import Failure
from portfold.cli.rows import in_columns
from portfold.coordinator.fold.limits import Limits, Loosening, limits_shown, limits_valued
from portfold.coordinator.fold.windows.lockout import in_words
from portfold.coordinator.store.entry_json import shown_json
from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.rule_view import ShownRule, amount_in_words, rule_fields
from portfold.coordinator.views.status import loosening_in_words
from portfold.coordinator.views.view_field import view_in
from portfold.events.wire.bus import Bus

_TITLES = ("rule", "stands at", "limit", "to go", "used", "what is counted")


def list_limits(bus: Bus, *, json: bool) -> None:
    """Prints them, the nearest to its limit first. Raises Failure where there are none, and BusError."""
    view = view_in(bus.status())
    if view is None or view.limits is None:
        raise Failure("No limits are in force yet: start a coordinator, see: portfold coordinator --help")
    if json:
        print(shown_json(as_fields(view)))
        return
    for line in lines(view):
        print(line)


def as_fields(view: PortfolioView) -> dict[str, object]:
    """Returns the list for programs: where the rules with a number stand, and all limits as an order says."""
    limits = view.limits
    return {
        "last_event": view.last_event,
        "rules": [rule_fields(one) for one in view.rules],
        "limits": limits_valued(limits) if limits else {},
        "by": limits.by if limits else "",
        "reason": limits.reason if limits else "",
        "lockout": asdict(view.lockout) if view.lockout else None,
        "waiting": _waiting(view.loosening) if view.loosening else None,
    }


def _waiting(loosening: Loosening) -> dict[str, object]:
    """Returns what counts from a later trading day on, with all limits as they will be."""
    limits = loosening.limits
    return {
        "from_day": loosening.day,
        "changes": loosening.changes,
        "limits": limits_valued(limits),
        "by": limits.by,
        "reason": limits.reason,
        "ordered_at": loosening.since,
    }


def lines(view: PortfolioView) -> Iterator[str]:
    """Yields the table, and below it whatever else is in force."""
    yield from in_columns([_TITLES, *map(_row, view.rules)], left=frozenset({0, 5}))
    if view.limits is None:
        return
    listed = {one.rule for one in view.rules}
    others = {name: text for name, text in _told(view.limits).items() if name not in listed}
    yield ""
    yield f"Also in force: {'; '.join(f'{name}={text}' for name, text in others.items())}"
    yield f"Set by {view.limits.by}: {view.limits.reason}"
    if view.lockout is not None:
        yield f"Besides: {in_words(view.lockout)}"
    if view.loosening is not None:
        yield f"Waits for the next trading day, {loosening_in_words(view.loosening)}"


def _told(limits: Limits) -> dict[str, str]:
    """Returns the limits for people: lists separated by commas, of contracts only those that are traded."""
    told = limits_shown(limits)
    points = [pair for pair in told["point_values"].split() if pair.partition("=")[0] in limits.symbols]
    return told | {"symbols": ", ".join(limits.symbols), "point_values": ", ".join(points)}


def _row(one: ShownRule) -> tuple[str, ...]:
    now, limit, left = (amount_in_words(one.unit, figure) for figure in (one.now, one.limit, one.left))
    return (one.shown, now, limit, left, f"{one.used:.0%}", one.about)
