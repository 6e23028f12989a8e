"""What the notifier asks of a sink: a destination that alerts are sent to."""

from typing import Protocol

from portfold.errors import PortfoldError
from portfold.workers.notify.alert import Message


class NotSent(PortfoldError):
    """The message did not get through, or nobody knows whether it did. The text is safe to show anywhere.

    `retry_seconds` is what the other side asked for, None where it did not say. `for_good`: it is this
    message that is refused, and would be as often as it came.
    """

    def __init__(self, why: str, retry_seconds: float | None = None, *, for_good: bool = False) -> None:
        super().__init__(why)
        self.retry_seconds = retry_seconds
        self.for_good = for_good


class Sink(Protocol):
    """Sends messages. Called on one thread at a time; every call ends within bounded time."""

    def fits(self, text: str) -> bool:
        """Returns whether a text fits in one message."""
        ...

    def send(self, message: Message) -> float:
        """Sends it. Returns for how many seconds the next one should be held back. Raises NotSent."""
        ...
