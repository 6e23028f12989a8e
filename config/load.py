"""Loading a configuration: find the folder, read its files, check them against each other.

Guarantees: what `load` returns is complete and consistent, so nothing after it needs to check again; whatever
is wrong with the files is a `ConfigError` of one sentence; where each file came from is on the result.
"""

import hashlib
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct, structs

from portfold.by_name import groups_of
from portfold.config.contracts import Contract, read_contracts
from portfold.config.errors import ConfigError, MissingConfigError, joined
from portfold.config.expected import EXPECTED_FILE, ExpectedDays, read_expected
from portfold.config.locate import (
    CONTRACTS_FILE,
    PACKAGED,
    PORTFOLIO_FILE,
    RUNTIME_FILE,
    ConfigSource,
    locate,
)
from portfold.config.portfolio import ConfiguredPortfolio, read_portfolio
from portfold.config.runtime import DEFAULT, Runtime, read_runtime
from portfold.config.strategies.entry import shipped_parameters, symbol_of
from portfold.config.strict_json import exists
from portfold.weekly_windows import unknown_in, windows_of
from portfold.whole_rules import expected_of_tiers

_URL = re.compile(r"https?://[!-~]{1,2000}")
_ANY_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,31}://[!-~]{1,2000}")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class ConfigFile(Struct, frozen=True):
    """A file that was read. `packaged`: it is the program's own, as the folder has none of that name."""

    path: Path
    packaged: bool


class Files(Struct, frozen=True):
    """Where each part of the configuration came from."""

    portfolio: ConfigFile
    runtime: ConfigFile
    contracts: ConfigFile


class Configuration(Struct, frozen=True):
    """All of the configuration, checked.

    `contracts`: by symbol, one for every symbol named anywhere. `expected`: the days the portfolio was chosen
    for, None where they are not known.
    """

    portfolio: ConfiguredPortfolio
    runtime: Runtime
    contracts: Mapping[str, Contract]
    source: ConfigSource
    files: Files
    expected: ExpectedDays | None = None

    @property
    def max_contracts(self) -> int:
        """Returns the limit on contracts open at once: runtime.json's, else the number of positions."""
        return _max_contracts(self.portfolio, self.runtime)

    def digest(self) -> str:
        """SHA-256 of all values, in hexadecimal; layout and location of the files do not matter.

        A contract's own costs are left out too: changing them must not override an operator's limits.
        """
        limits = (self.portfolio.max_positions, self.portfolio.daily_stop_loss, self.portfolio.symbols)
        chosen = self.portfolio.rules.chosen()
        contracts = {symbol: contract.specification for symbol, contract in self.contracts.items()}
        values = (limits, self.runtime, contracts, *([chosen] if chosen else []))
        return hashlib.sha256(msgspec.json.encode(values, order="deterministic")).hexdigest()


def load(argument: str | None, environ: Mapping[str, str], cwd: Path) -> Configuration:
    """Loads the configuration to run with. `argument`: the `--config` folder, None if not given.

    Raises ConfigError; its subclass MissingConfigError if the folder asked for holds no
    portfolio_optimization.json. runtime.json and contracts.json may be missing: the packaged ones serve.
    """
    source = locate(argument, environ, cwd)
    if not exists(source.folder / PORTFOLIO_FILE):
        raise MissingConfigError(source.folder / PORTFOLIO_FILE)
    files = Files(
        portfolio=_choose(source, PORTFOLIO_FILE),
        runtime=_choose(source, RUNTIME_FILE),
        contracts=_choose(source, CONTRACTS_FILE),
    )
    portfolio = read_portfolio(files.portfolio.path)
    runtime = read_runtime(files.runtime.path)
    contracts = read_contracts(files.contracts.path, runtime)
    _check_symbols(portfolio, runtime, contracts, files)
    _check_sizes(portfolio, runtime, files)
    _check_tiers(portfolio, runtime, files)
    portfolio, expected = _expected(portfolio, source.folder / EXPECTED_FILE)
    return Configuration(portfolio, runtime, contracts, source, files, expected)


