"""The answer to an entry request, as a strategy sees it: impossible to misread as a yes.

Falsy when denied, unpacks to `(allowed, reason)`, and as a context manager gives the slot back when the block
ends without a position having been reported. A block that fails may have failed after its order: its slot
stays taken.

    with gate.request_entry("ES", side="long", size=1) as entry:
        if entry:
            fill = broker.buy(...)
            gate.position_opened("ES", side="long", size=1, price=fill.price)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType

from portfold.events.stream_id import StreamId

FAILED = "failed: "
"""What the reason begins with where a block failed in which nothing was reported."""


@dataclass(kw_only=True, eq=False, repr=False)
class Decision:
    """Allowed or not, with the reason in a sentence and, when denied, a `code`.

    `expires_ms` is when the reserved slot is freed again, in the clock of the log, `good_until` the same in
    this process's monotonic clock; `event` is the request's ID, where it is known; `announcement` counts how
    often the worker had announced itself by then. With `renewed` the gate renews the slot while the process
    lives, for `lasts_seconds` more each time; `granted_at` is when it was asked for, monotonic. `number` is
    the request's, by which its slot is given back.
    """

    allowed: bool
    symbol: str
    reason: str
    code: str = ""
    event: StreamId | None = None
    number: int | None = None
    expires_ms: int | None = None
    good_until: float = 0.0
    announcement: int = 0
    renewed: bool = False
    granted_at: float = 0.0
    lasts_seconds: float = 0.0
    give_back: Callable[["Decision", str], object] | None = None
    size: int = field(default=1, init=False)
    """So many contracts were allowed, and are not reported filled yet."""
    used: bool = field(default=False, init=False)
    kept: bool = field(default=False, init=False)

    def keep(self) -> None:
        """Keeps the slot of an order that may have been filled: the gate renews it, and asks about it, until
        a fill is reported or it is given back.
        """
        self.kept = self.renewed = True

    def __bool__(self) -> bool:
        return self.allowed

    def __iter__(self) -> Iterator[bool | str]:
        yield self.allowed
        yield self.reason

    def __repr__(self) -> str:
        return f"Decision({'allowed' if self.allowed else 'denied'}, {self.symbol}, {self.reason!r})"

    def __getstate__(self) -> dict[str, object]:
        """Returns all but the way to the gate: in another process it is an answer, and gives no slot back."""
        return vars(self) | {"give_back": None}

    def __enter__(self) -> "Decision":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.allowed or self.used or self.give_back is None:
            return
        if kind is not None:
            self.give_back(self, f"{FAILED}{kind.__name__}")
        elif not self.kept:
            self.give_back(self, "not entered")
