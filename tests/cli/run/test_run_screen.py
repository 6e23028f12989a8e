"""`portfold run` on a terminal: a live screen of 80 x 24, a file for what the processes say, a clean end."""

import re
from pathlib import Path

from portfold.cli.exits import INTERRUPTED
from tests.cli.terminal import CTRL_C, on_terminal
from tests.processes import config_folder

SHOWS_THE_CURSOR = "\x1b[?25h"
FAILS = """
class Fails:
    def __init__(self, parameters, trading_day):
        pass

    def decide(self, bar, held):
        print("printed by a strategy", flush=True)
        raise RuntimeError("on purpose")
"""


def test_it_draws_the_status_and_the_trades_and_ctrl_c_ends_it_clean(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    workers = {"CL": {"strategy": "mine.py:Fails"}}
    config_folder(mine, limits={"symbols": ["ES", "CL"]}, runtime={"workers": workers})
    (mine / "mine.py").write_text(FAILS)
    words = ("run", "--embedded", "--paper", "--bars", "synthetic", "--pace", "0.2", "--config", "mine")
    with on_terminal(*words, cwd=tmp_path, XDG_STATE_HOME=str(tmp_path)) as terminal:
        terminal.shows("STRATEGY FAILED: Fails-CL ends")
        terminal.shows("GIVEN UP: CL")
        terminal.shows("Opened: ES long 1 @ ")
        terminal.shows("Daily P&L")
        terminal.press(CTRL_C)
        assert terminal.ends() == INTERRUPTED
        shown, raw = terminal.text, terminal.raw
    before, *frames = re.split(r"(?<!Joining )main on redis:", shown)
    assert "PAPER trading: no order leaves this machine" in before, "the plan comes first"
    *frames, last = frames
    assert max(frame.count("\n") for frame in frames) < 24, "it fits"
    assert "Stopped" in last.partition("Ctrl-C ends it")[2], "below the last picture stands what came of it"
    assert any("GIVEN UP: CL" in frame for frame in (*frames, last)), "what is critical is in the picture"
    assert '{"process"' not in shown, "what the processes say is elsewhere"
    assert "printed by" not in shown, "and what a strategy prints"
    assert raw.rfind(SHOWS_THE_CURSOR) > raw.rfind("\x1b[?25l"), "the cursor is back"
    [log] = (tmp_path / "portfold").glob("run-*.log")
    assert log.stat().st_mode & 0o077 == 0
    said = log.read_text()
    assert '{"process": "ibs-ES"' in said
    assert '{"process": "coordinator"' in said
    assert "printed by a strategy" in said
