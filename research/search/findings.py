"""The findings of a search: all that its table has no column for, in `<table>.json` beside it.

They hold the spans it was chosen and judged on, its daily stop, how much of each winner is luck, and the path
of the greedy search. They name their table by its hash, so that findings of another table are never read as
those of this one.
"""

import hashlib
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from portfold.research.errors import ResearchError
from portfold.research.search.all_sets import AllSets
from portfold.research.search.judged.days import JudgedDays
from portfold.research.search.search import Constraints, Symbols, Visited
from portfold.research.search.swaps import Swapped
from portfold.research.simulate.market import ResearchMarket
from portfold.research.statistics.intervals import Intervals
from portfold.research.statistics.lots import LotsSpread
from portfold.research.statistics.metrics import Metrics
from portfold.research.statistics.reality_check import RealityCheck
from portfold.research.statistics.significance import Deflated
from portfold.research.trades.asked_for import signals_among
from portfold.research.trades.filter_samples import FilterSample
from portfold.research.trades.in_sample import InSampleTrades
from portfold.research.trades.short_histories import ShortHistory
from portfold.research.trades.trading_days import Chosen
from portfold.research.trades.whole_files import write_whole

_LARGEST = 100_000_000


class Judged(Struct, frozen=True):
    """A span of trading days, and the number of its trades, or signals; `straddling` ones were left out.

    `signals` of them are signals. `fingerprint` is the digest of the scenario it was measured on. `seen`
    counts those in sample; `filters` says of each symbol whether it is out of sample, as far as its filter
    goes; None in findings of a version that did not. `short` are the symbols with a part of its days only.
    """

    first_day: str
    last_day: str
    days: int
    trades: int
    straddling: int
    fingerprint: str
    seen: tuple[InSampleTrades, ...] | None = None
    short: tuple[ShortHistory, ...] = ()
    signals: int = 0
    filters: tuple[FilterSample, ...] | None = None

    @classmethod
    def of(
        cls,
        chosen: Chosen,
        fingerprint: str,
        seen: tuple[InSampleTrades, ...],
        short: tuple[ShortHistory, ...] = (),
        filters: tuple[FilterSample, ...] | None = None,
    ) -> "Judged":
        """Builds the span of these trades."""
        days, trades = chosen.days, chosen.trades
        counts = len(days), len(trades), chosen.straddling
        return cls(days[0], days[-1], *counts, fingerprint, seen, short, signals_among(trades), filters)


class Setting(Struct, frozen=True):
    """The input of the simulations. Dollars are text, so that they stay exact; `market` is None without bars.

    `symbols` are all that were read, chosen or not. `drawings` is how often lots were drawn.
    `calendar` is whose sessions were asked for, empty where the windows alone said whether they are needed;
    `correct` is what of them a person corrected.
    """

    results: str
    zone: str
    market: ResearchMarket | None
    seed: int
    initial_cash: str
    daily_stop_loss: str
    breach_limit: str
    symbols: Symbols
    drawings: int = 1
    calendar: str = ""
    correct: str = ""


class BestOfAll(Struct, frozen=True):
    """The best valid set of all `sets`."""

    sets: int
    symbols: Symbols
    metrics: Metrics


class Winner(Struct, frozen=True):
    """The best set that the greedy search found for a number of positions: a row of the table.

    `test` are its figures on the test span, None without one, and `test_intervals` the intervals of these.
    `intervals` are those of the train span, before selection: they know nothing of the choosing, which is
    what `reality_check` and `deflated` are about. `best_of_all` is None where not all sets were measured,
    `by_swaps` where they were, `daily_stop_loss` where the search had one daily stop: that of the setting.
    `days` are those it was judged on; None in findings of a version that kept none.
    `lots` is there for the first row, where the kernel searched and lots decided anything. `of_all` is there
    for the best of all sets alone, which greedy need not have visited: of how many that were looked at. It
    has no reality check.
    """

    max_positions: int
    symbols: Symbols
    train: Metrics
    test: Metrics | None
    intervals: Intervals
    test_intervals: Intervals | None
    reality_check: RealityCheck | None
    deflated: Deflated | None
    best_of_all: BestOfAll | None
    daily_stop_loss: Decimal | None = None
    days: JudgedDays | None = None
    by_swaps: Swapped | None = None
    lots: LotsSpread | None = None
    of_all: int = 0

    @property
    def kept(self) -> float | None:
        """Returns the part of the Sharpe of dollars that is left on the test span, 0 where it became a loss.

        Each span begins with the account anew, and a growing account has a lower Sharpe of returns for the
        same trades: that is no difference between the spans.

        Returns None without a test span, or where the Sharpe was not above 0.
        """
        if self.test is None or self.train.sharpe_dollars <= 0:
            return None
        return max(0.0, self.test.sharpe_dollars / self.train.sharpe_dollars)


