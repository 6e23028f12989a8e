"""What each leg would make if its stop filled, in dollars, exact; costs are in it.

What names no stop counts by its symbol's `default_risk`; without one its loss is not known. A leg that its
mark has already taken beyond its stop counts as it is marked.
"""

from decimal import Decimal

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.money_state import Plan
from portfold.coordinator.fold.state import Position, Reservation
from portfold.dollars import ZERO
from portfold.events.incoming import EntryRequested


def leg_at_stop(limits: Limits, held: Position) -> Decimal | None:
    """Returns what an open leg would make, since its entry; None where nobody knows."""
    found = _before_costs(limits, held, held.plan, held.price)
    return None if found is None else min(found, held.unrealized) - _costs(limits, held)


def entry_at_stop(limits: Limits, entry: Reservation | EntryRequested, plan: Plan | None) -> Decimal | None:
    """Returns what an entry would make, asked for or reserved; None where nobody knows."""
    found = _before_costs(limits, entry, plan, plan.price if plan is not None else None)
    return None if found is None else found - _costs(limits, entry)


def _before_costs(
    limits: Limits,
    leg: Position | Reservation | EntryRequested,
    plan: Plan | None,
    price: Decimal | None,
) -> Decimal | None:
    if plan is None:
        each = limits.default_risks.get(leg.symbol)
        return None if each is None else -each * leg.size
    if plan.stop is None:
        return -plan.risk
    point_value = limits.point_values.get(leg.symbol)
    if point_value is None or price is None:
        return None
    move = plan.stop - price if leg.side == "long" else price - plan.stop
    return move * point_value * leg.size


def _costs(limits: Limits, leg: Position | Reservation | EntryRequested) -> Decimal:
    return limits.costs_at_stop.get(leg.symbol, ZERO) * leg.size
