"""The account at Interactive Brokers, read by the real client from the fake gateway."""

import io
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from portfold.clock import Clock, SystemClock
from portfold.config import ConfigError, load
from portfold.events.legs import Holding
from portfold.log import open_log
from portfold.workers.account.ibkr import IbkrSource, open_ibkr, snapshot_of
from portfold.workers.account.registry import open_source
from portfold.workers.account.source import AccountSetup, AccountUnreadable
from portfold.workers.account.watcher import report_of
from portfold.workers.brokers.ibkr.account_connection import AccountRows
from portfold.workers.brokers.ibkr.heard import AccountValue, HeldContract, WorkingOrder
from tests.coordinator.story import Story, kinds
from tests.fakes.tws.exchange import Exchange
from tests.fakes.tws.gateway import Gateway
from tests.processes import config_folder
from tests.waiting import until
from tests.workers.brokers.ibkr.tws_desk import LONG, Desk

NAME = "DU1234567"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway(Exchange(accounts=[NAME, "DU7"])) as running:
        yield running


def opened(
    gateway: Gateway, folder: Path, name: str = NAME, *, clock: Clock | None = None, **options: object
) -> IbkrSource:
    folder.mkdir(exist_ok=True)
    told = {"port": gateway.port, "answer_seconds": 20, **options}
    account = {"name": name, "source": "ibkr", "options": told}
    configuration = load(str(config_folder(folder / "config", runtime={"account": account})), {}, folder)
    assert configuration.runtime.account is not None
    log, _lines = open_log("account", target=io.StringIO())
    setup = AccountSetup(configuration, configuration.runtime.account, folder / "book", log, {})
    source = open_source(setup) if clock is None else open_ibkr(setup, clock)
    assert isinstance(source, IbkrSource)
    return source


@pytest.fixture
def source(gateway: Gateway, tmp_path: Path) -> Iterator[IbkrSource]:
    reading = opened(gateway, tmp_path)
    yield reading
    reading.close()


def test_money_and_positions_are_those_of_the_account_to_the_cent(
    gateway: Gateway, source: IbkrSource
) -> None:
    exchange = gateway.exchange
    exchange.by_hand("ESZ5", 2)
    exchange.by_hand("CLF6", -1)
    said = source.read()
    assert [(held.symbol, held.side, held.size) for held in said.holdings] == [
        ("CL", "short", 1),
        ("ES", "long", 2),
    ]
    assert said.equity == exchange.equity()
    es = said.holdings[1]
    last = exchange.prices[exchange.contract("ESZ5").con_id]
    assert abs(es.price - last) < Decimal("0.1")  # the commission of the entry is in it
    exchange.trade("ESZ5", last + 10)
    later = source.read()
    assert later.equity == exchange.equity()
    assert later.unrealized - said.unrealized == 1_000


class Hands(SystemClock):
    """A clock that a test sets."""

    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


def test_dollars_may_be_as_old_as_their_last_change_but_no_older_than_is_documented(
    gateway: Gateway, tmp_path: Path
) -> None:
    clock = Hands()
    source = opened(gateway, tmp_path, clock=clock, values_seconds=60)
    ages = [source.read().dollars_age]
    gateway.exchange.by_hand("ESZ5", 1)
    for passed in (1, 2, 3, 100):
        clock.now += passed
        ages.append(source.read().dollars_age)
    assert ages == [60, 1, 3, 6, 60]
    source.close()


def test_a_close_that_the_dollars_do_not_know_yet_is_no_difference_and_one_that_lasts_is(
    gateway: Gateway, tmp_path: Path
) -> None:
    exchange, clock = gateway.exchange, Hands()
    source = opened(gateway, tmp_path, clock=clock)
    story = Story(account=NAME, account_grace_ms=10_000, account_tolerance=Decimal(5))

    def reported(seconds: int) -> list[str]:
        clock.now += seconds
        at = story.ms + 1000 * seconds
        return kinds(story.hears(report_of(source.read(), NAME, "ibkr", at - 1), at=at))

    exchange.trade("ESZ5", "5000")
    exchange.by_hand("ESZ5", 1)
    story.enters("ES", price="5000")
    assert [reported(90) for _ in range(3)] == [[], [], []]  # until the dollars are surely of now
    gateway.misbehaviour.values = "held"
    exchange.trade("ESZ5", "5020")
    exchange.by_hand("ESZ5", -1)
    story.closes("ES", price="5020", pnl="995.50", commission="4.50")
    assert [reported(seconds) for seconds in (1, 15, 30, 60, 60)] == [[], [], [], [], []]
    gateway.misbehaviour.values = "of now"
    assert [reported(seconds) for seconds in (5, 5, 15)] == [[], [], []]
    assert story.state.account is not None
    assert (story.state.account.is_behind, story.state.account.equity) == (False, exchange.equity())
    exchange.accounts[NAME].cash -= 700  # that nobody on the log knows of
    assert [reported(seconds) for seconds in (5, 15)] == [[], ["AccountDiffers"]]
    source.close()


def test_the_other_accounts_of_the_login_are_not_this_one(
    gateway: Gateway, source: IbkrSource, tmp_path: Path
) -> None:
    gateway.exchange.by_hand("ESZ5", 1, "DU7")
    assert source.read().holdings == ()
    theirs = opened(gateway, tmp_path / "theirs", "DU7", client_id=101)
    (held,) = theirs.read().holdings
    assert (held.symbol, held.side, held.size) == ("ES", "long", 1)
    theirs.close()


