"""Which month is followed, by which name, and its roll on record."""

from datetime import date

import pytest

from portfold.workers.market.source import ContractListed, MarketRefused, MinuteBar, PriceUpdate, Roll
from portfold.workers.market.sources.ibkr.hours import read_hours
from portfold.workers.market.sources.ibkr.subscription import name_of, wanted
from tests.workers.market.ibkr.tws_feed import Market, feed

DAY = date(2026, 11, 30)
DAY_SECONDS = 86_400


@pytest.mark.parametrize(
    ("named", "shown", "month"),
    [
        ("ES", "ESZ2026", "202612"),
        ("ESZ6", "ESZ2026", "202612"),
        ("ESH7", "ESH2027", "202703"),
        ("ESZ26", "ESZ2026", "202612"),
        ("ESZ2026", "ESZ2026", "202612"),
        ("ESH0", "ESH2030", "203003"),
    ],
)
def test_a_month_is_named_as_exchange_and_broker_do(named: str, shown: str, month: str) -> None:
    (es,) = wanted({"ES": named})
    assert es.shown(DAY) == shown
    assert es.query(DAY, "CME", {})["lastTradeDateOrContractMonth"] == month


def test_the_brokers_own_names_are_asked_for() -> None:
    (euro,) = wanted({"6E": "6E"})
    assert euro.query(DAY, "CME", {})["symbol"] == "EUR"
    assert euro.query(DAY, "CME", {"6E": "ECU"})["symbol"] == "ECU"
    assert wanted({"6E": "6E.cont"})[0].query(DAY, "CME", {}) == {
        "secType": "CONTFUT",
        "symbol": "EUR",
        "exchange": "CME",
        "currency": "USD",
    }
    assert name_of("6E", "202612") == "6EZ6"


@pytest.mark.parametrize("named", ["ES.v.0", "ES Z6", "", "es"])
def test_what_can_be_no_future_is_refused(named: str) -> None:
    told = r"^market\.symbols\.ES: expected a future such as ES \(the month"
    with pytest.raises(MarketRefused, match=told):
        wanted({"ES": named})


def test_a_future_without_a_rule_needs_its_month() -> None:
    told = r"^market\.symbols\.ZQ: expected a contract such as ZQZ6, .* no rule says"
    with pytest.raises(MarketRefused, match=told):
        wanted({"ZQ": "ZQ"})


@pytest.mark.parametrize("named", ["ES", "ES.cont"])
def test_a_roll_is_on_record_and_prices_are_of_the_new_month(market: Market, named: str) -> None:
    market.at(12 * DAY_SECONDS)  # Sunday, the fourteenth; the rule leaves December on Monday
    with feed(market, {"ES": named}) as es:
        market.subscribed(es)
        market.exchange.trade("ESZ5", "5000.25")
        assert es.wait_for(PriceUpdate).contract == "ESZ5"
        assert ContractListed("ES", "ESZ5", "2025-12-19") in es.given
        if named == "ES.cont":
            market.exchange.contracts.remove(market.exchange.contract("ESZ5"))
        market.at(13 * DAY_SECONDS)
        roll = es.wait_for(Roll)
        assert (roll.before, roll.after) == ("ESZ5", "ESH6")
        market.subscribed(es, "ESH6")
        market.exchange.trade("ESH6", "5050")
        assert es.wait_for(PriceUpdate).contract == "ESH6"
        begin = 13 * DAY_SECONDS
        market.bars(begin + 60, begin + 120, "5060", "ESH6")
        assert es.wait_for(MinuteBar).contract == "ESH6"
        assert ContractListed("ES", "ESH6", "2026-03-20") in es.given
        assert "disconnected" not in es.notices()


def test_sessions_are_read_as_they_are_named() -> None:
    hours = read_hours("20251201:1700-20251202:1600;20251203:CLOSED;20251204:0830-1200", "US/Central")
    opens, closes = hours.sessions[0]
    assert (hours.is_open(opens - 1), hours.is_open(opens)) == (False, True)
    assert (hours.is_open(closes - 1), hours.is_open(closes)) == (True, False)
    assert closes - opens == 23 * 3_600_000
    assert hours.sessions[1][1] - hours.sessions[1][0] == 3.5 * 3_600_000


@pytest.mark.parametrize(
    ("text", "zone"), [("20251201:1700-20251202:1600", "Mars/North"), ("?", "UTC"), ("", "")]
)
def test_what_cannot_be_read_is_no_session(text: str, zone: str) -> None:
    assert read_hours(text, zone).sessions == ()
