"""Operators' orders as commands and by hand: on record with who and why, in the status, whatever restarts."""

import json
import re
import threading
from typing import Any

import pytest

from portfold.cli.exits import FAILED, OK, UNUSABLE
from portfold.cli.operate.flattening import until_flat
from portfold.events.stream_id import StreamId
from tests.cli.command_line import Ran
from tests.coordinator.story import code
from tests.live import flat
from tests.seen import values_on
from tests.stop.floor import QUICK, Floor, Role
from tests.waiting import until

JANE = ("--by", "jane", "--reason", "the news")


def on_record(floor: Floor, said: str) -> dict[str, str]:
    """The event that a command says it has put on the log."""
    named = re.search(r"[Oo]n record as ([0-9]+-[0-9]+)", said)
    assert named, said
    [event] = [entry for entry in floor.live.events() if entry.id == StreamId.parse(named[1])]
    return flat(event)


def as_json(ran: Ran) -> dict[str, Any]:
    """The one object that a command says on standard output."""
    assert ran.code == OK, ran.err
    [line] = ran.out.splitlines()
    told: dict[str, Any] = json.loads(line)
    return told


def restarted(floor: Floor) -> dict[str, object]:
    """The status after kill -9 of the coordinator and another one."""
    floor.leader.kill()
    floor.opens()
    floor.live.all_decided()
    return values_on(floor.live.bus)


# --- as commands ------------------------------------------------------------------------------------------


def test_halt_and_resume(floor: Floor) -> None:
    floor.opens()
    halted = floor.portfold("halt", *JANE)
    assert (halted.code, halted.out.splitlines()[0].startswith("Trading is halted. On record")) == (OK, True)
    assert on_record(floor, halted.out) == {"type": "TradingHalted", "by": "jane", "reason": "the news"}
    assert code(floor.live.asks("ES")) == "halted"
    status = restarted(floor)
    assert (status["halted"], status["halted_by"], status["halt_reason"]) == (True, "jane", "the news")
    assert code(floor.live.asks("ES")) == "halted"

    resumed = floor.portfold("resume", *JANE)
    assert resumed.code == OK
    assert on_record(floor, resumed.out)["type"] == "TradingResumed"
    assert restarted(floor)["halted"] is False
    assert code(floor.live.asks("ES")) == "allowed"


def test_a_resume_after_a_stop_is_refused_unless_forced_and_the_force_is_on_record(floor: Floor) -> None:
    floor.opens()
    floor.opens_a_loser()
    floor.loses_too_much()
    floor.is_flat()
    refused = floor.portfold("resume", *JANE)
    assert refused.code == FAILED
    assert re.fullmatch(
        r"portfold: Refused, on record as \S+: TradingResumed: stopped out on \S+; "
        r"force=true lifts the stop, on record\n",
        refused.err,
    )
    assert "force" not in on_record(floor, refused.err)
    assert restarted(floor)["stopped_out"] is True
    assert code(floor.live.asks("ES")) == "stopped_out"

    forced = floor.portfold("resume", "--force", *JANE)
    assert forced.code == OK
    assert on_record(floor, forced.out)["force"] == "true"
    assert restarted(floor)["stopped_out"] is False
    assert code(floor.live.asks("ES")) == "allowed"