def test_working_orders_of_whoever_gave_them_are_counted(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    source = opened(desk.gateway, tmp_path / "account")
    try:
        desk.exchange.fills = "on order"
        assert source.read().working == {}
        broker = desk.broker(waits=LONG)
        entering = threading.Thread(target=broker.enter, args=("ES", "long", 1, Decimal(5000)))
        entering.start()
        reference = desk.at_work()
        assert source.read().working == {"ES": 1}
        desk.exchange.fill(reference)
        entering.join(20)
        said = source.read()
        assert said.working == {}
        assert [(held.symbol, held.size) for held in said.holdings] == [("ES", 1)]
    finally:
        source.close()
        desk.close()


def test_a_watcher_that_stands_by_takes_no_client_id(
    gateway: Gateway, source: IbkrSource, tmp_path: Path
) -> None:
    standing_by = opened(gateway, tmp_path / "standing-by")
    assert source.read().holdings == ()
    assert gateway.clients() == [100]
    standing_by.close()


def test_a_gateway_that_is_away_says_nothing_and_is_read_again_once_it_is_back(
    gateway: Gateway, tmp_path: Path
) -> None:
    source = opened(gateway, tmp_path, answer_seconds=0.2)
    until(lambda: _reads(source), "the first reading")
    gateway.stop()
    until(lambda: "No connection to Interactive Brokers" in _why(source), "the break to be noticed")
    gateway.start()
    until(lambda: _reads(source), "the gateway to be read again")
    source.close()


def test_servers_that_are_lost_are_not_taken_for_an_account_without_positions(
    gateway: Gateway, tmp_path: Path
) -> None:
    source = opened(gateway, tmp_path, answer_seconds=0.2)
    until(lambda: _reads(source), "the first reading")
    gateway.lose_connectivity()
    until(lambda: not _reads(source), "the loss to be noticed")
    gateway.restore_connectivity(keep_data=True)
    until(lambda: _reads(source), "the servers to be back")
    source.close()


def test_an_account_that_the_gateway_does_not_have_is_named(gateway: Gateway, tmp_path: Path) -> None:
    source = opened(gateway, tmp_path, "DU999", answer_seconds=0.2)
    until(lambda: "Expected account DU999 at the gateway" in _why(source), "the account to be refused")
    source.close()


def test_a_gateway_that_does_not_answer_is_not_waited_for(gateway: Gateway, tmp_path: Path) -> None:
    source = opened(gateway, tmp_path, answer_seconds=0.2)
    until(lambda: _reads(source), "the first reading")
    gateway.misbehaviour.lists = "swallowed"
    assert "Interactive Brokers" in _why(source)
    source.close()


# --- what cannot be reported ------------------------------------------------------------------------------

MONEY = [
    AccountValue(NAME, name, "50000.25", "USD") for name in ("NetLiquidation", "RealizedPnL", "UnrealizedPnL")
]


def said_of(rows: AccountRows) -> str:
    with pytest.raises(AccountUnreadable) as caught:
        snapshot_of(rows, {})
    return str(caught.value)


def future(symbol: str, size: int, cost: str = "250000") -> HeldContract:
    return HeldContract(NAME, "FUT", symbol, "50", size, Decimal(cost))


def test_a_share_is_not_taken_for_a_future_of_its_name() -> None:
    share = HeldContract(NAME, "STK", "ES", "", 100, Decimal(60))
    assert "ES (STK), which is no future" in said_of(AccountRows([], [share], MONEY))
    order = WorkingOrder(NAME, "BAG", "ES")
    assert "ES (BAG), which is no future" in said_of(AccountRows([order], [], MONEY))


def test_two_months_on_both_sides_are_not_taken_for_nothing() -> None:
    held = [future("ES", 1), future("ES", -1)]
    assert "long of one month of ES and short of another" in said_of(AccountRows([], held, MONEY))


def test_two_months_on_one_side_are_one_holding() -> None:
    held = [future("ES", 1), future("ES", 3, "252000")]
    assert snapshot_of(AccountRows([], held, MONEY), {}).holdings == (
        Holding("ES", "long", 4, Decimal(5030)),
    )


def test_the_brokers_names_of_futures_are_ours_again() -> None:
    (held,) = snapshot_of(AccountRows([], [future("EUR", -1)], MONEY), {"EUR": "6E"}).holdings
    assert held.symbol == "6E"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([], "got nothing"),
        ([AccountValue(NAME, "NetLiquidation", "50000", "EUR")], "got 50000 EUR"),
        ([AccountValue(NAME, "NetLiquidation", "50000", "BASE")], "got 50000 BASE"),
        ([AccountValue(NAME, "NetLiquidation", "much", "USD")], "got much USD"),
        ([AccountValue(NAME, "NetLiquidation", "NaN", "USD")], "got NaN USD"),
    ],
)
def test_an_equity_that_is_not_in_dollars_is_none(values: list[AccountValue], why: str) -> None:
    said = said_of(AccountRows([], [], values))
    assert said.startswith("Expected NetLiquidation in dollars")
    assert why in said


def test_an_option_that_is_not_known_is_refused(gateway: Gateway, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="account"):
        opened(gateway, tmp_path, account="DU1")


def _reads(source: IbkrSource) -> bool:
    return not _why(source)


def _why(source: IbkrSource) -> str:
    try:
        source.read()
    except AccountUnreadable as error:
        return str(error)
    return ""
