"""The leader on a real server: every event decided once and in order, whoever falls silent."""

import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.status import status_fields, status_values
from portfold.coordinator.views.view_field import view_in
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.events.codec import encode_checked
from portfold.events.decisions import EntryAllowed, EntryDenied
from portfold.events.incoming import EntryRequested, EntryWithdrawn, PositionOpened
from portfold.events.roles.server_roles import COORDINATOR
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from tests.coordinator.process.leaders import Starter
from tests.coordinator.story import code
from tests.live import Live, flat, read
from tests.processes import READY, Coordinators, config_folder, coordinating
from tests.proxy import proxy_to
from tests.seen import values_on
from tests.server import EmbeddedServer, under
from tests.waiting import until

# --- once, and in order ---------------------------------------------------------------------------------


def test_events_of_many_writers_are_decided_once_each_in_the_order_of_the_log(
    coordinators: Coordinators, live: Live, server: EmbeddedServer, portfolio: str
) -> None:
    symbols = ["6A", "6B", "6C", "6N", "6S", "CL", "ES", "PL"]
    half_written = threading.Barrier(9)

    def write(symbol: str) -> None:
        bus = Bus(connect(server.url), portfolio)
        said: dict[str, Any] = {"worker": f"ibs-{symbol}", "session": "s1", "symbol": symbol}
        for number in range(1, 121, 2):
            if number == 61:
                half_written.wait(20)
            bus.append(encode_checked(EntryRequested(seq=number, side="long", size=1, **said)))
            bus.append(encode_checked(EntryWithdrawn(seq=number + 1, **said)))
        bus.close()

    writers = [threading.Thread(target=write, args=(symbol,)) for symbol in symbols]
    for writer in writers:
        writer.start()
    half_written.wait(20)  # the first half is a backlog, the second comes while it leads
    coordinators.start()
    for writer in writers:
        writer.join()
    live.all_decided()
    requests = [str(entry.id) for entry in live.events() if entry.fields[1] == "EntryRequested"]
    answers = [entry for entry in live.decisions() if isinstance(read(entry), EntryAllowed | EntryDenied)]
    assert len(requests) == 8 * 60
    assert [flat(entry)["event"] for entry in answers] == requests


def test_a_decision_lies_under_its_events_id_and_names_it(led: Live) -> None:
    led.asks("ES")
    request = led.bus.last_event()
    [answer] = led.bus.decisions_of(request)
    assert answer.id == StreamId(request.ms, request.seq * 100)
    assert answer.fields[-4:-2] == ["event", str(request)]
    assert answer.fields[-2:] == ["chain", until(led.bus.head, "a head").chain]


@pytest.mark.parametrize("lost", ["answer", "command"])
def test_a_commit_that_is_lost_on_the_way_is_made_exactly_once(
    live: Live, server: EmbeddedServer, portfolio: str, lost: Any
) -> None:
    with proxy_to(server.port) as network, coordinating(network.url, portfolio) as leader:
        network.lose(lost, b":decisions")
        assert code(live.asks("ES")) == "allowed"
        assert network.lost == 1
        leader.says("A commit was not confirmed; looking whether it is there")
        assert code(live.asks("ES")) == "symbol_pending"
        assert live.status()["epoch"] == "1"
        assert live.status()["reserved"] == "ES long 1 by ibs-ES"
        leader.says("ES entry allowed: long 1 | Slots: 1/4 | ibs-ES")
        assert leader.texts().count("ES entry allowed: long 1 | Slots: 1/4 | ibs-ES") == 1


def test_a_network_that_swallows_every_answer_for_a_while_costs_the_lead_and_nothing_else(
    live: Live, server: EmbeddedServer, portfolio: str
) -> None:
    with proxy_to(server.port) as network, coordinating(network.url, portfolio) as leader:
        network.lose("answer", b":decisions", times=8)
        assert code(live.asks("ES")) == "allowed"
        leader.says(READY, times=2)
        assert code(live.asks("ES")) == "symbol_pending"


@pytest.mark.parametrize("said", ["CoordinatorStarted", "LimitsChanged"])
def test_what_the_leader_says_itself_and_is_not_told_of_is_not_in_force_twice(
    live: Live, server: EmbeddedServer, portfolio: str, said: str
) -> None:
    # The answer that is lost is to be that of the event, and not that to what a fresh server is given first.
    with connect(under(COORDINATOR, server.url, portfolio)) as first:
        first.ping()
    with proxy_to(server.port) as network:
        network.lose("answer", said.encode())
        with coordinating(network.url, portfolio):
            live.all_decided()
        assert network.lost == 1
        assert [fields["epoch"] for fields in live.said("CoordinatorStarted")] == ["1", "2"]
        assert len(live.said("LimitsChanged")) == 1