def _expected(portfolio: ConfiguredPortfolio, path: Path) -> tuple[ConfiguredPortfolio, ExpectedDays | None]:
    """Reads the days that are expected; those of another portfolio are passed over with a warning."""
    expected = read_expected(path)
    limits = (portfolio.symbols, portfolio.max_positions, portfolio.daily_stop_loss)
    if expected is None or expected.is_of(*limits):
        return portfolio, expected
    warning = (
        f"{path}: these days are of another portfolio (its symbols, max_positions or daily_stop_loss "
        "differ), and nothing is held against them; portfold research export writes both files."
    )
    return structs.replace(portfolio, warnings=(*portfolio.warnings, warning)), None


def with_archive(configuration: Configuration, folder: Path | None) -> Configuration:
    """Returns the same with another folder of history that is no longer on the server, where one is given."""
    if folder is None:
        return configuration
    return structs.replace(
        configuration, runtime=structs.replace(configuration.runtime, archive_folder=str(folder))
    )


def secret(
    configuration: Configuration,
    field: Literal["redis_password_env", "discord_webhook_env"],
    environ: Mapping[str, str],
) -> str | None:
    """Returns the secret in the variable that `field` names; None if it names none.

    Raises ConfigError if the variable is not set.
    """
    name: str | None = getattr(configuration.runtime, field)
    if name is None:
        return None
    return _in_environment(configuration, field, name, environ)


def webhook_url(configuration: Configuration, destination: str, environ: Mapping[str, str]) -> str | None:
    """Returns the address of a destination of alerts, from its variable or file; None for one that has none.

    Raises ConfigError if neither holds an address; the error never shows a value.
    """
    found = configuration.runtime.destinations[destination]
    if found.to == "log":
        return None
    own = destination in configuration.runtime.notifier.destinations
    where = joined("notifier.destinations", destination) if own else ""
    return _Addressed(configuration, where, found.url_env, found.url_file).address(
        environ, _ANY_SCHEME if found.to == "apprise" else _URL
    )


def dead_mans_url(configuration: Configuration, environ: Mapping[str, str]) -> str | None:
    """Returns the address of the dead man's switch; None where there is none. Raises ConfigError."""
    switch = configuration.runtime.notifier.dead_mans_switch
    if switch is None:
        return None
    where = "notifier.dead_mans_switch"
    return _Addressed(configuration, where, switch.url_env, switch.url_file).address(environ, _URL)


def is_webhook_url(text: str) -> bool:
    """Returns whether the text can be the address of a webhook."""
    return bool(_URL.fullmatch(text))


class _Addressed(NamedTuple):
    """What has an address: where it stands in runtime.json, empty for the short way, and what holds it."""

    configuration: Configuration
    where: str
    variable: str | None
    file: str | None

    def address(self, environ: Mapping[str, str], form: re.Pattern[str]) -> str:
        """Returns the address. Raises ConfigError, which never shows it."""
        path = self.configuration.files.runtime.path
        if self.variable is not None:
            field = f"{self.where}.url_env" if self.where else "discord_webhook_env"
            url = _in_environment(self.configuration, field, self.variable, environ)
            held = f"the environment variable {self.variable}"
        else:
            field, held = f"{self.where}.url_file", f"the file {self.file}"
            url = _first_line(path, field, Path(str(self.file)))
        if not form.fullmatch(url):
            example = "https://discord.com/api/…" if form is _URL else "ntfys://ntfy.sh/…"
            raise ConfigError(path, field, f"{held} to hold an address such as {example}", "something else")
        return url


def _first_line(runtime: Path, field: str, file: Path) -> str:
    """Returns the first line of a file with a secret. Raises ConfigError where others may read it."""
    try:
        if file.stat().st_mode & _OTHERS:
            expected = f"{file} to be readable by its owner alone (chmod 600)"
            raise ConfigError(runtime, field, expected, "a file that others can read")
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise ConfigError(runtime, field, f"{file} to be a file that can be read", str(why)) from None
    return text.partition("\n")[0].strip()


