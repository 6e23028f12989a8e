"""`portfold audit what-if` as a person runs it: what it says, within 80 columns, and how it ends."""

import json
import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from portfold.cli.exits import FAILED, INTERRUPTED, OK, UNREACHABLE, UNUSABLE
from tests.archive.past import Past
from tests.audit.browser import in_a_browser, opened
from tests.audit.supposing import WrittenDown
from tests.cli.command_line import started
from tests.coordinator.story import DAY
from tests.waiting import until

POSITIONS = "max_positions: expected a whole number of positions from 1 to 50"
Audit = Callable[..., tuple[int, str]]


def happens(past: Past, story: WrittenDown) -> None:
    """The story lies on the server, and is decided."""
    for at, fields in story.log:
        past.client.execute_command("XADD", past.bus.keys.events, str(at), *fields)
    past.is_decided()


def two_trades() -> WrittenDown:
    """ES and CL are traded with at most 2; SI is denied, and asks once more."""
    story = WrittenDown(max_positions=2, max_contracts=2)
    story.enters("ES", "CL")
    story.is_denied("SI")
    story.is_denied("SI")
    story.closes("CL", pnl="-310.50")
    story.closes("ES", pnl="120")
    return story


def squeezed(text: str) -> str:
    """Without what only lines columns up."""
    return re.sub(r" {2,}", " ", text)


# --- what it says ---------------------------------------------------------------------------------------


def test_the_limits_on_the_log_turn_nothing(past: Past, audit: Audit) -> None:
    happens(past, two_trades())
    code, said = audit("what-if", "--max-positions", "2", "--daily-stop-loss", "2500")
    assert code == OK
    assert "What if max_positions were 2 in place of 2, and daily_stop_loss were $2,500 in" in said
    assert "\nNothing changes.\n" in said
    assert "What cannot be known" not in said


def test_an_entry_that_turns_to_denied_is_told_with_its_trade(past: Past, audit: Audit) -> None:
    happens(past, two_trades())
    code, said = audit("what-if", "--max-positions", "1")
    assert code == OK
    told = squeezed(said)
    assert "Changed: 1 entry denied." in told
    assert " 10:00:00 CL long 1 ibs-CL allowed → max_positions $-310.50 gone\n" in told
    assert "2025-01-15 4 2 2 2 -190.50 1 3 1 120.00\n" in told
    assert "P&L $-190.50 $120.00 $310.50\n" in told
    assert "1 trade gone, recorded $-310.50." in told


def test_an_entry_that_turns_to_allowed_is_told_once_and_its_outcome_is_unknown(
    past: Past, audit: Audit
) -> None:
    happens(past, two_trades())
    code, said = audit("what-if", "--max-positions", "3", "--max-contracts", "3")
    assert code == OK
    told = squeezed(said)
    assert " 10:00:00 SI long 1 ibs-SI max_positions → allowed unknown x2\n" in told
    assert "- 2 requests would have been allowed, 1 of them most likely for what was asked\n" in told
    assert "? with entries whose outcome is unknown" in told


def test_max_contracts_that_stands_in_the_way_is_said(past: Past, audit: Audit) -> None:
    happens(past, two_trades())
    _, said = audit("what-if", "--max-positions", "3")
    assert "Nothing changes." in said
    assert "ask for both: --max-contracts 3" in said
    assert "--max-contracts" not in audit("what-if", "--max-positions", "1")[1]


def test_a_stop_is_told_with_what_it_closes(past: Past, audit: Audit) -> None:
    story = WrittenDown()
    story.enters("ES", "CL")
    story.is_allowed("SI")
    story.marks("ES", unrealized="-700")
    story.closes("ES", pnl="-100")
    story.fills("SI")
    story.closes("SI", pnl="-20")
    happens(past, story)
    code, said = audit("what-if", "--daily-stop-loss", "700")
    assert code == OK
    told = squeezed(said)
    assert "Changed: 1 stop more." in told
    assert " 10:00:00 STOP comes, at $-700.00 of $-700, and closes 2 open\n" in told
    assert " ES long 1 ibs-ES $-700.00 at the stop, recorded $-100.00\n" in told
    assert " CL long 1 ibs-CL never marked at the stop, recorded $0.00, open\n" in told
    assert " SI long 1 ibs-SI not filled at the stop, recorded $-20.00\n" in told
    assert "2 trades closed by a stop that comes: $-700.00, recorded $-100.00." in told
    assert "1 trade gone, recorded $-20.00." in told


