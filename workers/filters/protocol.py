"""What a trader asks of a filter of entries."""

from typing import NamedTuple, Protocol

from portfold.events.fields import Side
from portfold.workers.feeds.bar import Bar


class Verdict(NamedTuple):
    """Whether an entry may go on to the gate, why, in a sentence, and its `probability`, where it has one."""

    passed: bool
    reason: str
    probability: float | None = None


class EntryFilter(Protocol):
    """Judges one symbol's entries by its bars."""

    def take(self, bar: Bar) -> None:
        """Takes the next bar; given each once and in order, also those at which nothing is entered."""
        ...

    def judge(self, bar: Bar, side: Side) -> Verdict:
        """Judges an entry at the close of `bar`, the one taken last. What cannot be judged has not passed."""
        ...
