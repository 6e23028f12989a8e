"""Whatever else is written on the log or under a key: refused with the reason, and nobody is ended by it."""

import re
from pathlib import Path
from typing import Any

from portfold.coordinator.views.order_outcome import outcome_of
from portfold.events.codec import encode_checked
from portfold.events.decisions import EventRejected
from portfold.events.incoming import EntryRequested, TradingHalted
from tests.coordinator.process.leaders import Starter
from tests.coordinator.story import HOUR, code, kinds
from tests.live import Live
from tests.processes import NOT_COORDINATING, Coordinators, config_folder, more_tries
from tests.seen import values_on
from tests.waiting import until


def fill(**changed: str) -> list[str | bytes]:
    """A PositionOpened, with some of it changed."""
    right = {
        "worker": "w",
        "session": "s",
        "seq": "1",
        "symbol": "ES",
        "side": "long",
        "size": "1",
        "price": "1",
    }
    return ["type", "PositionOpened", *(word for pair in (right | changed).items() for word in pair)]


def halt(*words: str | bytes) -> list[str | bytes]:
    return ["type", "TradingHalted", *words]


GARBAGE: list[tuple[list[str | bytes], str]] = [
    (["", ""], "type: missing; expected one of EntryRequested, "),
    (["type", "Nonsense"], "type: expected one of EntryRequested, "),
    (["type", "EntryAllowed", "worker", "w"], "type: expected one of EntryRequested, "),
    (["x" * 100_000, "y" * 100_000], "type: missing"),
    (halt("by", "me"), "TradingHalted.reason: missing; expected at most 500 printable characters"),
    (halt("by", "me", "by", "you", "reason", ""), "TradingHalted.by: expected once"),
    (halt("by", "me", "reason", "x", "why", "y"), "TradingHalted.why: not a field"),
    (halt("by", b"\xff\xfe", "reason", "x"), "TradingHalted.by: expected who"),
    (halt("by", "me\x1b[2J", "reason", "x"), "TradingHalted.by: expected who"),
    (halt("by", "me", "reason", "x" * 501), "TradingHalted.reason: expected at most"),
    (fill(seq="1e3"), "PositionOpened.seq: expected a whole number"),
    (fill(price="NaN"), "PositionOpened.price: expected a finite price"),
    (fill(price="-Infinity"), "PositionOpened.price: expected a finite price"),
    (fill(size="0"), "PositionOpened.size: expected a whole number of contracts"),
    (fill(side="LONG"), "PositionOpened.side: expected long or short"),
    (fill(worker="a b"), "PositionOpened.worker: expected a name"),
    (
        ["type", "WorkerLost", "worker", "w", "session", "s", "silent_ms", "1"],
        "WorkerLost: w has no session s",
    ),
]


def test_an_entry_that_is_no_event_is_rejected_with_the_reason_and_the_next_is_decided(led: Live) -> None:
    for count, (words, reason) in enumerate(GARBAGE, 1):
        [rejected] = led.decided(led.by_hand(*words))
        assert isinstance(rejected, EventRejected)
        assert rejected.reason.startswith(reason)
        assert led.status()["events_rejected"] == str(count)
    assert code(led.asks("ES")) == "allowed"


def test_an_id_that_leaves_no_room_for_an_answer_is_passed_over(led: Live) -> None:
    ahead = led.bus.now_ms() + 1000
    assert led.decided(led.by_hand("type", "Nonsense", at=f"{ahead}-{2**64 - 1}")) == []
    assert code(led.asks("ES")) == "allowed"


def test_an_id_in_the_far_future_halts_and_says_why_and_ends_nothing(led: Live) -> None:
    led.by_hand("type", "ClockTicked", at="253402300800000-0")  # the year 10000
    until(lambda: led.status()["halted"] == "true", "the halt")
    assert "ahead of the server's clock" in led.status()["halt_reason"]
    assert code(led.asks("ES")) == "halted"


def test_a_status_that_was_removed_is_whole_again_with_the_next_event(led: Live, client: Any) -> None:
    led.enters("ES")
    before = led.status()
    for command, *words in (["DEL"], ["HDEL", "max_positions", "stats", "view"], ["SET", "somebody's text"]):
        client.execute_command(command, led.keys.status, *words)
        led.asks("ES")
        until(lambda: len(led.status()) == len(before), "all of the status")
        assert led.status()["open_positions"] == "ES"
        assert values_on(led.bus)["max_positions"] == 4


