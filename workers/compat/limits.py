"""The limits in a program's own arguments, and those of the portfolio: whose hold, and that they differ."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from config import Configuration
from coordinator.configured import configured_limits
from coordinator.dollars import shown_limit
from coordinator.limits import Limits, changed_limits, limits_of
from coordinator.log import Log
from coordinator.operator import limits_to_change
from events.bus import Bus
from events.codec import RefusedField, encode_checked
from events.errors import BusError


def limits_in(text: str) -> Limits | None:
    """The limits that the status shows in one line, if there are any that can be read."""
    try:
        return limits_of(changed_limits(text, {}, by="-", reason="-")) if text else None
    except RefusedField:
        return None


def propose_limits(
    bus: Bus, configuration: Configuration, max_positions: int, daily_stop_loss: Decimal, *, by: str, log: Log
) -> None:
    """Puts the arguments in force in a portfolio that has no limits; the rest is as configured.

    Nobody else's limits are ever changed. Raises RefusedField for an argument that is no limit.
    """
    contracts = configuration.runtime.max_contracts or max_positions
    wanted = msgspec.structs.replace(
        configured_limits(configuration),
        by=by,
        reason="the arguments of PortfolioCoordinator",
        max_positions=max_positions,
        max_contracts=contracts,
        daily_stop_loss=daily_stop_loss,
        config="",
    )
    fields = encode_checked(wanted)
    try:
        if not limits_to_change(bus):
            bus.append(fields)
            log.warning(f"No limits were in force; these are now: {_said(max_positions, daily_stop_loss)}")
    except BusError as error:
        log.error("The bus is unreachable: no entries until it is back", why=str(error))


def compare_limits(
    status: Mapping[str, str], max_positions: int, daily_stop_loss: Decimal, *, log: Log
) -> None:
    """Says it, loudly, where the arguments are not the limits in force."""
    limits = limits_in(status.get("limits", ""))
    if limits is None or (limits.max_positions, limits.daily_stop_loss) == (max_positions, daily_stop_loss):
        return
    log.critical(
        f"LIMITS DIFFER: this program asks for {_said(max_positions, daily_stop_loss)}, and in force are "
        f"{_said(limits.max_positions, limits.daily_stop_loss)}, set by {status.get('limits_by')}: those hold"
    )


def _said(max_positions: int, daily_stop_loss: Decimal) -> str:
    return f"max_positions={max_positions}, daily_stop_loss={shown_limit(daily_stop_loss)}"