class Findings(Struct, frozen=True):
    """The findings of a search. `rows` are in the order of the table, `paths` by number of positions.

    `looks` is the number of this look at days of the test span; None without one, or where nobody counted.
    `all_sets` is None where the kernel did not look at all. `paths` are those under the daily stop of the
    setting, `paths_under` those under others, where several were searched. `parameters_tried` is how many
    sets of parameters are on record, of symbols that were tuned.
    """

    table: str
    version: str
    setting: Setting
    constraints: Constraints
    train: Judged
    test: Judged | None
    rows: tuple[Winner, ...]
    paths: dict[int, tuple[Visited, ...]]
    tries: int
    looks: int | None = None
    all_sets: AllSets | None = None
    paths_under: dict[str, dict[int, tuple[Visited, ...]]] = {}
    parameters_tried: dict[str, int] = {}

    @property
    def daily_stops(self) -> tuple[Decimal, ...]:
        """Lists the daily stops that were searched, that of the setting first."""
        return (Decimal(self.setting.daily_stop_loss), *map(Decimal, self.paths_under))

    def stop_of(self, row: Winner) -> Decimal:
        """Returns the daily stop that a row was simulated with."""
        return row.daily_stop_loss or Decimal(self.setting.daily_stop_loss)

    def among_all_sets(self, row: Winner) -> dict[str, object]:
        """Returns what the exported file says of a row that is the best of all sets, or of those that were
        looked at before that was interrupted; nothing of others.
        """
        if not row.of_all:
            return {}
        found = self.all_sets.overfitting if self.all_sets is not None else None
        luck = {"probability_of_overfitting": round(found.probability, 6)} if found is not None else {}
        if there_are := self._there_are:
            return {"best_of_sets_looked_at": row.of_all, "sets_there_are": there_are, **luck}
        return {"best_of_all_sets": row.of_all, **luck}

    def sets_in_words(self, row: Winner) -> str:
        """Says what such a row is the best of: `all 30 sets`, or `the 15 of 30 sets looked at`."""
        if there_are := self._there_are:
            return f"the {row.of_all:,} of {there_are:,} sets looked at"
        return f"all {row.of_all:,} sets"

    @property
    def _there_are(self) -> int:
        """Returns how many sets there are where the look at them was interrupted, else 0."""
        return self.all_sets.there_are if self.all_sets is not None else 0

    def rows_beside(self, row: Winner) -> tuple[Winner, ...]:
        """Returns the rows with the daily stop of this one."""
        return tuple(one for one in self.rows if one.daily_stop_loss == row.daily_stop_loss)

    def paths_beside(self, row: Winner) -> dict[int, tuple[Visited, ...]]:
        """Returns the paths with the daily stop of this row, by number of positions."""
        other = row.daily_stop_loss
        return self.paths if other is None else self.paths_under.get(f"{other:f}", self.paths)


def table_of_all(table: Path) -> Path:
    """Returns the path of the table whose row is the best of all sets, beside that of greedy's."""
    return table.with_name(f"{table.stem}_all_sets{table.suffix}")


def findings_of_all(findings: Findings, best: Winner, table: str) -> Findings:
    """Returns the findings of that table: the same search, of which greedy's way with its limits is kept."""
    level = best.max_positions
    return structs.replace(
        findings,
        table=hash_of(table),
        rows=(best,),
        paths={level: findings.paths[level]},
        paths_under={stop: {level: paths[level]} for stop, paths in findings.paths_under.items()},
    )


def findings_file(table: Path) -> Path:
    """Returns the path of the findings of a table."""
    return table.with_suffix(table.suffix + ".json")


def hash_of(table: str) -> str:
    """Returns the SHA-256 by which findings name their table."""
    return hashlib.sha256(table.encode()).hexdigest()


def write_findings(table: Path, findings: Findings) -> None:
    """Writes the findings beside their table. Raises ResearchError."""
    content = msgspec.json.format(msgspec.json.encode(findings), indent=1).decode()
    write_whole(findings_file(table), f"{content}\n")


def read_findings(table: Path, content: str) -> Findings | None:
    """Reads the findings of the table with this content; None where there are none, or those of another
    table.

    Raises ResearchError for a file that cannot be read.
    """
    path = findings_file(table)
    try:
        with path.open("rb") as file:
            found = msgspec.json.decode(file.read(_LARGEST), type=Findings)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ResearchError(f"{path}: cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, msgspec.DecodeError) as error:
        raise ResearchError(
            f"{path}: expected the findings of {table.name}, got {error}. "
            "A version from before wrote it, maybe: portfold research optimize writes it anew."
        ) from error
    return found if found.table == hash_of(content) else None
