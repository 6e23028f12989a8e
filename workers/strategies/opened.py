"""The strategy of a worker, as its entry in the configuration names it: one that ships, or the user's own.

A file of the user's is run when its worker, or research, opens it, and never before. Nothing of it reaches
its caller but a strategy, or an error in a sentence that names what is to blame.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct, structs

from portfold.config import (
    ConfigError,
    Configuration,
    IbsParameters,
    StrategyEntry,
    TradingDayRoll,
    symbol_of,
)
from portfold.config.errors import describe, joined
from portfold.config.load import check_size
from portfold.config.strategies.entry import IBS, own_file, shipped_parameters
from portfold.workers.feeds.bar import Bar
from portfold.workers.named import find, read_options
from portfold.workers.strategies.context import EXPECTED, OverThePast, declared_by
from portfold.workers.strategies.guarded import RETURNS_SECONDS, Guarded, said
from portfold.workers.strategies.intent import Strategy
from portfold.workers.strategies.time_limit import NotReturned, returns_within

OURS = {
    IBS: "portfold.workers.strategies.ibs:IbsStrategy",
    "atr_dip": "portfold.workers.strategies.atr_dip:AtrDipStrategy",
    "bollinger": "portfold.workers.strategies.bollinger:BollingerStrategy",
    "opening_range": "portfold.workers.strategies.opening_range:OpeningRangeStrategy",
}
_COOLDOWN = "cooldown_bars"


class NoParameters(Struct, frozen=True):
    """The parameters of a strategy that declares none."""


class OpenedStrategy(NamedTuple):
    """What a worker trades by: the strategy's name, its parameters, and what makes it.

    `own`: the user's, which is guarded. `place`: its entry's, for errors. `context`: the other markets that
    it looks at; `past` are their bars, in order, where research trades by it.
    """

    name: str
    parameters: Struct
    make: Callable[[Any, TradingDayRoll], Any]
    trading_day: TradingDayRoll
    own: bool
    place: tuple[Path, str]
    context: tuple[str, ...] = ()
    past: Sequence[Bar] | None = None

    @property
    def cooldown_bars(self) -> int:
        """Returns how long it rests after a position: its parameter of that name, where it has one."""
        bars = getattr(self.parameters, _COOLDOWN, 0)
        return bars if isinstance(bars, int) else 0

    def without_rest(self) -> "OpenedStrategy":
        """Returns the same without that rest, for what asks of each signal by itself."""
        if not self.cooldown_bars:
            return self
        return self._replace(parameters=structs.replace(self.parameters, **{_COOLDOWN: 0}))

    def over(self, context: Sequence[Bar]) -> "OpenedStrategy":
        """Returns the same for a past in which these were the bars of its context."""
        return self._replace(past=context)

    def over_the_past(self) -> Strategy:
        """Makes one that is shown its context over a past. Raises ConfigError, StrategyFailed."""
        if not self.context:
            return self.strategy()
        if self.past is None:
            expected = f"the bars of {', '.join(self.context)} beside those that are traded"
            raise ConfigError(*self.place, expected, f"none here, and {self.name} looks at them")
        return OverThePast(self.strategy(), self.past)

    def strategy(self) -> Strategy:
        """Makes one that has seen no bar; whoever calls shows it its context. Raises ConfigError,
        StrategyFailed.
        """
        if not self.own:
            made: Strategy = self.make(self.parameters, self.trading_day)
            return made
        try:
            with returns_within(RETURNS_SECONDS):
                inner = self.make(self.parameters, self.trading_day)
        except NotReturned:
            raise ConfigError(*self.place, _IN_TIME, describe(self.name)) from None
        except (Exception, SystemExit) as error:  # the user's code may fail in any way there is
            expected = "a strategy that takes its parameters and the trading day"
            raise ConfigError(*self.place, expected, f"{describe(self.name)}: {said(error)}") from error
        return Guarded(inner, self.name)


_IN_TIME = f"a file that is done within {RETURNS_SECONDS:g} seconds"


def open_strategy(configuration: Configuration, key: str) -> OpenedStrategy:
    """Opens the strategy of the worker of a key of `workers`. Raises ConfigError."""
    runtime, path = configuration.runtime, configuration.files.runtime.path
    entry, where = runtime.worker(key), joined("workers", key if key in runtime.workers else "default")
    parameters = shipped_parameters(entry, path, where)
    name = entry.strategy if isinstance(entry, StrategyEntry) else IBS
    if parameters is not None:
        make = find(name, OURS, path, f"{where}.strategy")
        return OpenedStrategy(name, parameters, make, runtime.trading_day, own=False, place=(path, where))
    place = (path, f"{where}.strategy")
    make = _found(name, *place)
    parameters = _own_parameters(entry, make, path, where)
    check_size(parameters, configuration.max_contracts, path, f"{where}.params")
    context = declared_by(make, symbol_of(key))
    if context is None:
        raise ConfigError(*place, EXPECTED, describe(name))
    opened = OpenedStrategy(name, parameters, make, runtime.trading_day, own=True, place=place)
    return opened._replace(context=context)


def own_code(configuration: Configuration, key: str) -> str:
    """Returns the SHA-256 of the user's file that a worker trades by, empty where it is none.

    Raises ConfigError.
    """
    path = configuration.files.runtime.path
    file = own_file(configuration.runtime.worker(key), path)
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest() if file is not None else ""
    except OSError as error:
        raise ConfigError(
            path, joined("workers", key), "a file that can be read", f"{file}: {error.strerror}"
        ) from error


def _found(name: str, path: Path, field: str) -> Callable[..., Any]:
    try:
        with returns_within(RETURNS_SECONDS):
            return find(name, OURS, path, field)
    except NotReturned:
        raise ConfigError(path, field, _IN_TIME, describe(name)) from None
    except SystemExit as error:
        raise ConfigError(path, field, "something to import", f"{describe(name)}: {said(error)}") from error


def _own_parameters(entry: StrategyEntry | IbsParameters, make: object, path: Path, where: str) -> Struct:
    shape = getattr(make, "Parameters", NoParameters)
    params = entry.params if isinstance(entry, StrategyEntry) else {}
    if not (isinstance(shape, type) and issubclass(shape, Struct)):
        raise ConfigError(path, f"{where}.strategy", "Parameters that are a msgspec.Struct", "something else")
    try:
        return read_options(shape, params, path, f"{where}.params")
    except TypeError as error:  # a type of a field that cannot be read
        expected = "Parameters of int, float, Decimal, bool, str and rules of config.rules"
        raise ConfigError(path, f"{where}.strategy", expected, str(error)[:200]) from error
