"""What Interactive Brokers refuses is a sentence with a remedy; only what no waiting mends ends the feed."""

import subprocess
import sys
from decimal import Decimal

import pytest
from msgspec.structs import replace

from portfold.workers.market.source import MarketRefused, MinuteBar, PriceUpdate
from tests.processes import ROOT
from tests.workers.market.ibkr.tws_feed import CONTRACTS, TEN, Market, feed


def refusal(market: Market, symbols: dict[str, str], **named: object) -> str:
    """The sentence that the feed ends with."""
    with feed(market, symbols, **named) as es, pytest.raises(MarketRefused) as refused:  # type: ignore[arg-type]
        es.wait_for(MinuteBar, lambda _: False)
    return str(refused.value)


NO_DATA = (
    "Interactive Brokers gives this user no live prices: subscribe to the exchange's data in the client "
    "portal, and share it with the paper user. Delayed data is no data."
)


def test_prices_that_are_not_subscribed(market: Market) -> None:
    market.gateway.misbehaviour.no_market_data = 354
    assert refusal(market, {"ES": "ES"}).startswith(f"{NO_DATA} It said: ES: ")


@pytest.mark.parametrize("code", [10089, 10167, 10186])
def test_any_other_word_for_it(market: Market, code: int) -> None:
    market.gateway.misbehaviour.no_market_data = code
    assert refusal(market, {"ES": "ES"}).startswith(f"{NO_DATA} It said: ES: ")


def test_delayed_prices_are_none(market: Market) -> None:
    market.gateway.misbehaviour.data_type = 3
    said = " It said: it would give delayed prices of ES. (10167)"
    assert refusal(market, {"ES": "ES"}) == NO_DATA + said


def test_a_past_that_is_not_subscribed(market: Market) -> None:
    text = "Historical Market Data Service error message:No market data permissions for CME FUT"
    market.gateway.misbehaviour.history += [(162, text), (162, text)]
    sentence = refusal(market, {"ES": "ES"}, since_ms=TEN - 120_000)
    assert sentence == f"{NO_DATA} It said: {text} (162)"


def test_data_that_goes_to_another_session_of_the_user_is_waited_for(market: Market) -> None:
    market.gateway.misbehaviour.no_market_data = 10197
    with feed(market, {"ES": "ES"}) as es:
        assert es.notice("disconnected").sentence.startswith(
            "The live prices go to another session of the same user: end that, or use another user."
        )
        market.gateway.misbehaviour.no_market_data = None
        market.subscribed(es)


def test_what_ends_later_is_told_and_waited_for(market: Market) -> None:
    with feed(market, {"ES": "ES"}) as es:
        market.subscribed(es)
        market.exchange.trade("ESZ5", "5000.25")
        es.wait_for(PriceUpdate)
        market.gateway.misbehaviour.no_market_data = 354
        market.gateway.hang_up()
        es.notice("disconnected")
        assert es.notice("disconnected").sentence.startswith(NO_DATA)


@pytest.mark.parametrize("named", ["ESM9", "CLZ5", "GC.cont"])
def test_an_unknown_contract(market: Market, named: str) -> None:
    symbol = named[:2]
    assert refusal(market, {symbol: named}).startswith(f"Interactive Brokers knows no contract {named[:2]}")


def test_another_contract_than_ours(market: Market) -> None:
    other = {"ES": replace(CONTRACTS["ES"], tick_value=Decimal(5))}
    assert refusal(market, {"ES": "ES"}, contracts=other) == (
        "A point of ESZ2025 is worth 50 dollars at Interactive Brokers and 20 in contracts.json: nothing is "
        "sent before both agree"
    )


def test_a_symbol_that_is_no_longer_known_leaves_the_others_alone(market: Market) -> None:
    with feed(market, {"ES": "ESZ5", "NQ": "NQZ5"}) as both:
        market.subscribed(both, "ESZ5", "NQZ5")
        market.exchange.trade("ESZ5", "5000.25")
        both.wait_for(PriceUpdate)
        market.exchange.contracts.remove(market.exchange.contract("NQZ5"))
        market.gateway.hang_up()
        assert both.notice("refused").symbols == ("NQ",)
        market.subscribed(both)
        market.bars(60, 120, "5010")
        market.at(190)
        both.wait_for(MinuteBar)


def test_the_client_is_imported_whole_before_the_thread_of_a_session_needs_a_part_of_it() -> None:
    source = (
        "import sys; from portfold.workers.market.sources.ibkr.source import *; "
        "IbkrSource(MarketSetup({'ES': 'ESZ6'}, {}, {'port': 1}, {}, None, None, None)); "
        "assert {'ib_async.client', 'ib_async.contract'} <= set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", source], check=True, timeout=60, cwd=ROOT)
