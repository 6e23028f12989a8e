"""One entry of the log decided: read, folded, written down, chained.

The live coordinator and the audit both decide by this one function; it touches nothing but the state.
"""

from typing import NamedTuple

from portfold.coordinator.fold.fold import fold
from portfold.coordinator.fold.proofs.reading import read_event
from portfold.coordinator.fold.repeats import known
from portfold.coordinator.fold.state import State
from portfold.events import chain
from portfold.events.codec import Fields, encode
from portfold.events.decisions import Decision, refusal
from portfold.events.incoming import Event, Malformed
from portfold.events.message import WorkerEvent
from portfold.events.stream_id import StreamId


class Decided(NamedTuple):
    """An event with what was decided on it. `entries` are the decisions as they go into the stream.

    `repeated`: the event had been folded before, so it changed nothing.
    """

    at: StreamId
    event: Event | Malformed
    repeated: bool
    decisions: list[Decision]
    entries: list[tuple[StreamId, list[str]]]
    chain: str

    @property
    def took_effect(self) -> bool:
        """Returns whether the event was folded: neither a repeat nor refused."""
        return not self.repeated and refusal(self.decisions) is None


def decide(state: State, previous_chain: str, at: StreamId, fields: Fields, unproved: str = "") -> Decided:
    """Folds the entry `fields`, whose ID is `at`, into `state`; writes down what follows, chained.

    `unproved`: why it is refused before it is read, as nothing proves whose it is.
    """
    event = read_event(state, at, fields, unproved)
    repeated = isinstance(event, WorkerEvent) and known(state, event)
    # An ID no server gives by itself leaves no room for an answer: it is chained, but changes nothing.
    decisions = fold(state, at, event) if at.answerable else []
    name = str(at)
    if not decisions:  # as on most events
        return Decided(at, event, repeated, decisions, [], chain.link(previous_chain, name, fields, ()))
    texts = [encode(decision) for decision in decisions]
    link = chain.link(previous_chain, name, fields, texts)
    binding = ["event", name, "chain", link]
    entries = [(at.decision(index), text + binding) for index, text in enumerate(texts)]
    return Decided(at, event, repeated, decisions, entries, link)
