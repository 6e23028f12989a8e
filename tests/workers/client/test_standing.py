"""A yes that no longer holds, though the worker's own clock says nothing, as its machine slept."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from portfold.clock import SystemClock
from portfold.events.incoming import FlattenRequested, TradingHalted, TradingResumed
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import VIEW
from portfold.log import open_log
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.client.context import GateEnvironment
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.listener import _last_pull
from portfold.workers.client.settings import GateSettings
from tests.live import Live
from tests.processes import config_folder, coordinating
from tests.seen import spoilt
from tests.server import EmbeddedServer
from tests.waiting import until

WORKER = "ibs-ES"


class Asleep(SystemClock):
    """The clock of a machine that sleeps: it stands still."""

    def monotonic(self) -> float:
        return 1000.0


Opened = Callable[..., AbstractContextManager[PortfolioGate]]


@pytest.fixture
def gate_of(server: EmbeddedServer, portfolio: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
    log, lines = open_log("worker", target=StringIO())

    @contextmanager
    def opened(*, beats: float = 60.0, lost: float = 60.0, **more: Any) -> Iterator[PortfolioGate]:
        settings = GateSettings(
            server.url,
            portfolio=portfolio,
            answer_seconds=10,
            heartbeat_seconds=beats,
            worker_lost_seconds=lost,
        )
        gate = PortfolioGate(
            WORKER,
            symbols=["ES"],
            settings=settings,
            log=log,
            environment=GateEnvironment(clock=Asleep()),
            **more,
        )
        with gate:
            yield gate

    yield opened
    lines.close()


def test_a_slot_expires_by_the_servers_clock(
    gate_of: Opened, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    short = config_folder(tmp_path / "config", runtime={"reservation_seconds": 0.5, "answer_seconds": 0.1})
    with coordinating(server.url, portfolio, config=short), gate_of() as gate:
        yes = gate.request_entry("ES")
        assert gate.standing(yes)
        until(lambda: not gate.standing(yes), "the slot to expire")


@pytest.mark.parametrize("name", ["halt", "stop", "tail_missing", "reserved", "last_event"])
def test_a_yes_does_not_stand_while_what_could_deny_it_cannot_be_read(
    gate_of: Opened, server: EmbeddedServer, portfolio: str, client: Any, live: Live, name: str
) -> None:
    with coordinating(server.url, portfolio), gate_of() as gate:
        yes = gate.request_entry("ES")
        assert gate.standing(yes)
        before = spoilt(client, live.keys.status, name, value=True)
        assert not gate.standing(yes)
        client.hset(live.keys.status, VIEW, before)
        assert gate.standing(yes)


def test_a_yes_does_not_stand_by_the_view_that_an_earlier_version_left(
    gate_of: Opened, server: EmbeddedServer, portfolio: str, client: Any, live: Live
) -> None:
    with coordinating(server.url, portfolio), gate_of() as gate:
        yes = gate.request_entry("ES")
        left = client.hget(live.keys.status, VIEW)
        live.hears(TradingHalted(by="jane", reason="news"))
        client.hset(live.keys.status, VIEW, left)
        assert not gate.standing(yes)


def test_a_slot_must_last_until_the_order_has_been_sent(
    gate_of: Opened, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    """By the reservation in force, whatever the worker's own configuration says of it."""
    short = config_folder(tmp_path / "config", runtime={"reservation_seconds": 20})
    with coordinating(server.url, portfolio, config=short), gate_of() as gate:
        yes = gate.request_entry("ES")
        assert gate.standing(yes, seconds=5)
        assert not gate.standing(yes, seconds=20)


def test_a_slot_expires_by_the_log_where_that_is_ahead_of_the_servers_clock(
    gate_of: Opened, server: EmbeddedServer, portfolio: str, live: Live
) -> None:
    with coordinating(server.url, portfolio), gate_of() as gate:
        yes = gate.request_entry("ES")
        assert gate.standing(yes)
        ahead = live.bus.append(["type", "ClockTicked"], f"{live.bus.now_ms() + 3_600_000}-*")
        live.decided(ahead)
        assert live.bus.standing(WORKER).now_ms >= ahead.ms, "though the server's clock is an hour behind"
        assert not gate.standing(yes)


