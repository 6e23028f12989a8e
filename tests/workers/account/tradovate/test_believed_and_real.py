"""What TradersPost is believed to have filled against what Tradovate's account really holds.

A worker trades by TradersPost's stand-in, `portfold account` reads the fake of Tradovate, a real coordinator
compares. Each test plays TradersPost's part behind the webhook: what the account got is not what is believed.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from portfold.coordinator.views.view_field import view_in
from portfold.events.account import AccountDiffers, AccountReported
from portfold.events.codec import decode_event
from portfold.events.decisions import EntryAllowed
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.run.trader import Trader, holdings_of
from portfold.workers.strategies.intent import Enter, Intent, OwnPosition
from tests.cli.command_line import called, started
from tests.coordinator.story import code
from tests.fakes.tradovate.server import ENVIRON, OPTIONS, SECRETS, Tradovate
from tests.live import Live, read
from tests.processes import config_folder, coordinating
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.brokers.desk import CONTRACTS, Desk
from tests.workers.brokers.traderspost.webhook_server import receiving

ACCOUNT, WORKER = "DEMO12345", "ibs-ES"
GRACE_MS = 300
BELIEVED = Decimal("5000.25")  # a tick worse than the bar's close
BY = ("--by", "jane", "--reason", "seen at Tradovate")


class EntersOnce:
    """A strategy that goes long at its first bar and stays."""

    def __init__(self) -> None:
        self.wanted: list[Intent] = [Enter("long", 1)]

    def decide(self, _bar: Bar, _held: OwnPosition | None) -> Intent:
        return self.wanted.pop() if self.wanted else None


class Chain:
    """Worker, TradersPost, Tradovate, account watcher and coordinator; the worker believes it is long one."""

    def __init__(self, live: Live, tradovate: Tradovate, desk: Desk, trader: Trader, config: Path) -> None:
        self.live = live
        self.account = tradovate.account
        self.desk = desk
        self._trader = trader
        self._config = config

    def enters(self) -> None:
        """The worker's signal is taken, and believed filled; the next bar marks what it holds."""
        for minute, price in ((1, Decimal(5000)), (2, BELIEVED)):
            at = datetime(2025, 11, 3, 15, minute, tzinfo=UTC)
            self._trader.on_bar(Bar("ES", at, price, price, price, price))
        assert [signal["action"] for signal in self.desk.server.signals] == ["buy"]
        (opened,) = self.live.said("PositionOpened")
        assert (opened["size"], opened["price"]) == ("1", str(BELIEVED))

    def differing(self) -> set[str]:
        """Returns the subjects in which log and account differ for longer than the grace."""
        view = view_in(self.live.status())
        account = view.account if view else None
        return {one.subject for one in account.differing} if account else set()

    def finds(self, *subjects: str) -> dict[str, AccountDiffers]:
        """Waits until these differ, and checks when that was found; returns what was decided of each."""
        until(lambda: self.differing() >= set(subjects), f"a difference in {subjects}")
        self.live.all_decided()
        found: dict[str, AccountDiffers] = {}
        earlier: list[int] = []
        for entry in self.live.events():
            report = decode_event(entry.fields)
            if not isinstance(report, AccountReported):
                continue
            for decided in map(read, self.live.bus.decisions_of(entry.id)):
                if isinstance(decided, AccountDiffers):
                    over = report.as_of_ms - decided.lasting_ms + GRACE_MS
                    # With the first report after the grace, and with none within it.
                    assert decided.lasting_ms >= GRACE_MS
                    assert [at for at in earlier if over <= at] == []
                    found[decided.subject] = decided
            earlier.append(report.as_of_ms)
        return found

    def asks(self, symbol: str) -> str:
        """Another worker asks for an entry; returns why not, or nothing. What it got it gives back."""
        self.live.starts(f"other-{symbol}", symbols=symbol)
        answer = self.live.asks(symbol, worker=f"other-{symbol}")
        if isinstance(answer, EntryAllowed):
            self.live.withdraws(symbol, worker=f"other-{symbol}")
            return ""
        return code(answer)

    def orders(self) -> list[str]:
        """Returns the names of the orders in the broker's book, as the worker's log has them."""
        return [opened["fill"] for opened in self.live.said("PositionOpened")]

    def command(self, *words: str) -> None:
        """One command of a person."""
        ran = called(*words, *BY, "--config", str(self._config), cwd=self._config.parent)
        assert ran.code == 0, ran

    def settles(self, size: int, price: str) -> None:
        """A person says what is held in ES, and has the book say so too."""
        what = ("--size", str(size), "--price", price, "--in-book", "--book", str(self.desk.book))
        self.command("settle", "ES", WORKER, *what)
        [held] = self.desk.broker("anybody").positions(WORKER)
        assert (held.size, held.price) == (size, Decimal(price))

    def agrees(self) -> None:
        """Waits until nothing differs any more; then entries are allowed again."""
        until(lambda: not self.differing(), "log and account to agree")
        assert self.asks("CL") == ""


