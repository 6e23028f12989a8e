"""The leader on a real server: every event decided once and in order, whatever else is written there."""

import io
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Protocol

import pytest

from portfold.config import load
from portfold.coordinator.configured import no_looser
from portfold.coordinator.fold.limits import limits_of
from portfold.coordinator.process.process import CoordinatorProcess
from portfold.coordinator.views.order_outcome import outcome_of
from portfold.coordinator.views.status import read_status
from portfold.events.codec import Fields, encode_checked
from portfold.events.decisions import EntryAllowed, EntryDenied, EntryExpired, EventRejected
from portfold.events.incoming import ClockTicked, EntryRequested, EntryWithdrawn, TradingHalted
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.embedded import EmbeddedServer
from portfold.log import open_log
from tests.coordinator.story import HOUR, SECOND, code, each, kinds, limits, only
from tests.live import Live, flat, read
from tests.processes import (
    READY,
    Coordinators,
    CoordinatorThread,
    Logged,
    config_folder,
    coordinating,
    more_tries,
)
from tests.proxy import proxy_to
from tests.waiting import until

NOT_COORDINATING = "Not coordinating, so no entry is answered; trying again"
MARCH = 1_583_330_400_000
"""4 March 2020, 08:00 in Chicago: long past, so no clock but the log's can show it."""


class Starter(Protocol):
    """Starts a coordinator in a thread, after stopping the one before: a restart where nobody is killed."""

    def __call__(
        self, config: Path | None = None, *, clock: Literal["server", "driven"] = "server", url: str = ""
    ) -> CoordinatorThread: ...


@pytest.fixture
def start(server: EmbeddedServer, portfolio: str) -> Iterator[Starter]:
    with ExitStack() as until_the_end:

        def started(
            config: Path | None = None, *, clock: Literal["server", "driven"] = "server", url: str = ""
        ) -> CoordinatorThread:
            until_the_end.close()
            leader = coordinating(url or server.url, portfolio, config=config, clock=clock)
            return until_the_end.enter_context(leader)

        yield started


@pytest.fixture
def led(start: Starter, live: Live) -> Live:
    """The test's portfolio with a coordinator."""
    start()
    return live


# --- once, and in order ---------------------------------------------------------------------------------


def test_events_of_many_writers_are_decided_once_each_in_the_order_of_the_log(
    coordinators: Coordinators, live: Live, server: EmbeddedServer, portfolio: str
) -> None:
    symbols = ["6A", "6B", "6C", "6N", "6S", "CL", "ES", "PL"]
    half_written = threading.Barrier(9)

    def write(symbol: str) -> None:
        bus = Bus(connect(server.url), portfolio)
        said = {"worker": f"ibs-{symbol}", "session": "s1", "symbol": symbol}
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
        leader.says("ES entry allowed: long 1 | Slots: 1/4")
        assert leader.texts().count("ES entry allowed: long 1 | Slots: 1/4") == 1


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
    with proxy_to(server.port) as network:
        network.lose("answer", said.encode())
        with coordinating(network.url, portfolio):
            live.all_decided()
        assert network.lost == 1
        assert [fields["epoch"] for fields in live.said("CoordinatorStarted")] == ["1", "2"]
        assert len(live.said("LimitsChanged")) == 1


# --- two leaders, in one process so that every step is chosen --------------------------------------------


class Stepped(Logged):
    """A coordinator in this very thread, that takes its next step when told to, and leads after the first."""

    def __init__(self, bus: Bus, who: str, config: Path, *, finds: str = READY) -> None:
        self._said, self._stop = io.StringIO(), threading.Event()
        log, self._lines = open_log(who, target=self._said)
        process = CoordinatorProcess(
            load(str(config), {}, config), bus, clock="server", log=log, stop=self._stop, who=who
        )
        self._steps = process.steps()
        self.step()
        self.says(finds)

    @property
    def running(self) -> bool:
        return True

    def written(self) -> str:
        return self._said.getvalue()

    def step(self) -> None:
        """Reads, decides and commits once, or finds out that it must not."""
        next(self._steps)

    def close(self) -> None:
        self._stop.set()
        for _ in self._steps:
            pass
        self._lines.close()


