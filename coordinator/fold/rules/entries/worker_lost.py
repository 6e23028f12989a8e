"""Nobody enters what a lost worker trades: it may hold, unreported, what is asked for."""

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State
from portfold.events.incoming import EntryRequested


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects on the symbols of a lost worker, and to a retired one that has not announced itself again."""
    if state.workers[request.worker].presence == "retired":
        return Denial("worker_lost", f"Worker {request.worker} was retired; it has to announce itself again")
    for name in state.lost:
        if name == request.worker or request.symbol in state.workers[name].symbols:
            other = name != request.worker and state.fold_version >= 5
            way_out = f": start it again, or portfold retire {name}" if other else ""
            return Denial("worker_lost", f"Worker {name}, which trades {request.symbol}, is lost{way_out}")
    return None


RULE = Rule("worker_lost", may_enter)
