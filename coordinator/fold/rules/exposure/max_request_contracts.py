"""How many contracts one entry may ask for, whatever else there is room for."""

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State
from portfold.events.incoming import EntryRequested

_CODE = "max_request_contracts"


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects to a request for more than one may ask for."""
    most = limits.max_request_contracts
    if not most or request.size <= most:
        return None
    return Denial(_CODE, f"Max contracts of one entry ({most}) exceeded: {request.size} asked")


RULE = Rule(_CODE, may_enter, (_CODE,))
