"""What is taken: positions and reserved slots alike, of the whole book or of a part of it.

Guarantees: a slot counts like a position, whether it is reserved, kept or taken back, as long as a fill of it
may be reported; nothing is netted, so a short frees no room for a long. Contracts count by their weight.
"""

from collections.abc import Callable, Container
from decimal import Decimal

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.state import Position, Reservation, State, contracts_used
from portfold.dollars import ZERO

Held = Position | Reservation
Counts = Callable[[Held], bool]
"""Whether one belongs to a part of the book."""
_ONE = Decimal(1)


def taken(state: State) -> list[Held]:
    """Returns all that counts."""
    return [*state.positions.values(), *state.reservations.values()]


def in_symbols(symbols: Container[str]) -> Counts:
    """Returns what counts to these symbols."""
    return lambda one: one.symbol in symbols


def on_side(side: str, part: Counts) -> Counts:
    """Returns what of a part counts to a side of it."""
    return lambda one: one.side == side and part(one)


def by_worker(worker: str) -> Counts:
    """Returns what counts to a worker."""
    return lambda one: one.worker == worker


def weighed(limits: Limits, symbol: str, size: int) -> Decimal:
    """Returns how much so many contracts of the symbol count."""
    return size * limits.weights.get(symbol, _ONE)


def contracts_counted(state: State, limits: Limits) -> Decimal:
    """Returns what all contracts count, held or reserved: `max_contracts` bounds it."""
    if not limits.contract_weights:
        return Decimal(contracts_used(state))
    return sum((weighed(limits, one.symbol, one.size) for one in taken(state)), ZERO)


def contracts_of(state: State, limits: Limits, counts: Counts) -> Decimal:
    """Returns the same for a part of the book."""
    return sum((weighed(limits, one.symbol, one.size) for one in taken(state) if counts(one)), ZERO)


def slots_of(state: State, counts: Counts) -> int:
    """Counts the slots of a part of the book; what is still to be filled of a position takes none more."""
    held = {key for key, one in state.positions.items() if counts(one)}
    return len(held.union(key for key, one in state.reservations.items() if counts(one)))