@pytest.fixture
def chain(
    server: EmbeddedServer,
    portfolio: str,
    live: Live,
    tradovate: Tradovate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Chain]:
    """Everything runs, the account was reported, and the worker has entered."""
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
    config = config_folder(
        tmp_path / "config",
        runtime={
            "redis_url": server.url,
            "portfolio": portfolio,
            "broker": {"kind": "traderspost", "options": {"webhook_url_env": "ORDERS"}},
            "account": {
                "name": ACCOUNT,
                "source": "tradovate",
                "options": OPTIONS | {"url": tradovate.url, "seconds_between_reads": 0.05},
                "report_seconds": 0.1,
                "grace_seconds": GRACE_MS / 1000,
                "tolerance": 5,
                "silent_seconds": 60,
                "on_silence": "deny",
            },
        },
    )
    with ExitStack() as ends:
        desk = Desk(tmp_path, ends.enter_context(receiving()))
        ends.callback(desk.close)
        broker = desk.broker(WORKER)
        ends.enter_context(coordinating(server.url, portfolio, config=config))
        watcher = ends.enter_context(started("account", "--config", str(config), cwd=tmp_path, **ENVIRON))
        watcher.says("Account watched")
        until(lambda: live.said("AccountReported"), "the first report")
        gate = PortfolioGate(
            WORKER,
            symbols=["ES"],
            settings=GateSettings(
                server.url,
                portfolio=portfolio,
                answer_seconds=10,
                heartbeat_seconds=60,
                worker_lost_seconds=90,
            ),
            holdings=lambda: holdings_of(broker, WORKER),
            log=desk.log,
        )
        trader = Trader(
            contract=CONTRACTS["ES"], strategy=EntersOnce(), gate=gate, broker=broker, log=desk.log
        )
        ends.enter_context(gate)
        chain = Chain(live, tradovate, desk, trader, config)
        chain.enters()
        yield chain
        logged = watcher.said.read_text()
        assert [secret for secret in SECRETS if secret in logged] == []


def test_a_believed_fill_that_happened_is_no_difference(chain: Chain) -> None:
    chain.account.fills_order("ESZ5", 1, str(BELIEVED))
    reports = len(chain.live.said("AccountReported"))
    until(lambda: len(chain.live.said("AccountReported")) > reports + 10, "more reports than the grace takes")
    chain.agrees()


def test_a_believed_fill_that_never_happened_is_found_and_settled_in_book_and_log(chain: Chain) -> None:
    found = chain.finds("ES")
    assert (found["ES"].log, found["ES"].reported) == ("long 1", "flat")
    assert chain.asks("ES") == "account_differs"
    (order,) = chain.orders()
    chain.command("reconcile", order, "--not-filled", "--book", str(chain.desk.book))
    chain.agrees()
    assert chain.desk.broker("anybody").positions() == []


def test_a_believed_fill_at_another_price_is_found_by_its_money_and_settled(chain: Chain) -> None:
    chain.account.fills_order("ESZ5", 1, "5010.25")
    chain.account.trades("ESZ5", str(BELIEVED))
    found = chain.finds("ES")
    assert (found["ES"].log, found["ES"].reported) == ("long 1 @ 5000.25", "long 1 @ 5010.25")
    assert set(found) == {"ES"}
    assert chain.asks("ES") == "account_differs"
    assert chain.asks("CL") == ""
    chain.settles(1, "5010.25")
    chain.agrees()


def test_a_believed_fill_twice_as_large_is_found_and_settled(chain: Chain) -> None:
    chain.account.fills_order("ESZ5", 2, str(BELIEVED))
    found = chain.finds("ES")
    assert (found["ES"].log, found["ES"].reported) == ("long 1", "long 2")
    assert chain.asks("ES") == "account_differs"
    assert chain.asks("CL") == ""
    chain.settles(2, str(BELIEVED))
    chain.agrees()


def test_money_that_no_fill_accounts_for_is_found_and_taken_as_the_account_has_it(chain: Chain) -> None:
    chain.account.fills_order("ESZ5", 1, str(BELIEVED))
    chain.account.is_charged("30")
    found = chain.finds("equity")
    assert set(found) == {"equity"}
    assert chain.asks("CL") == "account_differs"
    chain.command("reconcile", "--account-is-right")
    chain.agrees()
