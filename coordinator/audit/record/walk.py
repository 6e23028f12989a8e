"""A walk along a record: counts, chains, and holds it to the order of a stream; decides nothing."""

from portfold.coordinator.store.follower import LogDiffers
from portfold.coordinator.store.recorded import Recorded, chain_after
from portfold.events.chain import GENESIS
from portfold.events.stream_id import ORIGIN, StreamId


class Walk:
    """How far it has come from where it began: `events` and `decisions` so far, and the `chain` there."""

    def __init__(self, cursor: StreamId = ORIGIN, chain: str = GENESIS) -> None:
        self.chain = chain
        self.events = self.decisions = 0
        self._event = self._decision = cursor

    def past(self, recorded: Recorded, chain: str | None = None) -> None:
        """Goes past the next event. Raises LogDiffers for what no stream can hold.

        `chain`: what it comes to, where somebody has made that already.
        """
        event, decisions = recorded
        self._event = _rising(self._event, event.id, "event")
        for decision in decisions:
            self._decision = _rising(self._decision, decision.id, "decision")
            if decision.id > event.id.after_decisions():
                raise LogDiffers(f"Decision {decision.id} stands with event {event.id}, which is earlier.")
        self.chain = chain or chain_after(self.chain, recorded)
        self.events += 1
        self.decisions += len(decisions)


def _rising(last: StreamId, at: StreamId, what: str) -> StreamId:
    if at <= last:
        raise LogDiffers(f"The {what} {at} comes after {last} on record: no stream has them in this order.")
    return at
