"""What a source of market data yields, whichever vendor is behind it.

Guarantees of every source:
- Symbols are ours (ES); the vendor's names stay inside of the source. Prices are exact Decimals in the
  contract's quote; times are milliseconds since 1970, by the data's clock.
- A minute bar is given once, whole, when its minute is over; nothing is given for a minute without a trade.
  Bars come in the order of their ends, and after the last bar of a minute a `MinuteEnd`.
- Prices of one symbol never go back in time.
- What could not be learned is told as a `gap`; nothing is lost silently, and nothing is made up.
"""

import threading
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypeAlias

from msgspec import Struct

from portfold.config.contracts import Contract
from portfold.errors import UNUSABLE, PortfoldError
from portfold.log import Log
from portfold.workers.named import Shape, read_options

MINUTE_MS = 60_000

NoticeKind: TypeAlias = Literal[
    "disconnected",
    "reconnected",
    "gap",
    "silent_symbol",
    "slow_reader",
    "refused",
    "recovered",
    "wrong_price",
    "right_price",
]


class PriceUpdate(Struct, frozen=True):
    """The last price of `symbol`: of a trade, or the close of a second. `contract`: the month it is of."""

    symbol: str
    price: Decimal
    at_ms: int
    contract: str = ""


class MinuteBar(Struct, frozen=True):
    """One minute of `symbol` up to `end_ms`, its end. `contract` is the month it is of, such as ESZ6."""

    symbol: str
    end_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int
    contract: str


class MinuteEnd(Struct, frozen=True):
    """Every minute up to `end_ms` is over, and all its bars have been given."""

    end_ms: int


class MinuteUnknown(Struct, frozen=True):
    """There is no bar of `symbol` for the minute up to `end_ms`, though something may have been traded."""

    symbol: str
    end_ms: int


class Roll(Struct, frozen=True):
    """The contract behind `symbol` changed: bars and prices are of `after` from now on."""

    symbol: str
    before: str
    after: str
    at_ms: int


class ContractListed(Struct, frozen=True):
    """What the vendor says of the `contract` that `symbol` is: the last day on which it is traded, in ISO."""

    symbol: str
    contract: str
    last_day: str


class Notice(Struct, frozen=True):
    """What people have to know, in a sentence. `symbols`: whom it is about, none for all of them.

    `from_ms` and `to_ms` bound a `gap`: what was traded between them is not known, and never will be.
    """

    kind: NoticeKind
    sentence: str
    symbols: tuple[str, ...] = ()
    from_ms: int = 0
    to_ms: int = 0


Update: TypeAlias = PriceUpdate | MinuteBar | MinuteUnknown | MinuteEnd | Roll | ContractListed | Notice


class MarketRefused(PortfoldError):
    """The vendor refuses what no waiting mends: a bad key, an unknown symbol, a session not allowed."""

    exit_code = UNUSABLE


class MarketSource(Protocol):
    """A running subscription to all symbols of the portfolio."""

    def updates(self) -> Iterator[Update | None]:
        """Waits for each update. Gives None at least every 500 ms while none comes; ends once stopped.

        A lost connection is made again for ever, at growing pauses. Raises MarketRefused.
        """
        ...

    def close(self) -> None:
        """Ends the subscription; may be called twice, and from any thread."""
        ...


class MarketSetup(NamedTuple):
    """What a source is opened with.

    `symbols`: the vendor's symbol by ours; `contracts`: ours; `since_ms`: from when on bars are wanted, None
    from now on; `options`: the entry's own, `field` of `file`; `stop` ends every wait once set.
    """

    symbols: Mapping[str, str]
    contracts: Mapping[str, Contract]
    options: Mapping[str, object]
    environ: Mapping[str, str]
    log: Log
    stop: threading.Event
    file: Path
    field: str = "market.options"
    since_ms: int | None = None

    def read_options(self, shape: type[Shape]) -> Shape:
        """Returns the options as `shape` describes them. Raises ConfigError."""
        return read_options(shape, self.options, self.file, self.field)
