"""Interactive Brokers as the configuration names it."""

import io
from pathlib import Path
from typing import Any

import pytest

from portfold.config import ConfigError, load
from portfold.log import open_log
from portfold.workers.brokers.contract_names import ContractNames
from portfold.workers.brokers.ibkr.broker import InteractiveBrokers
from portfold.workers.brokers.ibkr.contracts import wanted
from portfold.workers.brokers.protocol import BrokerError, BrokerSetup, sends_within
from portfold.workers.brokers.registry import is_paper, open_broker
from tests.processes import config_folder
from tests.workers.brokers.ibkr.tws_desk import MONTHS, PRICE, Desk


def setup_of(folder: Path, options: dict[str, Any], **fields: Any) -> BrokerSetup:
    runtime = {"broker": {"kind": "ibkr", "options": options}, **fields}
    configuration = load(str(config_folder(folder / "config", runtime=runtime)), {}, folder)
    log, lines = open_log("worker", target=io.StringIO())
    lines.close()
    return BrokerSetup(configuration, "ibs-ES", folder / "book.sqlite", log, {})


def test_the_configuration_opens_it_and_it_trades(desk: Desk, tmp_path: Path) -> None:
    options = {"port": desk.gateway.port, "contracts": MONTHS}
    setup = setup_of(tmp_path / "configured", options)
    broker = open_broker(setup)
    assert isinstance(broker, InteractiveBrokers)
    assert not is_paper(setup.configuration)
    assert sends_within(broker) < setup.configuration.runtime.reservation_seconds
    assert broker.enter("ES", "long", 1, PRICE).size == 1
    broker.close()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({}, "broker.options"),
        ({"port": 0}, "broker.options.port"),
        ({"port": 4002, "account": "all"}, "broker.options.account"),
        ({"port": 4002, "fill_seconds": 25}, "broker.options.fill_seconds"),
    ],
)
def test_a_wrong_option_is_named(tmp_path: Path, options: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigError, match=field):
        open_broker(setup_of(tmp_path, options))


@pytest.mark.parametrize(
    ("symbol", "name", "there", "month"),
    [
        ("ES", "ESZ2025", "ES", "202512"),
        ("6E", "6EH2026", "EUR", "202603"),
        ("CL", "CLF2026", "CL", "202601"),
    ],
)
def test_a_contract_is_looked_up_by_its_name_there_and_its_month(
    symbol: str, name: str, there: str, month: str
) -> None:
    fields = wanted(symbol, name, "CME", {})
    assert (fields["symbol"], fields["lastTradeDateOrContractMonth"]) == (there, month)


def test_a_name_in_the_configuration_goes_first_and_one_that_is_no_month_is_refused() -> None:
    assert wanted("ES", ContractNames(MONTHS).today("ES"), "CME", {"ES": "SPX"})["symbol"] == "SPX"
    with pytest.raises(BrokerError, match="Expected the contract of ES as ESZ2025, got 'ESZ5'"):
        wanted("ES", "ESZ5", "CME", {})


def test_without_the_package_the_configuration_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.brokers.ibkr.configured.find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"the package ib_async to be installed: .*\[ibkr\]"):
        open_broker(setup_of(tmp_path, {"port": 4002}))
