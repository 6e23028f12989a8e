"""The coordinator as a process: it goes on where it was, whoever kills it, and only one decides at a time."""

import signal
import threading
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from portfold.coordinator.fold.state import State
from portfold.events.codec import encode_checked
from portfold.events.decisions import EntryAllowed, EntryDenied
from portfold.events.incoming import EntryRequested, EntryWithdrawn
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.embedded import EmbeddedServer
from tests.coordinator.story import code, each
from tests.live import Live, flat, read
from tests.processes import READY, ChildProcess, Coordinators, config_folder, more_tries
from tests.proxy import proxy_to
from tests.waiting import until

NOT_COORDINATING = "Not coordinating, so no entry is answered; trying again"


def portfolio_of(state: State) -> dict[str, Any]:
    """The state without what says who leads."""
    known = msgspec.to_builtins(state)
    assert isinstance(known, dict)
    return {name: value for name, value in known.items() if name not in ("epoch", "led_since_ms")}


def portfolio_in(status: dict[str, str]) -> dict[str, str]:
    """The status without what says who leads and how far the log goes."""
    return {name: text for name, text in status.items() if name not in {"epoch", "leader", "last_event"}}


def unhurried(tmp_path: Path) -> Path:
    """A configuration whose lease and reservations outlast a machine that has no time for anybody."""
    return config_folder(tmp_path / "config", runtime={"lease_ms": 4_000, "reservation_seconds": 3_600})


def a_full_day(live: Live) -> None:
    """Something of everything that a restart could forget."""
    live.enters("ES", "CL", "6A")
    live.marks("ES", "-400")
    live.closes("CL", pnl="-1500", commission="5", price="98.505")
    live.asks("SI")
    live.halt()
    live.starts("ibs-RTY", positions="RTY:short:1:2000.5")
    live.asks("PL")


def is_answered(live: Live, symbol: str = "PL") -> str:
    """Somebody coordinates: the code of an answer, and the slot given back."""
    answer = live.asks(symbol, worker="asker")
    live.withdraws(symbol, worker="asker")
    return code(answer)


# --- restart --------------------------------------------------------------------------------------------


def end_in_good_order(coordinator: ChildProcess) -> None:
    assert coordinator.stop() == 0


@pytest.mark.parametrize("ends", [end_in_good_order, ChildProcess.kill])
def test_after_a_restart_everything_is_as_it_was(
    coordinators: Coordinators, live: Live, tmp_path: Path, ends: Any
) -> None:
    config = unhurried(tmp_path)
    first = coordinators.start(config=config)
    a_full_day(live)
    state, status = portfolio_of(live.state), live.status()
    ends(first)
    coordinators.start(config=config)
    live.all_decided()
    assert portfolio_of(live.state) == state
    assert portfolio_in(live.status()) == portfolio_in(status)
    assert live.status()["epoch"] == "2"
    assert live.resume() == []
    assert [code(live.asks(symbol)) for symbol in ("ES", "SI", "PL", "6B")] == [
        "symbol_in_position",
        "symbol_pending",
        "max_positions",
        "max_positions",
    ]


def test_a_portfolio_that_was_stopped_out_stays_so_through_a_restart(
    coordinators: Coordinators, live: Live
) -> None:
    first = coordinators.start()
    live.enters("ES", "CL")
    live.closes("CL", pnl="-2500", price="97.505", commission="5")
    assert live.stopped_out
    first.kill()
    coordinators.start()
    assert code(live.asks("SI")) == "stopped_out"
    live.closes("ES", pnl="-5", commission="5")
    assert live.status()["flattening"] == ""


def test_without_a_snapshot_or_with_a_damaged_one_a_restart_arrives_at_the_same(
    coordinators: Coordinators, live: Live, client: Any, tmp_path: Path
) -> None:
    config = unhurried(tmp_path)
    first = coordinators.start(config=config)
    a_full_day(live)
    state = portfolio_of(live.state)
    first.stop()
    assert client.exists(live.keys.snapshot)
    client.delete(live.keys.snapshot)
    coordinators.start(config=config).stop()
    client.setrange(live.keys.snapshot, 200, "rubbish")
    coordinators.start(config=config).stop()
    client.delete(live.keys.snapshot)
    client.hset(live.keys.snapshot, "some", "hash")
    coordinators.start(config=config)
    live.all_decided()
    assert portfolio_of(live.state) == state