def _in_environment(configuration: Configuration, field: str, name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if not value:
        path = configuration.files.runtime.path
        raise ConfigError(path, field, f"the environment variable {name} to be set", "nothing")
    return value


def _choose(source: ConfigSource, name: str) -> ConfigFile:
    own = source.folder / name
    if source.asked_for and exists(own):
        return ConfigFile(own, packaged=False)
    return ConfigFile(PACKAGED / name, packaged=True)


def _check_symbols(
    portfolio: ConfiguredPortfolio, runtime: Runtime, contracts: Mapping[str, Contract], files: Files
) -> None:
    def check(symbol: str, path: Path, field: str) -> None:
        if symbol not in contracts:
            raise ConfigError(path, field, f"a symbol that {files.contracts.path} describes", f'"{symbol}"')

    for i, symbol in enumerate(portfolio.symbols):
        check(symbol, files.portfolio.path, f"portfolio_constraints.symbols[{i}]")
    for section, entries in (("bar_zones", runtime.bar_zones), ("workers", runtime.workers)):
        for key in entries:
            if key != DEFAULT:
                check(symbol_of(key), files.runtime.path, joined(section, key))
    _check_names(runtime, files)
    _check_windows(portfolio, contracts, files)


def _check_windows(portfolio: ConfiguredPortfolio, contracts: Mapping[str, Contract], files: Files) -> None:
    """Refuses a window of what is no symbol and no group: it would close nothing. Raises ConfigError."""
    rules = portfolio.rules
    expected = unknown_in(windows_of(rules.windows), groups_of(rules.groups), contracts)
    if expected:
        raise ConfigError(files.portfolio.path, "portfolio_constraints.windows", expected, rules.windows)


def _check_names(runtime: Runtime, files: Files) -> None:
    """Refuses two workers of one name: on the log they would be one. Raises ConfigError."""
    names: dict[str, str] = {}
    for key in runtime.workers:
        if key == DEFAULT:
            continue
        name = runtime.worker_name(key)
        if name in names:
            expected = f"a name of its own, SYMBOL:NAME, where {names[name]} is {name} already"
            raise ConfigError(files.runtime.path, joined("workers", key), expected, "none")
        names[name] = key


def _check_sizes(portfolio: ConfiguredPortfolio, runtime: Runtime, files: Files) -> None:
    """Refuses parameters that break a rule, and a worker's size above the limit: its every entry would be
    denied. Raises ConfigError.
    """
    for key, entry in runtime.workers.items():
        where = joined("workers", key)
        parameters = shipped_parameters(entry, files.runtime.path, where)
        if parameters is not None:
            section = where if parameters is entry else f"{where}.params"
            check_size(parameters, _max_contracts(portfolio, runtime), files.runtime.path, section)


def check_size(parameters: Struct, limit: int, path: Path, section: str) -> None:
    """Refuses parameters whose `size`, where they have one, is above the limit. Raises ConfigError."""
    size = getattr(parameters, "size", None)
    if isinstance(size, int) and size > limit:
        raise ConfigError(path, f"{section}.size", f"at most max_contracts, which is {limit}", str(size))


def _max_contracts(portfolio: ConfiguredPortfolio, runtime: Runtime) -> int:
    return portfolio.max_positions if runtime.max_contracts is None else runtime.max_contracts


def _check_tiers(portfolio: ConfiguredPortfolio, runtime: Runtime, files: Files) -> None:
    """Refuses a tier that denies larger entries than there can be: its author meant another one."""
    tiers, most = portfolio.rules.loss_tiers, _max_contracts(portfolio, runtime)
    expected = expected_of_tiers(tiers, portfolio.daily_stop_loss, most)
    if expected is not None:
        raise ConfigError(files.portfolio.path, "portfolio_constraints.loss_tiers", expected, tiers)