@pytest.fixture
def stepped(live: Live, tmp_path: Path) -> Iterator[Callable[[str], Stepped]]:
    """Makes coordinators whose lease would last a minute."""
    config = config_folder(tmp_path / "config", runtime={"lease_ms": 60_000})
    with ExitStack() as made:
        yield lambda who: made.enter_context(closing(Stepped(live.bus, who, config)))


def test_a_leader_whose_lease_went_to_another_cannot_commit_a_line(
    stepped: Callable[[str], Stepped], live: Live, client: Any
) -> None:
    first = stepped("ann")
    client.delete(live.keys.leader)  # as if it lapsed while ann was paused between two steps
    second = stepped("bob")
    tick = live.publishes(ClockTicked())
    first.step()
    assert first.says("Stepped down")["why"] == "Epoch 2 leads now, ours was 1."
    assert not live.has_decided(tick)
    second.step()
    live.decided(tick)


class Meddled(Bus):
    """A bus whose leader is held up just before it says its limits: `meanwhile` is done first, once."""

    def __init__(self, url: str, portfolio: str, meanwhile: Callable[[], object]) -> None:
        super().__init__(connect(url), portfolio)
        self._meanwhile = [meanwhile]

    def lead_append(self, fields: Fields, stamp: str, *, epoch: int) -> StreamId | None:
        if fields[1] == "LimitsChanged" and self._meanwhile:
            self._meanwhile.pop()()
        return super().lead_append(fields, stamp, epoch=epoch)


def test_a_leader_that_was_paused_before_it_said_its_limits_does_not_say_them_after_another_leads(
    server: EmbeddedServer, portfolio: str, live: Live, client: Any, tmp_path: Path
) -> None:
    lease = {"lease_ms": 60_000}
    loose = config_folder(tmp_path / "loose", limits={"max_positions": 4}, runtime=lease)
    tight = config_folder(tmp_path / "tight", limits={"max_positions": 2}, runtime=lease)
    with ExitStack() as made:

        def another_leads() -> None:
            client.delete(live.keys.leader)
            made.enter_context(closing(Stepped(live.bus, "bob", tight)))

        bus = made.enter_context(closing(Meddled(server.url, portfolio, another_leads)))
        ann = made.enter_context(closing(Stepped(bus, "ann", loose, finds="Standing by")))
        assert ann.says("Stepped down")["why"] == "Another leads by now; ours was epoch 1."
        live.all_decided()
        assert in_force(live) == "2"
        assert len(live.said("LimitsChanged")) == 1


def test_a_leader_that_finds_the_event_decided_already_cannot_decide_it_again(
    stepped: Callable[[str], Stepped], live: Live, client: Any
) -> None:
    first = stepped("ann")
    client.delete(live.keys.leader)
    second = stepped("bob")
    ask = live.next_of(EntryRequested, "ibs-ES", symbol="ES", side="long", size=1)
    request = live.publishes(ask)
    second.step()
    first.step()
    first.says("Stepped down")
    assert kinds(live.decided(request)) == ["EntryAllowed"]


def test_a_head_that_somebody_moved_is_not_written_over(
    stepped: Callable[[str], Stepped], live: Live, client: Any
) -> None:
    leader = stepped("ann")
    client.hset(live.keys.head, "cursor", "5-5")
    live.publishes(ClockTicked())
    leader.step()
    assert leader.says("Stepped down")["why"].startswith("The head is at 5-5, and not where we left it")
    assert client.hget(live.keys.head, "cursor") == "5-5"


# --- limits ---------------------------------------------------------------------------------------------