@pytest.mark.parametrize(
    "words",
    [
        ["--max-positions", "2"],
        ["--max-positions", "8", "--max-contracts", "8", "--daily-stop-loss", "1000"],
        ["--daily-stop-loss", "20000", "--symbols", "ES CL 6B SI", "--stop-loss-on", "realized"],
        ["--sweep", "max_positions=1..6"],
        ["--sweep", "max_positions=1..3", "--sweep", "daily_stop_loss=500..2500:500"],
    ],
)
def test_nothing_is_wider_than_a_terminal(past: Past, audit: Audit, words: Sequence[str]) -> None:
    past.happens(1500)
    code, said = audit("what-if", *words)
    assert code == OK
    assert [line for line in said.splitlines() if len(line) > 80 and past.bus.keys.name not in line] == []


def test_of_many_rows_as_many_are_shown_as_asked_for_and_the_rest_is_counted(
    past: Past, audit: Audit
) -> None:
    past.happens(1500)
    _, said = audit("what-if", "--max-positions", "2", "--rows", "5")
    (more,) = re.findall(r"^\.\.\. and ([\d,]+) more; --rows (\d+) shows them", said, re.MULTILINE)
    assert said.count("→") == 1 + 5
    _, all_of_it = audit("what-if", "--max-positions", "2", "--rows", more[1])
    assert all_of_it.count("→") == 1 + 5 + int(more[0].replace(",", ""))
    assert "more; --rows" not in all_of_it


def test_of_many_days_the_last_are_shown(past: Past, audit: Audit) -> None:
    story = two_trades()
    for _ in range(3):
        story.after(DAY)
    happens(past, story)
    _, said = audit("what-if", "--max-positions", "1", "--rows", "1")
    assert re.findall(r"^2025-01-[0-9]+ +[0-9]", said, re.MULTILINE) == ["2025-01-20     0"]  # a Monday
    assert "... after 3 other days; --rows 4 shows them" in said


# --- for programs ---------------------------------------------------------------------------------------


def test_json_is_a_line_for_each_finding_and_one_for_what_they_come_to(past: Past, audit: Audit) -> None:
    happens(past, two_trades())
    code, said = audit("what-if", "--max-positions", "1", "--json")
    assert code == OK
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line["what"] for line in lines] == ["LimitsOverridden", "Turned", "TradeGone", "DayOver", "Tally"]
    _, turned, gone, day, tally = lines
    assert turned["at"] == gone["request"]
    assert (gone["pnl"], gone["why"], gone["contracts"]) == (-310.5, "max_positions", 1)
    assert day["what_if"]["pnl"] == tally["what_if"]["figures"]["pnl"] == 120


def test_json_of_a_sweep_is_a_line_for_each_point(past: Past, audit: Audit) -> None:
    happens(past, two_trades())
    code, said = audit("what-if", "--sweep", "max_positions=1..2", "--json")
    assert code == OK
    points = [json.loads(line) for line in said.splitlines()]
    assert [point["values"] for point in points] == [{"max_positions": 1}, {"max_positions": 2}]
    assert [point["tally"]["gone"]["trades"] for point in points] == [1, 0]


# --- sweeps ---------------------------------------------------------------------------------------------


def test_a_sweep_is_a_line_for_each_value_and_one_for_what_is_recorded(past: Past, audit: Audit) -> None:
    happens(past, two_trades())
    code, said = audit("what-if", "--sweep", "max_positions=1..3", "--max-contracts", "5")
    assert code == OK
    told = squeezed(said)
    assert "\n2 2 2 2 -190.50 0 -190.50 (recorded)\n1 1 3 1 120.00 0 120.00 0\n" in told
    assert "\n2 2 2 2 -190.50 0 -190.50 0\n3 4 0 2 -190.50 0 -190.50 1\n" in told
    assert "with max_contracts 5" in told


