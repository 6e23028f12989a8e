"""`portfold flatten --now` with no coordinator: everything is closed, and the log accounts for it later."""

import os
import subprocess
from pathlib import Path

import pytest

from portfold.cli.exits import FAILED, OK
from portfold.events.codec import encode_checked
from portfold.events.incoming import FlattenRequested
from portfold.events.stream_id import StreamId
from portfold.events.wire.errors import BusUnreachable
from portfold.workers.client.closing.flatten_order import pull_fields
from tests.cli.command_line import COMMAND, called, environment, portfold
from tests.coordinator.story import code
from tests.live import Live, flat
from tests.seen import values_on
from tests.server import EmbeddedServer
from tests.stop.floor import QUICK, Floor, Role, ToldWorker
from tests.waiting import until

PANIC = ("flatten", "--now", "--by", "jane", "--reason", "exchange outage")


def with_positions(floor: Floor, *symbols: str, flattener: bool = False) -> list[ToldWorker]:
    """Workers with a position each; the coordinator is then killed."""
    floor.configure(**QUICK)
    workers = floor.opens(*map(Role, symbols), flattener=flattener)
    for worker in workers:
        worker.enters()
    floor.leader.kill()
    return workers


def pulled(floor: Floor) -> StreamId:
    """The same as the command, without the time it takes to start one."""
    bus = floor.live.bus
    event = bus.append(encode_checked(FlattenRequested(by="jane", reason="exchange outage")))
    bus.pull_killswitch(pull_fields("jane", "exchange outage", event))
    return event


def accounted_for(floor: Floor, closed_by: list[str]) -> None:
    """Another coordinator finds all of it on the log: the order, who closed what, the end; and halts."""
    assert floor.decided("FlattenOrdered") == [], "nobody has decided anything yet"
    floor.opens()
    floor.is_flat()
    assert sorted(floor.closed_by()) == closed_by
    ordered, *again = floor.decided("FlattenOrdered")
    assert (ordered.cause, ordered.everything) == ("ordered by jane", True)
    # Who announced a position before it closed it is told again, of the same order.
    assert {one.episode for one in again} <= {ordered.episode}
    assert all(one.cause.endswith("started during the flatten") for one in again)
    [request] = floor.live.said("FlattenRequested")
    assert (request["by"], request["reason"]) == ("jane", "exchange outage")
    closes = [entry.id for entry in floor.live.events() if flat(entry)["type"] == "PositionClosed"]
    [end] = floor.entries("PortfolioFlat")
    assert end.id.event() == closes[-1]
    assert floor.decided("EventRejected") == []
    status = values_on(floor.live.bus)
    assert (status["halted_by"], status["halt_reason"]) == ("jane", "exchange outage")
    assert code(floor.live.asks("SI", worker="by-hand")) == "halted"


def test_all_workers_close_and_the_flattener_closes_for_the_dead(floor: Floor) -> None:
    _, _, dead = with_positions(floor, "ES", "CL", "SI", flattener=True)
    dead.kill()
    ran = floor.portfold(*PANIC)
    assert ran.code == OK
    assert ran.out.startswith("The kill switch is pulled: every worker that hears it closes what it holds.\n")
    assert "No coordinator leads now" in ran.out
    until(lambda: floor.held() == [], "the broker to be flat without any coordinator")
    until(lambda: len(floor.closed_by()) == 3, "all reports")
    closed_by = ["CL:ibs-CL by ibs-CL", "ES:ibs-ES by ibs-ES", "SI:ibs-SI by flattener"]
    assert {close["reason"] for close in floor.live.said("PositionClosed")} == {"kill switch by jane"}
    accounted_for(floor, closed_by)


def test_a_worker_killed_so_shortly_before_that_it_still_seems_alive(floor: Floor) -> None:
    [dead] = with_positions(floor, "ES", flattener=True)
    dead.pause()  # its last sign of life may be as fresh as can be
    pulled(floor)
    dead.kill()
    until(lambda: floor.held() == [], "the broker to be flat")
    until(floor.closed_by, "the report")
    accounted_for(floor, ["ES:ibs-ES by flattener"])


def test_a_worker_that_starts_while_a_pull_is_not_accounted_for_obeys_at_once(floor: Floor) -> None:
    [dead] = with_positions(floor, "ES")
    dead.kill()
    pulled(floor)
    assert floor.held() == ["ES:ibs-ES"], "no flattener here, and nobody alive to hear"
    floor.worker("ES")
    until(lambda: floor.held() == [], "the broker to be flat")
    until(floor.closed_by, "the report")
    accounted_for(floor, ["ES:ibs-ES by ibs-ES"])


def test_a_flattener_that_starts_late_obeys_too(floor: Floor) -> None:
    [dead] = with_positions(floor, "ES")
    dead.kill()
    pulled(floor)
    floor.flattener()
    until(lambda: floor.held() == [], "the broker to be flat")
    until(floor.closed_by, "the report")
    accounted_for(floor, ["ES:ibs-ES by flattener"])


@pytest.mark.parametrize("written", [("by", "joe"), ("please", "close"), ("by", "j\n\u202e" * 99)])
def test_a_pull_written_by_hand_is_obeyed_whatever_is_in_it(floor: Floor, written: tuple[str, str]) -> None:
    with_positions(floor, "ES")
    floor.live.bus.pull_killswitch(written)
    until(lambda: floor.held() == [], "the broker to be flat")
    until(floor.closed_by, "the report")


