"""Pauses between attempts at what is refused again and again, each kind of attempt by itself.

Guarantees: the pause after an attempt doubles, by default from one second up to thirty, until one succeeds;
the pause of one kind delays no other.
"""

from collections.abc import Hashable

from portfold.clock import Clock

_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 30.0


class Pauses:
    """Keeps a pause for each name of what is tried. Any thread may use it."""

    def __init__(
        self, clock: Clock, first_seconds: float = _FIRST_SECONDS, longest_seconds: float = _LONGEST_SECONDS
    ) -> None:
        self._clock = clock
        self._first_seconds = first_seconds
        self._longest_seconds = longest_seconds
        self._until: dict[Hashable, tuple[float, float]] = {}

    def is_over(self, name: Hashable) -> bool:
        """Returns whether it may be tried now."""
        until, _ = self._until.get(name, (0.0, 0.0))
        return self._clock.monotonic() >= until

    def begin(self, name: Hashable) -> float:
        """Begins an attempt; unless it succeeds the next may come only after a pause, of so many seconds."""
        _, last = self._until.get(name, (0.0, 0.0))
        pause = min(2 * last or self._first_seconds, self._longest_seconds)
        self._until[name] = self._clock.monotonic() + pause, pause
        return pause

    def end(self, name: Hashable) -> None:
        """Ends the pauses: whatever comes of that name may be tried at once."""
        self._until.pop(name, None)
