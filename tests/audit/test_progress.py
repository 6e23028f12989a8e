"""The line that says how far long work has come: on a terminal, now and then, and gone at the end."""

import sys
from io import StringIO

import pytest

from portfold.cli.audit.progress import progress

ERASED = "\r\x1b[K"


class Screen(StringIO):
    """Standard error as it is on a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clock shows: the first of the list."""
    shows = [100.0]
    monkeypatch.setattr("portfold.cli.audit.progress.time.monotonic", lambda: shows[0])
    return shows


def test_it_says_how_many_of_how_many_and_how_fast(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    with progress("Exporting", 4_000) as on_progress:
        clock[0] += 0.1
        on_progress(500)
        assert screen.getvalue() == ""
        clock[0] += 0.4
        on_progress(1_000)
        assert screen.getvalue() == f"{ERASED}Exporting 1,000 of 4,000 (25%) events, 2,000 a second"
        clock[0] += 0.1
        on_progress(2_000)
    assert screen.getvalue().endswith(f"a second{ERASED}")
    assert screen.getvalue().count("Exporting") == 1


def test_without_a_total_there_is_no_share(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    with progress("Reading", None) as on_progress:
        clock[0] += 1
        on_progress(1_000)
    assert screen.getvalue() == f"{ERASED}Reading 1,000 events, 1,000 a second{ERASED}"


def test_once_there_is_something_to_read_it_keeps_quiet(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    with progress("Reading", None) as on_progress:
        on_progress.end()
        clock[0] += 1
        on_progress(1_000)
    assert screen.getvalue() == ERASED


def test_an_interrupted_line_is_taken_away_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    with pytest.raises(KeyboardInterrupt), progress("Reading", None):
        raise KeyboardInterrupt
    assert screen.getvalue() == ERASED


def test_where_there_is_no_terminal_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    monkeypatch.setattr(sys, "stderr", pipe := StringIO())
    with progress("Reading", 10) as on_progress:
        clock[0] += 1
        on_progress(5)
        on_progress.end()
    assert pipe.getvalue() == ""
