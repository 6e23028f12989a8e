"""Sessions of the exchange as people ask for them, by `--calendar` and `--correct`."""

from pathlib import Path

from tests.cli.command_line import called
from tests.processes import config_folder
from tests.research.made import random_trades, write_results

LOOSE = ("--max-dd-limit", "999999", "--max-breach-events", "999", "--jobs", "1", "--exhaustive", "never")


def test_a_search_with_windows_of_the_session_says_whose_they_are_and_is_drawn_again_with_the_same(
    tmp_path: Path,
) -> None:
    config_folder(tmp_path / "config", limits={"windows": "mon-fri/close-360..close-240=deny"})
    write_results(tmp_path / "results", random_trades(4, ("ES", "CL"), each=25))
    options = ("--max-positions", "1", "--correct", "2025-01-09=08:30", *LOOSE)
    found = called("research", "optimize", *options, cwd=tmp_path)
    assert found.code == 0, found.err
    assert "Sessions of the exchange: CME Globex Equity by pandas_market_calendars " in found.out
    assert ", corrected: 2025-01-09=08:30." in found.out
    drawn = called("research", "report", cwd=tmp_path)
    assert (drawn.code, drawn.err) == (0, "")


def test_a_calendar_that_the_library_does_not_have_is_a_sentence(tmp_path: Path) -> None:
    write_results(tmp_path / "results", random_trades(4, ("ES",), each=2))
    ran = called("research", "simulate", "--calendar", "Nowhere", cwd=tmp_path)
    assert ran.code == 2
    assert "--calendar: expected one that pandas_market_calendars has, got 'Nowhere'" in ran.err
