"""What is read of an account at Tradovate: money, positions by our symbols, orders that may still fill."""

from decimal import Decimal
from pathlib import Path

import pytest

from portfold.events.legs import Holding
from portfold.workers.account.source import AccountUnreadable
from portfold.workers.brokers.contract_names import symbol_of
from tests.fakes.databento_gateway.certificate import write_certificate
from tests.fakes.tradovate.account import Account
from tests.fakes.tradovate.server import Tradovate
from tests.workers.account.tradovate.conftest import Opens
from tests.workers.account.tradovate.reading import Reading


def test_money_and_positions_are_those_of_the_account_to_the_cent(
    tradovate: Tradovate, reading: Reading
) -> None:
    account = tradovate.account
    account.fills_order("ESZ5", 2, "5000.25")
    account.trades("ESZ5", "5001.50")
    said = reading.read()
    assert said.holdings == (Holding("ES", "long", 2, Decimal("5000.25")),)
    assert [said.equity, said.unrealized, said.realized] == [50_120, 125, -5]
    account.fills_order("ESZ5", -2, "5001.50")
    said = reading.read()
    assert [said.equity, said.unrealized, said.realized] == [50_115, 0, 115]
    assert not said.holdings


def test_a_short_position_is_short(tradovate: Tradovate, reading: Reading) -> None:
    tradovate.account.fills_order("CLF6", -1, "71.25")
    assert reading.held() == {"CL": ("short", 1, Decimal("71.25"))}


@pytest.mark.parametrize("status", ["Working", "PendingNew", "PendingCancel", "Suspended", "Unknown", "New!"])
def test_an_order_may_fill_until_its_status_says_that_it_is_over(
    tradovate: Tradovate, reading: Reading, status: str
) -> None:
    order = tradovate.account.works_order("ESZ5", 1, status)
    assert reading.read().working == {"ES": 1}
    tradovate.account.ends_order(order)
    assert reading.read().working == {}


def test_two_months_on_one_side_are_one_holding_at_their_average_price(
    tradovate: Tradovate, reading: Reading
) -> None:
    tradovate.account.fills_order("ESZ5", 1, "5000")
    tradovate.account.fills_order("ESH6", 3, "5040")
    assert reading.held() == {"ES": ("long", 4, Decimal(5030))}


def test_two_months_on_both_sides_are_not_taken_for_nothing(tradovate: Tradovate, reading: Reading) -> None:
    tradovate.account.fills_order("ESZ5", 1, "5000")
    tradovate.account.fills_order("ESH6", -1, "5040")
    with pytest.raises(AccountUnreadable, match="long of one month of ES and short of another"):
        reading.read()


def test_what_is_no_future_is_not_left_out(tradovate: Tradovate, reading: Reading) -> None:
    tradovate.account.fills_order("ESZ5 C5900", 1, "20")
    with pytest.raises(AccountUnreadable, match="'ESZ5 C5900', which is no month of a future"):
        reading.read()


def test_another_account_of_the_login_is_not_this_one() -> None:
    other = Account("LIVE77", 77, cash=Decimal(9_000))
    with Tradovate(Account(), other) as both:
        other.fills_order("ESZ5", 1, "5000")
        other.works_order("ESZ5", 1)
        mine, theirs = Reading(both), Reading(both, name="LIVE77")
        said = mine.read()
        assert (said.holdings, dict(said.working)) == ((), {})
        assert said.equity == 50_000
        assert theirs.held() == {"ES": ("long", 1, Decimal(5000))}
        absent = Reading(both, name="DEMO1")
        with pytest.raises(AccountUnreadable, match=r"Expected account DEMO1 .* shows DEMO12345, LIVE77"):
            absent.read()
        for each in (mine, theirs, absent):
            each.close()


def test_new_fills_are_logged_with_their_prices_and_old_ones_are_no_news(
    tradovate: Tradovate, opens: Opens
) -> None:
    reading = opens()
    tradovate.account.fills_order("ESZ5", 1, "5000.25")
    reading.read()
    tradovate.account.fills_order("ESZ5", -1, "4999.75")
    reading.read()
    reading.read()
    logged = reading.close()
    assert logged.count("Filled at Tradovate") == 1
    assert "4999.75" in logged
    assert "5000.25" not in logged


def test_it_asks_three_questions_a_reading(tradovate: Tradovate, reading: Reading) -> None:
    tradovate.account.fills_order("ESZ5", 1, "5000.25")
    reading.read()
    before = sum(tradovate.asked.values())
    for _ in range(5):
        reading.read()
    assert sum(tradovate.asked.values()) - before == 15


def test_it_speaks_https_to_a_certificate_that_it_trusts_and_to_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = write_certificate(tmp_path)
    with Tradovate(certificate=certificate) as secure:
        stranger = Reading(secure)
        with pytest.raises(AccountUnreadable, match="its certificate is not accepted"):
            stranger.read()
        stranger.close()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
        trusting = Reading(secure)
        assert trusting.read().equity == 50_000
        trusting.close()


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("ESZ6", "ES"),
        ("ESZ26", "ES"),
        ("CLF2026", "CL"),
        ("M2KH6", "M2K"),
        ("6EU6", "6E"),
        ("SR3Z6", "SR3"),
        ("ES", None),
        ("ESA6", None),
        ("ESZ6 C5900", None),
        ("ESZ6-ESH7", None),
        ("Z6", None),
        ("", None),
    ],
)
def test_the_name_of_a_month_gives_the_symbol(name: str, symbol: str | None) -> None:
    assert symbol_of(name) == symbol
