"""Which portfolio a command is about: the options that all commands share, and how they are resolved."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from portfold.cli.exits import Unusable
from portfold.cli.typed import print_note
from portfold.events.roles.server_roles import AUDITOR, OPERATOR, ServerRole

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from portfold.config import Configuration
    from portfold.events.wire.bus import Bus


@Parameter(name="*", group="Which portfolio")
@dataclass(frozen=True)
class Target:
    """The options `--url`, `--portfolio` and `--config`."""

    url: Annotated[str | None, Parameter(env_var="PORTFOLD_URL")] = field(default=None, repr=False)
    """Redis or Valkey, such as redis://127.0.0.1:6379/0; by default what runtime.json says."""

    portfolio: str | None = None
    """The portfolio's name on that server; by default what runtime.json says."""

    config: str | None = None
    """The configuration's folder; by default PORTFOLD_CONFIG, ./config if there is one, the packaged one."""

    def resolve(
        self, role: ServerRole | None = AUDITOR, environ: Mapping[str, str] = os.environ
    ) -> "ResolvedTarget":
        """Loads the configuration and checks the options. Raises ConfigError, Unusable.

        `role`: as whom the command comes to a server that has users, None for as nobody yet.
        """
        from portfold.config import load

        configuration = load(self.config, environ, Path.cwd())
        resolved = ResolvedTarget(
            configuration=configuration,
            url=_checked_url(self.url) if self.url else configuration.runtime.redis_url,
            portfolio=_checked_name(self.portfolio) if self.portfolio else configuration.runtime.portfolio,
            environ=environ,
        )
        return resolved if role is None else resolved.under(role)

    def bus(self, role: ServerRole = OPERATOR, environ: Mapping[str, str] = os.environ) -> "Bus":
        """Returns the portfolio's bus, for an order. Raises ConfigError, Unusable.

        With address and name given, an unreadable configuration is only reported, since an order needs
        nothing else of it, and the kill switch has to work on bad days.
        """
        from portfold.config import ConfigError
        from portfold.events.fields import readable

        try:
            return self.resolve(role, environ).bus()
        except (ConfigError, OSError) as error:  # OSError: the working folder itself is gone
            why = str(error)
        if self.url is None or self.portfolio is None:
            raise Unusable(f"{why} With --url and --portfolio an order needs no configuration.")
        print_note(f"going on without the configuration: {readable(why)}")
        portfolio = _checked_name(self.portfolio)
        return _bus(_under(role, _checked_url(self.url), portfolio, environ), None, portfolio, environ)


@dataclass(frozen=True)
class ResolvedTarget:
    """A configuration, the server's address and the portfolio's name on it, in an environment."""

    configuration: "Configuration"
    url: str = field(repr=False)
    portfolio: str
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False, compare=False)

    def under(self, role: ServerRole) -> "ResolvedTarget":
        """Returns the same as the server's user of that role, as soon as the file of passwords is known.

        PORTFOLD_CREDENTIALS names it; that of a server of our own in the usual folder is found, also where
        that is started later. An address that holds a user already counts as it is. Raises CredentialsError.
        """
        known = _under(role, self.url, self.portfolio, self.environ)
        return self if self._has_password_of_its_own(known) else replace(self, url=known)

    def _has_password_of_its_own(self, known: str) -> bool:
        """Returns whether the configuration's password is that of a server which no file is known of."""
        from portfold.events.wire.connection import has_password

        named = self.configuration.runtime.redis_password_env
        return named is not None and not has_password(known, self.environ)

    @property
    def password(self) -> str | None:
        """Returns the server's password from the variable that runtime.json names. Raises ConfigError.

        None where the address already holds a password, or a file is known that does, which then counts.
        """
        from portfold.config import secret
        from portfold.events.wire.connection import has_password

        if has_password(self.url, self.environ):
            return None
        return secret(self.configuration, "redis_password_env", self.environ)

    @property
    def zone(self) -> "ZoneInfo":
        """Returns the exchange's time zone, which is that of every line for people."""
        from zoneinfo import ZoneInfo

        return ZoneInfo(self.configuration.runtime.trading_day.zone)

    @property
    def shown(self) -> str:
        """Names the portfolio and its server, without a password, for people."""
        from portfold.events.wire.connection import without_secrets

        return f"{self.portfolio} on {without_secrets(self.url)}"

    def bus(self) -> "Bus":
        """Returns the portfolio's bus, which connects when first used."""
        return _bus(self.url, self.password, self.portfolio, self.environ)


def _under(role: ServerRole, url: str, portfolio: str, environ: Mapping[str, str]) -> str:
    """Returns the address by which one is the user of that role; notes it where a file is not used for it."""
    from portfold.events.wire.connection import as_role, has_user, without_secrets
    from portfold.servers.own import credentials_file

    if has_user(url):
        return url
    known = as_role(url, role.user(portfolio), environ)
    if known == url:
        print_note(
            f"{credentials_file(url, environ)} is of an embedded server on this machine, so it is not used "
            f"for {without_secrets(url)}"
        )
    return known


def _bus(url: str, password: str | None, portfolio: str, environ: Mapping[str, str]) -> "Bus":
    from portfold.events.wire.bus import Bus
    from portfold.events.wire.connection import connect

    return Bus(connect(url, password=password, environ=environ), portfolio, environ)


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