# --- lost workers ---------------------------------------------------------------------------------------


def test_a_worker_whose_heartbeat_lapses_is_lost_and_one_that_goes_on_is_not(
    start: Starter, live: Live, tmp_path: Path
) -> None:
    watchful = {"worker_lost_seconds": 0.1, "heartbeat_seconds": 0.02}
    start(config_folder(tmp_path / "config", runtime=watchful))
    live.starts("ibs-ES", symbols="ES")
    live.starts("ibs-CL", symbols="CL")
    assert code(live.asks("ES")) == "allowed"
    live.bus.beat("ibs-ES", "s1", 1)  # its last
    until(lambda: live.said("WorkerLost"), "a lost worker")
    live.all_decided()
    assert live.said("WorkerLost") == [
        {"type": "WorkerLost", "worker": "ibs-ES", "session": "s1", "silent_ms": "100"}
    ]
    assert live.status()["workers"] == "ibs-ES lost, ibs-CL up"
    assert (live.status()["slots_used"], live.status()["unsettled"]) == ("1", "ES of ibs-ES: maybe_filled")
    assert [code(live.asks(symbol)) for symbol in ("ES", "CL")] == ["worker_lost", "allowed"]


def test_a_heartbeat_of_another_session_does_not_keep_a_dead_one_alive(
    start: Starter, live: Live, tmp_path: Path
) -> None:
    watchful = {"worker_lost_seconds": 0.1, "heartbeat_seconds": 0.02}
    start(config_folder(tmp_path / "config", runtime=watchful))
    live.starts("ibs-ES", session="s1")
    live.bus.beat("ibs-ES", "s2", 60_000)
    until(lambda: live.said("WorkerLost"), "a lost worker")
    live.starts("ibs-ES", session="s2")
    assert live.status()["workers"] == "ibs-ES up"


# --- the status -----------------------------------------------------------------------------------------


FAMILIAR = {
    "max_positions": 4,
    "open_positions_count": 1,
    "open_positions": ["ES"],
    "daily_pnl": -1005.0,
    "stopped_out": False,
    "stats": {
        "total_entries_requested": 3,
        "total_entries_allowed": 2,
        "total_entries_blocked": 1,
        "total_exits": 1,
        "stop_loss_triggers": 0,
        "block_rate": 0.333,
    },
}


def test_the_status_has_the_familiar_keys_as_text_and_as_values(led: Live) -> None:
    led.enters("ES", "CL")
    led.closes("CL", pnl="-1005", price="99", commission="5")
    led.asks("ES")
    shown = led.status()
    assert shown["current_day"] == led.state.day.date != ""
    assert shown["stats"] == (
        "total_entries_requested=3 total_entries_allowed=2 total_entries_blocked=1 total_exits=1 "
        "stop_loss_triggers=0 block_rate=0.333"
    )
    values = values_on(led.bus)
    assert {name: values[name] for name in FAMILIAR} == FAMILIAR
    assert view_in({}) is None


def test_after_each_commit_the_status_is_as_if_it_were_written_at_once(led: Live) -> None:
    for said in (
        lambda: led.enters("ES", "CL"),
        lambda: led.marks("ES", "120"),
        lambda: led.closes("CL", "-20"),
        led.halt,
        led.resume,
    ):
        said()
        status = led.status()
        known = {name: status[name] for name in ("leader", "durability", "clock")}
        at = StreamId.parse(status["last_event"])
        assert status == status_fields(portfolio_view(led.state, at, **known))


def test_a_line_counts_what_is_open_at_its_event_and_not_at_the_end_of_the_batch(
    start: Starter, live: Live
) -> None:
    symbols = ("ES", "CL", "SI")
    live.publishes_all(
        live.next_of(PositionOpened, f"ibs-{symbol}", symbol=symbol, side="long", size=1, price=Decimal(100))
        for symbol in symbols
    )
    leader = start()
    leader.says("Opened: ", times=3)
    opened = [text for text in leader.texts() if text.startswith("Opened: ")]
    assert opened == [
        f"Opened: {symbol} long 1 @ 100 | ibs-{symbol} | Open positions: {count}"
        for count, symbol in enumerate(symbols, 1)
    ]


def test_before_any_limits_the_status_can_be_read() -> None:
    bare = status_values(PortfolioView())
    assert bare["max_positions"] == 0
    assert bare["open_positions"] == []
