"""How many contracts may be open at once, over all positions, reserved ones among them."""

from decimal import Decimal

from portfold.bounds import MOST_CONTRACTS
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.limits.occupied import occupied
from portfold.coordinator.fold.rules.rule import Denial, Reading, Rule
from portfold.coordinator.fold.state import State, contracts_used
from portfold.coordinator.fold.taken import contracts_counted, weighed
from portfold.dollars import plain_count
from portfold.events.incoming import EntryRequested


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects where what is asked would be more than there may be."""
    if limits.contract_weights:
        return _by_weight(state, limits, request)
    used = contracts_used(state)
    if used + request.size <= limits.max_contracts:
        return None
    return Denial(
        "max_contracts",
        f"Max contracts ({limits.max_contracts}) reached: {used} used, {request.size} more asked. "
        f"{occupied(state)}",
    )


def _by_weight(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    used, more = contracts_counted(state, limits), weighed(limits, request.symbol, request.size)
    if used + more > limits.max_contracts:
        asked = f"{plain_count(used)} used, {plain_count(more)} more asked, by weight"
        reason = f"Max contracts ({limits.max_contracts}) reached: {asked}. {occupied(state)}"
        return Denial("max_contracts", reason)
    whole = contracts_used(state)
    if whole + request.size > MOST_CONTRACTS:
        asked = f"{whole} used, {request.size} more asked"
        return Denial("max_contracts", f"More than {MOST_CONTRACTS} contracts of any weight: {asked}")
    return None


def read(state: State, limits: Limits) -> Reading:
    """Returns the contracts taken against those there may be."""
    used, most = contracts_counted(state, limits), Decimal(limits.max_contracts)
    about = "open or reserved, by weight" if limits.contract_weights else "open or reserved"
    return Reading("contracts", most, used, max(Decimal(0), most - used), most, about)


RULE = Rule("max_contracts", may_enter, ("max_contracts", "contract_weights"), read=read)