@in_a_browser
@pytest.mark.parametrize(
    "ranges",
    [["max_positions=1..3"], ["max_positions=1..3", "daily_stop_loss=100..300:100"]],
)
def test_the_plot_is_drawn_in_a_browser_and_loads_nothing(
    past: Past, audit: Audit, tmp_path: Path, ranges: list[str]
) -> None:
    happens(past, two_trades())
    words = [word for one in ranges for word in ("--sweep", one)]
    code, said = audit("what-if", *words, "--plot", "sweep.html")
    assert code == OK
    assert said.endswith("The plot is in sweep.html\n")
    seen = opened(tmp_path / "sweep.html")
    assert (seen.loaded, seen.console, seen.requests) == (True, [], [])
    assert seen.drawn == seen.expected == 1
    assert "What if: max_positions" in seen.text
    assert seen.overflow <= 0


# --- mistakes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "what-if: expected --sweep, or at least one of --max-positions, --max-contracts"),
        (["--max-positions", "0"], f"{POSITIONS}, got '0'"),
        (["--max-positions", "51"], f"{POSITIONS}, got '51'"),
        (["--daily-stop-loss", "0"], "daily_stop_loss: expected more than 0 dollars, got '0'"),
        (["--daily-stop-loss", "much"], "daily_stop_loss: expected a finite amount in dollars"),
        (["--symbols", "ES ES"], "symbols: expected each symbol once"),
        (["--sweep", "roll=1..2"], "roll=1..2: expected a limit and its range, such as max_positions=1..6"),
        (["--sweep", "max_positions=6..1"], "max_positions=6..1: expected a limit and its range"),
        (["--sweep", "max_positions=1..6:0"], "max_positions=1..6:0: expected a limit and its range"),
        (["--sweep", "daily_stop_loss=1..202"], "expected at most 200 values, got 202"),
        (["--sweep", "max_positions=50..51"], f"{POSITIONS}, got '51'"),
        (
            ["--sweep", "max_positions=1..20", "--sweep", "daily_stop_loss=1..20"],
            "sweep: expected at most 200 combinations, got 400",
        ),
        (
            ["--sweep", "max_positions=1..2", "--max-positions", "3"],
            "max_positions: expected once, got it more than once",
        ),
        (["--max-positions", "3", "--plot", "x.html"], "--plot: expected --sweep with it"),
        (
            ["--sweep", "max_positions=1..2", "--plot", "no/such/x.html"],
            "--plot: no/such/x.html cannot be written: there is no folder no/such",
        ),
    ],
)
def test_a_mistake_is_one_sentence_that_names_it(
    past: Past, audit: Audit, words: list[str], sentence: str
) -> None:
    happens(past, two_trades())
    code, said = audit("what-if", *words)
    assert (code, said.count("\n")) == (UNUSABLE, 1)
    assert sentence in said


def test_a_portfolio_without_a_past_cannot_be_asked(audit: Audit) -> None:
    code, said = audit("what-if", "--max-positions", "3")
    assert code == FAILED
    assert "Nothing has been decided yet" in said


def test_a_record_that_is_not_what_was_decided_is_not_compared_with(past: Past, audit: Audit) -> None:
    happens(past, two_trades())
    last = past.client.xrevrange(past.bus.keys.decisions, count=1)[0][0]
    past.client.xdel(past.bus.keys.decisions, last)
    code, said = audit("what-if", "--max-positions", "3")
    assert code == FAILED
    assert "is not on record" in said
    assert "portfold audit verify" in said


def test_a_server_that_is_not_there_is_said(audit: Audit) -> None:
    code, said = audit("what-if", "--max-positions", "3", url="redis://127.0.0.1:1/0")
    assert code == UNREACHABLE
    assert "Connection refused" in said


def clients(past: Past) -> set[str]:
    """The connections to the server."""
    return {connection["id"] for connection in past.client.client_list()}


def test_ctrl_c_ends_it_without_a_traceback(past: Past, tmp_path: Path) -> None:
    past.happens(3000)
    before = clients(past)
    words = ["--sweep", "max_positions=1..10", "--sweep", "daily_stop_loss=100..2000:100"]
    named = ["--url", past.url, "--portfolio", past.bus.keys.name]
    with started("audit", "what-if", *words, *named, cwd=tmp_path) as asking:
        until(lambda: clients(past) - before, "it to read")
        asking.process.send_signal(signal.SIGINT)
        assert asking.ends() == INTERRUPTED
        assert asking.said.read_text() == ""
