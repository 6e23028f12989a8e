"""Whose limits are in force, a program's or the configuration's, and what a drop-in makes of arguments."""

import threading
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.coordinator.fold.limits import changed_limits
from portfold.dollars import CENT, gross_pnl
from portfold.events.codec import RefusedField
from portfold.events.roles.keyring import with_new_key
from portfold.workers.compat.callbacks import call
from portfold.workers.compat.naming import name_of_this_process
from portfold.workers.compat.positions import PricedLeg, implied_exit, side_and_size
from tests.live import Live
from tests.processes import config_folder, coordinating
from tests.seen import seen_on
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.compat.office import Office

pytestmark = pytest.mark.usefixtures("listen_briefly")


# --- whose limits ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("coordinator")
def test_limits_in_force_hold_and_the_difference_is_loud(office: Office, live: Live) -> None:
    old = office(10, 9000.0)
    assert (old.max_positions, old.daily_stop_loss) == (4, 2500.0)
    assert office.logs("LIMITS DIFFER") == (
        "LIMITS DIFFER: this program asks for max_positions=10, daily_stop_loss=$9,000, and in force are "
        "max_positions=4, daily_stop_loss=$2,500, set by coordinator: those hold"
    )
    assert len(live.said("LimitsChanged")) == 1


@pytest.mark.usefixtures("coordinator")
@pytest.mark.parametrize("stop", [2500, 2500.0, -2500.0])
def test_equal_limits_are_no_difference(office: Office, stop: float) -> None:
    office(4, stop).get_status()
    assert not [line for line in office.logged() if "LIMITS" in line]


@pytest.mark.usefixtures("coordinator")
def test_limits_may_be_numpys_numbers(office: Office, live: Live) -> None:
    office(np.int64(2), np.float32(800.5))
    assert _in_force(live) == ("2", "800.5", "program old")


def _in_force(live: Live) -> tuple[str, str, str]:
    live.all_decided()
    status = live.status()
    return status["max_positions"], status["daily_stop_loss"], status["limits_by"]


def _becomes(live: Live, positions: str, stop: str) -> None:
    until(lambda: _in_force(live)[:2] == (positions, stop), f"limits of {positions} and {stop}")


