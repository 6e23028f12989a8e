"""The coordinator as a process: only one decides at a time, and no trouble around it loses the log."""

import signal
from pathlib import Path
from typing import Any

from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from tests.coordinator.process.answered import is_answered, unhurried
from tests.live import Live
from tests.processes import NOT_COORDINATING, READY, Coordinators, config_folder, more_tries
from tests.proxy import proxy_to
from tests.server import EmbeddedServer
from tests.waiting import until

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
