"""How plants replace what is sound: one name of a module, or the limits by which entries are answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from msgspec import structs

from portfold.coordinator.fold.effects import entry
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules import table
from portfold.coordinator.fold.rules.rule import Denial
from portfold.coordinator.fold.state import State
from portfold.events.incoming import EntryRequested


@contextmanager
def instead(module: object, name: str, planted: object) -> Iterator[None]:
    """Puts what is planted in the place of `name`."""
    with mock.patch.object(module, name, planted):
        yield


@contextmanager
def answered_without(**absent: object) -> Iterator[None]:
    """Has entries answered as if these limits were absent."""
    asks = table.why_not

    def why_not(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
        return asks(state, structs.replace(limits, **absent), request)

    with mock.patch.object(entry, "why_not", why_not):
        yield


@contextmanager
def answered_as_if_nothing_were(part: str, nothing: object) -> Iterator[None]:
    """Has entries answered as if this part of the state were `nothing`."""
    asks = table.why_not

    def why_not(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
        there = getattr(state, part)
        setattr(state, part, nothing)
        denial = asks(state, limits, request)
        setattr(state, part, there)
        return denial

    with mock.patch.object(entry, "why_not", why_not):
        yield