def test_a_snapshot_of_another_log_costs_time_and_never_truth(
    coordinators: Coordinators, live: Live, client: Any
) -> None:
    first = coordinators.start()
    live.enters("SI")
    first.stop()
    of_another_log = client.get(live.keys.snapshot)
    client.delete(live.keys.events, live.keys.decisions, live.keys.head)
    anew = coordinators.start()
    a_portfolio_again = Live(live.bus, client)
    a_full_day(a_portfolio_again)
    anew.kill()
    client.set(live.keys.snapshot, of_another_log)
    coordinators.start()
    assert is_answered(a_portfolio_again, "ES") == "halted"
    assert "SI" not in a_portfolio_again.open


def test_kill_9_in_the_middle_of_a_load_loses_nothing_and_decides_nothing_twice(
    coordinators: Coordinators, live: Live, server: EmbeddedServer, portfolio: str
) -> None:
    asked: list[StreamId] = []
    stop = threading.Event()

    def load() -> None:
        bus = Bus(connect(server.url), portfolio)
        for number in range(1, 60_000, 2):
            said = {"worker": "ibs-ES", "session": "s1", "symbol": "ES"}
            ask = EntryRequested(seq=number, side="long", size=1, **said)
            asked.append(bus.append(encode_checked(ask)))
            bus.append(encode_checked(EntryWithdrawn(seq=number + 1, **said)))
            if stop.is_set():
                break
        bus.close()

    first = coordinators.start()
    writer = threading.Thread(target=load)
    writer.start()
    for leader in (first, coordinators.start(ready=False), coordinators.start(ready=False)):
        until(partial(live.has_decided, live.bus.last_event()), "decisions under load")
        leader.kill()
    stop.set()
    writer.join()
    coordinators.start()
    live.all_decided()
    answers = [entry for entry in live.decisions() if isinstance(read(entry), EntryAllowed | EntryDenied)]
    assert [flat(entry)["event"] for entry in answers] == [str(request) for request in asked]
    assert len(each(EntryAllowed, map(read, answers))) == len(asked)


def test_what_was_said_while_nobody_coordinated_is_decided_by_whoever_comes_next(
    coordinators: Coordinators, live: Live
) -> None:
    coordinators.start().stop()
    request = live.publishes(live.next_of(EntryRequested, "ibs-ES", symbol="ES", side="long", size=1))
    coordinators.start()
    assert [type(decision) for decision in live.decided(request)] == [EntryAllowed]


# --- one leader at a time -------------------------------------------------------------------------------


def test_a_second_coordinator_stands_by_and_takes_over_when_the_first_is_killed(
    coordinators: Coordinators, live: Live, tmp_path: Path
) -> None:
    config = unhurried(tmp_path)
    first = coordinators.start(config=config)
    leader = live.bus.leader()
    second = coordinators.start(config=config, ready=False)
    assert second.says("Standing by")["leader"] == leader
    live.enters("ES")
    first.kill()
    second.says(READY)
    assert is_answered(live, "ES") == "symbol_in_position"
    assert live.status()["epoch"] == "2"
    assert live.bus.leader() == live.status()["leader"] != leader


def test_a_leader_that_was_paused_wakes_to_find_another_and_writes_nothing(
    coordinators: Coordinators, live: Live, tmp_path: Path
) -> None:
    config = unhurried(tmp_path)
    first = coordinators.start(config=config)
    second = coordinators.start(config=config, ready=False)
    second.says("Standing by")
    first.pause()
    live.enters("ES")  # first would decide on this too, and is waiting to be told of it
    second.says(READY)
    assert live.status()["epoch"] == "2"
    first.wake()
    first.says("Stepped down")
    first.says("Standing by")
    live.enters("CL")
    live.all_decided()
    assert live.said("CoordinatorStarted")[-1]["epoch"] == "2" == live.status()["epoch"]
    second.kill()
    first.says(READY, times=2)
    assert is_answered(live, "CL") == "symbol_in_position"
    assert live.status()["epoch"] == "3"


def test_a_clean_stop_hands_over_at_once_however_long_the_lease(
    coordinators: Coordinators, live: Live, tmp_path: Path
) -> None:
    patient = config_folder(tmp_path / "config", runtime={"lease_ms": 60_000})
    first = coordinators.start(config=patient)
    second = coordinators.start(config=config_folder(tmp_path / "config2"), ready=False)
    second.says("Standing by")
    assert first.stop() == 0
    second.says(READY)
    assert is_answered(live) == "allowed"


def test_a_standby_can_be_stopped(coordinators: Coordinators) -> None:
    coordinators.start()
    second = coordinators.start(ready=False)
    second.says("Standing by")
    assert second.stop() == 0
    assert second.texts()[-1] == "Portfolio coordinator stopped"


