"""Interactive Brokers as the configuration describes it.

"broker": {"kind": "ibkr", "options": {"port": 4002}}

The gateway's ports are 4002 for paper and 4001 for live; those of TWS 7497 and 7496.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Annotated

from msgspec import Struct, field

from portfold.config import ConfigError
from portfold.config.rules import Duration, Symbol, Text, Whole
from portfold.installing import install_command
from portfold.workers.brokers.contract_names import ContractNames
from portfold.workers.brokers.ibkr.broker import InteractiveBrokers
from portfold.workers.brokers.ibkr.resting.desk_connection import Gateway
from portfold.workers.brokers.ibkr.sending import Waits
from portfold.workers.brokers.protocol import BrokerSetup


class IbkrOptions(Struct, frozen=True):
    """`account` names the one to trade: none is needed for the only paper account, a live one is always.

    `contracts` names the contract to trade, by symbol, where it is not the one that `contract_month` gives;
    `names` what Interactive Brokers calls a future that it does not call as the exchange does.
    """

    port: Annotated[int, Whole(1, 65_535)]
    host: Annotated[str, Text(r"[A-Za-z0-9.:-]{1,253}", "a host such as 127.0.0.1")] = "127.0.0.1"
    account: Annotated[str, Text(r"[A-Z]{1,3}[0-9]{4,12}", "an account such as DU1234567")] | None = None
    first_client_id: Annotated[int, Whole(1, 1_000_000)] = 101
    fill_seconds: Annotated[float, Duration(300)] = 5.0
    connect_seconds: Annotated[float, Duration(60)] = 10.0
    contracts: Mapping[Symbol, Annotated[str, Text(r"[A-Z0-9]{2,20}", "a contract such as CLZ2025")]] = field(
        default_factory=dict
    )
    names: Mapping[Symbol, Annotated[str, Text(r"[A-Z0-9]{1,20}", "a name such as EUR")]] = field(
        default_factory=dict
    )


def open_ibkr(setup: BrokerSetup) -> InteractiveBrokers:
    """Returns the broker of kind `ibkr`. Raises ConfigError, BrokerError."""
    options = setup.options(IbkrOptions)
    waits = Waits(fill=options.fill_seconds)
    _check_installed(setup)
    _check_waits(setup, options, waits)
    return InteractiveBrokers(
        setup.book,
        setup.owner,
        setup.configuration.contracts,
        gateway=Gateway(
            options.host,
            options.port,
            options.first_client_id,
            options.account,
            options.names,
            options.connect_seconds,
        ),
        waits=waits,
        names=ContractNames(options.contracts),
        log=setup.log,
    )


def _check_installed(setup: BrokerSetup) -> None:
    if find_spec("ib_async") is None:
        runtime = setup.configuration.files.runtime.path
        expected = f"the package ib_async to be installed: {install_command('ibkr')}"
        raise ConfigError(runtime, "broker.kind", expected, "ibkr without it")


def _check_waits(setup: BrokerSetup, options: IbkrOptions, waits: Waits) -> None:
    """Raises ConfigError for waits that outlast a slot: an entry must be over while the slot is reserved."""
    runtime = setup.configuration.runtime
    longest = runtime.answer_seconds + waits.longest
    if longest >= runtime.reservation_seconds:
        expected = (
            f"less, as an answer and an entry then take up to {longest:g} s, or reservation_seconds to be "
            f"more than that, which is {runtime.reservation_seconds:g}"
        )
        raise ConfigError(
            setup.configuration.files.runtime.path,
            "broker.options.fill_seconds",
            expected,
            f"{options.fill_seconds:g}",
        )
