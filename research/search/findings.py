"""What a search found, with all that its table has no column for: lies beside the table, as `<table>.json`.

On what span it was chosen and on what it was judged, under which stop, how much of the winner is luck, by
which way greedy came there. It names the table it belongs to by its hash, so that notes on another search's
table are never taken for notes on this one.
"""

import hashlib
from pathlib import Path

import msgspec
from msgspec import Struct

from portfold.research.errors import ResearchError
from portfold.research.search.search import Constraints, Symbols, Visited
from portfold.research.simulate.market import Market
from portfold.research.statistics.metrics import Metrics
from portfold.research.statistics.significance import Deflated, Intervals
from portfold.research.trades.in_sample import Seen
from portfold.research.trades.trading_days import Chosen
from portfold.research.trades.whole_files import write_whole

_LARGEST = 100_000_000


class Judged(Struct, frozen=True):
    """A span of trading days, and the trades it holds. `straddling` ones were left out.

    `fingerprint` is the digest of the scenario it was measured on. `seen` tells which of the trades are on
    bars that their model was trained on; None in findings of a version that did not look.
    """

    first_day: str
    last_day: str
    days: int
    trades: int
    straddling: int
    fingerprint: str
    seen: tuple[Seen, ...] | None = None

    @classmethod
    def of(cls, chosen: Chosen, fingerprint: str, seen: tuple[Seen, ...]) -> "Judged":
        """The span of these trades."""
        days, trades = chosen.days, chosen.trades
        return cls(days[0], days[-1], len(days), len(trades), chosen.straddling, fingerprint, seen)


class Setting(Struct, frozen=True):
    """What was simulated. Dollars as text, so that they stay exact; `market` is where bars were from, None
    where there were none.

    `symbols` are all that were read, traded in the end or not.
    """

    results: str
    zone: str
    market: Market | None
    seed: int
    initial_cash: str
    daily_stop_loss: str
    breach_limit: str
    symbols: Symbols


class BestOfAll(Struct, frozen=True):
    """The best valid set of all `sets` there are."""

    sets: int
    symbols: Symbols
    metrics: Metrics


class Winner(Struct, frozen=True):
    """The best set greedy found for a number of positions: a row of the table.

    `test` are its figures on the other span, None where it was judged by the same. `best_of_all` is None
    where not all sets were looked at.
    """

    max_positions: int
    symbols: Symbols
    train: Metrics
    test: Metrics | None
    intervals: Intervals
    deflated: Deflated | None
    best_of_all: BestOfAll | None

    @property
    def kept(self) -> float | None:
        """The part of the Sharpe that is left on the test span, none of one that became a loss; None where
        there is none to tell."""
        if self.test is None or self.train.sharpe <= 0:
            return None
        return max(0.0, self.test.sharpe / self.train.sharpe)


class Findings(Struct, frozen=True):
    """All of a search. `rows` are in the order of the table, `paths` greedy's ways by number of positions."""

    table: str
    version: str
    setting: Setting
    constraints: Constraints
    train: Judged
    test: Judged | None
    rows: tuple[Winner, ...]
    paths: dict[int, tuple[Visited, ...]]
    tries: int


def findings_file(table: Path) -> Path:
    """Where the findings of a table lie."""
    return table.with_suffix(table.suffix + ".json")


def hash_of(table: str) -> str:
    """What a table is known by."""
    return hashlib.sha256(table.encode()).hexdigest()


def write_findings(table: Path, findings: Findings) -> None:
    """Writes them beside their table. Raises ResearchError."""
    content = msgspec.json.format(msgspec.json.encode(findings), indent=1).decode()
    write_whole(findings_file(table), f"{content}\n")


def read_findings(table: Path, content: str) -> Findings | None:
    """The findings of the table with this content; None where there are none, or those of another.

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
    except msgspec.DecodeError as error:
        raise ResearchError(f"{path}: expected the findings of {table.name}, got {error}.") from error
    return found if found.table == hash_of(content) else None
