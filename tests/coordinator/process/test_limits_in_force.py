"""Which limits a leader puts in force, and that no file loosens by itself what somebody ordered."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portfold.config import load
from portfold.coordinator.configured import configured_limits, no_looser, unwatched_limits
from portfold.coordinator.fold.limits import limits_of
from tests.coordinator.process.leaders import Starter, in_force
from tests.coordinator.story import code, limits
from tests.live import Live
from tests.processes import READY, Coordinators, config_folder


def test_the_configured_limits_are_published_once_and_not_again_at_a_restart(
    start: Starter, live: Live, tmp_path: Path
) -> None:
    config = config_folder(tmp_path / "config", limits={"max_positions": 3})
    for _ in range(2):
        start(config)
    [changed] = live.said("LimitsChanged")
    assert (changed["by"], changed["max_positions"], changed["max_contracts"]) == ("coordinator", "3", "3")
    assert changed["daily_stop_loss"] == "2500"
    assert in_force(live) == "3"


def test_limits_an_operator_ordered_outlive_a_restart_and_the_difference_is_said(
    start: Starter, live: Live, tmp_path: Path
) -> None:
    config = config_folder(tmp_path / "config")
    start(config)
    live.hears(limits(by="ann", reason="careful", max_positions=2))
    second = start(config)
    assert in_force(live) == "2"
    warned = second.says("The configuration differs from the limits in force")
    assert (warned["in_force_by"], warned["max_positions"]) == ("ann", 2)
    assert len(live.said("LimitsChanged")) == 2


def test_what_an_edited_file_loosens_waits_for_the_order_that_the_line_names(
    start: Starter, live: Live, tmp_path: Path
) -> None:
    folder = tmp_path / "config"
    start(
        config_folder(folder, limits={"max_positions": 3, "daily_stop_loss": 2500, "symbols": ["ES", "CL"]})
    )
    edited = {"max_positions": 5, "daily_stop_loss": 2000, "symbols": ["ES", "NQ"]}
    config_folder(folder, limits=edited, runtime={"reservation_seconds": 45})
    warned = start(folder).says("The configuration is new and looser than the limits in force")
    assert "max_positions, max_contracts, symbols stay as set by coordinator" in warned["event"]
    assert warned["event"].endswith(
        "portfold limits --max-positions 5 --max-contracts 5 --symbols ES,NQ --by NAME --reason TEXT"
    )
    status = live.status()
    assert (in_force(live), status["daily_stop_loss"]) == ("3", "2000")
    assert "symbols=ES; " in status["limits"]
    assert live.said("LimitsChanged")[-1]["reservation_ms"] == "45000"
    assert status["limits_waiting"].endswith("reservation_ms=45000 (now 30000)")
    assert (
        start(folder)
        .says("The configuration differs from the limits in force")["event"]
        .endswith(
            "portfold limits --max-positions 5 --max-contracts 5 --symbols ES,NQ --by NAME --reason TEXT"
        )
    )
    ordered = {"max_positions": 5, "max_contracts": 5, "daily_stop_loss": Decimal(2000)}
    live.hears(limits(by="ann", second="joe", reason="as in the file", symbols="ES NQ", **ordered))
    start(folder)
    assert (in_force(live), live.status()["limits_by"]) == ("5", "ann")


def test_nobodys_tighter_limit_is_loosened_by_a_file_however_many_come_and_whoever_set_it(
    start: Starter, live: Live, tmp_path: Path
) -> None:
    folder = tmp_path / "config"

    def comes(number: int, **portfolio: int) -> tuple[str, str]:
        start(config_folder(folder, limits=portfolio, runtime={"reservation_seconds": number}))
        return in_force(live), live.status()["daily_stop_loss"]

    assert comes(31, max_positions=3, daily_stop_loss=2500) == ("3", "2500")
    live.hears(
        limits(by="ann", second="joe", reason="careful", max_positions=2, daily_stop_loss=Decimal(3000))
    )
    assert comes(32, max_positions=5, daily_stop_loss=2000) == ("2", "2000")
    assert live.said("LimitsChanged")[-1]["by"] == "ann"
    assert comes(33, max_positions=1, daily_stop_loss=1500) == ("1", "1500")
    assert comes(34, max_positions=5, daily_stop_loss=2600) == ("1", "1500")
    live.hears(
        limits(by="ann", second="joe", reason="as ever", max_positions=3, daily_stop_loss=Decimal(2500))
    )
    live.hears(limits(by="program mine.py", reason="its arguments", max_positions=1))
    assert comes(35, max_positions=4, daily_stop_loss=2500)[0] == "1"
    assert live.said("LimitsChanged")[-1]["by"] == "program mine.py"


def test_a_standbys_file_that_never_was_in_force_loosens_nothing_at_a_change_of_leader(
    coordinators: Coordinators, live: Live, tmp_path: Path
) -> None:
    first = coordinators.start(config=config_folder(tmp_path / "new", limits={"max_positions": 2}))
    never = config_folder(tmp_path / "never", limits={"max_positions": 4, "daily_stop_loss": 900})
    second = coordinators.start(config=never, ready=False)
    second.says("Standing by")
    first.kill()
    second.says("The configuration is new and looser than the limits in force")
    second.says(READY)
    assert (in_force(live), live.status()["daily_stop_loss"]) == ("2", "900")


@pytest.mark.parametrize(
    ("by", "before", "file", "after"),
    [
        ("coordinator", ("total", "flatten"), ("realized", "hold"), ("total", "flatten")),
        ("coordinator", ("realized", "hold"), ("total", "flatten"), ("total", "flatten")),
        ("program mine.py", ("realized", "hold"), ("total", "flatten"), ("total", "flatten")),
        ("ann", ("total", "flatten"), ("realized", "hold"), ("total", "flatten")),
        ("ann", ("realized", "hold"), ("total", "flatten"), ("realized", "hold")),
    ],
)
def test_what_counts_for_the_stop_and_what_a_lost_worker_means_is_loosened_by_a_person_only(
    by: str, before: tuple[str, str], file: tuple[str, str], after: tuple[str, str]
) -> None:
    state = limits_of(limits(by=by, stop_loss_on=before[0], on_worker_lost=before[1]))
    named = limits(by="coordinator", stop_loss_on=file[0], on_worker_lost=file[1], config="a" * 64)
    found = no_looser(state, named)
    assert (found.stop_loss_on, found.on_worker_lost) == after


def test_what_a_person_chose_is_not_called_looser_where_the_file_is_tighter(
    start: Starter, live: Live, tmp_path: Path
) -> None:
    folder, tighter = tmp_path / "config", {"stop_loss_on": "total", "on_worker_lost": "flatten"}
    start(config_folder(folder))
    live.hears(
        limits(by="ann", second="joe", reason="as ever", stop_loss_on="realized", on_worker_lost="hold")
    )
    warned = start(config_folder(folder, runtime=tighter)).says("The configuration is new")["event"]
    assert "looser" not in warned
    assert warned.startswith(
        "The configuration is new, but the limits in force keep stop_loss_on, on_worker_lost as chosen by "
        "ann, which no file changes. "
    )
    assert warned.endswith(
        "portfold limits --stop-loss-on total --on-worker-lost flatten --by NAME --reason TEXT"
    )
    looser = config_folder(folder, limits={"max_positions": 9}, runtime=tighter)
    warned = start(looser).says("The configuration is new and looser")["event"]
    assert (
        "max_positions, max_contracts stay as set by ann; and stop_loss_on, on_worker_lost as chosen by ann, "
        "which no file changes. "
    ) in warned


@pytest.mark.parametrize("snapshot", ["kept", "lost"])
def test_a_configuration_that_was_replaced_is_not_put_in_force_again_by_itself(
    start: Starter, live: Live, client: Any, tmp_path: Path, snapshot: str
) -> None:
    old = config_folder(tmp_path / "old", limits={"max_positions": 4})
    start(old)
    start(config_folder(tmp_path / "new", limits={"max_positions": 2}))
    live.hears(limits(by="jane", reason="one only", max_positions=1))
    if snapshot == "lost":
        client.delete(live.keys.snapshot)
    standby = start(old)
    assert in_force(live) == "1"
    assert (
        "portfold limits --max-positions 4 " in standby.says("The configuration was in force before")["event"]
    )
    live.hears(limits(by="jane", second="joe", reason="as in the file", max_positions=4))
    assert in_force(live) == "4"
    start(config_folder(tmp_path / "edited", limits={"max_positions": 3}))
    assert in_force(live) == "3"


def test_the_packaged_default_starts_a_portfolio_but_never_changes_one(
    start: Starter, live: Live, tmp_path: Path
) -> None:
    config = config_folder(tmp_path / "config", limits={"max_positions": 2, "daily_stop_loss": 900})
    start(config)
    by_default = start()
    by_default.says("The configuration differs from the limits in force")
    assert in_force(live) == "2"
    assert live.status()["daily_stop_loss"] == "900"
    live.enters("ES", "CL")
    assert code(live.asks("SI")) == "max_positions"


def test_a_log_on_which_no_account_is_reported_watches_none(tmp_path: Path) -> None:
    account = {"name": "DU1", "source": "paper", "on_silence": "deny"}
    found = load(str(config_folder(tmp_path / "mine", runtime={"account": account})), {}, tmp_path)
    plain = load(str(config_folder(tmp_path / "plain")), {}, tmp_path)
    assert configured_limits(found).account == "DU1"
    assert unwatched_limits(found) == configured_limits(plain)
    assert unwatched_limits(plain) == configured_limits(plain)


def test_a_coordinator_that_starts_with_a_looser_file_loosens_nothing_not_even_tomorrow(
    start: Starter, live: Live, tmp_path: Path
) -> None:
    start(config_folder(tmp_path / "mine", limits={"max_positions": 2}))
    again = start(config_folder(tmp_path / "looser", limits={"max_positions": 5}))
    again.says("The configuration is new and looser than the limits in force")
    assert (in_force(live), live.status()["limits_waiting"]) == ("2", "")


def test_what_a_file_changes_without_a_direction_waits_for_the_next_trading_day(
    start: Starter, live: Live, tmp_path: Path
) -> None:
    start(config_folder(tmp_path / "mine", runtime={"reservation_seconds": 30}))
    start(config_folder(tmp_path / "other", runtime={"reservation_seconds": 45}))
    status = live.status()
    assert "reservation_ms=30000" in status["limits"]
    assert status["limits_waiting"].endswith("ordered by coordinator: reservation_ms=45000 (now 30000)")
    live.hears(limits(by="ann", second="joe", reason="now", reservation_ms=45_000))
    assert live.status()["limits_waiting"] == ""


def test_what_waits_is_kept_over_a_restart_without_a_snapshot(
    start: Starter, live: Live, client: Any, tmp_path: Path
) -> None:
    config = config_folder(tmp_path / "mine", limits={"max_positions": 2})
    start(config)
    live.hears(limits(by="ann", reason="more", max_positions=5))
    waits = live.status()["limits_waiting"]
    assert "max_positions=5 (now 2)" in waits
    client.delete(live.keys.snapshot)
    start(config)
    assert (in_force(live), live.status()["limits_waiting"]) == ("2", waits)
