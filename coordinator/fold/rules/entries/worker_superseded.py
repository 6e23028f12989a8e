"""A process whose name another has taken over enters nothing more."""

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State
from portfold.events.incoming import EntryRequested


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects to every session but the one that announced itself last."""
    worker = state.workers[request.worker]
    if worker.session == request.session:
        return None
    return Denial(
        "worker_superseded", f"Session {request.session} of {request.worker} was replaced by {worker.session}"
    )


RULE = Rule("worker_superseded", may_enter)