def test_a_pull_that_is_accounted_for_concerns_no_worker_that_starts_later(floor: Floor) -> None:
    with_positions(floor, "ES")
    pulled(floor)
    floor.opens()
    floor.is_flat()
    assert floor.portfold("resume", "--by", "jane", "--reason", "it is over").code == OK
    floor.worker("CL").enters(70)
    until(lambda: floor.live.has_decided(floor.live.bus.last_event()), "all decisions")
    assert floor.held() == ["CL:ibs-CL"]


def test_with_a_coordinator_order_and_pull_close_everything_once(floor: Floor) -> None:
    floor.configure(**QUICK)
    [worker] = floor.opens(Role("ES"), flattener=True)
    worker.enters()
    pulled(floor)
    floor.is_flat()
    assert floor.closed_by() == ["ES:ibs-ES by ibs-ES"]
    assert floor.decided("EventRejected") == []


@pytest.mark.parametrize(
    "spoilt", ["the log is of another type", "no ID is left", "by has odd characters", "by is no UTF-8"]
)
def test_where_the_log_refuses_the_order_the_switch_is_pulled_and_that_is_said(
    live: Live, server: EmbeddedServer, tmp_path: Path, spoilt: str
) -> None:
    client, events = live.client, live.keys.events
    by = "jane"
    if spoilt.startswith("the log"):
        client.set(events, "x")
    elif spoilt.startswith("no ID"):
        client.xadd(events, {"type": "ClockTicked"}, id=f"{2**64 - 1}-{2**64 - 1}")
    else:
        by = "ja\u202ene" if spoilt.endswith("odd characters") else os.fsdecode(b"jos\xe9")
    ran = called(
        *("flatten", "--now", "--by", by, "--reason", "panic"),
        *("--url", server.url, "--portfolio", live.keys.name),
        cwd=tmp_path,
    )
    assert ran.code == FAILED
    assert "The kill switch is pulled" in ran.out
    assert "The log did not take the order" in ran.err
    assert "trading is NOT halted" in ran.err
    assert client.xlen(live.keys.killswitch) == 1


@pytest.mark.parametrize("full", [("stderr",), ("stdout", "stderr")], ids=" and ".join)
def test_a_full_disk_keeps_neither_the_pull_nor_the_order_back(
    live: Live, server: EmbeddedServer, tmp_path: Path, full: tuple[str, ...]
) -> None:
    where = ("--config", "nowhere", "--url", server.url, "--portfolio", live.keys.name)
    with Path("/dev/full").open("wb") as disk, (tmp_path / "said").open("wb") as said:
        subprocess.run(
            [*COMMAND, *PANIC, *where],
            cwd=tmp_path,
            env=environment(tmp_path),
            check=False,
            stdout=disk if "stdout" in full else said,
            stderr=disk if "stderr" in full else said,
        )
    assert live.client.xlen(live.keys.killswitch) == 1
    [order] = live.said("FlattenRequested")
    assert order["by"] == "jane"
    assert ("The kill switch is pulled" in (tmp_path / "said").read_text()) == ("stdout" not in full)


def test_any_bytes_on_the_command_line_pull_the_switch(
    live: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    told = (os.fsdecode(b"jos\xe9"), os.fsdecode(b"\xff\xfe\x80"))
    where = ("--url", server.url, "--portfolio", live.keys.name)
    ran = portfold("flatten", "--now", "--by", told[0], "--reason", told[1], *where, cwd=tmp_path)
    assert (ran.code, "Traceback" in ran.err) == (FAILED, False)
    pull = live.bus.last_pull()
    assert pull is not None
    assert pull.fields == ["by", "jos\\udce9", "reason", "\\udcff\\udcfe\\udc80"]


def test_a_switch_that_cannot_be_pulled_is_named_and_the_order_that_is_on_record_too(
    live: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    live.client.set(live.keys.killswitch, "x")
    where = ("--url", server.url, "--portfolio", live.keys.name)
    ran = called("flatten", "--now", "--by", "jane", "--reason", "panic", *where, cwd=tmp_path)
    assert (ran.code, ran.out) == (FAILED, "")
    assert ran.err.startswith(
        f"portfold: THE KILL SWITCH IS NOT PULLED: Redis refused while adding to {live.keys.killswitch}: "
    )
    assert ran.err.endswith(f"\nThe order is on record as {live.bus.last_event()}.\n")


def test_with_no_server_at_all_both_are_said_to_have_failed(tmp_path: Path) -> None:
    nowhere = ("--url", "redis://127.0.0.1:1/0")
    ran = called("flatten", "--now", "--by", "jane", "--reason", "panic", *nowhere, cwd=tmp_path)
    assert (ran.code, ran.out) == (FAILED, "")
    switch, order, remedy = ran.err.splitlines()
    nobody = "Redis at 127.0.0.1:1 did not answer while"
    assert switch.startswith(f"portfold: THE KILL SWITCH IS NOT PULLED: {nobody}")
    assert order.startswith(f"The log did not take the order: {nobody}")
    assert order.endswith("refused.")
    assert remedy == f"Close at the broker what cannot wait. {BusUnreachable.remedy}"
