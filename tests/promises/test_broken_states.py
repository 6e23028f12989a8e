"""Halt, flatten and the kill switch in fifteen broken states of server and log: work, or say what does."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from portfold.cli.exits import OK
from portfold.workers.client.closing.flatten_order import FlattenOrder
from tests.cli.command_line import Ran, called
from tests.processes import NOT_COORDINATING, READY, CoordinatorThread, coordinating
from tests.promises.troubled_server import TROUBLES, TroubledServer
from tests.waiting import until
from tests.workers.client.gates import Gates

PORTFOLIO = "main"
INSTEAD = "What cannot wait: portfold flatten"
AT_THE_BROKER = "Close at the broker what cannot wait."
PULLED = "The kill switch is pulled"
Broken = Callable[[TroubledServer], AbstractContextManager[None]]


def written(*words: str) -> Broken:
    """What somebody writes by hand, `KEY` for the portfolio's keys."""

    @contextmanager
    def broken(server: TroubledServer) -> Iterator[None]:
        with server.client() as client:
            client.execute_command(*(word.replace("KEY", f"portfolio:{{{PORTFOLIO}}}") for word in words))
        yield

    return broken


TICK = ("type", "ClockTicked")
OF_THE_LOG: dict[str, tuple[Broken, str, str]] = {
    "the log is of another type": (written("SET", "KEY:events", "x"), INSTEAD, NOT_COORDINATING),
    "no ID is left": (
        written("XADD", "KEY:events", f"{2**64 - 1}-{2**64 - 1}", *TICK),
        INSTEAD,
        NOT_COORDINATING,
    ),
    "its last ID leaves no room for answers": (
        written("XADD", "KEY:events", "9999999999999-184467440737095517", *TICK),
        " takes that off; what cannot wait: portfold flatten",
        NOT_COORDINATING,
    ),
    "its last event is of the year 10000": (
        written("XADD", "KEY:events", "253402300800000-0", *TICK),
        "",
        "Trading halted by coordinator: ",
    ),
    "it was emptied": (written("XADD", "KEY:events", "MAXLEN", "0", "*", *TICK), "", NOT_COORDINATING),
    "the head is of another type": (written("SET", "KEY:head", "x"), INSTEAD, ""),
    "the decisions are of another type": (written("SET", "KEY:decisions", "x"), INSTEAD, ""),
}
"""How each comes about; what an order says to do instead, if it is not on record; what is logged."""
FIFTEEN = [*TROUBLES, *OF_THE_LOG]


def test_there_are_fifteen() -> None:
    assert len(FIFTEEN) == 15


class Desk:
    """A coordinator, and a worker with a position that obeys what it hears."""

    def __init__(self, server: TroubledServer, coordinator: CoordinatorThread) -> None:
        self._url = server.url
        self.coordinator = coordinator
        self.gates = Gates(server.url, PORTFOLIO)
        self.heard: list[FlattenOrder] = []
        self.gate = self.gates("ibs-ES", callbacks=(self.heard.append,), answer_seconds=0.5)
        until(lambda: self.gate.request_entry("ES").allowed, "the first entry")
        assert self.gate.position_opened("ES", price=5000)

    def ordered(self, folder: Path, *words: str) -> Ran:
        where = ("--url", self._url, "--portfolio", PORTFOLIO)
        ran = called(*words, "--by", "jane", "--reason", "panic", *where, cwd=folder)
        assert "Traceback" not in ran.err
        return ran


@pytest.fixture
def troubled(tmp_path: Path) -> Iterator[TroubledServer]:
    server = TroubledServer(tmp_path / "server")
    try:
        yield server
    finally:
        server.end()


@pytest.fixture
def desk(troubled: TroubledServer) -> Iterator[Desk]:
    with coordinating(troubled.url, PORTFOLIO) as coordinator:
        coordinator.says(READY)
        made = Desk(troubled, coordinator)
        yield made
        made.gates.end()


@pytest.mark.parametrize("state", TROUBLES)
def test_of_the_server_every_order_says_that_it_did_not_arrive_and_where_to_close(
    troubled: TroubledServer, desk: Desk, tmp_path: Path, state: str
) -> None:
    with TROUBLES[state](troubled):
        for order in ("halt", "flatten"):
            ran = desk.ordered(tmp_path, order)
            assert ran.code != OK
            assert "is on record. " + INSTEAD in ran.err
        pulled = desk.ordered(tmp_path, "flatten", "--now")
        assert pulled.code != OK
        assert "THE KILL SWITCH IS NOT PULLED" in pulled.err
        assert AT_THE_BROKER in pulled.err
    until(lambda: desk.ordered(tmp_path, "flatten", "--now").code == OK, "a pull once that is over")
    until(lambda: desk.heard, "the order at the worker")


@pytest.mark.parametrize("state", OF_THE_LOG)
def test_of_the_log_the_kill_switch_reaches_the_workers_and_an_order_counts_or_says_what_does(
    troubled: TroubledServer, desk: Desk, tmp_path: Path, state: str
) -> None:
    broken, instead, logged = OF_THE_LOG[state]
    with broken(troubled):
        if logged:
            until(
                lambda: any(text.startswith(logged) for text in desk.coordinator.texts()),
                "the coordinator's word",
            )
        for order in ("halt", "flatten"):
            ran = desk.ordered(tmp_path, order)
            assert (instead in ran.err) if instead else (ran.code == OK and "On record as" in ran.out)
        pulled = desk.ordered(tmp_path, "flatten", "--now")
        assert PULLED in pulled.out
        assert (pulled.code == OK) == (not instead)
        until(lambda: desk.heard, "the order at the worker")
