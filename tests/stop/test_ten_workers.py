"""Ten workers want to trade, four may; the stop fires, and each of the four closes what is its own."""

import math
from decimal import Decimal
from pathlib import Path

from portfold.config import load
from portfold.events.stream_id import StreamId
from tests.live import flat
from tests.stop.floor import Floor, Role, ToldWorker
from tests.waiting import until

SEATS = 4
LOSS = Decimal(700)
"""Dollars each of the four loses: only together they reach the limit of 2500."""


def test_ten_workers_hold_four_positions_and_the_stop_leaves_none(floor: Floor) -> None:
    symbols = load(str(floor.config), {}, Path.cwd()).portfolio.symbols
    assert len(symbols) == 10
    workers = {worker.symbol: worker for worker in floor.opens(*map(Role, symbols))}
    for worker in workers.values():
        worker.told("enter", before(floor, worker))
    until(lambda: len(floor.live.said("PositionOpened")) == SEATS, "four positions")
    until(lambda: len(floor.decided("EntryDenied")) == len(workers) - SEATS, "six refusals")
    assert {denied.code for denied in floor.decided("EntryDenied")} == {"max_positions"}
    owners = sorted(event["worker"] for event in floor.live.said("PositionOpened"))

    for worker in workers.values():
        worker.told(
            "enter", after_the_fall(floor, worker)
        )  # whoever is flat wants in, at the worst of moments
    floor.is_flat()

    [stop], [end] = floor.entries("StopLossTriggered"), floor.entries("PortfolioFlat")
    [triggered] = floor.decided("StopLossTriggered")
    assert [leg.rpartition(":")[2] for leg in triggered.positions.split(" ")] == by_symbol(owners)
    closes = [entry for entry in floor.live.events() if flat(entry)["type"] == "PositionClosed"]
    assert sorted(flat(entry)["worker"] for entry in closes) == owners, "each its own, and once"
    assert {flat(entry)["reason"] for entry in closes} == {"daily stop loss"}
    assert all(stop.id.event() < entry.id for entry in closes)
    assert end.id.event() == closes[-1].id, "confirmed by the last report, and not before"
    assert floor.decided("PortfolioFlat")[0].took_ms == closes[-1].id.ms - stop.id.ms

    for worker in workers.values():
        worker.told("enter", before(floor, worker))
    until(lambda: stopped_out(floor) == {f"ibs-{symbol}" for symbol in workers}, "a refusal for each of ten")
    nothing_was_odd(floor, stop.id.event())


def stopped_out(floor: Floor) -> set[str]:
    return {denied.worker for denied in floor.decided("EntryDenied") if denied.code == "stopped_out"}


def nothing_was_odd(floor: Floor, stop: StreamId) -> None:
    for kind in ("LimitBreached", "EventRejected", "PnlDisputed", "FlattenOverdue", "PositionMismatch"):
        assert floor.decided(kind) == [], kind
    late = [flat(entry) for entry in floor.entries("EntryDenied") if entry.id.event() > stop]
    assert {denied["code"] for denied in late} <= {"stopped_out"}
    assert all(entry.id.event() < stop for entry in floor.entries("EntryAllowed"))
    until(lambda: floor.unreported() == [], "the exits to be noted as reported")


def before(floor: Floor, worker: ToldWorker) -> Decimal:
    return 10_000 * floor.contract(worker).tick_size


def after_the_fall(floor: Floor, worker: ToldWorker) -> Decimal:
    contract = floor.contract(worker)
    return before(floor, worker) - math.ceil(LOSS / contract.tick_value) * contract.tick_size


def by_symbol(owners: list[str]) -> list[str]:
    """As decisions list them: in the order of the legs' names."""
    return sorted(owners, key=lambda owner: f"{owner.removeprefix('ibs-')}:long:{owner}")
