"""What a session hands over to whoever assembles updates: facts of the wire, in no type of the vendor's."""

from typing import Literal, NamedTuple, TypeAlias

from portfold.workers.market.minute_bars import Traded

Stage: TypeAlias = Literal["connecting", "session", "history"]


class Problem(NamedTuple):
    """What went wrong, and where: the gateway's code if it gave one, and what was said, without the key."""

    stage: Stage
    text: str
    code: int | None = None


class Opened(NamedTuple):
    """The gateway took the key and the subscriptions."""

    session_id: str


class Mapped(NamedTuple):
    """From now on `symbol` is `contract`."""

    symbol: str
    contract: str
    at_ms: int


class ClockAt(NamedTuple):
    """Everything that was traded before `at_ms` has been given."""

    at_ms: int


class CaughtUp(NamedTuple):
    """What follows is of now, no longer replayed."""


class SessionOf(NamedTuple):
    """The exchange opened, or closed, trading in `symbol`."""

    symbol: str
    is_open: bool
    at_ms: int


class Unresolved(NamedTuple):
    """The gateway does not know these symbols."""

    symbols: tuple[str, ...]
    text: str


class Slow(NamedTuple):
    """The gateway finds that we read too slowly; `lost`: whether it skipped records."""

    lost: bool
    at_ms: int
    text: str


class Unknown(NamedTuple):
    """What was traded from `from_ms` to `to_ms` cannot be had, and why."""

    from_ms: int
    to_ms: int
    why: str


class Ended(NamedTuple):
    """The session is over."""

    problem: Problem


Item: TypeAlias = (
    Traded | Opened | Mapped | ClockAt | CaughtUp | SessionOf | Unresolved | Slow | Unknown | Ended
)
