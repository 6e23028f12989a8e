"""What must hold of a lockout: nobody enters before its moment, whoever resumes; it only grows."""

from portfold.events.decisions import Decision, EntryAllowed, EntryDenied, LockoutEnded, refusal
from portfold.events.incoming import Event, LockoutOrdered, Malformed
from portfold.events.stream_id import StreamId
from tests.simulation.scheduler import Violation

_LONGEST_MS = 31 * 24 * 60 * 60 * 1000


class LockoutLaw:
    """Follows the orders; `until_ms` is 0 where nobody is locked out."""

    def __init__(self) -> None:
        self.until_ms = 0

    def enter(self, at: StreamId, event: Event | Malformed, decisions: list[Decision]) -> None:
        """Takes note of one event and what was decided on it. Raises Violation."""
        ended = any(isinstance(one, LockoutEnded) for one in decisions)
        if ended != (0 < self.until_ms <= at.ms):
            raise Violation("a lockout ends at its moment", f"{at}: until {self.until_ms}, told: {ended}")
        self.until_ms = 0 if ended else self.until_ms
        if isinstance(event, LockoutOrdered):
            self._ordered(at, event, is_taken=refusal(decisions) is None)
        for one in decisions:
            if isinstance(one, EntryAllowed) and not one.repeats and self.until_ms:
                raise Violation("nobody enters while locked out", f"{at}: {one}, until {self.until_ms}")
            denied = isinstance(one, EntryDenied) and not one.repeats and one.code == "locked_out"
            if denied and not self.until_ms:
                raise Violation("a lockout denies only until its moment", f"{at}: {one}")

    def _ordered(self, at: StreamId, event: LockoutOrdered, *, is_taken: bool) -> None:
        """One that is later than what stands is taken, within bounds, and no other."""
        may_be = max(at.ms, self.until_ms) < event.until_ms <= at.ms + _LONGEST_MS
        if is_taken != may_be:
            raise Violation("a lockout is made longer, within bounds", f"{at}: {event}, {self.until_ms}")
        if is_taken:
            self.until_ms = event.until_ms
