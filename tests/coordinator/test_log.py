"""The log: it never holds up a decision, says what it lost, and uses the words operators grep for."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest

from portfold.coordinator.fold.state import State
from portfold.coordinator.store.ledger import decide
from portfold.coordinator.views.narration import Line, narrate
from portfold.events.chain import GENESIS
from portfold.events.codec import encode
from portfold.events.decisions import Decision
from portfold.events.incoming import EntryRequested, Event, Malformed, PositionClosed, PositionMarked
from portfold.events.stream_id import StreamId
from portfold.log import open_log
from tests.coordinator.story import MINUTE, SECOND, Story, chicago
from tests.live import Live
from tests.processes import ROOT

# --- lines that wait for nobody -------------------------------------------------------------------------


@contextmanager
def pipe() -> Iterator[tuple[Any, Any]]:
    """Both ends of a pipe, as a reader and a target of a log."""
    read_end, write_end = os.pipe()
    with (
        suppress(BrokenPipeError),
        os.fdopen(write_end, "w") as target,
        os.fdopen(read_end, "r", encoding="utf-8") as reader,  # closed first: no writer stays stuck
    ):
        yield reader, target


def test_a_reader_that_is_stuck_holds_up_nobody_and_is_told_how_many_lines_it_lost() -> None:
    said = 60_000
    with pipe() as (reader, target):
        log, lines = open_log("coordinator", target=target)

        def say() -> None:
            for number in range(said):
                log.info("line", number=number)  # far more than the pipe and the queue hold

        saying = threading.Thread(target=say, daemon=True)
        saying.start()
        saying.join(30)
        assert not saying.is_alive(), "whoever logs is held up by a reader that does not read"
        read: list[str] = []
        reading = threading.Thread(target=lambda: read.extend(reader))
        reading.start()
        lines.close()
        target.close()
        reading.join(20)
    lost = [int(line[1:].split(" ")[0]) for line in read if line.endswith("the reader was too slow)\n")]
    assert lost
    assert len(read) - len(lost) + sum(lost) == said
    kept = [json.loads(line)["number"] for line in read if line.startswith("{")]
    assert kept == sorted(set(kept))  # in order, none of them twice, none torn
    assert kept[:20_000] == list(range(20_000))  # and the oldest ones


def test_a_reader_that_has_gone_away_ends_nothing() -> None:
    with pipe() as (reader, target):
        log, lines = open_log("coordinator", target=target)
        reader.close()
        for number in range(30_000):
            log.info("line", number=number)
        lines.close()


def test_machines_read_utf_8_whatever_the_locale_is(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w", encoding="latin-1") as target:
        log, lines = open_log("coordinator", target=target)
        log.error("🚨 STOP")
        lines.close()
    assert json.loads((tmp_path / "log").read_text(encoding="utf-8"))["event"] == "🚨 STOP"


def test_closing_writes_out_what_waits() -> None:
    target = io.StringIO()
    log, lines = open_log("coordinator", target=target)
    for number in range(1000):
        log.info("line", number=number)
    lines.close()
    assert len(target.getvalue().splitlines()) == 1000


def test_a_coordinator_whose_log_nobody_reads_decides_on_and_stops_when_told(
    live: Live, portfolio: str, client: Any, tmp_path: Path
) -> None:
    url = f"redis://127.0.0.1:{client.connection_pool.connection_kwargs['port']}/0"
    command = [sys.executable, "-m", "tests.processes", url, portfolio, "server"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    environ.pop("PYTHONUNBUFFERED", None)  # as a user's: what Python buffers is written when it ends
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stderr=subprocess.PIPE) as coordinator:
        ask: dict[str, Any] = {"symbol": "NQ", "side": "long", "size": 1}  # each line some 300 bytes
        live.publishes_all(live.next_of(EntryRequested, "ibs-ES", **ask) for _ in range(1500))
        live.all_decided()
        assert live.status()["events_rejected"] == "0"
        coordinator.send_signal(signal.SIGTERM)
        assert coordinator.wait(20) == 0


# --- for people, and for machines -----------------------------------------------------------------------


def test_elsewhere_than_on_a_terminal_a_line_is_one_json_object() -> None:
    target = io.StringIO()
    log, lines = open_log("coordinator", target=target)
    log.warning("⛔ ES ENTRY BLOCKED", epoch=3)
    log.debug("not of interest")
    lines.close()
    [line] = target.getvalue().splitlines()
    assert "⛔" in line
    known = json.loads(line)
    assert known.pop("timestamp").endswith("Z")
    assert known == {"process": "coordinator", "event": "⛔ ES ENTRY BLOCKED", "level": "warning", "epoch": 3}


def on_a_terminal(event: str, *, for_here: Callable[[str], str] = str, **values: Any) -> str:
    """What a terminal is given of an error."""
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen, os.fdopen(theirs, "w", encoding="utf-8") as terminal:
        log, lines = open_log("coordinator", target=terminal, for_here=for_here)
        log.error(event, **values)
        lines.close()
        return screen.read(8192).decode()


def test_on_a_terminal_a_line_is_for_reading() -> None:
    shown = on_a_terminal("⛔ ES ENTRY BLOCKED", epoch=3)
    assert "⛔ ES ENTRY BLOCKED" in shown
    assert all(word in shown for word in ("epoch", "error"))
    assert not shown.startswith("{")


def test_a_terminal_has_its_own_way_of_saying_it_and_machines_have_not() -> None:
    said = "Then: portfold status"
    shown = on_a_terminal(said, for_here=lambda text: text.replace("portfold", "bin/portfold"), hint=said)
    assert shown.count("bin/portfold status") == 2
    target = io.StringIO()
    log, lines = open_log("coordinator", target=target, for_here=str.upper)
    log.info(said)
    lines.close()
    assert json.loads(target.getvalue())["event"] == said


STEERING = "a\nb %s %d \x1b[2J\x7f\x9b2J\u202e\u2028\r"


def test_what_a_stranger_wrote_stays_on_its_line() -> None:
    target = io.StringIO()
    log, lines = open_log("coordinator", target=target)
    log.info(STEERING, who=STEERING)
    lines.close()
    [line] = target.getvalue().splitlines()
    assert json.loads(line).items() >= {"event": STEERING, "who": STEERING}.items()
    assert line.isprintable()


def test_what_a_stranger_wrote_steers_no_terminal() -> None:
    shown = on_a_terminal(STEERING, who=STEERING, exc_info=ValueError(STEERING))
    first, *traceback = re.sub(r"\x1b\[[0-9;]*m", "", shown).split("\r\n")  # without our own colours
    assert "a\\u000ab %s %d \\u001b[2J" in first
    assert traceback[0].startswith("ValueError: a")
    assert "".join([first, *traceback]).isprintable()


# --- the words ------------------------------------------------------------------------------------------


class Told(Story):
    """A story, with the lines an operator would have read."""

    def __init__(self, **changed_limits: Any) -> None:
        self.lines: list[Line] = []
        self.decided: set[type] = set()
        super().__init__(**changed_limits)

    def hears(self, event: Event | Malformed, at: int | None = None) -> list[Decision]:
        assert not isinstance(event, Malformed)
        self.ms = self.ms + 1 if at is None else at
        return self.reads(encode(event))

    def reads(self, fields: list[str]) -> list[Decision]:
        """An entry of the log as it lies there."""
        decided = decide(self.state, GENESIS, StreamId(self.ms, 0), fields)
        self.lines = narrate(self.state, decided)
        self.decided |= {type(decision) for decision in decided.decisions}
        return decided.decisions

    def told(self) -> list[tuple[str, str]]:
        """Levels and texts of the lines for the last event."""
        return [(line.level, line.text) for line in self.lines]


NQ_TOO = "6A 6B 6C 6N 6S CL ES NQ PL RTY SI"


@pytest.fixture
def story() -> Told:
    return Told(symbols=NQ_TOO)


def test_an_entry_that_finds_no_slot(story: Told) -> None:
    story.enters("6A", "CL", "NQ", "SI")
    story.asks("ES")
    assert story.told() == [
        ("info", "⛔ ES ENTRY BLOCKED BY PORTFOLIO: Max positions (4) reached. Open: 6A, CL, NQ, SI")
    ]


def test_an_entry_that_finds_slots_reserved(story: Told) -> None:
    story.enters("6A", "CL")
    for symbol in ("SI", "NQ", "ES"):
        story.asks(symbol)
    assert story.told() == [
        (
            "info",
            "⛔ ES ENTRY BLOCKED BY PORTFOLIO: Max positions (4) reached. Open: 6A, CL | Reserved: NQ, SI",
        )
    ]


def test_an_entry_allowed(story: Told) -> None:
    story.enters("CL")
    story.asks("ES", side="short")
    assert story.told() == [("info", "ES entry allowed: short 1 | Slots: 2/4")]


def test_a_position_opened(story: Told) -> None:
    story.enters("CL", "SI")
    story.asks("6A")
    story.fills("6A")
    assert story.told() == [("info", "Position opened: 6A | Size: 1 | Open positions: 3/4")]


def test_a_position_closed(story: Told) -> None:
    story.enters("CL", "SI", "6A", "ES")
    story.closes("CL", pnl="200")
    story.closes("6A", pnl="125")
    assert story.told() == [
        ("info", "Position closed: 6A | P&L: $125.00 | Daily P&L: $325.00 | Open positions: 2/4")
    ]


def test_the_stop(story: Told) -> None:
    story.enters("CL", "SI", "6A")
    story.closes("CL", pnl="-2512.5")
    assert ("critical", THE_STOP) in story.told()


THE_STOP = "🚨 PORTFOLIO STOP LOSS TRIGGERED 🚨 | Daily P&L: $-2,512.50 | Limit: $2,500 | Open positions: 2"


def test_everything_that_can_be_decided_has_its_line() -> None:
    story = Told(symbols=NQ_TOO, mark_stale_ms=MINUTE, point_values="RTY=50")
    said: list[str] = []

    def then(_decisions: object) -> None:
        said.extend(f"{level:8} {text}" for level, text in story.told())

    then(story.starts("ibs-ES", symbols="ES CL", positions="ES:long:1:100"))
    then(story.starts("ibs-ES", session="s2", positions="ES:long:1:100"))
    then(story.asks("SI"))
    then(story.after(30 * SECOND))
    then(story.marks("ES", "-2000", price="60"))
    then(story.after(MINUTE))
    then(story.loses_worker("ibs-ES", session="s2"))
    then(story.asks("ES", session="s2"))
    then(story.flatten())
    then(story.after(10 * SECOND))
    then(story.closes("ES", pnl="-1900", price="62", session="s2"))
    then(story.settle("CL", 1))
    then(story.settle("CL", 0, pnl="-1"))
    then(story.resume())
    then(story.halt())
    then(story.resume())
    then(story.fills("RTY"))
    then(story.closes("RTY", pnl="25", price="87.9", commission="5"))
    then(story.resume())
    then(story.resume(force=True))
    then(story.stops("ibs-RTY"))
    then(story.change_limits(max_positions=2, daily_stop_loss=Decimal("900.5"), by="ann", reason="careful"))
    then(story.at(chicago(2025, 1, 15, 17)))
    assert said == EVERYTHING.splitlines()
    assert story.decided == set(get_args(Decision))


EVERYTHING = """\
info     Worker started: ibs-ES | Symbols: ES CL
error    POSITION MISMATCH (unknown_to_us): ES of ibs-ES: the log holds 0, the broker 1 at 100; \
the larger counts
info     Worker started: ibs-ES | Symbols: none
info     Position adopted: ES long 1 by ibs-ES
info     SI entry allowed: long 1 | Slots: 2/4
warning  SI entry expired, its slot is free again: not filled in time
warning  Daily loss at 80 % of the limit | Daily P&L: $-2,000.00 | Limit: $2,500
warning  Mark of ES is 1 m 00 s old (ibs-ES)
error    Worker lost: ibs-ES | Silent for 5.0 s
info     ⛔ ES ENTRY BLOCKED BY PORTFOLIO: Worker ibs-ES, which trades ES, is lost
critical Flatten ordered by ann: going home
critical Flatten: ES:long:1:ibs-ES | ordered by ann
critical Flatten handed over to the flattener: ES:long:1:ibs-ES
critical FLATTEN OVERDUE by 0 ms | Still open: ES:long:1:ibs-ES
critical Flatten handed over to the flattener: ES:long:1:ibs-ES
info     Position closed: ES | P&L: $-1,900.00 | Daily P&L: $-1,900.00 | Open positions: 0/4
warning  Flat after 10 s | ordered by ann
warning  Position settled by ann: CL of ibs-CL is long 1 | P&L: $0.00 | as the broker says
critical Flatten: CL:long:1:ibs-CL | CL settled open after the order to flatten
critical Flatten handed over to the flattener: CL:long:1:ibs-CL
warning  Position settled by ann: CL of ibs-CL is long 0 | P&L: $-1.00 | as the broker says
warning  Flat after 1 ms | CL settled open after the order to flatten
warning  Trading resumed by ann: calm again
warning  Trading halted by ann: news
warning  Trading resumed by ann: calm again
info     Position opened: RTY | Size: 1 | Open positions: 1/4
error    LIMIT BREACHED (ungranted) by ibs-RTY: 1 filled where 0 were granted
info     Position closed: RTY | P&L: $25.00 | Daily P&L: $-2,511.00 | Open positions: 0/4
error    P&L DISPUTED: RTY of ibs-RTY | Reported: $25.00 | Computed: $-610.00 | Counted: $-610.00
critical 🚨 PORTFOLIO STOP LOSS TRIGGERED 🚨 | Daily P&L: $-2,511.00 | Limit: $2,500 | Open positions: 0
warning  Flat after 0 ms | daily stop loss
error    Event rejected: TradingResumed: stopped out on 2025-01-15; force=true lifts the stop, on record
warning  Trading resumed by ann: calm again (the day's stop lifted by force)
info     Worker stopped: ibs-RTY | end of the day
warning  Limits in force: max_positions=2, max_contracts=4, daily_stop_loss=$900.50 | By ann: careful
info     Trading day 2025-01-16 | 2025-01-15 before it: Daily P&L: $-2,511.00 | \
Entries allowed: 1, blocked: 1 | Stops: 1
"""


@pytest.mark.parametrize("kind", [PositionClosed, PositionMarked])
def test_a_fact_that_is_refused_is_not_told_as_if_it_had_happened(story: Told, kind: Any) -> None:
    if kind is PositionMarked:
        story.marks("ES", "-1")
    else:
        story.enters("ES")
        story.closes("ES")
        story.closes("ES")
    [(level, text)] = story.told()
    assert level == "error"
    assert text.startswith(f"Event rejected: {kind.__name__}: ")


def test_before_any_limits_a_position_is_told_without_one() -> None:
    story = Told()
    story.state = State()
    story.fills("ES")
    assert story.told()[0] == ("info", "Position opened: ES | Size: 1 | Open positions: 1")
