"""How many contracts may be open at once, over all positions, reserved ones among them."""

from decimal import Decimal

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.limits.occupied import occupied
from portfold.coordinator.fold.rules.rule import Denial, Reading, Rule
from portfold.coordinator.fold.state import State, contracts_used
from portfold.events.incoming import EntryRequested


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects where what is asked would be more than there may be."""
    used = contracts_used(state)
    if used + request.size <= limits.max_contracts:
        return None
    return Denial(
        "max_contracts",
        f"Max contracts ({limits.max_contracts}) reached: {used} used, {request.size} more asked. "
        f"{occupied(state)}",
    )


def read(state: State, limits: Limits) -> Reading:
    """Returns the contracts taken against those there may be."""
    used, most = Decimal(contracts_used(state)), Decimal(limits.max_contracts)
    return Reading("contracts", most, used, max(Decimal(0), most - used), most, "open or reserved")


RULE = Rule("max_contracts", may_enter, ("max_contracts",), read=read)
