"""Decides, and logs, what a run of the whole portfolio will do, before it does anything.

It trades the symbols that the optimizer chose and that there are bars of, and nothing else; on paper, or with
money when asked to, the configuration names a real broker, and all credentials it names are there.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from portfold.config import (
    Configuration,
    ConfiguredFeed,
    ConfiguredMarket,
    StrategyEntry,
    loaded_line,
    symbol_of,
)
from portfold.coordinator.configured import configured_limits, how_to_order
from portfold.coordinator.views.view_field import what_can_be_read
from portfold.dollars import shown
from portfold.events.wire.bus import Bus
from portfold.log import Log
from portfold.workers.account.named import trading_the_named
from portfold.workers.brokers.paper import fill_at
from portfold.workers.feeds.csv_folder import CsvFolder
from portfold.workers.feeds.registry import BUS, DRIVEN, FROM_FILES
from portfold.workers.filters.opened import filter_in_words, open_filter
from portfold.workers.run.money import (
    RunRefused,
    credentials_in,
    is_of_the_past,
    refuse_missing,
    with_or_without,
)

_NOT_OPTIMIZED = "not among the optimized symbols"
_NO_BARS = "the feed has no bars of it"
_LIMITS = ("max_positions", "max_contracts", "daily_stop_loss", "stop_loss_on")


class LiveRun(Struct, frozen=True):
    """What will be traded: `symbols` in the portfolio's order, `left_out` with why each was.

    `configuration` is the one to run with: that of a run on paper has the paper broker. `account`: the one
    that was named for a run with money, empty on paper.
    """

    configuration: Configuration
    paper: bool
    account: str
    feed: ConfiguredFeed
    symbols: tuple[str, ...]
    left_out: Mapping[str, str]

    @property
    def workers(self) -> tuple[str, ...]:
        """Returns the keys of the workers to run: one a symbol, or several where they have names."""
        runtime = self.configuration.runtime
        return tuple(key for symbol in self.symbols for key in runtime.keys_of(symbol))

    @property
    def market(self) -> ConfiguredMarket | None:
        """Returns what is to be fed to the bus; nothing beside bars of the past, which are another market."""
        return None if is_of_the_past(self.feed) else self.configuration.runtime.market


def settle(
    configuration: Configuration,
    *,
    paper: bool,
    live: bool,
    account: str | None,
    feed: ConfiguredFeed,
    wanted: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
) -> LiveRun:
    """Returns the run that is asked for. `wanted`: these symbols alone, by default all there are.

    Raises RunRefused, NotTheAccount, ConfigError, BarsError.
    """
    settled = with_or_without(configuration, feed, paper=paper, live=live, environ=environ)
    settled = trading_the_named(settled, account, live=live)
    if feed.kind == DRIVEN.kind:
        raise RunRefused("--bars: expected bars that come by themselves, got driven, which is for the demo.")
    symbols, left_out = choose(configuration, _symbols_of(feed, configuration), wanted)
    run = LiveRun(settled, not live, account or "", feed, symbols, left_out)
    if live:
        watched = settled.runtime.account
        of_account = credentials_in("account.options", watched.options if watched else {})
        of_market = credentials_in("market.options", run.market.options if run.market else {})
        refuse_missing((*of_account, *of_market), environ)
    return run


def choose(
    configuration: Configuration, available: Sequence[str] | None, wanted: Sequence[str]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Returns which symbols are traded, and which are left out and why. `available`: what there are bars of,
    None where nobody can tell. Raises RunRefused.
    """
    for symbol in wanted:
        if symbol not in configuration.contracts:
            known = ", ".join(configuration.contracts)
            raise RunRefused(f"--symbols: expected symbols with a contract ({known}), got {symbol[:80]!r}.")
    optimized = configuration.portfolio.symbols
    named = (symbol_of(key) for key in configuration.runtime.workers)
    own = [symbol for symbol in named if symbol in configuration.contracts]
    candidates = wanted or dict.fromkeys((*optimized, *own, *(available or ())))
    left_out = {}
    for symbol in candidates:
        if symbol not in optimized:
            left_out[symbol] = _NOT_OPTIMIZED
        elif available is not None and symbol not in available:
            left_out[symbol] = _NO_BARS
    symbols = tuple(symbol for symbol in optimized if symbol in candidates and symbol not in left_out)
    if not symbols:
        why = "; ".join(f"{symbol}: {reason}" for symbol, reason in left_out.items())
        raise RunRefused(f"There is nothing to trade. {why}."[:2_000])
    return symbols, left_out