def test_limits_that_are_refused_are_not_said_to_be_in_force(
    office: Office, live: Live, server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events are to be proved, and the program has no key: nor does it go on and on ordering them."""
    with_new_key(tmp_path / "keys.json", "coordinator")
    monkeypatch.setenv("PORTFOLD_KEYS", str(tmp_path / "keys.json"))
    with coordinating(server.url, live.keys.name):
        old = office(2, 800.0)
        assert "NOT in force" in office.logs("These limits")
        old.get_status()
        assert live.status()["limits_by"] == "coordinator"
        assert [said["by"] for said in live.said("LimitsChanged")] == ["coordinator", "program old"]


def test_where_no_limits_are_in_force_the_arguments_are_put_in_force(
    office: Office, live: Live, server: EmbeddedServer, portfolio: str
) -> None:
    first = office(2, 800, worker="first")
    second = office(3, 900, worker="second")
    assert (first.max_positions, first.daily_stop_loss) == (2, 800.0)
    with coordinating(server.url, portfolio):  # with the packaged default, which changes nobody's limits
        assert _in_force(live) == ("2", "800", "program first")
        assert first.can_open_position("ES")
        assert second.max_positions == 2
        office.logs(
            "LIMITS DIFFER: this program asks for max_positions=3, daily_stop_loss=$900, and in force"
        )


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_programs_the_tighter_limits_hold_whoever_starts_first(
    office: Office, live: Live, server: EmbeddedServer, portfolio: str, order: tuple[int, int]
) -> None:
    asked = [(2, 900), (3, 800)]
    for number in order:
        office(*asked[number], worker=f"program-{number}")
    with coordinating(server.url, portfolio):
        _becomes(live, "2", "800")


def test_programs_that_start_at_once_come_to_the_tightest(
    office: Office, live: Live, server: EmbeddedServer, portfolio: str
) -> None:
    with coordinating(server.url, portfolio):
        asked = [(4, 500), (3, 900), (2, 1200), (1, 2000)]
        threads = [
            threading.Thread(target=partial(office, *one, worker=f"at-once-{one[0]}")) for one in asked
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        _becomes(live, "1", "500")


@pytest.mark.parametrize("first", ["program", "coordinator"])
def test_of_a_program_and_a_configuration_the_tighter_limits_hold_whoever_starts_first(
    office: Office, live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path, first: str
) -> None:
    folder = config_folder(tmp_path / "asked", limits={"max_positions": 3, "daily_stop_loss": 1500})
    if first == "program":
        office(2, 4000.0)
    with coordinating(server.url, portfolio, config=folder):
        if first == "coordinator":
            office(2, 4000.0)
        _becomes(live, "2", "1500")


@pytest.mark.usefixtures("coordinator")
def test_what_a_person_ordered_is_not_undone(office: Office, live: Live) -> None:
    old = office(2, 400.0)
    _becomes(live, "2", "400")
    read = seen_on(live.bus).limits
    live.hears(
        changed_limits(
            read, {"max_positions": "6", "daily_stop_loss": "5000"}, by="ann", reason="room", second="joe"
        )
    )
    old.portfolio.look_at_limits()
    office(1, 100.0, worker="later")
    assert _in_force(live)[:2] == ("6", "5000")
    office.logs("set by ann: those hold")


# --- leaves ----------------------------------------------------------------------------------------------


@given(
    side=st.sampled_from(["long", "short"]),
    size=st.integers(1, 50),
    entry=st.decimals(-100_000, 100_000, places=7),
    pnl=st.decimals(-1_000_000, 1_000_000, places=2),
    point_value=st.sampled_from([Decimal(value) for value in ("5", "50", "1000", "12500000", "62500")]),
)
def test_the_exit_price_that_is_made_up_gives_the_pnl_that_was_told(
    side: Any, size: int, entry: Decimal, pnl: Decimal, point_value: Decimal
) -> None:
    leg = PricedLeg("ES", side, size, entry, "old", datetime.now(UTC))
    price, told = implied_exit(leg, pnl, point_value)
    assert abs(gross_pnl(side, entry, price, size, point_value) - told) <= CENT
    assert abs(told - pnl) <= CENT + point_value * size * Decimal("1e-10")


@given(size=st.integers(-10_000, 10_000).filter(bool))
def test_a_signed_size_is_a_side_and_contracts(size: int) -> None:
    assert side_and_size("ES", float(size)) == ("long" if size > 0 else "short", abs(size))


@pytest.mark.parametrize("size", [0, 0.0, 1.5, float("inf"), float("nan"), None, "x"])
def test_a_size_that_means_none_is_refused(size: Any) -> None:
    with pytest.raises(RefusedField, match="size: expected whole contracts of ES"):
        side_and_size("ES", size)


@pytest.mark.parametrize(
    ("callback", "given_to_it"),
    [
        (lambda: (), ()),
        (lambda reason: (reason,), ("stop",)),
        (lambda reason, context: (reason, context), ("stop", {})),
        (lambda *everything: everything, ("stop", {})),
        (lambda reason, context=None, more=1: (reason, context, more), ("stop", {}, 1)),
    ],
)
def test_a_callback_gets_as_many_arguments_as_it_takes(
    callback: Any, given_to_it: tuple[object, ...]
) -> None:
    assert call(callback, "stop", {}) == given_to_it


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["strategy.py", "ES"], "strategy-ES"),
        (["old system/live_worker.py"], "live_worker"),
        (["-c"], "python"),
        ([""], "python"),
        (["x.py", "--symbols", "ES,CL"], "x---symbols-ES-CL"),
    ],
)
def test_a_process_is_named_by_its_command_line(words: list[str], name: str) -> None:
    assert name_of_this_process(words) == name


def test_long_command_lines_that_differ_get_names_that_differ() -> None:
    one, other = (name_of_this_process(["x.py", "s" * 100 + end]) for end in "ab")
    assert len(one) == len(other) == 64
    assert one != other