def in_force(live: Live) -> str:
    return live.status()["max_positions"]


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
        "portfold limits --max-positions 5 --max-contracts 5 --symbols 'ES NQ' --by NAME --reason TEXT"
    )
    status = live.status()
    assert (in_force(live), status["daily_stop_loss"]) == ("3", "2000")
    assert "symbols=ES; " in status["limits"]
    assert live.said("LimitsChanged")[-1]["reservation_ms"] == "45000"
    assert (
        start(folder)
        .says("The configuration differs from the limits in force")["event"]
        .endswith(
            "portfold limits --max-positions 5 --max-contracts 5 --symbols 'ES NQ' --by NAME --reason TEXT"
        )
    )
    ordered = {"max_positions": 5, "max_contracts": 5, "daily_stop_loss": Decimal(2000)}
    live.hears(limits(by="ann", reason="as in the file", symbols="ES NQ", **ordered))
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
    live.hears(limits(by="ann", reason="careful", max_positions=2, daily_stop_loss=Decimal(3000)))
    assert comes(32, max_positions=5, daily_stop_loss=2000) == ("2", "2000")
    assert live.said("LimitsChanged")[-1]["by"] == "ann"
    assert comes(33, max_positions=1, daily_stop_loss=1500) == ("1", "1500")
    assert comes(34, max_positions=5, daily_stop_loss=2600) == ("1", "1500")
    live.hears(limits(by="ann", reason="as ever", max_positions=3, daily_stop_loss=Decimal(2500)))
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
    live.hears(limits(by="jane", reason="as in the file", max_positions=4))
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


# --- time -----------------------------------------------------------------------------------------------


def test_where_the_clock_is_driven_the_leader_says_everything_at_the_time_of_the_last_event(
    start: Starter, live: Live
) -> None:
    live.publishes(ClockTicked(), MARCH)
    start(clock="driven")
    live.all_decided()
    assert [(entry.fields[1], entry.id.ms) for entry in live.events()] == [
        ("ClockTicked", MARCH),
        ("CoordinatorStarted", MARCH),
        ("LimitsChanged", MARCH),
    ]
    assert live.status()["current_day"] == "2020-03-04"


def test_where_the_clock_is_driven_nothing_falls_due_until_an_event_brings_the_time(
    start: Starter, live: Live
) -> None:
    live.publishes(ClockTicked(), MARCH)
    start(clock="driven")
    ask = live.next_of(EntryRequested, "ibs-ES", symbol="ES", side="long", size=1)
    [allowed] = live.hears(ask, at=MARCH + SECOND)
    assert isinstance(allowed, EntryAllowed)
    assert allowed.expires_ms == MARCH + 31 * SECOND
    assert live.hears(ClockTicked(), at=MARCH + 31 * SECOND - 1) == []
    assert only(EntryExpired, live.hears(ClockTicked(), at=MARCH + 31 * SECOND)).symbol == "ES"
    assert only_day(live.hears(ClockTicked(), at=MARCH + 9 * HOUR)) == "2020-03-05"
    assert len(live.said("ClockTicked")) == 4  # all of them ours


def only_day(decisions: list[Any]) -> str:
    [started] = decisions
    return str(started.day)


def test_a_driven_clock_stands_still_through_a_restart(start: Starter, live: Live) -> None:
    live.publishes(ClockTicked(), MARCH)
    start(clock="driven")
    start(clock="driven")
    live.all_decided()
    assert {entry.id.ms for entry in live.events()} == {MARCH}