def test_a_slot_that_a_flatten_took_back_is_gone_also_for_who_has_heard_of_none_of_it(
    gate_of: Opened, server: EmbeddedServer, portfolio: str, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.client.listener.Listener.start", lambda _: None)
    with coordinating(server.url, portfolio), gate_of() as gate:
        yes = gate.request_entry("ES")
        assert gate.standing(yes)
        live.publishes(FlattenRequested(by="jane", reason="panic"))
        live.decided(live.publishes(TradingResumed(by="jane", reason="over")))
        assert not gate.standing(yes)


@pytest.mark.parametrize("event", ["18446744073709551615-0", "99999999999999-0"])
def test_a_pull_that_names_an_event_which_the_log_has_not_bars_no_later_entry(
    gate_of: Opened, server: EmbeddedServer, portfolio: str, live: Live, event: str
) -> None:
    with coordinating(server.url, portfolio), gate_of() as gate:
        told: list[FlattenOrder] = []
        gate.on_flatten(told.append)
        before = gate.request_entry("ES")
        live.bus.pull_killswitch(["by", "ann", "event", event])
        until(lambda: told, "the pull")
        assert not gate.standing(before), "what was allowed before is taken back"
        gate.withdraw("ES")
        assert gate.standing(gate.request_entry("ES"))
    assert told[0].event <= live.bus.last_event()
    _, outstanding = _last_pull(live.bus)
    assert outstanding is None, "whoever starts after it would flatten for it, each time"


def test_a_log_that_was_set_back_behind_the_last_order_bars_no_later_entry(
    gate_of: Opened, server: EmbeddedServer, portfolio: str, live: Live
) -> None:
    lost = StreamId(live.bus.now_ms() + 3_600_000, 0)
    ordered = iter([FlattenOrder("a log that is gone", lost, "panic", everything=True)])
    told: list[FlattenOrder] = []
    with coordinating(server.url, portfolio), gate_of(hears=lambda _: next(ordered, None)) as gate:
        gate.on_flatten(told.append)
        gate.request_entry("CL")
        until(lambda: told, "the order")
        assert not gate.standing(gate.request_entry("ES"))
        gate.withdraw("ES")
        assert gate.standing(gate.request_entry("ES"))


def test_a_worker_whose_sign_of_life_has_lapsed_may_have_been_counted_lost(
    gate_of: Opened, server: EmbeddedServer, portfolio: str
) -> None:
    with coordinating(server.url, portfolio), gate_of(lost=0.5) as gate:
        yes = gate.request_entry("ES")
        assert gate.standing(yes)
        until(lambda: not gate.standing(yes), "the sign of life to lapse")


def test_nor_does_it_hold_once_there_is_a_sign_of_life_again(
    gate_of: Opened, server: EmbeddedServer, portfolio: str, live: Live, client: Any
) -> None:
    key = live.keys.worker(WORKER)
    with coordinating(server.url, portfolio), gate_of(beats=0.05) as gate:
        yes = gate.request_entry("ES")
        assert gate.standing(yes)
        client.delete(key)
        until(lambda: client.exists(key), "a sign of life")
        assert not gate.standing(yes)
        until(lambda: len(live.said("WorkerStarted")) == 2, "another announcement")
        assert not gate.standing(yes)
        gate.withdraw("ES")
        assert gate.standing(gate.request_entry("ES"))


def test_a_worker_that_another_process_has_replaced_sends_nothing(
    gate_of: Opened, server: EmbeddedServer, portfolio: str, live: Live
) -> None:
    with coordinating(server.url, portfolio), gate_of() as gate:
        yes = gate.request_entry("ES")
        live.bus.beat(WORKER, "another", 60_000)
        assert not gate.standing(yes)
