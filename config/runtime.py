"""runtime.json: how the system runs on this machine, apart from the limits themselves.

Strict: an unknown key is refused and the nearest known one named, as a misspelt deadline would otherwise be a
default one. A key left out has the value that the packaged runtime.json shows. No secret stands in the file,
only the name of the environment variable that holds it.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Struct, field

from portfold.bounds import MOST_CONTRACTS, MOST_PERCENT
from portfold.config.account import ConfiguredAccount
from portfold.config.costs import COMMISSION_PER_SIDE, SLIPPAGE_TICKS, Commission, Slippage
from portfold.config.errors import UnfitError
from portfold.config.market import ConfiguredMarket
from portfold.config.notifier import SHORT_WAY, Destination, Notifier
from portfold.config.reading import read_strict
from portfold.config.rules import (
    RANGES,
    TIME_OF_DAY,
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
    kind_of,
)
from portfold.config.strategies.entry import WorkerEntry, WorkerKey, filled_in, worker_name
from portfold.config.strategies.ibs import IbsParameters
from portfold.config.strict_json import read_json

DEFAULT = "default"

HoldOrFlatten = Literal["hold", "flatten"]
PORTFOLIO_NAME = Text(r"[A-Za-z0-9_-]{1,32}", "a name of 1 to 32 letters, digits, _ or -, such as main")
_ZoneName = Annotated[str, Zone()]
_TICKS = Whole(1, 100_000, "ticks")
_DOLLARS = Exact(Decimal("0.01"), Decimal("999999999.99"), 2, "dollars")
_BOOK = Folder("the whole path of a file, such as /var/lib/portfold/book.sqlite")


class TradingDayRoll(Struct, frozen=True):
    """When a trading day ends and the next begins: at `roll`, HH:MM on the clocks of `zone`."""

    zone: _ZoneName = "America/Chicago"
    roll: Annotated[str, TIME_OF_DAY] = "17:00"


class ConfiguredBroker(Struct, frozen=True):
    """Who fills the orders, and its own `options`; the kinds are in `workers.brokers.registry`."""

    kind: Annotated[str, kind_of("paper")] = "paper"
    options: Annotated[Mapping[str, object], Options()] = field(default_factory=dict)


class ConfiguredFeed(Struct, frozen=True):
    """Where bars come from, and its own `options`; the kinds are in `workers.feeds.registry`."""

    kind: Annotated[str, kind_of("synthetic")] = "synthetic"
    options: Annotated[Mapping[str, object], Options()] = field(default_factory=dict)


class StopDistance(Struct, frozen=True):
    """How far from its price a position is stopped out by the broker: exactly one of `ticks`, `dollars` a
    contract, and `atr` in average true ranges, over the last `atr_bars` bars of its worker.
    """

    ticks: Annotated[int, _TICKS] | None = None
    dollars: Annotated[Decimal, _DOLLARS] | None = None
    atr: Annotated[Decimal, RANGES] | None = None
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


class Replicated(Struct, frozen=True):
    """How many `replicas` must have a yes before its order goes out, in `memory` or synced to their `disk`,
    within `seconds`; else there is no entry.
    """

    replicas: Annotated[int, Whole(1, 5, "replicas")] = 1
    on: Literal["memory", "disk"] = "memory"
    seconds: Annotated[float, Duration(10)] = 0.5


class Runtime(Struct, frozen=True):
    """Everything in runtime.json; `Runtime()` is the packaged file.

    Server: `redis_url` without password, `redis_password_env` the variable that holds it. `portfolio` is
    the {name} in the keys, so one server can hold several.

    `replicated`: what a yes must have reached before its order goes out; None: the server alone.

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

    `bar_zones`: time zone of a symbol's CSV bars that name none; `workers`: what is traded by, by symbol, and
    by SYMBOL:NAME for further ones; both with an entry "default" for all others (use `bar_zone`, `worker`).

    `notifier`: where alerts go. `discord_webhook_env`: the short way, the variable that holds the address of
    a Discord webhook that is to have them all (use `destinations`).

    `archive_folder`: where history that left the server lies, None for nowhere. `book`: the broker's file,
    None for one of the log's own in the state folder. `account`: what is watched at the broker and compared
    with the log, None for nothing.
    """

    redis_url: Annotated[str, RedisUrl()] = "redis://127.0.0.1:6379/0"
    redis_password_env: EnvironmentName | None = None
    portfolio: Annotated[str, PORTFOLIO_NAME] = "main"
    replicated: Replicated | None = None
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
    workers: Mapping[WorkerKey, WorkerEntry] = field(default_factory=lambda: {DEFAULT: IbsParameters()})
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
        if self.replicated is not None and not self.replicated.seconds < self.answer_seconds:
            expected = f"less than answer_seconds, which is {self.answer_seconds:g}"
            raise UnfitError(expected, f"{self.replicated.seconds:g}", field="replicated.seconds")
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

    def worker(self, key: str) -> WorkerEntry:
        """Returns what a symbol's worker trades by: its own entry, else the default one.

        `key`: the symbol, or for a further worker of it SYMBOL:NAME.
        """
        return self.workers.get(key) or self.workers.get(DEFAULT) or IbsParameters()

    def worker_name(self, key: str) -> str:
        """Returns the name on the log of the worker of a key."""
        return worker_name(key, self.worker(key))

    def keys_of(self, symbol: str) -> tuple[str, ...]:
        """Returns the keys of a symbol's workers: those with a name, and the plain one, unless there are only
        such with a name.
        """
        named = tuple(key for key in self.workers if key.startswith(f"{symbol}:"))
        return (symbol, *named) if symbol in self.workers or not named else named

    def stop_distance(self, symbol: str) -> StopDistance | None:
        """Returns how far from a position in the symbol a stop rests at the broker; None where none does."""
        usual = self.protective_stop
        return usual.symbols.get(symbol, usual) if usual is not None else None

    def bar_zone(self, symbol: str) -> str:
        """Returns the time zone of the symbol's CSV bars: its own entry, else the default one, else UTC."""
        return self.bar_zones.get(symbol) or self.bar_zones.get(DEFAULT) or "UTC"

    def bar_zones_in_words(self, symbols: Iterable[str]) -> str:
        """Says in which zones the bars are read: `UTC`, or `UTC (CL), America/New_York (ES, NQ)`."""
        by_zone: dict[str, list[str]] = {}
        for symbol in symbols:
            by_zone.setdefault(self.bar_zone(symbol), []).append(symbol)
        if len(by_zone) <= 1:
            return next(iter(by_zone), "UTC")
        return ", ".join(f"{zone} ({', '.join(named)})" for zone, named in by_zone.items())


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
    merged = {key: own if key == DEFAULT else filled_in(default, own) for key, own in workers.items()}
    return {**tree, "workers": merged}
