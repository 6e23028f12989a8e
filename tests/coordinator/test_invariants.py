"""What must hold in production: a planted breach is found and named, no event makes one, nobody leads by it.

That no random log breaks one is a law (`test_laws`), every story looks (`story`), and so does the simulation.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from portfold.coordinator.fold.effects import positions
from portfold.coordinator.fold.invariants import (
    CONTRACTS_RESERVED,
    INVARIANTS,
    SLOTS_RESERVED,
    InvariantBroken,
    check,
)
from portfold.coordinator.fold.state import (
    ANSWERS_REMEMBERED,
    CLOSES_REMEMBERED,
    CONFIGS_REMEMBERED,
    FILLS_OF_A_DAY,
    FILLS_REMEMBERED,
    POSITIONS_HELD,
    SESSIONS_REMEMBERED,
    UNSETTLED_HELD,
    WORKERS_REMEMBERED,
    Reservation,
    State,
    Unsettled,
    Worker,
    leg_key,
)
from portfold.coordinator.store.ledger import decide
from portfold.coordinator.store.snapshot import read_snapshot, snapshot_text
from portfold.events.chain import GENESIS
from portfold.events.codec import Fields
from portfold.events.decisions import Decision, EntryAllowed
from portfold.events.incoming import EntryRequested, PositionMarked
from portfold.events.stream_id import StreamId
from tests.audit.golden_record import Golden
from tests.audit.record.test_earlier_versions import RECORD
from tests.coordinator.process.test_two_leaders import Stepped
from tests.coordinator.published import (
    a_window_closes_everything,
    a_window_that_nobody_saw,
    stopped_without_a_word,
)
from tests.coordinator.story import Story, code
from tests.live import Live, read
from tests.processes import READY, config_folder, coordinating
from tests.server import EmbeddedServer

CL, SI = leg_key("CL", "long", "ibs-CL"), leg_key("SI", "long", "ibs-SI")
BROKEN = "INVARIANT BROKEN"
MARK: dict[str, Any] = {"symbol": "ES", "side": "long", "price": Decimal(100), "unrealized": Decimal(0)}


def a_day() -> Story:
    """ES and CL are open and being closed, SI is reserved."""
    story = Story()
    story.enters("ES", "CL")
    story.asks("SI")
    story.hears(PositionMarked("ibs-CL", "s1", 99, "CL", "long", Decimal(99), Decimal(-1000)))
    return story


def being_closed() -> Story:
    story = a_day()
    story.flatten()
    return story


# --- planted --------------------------------------------------------------------------------------------


def _asked_once_more(state: State) -> None:
    state.stats.total_entries_requested += 1


def _denied_today(state: State) -> None:
    state.day.entries_blocked += 1


def _under_another_name(state: State) -> None:
    state.positions["CL:long:ann"] = state.positions.pop(CL)


def _of_nobody(state: State) -> None:
    state.positions[CL].worker = ""
    state.positions["CL:long:"] = state.positions.pop(CL)


def _of_no_contracts(state: State) -> None:
    state.positions[CL].size = 0


def _of_tomorrow(state: State) -> None:
    state.positions[CL].opened_ms += 10**9


def _slot_of_another(state: State) -> None:
    state.reservations[SI].worker = "ann"


def _slot_for_nothing(state: State) -> None:
    state.reservations[SI].size = 0


def _asked_for_tomorrow(state: State) -> None:
    asked = StreamId.parse(state.reservations[SI].request)
    state.reservations[SI].request = str(StreamId(asked.ms + 10**9, 0))


def _asked_for_by_nothing(state: State) -> None:
    state.reservations[SI].request = "?"


def _slots(state: State) -> None:
    for worker in map(str, range(SLOTS_RESERVED)):
        state.reservations[f"ES:long:{worker}"] = Reservation("ES", "long", 1, worker, "1-0", 2)


def _contracts(state: State) -> None:
    state.reservations[SI].size = CONTRACTS_RESERVED + 1


def _not_open(state: State) -> None:
    assert state.flatten is not None
    state.flatten.left.append("NQ:long:ann")


def _lost_and_never_seen(state: State) -> None:
    state.lost.append("ann")


def _no_number(state: State) -> None:
    state.day.realized = Decimal("NaN")


def _forced_from_no_number(state: State) -> None:
    state.day.stop_from = Decimal("NaN")


def _endless_loss(state: State) -> None:
    state.positions[CL].unrealized = Decimal("-Infinity")


def _loss_that_nobody_saw(state: State) -> None:
    state.day.realized -= 9000


def _filled(size: int) -> dict[str, str]:
    return {f"name {number}": "1-0" for number in range(size + 1)}


def _positions(state: State) -> None:
    for number in range(POSITIONS_HELD):
        held = state.positions[CL]
        worker = f"w{number}"
        state.positions[leg_key("CL", "long", worker)] = type(held)(
            "CL", "long", 1, Decimal(1), worker, held.opened, held.opened_ms, held.marked_ms
        )


def _unsettled(state: State) -> None:
    state.unsettled = {name: Unsettled("ES", "ann", "late_fill", "1-0") for name in _filled(UNSETTLED_HELD)}


def _workers(state: State) -> None:
    state.workers |= {name: Worker() for name in _filled(WORKERS_REMEMBERED)}


def _closes(state: State) -> None:
    state.day.closed = _filled(CLOSES_REMEMBERED)


def _fills(state: State) -> None:
    state.fills = _filled(FILLS_REMEMBERED)


def _configs(state: State) -> None:
    state.configs = [*_filled(CONFIGS_REMEMBERED)]


def _a_limit_nobody_watched(state: State) -> None:
    assert state.limits is not None
    state.limits = structs.replace(state.limits, profit_target=Decimal(1))
    state.day.realized += 9000


def _of_one_worker(name: str, most: int) -> Callable[[State], None]:
    def plant(state: State) -> None:
        setattr(state.workers["ibs-CL"], name, _filled(most))

    return plant


ENTRIES, POSITION, SLOT, GRANTED, LEFT, LOST, SUM, LATCH, REACHED, USABLE, TURNED, BOUNDS = INVARIANTS
PLANTS: list[tuple[str, str, Callable[[State], None]]] = [
    (ENTRIES, "4 were asked for, 3 allowed, 0 denied", _asked_once_more),
    (ENTRIES, "of 2025-01-15 3 were asked for, 3 allowed, 1 denied", _denied_today),
    (POSITION, "under CL:long:ann lies CL long of 'ibs-CL'", _under_another_name),
    (POSITION, "under CL:long: lies CL long of ''", _of_nobody),
    (POSITION, "CL:long:ibs-CL is of 0 contracts", _of_no_contracts),
    (POSITION, "CL:long:ibs-CL is of 1 contracts, opened at 17", _of_tomorrow),
    (SLOT, "under SI:long:ibs-SI lies a slot for SI long of 'ann'", _slot_of_another),
    (SLOT, "the slot SI:long:ibs-SI is of 0 contracts", _slot_for_nothing),
    (SLOT, "the slot SI:long:ibs-SI is of 1 contracts, asked for by event 17", _asked_for_tomorrow),
    (SLOT, "asked for by event ?", _asked_for_by_nothing),
    (GRANTED, "51 slots are reserved for 51 contracts", _slots),
    (GRANTED, "1 slots are reserved for 10001 contracts", _contracts),
    (LEFT, "NQ:long:ann is left to close, and not among 2 positions", _not_open),
    (LOST, "ann is lost, and none of 3 workers", _lost_and_never_seen),
    (SUM, "NaN realized", _no_number),
    (SUM, "0 realized, NaN not counted by the stop", _forced_from_no_number),
    (SUM, "CL:long:ibs-CL has -Infinity unrealized", _endless_loss),
    (LATCH, "daily P&L -10000, limit -2500, and no stop", _loss_that_nobody_saw),
    (REACHED, "profit_target: Reached(", _a_limit_nobody_watched),
    (USABLE, "SI:long:ibs-SI is reserved until 17", stopped_without_a_word),
    (USABLE, "SI:long:ibs-SI is reserved until 17", a_window_closes_everything),
    (TURNED, "the next edge of a window was at 17", a_window_that_nobody_saw),
    (BOUNDS, "66 positions, at most 64", _positions),
    (BOUNDS, "65 differences to brokers, at most 64", _unsettled),
    (BOUNDS, "260 workers, at most 256", _workers),
    (BOUNDS, "1025 closes of a day, at most 1024", _closes),
    (BOUNDS, "1025 fills, at most 1024", _fills),
    (BOUNDS, "65 configurations, at most 64", _configs),
    (BOUNDS, "33 sessions of one worker, at most 32", _of_one_worker("seqs", SESSIONS_REMEMBERED)),
    (BOUNDS, "33 last words of one worker, at most 32", _of_one_worker("said", SESSIONS_REMEMBERED)),
    (BOUNDS, "9 answers of one worker, at most 8", _of_one_worker("answers", ANSWERS_REMEMBERED)),
    (BOUNDS, "8193 fills of one worker, at most 8192", _of_one_worker("fills", FILLS_OF_A_DAY)),
    (BOUNDS, "8193 openings of one worker, at most 8192", _of_one_worker("openings", FILLS_OF_A_DAY)),
]


@pytest.mark.parametrize(("invariant", "figures", "plant"), PLANTS)
def test_a_planted_state_is_found_and_named(
    invariant: str, figures: str, plant: Callable[[State], None]
) -> None:
    story = being_closed() if plant is _not_open else a_day()
    at = StreamId(story.ms, 0)
    check(story.state, at, story.last)
    plant(story.state)
    with pytest.raises(InvariantBroken) as broken:
        check(story.state, at, story.last)
    sentence = str(broken.value)
    assert sentence.startswith(f"{invariant}. It is not so after event {at}, {type(story.last).__name__}: ")
    assert figures in sentence


def test_every_invariant_is_planted() -> None:
    assert {invariant for invariant, *_ in PLANTS} == set(INVARIANTS)


# --- no false alarm -------------------------------------------------------------------------------------


def _version_4() -> Iterator[tuple[StreamId, Fields]]:
    for line in RECORD.read_text().splitlines():
        kind, at, fields = json.loads(line)
        if kind == "event":
            yield StreamId.parse(at), fields


def _golden() -> Iterator[tuple[StreamId, Fields]]:
    return ((one.event.id, one.event.fields) for one in Golden().all)


@pytest.mark.parametrize("record", [_version_4, _golden])
def test_no_event_of_a_record_breaks_one(record: Callable[[], Iterator[tuple[StreamId, Fields]]]) -> None:
    state, chain = State(), GENESIS
    for at, fields in record():
        decided = decide(state, chain, at, fields)
        chain = decided.chain
        check(state, at, decided.event)


def test_what_breaks_the_limits_or_names_nobody_breaks_no_invariant() -> None:
    story = Story(max_positions=2)
    story.enters("ES", "CL")
    story.change_limits(max_positions=1)
    story.fills("NQ", size=100)
    story.settle("GC", 1, worker="nobody-ever-seen")
    story.starts("ann", positions="SI:long:1:30")
    assert len(story.open) == 5
    story.closes("CL", "-99999")
    assert story.stopped_out


# --- a real coordinator ---------------------------------------------------------------------------------


def allows_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect in the fold: a mark counts as an entry that was allowed."""
    marked = positions.marked

    def defective(state: State, at: StreamId, event: PositionMarked) -> list[Decision]:
        state.stats.total_entries_allowed += 1
        return marked(state, at, event)

    monkeypatch.setattr(positions, "marked", defective)


