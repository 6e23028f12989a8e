"""Of two processes of one name one trades; the other is refused, or takes over, and both are told."""

import io
import signal
import threading
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from portfold.cli.exits import OK, UNUSABLE
from portfold.events.wire.bus import Bus
from portfold.log import open_log
from portfold.workers.claims.claim import Claim, NameTaken
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings, open_bus
from tests.cli.command_line import Running, portfold, started
from tests.cli.terminal import on_terminal
from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.waiting import until

SLOWLY = ("--bars", "synthetic", "--pace", "0.2", "--days", "400")
WORKER = "ibs-ES"


@pytest.fixture
def where(server: EmbeddedServer, portfolio: str) -> tuple[str, ...]:
    return ("--url", server.url, "--portfolio", portfolio)


def trades(running: Running, bus: Bus) -> None:
    running.says("Joining ")
    until(lambda: bus.beats([WORKER]) != [None], "the worker to be alive")


def test_the_second_process_of_a_name_is_refused_with_the_way_out(
    tmp_path: Path, where: tuple[str, ...], bus: Bus
) -> None:
    with started("worker", "ES", *SLOWLY, *where, cwd=tmp_path) as first:
        trades(first, bus)
        session = bus.beats([WORKER])
        second = portfold("worker", "ES", *SLOWLY, *where, cwd=tmp_path)
        assert second.code == UNUSABLE
        assert f"Another process trades as ibs-ES: process {first.process.pid} on " in second.err
        assert "--take-over" in second.err
        assert bus.beats([WORKER]) == session
        assert first.process.poll() is None
        first.process.send_signal(signal.SIGTERM)
        assert first.ends() == OK


def test_a_run_whose_names_others_have_starts_nobody_and_says_so(
    tmp_path: Path, where: tuple[str, ...], bus: Bus
) -> None:
    with started("worker", "ES", *SLOWLY, *where, cwd=tmp_path) as first:
        trades(first, bus)
        ran = portfold("run", "--bars", "synthetic", "--paper", *where, cwd=tmp_path)
        assert ran.code == UNUSABLE
        told = f"other processes trade under these names already: ibs-ES (process {first.process.pid} on "
        assert told in ran.err
        assert "--take-over" in ran.err
        assert "Started" not in ran.out + ran.err
        assert first.process.poll() is None


def test_who_is_taken_over_is_told_and_stops(tmp_path: Path, where: tuple[str, ...], bus: Bus) -> None:
    with started("worker", "ES", *SLOWLY, *where, cwd=tmp_path) as first:
        trades(first, bus)
        with started("worker", "ES", "--take-over", *SLOWLY, *where, cwd=tmp_path) as second:
            assert first.ends() == UNUSABLE
            assert "SUPERSEDED" in first.said.read_text()
            assert f"taken over by process {second.process.pid} on " in first.said.read_text()
            assert second.process.poll() is None


def test_a_killed_process_is_succeeded_without_a_word(
    tmp_path: Path, where: tuple[str, ...], bus: Bus
) -> None:
    with started("worker", "ES", *SLOWLY, *where, cwd=tmp_path) as first:
        trades(first, bus)
        session = bus.beats([WORKER])
        first.process.kill()
        with started("worker", "ES", *SLOWLY, *where, cwd=tmp_path) as second:
            until(lambda: bus.beats([WORKER]) not in ([None], session), "the second to be alive")
            assert second.process.poll() is None


def test_beside_others_of_the_symbol_it_trades_only_when_told(
    tmp_path: Path, where: tuple[str, ...], live: Live
) -> None:
    with coordinating(where[1], where[3]):
        live.bus.beat("mine", "s1", 60_000)
        live.by_hand("type", "WorkerStarted", "worker", "mine", "session", "s1", "seq", "1", "symbols", "ES",
                     "positions", "")  # fmt: skip
        live.all_decided()
        for command in (("worker", "ES"), ("run", "--paper")):
            ran = portfold(*command, *SLOWLY, *where, cwd=tmp_path)
            assert ran.code == UNUSABLE
            assert f"Joining {where[3]} on {where[1]}" in ran.err
            assert "others trade these symbols already: mine (ES). Give --join" in ran.err
            assert '"Started"' not in ran.err
        live.by_hand("type", "PositionOpened", "worker", "mine", "session", "s1", "seq", "2", "symbol", "CL",
                     "side", "long", "size", "1", "price", "70")  # fmt: skip
        live.all_decided()
        ran = portfold("worker", "CL", *SLOWLY, *where, cwd=tmp_path)
        assert "others trade these symbols already: mine (ES, CL). Give --join" in ran.err
        with started("worker", "ES", "--join", *SLOWLY, *where, cwd=tmp_path) as joined:
            until(lambda: live.bus.beats([WORKER]) != [None], "the worker to be alive")
            assert joined.process.poll() is None


def test_so_it_is_beside_one_that_does_not_say_what_it_trades_and_not_beside_one_that_has_ended(
    tmp_path: Path, where: tuple[str, ...], live: Live
) -> None:
    """As an old program behind the drop-in, which is flat; and one whose heartbeat lingers."""
    with coordinating(where[1], where[3]):
        live.starts("ended", symbols="ES")
        live.stops("ended")
        live.starts("old")
        live.all_decided()
        ran = portfold("worker", "ES", *SLOWLY, *where, cwd=tmp_path)
        assert ran.code == UNUSABLE
        told = (
            "others trade these symbols already, or may: old (flat; has not announced what it trades). "
            "Give --join"
        )
        assert told in ran.err
        live.stops("old")
        live.all_decided()
        with started("worker", "ES", *SLOWLY, *where, cwd=tmp_path) as first:
            first.says("Joining ")
            until(lambda: live.bus.beats([WORKER]) != [None], "the worker to be alive")


