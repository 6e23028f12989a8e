"""runtime.json: how the system runs on this machine, apart from the limits themselves.

Strict: an unknown key is refused and the nearest known one named, as a misspelt deadline would otherwise be a
default one. A key left out has the value that the packaged runtime.json shows. No secret stands in the file,
only the name of the environment variable that holds it.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Struct, field

from portfold.bounds import CLOCK_TIME, MOST_CONTRACTS, MOST_PERCENT
from portfold.config.account import ConfiguredAccount
from portfold.config.costs import COMMISSION_PER_SIDE, SLIPPAGE_TICKS, Commission, Slippage
from portfold.config.errors import UnfitError
from portfold.config.market import ConfiguredMarket
from portfold.config.notifier import SHORT_WAY, Destination, Notifier
from portfold.config.reading import read_strict
from portfold.config.rules import (
    Approximate,
    Duration,
    EnvironmentName,
    Exact,
    Folder,
    Options,
    RedisUrl,
    Symbol,
    SymbolOrDefault,
    Text,
    Whole,
    Zone,
)
from portfold.config.strict_json import read_json

DEFAULT = "default"

HoldOrFlatten = Literal["hold", "flatten"]
_CLOCK_TIME = Text(CLOCK_TIME, "a time of day as HH:MM, such as 17:00")
PORTFOLIO_NAME = Text(r"[A-Za-z0-9_-]{1,32}", "a name of 1 to 32 letters, digits, _ or -, such as main")
_ZoneName = Annotated[str, Zone()]
_Fraction = Approximate(Decimal(0), Decimal(1))
_PERCENT = Exact(Decimal("0.01"), Decimal(100), 4, "percent")
_RANGES = Exact(Decimal("0.01"), Decimal(100), 4, "average true ranges")
_TICKS = Whole(1, 100_000, "ticks")
_DOLLARS = Exact(Decimal("0.01"), Decimal("999999999.99"), 2, "dollars")
_HOURS = Text(
    rf"{CLOCK_TIME}-{CLOCK_TIME}",
    "two times of day as HH:MM-HH:MM, such as 08:30-15:00",
)
_BOOK = Folder("the whole path of a file, such as /var/lib/portfold/book.sqlite")
_MODEL_FILE = Text(r"[A-Za-z0-9_./-]{1,200}\.onnx", "the file of a model, such as models/ES.onnx")


class TradingDayRoll(Struct, frozen=True):
    """When a trading day ends and the next begins: at `roll`, HH:MM on the clocks of `zone`."""

    zone: _ZoneName = "America/Chicago"
    roll: Annotated[str, _CLOCK_TIME] = "17:00"


def _kind(example: str) -> Text:
    return Text(
        r"[a-z_]{1,32}|(?:[A-Za-z0-9_./-]{1,200}\.py|[A-Za-z0-9_.]{1,200}):[A-Za-z_][A-Za-z0-9_]{0,63}",
        f'a name such as "{example}", or "FILE.py:NAME" for one of your own',
    )


class ConfiguredBroker(Struct, frozen=True):
    """Who fills the orders, and its own `options`; the kinds are in `workers.brokers.registry`."""

    kind: Annotated[str, _kind("paper")] = "paper"
    options: Annotated[Mapping[str, object], Options()] = field(default_factory=dict)


class ConfiguredFeed(Struct, frozen=True):
    """Where bars come from, and its own `options`; the kinds are in `workers.feeds.registry`."""

    kind: Annotated[str, _kind("synthetic")] = "synthetic"
    options: Annotated[Mapping[str, object], Options()] = field(default_factory=dict)


class IbsParameters(Struct, frozen=True):
    """How one symbol's worker trades internal bar strength, (close - low) / (high - low), from 0 to 1.

    Long: in from `entry_from` to below `entry_below`, out above `exit_above` up to `exit_to`; short: the
    mirror image. `size`: contracts.

    `stop_percent` or `stop_atr`: a stop that far from the entry price, in percent of it or in average true
    ranges; `take_profit_percent` or `take_profit_atr`: out at that much profit. None for none; ranges are
    over `atr_bars`. `max_bars`: out after so many bars, None for never.

    Times are HH:MM on the clocks of `trading_day.zone`. `exit_at`: out at the first bar that ends then or
    later in its trading day, None to hold over night. `entry_hours`: in only from the one to before the
    other, None for always. `cooldown_bars`: how many bars after a position is gone bring no new one.

    `model`: the file of the filter that each entry must pass, from the folder of runtime.json, None for no
    filter; `min_probability`: what it must give an entry at least.
    """

    entry_below: Annotated[float, _Fraction] = 0.2
    exit_above: Annotated[float, _Fraction] = 0.8
    entry_from: Annotated[float, _Fraction] = 0.0
    exit_to: Annotated[float, _Fraction] = 1.0
    sides: Literal["long", "short", "both"] = "long"
    stop_percent: Annotated[Decimal, _PERCENT] | None = None
    stop_atr: Annotated[Decimal, _RANGES] | None = None
    take_profit_percent: Annotated[Decimal, _PERCENT] | None = None
    take_profit_atr: Annotated[Decimal, _RANGES] | None = None
    atr_bars: Annotated[int, Whole(1, 1_000, "bars")] = 14
    max_bars: Annotated[int, Whole(1, 10_000, "bars")] | None = 8
    exit_at: Annotated[str, _CLOCK_TIME] | None = None
    entry_hours: Annotated[str, _HOURS] | None = None
    cooldown_bars: Annotated[int, Whole(0, 10_000, "bars")] = 0
    model: Annotated[str, _MODEL_FILE] | None = None
    min_probability: Annotated[float, _Fraction] = 0.5
    size: Annotated[int, Whole(1, MOST_CONTRACTS, "contracts")] = 1

    def __post_init__(self) -> None:
        if not self.entry_below < self.exit_above:
            expected = f"less than exit_above, which is {self.exit_above:g}"
            raise UnfitError(expected, f"{self.entry_below:g}", field="entry_below")
        for lower, upper in (("entry_from", "entry_below"), ("exit_above", "exit_to")):
            low, high = getattr(self, lower), getattr(self, upper)
            if low > high:
                raise UnfitError(f"at most {upper}, which is {high:g}", f"{low:g}", field=lower)
        for one, other in (("stop_percent", "stop_atr"), ("take_profit_percent", "take_profit_atr")):
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise UnfitError(f"null, where {one} is given", f"{getattr(self, other):f}", field=other)
        if self.entry_hours is not None and self.entry_hours[:5] == self.entry_hours[6:]:
            raise UnfitError("two different times", self.entry_hours, field="entry_hours")


class StopDistance(Struct, frozen=True):
    """How far from its price a position is stopped out by the broker: exactly one of `ticks`, `dollars` a
    contract, and `atr` in average true ranges, over the last `atr_bars` bars of its worker.
    """

    ticks: Annotated[int, _TICKS] | None = None
    dollars: Annotated[Decimal, _DOLLARS] | None = None
    atr: Annotated[Decimal, _RANGES] | None = None
    atr_bars: Annotated[int, Whole(1, 1_000, "bars")] = 14

    def __post_init__(self) -> None:
        given = [name for name in ("ticks", "dollars", "atr") if getattr(self, name) is not None]
        if len(given) != 1:
            raise UnfitError("exactly one of ticks, dollars and atr", " and ".join(given) or "none")


class ProtectiveStop(StopDistance, frozen=True):
    """The same for all symbols but those that `symbols` names: with a distance of its own, or null for
    none.
    """

    symbols: Mapping[Symbol, StopDistance | None] = field(default_factory=dict)


class Runtime(Struct, frozen=True):
    """Everything in runtime.json; `Runtime()` is the packaged file.

    Server: `redis_url` without password, `redis_password_env` the variable that holds it. `portfolio` is
    the {name} in the keys, so one server can hold several.

    Limits beside the portfolio's: `max_contracts` open at once (None: as many as positions), `stop_loss_on`
    what counts as loss, `stop_approach_percent` of the limit at which to warn.

    `broker` fills the orders, `feed` brings the bars; `market`: what the portfolio's one subscription is to,
    None where there is none. `protective_stop`: how far from each position a stop rests at the broker, None
    for no such stop (use `stop_distance`).

    Costs of contracts that have none of their own: `commission_per_side` in dollars a contract,
    `slippage_ticks` a fill.

    Deadlines: `reservation_seconds` a granted entry may take to fill, `answer_seconds` a worker waits for its
    answer, `flatten_seconds` until a flatten is overdue, `lease_ms` without renewal until a standby leads,
    `heartbeat_seconds` between a worker's signs of life, `worker_lost_seconds` without one until it is lost,
    `bus_loss_seconds` a worker goes on without the bus, `mark_seconds` between reports of open profit,
    `mark_stale_seconds` after which such a report is old. `on_worker_lost` and `on_bus_loss` say what to do
    with open positions then.

    `bar_zones`: time zone of a symbol's CSV bars that name none; `workers`: parameters by symbol; both with
    an entry "default" for all others (use `bar_zone` and `worker`).

    `notifier`: where alerts go. `discord_webhook_env`: the short way, the variable that holds the address of
    a Discord webhook that is to have them all (use `destinations`).

    `archive_folder`: where history that left the server lies, None for nowhere. `book`: the broker's file,
    None for one of the log's own in the state folder. `account`: what is watched at the broker and compared
    with the log, None for nothing.
    """

    redis_url: Annotated[str, RedisUrl()] = "redis://127.0.0.1:6379/0"
    redis_password_env: EnvironmentName | None = None
    portfolio: Annotated[str, PORTFOLIO_NAME] = "main"
    trading_day: TradingDayRoll = TradingDayRoll()
    max_contracts: Annotated[int, Whole(1, MOST_CONTRACTS, "contracts")] | None = None
    stop_loss_on: Literal["total", "realized"] = "total"
    stop_approach_percent: Annotated[int, Whole(1, MOST_PERCENT, "percent")] = 80
    commission_per_side: Commission = COMMISSION_PER_SIDE
    slippage_ticks: Slippage = SLIPPAGE_TICKS
    broker: ConfiguredBroker = ConfiguredBroker()
    feed: ConfiguredFeed = ConfiguredFeed()
    market: ConfiguredMarket | None = None
    protective_stop: ProtectiveStop | None = None
    reservation_seconds: Annotated[float, Duration(3_600)] = 30.0
    answer_seconds: Annotated[float, Duration(60)] = 2.0
    flatten_seconds: Annotated[float, Duration(3_600)] = 10.0
    lease_ms: Annotated[int, Whole(100, 60_000, "milliseconds")] = 1_000
    heartbeat_seconds: Annotated[float, Duration(600)] = 1.0
    worker_lost_seconds: Annotated[float, Duration(3_600)] = 5.0
    on_worker_lost: HoldOrFlatten = "hold"
    bus_loss_seconds: Annotated[float, Duration(86_400)] = 30.0
    on_bus_loss: HoldOrFlatten = "hold"
    mark_seconds: Annotated[float, Duration(3_600)] = 5.0
    mark_stale_seconds: Annotated[float, Duration(31 * 86_400)] = 120.0
    bar_zones: Mapping[SymbolOrDefault, _ZoneName] = field(default_factory=lambda: {DEFAULT: "UTC"})
    workers: Mapping[SymbolOrDefault, IbsParameters] = field(
        default_factory=lambda: {DEFAULT: IbsParameters()}
    )
    discord_webhook_env: EnvironmentName | None = None
    notifier: Notifier = Notifier()
    archive_folder: Annotated[str, Folder()] | None = None
    book: Annotated[str, _BOOK] | None = None
    account: ConfiguredAccount | None = None

    def __post_init__(self) -> None:
        if not self.worker_lost_seconds > 2 * self.heartbeat_seconds:
            # One heartbeat may come late without its worker being dead.
            expected = f"more than twice heartbeat_seconds, which is {self.heartbeat_seconds:g}"
            raise UnfitError(expected, f"{self.worker_lost_seconds:g}", field="worker_lost_seconds")
        if not self.reservation_seconds > self.answer_seconds:
            # Otherwise a slot could expire before its worker has read that it was granted.
            expected = f"more than answer_seconds, which is {self.answer_seconds:g}"
            raise UnfitError(expected, f"{self.reservation_seconds:g}", field="reservation_seconds")
        if not self.mark_stale_seconds > self.mark_seconds:
            expected = f"more than mark_seconds, which is {self.mark_seconds:g}"
            raise UnfitError(expected, f"{self.mark_stale_seconds:g}", field="mark_stale_seconds")
        if self.discord_webhook_env is not None and SHORT_WAY in self.notifier.destinations:
            expected = f'null, where notifier has a destination called "{SHORT_WAY}"'
            raise UnfitError(expected, "a name", field="discord_webhook_env")

    @property
    def destinations(self) -> Mapping[str, Destination]:
        """Returns where alerts go, by name: those of `notifier`, and the one of `discord_webhook_env`."""
        if self.discord_webhook_env is None:
            return self.notifier.destinations
        return {
            **self.notifier.destinations,
            SHORT_WAY: Destination("discord", url_env=self.discord_webhook_env),
        }

    def worker(self, symbol: str) -> IbsParameters:
        """Returns the parameters of the symbol's worker: its own entry, else the default one."""
        return self.workers.get(symbol) or self.workers.get(DEFAULT) or IbsParameters()

    def stop_distance(self, symbol: str) -> StopDistance | None:
        """Returns how far from a position in the symbol a stop rests at the broker; None where none does."""
        usual = self.protective_stop
        return usual.symbols.get(symbol, usual) if usual is not None else None

    def bar_zone(self, symbol: str) -> str:
        """Returns the time zone of the symbol's CSV bars: its own entry, else the default one, else UTC."""
        return self.bar_zones.get(symbol) or self.bar_zones.get(DEFAULT) or "UTC"


def read_runtime(path: Path) -> Runtime:
    """Reads the runtime in `path`. Raises ConfigError if it cannot be read or a value breaks a rule."""
    return read_strict(Runtime, _with_default_worker_filled_in(read_json(path)), path)


def milliseconds(seconds: float) -> int:
    """Converts a deadline of this file to milliseconds; exact, as deadlines have at most 3 decimals."""
    return round(seconds * 1000)


def _with_default_worker_filled_in(tree: object) -> object:
    """Fills in what a symbol's entry leaves out from the file's "default" entry."""
    if not isinstance(tree, dict) or not isinstance(tree.get("workers"), dict):
        return tree
    workers = tree["workers"]
    default = workers.get(DEFAULT)
    if not isinstance(default, dict):
        return tree
    merged = {symbol: {**default, **own} if isinstance(own, dict) else own for symbol, own in workers.items()}
    return {**tree, "workers": merged}
