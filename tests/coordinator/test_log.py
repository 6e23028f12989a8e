"""The log: it never holds up a decision, says what it lost, and no stranger's word leaves its line."""

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
from pathlib import Path
from select import select
from typing import Any

from portfold.events.incoming import EntryRequested
from portfold.log import open_log
from tests.live import Live
from tests.processes import ROOT
from tests.waiting import until

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


def test_lines_that_cannot_be_written_are_counted_and_those_after_them_are_written() -> None:
    with pipe() as (reader, target):
        os.set_blocking(target.fileno(), False)  # full, it refuses what is written, as a full disk does
        log, lines = open_log("coordinator", target=target)
        for number in range(3000):
            log.info("line", number=number)  # more than a pipe holds
        read: list[str] = []
        reading = threading.Thread(target=lambda: read.extend(reader), daemon=True)
        until(lambda: is_full(target.fileno()), "the pipe to be full")
        reading.start()
        until(lambda: bool(log.info("later")) or any("later" in line for line in read), "a line after those")
        lines.close()
        target.close()
        reading.join(20)
    assert re.search(r"^\([0-9]+ log lines lost: they could not be written\)$", "".join(read), re.MULTILINE)


def is_full(descriptor: int) -> bool:
    return not select([], [descriptor], [], 0)[1]


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
