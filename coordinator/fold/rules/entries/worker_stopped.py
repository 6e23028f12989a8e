"""A worker that said it ends enters nothing before it starts again."""

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.rule import Denial, Rule
from portfold.coordinator.fold.state import State
from portfold.events.incoming import EntryRequested


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects until the worker has started again."""
    if state.workers[request.worker].presence != "stopped":
        return None
    return Denial("worker_stopped", f"Worker {request.worker} stopped; it has to start again first")


RULE = Rule("worker_stopped", may_enter)
