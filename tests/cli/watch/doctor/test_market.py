"""The doctor finds whether the market's data comes, and how old each price is; the status says so on top."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from portfold.coordinator.views.headlines import headlines
from portfold.coordinator.views.overview import look
from portfold.events.wire.market import ListedContract, NewPrice
from tests.cli.fit import FLATTENER, Fit

MARKET = {"source": "databento", "symbols": {"ES": "ES.v.0", "CL": "CL.v.0"}}
LONG_MS = 600_000


@pytest.fixture
def fed(fit: Fit) -> Fit:
    """Fit for the open, and fed: ES has a price of now, CL one of two minutes ago."""
    fit.edit(runtime={"market": MARKET, "feed": {"kind": "bus", "options": {}}})
    epoch = fit.bus.take_feed("here 4 fed", LONG_MS).epoch
    two_minutes_ago = fit.bus.now_ms() - 120_000
    prices = [NewPrice("ES", Decimal(5990), None), NewPrice("CL", Decimal(58), two_minutes_ago)]
    fit.bus.write_prices(epoch, "databento", prices)
    return fit


def on_top(fit: Fit) -> dict[str, str]:
    seen = look(fit.bus, flattener=FLATTENER)
    assert seen is not None
    return {one.code: one.with_remedy for one in headlines(seen, ZoneInfo("UTC"))}


def test_without_a_feed_in_the_configuration_nothing_is_missed(fit: Fit) -> None:
    assert fit.found() == {}
    assert fit.text("market") == "runtime.json names none: each worker has a feed of its own"
    assert on_top(fit) == {"trading": ""}


def test_an_old_price_is_warned_of_with_the_age_of_each(fed: Fit) -> None:
    assert fed.found() == {"prices": "warn"}
    assert fed.text("prices").startswith("too old to mark at: CL; their ages: ES ")
    assert fed.text("prices").endswith(", CL 2 m 00 s")
    assert fed.text("market") == "fed by databento, for 2 symbols"


def test_a_symbol_without_a_price_is_warned_of(fed: Fit) -> None:
    fed.client.hdel(fed.bus.keys.prices, "CL")
    assert fed.text("prices").endswith(", CL none")


@pytest.mark.parametrize(("ahead_ms", "warned"), [(4_000, False), (20_000, True)])
def test_prices_ahead_of_the_servers_clock_are_warned_of(fed: Fit, ahead_ms: int, *, warned: bool) -> None:
    early = fed.bus.now_ms() + ahead_ms
    fed.bus.write_prices(1, "databento", [NewPrice(symbol, Decimal(1), early) for symbol in ("ES", "CL")])
    assert ("ahead of the server's clock, so an old one may pass as new" in fed.text("prices")) == warned


def in_days(fit: Fit, days: int) -> str:
    """The last day of a contract, so long from now in Chicago."""
    today = datetime.fromtimestamp(fit.bus.now_ms() / 1000, ZoneInfo("America/Chicago")).date()
    return (today + timedelta(days=days)).isoformat()


def follows(fed: Fit, contract: str, listed: str, last_day: str) -> None:
    """ES is priced in one contract, and another may be listed."""
    epoch = int(fed.client.hget(fed.bus.keys.feed_head, "epoch"))
    fed.bus.write_prices(epoch, "ibkr", [NewPrice("ES", Decimal(5990), None, contract)])
    fed.bus.write_contracts(epoch, {"ES": ListedContract(listed, last_day)})


@pytest.mark.parametrize(
    ("days", "level", "text"),
    [
        (8, None, "ES ESZ6 until {day}, CL of no known month"),
        (7, "warn", "about to end: ES; ES ESZ6 until {day}, CL of no known month"),
        (0, "warn", "about to end: ES; ES ESZ6 until {day}, CL of no known month"),
        (-1, "fail", "over: ES; ES ESZ6 until {day}, CL of no known month"),
    ],
)
def test_a_contract_that_ends_within_days_is_found(fed: Fit, days: int, level: str | None, text: str) -> None:
    day = in_days(fed, days)
    follows(fed, "ESZ6", "ESZ6", day)
    assert fed.found().get("months") == level
    assert fed.text("months") == text.format(day=day)


def test_a_last_day_that_nobody_has_said_is_not_known(fed: Fit) -> None:
    follows(fed, "ESH7", "ESZ6", in_days(fed, 1))
    assert "months" not in fed.found()
    assert fed.text("months") == "ES ESH7, whose last day is not known, CL of no known month"


def test_a_feed_that_is_gone_fails_where_workers_read_the_bus(fed: Fit) -> None:
    fed.client.delete(fed.bus.keys.feed)
    assert fed.found()["market"] == "fail"
    assert "nobody feeds the bus: no bar comes" in fed.text("market")
    assert on_top(fed)["no_feed"].startswith("no bar comes, and no position is marked between bars; the last")
    assert on_top(fed)["no_feed"].endswith(" old. Start: portfold feed")
    fed.edit(runtime={"feed": {"kind": "synthetic", "options": {}}})
    assert fed.found()["market"] == "warn", "workers have bars of their own"


def test_a_feed_that_was_refused_says_why(fed: Fit) -> None:
    fed.bus.write_notices(1, {"refused": "The key is not known."})
    fed.client.delete(fed.bus.keys.feed)
    assert fed.text("market") == "nobody feeds the bus: The key is not known."


def test_what_the_feed_says_is_wrong_is_said_until_it_is_over(fed: Fit) -> None:
    fed.bus.write_notices(1, {"silent CL": "CL has given no price.", "roll ES": "ES is ESZ6 now."})
    assert fed.found()["market"] == "warn"
    assert fed.text("market") == "CL has given no price."
    assert on_top(fed) == {"trading": "", "feed_troubled": "CL has given no price. See: portfold doctor"}
    fed.bus.write_notices(1, {"silent CL": ""})
    assert fed.text("market") == "fed by databento, for 2 symbols"
    assert on_top(fed) == {"trading": ""}


def test_workers_that_read_a_bus_nobody_is_to_feed_fail(fit: Fit) -> None:
    fit.edit(runtime={"feed": {"kind": "bus", "options": {}}})
    assert fit.found() == {"market": "fail"}