def test_a_key_overwritten_by_hand_ends_nothing_and_put_right_it_goes_on(
    coordinators: Coordinators, live: Live, client: Any
) -> None:
    leader = coordinators.start()
    live.enters("ES")
    aside = f"{live.keys.prefix}:aside"
    for times, name in enumerate((live.keys.events, live.keys.decisions, live.keys.head), 1):
        with client.pipeline(transaction=True) as at_once:
            at_once.rename(name, aside).set(name, "somebody's text").execute()
        if name != live.keys.events:
            live.publishes(live.next_of(EntryRequested, "ibs-CL", symbol="ES", side="long", size=1))
        why = leader.says(NOT_COORDINATING, times=times)["why"]
        assert why.startswith(("Redis refused", "The decisions stream refuses"))
        client.rename(aside, name)
        live.all_decided()
        assert code(live.asks("ES")) == "symbol_in_position"
    assert leader.running


def test_a_lease_overwritten_by_hand_is_waited_for(
    coordinators: Coordinators, live: Live, client: Any
) -> None:
    leader = coordinators.start()
    with client.pipeline(transaction=True) as at_once:
        at_once.delete(live.keys.leader).hset(live.keys.leader, "some", "hash").execute()
    assert "WRONGTYPE" in leader.says(NOT_COORDINATING)["why"]
    client.delete(live.keys.leader)
    assert code(live.asks("ES")) == "allowed"


def test_a_heartbeat_key_of_another_type_is_no_heartbeat_and_no_trouble(
    start: Starter, live: Live, client: Any, tmp_path: Path
) -> None:
    watchful = {"worker_lost_seconds": 0.1, "heartbeat_seconds": 0.02}
    start(config_folder(tmp_path / "config", runtime=watchful))
    live.starts("ibs-ES")
    with client.pipeline(transaction=True) as at_once:
        at_once.delete(live.keys.worker("ibs-ES")).hset(live.keys.worker("ibs-ES"), "some", "hash").execute()
    until(lambda: live.said("WorkerLost"), "a lost worker")
    assert code(live.asks("CL")) == "allowed"


def test_who_writes_to_the_decisions_stops_the_coordinator_which_says_the_way_out(
    coordinators: Coordinators, live: Live, client: Any
) -> None:
    leader = coordinators.start()
    live.enters("ES")
    live.all_decided()
    ahead = f"{live.bus.now_ms() + HOUR}-0"
    client.execute_command("XADD", live.keys.decisions, ahead, "type", "EntryAllowed")
    ask = live.next_of(EntryRequested, "ibs-CL", symbol="CL", side="long", size=1)
    request = live.publishes(ask)
    why = leader.says(NOT_COORDINATING)["why"]
    assert f"Something else wrote to {live.keys.decisions}" in why
    assert not live.has_decided(request)
    last = re.search(r"copy it, up to (\d+-\d+), to a new stream, and RENAME that over it", why)
    assert last is not None
    for at, fields in client.xrange(live.keys.decisions, "-", last[1]):
        client.xadd(f"{live.keys.prefix}:ours", fields, at)
    client.rename(f"{live.keys.prefix}:ours", live.keys.decisions)
    assert kinds(live.decided(request)) == ["EntryAllowed"]


DEAF = "9999999999999-184467440737095517"
"""An ID that only a hand writes: neither it nor any event after it can be answered, for centuries."""


def test_an_id_that_leaves_no_room_for_answers_is_refused_once_and_not_led(
    start: Starter, live: Live, client: Any
) -> None:
    leading = start()
    head = client.hgetall(live.keys.head)
    live.by_hand("type", "ClockTicked", at=DEAF)
    why = leading.says(NOT_COORDINATING)["why"]
    assert DEAF in why
    assert "start another portfolio" in why
    more_tries(client)
    assert live.bus.leader() is None
    assert live.said("TradingHalted") == []  # no flood of them either
    assert client.hget(live.keys.head, "cursor") == head["cursor"]
    assert leading.texts().count(NOT_COORDINATING) == 1


def test_an_order_that_nobody_can_answer_says_so(live: Live) -> None:
    live.by_hand("type", "ClockTicked", at=DEAF)
    order = live.bus.append(encode_checked(TradingHalted(by="jane", reason="panic")))
    outcome = outcome_of(live.bus, order, wait_seconds=0.1)
    assert "no order has effect" in outcome.rejected
