"""How far long work has come, on stderr: a bar on a terminal, gone at the end; else a line now and then."""

import re
import sys
from contextlib import suppress
from io import StringIO

import pytest

from portfold.cli.progress import progress

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
HIDES_CURSOR, SHOWS_CURSOR = "\x1b[?25l", "\x1b[?25h"
TAKEN_AWAY = "\r\x1b[1A\x1b[2K"
"""By the last thing written: back to the line's beginning, up to the bar, and it is erased."""


class Screen(StringIO):
    """Standard error as it is on a terminal."""

    def isatty(self) -> bool:
        return True

    @property
    def drawn(self) -> list[str]:
        """What was drawn, one over the other, without colours; what was drawn twice is there once."""
        lines = (ESCAPES.sub("", line).strip() for line in re.split(r"[\r\n]", self.getvalue()))
        return list(dict.fromkeys(filter(None, lines)))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clock shows: the first of the list."""
    shows = [100.0]
    monkeypatch.setattr("portfold.cli.progress.time.monotonic", lambda: shows[0])
    return shows


def a_terminal(monkeypatch: pytest.MonkeyPatch, kind: str = "xterm-256color") -> Screen:
    """Standard error, from here on: pytest puts its own in its place before each test."""
    monkeypatch.setenv("TERM", kind)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    return screen


def a_pipe(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """The same where it is no terminal, whatever is asked of colours."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys, "stderr", pipe := StringIO())
    return pipe


def test_a_terminal_shows_a_bar_how_many_of_how_many_how_fast_and_how_long(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    screen = a_terminal(monkeypatch)
    with progress("Exporting", 4_000, "events") as on_progress:
        clock[0] += 0.1
        on_progress(500)
        assert screen.getvalue() == ""
        clock[0] += 0.4
        on_progress(1_000)
        [shown] = screen.drawn
        assert shown == "Exporting ━━╸━━━━━━━ 1,000 of 4,000 (25%) events, 2,000 a second, 1.5 s left"
        clock[0] += 0.1
        on_progress(2_000)
    assert screen.drawn == [shown]
    assert screen.getvalue().endswith(TAKEN_AWAY)


def test_without_a_total_there_is_no_bar_and_no_share(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    screen = a_terminal(monkeypatch)
    with progress("Reading", None, "events") as on_progress:
        clock[0] += 1
        on_progress(1_000)
    assert screen.drawn == ["Reading 1,000 events, 1,000 a second"]
    assert screen.getvalue().endswith(TAKEN_AWAY)


def test_what_was_done_before_makes_it_no_faster(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    screen = a_terminal(monkeypatch)
    with progress("Searching", 9_000, "simulations", done_before=5_000) as on_progress:
        clock[0] += 100
        on_progress(5_400)
    [shown] = screen.drawn
    assert shown.endswith("5,400 of 9,000 (60%) simulations, 4.0 a second, 15 m 00 s left")


def test_where_nothing_is_done_yet_no_speed_is_told(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    screen = a_terminal(monkeypatch)
    with progress("Searching", 9_000, "simulations", done_before=5_000) as on_progress:
        clock[0] += 1
        on_progress(5_000)
    assert screen.drawn[0].endswith("5,000 of 9,000 (56%) simulations")


def test_once_there_is_something_to_read_it_keeps_quiet(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    screen = a_terminal(monkeypatch)
    with progress("Reading", None, "events") as on_progress:
        on_progress.end()
        clock[0] += 1
        on_progress(1_000)
    assert screen.getvalue() == ""


def test_the_bar_of_work_that_is_interrupted_is_taken_away_as_well(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    screen = a_terminal(monkeypatch)
    with suppress(KeyboardInterrupt), progress("Reading", 10, "events") as on_progress:
        clock[0] += 1
        on_progress(5)
        raise KeyboardInterrupt
    assert screen.getvalue().endswith(TAKEN_AWAY)


def test_a_process_that_is_killed_leaves_the_cursor_shown(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    screen = a_terminal(monkeypatch)
    with progress("Reading", 10, "events") as on_progress:
        for done in (1, 2):
            clock[0] += 1
            on_progress(done)
            assert screen.getvalue().rfind(SHOWS_CURSOR) > screen.getvalue().rfind(HIDES_CURSOR)


def test_elsewhere_a_line_is_told_each_half_minute_and_stays(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    pipe = a_pipe(monkeypatch)
    with progress("Exporting", 4_000, "events") as on_progress:
        clock[0] += 29.5
        on_progress(990)
        assert pipe.getvalue() == ""
        clock[0] += 0.5
        on_progress(1_000)
        clock[0] += 29.5
        on_progress(1_800)
        clock[0] += 0.5
        on_progress(2_000)
    assert pipe.getvalue().splitlines() == [
        "Exporting: 1,000 of 4,000 (25%) events, 33 a second, 1 m 30 s left",
        "Exporting: 2,000 of 4,000 (50%) events, 33 a second, 1 m 00 s left",
    ]


def test_a_terminal_that_cannot_be_drawn_on_gets_lines(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    screen = a_terminal(monkeypatch, "dumb")
    with progress("Reading", None, "events") as on_progress:
        clock[0] += 30
        on_progress(3_000)
    assert screen.getvalue() == "Reading: 3,000 events, 100 a second\n"


def test_what_is_printed_meanwhile_goes_where_it_would(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    screen = a_terminal(monkeypatch)
    monkeypatch.setattr(sys, "stdout", out := StringIO())
    with progress("Reading", 10, "events") as on_progress:
        clock[0] += 1
        on_progress(5)
        print("a row")
    assert out.getvalue() == "a row\n"
    assert "a row" not in screen.getvalue()
