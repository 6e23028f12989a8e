"""What a session hands over to whoever assembles updates: facts of the wire, in no type of the vendor's."""

from decimal import Decimal
from typing import Literal, NamedTuple, TypeAlias

from portfold.workers.market.minute_bars import Traded
from portfold.workers.market.source import ContractListed

Stage: TypeAlias = Literal["connecting", "session", "history"]


class Priced(NamedTuple):
    """A last price by itself, of no minute: whatever was traded is given as `Traded` as well."""

    symbol: str
    contract: str
    price: Decimal
    at_ms: int


class Problem(NamedTuple):
    """What went wrong, and where: the gateway's code if it gave one, and what was said, without secrets."""

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
    """The gateway does not know these symbols, or others than are meant; `text` says why."""

    symbols: tuple[str, ...]
    text: str


class Slow(NamedTuple):
    """The gateway finds that we read too slowly, in a sentence; `lost`: whether it skipped records."""

    lost: bool
    at_ms: int
    sentence: str


class Unknown(NamedTuple):
    """What was traded from `from_ms` to `to_ms` cannot be had, and why."""

    from_ms: int
    to_ms: int
    why: str


class Away(NamedTuple):
    """The gateway has lost its own connection, and goes on by itself once that is back."""

    problem: Problem


class Ended(NamedTuple):
    """The session is over."""

    problem: Problem


Item: TypeAlias = (
    Traded
    | Priced
    | Opened
    | Mapped
    | ContractListed
    | ClockAt
    | CaughtUp
    | SessionOf
    | Unresolved
    | Slow
    | Unknown
    | Away
    | Ended
)