def test_flatten(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(until_flat, "_LONGEST_MS", 60_000)  # a machine may be busy
    [worker] = floor.opens(Role("ES"))
    worker.enters(5000)
    ordered = floor.portfold("flatten", *JANE)
    assert (ordered.code, ordered.out.split(" On record")[0]) == (
        OK,
        "Flattening is ordered, and trading is halted.",
    )
    assert on_record(floor, ordered.out)["type"] == "FlattenRequested"
    assert re.search(r"^Flat after [0-9. ms]+\.$", ordered.out, re.MULTILINE), "it waited for that"
    again = as_json(floor.portfold("flatten", "--now", "--json", *JANE))
    assert (again["decided"], again["flat"], again["open"], again["nobody"]) == (True, True, [], [])
    assert type(again["took_ms"]) is int
    floor.is_flat()
    assert floor.closed_by() == ["ES:ibs-ES by ibs-ES"]
    assert floor.live.said("PositionClosed")[0]["reason"] == "ordered by jane"
    assert restarted(floor)["halted_by"] == "jane"
    assert code(floor.live.asks("CL")) == "halted"


def test_limits_stay_as_ordered_and_what_is_not_named_as_it_was(floor: Floor) -> None:
    floor.opens()
    changed = floor.portfold("limits", "--max-positions", "1", *JANE)
    assert (changed.code, changed.out.split(" On record")[0]) == (OK, "The limits are changed.")
    assert on_record(floor, changed.out)["max_positions"] == "1"
    status = restarted(floor)
    assert (status["max_positions"], status["daily_stop_loss"], status["limits_by"]) == (1, 2500, "jane")
    assert [code(floor.live.asks(symbol)) for symbol in ("ES", "CL")] == ["allowed", "max_positions"]


def test_two_orders_of_limits_while_nobody_coordinates_are_both_in_force_then(floor: Floor) -> None:
    floor.opens()
    floor.leader.kill()
    for words in (("--max-positions", "1"), ("--daily-stop-loss", "900")):
        changed = floor.portfold("limits", *words, *JANE)
        assert "No coordinator leads now" in changed.out
    status = restarted(floor)
    assert (status["max_positions"], status["daily_stop_loss"]) == (1, 900)


def test_settle_says_what_is_really_held_and_the_symbol_may_be_traded_again(floor: Floor) -> None:
    floor.opens()
    floor.live.starts("ibs-CL", positions="CL:long:1:70")
    assert code(floor.live.asks("CL", worker="by-hand")) == "symbol_unsettled"
    settled = floor.portfold("settle", "CL", "ibs-CL", "--size", "0", "--pnl", "-310", *JANE)
    assert (settled.code, settled.out.split(" On record")[0]) == (OK, "CL of ibs-CL is settled.")
    event = on_record(floor, settled.out)
    assert (event["type"], event["size"], event["pnl"], event["by"]) == (
        "PositionSettled",
        "0",
        "-310",
        "jane",
    )
    status = restarted(floor)
    assert (status["unsettled"], status["open_positions"], status["daily_pnl"]) == ("", [], -310)
    assert code(floor.live.asks("CL", worker="by-hand")) == "allowed"

    again = floor.portfold("settle", "CL", "ibs-CL", "--size", "0", "--pnl", "-310", *JANE)
    assert (again.code, "the log says so already" in again.err) == (FAILED, True)


def test_settle_makes_up_no_price_for_what_is_held(floor: Floor) -> None:
    refused = floor.portfold("settle", "CL", "ibs-CL", "--size", "1", *JANE)
    assert refused.code == UNUSABLE
    assert "--price: expected the entry price of the 1 CL held" in refused.err
    assert floor.live.events() == []


def test_a_lost_worker_is_retired_on_record_and_its_symbol_is_free_whatever_restarts(floor: Floor) -> None:
    floor.opens()
    floor.live.starts("ibs-CL", symbols="CL")
    floor.live.loses_worker("ibs-CL")
    floor.live.client.delete(floor.live.keys.worker("ibs-CL"))
    assert code(floor.live.asks("CL", worker="another")) == "worker_lost"
    retired = floor.portfold("retire", "ibs-CL", *JANE)
    assert (retired.code, retired.out.split(" On record")[0]) == (OK, "ibs-CL is retired.")
    assert on_record(floor, retired.out) == {
        "type": "WorkerRetired",
        "by": "jane",
        "reason": "the news",
        "worker": "ibs-CL",
    }
    assert "ibs-CL retired" in str(restarted(floor)["workers"])
    assert code(floor.live.asks("CL", worker="another")) == "allowed"


def test_a_worker_that_lives_or_holds_something_is_not_retired(floor: Floor) -> None:
    floor.configure(**QUICK)
    [worker] = floor.opens(Role("ES"))
    alive = floor.portfold("retire", "ibs-ES", *JANE)
    assert (alive.code, floor.live.said("WorkerRetired")) == (FAILED, [])
    assert alive.err == (
        "portfold: ibs-ES is alive: it gives signs of life. Stop it first; only a lost worker is retired.\n"
    )
    worker.enters(5000)
    worker.kill()
    until(lambda: floor.live.said("WorkerLost"), "the worker lost")
    holding = floor.portfold("retire", "ibs-ES", *JANE)
    assert (holding.code, "ibs-ES holds ES long 1: flatten, or" in holding.err) == (FAILED, True)
    ordered = floor.portfold("flatten", *JANE)
    assert (ordered.code, floor.live.said("PositionClosed")) == (OK, [])
    not_flat = "NOT FLAT, still open: ES long 1 (ibs-ES). Nobody alive closes it: start a flattener, "
    assert not_flat in ordered.out
    told = as_json(floor.portfold("flatten", "--json", *JANE))
    assert (told["decided"], told["flat"], told["took_ms"]) == (True, False, None)
    assert told["open"] == told["nobody"] == [{"symbol": "ES", "side": "long", "size": 1, "worker": "ibs-ES"}]
    assert not_flat in told["said"]


def decides_on_and_on(floor: Floor, ended: threading.Event) -> None:
    """Something is decided every hundredth of a second, for half a minute at most."""
    for _ in range(3000):
        floor.live.by_hand("type", "Nonsense")
        if ended.wait(0.01):
            return


def test_what_nobody_alive_closes_is_named_within_seconds_however_much_is_decided_meanwhile(
    floor: Floor,
) -> None:
    floor.opens()
    floor.live.enters("ES", "CL")
    floor.live.client.delete(floor.live.keys.worker("ibs-CL"))
    ended = threading.Event()
    deciding = threading.Thread(target=decides_on_and_on, args=[floor, ended])
    deciding.start()
    try:
        ordered = floor.portfold("flatten", *JANE)
        assert deciding.is_alive(), "it waited for a pause in what is decided"
    finally:
        ended.set()
        deciding.join()
    assert re.search(
        r"^NOT FLAT after .+, still open: CL long 1 \(ibs-CL\), ES long 1 \(ibs-ES\)\. Nobody alive closes "
        r"CL long 1 \(ibs-CL\): start a flattener, portfold flattener.*\. The rest goes on being closed: ",
        ordered.out,
        re.MULTILINE,
    ), ordered.out


# --- without a coordinator --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("halt",), "TradingHalted"),
        (("resume",), "TradingResumed"),
        (("flatten",), "FlattenRequested"),
        (("settle", "ES", "ibs-ES", "--size", "0", "--pnl", "-5"), "PositionSettled"),
    ],
)
def test_an_order_is_on_record_though_nobody_coordinates(
    floor: Floor, words: tuple[str, ...], kind: str
) -> None:
    ordered = floor.portfold(*words, *JANE)
    assert ordered.code == OK
    assert "No coordinator leads now; it takes effect when one does." in ordered.out
    instead = "What cannot wait: portfold flatten --url"
    assert (instead in ordered.out) == (words == ("flatten",)), (
        "the kill switch reaches the workers all the same"
    )
    event = on_record(floor, ordered.out)
    assert (event["type"], event["by"], event["reason"]) == (kind, "jane", "the news")


