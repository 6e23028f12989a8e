"""What breaks is told once and mended: nothing is lost of a minute, and nothing is in it twice."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from portfold.workers.market.source import MINUTE_MS, MinuteBar, MinuteEnd, Notice, PriceUpdate
from tests.waiting import until
from tests.workers.market.given import Desk
from tests.workers.market.ibkr.tws_feed import QUICK, TEN, Market, feed, shown

MARKET_FARM = "Market data farm connection is {}:usfuture"
PAST_FARM = "HMDS data farm connection is {}:ushmds"


def loses_servers(market: Market) -> None:
    market.gateway.lose_connectivity()


def hangs_up(market: Market) -> None:
    market.gateway.hang_up()


def loses_farm(market: Market) -> None:
    market.gateway.tell_error(2103, MARKET_FARM.format("broken"))


def loses_past(market: Market) -> None:
    market.gateway.tell_error(2105, PAST_FARM.format("broken"))


BREAKS: dict[str, tuple[Callable[[Market], None], Callable[[Market], None]]] = {
    "hangs up": (hangs_up, lambda _: None),
    "restarts at night": (lambda market: market.gateway.stop(), lambda market: market.gateway.start()),
    "1101": (loses_servers, lambda market: market.gateway.restore_connectivity(keep_data=False)),
    "1102": (loses_servers, lambda market: market.gateway.restore_connectivity(keep_data=True)),
    "2103": (loses_farm, lambda market: market.gateway.tell_error(2104, MARKET_FARM.format("OK"))),
    "2105": (loses_past, lambda market: market.gateway.tell_error(2106, PAST_FARM.format("OK"))),
}
SENTENCES = {
    "hangs up": "The connection is lost to Interactive Brokers: the gateway closed the connection.",
    "restarts at night": "The connection is lost to Interactive Brokers: the gateway closed the connection.",
    "1101": "TWS, or the gateway, has lost its servers. It said: Connectivity between IB and Trader",
    "1102": "TWS, or the gateway, has lost its servers. It said: Connectivity between IB and Trader",
    "2103": "Interactive Brokers has lost the servers that prices come from. It said: Market data farm",
    "2105": "Interactive Brokers has lost the servers that prices come from. It said: HMDS data farm",
}


def running(market: Market, es: Desk) -> None:
    """A feed that has given the second minute, and is in the third."""
    market.live(es)
    market.bars(60, 150, "5010")
    es.wait_for(MinuteBar)


@pytest.mark.parametrize("how", BREAKS)
def test_a_minute_is_whole_though_the_connection_broke_in_it(market: Market, how: str) -> None:
    begins, ends = BREAKS[how]
    with feed(market, {"ES": "ES"}) as es:
        running(market, es)
        begins(market)
        assert es.notice("disconnected").sentence.startswith(SENTENCES[how])
        market.bars(150, 240, "5020", told=False)  # nobody hears it
        ends(market)
        es.wait_for(MinuteBar)
        market.bars(240, 300, "5030", told=False)
        market.bars(300, 305, "5040")
        es.notice("reconnected")
        market.subscribed(es)
        market.bars(305, 360, "5040")
        es.wait_for(MinuteBar, lambda each: each.end_ms == TEN + 6 * MINUTE_MS)
        assert shown(es.bars()) == ["2: 5010 24", "3: 5020 24", "4: 5020 24", "5: 5030 24", "6: 5040 24"]
        told = [each for each in es.given if isinstance(each, Notice) and each.kind != "disconnected"]
        assert [each.kind for each in told] == ["reconnected"], "no gap, and told once"


def test_while_the_servers_are_away_no_minute_is_over(market: Market) -> None:
    with feed(market, {"ES": "ES"}) as es:
        running(market, es)
        market.gateway.lose_connectivity()
        es.notice("disconnected")
        market.bars(150, 400, "5020", told=False)
        for _ in range(4):
            es.one()
        ends = [each.end_ms for each in es.given if isinstance(each, MinuteEnd)]
        assert max(ends) == TEN + 2 * MINUTE_MS


def test_a_gateway_that_comes_up_without_its_servers_is_waited_for(market: Market) -> None:
    market.gateway.lose_connectivity()
    with feed(market, {"ES": "ES"}) as es:
        assert es.notice("disconnected").sentence.startswith("TWS, or the gateway, has lost its servers.")
        market.gateway.restore_connectivity(keep_data=True)
        es.notice("reconnected")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (2108, "Market data farm connection is inactive but should be available upon demand.usfuture"),
        (2107, "HMDS data farm connection is inactive but should be available upon demand.ushmds"),
        (2103, "Market data farm connection is broken:eufarm"),
        (2104, "Market data farm connection is OK:usfuture"),
        (1102, "Connectivity between IB and Trader Workstation has been restored - data maintained."),
    ],
)
def test_what_concerns_no_price_is_no_break(market: Market, code: int, text: str) -> None:
    with feed(market, {"ES": "ES"}) as es:
        running(market, es)
        market.gateway.tell_error(code, text)
        market.bars(150, 180, "5020")
        es.wait_for(MinuteBar)
        assert es.notices() == []


def test_a_client_id_in_use_is_told_once_and_waited_for(market: Market) -> None:
    market.gateway.misbehaviour.client_ids_taken.add(99)
    with feed(market, {"ES": "ES"}) as es:
        assert es.notice("disconnected").sentence == (
            "Client id 99 is in use at Interactive Brokers by another program: end that, or name another id, "
            "market.options.client_id. It said: Unable to connect as the client id is already in use. Retry "
            "with a unique client id. (326)"
        )
        until(lambda: es.one() or sum("next_in_seconds" in line for line in es.lines) > 3, "some attempts")
        market.gateway.misbehaviour.client_ids_taken.clear()
        es.notice("reconnected")
        assert es.notices() == ["disconnected", "reconnected"]


def test_a_gateway_that_is_not_there_is_told_once_and_tried_again(market: Market) -> None:
    market.gateway.stop()
    with feed(market, {"ES": "ES"}) as es:
        told = es.notice("disconnected").sentence
        assert told.startswith("No connection to Interactive Brokers: ")
        until(lambda: es.one() or sum("next_in_seconds" in line for line in es.lines) > 3, "some attempts")
        market.gateway.start()
        es.notice("reconnected")


def test_a_gateway_that_falls_silent_is_given_up(market: Market) -> None:
    soon = Decimal(1)
    with feed(market, {"ES": "ES"}, connect_seconds=soon, answer_seconds=soon) as es:
        market.subscribed(es)
        market.gateway.misbehaviour.silent = True
        assert es.notice("disconnected").sentence.endswith("it did not answer in time.")
        until(lambda: es.one() or not market.gateway.clients(), "the connection to be given up")
        market.gateway.misbehaviour.silent = False
        market.subscribed(es)
        market.exchange.trade("ESZ5", "5011")
        es.notice("reconnected")


def test_prices_come_again_before_the_minute_is_whole(market: Market) -> None:
    with feed(market, {"ES": "ES"}) as es:
        running(market, es)
        market.gateway.hang_up()
        es.notice("disconnected")
        market.subscribed(es)
        assert es.notices() == ["disconnected"]
        market.exchange.trade("ESZ5", "5011")
        es.notice("reconnected")
        es.wait_for(PriceUpdate, lambda each: each.price == 5011)


def test_a_slow_reader_is_told_and_loses_nothing(market: Market) -> None:
    with feed(market, {"ES": "ES"}, patience=QUICK._replace(most_items=40)) as es:
        running(market, es)
        market.bars(150, 420, "5020")  # and nobody reads
        es.notice("slow_reader")
        es.wait_for(MinuteBar, lambda each: each.end_ms == TEN + 6 * MINUTE_MS)
        market.at(490)
        es.notice("reconnected")
        assert shown(es.bars())[-3:] == ["5: 5020 24", "6: 5020 24", "7: 5020 24"]
        assert "gap" not in es.notices()


def test_the_pacing_rules_are_waited_for(market: Market) -> None:
    market.gateway.misbehaviour.history.append(
        (162, "Historical Market Data Service error message:Historical data request pacing violation")
    )
    market.bars(-120, -60, "4990", told=False)
    market.at(0)
    with feed(market, {"ES": "ES"}, since_ms=TEN - 2 * MINUTE_MS) as es:
        es.wait_for(MinuteBar)
        assert shown(es.bars()) == ["-1: 4990 24"]
        assert es.notices() == []
    assert market.exchange.past_asked[0] == market.exchange.past_asked[1], "asked again"


def test_what_the_past_does_not_have_is_a_gap(market: Market) -> None:
    refused = (162, "Historical Market Data Service error message:API historical data query cancelled")
    market.gateway.misbehaviour.history += [refused, refused]
    with feed(market, {"ES": "ES"}, since_ms=TEN - 2 * MINUTE_MS) as es:
        gap = es.notice("gap")
        assert (gap.from_ms, gap.to_ms) == (TEN - 2 * MINUTE_MS, TEN - MINUTE_MS)
        assert gap.sentence.endswith("It said: " + refused[1] + " (162)")


def test_a_symbol_without_a_price_in_its_session_is_told(market: Market) -> None:
    with feed(market, {"ES": "ES"}, silent_seconds=60) as es:
        market.subscribed(es)
        market.exchange.trade("ESZ5", "5000")
        es.wait_for(PriceUpdate)
        market.at(100)
        assert es.notice("silent_symbol").symbols == ("ES",)
        market.exchange.trade("ESZ5", "5000")
        es.notice("recovered")


def test_and_not_while_its_session_is_closed(market: Market) -> None:
    market.at(6 * 3600 + 60)  # one minute past four
    with feed(market, {"ES": "ES"}, silent_seconds=60) as es:
        market.subscribed(es)
        market.at(6 * 3600 + 600)
        es.wait_for(MinuteEnd, lambda each: each.end_ms >= TEN + 369 * MINUTE_MS)
        assert es.notices() == []