@pytest.mark.parametrize("traffic", [False, True], ids=["nothing else happens", "events come all the time"])
def test_a_reservation_expires_when(traffic: bool, start: Starter, live: Live, tmp_path: Path) -> None:
    short = {
        "reservation_seconds": 0.2,
        "answer_seconds": 0.1,
        "heartbeat_seconds": 0.1,
        "worker_lost_seconds": 0.3,
    }
    start(config_folder(tmp_path / "config", runtime=short))
    assert code(live.asks("ES")) == "allowed"

    def is_free() -> bool:
        if traffic:
            live.publishes(TradingHalted(by="ann", reason="again"))
        return live.status()["slots_used"] == "0"

    until(is_free, "the slot to be free again")
    live.all_decided()
    live.agrees()
    [expired] = [entry for entry in live.decisions() if isinstance(read(entry), EntryExpired)]
    [allowed] = each(EntryAllowed, map(read, live.decisions()))
    because = next(entry for entry in live.events() if str(entry.id) == flat(expired)["event"])
    assert because.fields == ["type", "ClockTicked"]
    assert because.id.ms >= allowed.expires_ms


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


# --- whatever else is written ---------------------------------------------------------------------------


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
    for command, *words in (["DEL"], ["HDEL", "max_positions", "stats"], ["SET", "somebody's text"]):
        client.execute_command(command, led.keys.status, *words)
        led.asks("ES")
        until(lambda: len(led.status()) == len(before), "all of the status")
        assert led.status()["open_positions"] == "ES"
        assert read_status(led.status())["max_positions"] == 4


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


# --- a log that is not the one that was decided ---------------------------------------------------------


@pytest.mark.parametrize("which", ["first", "last", "all"])
def test_a_log_with_an_event_taken_out_is_not_led_and_no_entry_is_answered(
    coordinators: Coordinators, live: Live, client: Any, which: str
) -> None:
    coordinators.start().kill()
    ids = [str(entry.id) for entry in live.events()]
    gone = {"first": ids[:1], "last": ids[-1:], "all": ids}[which]
    head = client.hgetall(live.keys.head)
    client.xdel(live.keys.events, *gone)
    refusing = coordinators.start(ready=False)
    why = refusing.says(NOT_COORDINATING)["why"]
    assert "does not lead to the head" in why
    assert "Restore the log, or start another portfolio." in why
    ask = live.next_of(EntryRequested, "ibs-ES", symbol="ES", side="long", size=1)
    request = live.publishes(ask)
    epoch = int(client.hget(live.keys.head, "epoch"))
    more_tries(client)
    assert int(client.hget(live.keys.head, "epoch")) == epoch  # it never had the lease
    assert live.bus.leader() is None
    assert live.bus.decisions_of(request) == []
    assert client.hmget(live.keys.head, "cursor", "chain") == [head["cursor"], head["chain"]]
    assert refusing.stop() == 0


def test_a_log_restored_from_a_copy_is_led_again(coordinators: Coordinators, live: Live, client: Any) -> None:
    first = coordinators.start()
    live.enters("ES")
    first.kill()
    copy = f"{live.keys.prefix}:copy"
    client.copy(live.keys.events, copy)
    client.xtrim(live.keys.events, maxlen=2, approximate=False)
    refusing = coordinators.start(ready=False)
    refusing.says(NOT_COORDINATING)
    client.rename(copy, live.keys.events)
    refusing.says(READY)
    assert code(live.asks("ES")) == "symbol_in_position"


def test_a_head_that_is_gone_while_its_decisions_are_there_is_not_made_up(
    coordinators: Coordinators, live: Live, client: Any
) -> None:
    coordinators.start().kill()
    client.delete(live.keys.head)
    refusing = coordinators.start(ready=False)
    why = refusing.says(NOT_COORDINATING)["why"]
    assert f"{live.keys.head} is gone" in why
    assert refusing.stop() == 0


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
    values = read_status(shown)
    assert {name: values[name] for name in FAMILIAR} == FAMILIAR
    assert read_status({}) == {}


def test_before_any_limits_the_status_can_be_read() -> None:
    bare = {"max_positions": "", "daily_pnl": "0.00"}
    assert read_status(bare)["max_positions"] == 0
    assert read_status(bare)["open_positions"] == []


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
