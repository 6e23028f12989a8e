"""What cannot be a price of the contract is refused at the entrance: off its tick, or off its scale."""

import signal
from decimal import Decimal
from pathlib import Path

import pytest

from portfold.config.contracts import read_contracts
from portfold.config.locate import CONTRACTS_FILE, PACKAGED
from portfold.events.wire.bus import Bus
from portfold.events.wire.market import NewPrice
from portfold.workers.market.quotes import Quotes
from portfold.workers.market.source import MinuteBar, MinuteUnknown, Notice, PriceUpdate, Update
from tests.cli.command_line import started
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.market.feeds import WRITTEN, configured, now_ms, writes

CONTRACTS = read_contracts(PACKAGED / CONTRACTS_FILE)
END = 60_000


def judged(symbol: str, price: str, known: str = "") -> bool:
    """Whether a price passes, after another one."""
    quotes = Quotes(CONTRACTS, {symbol: Decimal(known)} if known else {})
    update = PriceUpdate(symbol, Decimal(price), 0)
    return list(quotes.passed(update)) == [update]


def bar(price: str, low: str = "") -> MinuteBar:
    high = Decimal(price)
    return MinuteBar("ES", END, high, high, Decimal(low or price), high, 1, "ESZ6")


def kinds(updates: list[Update]) -> list[str]:
    return [each.kind if isinstance(each, Notice) else type(each).__name__ for each in updates]


@pytest.mark.parametrize(
    ("symbol", "price", "passes"),
    [
        ("ES", "5990.25", True),
        ("ES", "5990.2", False),
        ("ES", "-5990.25", True),
        ("6J", "0.0066505", True),
        ("6J", "0.00665025", False),
        ("ZN", "110.515625", True),  # 110-16.5, as a decimal
        ("ZN", "110.165", False),  # the same, as it is spoken
        ("ZC", "450.25", True),
        ("ZC", "4.5025", False),  # dollars, where cents are quoted
        ("CL", "-37.63", True),
        ("ES", "1.7976931348623157e+308", False),  # TWS's number for none
        ("ES", "NaN", False),
        ("none of ours", "1e30", False),
    ],
)
def test_a_price_is_a_multiple_of_the_tick(symbol: str, price: str, *, passes: bool) -> None:
    assert judged(symbol, price) is passes


@pytest.mark.parametrize(
    ("symbol", "known", "price", "passes"),
    [
        ("ES", "5990.25", "59902.50", False),
        ("ES", "5990.25", "599.00", False),
        ("ES", "5990.25", "5990250000000.00", False),  # 1e-9 taken for whole
        ("ES", "5990.25", "4500", True),
        ("ES", "5990.25", "11980.50", True),
        ("6J", "0.0066500", "0.6650000", False),
        ("6J", "0.0066500", "66.5", False),
        ("CL", "60.00", "-60.00", True),
        ("CL", "0.10", "0.01", True),
        ("CL", "0.10", "1.00", True),
        ("CL", "2.00", "0.20", False),
        ("CL", "1.90", "0.19", True),
        ("CL", "-37.63", "-3.76", False),
    ],
)
def test_a_price_is_of_the_order_of_the_last_one(
    symbol: str, known: str, price: str, *, passes: bool
) -> None:
    assert judged(symbol, price, known) is passes


def test_it_is_told_once_until_a_whole_minute_was_sound() -> None:
    quotes = Quotes(CONTRACTS, {})
    wrong, right = PriceUpdate("ES", Decimal("1.1"), 0), PriceUpdate("ES", Decimal(6000), 0)
    assert kinds([*quotes.passed(wrong), *quotes.passed(wrong)]) == ["wrong_price"]
    assert kinds([*quotes.passed(right), *quotes.passed(bar("6000"))]) == ["PriceUpdate", "MinuteBar"]
    assert kinds([*quotes.passed(right), *quotes.passed(bar("6000"))]) == [
        "PriceUpdate",
        "right_price",
        "MinuteBar",
    ]
    assert kinds(list(quotes.passed(wrong))) == ["wrong_price"]


def test_of_a_bar_each_price_is_judged_and_its_minute_is_unknown() -> None:
    told, unknown = Quotes(CONTRACTS, {}).passed(bar("6000", low="5999.9"))
    assert isinstance(told, Notice)
    assert told.sentence == (
        "ES at 5999.9 is no multiple of 0.25, its tick in contracts.json: it is refused, and marks nothing. "
        "Does the source quote it in another unit?"
    )
    assert unknown == MinuteUnknown("ES", END)


def test_a_feed_that_begins_compares_with_the_last_price_on_the_bus(
    server: EmbeddedServer, portfolio: str, bus: Bus, tmp_path: Path
) -> None:
    config = configured(tmp_path / "config", server.url, portfolio, market=WRITTEN)
    with started("feed", "--config", str(config), cwd=tmp_path) as first:
        writes(config, f"price ES 5990.25 {now_ms()}")
        until(lambda: bus.last_prices(["ES"])[1], "the price")
        first.process.send_signal(signal.SIGTERM)
        first.ends()
    (config / "market.txt").write_text("")
    minute = now_ms() // END * END
    with started("feed", "--config", str(config), cwd=tmp_path):
        writes(config, f"price ES 59902.50 {now_ms()}", f"bar ES {minute} 59902.5 59902.5 59902.5 59902.5")
        writes(config, f"bar CL {minute} 60 60 60 60", f"end {minute}")
        until(lambda: bus.last_step()[1], "the minute")
        assert "wrong price ES" in bus.market().notices
        step = bus.last_step()[1]
        assert step is not None
        assert (list(step.bars), step.unknown) == (["CL"], ("ES",))
        assert bus.last_prices(["ES"])[1]["ES"].price == Decimal("5990.25")


def test_a_price_of_the_past_says_nothing_of_what_one_of_now_may_be(
    server: EmbeddedServer, portfolio: str, bus: Bus, tmp_path: Path
) -> None:
    epoch = bus.take_feed("somebody", 60_000).epoch
    bus.write_prices(epoch, "synthetic", [NewPrice("ES", Decimal("599.00"), None)])
    bus.keep_feed("somebody", 0, epoch)
    config = configured(tmp_path / "config", server.url, portfolio, market=WRITTEN)
    with started("feed", "--config", str(config), cwd=tmp_path):
        writes(config, f"price ES 5990.25 {now_ms() + 1_000}")
        until(lambda: bus.last_prices(["ES"])[1]["ES"].price == Decimal("5990.25"), "the price")
