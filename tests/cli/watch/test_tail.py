"""`portfold tail` tells the log as it stands on record, the end of it first, and goes on whatever happens."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portfold.cli.exits import INTERRUPTED, OK, UNREACHABLE
from portfold.coordinator.audit.record import tail as tail_module
from portfold.coordinator.audit.record.following import Note
from portfold.coordinator.audit.record.tail import Tail, TailLine
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.views.narration import narrate
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.connection import connect
from tests.archive.past import ALL, Past
from tests.cli.command_line import COMMAND, called, environment, started
from tests.cli.terminal import CTRL_C, on_terminal
from tests.cli.watch.tailing import HALT, TICK, choice, following, texts, told_by, whole_timeline
from tests.server import EmbeddedServer


@pytest.fixture
def past(server: EmbeddedServer, portfolio: str, client: Any) -> Iterator[Past]:
    """A portfolio so far without events."""
    told = Past(server.url, portfolio, client)
    yield told
    told.bus.close()


def tail(past: Past, **chosen: Any) -> Tail:
    return Tail(past.bus, None, choice(**chosen))


def whole_story(past: Past) -> list[tuple[str, str]]:
    """All of it as coordinators log it."""
    follower = Follower()
    lines = []
    for entry in past.bus.events_after(ORIGIN, count=ALL):
        decided = follower.advance(*entry)
        lines += narrate(follower.state, decided)
    return [(line.level, line.text) for line in lines]


# --- the last lines ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 2, 17, 10_000])
def test_all_that_is_told_is_what_the_audit_shows(past: Past, count: int) -> None:
    past.happens(700)
    whole = whole_timeline(past)
    assert told_by(tail(past, everything=True).last(count)) == whole[max(0, len(whole) - count) :]


@pytest.mark.parametrize("count", [1, 25, 10_000])
def test_what_is_told_by_itself_is_what_coordinators_log(past: Past, count: int) -> None:
    past.happens(700)
    whole = whole_story(past)
    told = [(one.level, one.item.text) for one in tail(past).last(count)]
    assert told == whole[max(0, len(whole) - count) :]


@pytest.mark.parametrize(
    "wanted",
    [
        {"symbols": "ES CL"},
        {"workers": "ibs-ES"},
        {"types": "PositionMarked"},
        {"types": "EntryDenied PositionClosed", "symbols": "ES"},
        {"symbols": "NOSUCH"},
    ],
    ids=repr,
)
def test_what_is_chosen_is_found_however_far_back(past: Past, wanted: dict[str, str]) -> None:
    past.happens(1_500)
    whole = whole_timeline(past, None, **wanted)
    told = told_by(tail(past, everything=True, **wanted).last(10))
    assert told == whole[-10:]


def test_a_type_that_is_named_is_told_though_a_log_leaves_it_out(past: Past) -> None:
    past.happens(300)
    assert (
        told_by(tail(past, types="PositionMarked").last(3))
        == whole_timeline(past, types="PositionMarked")[-3:]
    )


def test_totals_are_right_from_a_snapshot_on_and_left_out_where_nobody_knows_them(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.happens(700)
    past.goes_on(TICK, TICK, TICK)
    closes = {"types": "PositionClosed"}
    known = told_by(tail(past, **closes).last(5))
    assert all("| Daily P&L: " in text and "| Open positions: " in text for _, _, text in known)
    monkeypatch.setattr(tail_module, "_FOLDED_AGAIN", 100)
    unknown = told_by(tail(past, **closes).last(5))
    assert [text.partition(" | Daily P&L: ")[0] for _, _, text in known] == [text for _, _, text in unknown]


def test_a_search_for_what_is_not_there_ends(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    past.happens(700)
    monkeypatch.setattr(tail_module, "_PAGE", 100)
    monkeypatch.setattr(tail_module, "_SEARCHED", 300)
    assert told_by(tail(past, symbols="NOSUCH").last(5)) == []
    assert told_by(tail(past).last(10_000)) != []


def test_what_is_not_decided_is_not_told_but_said_to_be_there(past: Past) -> None:
    past.happens(50)
    past.client.execute_command("XADD", past.bus.keys.events, "*", *HALT)
    end = tail(past)
    assert not any("halted" in text for _, _, text in told_by(end.last(100)))
    note = end.undecided(lambda _seconds: past.is_decided())
    assert note is None
    past.client.execute_command("XADD", past.bus.keys.events, "*", *HALT)
    said = end.undecided()
    assert said is not None
    assert said.text.startswith("There are events that are not decided: nobody leads.")


def test_a_portfolio_that_never_was_has_no_lines(past: Past) -> None:
    end = tail(past)
    assert told_by(end.last(10)) == []
    assert end.undecided() is None


# --- following --------------------------------------------------------------------------------------------


def test_what_comes_is_told_in_order_and_once(past: Past) -> None:
    past.happens(300)
    end = tail(past, everything=True)
    before, already = told_by(end.last(5)), len(whole_timeline(past))
    past.goes_on(HALT, [b"\xff", b"\xff"], ["type", "ClockTicked"])
    whole = whole_timeline(past)
    told = following(end, len(whole) - already)
    assert before + told_by(one for one in told if isinstance(one, TailLine)) == whole[already - 5 :]
    past.goes_on(["type", "TradingResumed", "by", "jane", "reason", "calm"])
    assert texts(following(end, 1)) == ["Trading resumed by jane: calm"]


def test_totals_go_on_from_the_last_lines(past: Past) -> None:
    past.happens(300)
    end = tail(past, types="PositionOpened PositionClosed")
    list(end.last(3))
    fill = ["type", "PositionOpened", "worker", "late", "session", "s9", "seq", "1"]
    past.goes_on([*fill, "symbol", "ES", "side", "long", "size", "1", "price", "5000"])
    assert texts(following(end, 1)) == [whole_timeline(past, types="PositionOpened")[-1][2]]


def test_events_that_nobody_decides_on_are_noted_once(past: Past) -> None:
    past.happens(50)
    end = tail(past)
    list(end.last(1))
    past.client.execute_command("XADD", past.bus.keys.events, "*", *HALT)
    told = end.follow()
    assert isinstance(next(told), Note)
    past.is_decided()
    assert texts([next(told)]) == ["Trading halted by jane: news"]


def test_a_restart_of_the_server_is_noted_and_nothing_is_told_twice(tmp_path: Path, portfolio: str) -> None:
    with EmbeddedServer(tmp_path) as own:
        client: Any = connect(own.url)
        past = Past(own.url, portfolio, client)
        past.happens(100)
        end = tail(past)
        list(end.last(1))
        told = end.follow(lambda _seconds: own.restart())
        own.kill()
        away = next(told)
        assert isinstance(away, Note)
        assert "Trying again" in away.text
        back = next(told)
        assert isinstance(back, Note)
        assert back.text.startswith("Redis is back, after ")
        past.goes_on(HALT)
        assert texts([next(told)]) == ["Trading halted by jane: news"]
        past.bus.close()


def test_a_log_that_was_set_back_is_noted_and_followed_from_its_new_end(past: Past) -> None:
    past.happens(100)
    end = tail(past)
    list(end.last(1))
    earlier = past.whole().events[49].id
    notes = end.after_absence(1.5)
    past.client.hset(past.bus.keys.head, "cursor", str(earlier))
    back, lost = list(notes)
    assert back.text == "Redis is back, after 1.5 s."
    assert lost.text.endswith(f"What follows goes on after {earlier}.")


# --- the command ------------------------------------------------------------------------------------------


def place(server: EmbeddedServer, portfolio: str) -> tuple[str, ...]:
    return ("--url", server.url, "--portfolio", portfolio)


def test_in_a_pipe_there_are_json_lines_as_the_audit_has_them(
    past: Past, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    past.happens(300)
    where = place(server, portfolio)
    ran = called("tail", "--all", "-n", "10", *where, cwd=tmp_path)
    shown = called("audit", "show", "--format", "jsonl", *where, cwd=tmp_path)
    assert ran.code == OK
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert {line.pop("level") for line in lines} <= {"debug", "info", "warning", "error", "critical"}
    assert lines == [json.loads(line) for line in shown.out.splitlines()[-10:]]


def test_as_text_a_line_has_its_time_and_decisions_an_arrow(
    past: Past, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    past.happens(50)
    past.goes_on(HALT, at="1800000000123-0")
    where = place(server, portfolio)
    ran = called("tail", "--text", "-n", "1", "--type", "TradingHalted", *where, cwd=tmp_path)
    assert ran.out == "-- Fri 15 Jan 2027, America/Chicago\n02:00:00.123 CST   Trading halted by jane: news\n"
    decision = called("tail", "--text", "-n", "1", "--type", "EntryAllowed", *where, cwd=tmp_path)
    assert " → " in decision.out.splitlines()[1]


def test_on_a_terminal_what_is_grave_is_red_and_long_lines_go_on_indented(
    past: Past, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    past.happens(50)
    past.goes_on(["type", "TradingHalted", "by", "jane", "reason", "news " * 40])
    past.goes_on(["type", "FlattenRequested", "by", "jane", "reason", "drill"])
    with on_terminal("tail", "-f", "-n", "50", *place(server, portfolio), cwd=tmp_path) as terminal:
        terminal.shows("drill")
        past.goes_on(["type", "TradingHalted", "by", "jane", "reason", "still"])
        terminal.shows("by jane: still")
        terminal.press(CTRL_C)
        assert terminal.ends() == INTERRUPTED
    assert "\x1b[1;31mFlatten ordered by jane: drill" in terminal.raw
    assert max(map(len, terminal.text.splitlines())) <= 80
    assert f"\n{19 * ' '}news news" in terminal.text
    assert "Traceback" not in terminal.text


def test_a_reader_that_has_seen_enough_ends_it_without_a_word(
    past: Past, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    past.happens(700)
    words = [*COMMAND, "tail", "--all", "-n", "5000", *place(server, portfolio)]
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())
        process.stdout.close()
        assert process.stderr.read() == b""


def test_a_follower_in_a_pipe_ends_in_order_when_it_is_told_to(
    past: Past, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    past.happens(50)
    for number, code in ((signal.SIGTERM, OK), (signal.SIGINT, INTERRUPTED)):
        with started("tail", "-f", "-n", "1", *place(server, portfolio), cwd=tmp_path) as follower:
            follower.says('"level"')
            past.goes_on(HALT)
            follower.says("Trading halted by jane")
            follower.process.send_signal(number)
            assert follower.ends() == code
            assert "Traceback" not in follower.said.read_text()


def test_a_server_that_is_not_there_at_first_is_a_mistake(tmp_path: Path) -> None:
    ran = called("tail", "-f", "--url", "redis://127.0.0.1:1/0", cwd=tmp_path)
    assert ran.code == UNREACHABLE
    assert len(ran.err.splitlines()) == 1
