"""A reservation counts like a position: a symbol that is reserved is nobody else's."""

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State, first_of
from portfold.events.incoming import EntryRequested


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects while a slot in the symbol is reserved, or kept."""
    pending = first_of(state.reservations, request.symbol)
    if pending is None:
        return None
    if pending.kept:
        went = how_it_went(state, pending.worker)
        return Denial(
            "symbol_pending",
            f"{pending.symbol} is kept for {pending.worker}, which {went} and may have filled it "
            "unreported: start it again, or portfold settle",
        )
    return Denial("symbol_pending", f"{pending.symbol} is already reserved by {pending.worker}")


def how_it_went(state: State, worker: str) -> str:
    """Says what became of a worker for which a slot is kept."""
    known = state.workers.get(worker)
    return "stopped" if known is not None and known.presence == "stopped" else "was lost"


RULE = Rule("symbol_pending", may_enter)
