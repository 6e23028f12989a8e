"""TradersPost as the configuration describes it; its address from the environment, and from nowhere else.

"broker": {"kind": "traderspost", "options": {"webhook_url_env": "TRADERSPOST_URL"}}
"""

import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Struct, field

from portfold.config import ConfigError
from portfold.config.rules import Duration, EnvironmentName, Symbol, Text
from portfold.workers.brokers.contract_names import ContractNames
from portfold.workers.brokers.protocol import BrokerSetup
from portfold.workers.brokers.traderspost.broker import TradersPost
from portfold.workers.brokers.traderspost.webhook import Webhook, longest_seconds

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ADDRESS = re.compile(r"[!-~]{1,2000}")


class _Options(Struct, frozen=True):
    """`webhook_url_env` names the variable that holds the address; `contracts` the contract to trade, by
    symbol, where it is not the one that `contract_month` gives.
    """

    webhook_url_env: EnvironmentName
    timeout_seconds: Annotated[float, Duration(60)] = 5.0
    contracts: Mapping[Symbol, Annotated[str, Text(r"[A-Z0-9]{2,20}", "a contract such as CLZ2025")]] = field(
        default_factory=dict
    )


def open_traderspost(setup: BrokerSetup) -> TradersPost:
    """Returns the broker of kind `traderspost`. Raises ConfigError, BrokerError."""
    options = setup.options(_Options)
    _check_timeout(setup, options.timeout_seconds)
    return TradersPost(
        setup.book,
        setup.owner,
        setup.configuration.contracts,
        webhook=Webhook(
            _address(setup, options.webhook_url_env), timeout_seconds=options.timeout_seconds, log=setup.log
        ),
        send_seconds=longest_seconds(options.timeout_seconds),
        names=ContractNames(options.contracts),
        log=setup.log,
    )


def _check_timeout(setup: BrokerSetup, timeout_seconds: float) -> None:
    """Raises ConfigError for a timeout that outlasts a slot: sending must end while the slot is reserved."""
    runtime = setup.configuration.runtime
    longest = runtime.answer_seconds + longest_seconds(timeout_seconds)
    if longest >= runtime.reservation_seconds:
        field = "broker.options.timeout_seconds"
        expected = (
            f"less, as an answer and sending then take up to {longest:g} s, or reservation_seconds to be "
            f"more than that, which is {runtime.reservation_seconds:g}"
        )
        raise ConfigError(setup.configuration.files.runtime.path, field, expected, f"{timeout_seconds:g}")


def _address(setup: BrokerSetup, variable: str) -> str:
    """Returns the webhook's address, which no error shows: it holds a password."""
    field, value = "broker.options.webhook_url_env", setup.environ.get(variable, "")
    runtime = setup.configuration.files.runtime.path
    if not value:
        raise ConfigError(runtime, field, f"the environment variable {variable} to be set", "nothing")
    try:
        parts = urlsplit(value)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        fits = secure and bool(parts.hostname) and bool(_ADDRESS.fullmatch(value)) and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        expected = f"the environment variable {variable} to hold an address that begins with https://"
        raise ConfigError(runtime, field, expected, "something else, which is not shown")
    return value
