"""A search done to its end, and the subject of the page on it: by the very functions the commands call."""

from pathlib import Path

from portfold.pieces.place import Place
from portfold.research.kernel.available import UseKernel
from portfold.research.portfolio_page.replayed import replayed
from portfold.research.portfolio_page.subject import Subject
from portfold.research.search.config_export import read_choice, read_choices
from portfold.research.search.findings import Findings, Judged, Setting, hash_of, write_findings
from portfold.research.search.optimizer import optimize
from portfold.research.search.plan import AllSets, SearchPlan
from portfold.research.search.resume_log import ResumeLog
from portfold.research.search.search import Constraints
from portfold.research.search.tables import greedy_table
from portfold.research.simulate.scenario import Scenario
from portfold.research.trades.in_sample import InSampleTrades
from portfold.research.trades.trading_days import Chosen
from portfold.research.trades.whole_files import write_whole

LIMITS = Constraints(999_999, 999)


def searched(
    folder: Path,
    train: Scenario,
    test: Scenario | None = None,
    *,
    levels: tuple[int, ...] = (1, 2, 3),
    row: int = 0,
    seen: tuple[InSampleTrades, ...] = (),
    kernel: UseKernel = "auto",
) -> Subject:
    """Searches with these scenarios, leaves table and findings in `folder`, and plays the row again.

    `seen` are the trades of the train span on bars of the training. With the kernel all sets are looked at.
    """
    every: AllSets = "always" if kernel == "always" else "never"
    plan = SearchPlan(levels, LIMITS, every, Place(), seed=1, kernel=kernel)
    with ResumeLog(folder / "a.search", train.digest()) as resume_log:
        found = optimize(train, test, plan, resume_log, lambda _: None)
    account = train.account
    table = greedy_table((one.max_positions, one.symbols, one.train) for one in found.rows)
    stop = f"{train.limits.daily_stop_loss}"
    findings = Findings(
        table=hash_of(table),
        version="0.1.0",
        setting=Setting(
            "results", "America/Chicago", None, 1, f"{account.cash}", stop, f"{account.breach_limit}", ()
        ),
        constraints=LIMITS,
        train=_judged(train, seen),
        test=_judged(test, ()) if test is not None else None,
        rows=found.rows,
        paths=found.paths,
        tries=found.tries,
        all_sets=found.all_sets,
    )
    path = folder / "table.csv"
    write_whole(path, table)
    write_findings(path, findings)
    again = replayed(train, test, findings, row, lambda _: None)
    return Subject(read_choice(path, row), read_choices(path, 50), again, "", "0.1.0")


def _judged(scenario: Scenario, seen: tuple[InSampleTrades, ...]) -> Judged:
    return Judged.of(Chosen(scenario.timeline.trades, scenario.days, 0), scenario.digest(), seen)