def test_a_script_is_told_that_nobody_has_decided_on_its_flatten(floor: Floor) -> None:
    told = as_json(floor.portfold("flatten", "--json", *JANE))
    assert (told["decided"], told["flat"], told["took_ms"], told["open"]) == (False, False, None, [])
    assert told["event"] == str(floor.live.events()[-1].id)
    refused = floor.portfold("flatten", "--json", "--worker", "", *JANE)
    assert (refused.code, refused.out) == (UNUSABLE, "")


def test_a_halt_ordered_before_any_coordinator_was_there_holds_from_its_first_moment(floor: Floor) -> None:
    floor.portfold("halt", *JANE)
    floor.opens()
    assert code(floor.live.asks("ES")) == "halted"


# --- by hand ----------------------------------------------------------------------------------------------


def by_hand(floor: Floor, *words: str) -> str:
    """An order as redis-cli writes it: why it was refused, or nothing."""
    outcome = floor.outcome(floor.live.by_hand("type", *words, "by", "joe", "reason", "phone"))
    assert outcome.folded
    return outcome.rejected


def test_every_order_can_be_written_by_hand(floor: Floor) -> None:
    floor.opens()
    assert by_hand(floor, "TradingHalted") == ""
    assert code(floor.live.asks("ES")) == "halted"
    assert by_hand(floor, "TradingResumed") == ""
    floor.live.starts("ibs-CL", positions="CL:long:1:70")
    size = ("symbol", "CL", "worker", "ibs-CL", "side", "long", "size", "0", "price", "0", "pnl", "-310")
    assert by_hand(floor, "PositionSettled", *size) == ""
    assert floor.live.status()["daily_pnl"] == "-310.00"
    assert by_hand(floor, "FlattenRequested") == ""
    assert floor.live.status()["halted_by"] == "joe"
    assert by_hand(floor, "TradingResumed") == ""
    assert code(floor.live.asks("ES")) == "allowed"


def test_after_a_stop_the_hand_needs_force_too(floor: Floor) -> None:
    floor.opens()
    floor.opens_a_loser()
    floor.loses_too_much()
    assert "stopped out" in by_hand(floor, "TradingResumed")
    assert by_hand(floor, "TradingResumed", "force", "true") == ""
    assert code(floor.live.asks("ES")) == "allowed"


def test_an_order_written_badly_by_hand_says_what_was_expected(floor: Floor) -> None:
    floor.opens()
    refused = floor.outcome(floor.live.by_hand("type", "TradingHalted", "reason", "no name")).rejected
    assert refused == "TradingHalted.by: missing; expected who, in 1 to 64 printable characters"