def test_nor_beside_one_that_had_ended_and_began_again_while_nobody_led(
    tmp_path: Path, where: tuple[str, ...], live: Live
) -> None:
    with coordinating(where[1], where[3]):
        live.starts("mine", symbols="ES")
        live.stops("mine")
        live.all_decided()
    live.bus.beat("mine", "again", 60_000)
    ran = portfold("worker", "ES", *SLOWLY, *where, cwd=tmp_path)
    assert ran.code == UNUSABLE
    assert "others trade these symbols already: mine (ES). Give --join" in ran.err


@pytest.mark.parametrize(("answer", "joins"), [(b"y\n", True), (b"\n", False)])
def test_on_a_terminal_it_asks(
    tmp_path: Path, where: tuple[str, ...], live: Live, answer: bytes, *, joins: bool
) -> None:
    with coordinating(where[1], where[3]):
        live.starts("mine", symbols="ES")
        live.all_decided()
        with on_terminal("worker", "ES", *SLOWLY, *where, cwd=tmp_path) as screen:
            screen.shows("Trade beside them? [y/N]")
            assert live.bus.beats([WORKER]) == [None]
            screen.press(answer)
            if joins:
                until(lambda: live.bus.beats([WORKER]) != [None], "the worker to be alive")
            else:
                assert screen.ends() == UNUSABLE
                assert "Not joined." in screen.text


def test_of_two_gates_of_one_name_the_older_says_so_and_carries_out_nothing(
    server: EmbeddedServer, portfolio: str, live: Live
) -> None:
    settings = GateSettings(server.url, portfolio=portfolio, heartbeat_seconds=0.05, answer_seconds=10)
    said = io.StringIO()
    log, lines = open_log("mine", target=said)
    told: list[str] = []
    with closing(lines), coordinating(server.url, portfolio), ExitStack() as open_gates:
        older, newer = (PortfolioGate("mine", symbols=["ES"], settings=settings, log=log) for _ in range(2))
        older.on_flatten(lambda _: told.append("older"))
        newer.on_flatten(lambda _: told.append("newer"))
        open_gates.enter_context(older)
        assert older.request_entry("ES")
        older.position_opened("ES", price=5000)
        open_gates.enter_context(newer)
        until(lambda: "SUPERSEDED: another process trades as mine now" in said.getvalue(), "the word")
        until(lambda: live.status()["workers"] == "mine up", "the newer to be known")
        live.bus.pull_killswitch(["by", "ann"])
        until(lambda: told, "the order")
        assert older.request_entry("CL").code == "worker_superseded"
        assert live.bus.beats(["mine"]) == [newer.session]
    assert told == ["newer"]
    assert said.getvalue().count("SUPERSEDED") == 1


@pytest.mark.parametrize("patient", [False, True])
def test_who_is_patient_takes_no_name_from_one_that_only_gets_no_processor(
    server: EmbeddedServer, portfolio: str, bus: Bus, *, patient: bool
) -> None:
    """The holder has claimed it for a minute, and renews nothing for several signs of life."""
    bus.claim("old", "there 1 a", 60_000, "")
    settings = GateSettings(server.url, portfolio=portfolio, heartbeat_seconds=0.05, worker_lost_seconds=0.5)
    log, lines = open_log("old", target=io.StringIO())
    with (
        closing(lines),
        Claim(open_bus(settings, "old"), "old", settings, stop=threading.Event(), log=log) as claim,
    ):
        if not patient:
            claim.take()
            return
        with pytest.raises(NameTaken, match="process 1 on there"):
            claim.take(patient=True)
        assert bus.claim_lasts_ms("old", "there 1 a") > 0


def test_who_is_to_stop_before_it_knows_whether_the_holder_lives_takes_no_name(
    server: EmbeddedServer, portfolio: str, bus: Bus
) -> None:
    bus.claim("old", "there 1 a", 60_000, "")
    settings = GateSettings(server.url, portfolio=portfolio, heartbeat_seconds=0.05)
    log, lines = open_log("old", target=io.StringIO())
    stop = threading.Event()
    stop.set()
    with closing(lines), Claim(open_bus(settings, "old"), "old", settings, stop=stop, log=log) as claim:
        claim.take()
        assert bus.claimed(["old"]) == {"old": "there 1 a"}
    assert (claim.lost_to, bus.claimed(["old"])) == ("", {"old": "there 1 a"})


def test_who_is_patient_has_the_name_once_the_claim_of_one_that_died_has_lapsed(
    server: EmbeddedServer, portfolio: str, bus: Bus
) -> None:
    bus.claim("old", "there 1 a", 200, "")
    settings = GateSettings(server.url, portfolio=portfolio, heartbeat_seconds=0.05)
    log, lines = open_log("old", target=io.StringIO())
    with (
        closing(lines),
        Claim(open_bus(settings, "old"), "old", settings, stop=threading.Event(), log=log) as claim,
    ):
        claim.take(patient=True)
        assert bus.claim_lasts_ms("old", "there 1 a") == 0
        assert bus.claim("old", "another 2 b", 1000, "") != ""
