"""`portfold ask`: what would be allowed now, the largest size, and which rule binds. It only reads."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from portfold.cli.exits import FAILED, OK
from portfold.cli.target import Target

if TYPE_CHECKING:
    from portfold.coordinator.views.room import Room
    from portfold.events.wire.bus import Bus
    from portfold.workers.client.amount import PlannedLoss

_TARGET = Target()
_NOBODY = "ask"


def register(app: App) -> None:
    """Adds the command."""
    app.command(ask)


def ask(  # noqa: PLR0913 - each of these is an option
    symbol: str,
    /,
    *,
    side: Literal["long", "short"] = "long",
    size: int = 1,
    stop: Annotated[str, Parameter(show_default=False)] = "",
    price: Annotated[str, Parameter(show_default=False)] = "",
    risk: Annotated[str, Parameter(show_default=False)] = "",
    worker: str = _NOBODY,
    json: Annotated[bool, Parameter(show_default=False)] = False,
    target: Target = _TARGET,
) -> int:
    """Say what would be allowed now, the largest size, and which rule binds.

    It asks the rules that answer workers, and asks for nothing: no event is written, and another may take the
    room before you do.

    For example:

        portfold ask ES --side long --stop 4990 --size 2

    Parameters
    ----------
    symbol
        What would be entered, such as ES.
    side
        On which side.
    size
        Contracts.
    stop
        The price of the stop, for a loss budget.
    price
        The price it would be filled at; without it the last on the bus.
    risk
        Dollars that all contracts together would lose at the stop, in place of a price.
    worker
        Who would ask; else a worker that nobody knows.
    json
        One JSON object.
    """
    from pathlib import Path

    from portfold.coordinator.store.entry_json import shown_json
    from portfold.coordinator.views.room import room_on
    from portfold.workers.client.amount import requested

    place = target.resolve()
    bus = place.bus()
    try:
        plan = _plan(bus, symbol, stop, price, risk)
        folder = place.configuration.runtime.archive_folder
        found = room_on(bus, requested(worker, symbol, side, size, plan), Path(folder) if folder else None)
    finally:
        bus.close()
    if json:
        from msgspec.structs import asdict

        print(shown_json(asdict(found)))
    else:
        print("\n".join(lines(found, f"{symbol} {side}")))
    return OK if found.allowed else FAILED


def _plan(bus: "Bus", symbol: str, stop: str, price: str, risk: str) -> "PlannedLoss":
    """Returns what is planned, at the last price on the bus where none is given. Raises Unusable."""
    plan: PlannedLoss = {}
    if risk:
        plan["risk"] = risk
    if stop:
        plan["stop_price"] = stop
        last = None if price else _last_price(bus, symbol)
        if price or last is not None:
            plan["price"] = price or last or ""
    return plan


def _last_price(bus: "Bus", symbol: str) -> Decimal | None:
    _, prices = bus.last_prices([symbol])
    return prices[symbol].price if symbol in prices else None


def lines(found: "Room", what: str) -> list[str]:
    """Returns the answer for people."""
    verdict = "would be allowed" if found.allowed else "would be denied"
    most = f"At most {found.largest} would be" if found.largest else "None would be"
    why = f"{found.code}: {found.reason}" if found.code else "no rule denies more"
    return [f"{what} {found.size} {verdict}, as of event {found.as_of}.", f"{most}: {why}"]
