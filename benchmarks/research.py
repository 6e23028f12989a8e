"""Measures how fast research simulates by the live rules, and how long searches take, greedy and of all sets.

Measurements over the trades of made-up years: `simulate` folds all symbols with the production fold on one
core, in CPU seconds, the best of a few rounds, for each number of positions; `search` is the whole greedy
search over all of these numbers, by the kernel and judged by the fold, in elapsed and in CPU seconds. A file
holds two events of each trade, its entry and its exit; the fold takes three events of a trade that is made
(request, fill, close) and one of a trade that is denied. The kernel, compiled before, plays all sets, in
elapsed seconds on all cores; the ratio is to the fold's simulations of some of them, both in CPU seconds.
"""

import gc
import resource
import tempfile
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from typing import NamedTuple

from benchmarks.measuring.machine import machine_line
from benchmarks.measuring.options import count, parser, sized
from portfold.config import load
from portfold.config.locate import PACKAGED
from portfold.pieces.pieces import cores
from portfold.pieces.place import Place
from portfold.research.kernel.kernel import Kernel
from portfold.research.kernel.survey import members, survey
from portfold.research.search.optimizer import optimize
from portfold.research.search.plan import SearchPlan
from portfold.research.search.resume_log import ResumeLog
from portfold.research.search.search import Constraints
from portfold.research.simulate.prices import without_bars
from portfold.research.simulate.scenario import Scenario, TradingAccount, build_scenario
from portfold.research.trades.trade_file import Trade
from portfold.research.trades.trading_days import DaySpan, trades_within

EXPECTED_TRADE_EVENTS = 60_000
"""By the rules of now: each event leaves a digest by which a repeat is known, and counts for pace and
streaks, which none did when 150,000 were folded."""
EXPECTED_SECONDS = 60
EXPECTED_RATIO = 500
_HOUR_MS = 3_600_000
_BEGINS_MS = 1_672_700_400_000  # 2 January 2023, 17:00 in Chicago
_LONGEST_PAUSE, _LONGEST_TRADE = 60, 10  # hours
_MOST_LOST, _MOST_MADE = 60_000, 66_000  # cents


class SimulationSpeed(NamedTuple):
    """The speed with one number of positions: events folded, the denied part of the entries, CPU seconds."""

    folded: int
    denied: float
    seconds: float


