"""What `portfold config show` and `check` say of a configuration: each value's origin, and what is wrong."""

import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from portfold.cli.setup.config_keys import as_json
from portfold.config import ConfigError, ConfigFile, Configuration, dead_mans_url, webhook_url
from portfold.config.errors import joined
from portfold.config.strategies.entry import filled_in
from portfold.config.strict_json import read_json
from portfold.installing import install_command
from portfold.workers.filters.opened import open_filter
from portfold.workers.strategies.guarded import StrategyFailed
from portfold.workers.strategies.opened import open_strategy

_DEFAULT = "default"
_WORKERS = "workers"


class InForce(NamedTuple):
    """A key, where its value comes from: the file, another entry of it, or `default`; and it, as JSON."""

    path: str
    origin: str
    value: str


def in_force(configuration: Configuration) -> Iterator[InForce]:
    """Yields every key of limits and runtime. Raises ConfigError for a file that changed meanwhile."""
    files, portfolio = configuration.files, configuration.portfolio
    limits = {
        "max_positions": portfolio.max_positions,
        "daily_stop_loss": portfolio.daily_stop_loss,
        "symbols": portfolio.symbols,
        **_fields(portfolio.rules),
    }
    section = "portfolio_constraints"
    yield from _values(limits, section, files.portfolio, _branch(read_json(files.portfolio.path), section))
    yield from _values(_fields(configuration.runtime), "", files.runtime, read_json(files.runtime.path))


def where_from(file: ConfigFile) -> str:
    """Returns how a file is called as an origin."""
    return f"packaged {file.path.name}" if file.packaged else file.path.name


def troubles(configuration: Configuration, environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Yields a sentence for what a worker would refuse, and for each variable that is named and not set.

    Runs the strategies of the user's own, as their workers do.
    """
    runtime = configuration.runtime
    for symbol in configuration.portfolio.symbols:
        for key in runtime.keys_of(symbol):
            try:
                open_strategy(configuration, key).strategy()
                open_filter(configuration, key)
            except (ConfigError, StrategyFailed) as error:
                yield f"{key}: {error}"
    named = {"redis_password_env": runtime.redis_password_env}
    named |= {f"notifier: {name}": each.url_env for name, each in runtime.destinations.items()}
    switch = runtime.notifier.dead_mans_switch
    named |= {"notifier.dead_mans_switch": switch.url_env if switch is not None else None}
    for field, variable in named.items():
        if variable is not None and not environ.get(variable):
            yield f"{field} names the variable {variable}, which is not set here"
    yield from _address_troubles(configuration, environ)


def _address_troubles(configuration: Configuration, environ: Mapping[str, str]) -> Iterator[str]:
    """Yields a sentence for each file that holds no address, and for what has to be installed."""
    runtime = configuration.runtime
    for name, each in runtime.destinations.items():
        if each.url_file is not None:
            try:
                webhook_url(configuration, name, environ)
            except ConfigError as error:
                yield str(error)
    switch = runtime.notifier.dead_mans_switch
    if switch is not None and switch.url_file is not None:
        try:
            dead_mans_url(configuration, environ)
        except ConfigError as error:
            yield str(error)
    if any(each.to == "apprise" for each in runtime.destinations.values()) and not find_spec("apprise"):
        yield f"notifier: Apprise is needed, which is not installed: {install_command('phone')}"


def _values(values: Mapping[str, object], where: str, file: ConfigFile, tree: object) -> Iterator[InForce]:
    for name, value in values.items():
        path = joined(where, name)
        own = _branch(tree, name)
        inner = _fields(value) if isinstance(value, Struct) else value
        split = isinstance(inner, Mapping) and any(isinstance(each, Struct) for each in inner.values())
        if isinstance(value, Struct) or split:
            yield from _values(inner if isinstance(inner, Mapping) else {}, path, file, own)
            continue
        said = isinstance(tree, Mapping) and name in tree
        yield InForce(path, where_from(file) if said else _DEFAULT, as_json(value))


def _fields(struct: Struct) -> dict[str, object]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def _branch(tree: object, name: str) -> object:
    return tree.get(name) if isinstance(tree, Mapping) else None


def with_default_worker(values: list[InForce], runtime: Path) -> list[InForce]:
    """Returns the same, where what a symbol has from the entry "default" says so."""
    workers = _branch(read_json(runtime), _WORKERS)
    default = _branch(workers, _DEFAULT)
    inherited = set[str]()
    if isinstance(workers, Mapping) and isinstance(default, Mapping):
        for key, own in workers.items():
            if filled_in(default, own) != own:
                inherited |= {f"{joined(_WORKERS, key)}.{name}" for name in default}
    return [
        one._replace(origin=f"{_WORKERS}.{_DEFAULT}")
        if one.origin == _DEFAULT and one.path in inherited
        else one
        for one in values
    ]
