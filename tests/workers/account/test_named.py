"""The account that is typed before a run with money: which name is taken, and which is not."""

from pathlib import Path
from typing import Any

import pytest

from portfold.config import Configuration, load
from portfold.workers.account.named import NotTheAccount, trading_the_named
from tests.processes import config_folder


def configured(folder: Path, broker: str = "ibkr", watched: str = "", **options: Any) -> Configuration:
    """A configuration with a broker and its options, and the account that is watched, if one is."""
    account = {"name": watched, "source": "file", "options": {"path": "/account.json"}} if watched else None
    runtime = {"broker": {"kind": broker, "options": options}, "account": account}
    return load(str(config_folder(folder / "config", runtime=runtime)), {}, folder)


def test_a_paper_account_at_interactive_brokers_is_the_one_that_the_gateway_is_asked_for(
    tmp_path: Path,
) -> None:
    trading = trading_the_named(configured(tmp_path, port=4002), "DU123", live=True)
    assert trading.runtime.broker.options == {"port": 4002, "account": "DU123"}


def test_a_live_account_at_interactive_brokers_has_to_stand_in_the_file_as_well(tmp_path: Path) -> None:
    with pytest.raises(NotTheAccount, match=r"U123 is no paper account .*broker\.options\.account\) as well"):
        trading_the_named(configured(tmp_path, port=4001), "U123", live=True)
    named = configured(tmp_path / "named", port=4001, account="U123")
    assert trading_the_named(named, "U123", live=True) == named


@pytest.mark.parametrize("typed", ["U124", "u123", "U123 "])
def test_another_than_the_files_is_refused_to_the_letter(tmp_path: Path, typed: str) -> None:
    with pytest.raises(NotTheAccount, match=r"--account: expected U123, .*\(broker\.options\.account\), got"):
        trading_the_named(configured(tmp_path, account="U123"), typed, live=True)


def test_with_another_broker_it_has_to_be_the_one_that_is_watched(tmp_path: Path) -> None:
    watched = configured(tmp_path, "traderspost", "DEMO1", webhook_url_env="X")
    assert trading_the_named(watched, "DEMO1", live=True) == watched
    with pytest.raises(NotTheAccount, match=r"expected DEMO1, .*\(account\.name\), got DEMO2"):
        trading_the_named(watched, "DEMO2", live=True)


@pytest.mark.parametrize("nothing", [None, ""])
def test_with_money_one_is_named(tmp_path: Path, nothing: str | None) -> None:
    with pytest.raises(NotTheAccount, match=r"--live: expected --account NAME"):
        trading_the_named(configured(tmp_path, account="U123"), nothing, live=True)


def test_on_paper_none_is(tmp_path: Path) -> None:
    assert trading_the_named(configured(tmp_path), None, live=False).runtime.broker.kind == "ibkr"
    with pytest.raises(NotTheAccount, match="--account: expected with --live alone"):
        trading_the_named(configured(tmp_path / "again"), "U123", live=False)
