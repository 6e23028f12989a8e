"""What is critical of a run is read out of its file, and its lines go where they can be seen."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from portfold.cli.exits import Failure
from portfold.cli.run.critical_lines import CriticalLines, critical_in
from portfold.cli.run.screen import lines_of_run
from portfold.log import open_log

CHICAGO = ZoneInfo("America/Chicago")


@contextmanager
def on_a_terminal(monkeypatch: pytest.MonkeyPatch, kind: str = "xterm") -> Iterator[None]:
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as terminal, monkeypatch.context() as here:
        here.setattr(sys, "stdout", terminal)
        here.setattr(sys, "stderr", terminal)
        here.setenv("TERM", kind)
        yield
    os.close(ours)


def test_what_is_critical_is_found_in_the_file_whoever_said_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with on_a_terminal(monkeypatch), lines_of_run(tmp_path) as seen:
        assert seen is not None
        seen.drawn = True
        reading = CriticalLines(Path(seen.file.name), CHICAGO)
        log, lines = open_log("run", target=seen, zone=CHICAGO)  # type: ignore[arg-type]  # part of a stream
        child, child_lines = open_log("ibs-ES", target=seen.file)
        with closing(lines):
            log.info("Started", child="ES")
            log.critical("GIVEN UP: CL ended with exit code 2")
        with closing(child_lines):
            child.critical("STRATEGY FAILED: mine-CL ends", why="it raised \x1b[2J")
            child.error("not that bad, nothing critical")
        seen.file.write("no log line at all, critical\n{critical\n")
        seen.file.flush()
        reading.read_on()
        reading.read_on()
    assert reading.count == 2
    texts = {line.text for line in reading.last}
    assert texts == {
        "GIVEN UP: CL ended with exit code 2",
        "STRATEGY FAILED: mine-CL ends: it raised \\u001b[2J (ibs-ES)",
    }
    assert all(line.when.endswith((" CST", " CDT")) for line in reading.last)


def test_a_line_is_read_once_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "said"
    line = b'{"process": "p", "event": "e", "level": "critical", "timestamp": "2025-01-15T20:00:00Z"}\n'
    reading = CriticalLines(file, CHICAGO)
    reading.read_on()
    file.write_bytes(line[:40])
    reading.read_on()
    assert reading.count == 0
    file.write_bytes(line)
    reading.read_on()
    assert (reading.count, reading.last[0]) == (1, ("14:00:00 CST", "e (p)"))
    assert critical_in(line.replace(b'l": "critical', b'l": "error'), CHICAGO) is None
    before_all_clocks = line.replace(b"2025-01-15T20", b"0001-01-01T00")
    assert critical_in(before_all_clocks, CHICAGO) == ("00:00:00", "e (p)")


def test_where_nothing_can_be_drawn_lines_go_where_they_went(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with on_a_terminal(monkeypatch, "dumb"), lines_of_run(tmp_path) as seen:
        assert seen is None


def test_where_the_file_cannot_be_made_that_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with on_a_terminal(monkeypatch), pytest.raises(Failure, match=r"Cannot make the folder .*taken: "):
        lines_of_run(tmp_path / "taken").__enter__()