def test_a_lease_that_lapses_while_nobody_else_wants_it_ends_no_term(
    coordinators: Coordinators, live: Live, client: Any
) -> None:
    leader = coordinators.start()
    client.delete(live.keys.leader)  # as when the machine has no time for its leader
    until(live.bus.leader, "the lease in its hands again")
    assert is_answered(live) == "allowed"
    assert live.status()["epoch"] == "1"
    assert "Stepped down" not in leader.texts()


def test_a_coordinator_alone_that_was_paused_past_its_lease_goes_on_without_a_word(
    coordinators: Coordinators, live: Live
) -> None:
    leader = coordinators.start()
    before = leader.texts()
    leader.pause()
    until(lambda: not live.bus.leader(), "the lease to lapse")
    leader.wake()
    assert is_answered(live) == "allowed"
    assert [event["epoch"] for event in live.said("CoordinatorStarted")] == ["1"]  # else it were an alert
    told = leader.lines()[len(before) :]
    assert [line for line in told if line["level"] in ("warning", "error", "critical")] == []


def test_two_portfolios_on_one_server_do_not_see_each_other(
    coordinators: Coordinators, live: Live, server: EmbeddedServer, client: Any, portfolio: str
) -> None:
    coordinators.start()
    coordinators.start(portfolio=f"{portfolio}-b")
    bus = Bus(connect(server.url), f"{portfolio}-b")
    other = Live(bus, client)
    live.enters("ES", "CL", "6A", "6B")
    assert (is_answered(live), is_answered(other)) == ("max_positions", "allowed")
    bus.close()


# --- troubles -------------------------------------------------------------------------------------------


def test_it_says_what_it_coordinates_by_which_limits_and_on_which_server(
    coordinators: Coordinators, portfolio: str, server: EmbeddedServer
) -> None:
    leader = coordinators.start()
    assert leader.stop() == 0
    told = leader.texts()
    assert told[:3] == [
        "Portfolio optimization config loaded: max_positions=4, daily_stop_loss=$2500, "
        "optimized_symbols=6A, 6B, 6C, 6N, 6S, CL, ES, PL, RTY, SI",
        "Portfolio coordinator starting",
        "Redis found",
    ]
    assert told[-2:] == [READY, "Portfolio coordinator stopped"]
    starting, found = leader.lines()[1:3]
    assert (starting["portfolio"], starting["redis"]) == (portfolio, server.url)
    assert found["append_only_file"] == "on"


def test_it_waits_for_a_server_that_is_not_there_yet_and_survives_its_deaths(
    coordinators: Coordinators, client: Any, portfolio: str, tmp_path: Path
) -> None:
    with EmbeddedServer(tmp_path / "own") as server:
        server.stop()
        leader = coordinators.start(url=server.url, ready=False)
        assert "did not answer" in leader.says(NOT_COORDINATING)["why"]
        server.restart()
        leader.says(READY)
        bus = Bus(connect(server.url), portfolio)
        live = Live(bus, client)
        live.enters("ES")
        for times in (2, 3):
            server.kill()
            assert "did not answer" in leader.says(NOT_COORDINATING, times=times)["why"]
            server.restart()
            leader.says(READY, times=times)
        assert is_answered(live, "ES") == "symbol_in_position"
        bus.close()


def test_the_same_trouble_is_said_once_and_the_server_named_once(
    coordinators: Coordinators, live: Live, client: Any
) -> None:
    coordinators.start().kill()
    client.xtrim(live.keys.events, maxlen=0, approximate=False)
    lost = coordinators.start(ready=False)
    lost.says(NOT_COORDINATING)
    more_tries(client)
    assert lost.stop() == 0
    assert lost.texts().count(NOT_COORDINATING) == 1
    assert lost.texts().count("Redis found") == 1


def test_a_server_that_is_too_old_is_refused_with_what_is_needed(
    coordinators: Coordinators, live: Live, server: EmbeddedServer
) -> None:
    with proxy_to(server.port, replace=(b"redis_version:7.", b"redis_version:6.")) as old:
        refused = coordinators.start(url=old.url, ready=False)
        why = refused.says(NOT_COORDINATING)["why"]
        assert why.startswith("Redis 6.")
        assert why.endswith("is too old; expected 7.0 or later, or Valkey.")
        assert live.events() == []
        assert refused.stop() == 0


def test_an_impatient_ctrl_c_is_no_way_to_lose_the_log(coordinators: Coordinators, live: Live) -> None:
    first = coordinators.start()
    live.enters("ES")
    first.signal(signal.SIGINT)  # nobody handles it here: Python ends by KeyboardInterrupt
    until(lambda: not first.running, "its end")
    coordinators.start()
    assert is_answered(live, "ES") == "symbol_in_position"
