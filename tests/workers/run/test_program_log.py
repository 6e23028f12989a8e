"""Lines of a part of somebody's program: through its own logging if it is set up, else on standard error."""

import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from portfold.program_log import NAME, program_log
from tests.processes import ROOT
from tests.waiting import until


@pytest.fixture
def theirs() -> Iterator[io.StringIO]:
    """A handler as a program sets it up, on our logger alone, so that nobody else's sees it."""
    written = io.StringIO()
    logger, handler = logging.getLogger(NAME), logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s | %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    yield written
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)
    logger.propagate = True


def test_lines_go_through_the_programs_logging(theirs: io.StringIO) -> None:
    log = program_log("dips-ES")
    log.warning("ES: granted, never registered", seconds=40, why="100 % sure")
    log.debug("nobody wants this")
    log.critical("LIMITS DIFFER")
    until(lambda: "LIMITS" in theirs.getvalue(), "the lines")
    assert theirs.getvalue().splitlines() == [
        "WARNING portfold | ES: granted, never registered process=dips-ES seconds=40 why=100 % sure",
        "CRITICAL portfold | LIMITS DIFFER process=dips-ES",
    ]


def test_its_level_is_the_programs(theirs: io.StringIO) -> None:
    logging.getLogger(NAME).setLevel(logging.ERROR)
    log = program_log("dips-ES")
    log.warning("not wanted")
    log.error("wanted")
    until(lambda: "wanted" in theirs.getvalue(), "the line")
    assert "not wanted" not in theirs.getvalue()


@pytest.mark.usefixtures("theirs")
def test_a_handler_that_hangs_holds_up_nobody() -> None:
    hangs, goes_on = threading.Event(), threading.Event()

    class Hanging(logging.Handler):
        def emit(self, _: logging.LogRecord) -> None:
            hangs.set()
            goes_on.wait(60)

    handler = Hanging()
    logging.getLogger(NAME).addHandler(handler)
    try:
        log = program_log("dips-ES")
        for _ in range(100):
            log.error("told")
        assert hangs.wait(20)
    finally:
        goes_on.set()
        logging.getLogger(NAME).removeHandler(handler)


_PROGRAM = """
import logging
from portfold.program_log import program_log
log = program_log("old")
log.warning("before", why="nothing is set up")
logging.basicConfig(format="theirs %(levelname)s %(message)s")
log.warning("after")
"""


_LAST_WORDS = """
import atexit, logging
from portfold.program_log import program_log
log = program_log("old")
{}
atexit.register(lambda: log.critical("the last word"))
log.warning("before")
"""


@pytest.mark.parametrize("set_up", ["", "logging.basicConfig()"])
def test_what_is_said_while_the_program_ends_is_written(set_up: str) -> None:
    words = [sys.executable, "-c", _LAST_WORDS.format(set_up)]
    for _ in range(5):
        ran = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=60, check=True)
        assert "the last word" in ran.stderr.splitlines()[-1]


def test_it_may_be_set_up_at_any_time_and_the_last_line_is_written() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )
    lines = ran.stderr.splitlines()
    assert "theirs WARNING after process=old" in lines
    (before,) = [json.loads(line) for line in lines if line.startswith("{")]
    assert (before["event"], before["process"], before["why"]) == ("before", "old", "nothing is set up")
