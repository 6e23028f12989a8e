"""The benchmarks run, print what they promise, and leave nothing behind however they end.

With the smallest sizes: that they work is tested here, never how fast.
"""

import os
import re
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from benchmarks.measuring.load import EVENTS_A_TRADE, trades
from benchmarks.measuring.options import count, counts, parser, sized
from benchmarks.measuring.realistic_log import realistic_log
from benchmarks.measuring.stage import Stage, played
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.segment import ArchiveError
from portfold.events.stream_id import StreamId
from tests.audit.browser import in_a_browser
from tests.waiting import until

ROOT = Path(__file__).parents[2]
NAMES = [
    "latency",
    "proved",
    "under_load.round_trip",
    "under_load.throughput",
    "under_load.growth",
    "trial",
    "fold_rate",
    "audit",
    "research",
    "luck",
    "tuning",
    "expected",
    "stop_to_flat",
    "failover",
    "restart",
    "alerts",
    "dashboard",
    "scrolling",
]


def started(folder: Path, name: str, *words: str) -> subprocess.Popen[str]:
    """The benchmark as a process whose temporary files go to `folder`."""
    return subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{name}", *words],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def printed(folder: Path, name: str, *words: str) -> str:
    """What it prints when all goes well; its temporary files are gone then."""
    out, err = started(folder, name, *words).communicate(timeout=150)
    assert err == ""
    assert list(folder.iterdir()) == []
    return out


