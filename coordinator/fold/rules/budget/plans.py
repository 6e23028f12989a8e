"""What a leg is planned to lose, as requests, fills and moved stops make it.

Guarantees: a leg has one plan, for all of its contracts, or none; dollars of risk are divided to the cent and
none is lost on the way. A part that nobody granted has no plan, so the whole leg has none until its worker
says where its stop is.
"""

from decimal import Decimal

from msgspec import structs

from portfold.coordinator.fold.money_state import Plan
from portfold.coordinator.fold.state import State
from portfold.dollars import CENT, EXACT
from portfold.events.incoming import EntryRequested


def plan_of(request: EntryRequested) -> Plan | None:
    """Returns what a request plans to lose; None where it names nothing."""
    if request.risk:
        return Plan(risk=request.risk)
    if not request.stop_price:
        return None
    price = Decimal(request.price) if request.price else None
    return Plan(stop=Decimal(request.stop_price), price=price)


def granted_plan(state: State, key: str, size: int) -> Plan | None:
    """Returns the plan of so many contracts of the slot `key`; None where it has none, or fewer contracts."""
    slot = state.reservations.get(key)
    if slot is None or slot.plan is None or size > slot.size:
        return None
    if slot.plan.stop is not None:
        return Plan(stop=slot.plan.stop)
    return Plan(risk=_share(slot.plan.risk, size, slot.size))


def without(plan: Plan | None, gone: int, size: int) -> Plan | None:
    """Returns the plan of what is left of `size` contracts when some are gone."""
    if plan is None or not plan.risk:
        return plan
    return structs.replace(plan, risk=plan.risk - _share(plan.risk, gone, size))


def joined(held: Plan | None, added: Plan | None) -> Plan | None:
    """Returns the plan of a leg to which contracts are added: its stop is that of all of them."""
    if held is None or added is None:
        return None
    if held.stop is not None:
        return held
    return Plan(risk=held.risk + added.risk) if added.stop is None else None


def _share(amount: Decimal, part: int, whole: int) -> Decimal:
    return amount if part == whole else (amount * part / whole).quantize(CENT, context=EXACT)
