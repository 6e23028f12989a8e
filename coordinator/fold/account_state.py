"""What the coordinator knows of the account that is watched: a part of the state."""

from decimal import Decimal

from msgspec import Struct, field

from portfold.dollars import ZERO


class Difference(Struct):
    """What the log and the account say of one subject on which they differ, since the report of `since_ms`.

    `stands`: it outlasted the grace, so it is no fill on its way; it was published and denies entries. Of a
    symbol the account has `apart` signed contracts more than the log, and no fewer since the report of
    `apart_ms`: what came on top may be a fill on its way, although the symbol differed before.
    """

    log: str
    reported: str
    since_ms: int
    stands: bool = False
    apart: int = 0
    apart_ms: int = 0


class Account(Struct):
    """The account that is watched, as its latest report has it.

    `as_of_ms` is 0 until there is one; `heard_ms` is when the latest came, or when the watch began.
    `positions` are signed contracts by symbol, with their prices in `prices`; `working` counts orders.

    Since the balance, the equity without open P&L, was `from_balance`, and what the log had realized was
    `from_net`, both have to have moved alike.
    `moved_ms` is when something about positions was last folded: a report of before may show what is closed.
    `then_net` and `then_open` are what the log had realized, and had open, at the latest report.
    `day_equity` and `day_balance` are from the beginning of the trading day, with open P&L and without. That
    began at `day_since_ms`; until an equity of later is heard (`equity_ms`), the account says nothing of it.

    `is_behind`: the latest report's dollars may be from before the log last realized something, so the equity
    is still that of the report before; `lacks_equity`: there was none yet that is not. The log had realized
    `seen_net` at the latest report, and no later than `realized_ms`.
    """

    account: str
    heard_ms: int
    source: str = ""
    as_of_ms: int = 0
    equity: Decimal = ZERO
    unrealized: Decimal = ZERO
    positions: dict[str, int] = field(default_factory=dict)
    prices: dict[str, Decimal] = field(default_factory=dict)
    working: dict[str, int] = field(default_factory=dict)
    from_balance: Decimal = ZERO
    from_net: Decimal = ZERO
    moved_ms: int = 0
    then_net: Decimal = ZERO
    then_open: Decimal = ZERO
    day_equity: Decimal = ZERO
    day_balance: Decimal = ZERO
    equity_ms: int = 0
    day_since_ms: int = 0
    differences: dict[str, Difference] = field(default_factory=dict)
    silent: bool = False
    is_behind: bool = False
    lacks_equity: bool = False
    seen_net: Decimal = ZERO
    realized_ms: int = 0
