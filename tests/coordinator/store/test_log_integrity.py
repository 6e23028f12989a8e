"""A log that does not add up is not led, and the sentence says the way out; one that does is led."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from portfold.config import load
from portfold.coordinator.audit.record.record import LiveRecord
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.store import log_integrity
from portfold.coordinator.store.log_integrity import LogIntegrityLost, NothingLost
from portfold.coordinator.views.overview import missed_at_the_end
from portfold.events.decisions import Decision
from portfold.events.incoming import ClockTicked, EntryRequested
from portfold.events.stream_id import ORIGIN, StreamId
from tests.cli.command_line import called
from tests.coordinator.story import code
from tests.live import Live, read
from tests.processes import NOT_COORDINATING, READY, CoordinatorThread, coordinating
from tests.server import EmbeddedServer
from tests.waiting import until

WAY_OUT = "portfold acknowledge --by NAME --reason TEXT"


Coordinating = Callable[[], CoordinatorThread]


@pytest.fixture
def begin(server: EmbeddedServer, portfolio: str) -> Iterator[Coordinating]:
    """Starts coordinators in threads of this process, and ends them with the test."""
    started: list[CoordinatorThread] = []

    def begin() -> CoordinatorThread:
        thread = CoordinatorThread(
            load(None, {}, Path("/")), url=server.url, portfolio=portfolio, clock="server"
        )
        started.append(thread)
        return thread

    yield begin
    for thread in started:
        thread.stop()


def ask(live: Live, symbol: str) -> StreamId:
    return live.publishes(live.next_of(EntryRequested, f"ibs-{symbol}", symbol=symbol, side="long", size=1))


def refuses(coordinator: CoordinatorThread) -> str:
    """Why it does not lead."""
    return str(coordinator.says(NOT_COORDINATING)["why"])


def acknowledge(live: Live) -> StreamId:
    return log_integrity.acknowledge(
        live.bus, lambda: missed_at_the_end(live.bus), by="jane", reason="the broker is flat"
    )


# --- what nobody had read yet ---------------------------------------------------------------------------


def test_an_event_that_vanished_before_anybody_decided_on_it_is_missed_until_somebody_answers_for_it(
    decided: Live, client: Any, begin: Coordinating
) -> None:
    gone, waiting = ask(decided, "CL"), ask(decided, "SI")
    client.xdel(decided.keys.events, str(gone))
    coordinator = begin()
    why = refuses(coordinator)
    assert why.startswith("Events vanished before anybody decided on them: 1 (")
    assert WAY_OUT in why
    assert not decided.has_decided(waiting)

    event = acknowledge(decided)
    coordinator.says(READY)
    decided.decided(event)
    assert decided.bus.decisions_of(gone) == []
    assert code(decided.decided(waiting)[0]) == "allowed"
    [said] = decided.said("LossAcknowledged")
    assert (said["by"], said["reason"]) == ("jane", "the broker is flat")
    assert said["detail"] in why
    assert decided.status()["loss_acknowledged"].startswith(
        f"by jane at {event}: the broker is flat | Events"
    )
    assert verify(LiveRecord(decided.bus)).difference is None  # what is there was decided, and nothing else


def test_events_trimmed_before_anybody_ever_coordinated_are_missed_too(
    live: Live, client: Any, begin: Coordinating
) -> None:
    for symbol in ("ES", "CL", "SI"):
        ask(live, symbol)
    client.xtrim(live.keys.events, maxlen=1, approximate=False)
    coordinator = begin()
    assert refuses(coordinator).startswith("Events vanished before anybody decided on them: 2 (")
    acknowledge(live)
    coordinator.says(READY)
    assert code(live.asks("ES")) == "allowed"


def test_what_vanishes_while_it_leads_is_noticed_within_moments(
    live: Live, client: Any, begin: Coordinating
) -> None:
    coordinator = begin()
    coordinator.says(READY)
    in_one_step = (
        "return redis.call('XDEL', KEYS[1], redis.call('XADD', KEYS[1], '*', 'type', 'ClockTicked'))"
    )
    client.eval(in_one_step, 1, live.keys.events)
    assert refuses(coordinator).startswith("Events vanished before anybody decided on them: 1 (")
    acknowledge(live)
    coordinator.says(READY, times=2)
    assert code(live.asks("ES")) == "allowed"


def test_what_vanishes_is_noticed_under_steady_traffic_too(
    live: Live, client: Any, begin: Coordinating
) -> None:
    coordinator = begin()
    coordinator.says(READY)
    one_that_stays_and_one_that_goes = (
        "redis.call('XADD', KEYS[1], '*', 'type', 'ClockTicked');"
        "return redis.call('XDEL', KEYS[1], redis.call('XADD', KEYS[1], '*', 'type', 'ClockTicked'))"
    )
    client.eval(one_that_stays_and_one_that_goes, 1, live.keys.events)

    def refused_in_traffic() -> bool:
        live.publishes(ClockTicked())  # the next is there before the leader has waited for it
        return NOT_COORDINATING in coordinator.texts()

    until(refused_in_traffic, "a refusal while events come without a pause")
    assert refuses(coordinator).startswith("Events vanished before anybody decided on them: 1 (")


def test_the_log_of_a_leader_that_is_deleted_is_noticed_within_moments(
    live: Live, client: Any, begin: Coordinating
) -> None:
    coordinator = begin()
    coordinator.says(READY)
    live.enters("ES")
    client.delete(live.keys.events)
    assert "before the head at" in refuses(coordinator)


# --- what was decided -----------------------------------------------------------------------------------


def test_what_is_decided_may_be_trimmed_and_the_log_adds_up(
    decided: Live, client: Any, begin: Coordinating
) -> None:
    client.xtrim(decided.keys.events, maxlen=2, approximate=False)
    begin().says(READY)
    assert code(decided.asks("ES", worker="asker")) == "symbol_in_position"
    with pytest.raises(NothingLost, match="nothing to acknowledge"):
        acknowledge(decided)


def test_a_log_that_was_deleted_and_begun_anew_is_not_taken_for_the_old_one(
    decided: Live, client: Any, begin: Coordinating
) -> None:
    client.delete(decided.keys.events)
    waiting = ask(decided, "CL")
    coordinator = begin()
    why = refuses(coordinator)
    assert why.startswith("The log was deleted and begun anew, or put together without its count: ")
    acknowledge(decided)
    coordinator.says(READY)
    until(lambda: decided.has_decided(waiting), "an answer")
    assert decided.status()["open_positions"] == "ES"  # as the snapshot has it, which is all there is
    assert code(decided_on(decided, ask(decided, "ES"))) == "symbol_in_position"
    coordinator.stop()
    begin().says(READY)


def decided_on(live: Live, event: StreamId) -> Decision:
    """The first decision on an event, on a log that cannot be decided again from its beginning."""
    until(lambda: live.has_decided(event), "a decision")
    return read(live.bus.decisions_of(event)[0])


@pytest.fixture
def cut_off(server: EmbeddedServer, portfolio: str, live: Live, client: Any) -> Live:
    """The head goes on to where the log, put back from a copy, does not."""
    with coordinating(server.url, portfolio):
        live.enters("ES")
        client.copy(live.keys.events, f"{live.keys.prefix}:copy")
        live.enters("CL")
    client.rename(f"{live.keys.prefix}:copy", live.keys.events)
    return live


def test_a_log_that_ends_before_the_head_is_named_and_can_be_gone_on_from_by_the_snapshot(
    cut_off: Live, begin: Coordinating
) -> None:
    head, last = until(cut_off.bus.head, "a head").cursor, cut_off.bus.last_event()
    coordinator = begin()
    why = refuses(coordinator)
    assert why.startswith(f"The log ends at {last}, before the head at {head}: its end is missing.")
    assert WAY_OUT in why
    event = acknowledge(cut_off)
    assert event > head
    coordinator.says(READY)
    assert cut_off.status()["open_positions"] == "CL, ES"


def test_from_then_on_an_audit_says_where_it_stops_and_a_restart_needs_the_snapshot(
    cut_off: Live, client: Any, begin: Coordinating
) -> None:
    last = cut_off.bus.last_event()
    acknowledge(cut_off)
    for _ in range(2):  # a restart goes on from the snapshot
        coordinator = begin()
        coordinator.says(READY)
        coordinator.stop()
    client.delete(cut_off.keys.snapshot)
    found = verify(LiveRecord(cut_off.bus)).difference
    assert found is not None
    assert found.proven <= last < found.event
    assert found.sentence.endswith(f"event {found.event} is not there.")
    assert "does not lead to the head" in refuses(begin())


def test_without_a_snapshot_it_cannot_and_both_the_coordinator_and_the_command_say_so(
    cut_off: Live, client: Any, begin: Coordinating
) -> None:
    client.delete(cut_off.keys.snapshot)
    why = refuses(begin())
    assert "its end is missing, and no snapshot has what it came to" in why
    assert "Restore the log, or start another portfolio." in why
    assert WAY_OUT not in why
    before = cut_off.events(), client.hgetall(cut_off.keys.head)["folded"]
    with pytest.raises(LogIntegrityLost, match=r"Restore the log, or start another portfolio\."):
        acknowledge(cut_off)
    assert (cut_off.events(), client.hgetall(cut_off.keys.head)["folded"]) == before


def test_nothing_is_added_before_the_head_however_slow_the_servers_clock(cut_off: Live, client: Any) -> None:
    ahead = cut_off.bus.now_ms() + 60_000
    client.hset(cut_off.keys.head, "cursor", f"{ahead}-0")
    head = until(cut_off.bus.head, "a head")
    done = cut_off.bus.acknowledge(
        ["type", "x"], cursor=head.cursor, folded=head.folded, folded_from_now=1, cut_off=True
    )
    assert (done.outcome, done.event) == ("clock", ORIGIN)
    assert until(cut_off.bus.head, "a head") == head


def test_an_acknowledgement_of_what_is_no_longer_so_changes_nothing(decided: Live) -> None:
    head = until(decided.bus.head, "a head")
    before = decided.events()
    for cursor, folded in ((ORIGIN, head.folded), (head.cursor, head.folded + 1)):
        done = decided.bus.acknowledge(
            ["type", "x"], cursor=cursor, folded=folded, folded_from_now=1, cut_off=False
        )
        assert done.outcome == "moved"
    assert (decided.events(), decided.bus.head()) == (before, head)


# --- the command ----------------------------------------------------------------------------------------


def test_the_command_answers_for_a_loss_once_and_says_when_there_is_none(
    decided: Live, server: EmbeddedServer, portfolio: str, client: Any, tmp_path: Path, begin: Coordinating
) -> None:
    words = ("acknowledge", "--by", "jane", "--reason", "flat", "--url", server.url, "--portfolio", portfolio)
    client.xdel(decided.keys.events, str(ask(decided, "CL")))
    coordinator = begin()
    refuses(coordinator)
    first = called(*words, cwd=tmp_path)
    assert (first.code, first.err) == (0, "")
    assert "On record as" in first.out
    coordinator.says(READY)
    again = called(*words, cwd=tmp_path)
    assert again.code == 1
    assert "nothing to acknowledge" in again.err
    assert len(decided.said("LossAcknowledged")) == 1
    shown = called("status", "--url", server.url, "--portfolio", portfolio, cwd=tmp_path).out
    told = " ".join(shown.split())
    assert "Log whole, " in told
    assert "loss acknowledged by jane at " in told
