"""Bugs to plant: each takes one safeguard out. The simulation has to find every one, or it proves nothing."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from unittest import mock

from coordinator import entry, presence, repeats
from coordinator.limits import Limits
from coordinator.state import State
from events.decisions import EntryAllowed
from events.incoming import EntryRequested, WorkerEvent
from events.stream_id import StreamId
from tests.simulation import memory_server


@contextmanager
def _no_epoch_check() -> Iterator[None]:
    """Whoever once led may commit."""
    with mock.patch.object(memory_server, "epoch_fits", return_value=True):
        yield


@contextmanager
def _no_cursor_check() -> Iterator[None]:
    """A batch is committed wherever the log has got to."""
    with mock.patch.object(memory_server, "cursor_fits", return_value=True):
        yield


@contextmanager
def _no_dedupe() -> Iterator[None]:
    """What is published twice is folded twice."""
    notes = repeats.is_repeat

    def never(state: State, event: WorkerEvent) -> bool:
        notes(state, event)
        return False

    with mock.patch.object(repeats, "is_repeat", never):
        yield


@contextmanager
def _no_reservation() -> Iterator[None]:
    """Allowing takes no slot."""
    allows = entry._allow

    def allow(state: State, limits: Limits, at: StreamId, request: EntryRequested) -> EntryAllowed:
        before = dict(state.reservations)
        allowed = allows(state, limits, at, request)
        state.reservations = before
        return allowed

    with mock.patch.object(entry, "_allow", allow):
        yield


@contextmanager
def _no_look_at_the_retired() -> Iterator[None]:
    """Who is lost may be retired, whatever it may hold."""
    with mock.patch.object(presence, "_at_stake", return_value=""):
        yield


PLANTS: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    "no-epoch-check": _no_epoch_check,
    "no-cursor-check": _no_cursor_check,
    "no-dedupe": _no_dedupe,
    "no-reservation": _no_reservation,
    "no-look-at-the-retired": _no_look_at_the_retired,
}
"""By the names that `--plant` takes."""
