"""The folder of results: one `<SYMBOL>_optimization` for each symbol, its trades and its `best.json`.

The case of these names does not matter. A file that cannot be used is named and the others are used: one bad
export out of sixteen is no reason to look at none. What was read, passed over and dropped is on the result,
in numbers.
"""

import csv
import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct

from portfold.bounds import MOST_SYMBOLS, SYMBOL
from portfold.research.errors import ResearchError
from portfold.research.trades.trade_file import Rows, Trade, read_rows
from portfold.workers.feeds.csv_folder import UTF8, no_utf8_from

_SUFFIX = "_optimization"
_TRADES = "_rf_best_trades.csv"
_BEST = "best.json"
_SYMBOL = re.compile(SYMBOL)
_LARGEST_BEST = 1_000_000
_LARGEST_FIGURE = 1e15


class SymbolTrades(Struct, frozen=True):
    """One symbol's trades, and what was not taken of its file, with the first line of each reason.

    `best` holds the numbers of its best.json by name, such as Sharpe_OOS_CPCV, for people to compare with:
    nothing is decided by them. Empty where there are none.
    """

    symbol: str
    file: Path
    trades: tuple[Trade, ...]
    rows: int
    unselected: int
    dropped: Mapping[str, int]
    samples: Mapping[str, str]
    best: Mapping[str, float]


class Results(Struct, frozen=True):
    """All symbols that can be used, sorted; `bad` names each file that cannot, and why."""

    folder: Path
    symbols: tuple[SymbolTrades, ...]
    bad: tuple[str, ...]

    @property
    def trades(self) -> tuple[Trade, ...]:
        """The trades of all symbols."""
        return tuple(trade for one in self.symbols for trade in one.trades)


def trades_file(folder: Path, symbol: str) -> Path:
    """Where a symbol's trades lie, in the case that we write."""
    return folder / f"{symbol}{_SUFFIX}" / f"{symbol}{_TRADES}"


def best_file(folder: Path, symbol: str) -> Path:
    """Where the figures of its optimization lie."""
    return folder / f"{symbol}{_SUFFIX}" / _BEST


def read_results(folder: Path, *, zone: ZoneInfo, symbols: Collection[str] = ()) -> Results:
    """Reads the folder; all symbols in it, or those named. `zone` is the clock of times that name none.

    Raises ResearchError: no such folder, a symbol that is not there, or nothing that can be used.
    """
    there = _files_in(folder)
    for symbol in symbols:
        if symbol not in there:
            raise ResearchError(
                f"{folder}: expected trades of {symbol[:40]} in {trades_file(folder, symbol[:40])}; "
                f"there are trades of {', '.join(there) or 'nothing'}."
            )
    chosen = sorted(set(symbols)) or list(there)
    if not chosen:
        raise ResearchError(
            f"{folder}: expected folders such as ES{_SUFFIX} with ES_rf_best_trades.csv in them, got none."
        )
    found: list[SymbolTrades] = []
    bad: list[str] = []
    for symbol in chosen:
        try:
            found.append(_read_symbol(there[symbol], symbol, zone, bad))
        except ResearchError as error:
            bad.append(f"{there[symbol]}: {error}.")
    if not found:
        raise ResearchError(f"No file of trades can be used. {' '.join(bad)}")
    if len(found) > MOST_SYMBOLS:
        raise ResearchError(
            f"Expected at most {MOST_SYMBOLS} symbols, got {len(found)}: choose with --symbols."
        )
    return Results(folder, tuple(found), tuple(bad))


def _files_in(folder: Path) -> dict[str, Path]:
    """The files of trades by their symbols, sorted. Raises ResearchError, also where a symbol has two."""
    if not folder.is_dir():
        raise ResearchError(f"{folder}: expected the folder of results, got no folder of that name.")
    try:
        folders = [path for path in folder.iterdir() if path.name.lower().endswith(_SUFFIX) and path.is_dir()]
        files = sorted(
            (one.name[: -len(_SUFFIX)].upper(), file)
            for one in folders
            for file in one.iterdir()
            if file.name.lower() == f"{one.name[: -len(_SUFFIX)]}{_TRADES}".lower()
        )
    except OSError as error:
        raise ResearchError(f"{folder}: cannot be listed: {error.strerror}.") from error
    found: dict[str, Path] = {}
    for symbol, file in files:
        if symbol in found:
            raise ResearchError(
                f"{folder}: expected one file of trades of {symbol}, got {found[symbol]} and {file}."
            )
        found[symbol] = file
    return found


def _read_symbol(file: Path, symbol: str, zone: ZoneInfo, bad: list[str]) -> SymbolTrades:
    """The symbol's files; what cannot be used of its best.json goes to `bad`."""
    if not _SYMBOL.fullmatch(symbol):
        raise ResearchError(f"expected a symbol of 1 to 12 capitals or digits before {_SUFFIX}")
    rows = _read_rows(file, symbol, zone)
    if not rows.trades:
        why = [f"{count} {reason} ({rows.samples[reason]})" for reason, count in rows.dropped.items()]
        why += [f"{rows.unselected} not selected"] if rows.unselected else []
        raise ResearchError(f"expected trades, got {rows.rows} rows: {', '.join(why) or 'none'}")
    figures: dict[str, float] = {}
    try:
        for best in _bests_in(file.parent):
            figures = _read_best(best)
    except ResearchError as error:
        bad.append(f"{error}.")
        figures = {}
    trades = tuple(sorted(rows.trades, key=lambda trade: trade.content))
    taken = rows.rows, rows.unselected, rows.dropped, rows.samples
    return SymbolTrades(symbol, file, trades, *taken, figures)


def _read_rows(file: Path, symbol: str, zone: ZoneInfo) -> Rows:
    lines = csv.reader(())
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            lines = csv.reader(text)
            return read_rows(symbol, next(lines, []), lines, zone)
    except OSError as error:
        raise ResearchError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ResearchError(f"line {no_utf8_from(file) or 1}: expected {UTF8}") from error
    except csv.Error as error:
        raise ResearchError(f"line {lines.line_num}: expected comma-separated values: {error}") from error


def _bests_in(folder: Path) -> list[Path]:
    """The folder's best.json in whatever case, if there is one. Raises ResearchError where there are two."""
    try:
        found = sorted(path for path in folder.iterdir() if path.name.lower() == _BEST)
    except OSError as error:
        raise ResearchError(f"{folder}: cannot be listed: {error.strerror}") from error
    if len(found) > 1:
        raise ResearchError(f"{folder}: expected one {_BEST}, got {' and '.join(one.name for one in found)}")
    return found


def _read_best(path: Path) -> dict[str, float]:
    """The numbers in a best.json; none where it is gone."""
    try:
        with path.open("rb") as file:
            tree = json.loads(file.read(_LARGEST_BEST))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ResearchError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ResearchError(f"{path}: expected JSON") from error
    if not isinstance(tree, dict):
        raise ResearchError(f"{path}: expected an object of figures")
    return {
        name: float(value)
        for name, value in tree.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST_FIGURE
    }
