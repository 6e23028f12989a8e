"""The user's files and their typed loaders; imports nothing else of the project.

`load` gives the whole configuration, checked, or raises a `ConfigError` of one sentence. A file each:
portfolio_optimization.json (limits), runtime.json (how to run), contracts.json (what prices are worth), and
expected_days.json (the days it was chosen for), if there is one. The
defaults lie in this folder.
"""

from portfold.config.account import ConfiguredAccount
from portfold.config.contracts import Contract, read_contracts
from portfold.config.defaults import write_defaults
from portfold.config.errors import ConfigError, MissingConfigError
from portfold.config.expected import ExpectedDays
from portfold.config.load import (
    ConfigFile,
    Configuration,
    Files,
    dead_mans_url,
    load,
    secret,
    webhook_url,
    with_archive,
)
from portfold.config.locate import ENVIRONMENT_VARIABLE, ConfigSource, locate
from portfold.config.market import ConfiguredMarket
from portfold.config.notifier import AlertKind, AlertLevel, DeadMansSwitch, Destination, Notifier
from portfold.config.portfolio import (
    ConfiguredPortfolio,
    ConfiguredRules,
    ExpectedPerformance,
    loaded_line,
    read_portfolio,
)
from portfold.config.runtime import (
    ConfiguredBroker,
    ConfiguredFeed,
    ProtectiveStop,
    Runtime,
    StopDistance,
    TradingDayRoll,
    milliseconds,
    read_runtime,
)
from portfold.config.strategies.entry import StrategyEntry, WorkerEntry, symbol_of
from portfold.config.strategies.ibs import IbsParameters

__all__ = [
    "ENVIRONMENT_VARIABLE",
    "AlertKind",
    "AlertLevel",
    "ConfigError",
    "ConfigFile",
    "ConfigSource",
    "Configuration",
    "ConfiguredAccount",
    "ConfiguredBroker",
    "ConfiguredFeed",
    "ConfiguredMarket",
    "ConfiguredPortfolio",
    "ConfiguredRules",
    "Contract",
    "DeadMansSwitch",
    "Destination",
    "ExpectedDays",
    "ExpectedPerformance",
    "Files",
    "IbsParameters",
    "MissingConfigError",
    "Notifier",
    "ProtectiveStop",
    "Runtime",
    "StopDistance",
    "StrategyEntry",
    "TradingDayRoll",
    "WorkerEntry",
    "dead_mans_url",
    "load",
    "loaded_line",
    "locate",
    "milliseconds",
    "read_contracts",
    "read_portfolio",
    "read_runtime",
    "secret",
    "symbol_of",
    "webhook_url",
    "with_archive",
    "write_defaults",
]
