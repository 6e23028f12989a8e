"""runtime.json: what is subscribed to and which account is watched; each mistake is named by its field."""

from decimal import Decimal
from pathlib import Path

import pytest

from portfold.config import ConfiguredAccount, ConfiguredMarket
from portfold.config.reading import read_strict
from tests.config.conftest import RUNTIME as FILE
from tests.config.conftest import Folder

MARKET: dict[str, object] = {"source": "databento", "symbols": {"ES": "ES.v.0"}}
ACCOUNT: dict[str, object] = {"name": "DU1234567", "source": "ibkr"}
OF_ONES_OWN = 'or "FILE.py:NAME" for one of your own'


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"source": "Reuters!"}, f'source: expected a source such as "databento", {OF_ONES_OWN}'),
        ({"symbols": {}}, "symbols: expected the symbols to subscribe to, got none"),
        ({"symbols": {"es": "ES.v.0"}}, "symbols.es: expected a symbol of 1 to 12 capitals or digits"),
        ({"symbols": {"ES": ""}}, "symbols.ES: expected the vendor's name of the symbol, such as ES.v.0"),
        ({"options": ["ohlcv-1s"]}, "options: expected an object, got a list"),
        ({"price_stale_seconds": 0}, "price_stale_seconds: expected a number of seconds from 0.01 to 86400"),
        ({"keep_minutes": 59}, "keep_minutes: expected a whole number of minutes from 60 to 100000, got 59"),
        (
            {"keep_minutes": 60, "warm_up_minutes": 61},
            "warm_up_minutes: expected at most keep_minutes, which is 60, got 61",
        ),
        (
            {"stale_seconds": 60},
            "stale_seconds: expected a known key (the nearest is price_stale_seconds), got an unknown key",
        ),
    ],
)
def test_what_cannot_be_subscribed_to_is_refused(
    folder: Folder, change: dict[str, object], told: str
) -> None:
    folder.change(FILE, "market", MARKET | change)
    assert folder.refusal().startswith(f"{FILE}: market.{told}")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "DU 1"}, "name: expected the account's name at the broker, such as DU1234567"),
        ({"source": "IB"}, f'source: expected a source such as "ibkr", {OF_ONES_OWN}'),
        ({"report_seconds": 601}, "report_seconds: expected a number of seconds from 0.01 to 600"),
        ({"grace_seconds": 0}, "grace_seconds: expected a number of seconds from 0.01 to 3600"),
        ({"tolerance": "5"}, "tolerance: expected a number of dollars from 0 to 999999999.99 with at most 2"),
        ({"tolerance": -1}, "tolerance: expected a number of dollars from 0"),
        (
            {"report_seconds": 15},
            "silent_seconds: expected more than twice report_seconds, which is 15, got 30",
        ),
        ({"on_silence": "halt"}, 'on_silence: expected "tell" or "deny", got "halt"'),
        ({"grace": 10}, "grace: expected one of name, source, options, report_seconds, grace_seconds,"),
    ],
)
def test_an_account_that_cannot_be_watched_so_is_refused(
    folder: Folder, change: dict[str, object], told: str
) -> None:
    folder.change(FILE, "account", ACCOUNT | change)
    assert folder.refusal().startswith(f"{FILE}: account.{told}")


def test_what_is_left_out_is_as_the_docs_say() -> None:
    market = read_strict(ConfiguredMarket, MARKET, Path(FILE))
    assert (market.price_stale_seconds, market.keep_minutes, market.warm_up_minutes) == (60, 14_400, 0)
    account = read_strict(ConfiguredAccount, ACCOUNT, Path(FILE))
    assert (account.report_seconds, account.grace_seconds, account.tolerance) == (5, 10, Decimal(5))
    assert (account.silent_seconds, account.on_silence) == (30, "tell")
