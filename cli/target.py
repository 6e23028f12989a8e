"""Which portfolio a command is about: the options that all commands share, and how they are resolved."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from portfold.cli.exits import Unusable
from portfold.cli.typed import print_note

if TYPE_CHECKING:
    from portfold.config import Configuration
    from portfold.events.wire.bus import Bus


@Parameter(name="*", group="Which portfolio")
@dataclass(frozen=True)
class Target:
    """The options `--url`, `--portfolio` and `--config`."""

    url: Annotated[str | None, Parameter(env_var="PORTFOLD_URL")] = None
    """Redis or Valkey, such as redis://127.0.0.1:6379/0; by default what runtime.json says."""

    portfolio: str | None = None
    """The portfolio's name on that server; by default what runtime.json says."""

    config: str | None = None
    """The configuration's folder; by default PORTFOLD_CONFIG, ./config if there is one, the packaged one."""

    def resolve(self) -> "ResolvedTarget":
        """Loads the configuration and checks the options. Raises ConfigError, Unusable."""
        from portfold.config import load

        configuration = load(self.config, os.environ, Path.cwd())
        return ResolvedTarget(
            configuration=configuration,
            url=_checked_url(self.url) if self.url else configuration.runtime.redis_url,
            portfolio=_checked_name(self.portfolio) if self.portfolio else configuration.runtime.portfolio,
        )

    def bus(self) -> "Bus":
        """Returns the portfolio's bus, for an order. Raises ConfigError, Unusable.

        With address and name given, an unreadable configuration is only reported, since an order needs
        nothing else of it, and the kill switch has to work on bad days.
        """
        from portfold.config import ConfigError
        from portfold.events.fields import readable

        try:
            return self.resolve().bus()
        except (ConfigError, OSError) as error:  # OSError: the working folder itself is gone
            why = str(error)
        if self.url is None or self.portfolio is None:
            raise Unusable(f"{why} With --url and --portfolio an order needs no configuration.")
        print_note(f"going on without the configuration: {readable(why)}")
        return _bus(_checked_url(self.url), None, _checked_name(self.portfolio))


@dataclass(frozen=True)
class ResolvedTarget:
    """A configuration, the server's address and the portfolio's name on it."""

    configuration: "Configuration"
    url: str
    portfolio: str

    @property
    def password(self) -> str | None:
        """Returns the server's password from the variable that runtime.json names. Raises ConfigError.

        None where the address already holds a password, which then counts.
        """
        from portfold.config import secret
        from portfold.events.wire.connection import has_password

        if has_password(self.url):
            return None
        return secret(self.configuration, "redis_password_env", os.environ)

    @property
    def shown(self) -> str:
        """Names the portfolio and its server, without a password, for people."""
        from portfold.events.wire.connection import without_secrets

        return f"{self.portfolio} on {without_secrets(self.url)}"

    def bus(self) -> "Bus":
        """Returns the portfolio's bus, which connects when first used."""
        return _bus(self.url, self.password, self.portfolio)


def _bus(url: str, password: str | None, portfolio: str) -> "Bus":
    from portfold.events.wire.bus import Bus
    from portfold.events.wire.connection import connect

    return Bus(connect(url, password=password), portfolio)


def _checked_url(url: str) -> str:
    """Returns the address. Raises Unusable. A password is allowed here: secrets belong in the environment."""
    from portfold.config.errors import UnfitError
    from portfold.config.rules import RedisUrl

    scheme, slashes, rest = url.partition("://")
    try:
        RedisUrl().read(f"{scheme}{slashes}{rest.rpartition('@')[2]}")
    except UnfitError as error:
        raise Unusable(f"--url, or PORTFOLD_URL: {error}.") from error
    return url


def _checked_name(portfolio: str) -> str:
    from portfold.config.errors import UnfitError
    from portfold.config.runtime import PORTFOLIO_NAME

    try:
        return PORTFOLIO_NAME.read(portfolio)
    except UnfitError as error:
        raise Unusable(f"--portfolio: {error}, got {portfolio[:80]!r}.") from error