def test_nobody_leads_by_a_broken_state_and_nothing_of_it_is_written(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Stepped(live.bus, "one", config_folder(tmp_path / "config"))) as leader:
        before = live.bus.head()
        allows_one_too_many(monkeypatch)
        mark = live.publishes(live.next_of(PositionMarked, "ann", **MARK))
        asked = live.publishes(live.next_of(EntryRequested, "ann", symbol="ES", side="long", size=1))
        with pytest.raises(InvariantBroken) as broken:
            leader.step()
        leader.says(BROKEN, times=2)  # and then from the log alone
        said = [line for line in leader.lines() if line["event"].startswith(BROKEN)]
        why = f"{ENTRIES}. It is not so after event {mark}, PositionMarked: 0 were asked for, "
        assert str(broken.value) == f"{why}1 allowed, 0 denied"
        assert [(one["why"], one["level"]) for one in said] == [(str(broken.value), "critical")] * 2
        after = live.bus.head()
        assert before is not None
        assert after is not None
        assert (after.cursor, after.chain) == (before.cursor, before.chain)
        assert live.bus.decisions_of(asked) == []
        assert live.bus.leader() is None
    monkeypatch.undo()
    with closing(Stepped(live.bus, "mended", tmp_path / "config")):
        assert [type(read(one)) for one in live.bus.decisions_of(asked)] == [EntryAllowed]


def test_where_the_snapshot_is_at_fault_the_log_alone_is_led_by(
    live: Live, server: EmbeddedServer, portfolio: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with coordinating(server.url, portfolio):
        live.enters("CL")
    checkpoint = read_snapshot(live.bus.snapshot())
    assert checkpoint is not None
    checkpoint.state.lost = ["ann"]
    live.bus.save_snapshot(snapshot_text(checkpoint))
    monkeypatch.setattr("portfold.coordinator.store.snapshot_proof._SHORT", 0)  # too long to prove at once
    with coordinating(server.url, portfolio) as leader:
        assert LOST in leader.says(BROKEN)["why"]
        assert code(live.asks("CL")) == "symbol_in_position"
        assert leader.texts().count(READY) == 1