def processes_naming(folder: Path) -> list[str]:
    """The command lines of all processes in which the folder occurs."""
    if Path("/proc/self/cmdline").exists():
        lines = [_command_line(entry) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    else:
        listed = subprocess.run(["ps", "-A", "-o", "args"], capture_output=True, check=True, text=True)
        lines = listed.stdout.splitlines()
    return [line for line in lines if str(folder) in line]


def workers_naming(folder: Path) -> int:
    """How many of them are workers."""
    return sum("stop_to_flat_worker" in line for line in processes_naming(folder))


def _command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_text(encoding="utf-8", errors="replace").replace("\0", " ")
    except OSError:  # it has just ended
        return ""


# --- what is printed ------------------------------------------------------------------------------------


def test_fold_rate_prints_the_rates_of_decode_fold_decide_and_with_the_check(tmp_path: Path) -> None:
    out = printed(tmp_path, "fold_rate", "--events", "2000", "--rounds", "1")
    rows = re.findall(r"^(decode|fold|decide|checked) +([\d,]+) +([\d.]+) +([\d.]+)$", out, re.MULTILINE)
    assert [row[0] for row in rows] == ["decode", "fold", "decide", "checked"]
    assert rows[0][3] == "1.00"
    for _, rate, microseconds, _ in rows:
        assert int(rate.replace(",", "")) * float(microseconds) == pytest.approx(1e6, rel=0.01)


def test_latency_prints_medians_and_p99_and_their_ratio(tmp_path: Path) -> None:
    out = printed(tmp_path, "latency", "--samples", "20")
    assert "appendfsync always" in out
    gate, bare = (
        [float(figure) for figure in re.findall(rf"^{name} +([\d.]+) ms +([\d.]+) ms$", out, re.MULTILINE)[0]]
        for name in ("gate and coordinator", "bare echo")
    )
    ratios = [float(figure) for figure in re.findall(r"^ratio +([\d.]+) +([\d.]+)$", out, re.MULTILINE)[0]]
    assert ratios == pytest.approx([gate[0] / bare[0], gate[1] / bare[1]], rel=0.02, abs=0.006)


def test_round_trip_prints_three_ways_for_each_number_of_workers_and_each_way_to_the_disk(
    tmp_path: Path,
) -> None:
    out = printed(tmp_path, "under_load.round_trip", "--samples", "8", "--rounds", "2", "--workers", "1,2")
    spread = r" +[\d.]+ \([\d.]+ - [\d.]+\)"
    row = rf"^ +(\d) +(portfold|echo|semaphore)((?: +[\d.]+){{3}})((?:{spread}{spread})?)$"
    rows = [(number, way) for number, way, *_ in re.findall(row, out, re.MULTILINE)]
    assert rows == [(number, way) for number in "12" for way in ("portfold", "echo", "semaphore")] * 2
    assert [sync in out for sync in ("appendfsync always; load", "appendfsync everysec; load")] == [True] * 2
    assert out.count("Expected with 1: 1.25 / 1.5 of echo or less in p50 / p99; here ") == 2


def test_throughput_prints_what_is_decided_beside_three_others(tmp_path: Path) -> None:
    out = printed(tmp_path, "under_load.throughput", "--seconds", "1", "--rounds", "1")
    row = r"^(\w+) +([\d,]+) +([\d,]+) +([\d,]+)(?: +[\d.]+ x)?$"
    found = re.findall(row, out, re.MULTILINE)
    assert [name for name, *_ in found] == ["portfold", "xadd", "semaphore", "faststream"] * 2
    assert all(median == low == high != "0" for _, median, low, high in found), "of one round"
    assert out.count("Expected: 0.5 x xadd and 5 x faststream or more; here ") == 2


def test_growth_prints_costs_and_memory_by_events_workers_and_portfolios(tmp_path: Path) -> None:
    sizes = ("--events", "1000", "--workers", "2", "--portfolios", "1,2", "--seconds", "1")
    out = printed(tmp_path, "under_load.growth", *sizes)
    spread = r" +[\d.]+ \([\d.]+ - [\d.]+\)"
    assert re.findall(rf"^ +([\d,]+)(?: +[\d.]+){{2}}{spread}(?: +[\d.]+){{2}}$", out, re.MULTILINE) == [
        "1,000"
    ]
    assert re.findall(r"^ +(\d)(?: +[\d.,]+){4}$", out, re.MULTILINE) == ["1", "2"]
    assert re.search(r"^ +2 +[\d,]+ +[\d.]+ +[\d.]+$", out, re.MULTILINE)
    assert "Expected: 1.1 x the cost of a fresh one and 1.2 x the memory at first or less" in out


def test_roles_and_proofs_are_measured_in_turns_with_both_and_without(tmp_path: Path) -> None:
    out = printed(tmp_path, "proved", "--samples", "8")
    assert "8 requests each way, in turns" in out
    assert re.search(r"^ratio +[\d.]+ +[\d.]+$", out, re.MULTILINE)


def test_a_trial_is_measured_in_turns_with_it_and_without(tmp_path: Path) -> None:
    out = printed(tmp_path, "trial", "--samples", "8")
    assert "8 requests with and without, in 4 turns" in out
    assert re.search(r"^ratio +[\d.]+ +[\d.]+$", out, re.MULTILINE)


def test_stop_to_flat_finds_every_close_of_every_stop(tmp_path: Path) -> None:
    out = printed(tmp_path, "stop_to_flat", "--runs", "2")
    assert "2 stops, 8 positions closed" in out
    assert sum(int(count) for count in re.findall(r" ms +(\d+) #+$", out, re.MULTILINE)) == 8
    assert re.search(r"^median \d+ ms, p99 \d+ ms, longest \d+ ms$", out, re.MULTILINE)


def test_failover_kills_leaders_and_prints_the_median_and_the_worst(tmp_path: Path) -> None:
    out = printed(tmp_path, "failover", "--runs", "2")
    assert "2 leaders killed, lease 1000 ms" in out
    assert sum(int(count) for count in re.findall(r" ms +(\d+) #+$", out, re.MULTILINE)) == 2
    median, worst = re.findall(r"^median (\d+) ms, worst (\d+) ms$", out, re.MULTILINE)[0]
    assert int(median) <= int(worst)


def test_restart_prints_the_first_answers_and_the_rate_from_the_first_event(tmp_path: Path) -> None:
    out = printed(tmp_path, "restart", "--events", "3000", "--runs", "2")
    assert re.search(r"^3,000 events decided and committed at [\d,]+ a second$", out, re.MULTILINE)
    assert re.search(r"^from a snapshot: first answer after \d+, \d+ ms$", out, re.MULTILINE)
    assert re.search(r"^from the first event: after [\d.]+ s, at [\d,]+ events a second$", out, re.MULTILINE)


def test_alerts_prints_medians_and_p99_with_a_discord_that_behaves_and_one_that_does_not(
    tmp_path: Path,
) -> None:
    out = printed(tmp_path, "alerts", "--samples", "20")
    well, badly = (
        [float(figure) for figure in re.findall(rf"^{name} +([\d.]+) ms +([\d.]+) ms$", out, re.MULTILINE)[0]]
        for name in ("Discord behaves", "Discord misbehaves")
    )
    ratios = [float(figure) for figure in re.findall(r"^ratio +([\d.]+) +([\d.]+)$", out, re.MULTILINE)[0]]
    assert ratios == pytest.approx([badly[0] / well[0], badly[1] / well[1]], rel=0.02, abs=0.006)
    tried, taken = map(
        int, re.findall(r"^(\d+) messages were tried, (\d+) of them taken\.$", out, re.MULTILINE)[0]
    )
    assert tried > taken > 0


def test_audit_prints_the_rates_of_reading_and_verifying_and_where_the_time_goes(tmp_path: Path) -> None:
    out = printed(tmp_path, "audit", "--events", "3000", "--rounds", "1")
    rows = re.findall(r"^([a-z ]+?) +([\d,]+) +([\d.]+) +([\d.]+)$", out, re.MULTILINE)
    from_archive = ["read from archive", "verify from archive", "verify by two"]
    assert [row[0] for row in rows] == ["xread", "read", "verify", *from_archive]
    assert rows[0][3] == "1.00"
    for _, rate, microseconds, _ in rows:
        assert int(rate.replace(",", "")) * float(microseconds) == pytest.approx(1e6, rel=0.02, abs=0.006)
    assert f"here {rows[2][3]}." in out
    steps = re.findall(r"^(decode|fold|encode|chain) +([\d.]+)$", out, re.MULTILINE)
    assert [name for name, _ in steps] == ["decode", "fold", "encode", "chain"]


def test_research_prints_the_rates_of_simulating_and_the_time_of_a_search(tmp_path: Path) -> None:
    out = printed(
        *(tmp_path, "research", "--events", "400", "--symbols", "4", "--positions", "2"),
        *("--rounds", "1", "--jobs", "1"),
    )
    assert re.findall(r"^(\d) +[\d.]+% +[\d,]+ +[\d,]+$", out, re.MULTILINE) == ["1", "2"]
    assert "Expected: 60,000 events of trades folded a second or more on one core; here " in out
    assert "2 numbers of positions: 24 simulations, " in out
    assert re.search(r"^Expected: under 60 s on two cores; here [\d.]+\.$", out, re.MULTILINE)


@in_a_browser
def test_scrolling_counts_frames_of_a_long_log_and_of_a_short_one(tmp_path: Path) -> None:
    out = printed(tmp_path, "scrolling", "--events", "800", "--lines", "400", "--frames", "10")
    assert re.findall(r"^(\d+) lines +[\d.]+ +[\d.]+ ms +[\d.]+ ms$", out, re.MULTILINE) == ["400", "200"]
    assert re.search(r"^The page of now weighs \d+ KB", out, re.MULTILINE)


def test_luck_prints_how_often_each_statement_held(tmp_path: Path) -> None:
    out = printed(tmp_path, "luck", "--runs", "2", "--days", "60", "--symbols", "2", "--variants", "3")
    assert len(re.findall(r"^  the .+ \d+\.\d%$", out, re.MULTILINE)) == 6 * 6 + 2 * 4
    assert "no merit, each file the best of 3, independent days:" in out


def test_tuning_prints_how_often_each_sentence_was_said(tmp_path: Path) -> None:
    out = printed(tmp_path, "tuning", "--runs", "1", "--days", "60")
    assert len(re.findall(r"^  in one sentence: .+ \d+\.\d%$", out, re.MULTILINE)) == 3 * 4
    assert len(re.findall(r"^  out of sample the whole 95 % interval .+ \d+\.\d%$", out, re.MULTILINE)) == 3


def test_expected_prints_a_line_for_each_kind_of_days(tmp_path: Path) -> None:
    out = printed(tmp_path, "expected", "--histories", "20", "--days", "200")
    assert len(re.findall(r"^.+: half the edge found within [\d,]+ days stated; ", out, re.MULTILINE)) == 5


@pytest.mark.parametrize("name", NAMES)
def test_help_says_what_is_measured_and_how_to_size_it(tmp_path: Path, name: str) -> None:
    out = printed(tmp_path, name, "--help")
    docstring = (
        (ROOT / "benchmarks" / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8").split('"""')[1]
    )
    assert docstring.strip() in out
    assert re.search(r"--(events|samples|runs|rounds|histories) ", out)
    assert "--quick " in out


def test_quick_sizes_are_those_that_are_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def sizes(*words: str) -> tuple[int, list[int]]:
        monkeypatch.setattr(sys, "argv", ["it", *words])
        options = parser("it", "")
        options.add_argument("--events", type=count, default=100)
        options.add_argument("--workers", type=counts, default=[1, 64])
        chosen = sized(options, events=3, workers=[1])
        return chosen.events, chosen.workers

    assert sizes() == (100, [1, 64])
    assert sizes("--quick") == (3, [1])
    assert sizes("--events", "7", "--quick", "--workers", "2,4") == (7, [2, 4])


def test_a_size_of_nothing_is_refused_in_a_sentence(tmp_path: Path) -> None:
    refused = started(tmp_path, "stop_to_flat", "--runs", "0")
    _, err = refused.communicate(timeout=150)
    assert refused.returncode == 2
    assert "argument --runs: expected a whole number from 1, got '0'" in err


def test_all_trades_of_a_load_are_granted_and_none_stays_open() -> None:
    follower = Follower()
    for entry in realistic_log(2, 1):
        follower.advance(*entry)
    at, workers = follower.cursor, 12
    for fields in islice(trades(workers, "s"), workers + 40 * EVENTS_A_TRADE):
        at = StreamId(at.ms + 1, 0)
        decided = follower.advance(at, fields)
        expected = ["EntryAllowed"] if fields[1] == "EntryRequested" else []
        assert [type(one).__name__ for one in decided.decisions] == expected
    assert follower.state.positions == {}
    assert len({worker for worker, one in follower.state.workers.items() if one.presence == "up"}) == workers


def test_whatever_portfold_could_not_do_is_said_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    def measure(_stage: Stage) -> None:
        raise ArchiveError(Path("segment"), "this segment is missing.")

    assert played(measure) == 1
    assert capsys.readouterr().err == "Not measured: segment: this segment is missing.\n"


# --- what is left ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_no_process_is_left_when_it_is_ended_early(tmp_path: Path, number: signal.Signals, code: int) -> None:
    benchmark = started(tmp_path, "stop_to_flat", "--runs", "1000")
    until(lambda: workers_naming(tmp_path) == 10, "all workers")
    benchmark.send_signal(number)
    _, err = benchmark.communicate(timeout=150)
    assert (benchmark.returncode, err) == (code, "")
    until(lambda: processes_naming(tmp_path) == [], "the end of its server and workers")
    if number != signal.SIGKILL:  # nobody can tidy up after that
        assert list(tmp_path.iterdir()) == []
