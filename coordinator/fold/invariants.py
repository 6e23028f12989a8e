"""What must hold after every grant, checked in production: the coordinator stops rather than decide on."""

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.state import State, contracts_used, slots_used


class InvariantBroken(RuntimeError):
    """Something that cannot be, is: a defect of ours, never of an event."""


def check_grant(state: State, limits: Limits) -> None:
    """After a grant, slots and contracts are within the limits. Raises InvariantBroken."""
    slots, contracts = slots_used(state), contracts_used(state)
    if slots > limits.max_positions:
        raise InvariantBroken(f"{slots} slots granted, limit {limits.max_positions}")
    if contracts > limits.max_contracts:
        raise InvariantBroken(f"{contracts} contracts granted, limit {limits.max_contracts}")