def main() -> None:
    """Makes the trades, measures, prints the figures."""
    options = parser("research", __doc__)
    options.add_argument("--events", type=count, default=13_000, help="entries and exits in all (13000)")
    options.add_argument("--symbols", type=count, default=16, help="symbols they belong to (16)")
    options.add_argument("--positions", type=count, default=5, help="numbers of positions, from 1 on (5)")
    options.add_argument(
        "--rounds", type=count, default=5, help="of a simulation, of which the best counts (5)"
    )
    options.add_argument("--jobs", type=count, default=cores(), help=f"processes of the search ({cores()})")
    options.add_argument("--sample", type=count, default=20, help="sets that the fold simulates as well (20)")
    options.add_argument("--seed", type=int, default=1, help="of the trades (1)")
    chosen = sized(options, events=400, symbols=4, positions=2, rounds=1, jobs=1)
    print(machine_line(), flush=True)
    scenario = _scenario(_trades(chosen.events // 2, chosen.symbols, chosen.seed))
    levels = range(1, chosen.positions + 1)
    events = 2 * len(scenario.timeline.trades)
    print(
        f"{events:,} entries and exits of {len(scenario.symbols)} symbols (seed {chosen.seed})\n", flush=True
    )
    gc.collect()
    gc.freeze()  # the scenario stays: the collector need not walk through it
    _print_simulations(events, {level: _speed_of(scenario, level, chosen.rounds) for level in levels})
    _print_kernel(scenario, levels, chosen.sample)
    _print_search(
        scenario, SearchPlan(levels, Constraints(9000, 2), "never", Place(chosen.jobs), chosen.seed), events
    )


def _trades(trades: int, symbols: int, seed: int) -> list[Trade]:
    """Makes trades on whole hours, as bars end, so that many ask at the same moment."""
    random = Random(seed)
    made: list[Trade] = []
    for number in range(symbols):
        at = _BEGINS_MS
        for _ in range(trades // symbols + (number < trades % symbols)):
            entry_ms = at + random.randint(1, _LONGEST_PAUSE) * _HOUR_MS
            at = entry_ms + random.randint(1, _LONGEST_TRADE) * _HOUR_MS
            pnl = Decimal(random.randint(-_MOST_LOST, _MOST_MADE)).scaleb(-2)
            made.append(Trade(f"S{number}", entry_ms, at, pnl))
    return made


def _scenario(trades: Sequence[Trade]) -> Scenario:
    configuration = load(str(PACKAGED), {}, Path.cwd())
    return build_scenario(
        configuration,
        trades_within(trades, DaySpan(), zone="America/Chicago", roll="17:00"),
        pricing=without_bars(configuration),
        account=TradingAccount(Decimal(150_000), Decimal(6_000)),
        daily_stop_loss=Decimal(2_500),
        seed=1,
    )


def _speed_of(scenario: Scenario, level: int, rounds: int) -> SimulationSpeed:
    simulated, seconds = scenario.simulate(scenario.symbols, level), []
    for _ in range(rounds):
        begun = process_time()
        scenario.simulate(scenario.symbols, level)
        seconds.append(process_time() - begun)
    folded = 3 * len(simulated.taken) + len(simulated.denied)
    return SimulationSpeed(folded, len(simulated.denied) / simulated.requested, min(seconds))


def _print_simulations(events: int, speeds: dict[int, SimulationSpeed]) -> None:
    print(f"{'positions':10}{'denied':>10}{'entries, exits/s':>18}{'folded/s':>12}")
    for level, speed in speeds.items():
        rates = f"{events / speed.seconds:>18,.0f}{speed.folded / speed.seconds:>12,.0f}"
        print(f"{level:<10}{speed.denied:>10.1%}{rates}")
    seconds = sum(speed.seconds for speed in speeds.values())
    offered, folded = len(speeds) * events / seconds, sum(speed.folded for speed in speeds.values()) / seconds
    print(
        f"\nExpected: {EXPECTED_TRADE_EVENTS:,} events of trades folded a second or more on one core; here "
        f"{folded:,.0f}, which are {offered:,.0f} entries and exits a second.\n",
        flush=True,
    )


def _print_kernel(scenario: Scenario, levels: Sequence[int], sample: int) -> None:
    """Prints how fast all sets are looked at with every number of positions, and the fold some of them."""
    kernel = Kernel(scenario)
    kernel.records(scenario.symbols, levels[0])  # compiled by now, or read from where it is kept
    survey([Kernel(_scenario(_trades(100, 3, 1)))], levels[:1], lambda _: None)
    begun = perf_counter()
    found = survey([kernel], levels, lambda _: None).surveyed
    seconds, done = perf_counter() - begun, sum(len(one.sharpe) for one in found.values())
    random, symbols = Random(1), kernel.compiled.symbols
    numbers = [random.randrange(1, 2 ** len(symbols)) for _ in range(sample)]
    sets = [members(number, symbols) for number in numbers]
    by_fold = _seconds(lambda: [scenario.simulations(one, levels[-1]) for one in sets])
    by_kernel = _seconds(lambda: [kernel.records(one, levels[-1]) for one in sets])
    print(
        f"All sets: {done:,} simulations by the kernel in {seconds:.1f} s, {done / seconds:,.0f} a second on "
        f"{cores()} cores. Expected: under {EXPECTED_SECONDS} s on two.\n"
        f"One core, {sample} sets: {sample / by_fold:,.1f} a second by the fold, {sample / by_kernel:,.0f} "
        f"by the kernel: {by_fold / by_kernel:,.0f} times as many. Expected: {EXPECTED_RATIO}.\n",
        flush=True,
    )


def _seconds(work: Callable[[], object]) -> float:
    begun = process_time()
    work()
    return process_time() - begun


def _print_search(scenario: Scenario, plan: SearchPlan, events: int) -> None:
    with tempfile.TemporaryDirectory() as folder, ResumeLog(Path(folder) / "a.search", "") as resume_log:
        before, begun = _cpu_seconds(), perf_counter()
        optimize(scenario, None, plan, resume_log, lambda _: None)
        seconds, cpu = perf_counter() - begun, _cpu_seconds() - before
        simulations = len(resume_log.tried)
    print(
        f"Greedy over {len(scenario.symbols)} symbols, {events:,} trade events and {len(plan.levels)} "
        f"numbers of positions: {simulations:,} simulations, {seconds:.1f} s "
        f"({cpu:.1f} s CPU)."
    )
    print(f"Expected: under {EXPECTED_SECONDS} s on two cores; here {seconds:.1f}.")


def _cpu_seconds() -> float:
    """Returns the CPU seconds of this process and of those it has waited for."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
