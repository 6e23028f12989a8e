"""Tradovate as the configuration describes it; each secret from the environment, and from nowhere else.

"account": {"name": "DEMO12345", "source": "tradovate", "options": {"host": "demo",
            "name_env": "TRADOVATE_NAME", "password_env": "TRADOVATE_PASSWORD",
            "client_id_env": "TRADOVATE_CID", "secret_env": "TRADOVATE_SECRET"}}
"""

from typing import Annotated, Literal

from msgspec import Struct

from portfold.clock import SystemClock
from portfold.config import ConfigError
from portfold.config.rules import Duration, EnvironmentName, Text
from portfold.workers.account.source import AccountSetup
from portfold.workers.account.tradovate.client import TradovateClient
from portfold.workers.account.tradovate.credentials import Credentials
from portfold.workers.account.tradovate.http import Http
from portfold.workers.account.tradovate.pauses import Pauses
from portfold.workers.account.tradovate.source import TradovateSource

_HOSTS = {"demo": "https://demo.tradovateapi.com/v1", "live": "https://live.tradovateapi.com/v1"}
_SECONDS_ALLOWED = 2.5
"""Three requests a reading; 5,000 an hour are allowed."""
_STAND_IN = Text(
    r"https://[A-Za-z0-9.:/-]{1,200}|http://(?:127\.0\.0\.1|localhost)[0-9A-Za-z.:/-]{0,200}",
    "an address that begins with https://, or with http:// on this machine",
)


class TradovateOptions(Struct, frozen=True):
    """The variables that hold the login, which account it is in by `host`, and how often it is read.

    `url`: something that stands in for Tradovate's host, such as a fake.
    """

    host: Literal["demo", "live"]
    name_env: EnvironmentName
    password_env: EnvironmentName
    client_id_env: EnvironmentName
    secret_env: EnvironmentName
    app_id: Annotated[str, Text(r"[ -~]{1,64}", "the name of the API key")] = "portfold"
    timeout_seconds: Annotated[float, Duration(60)] = 5.0
    seconds_between_reads: Annotated[float, Duration(300)] = 3.0
    url: Annotated[str, _STAND_IN] | None = None


def open_tradovate(setup: AccountSetup) -> TradovateSource:
    """Returns the source of kind `tradovate`, which has asked nothing yet. Raises ConfigError."""
    options = setup.options(TradovateOptions)
    _check_pace(setup, options)
    clock = SystemClock()
    pauses = Pauses(clock)
    credentials = Credentials(
        _secret(setup, "name_env", options.name_env),
        _secret(setup, "password_env", options.password_env),
        options.app_id,
        _secret(setup, "client_id_env", options.client_id_env),
        _secret(setup, "secret_env", options.secret_env),
    )
    http = Http(options.url or _HOSTS[options.host], options.timeout_seconds)
    return TradovateSource(
        TradovateClient(http, credentials, pauses, clock, setup.log),
        pauses,
        name=setup.account.name,
        seconds_between_reads=options.seconds_between_reads,
        log=setup.log,
    )


def _check_pace(setup: AccountSetup, options: TradovateOptions) -> None:
    seconds = options.seconds_between_reads
    if options.url is None and seconds < _SECONDS_ALLOWED:
        expected = f"at least {_SECONDS_ALLOWED:g}, as Tradovate allows 5,000 requests an hour"
    elif seconds > setup.account.report_seconds:
        expected = f"no more than account.report_seconds, which is {setup.account.report_seconds:g}"
    else:
        return
    field = "account.options.seconds_between_reads"
    raise ConfigError(setup.configuration.files.runtime.path, field, expected, f"{seconds:g}")


def _secret(setup: AccountSetup, option: str, variable: str) -> str:
    """Returns what the variable holds, which no error shows. Raises ConfigError where it holds nothing."""
    value = setup.environ.get(variable, "")
    if not value:
        expected = f"the environment variable {variable} to be set"
        runtime = setup.configuration.files.runtime.path
        raise ConfigError(runtime, f"account.options.{option}", expected, "nothing")
    return value