def announce(run: LiveRun, log: Log) -> None:
    """Logs what the run will do, a line each. Raises ConfigError for a model that is refused."""
    configuration, runtime = run.configuration, run.configuration.runtime
    log.info(loaded_line(configuration.portfolio))
    if run.paper:
        settings = {"broker": runtime.broker.kind, "fill_at": fill_at(configuration)}
        log.info("PAPER trading: no order leaves this machine", **settings)
    else:
        named = {"broker": runtime.broker.kind, "account": run.account}
        log.warning("LIVE trading: orders go to the broker, with money", **named)
    log.info(
        "Limits",
        max_positions=configuration.portfolio.max_positions,
        max_contracts=configuration.max_contracts,
        daily_stop_loss=shown(configuration.portfolio.daily_stop_loss),
        stop_loss_on=runtime.stop_loss_on,
    )
    if run.market is not None:
        fed = f"Feeding the market's data of {', '.join(run.market.symbols)}"
        log.info(fed, source=run.market.source)
    zones = runtime.bar_zones_in_words(run.symbols)
    read = {"bars_without_a_zone_are_of": zones} if run.feed.kind in FROM_FILES else {}
    log.info(f"Trading {', '.join(run.symbols)}", feed=run.feed.kind, **read)
    for symbol, why in run.left_out.items():
        log.warning(f"{symbol} is filtered out: {why}", symbol=symbol)
    for key in run.workers:
        symbol, entry = symbol_of(key), runtime.worker(key)
        if isinstance(entry, StrategyEntry):
            log.info(f"{key}: traded by {entry.strategy}", symbol=symbol, worker=runtime.worker_name(key))
        log.info(f"{key}: {filter_in_words(open_filter(configuration, key))}", symbol=symbol)


def compare_with_log(run: LiveRun, bus: Bus, log: Log) -> None:
    """Logs, critically, where nobody decides, or by other limits than the configuration's. Raises
    BusError.
    """
    if bus.leader() is None:
        log.warning("No coordinator leads this portfolio: no entry is allowed until one does")
    limits = what_can_be_read(bus.status()).view.limits
    if limits is None:
        return
    configured = configured_limits(run.configuration)
    names = [name for name in _LIMITS if getattr(configured, name) != getattr(limits, name)]
    differ = [
        f"{name} is {getattr(configured, name)} here and {getattr(limits, name)} in force" for name in names
    ]
    denied = [symbol for symbol in run.symbols if symbol not in limits.symbols]
    if denied:
        names.append("symbols")
        differ.append(f"symbols here that are not in force are {', '.join(denied)}")
    if names:
        order = (
            f"to have those of the file in force: {how_to_order(configured, names)}; what loosens counts "
            "from the next trading day, or at once with the name of another person: --second NAME"
        )
        log.critical(f"LIMITS DIFFER: {', '.join(differ)}; the coordinator's hold", what_to_do=order)


def _symbols_of(feed: ConfiguredFeed, configuration: Configuration) -> Sequence[str] | None:
    """Returns what the feed has bars of; None where only the feed knows. Raises BarsError."""
    market = configuration.runtime.market
    if feed.kind == BUS and market is not None:
        return tuple(market.symbols)
    folder = feed.options.get("folder")
    if feed.kind in ("csv", "replay") and isinstance(folder, str):
        return CsvFolder(Path(folder)).symbols
    return None
