"""Reads the coordinator's answer to a request, in time or not at all."""

from typing import NamedTuple

from portfold.clock import Clock
from portfold.events.codec import decode_decided
from portfold.events.decisions import EntryAllowed, EntryDenied, EventRejected
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus, Entry
from portfold.events.wire.errors import BusError


class EntryAnswer(NamedTuple):
    """The coordinator's answer; no answer is a no. A yes reserves the slot for `lasts_ms`."""

    allowed: bool
    code: str
    reason: str
    lasts_ms: int = 0
    expires_ms: int | None = None

    @classmethod
    def no(cls, code: str, reason: str) -> "EntryAnswer":
        """Makes one that reserves nothing."""
        return cls(allowed=False, code=code, reason=reason)


def await_answer(bus: Bus, request: StreamId, seconds: float, clock: Clock) -> EntryAnswer:
    """Waits `seconds` for the answer to `request`. Never raises: whatever goes wrong is a no."""
    deadline = clock.monotonic() + seconds
    try:
        while (left := deadline - clock.monotonic()) > 0:
            found = bus.decisions_after(
                request.before_decisions(), count=100, block_ms=max(1, int(left * 1000))
            )
            if found:
                return read_answer(request, found)
    except BusError as error:
        return EntryAnswer.no("bus_unreachable", f"The bus is unreachable: {error}")
    except ValueError as error:
        return EntryAnswer.no("no_answer", f"The answer could not be read: {error}")
    return EntryAnswer.no("no_answer", f"No answer within {seconds:g} s")


def read_answer(request: StreamId, found: list[Entry]) -> EntryAnswer:
    """Returns the answer among the decisions from the request's own on. Raises ValueError for one that is
    none.
    """
    for entry in found:
        decision, cause = decode_decided(entry.fields)
        if cause != str(request):
            continue
        if isinstance(decision, EntryDenied):
            return EntryAnswer.no(decision.code, decision.reason)
        if isinstance(decision, EventRejected):
            return EntryAnswer.no("event_rejected", decision.reason)
        if isinstance(decision, EntryAllowed):
            return _allowed(request, decision)
    return EntryAnswer.no("no_answer", f"Event {request} was decided without an answer")


def _allowed(request: StreamId, decision: EntryAllowed) -> EntryAnswer:
    lasts_ms = decision.expires_ms - request.ms
    if lasts_ms <= 0:  # the answer to an earlier publish of the same request
        return EntryAnswer.no("no_answer", "The slot expired before its answer was read")
    reason = f"Allowed, slot {decision.slots} of {decision.max_positions}"
    return EntryAnswer(
        allowed=True, code="", reason=reason, lasts_ms=lasts_ms, expires_ms=decision.expires_ms
    )
