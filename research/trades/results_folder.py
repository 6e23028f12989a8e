"""The folder of results: one `<SYMBOL>_optimization` for each symbol, its trades and its `best.json`.

The case of these names does not matter. A file that cannot be used is named, and the others are used: one bad
export out of sixteen does not stop the others. The result counts the rows that were read, not selected and
dropped.
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
    """One symbol's trades, and counts of the rows that are not among them, with the first line of each
    reason.

    `best` holds the numbers of its best.json by name, such as Sharpe_OOS_CPCV, for people to compare with;
    nothing is decided by them. It is empty where there is no such file.
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
    """All symbols that can be used, sorted; `bad` names each file that cannot be used, and why."""

    folder: Path
    symbols: tuple[SymbolTrades, ...]
    bad: tuple[str, ...]

    @property
    def trades(self) -> tuple[Trade, ...]:
        """Returns the trades of all symbols."""
        return tuple(trade for symbol in self.symbols for trade in symbol.trades)


def trades_file(folder: Path, symbol: str) -> Path:
    """Returns the path of a symbol's trades, in the case that portfold writes."""
    return folder / f"{symbol}{_SUFFIX}" / f"{symbol}{_TRADES}"


def path_folder(folder: Path, path: int) -> Path:
    """Returns the folder of results that holds the trades of one path of cross-validation, from 1 on."""
    return folder / "paths" / f"{path}"


def best_file(folder: Path, symbol: str) -> Path:
    """Returns the path of a symbol's best.json."""
    return folder / f"{symbol}{_SUFFIX}" / _BEST


def read_results(folder: Path, *, zone: ZoneInfo, symbols: Collection[str] = ()) -> Results:
    """Reads all symbols in the folder, or those in `symbols`. `zone` is the clock of times without an offset.

    Raises ResearchError where there is no such folder, no file of a named symbol, or no file that can be
    used.
    """
    files = _files_in(folder)
    for symbol in symbols:
        if symbol not in files:
            raise ResearchError(
                f"{folder}: expected trades of {symbol[:40]} in {trades_file(folder, symbol[:40])}; "
                f"there are trades of {', '.join(files) or 'nothing'}."
            )
    chosen = sorted(set(symbols)) or list(files)
    if not chosen:
        raise ResearchError(
            f"{folder}: expected folders such as ES{_SUFFIX} with ES_rf_best_trades.csv in them, got none."
        )
    found: list[SymbolTrades] = []
    bad: list[str] = []
    for symbol in chosen:
        try:
            found.append(_read_symbol(files[symbol], symbol, zone, bad))
        except ResearchError as error:
            bad.append(f"{files[symbol]}: {error}.")
    if not found:
        raise ResearchError(f"No file of trades can be used. {' '.join(bad)}")
    if len(found) > MOST_SYMBOLS:
        raise ResearchError(
            f"Expected at most {MOST_SYMBOLS} symbols, got {len(found)}: choose with --symbols."
        )
    return Results(folder, tuple(found), tuple(bad))


def _files_in(folder: Path) -> dict[str, Path]:
    """Finds the files of trades by symbol, sorted. Raises ResearchError, also where a symbol has two."""
    if not folder.is_dir():
        raise ResearchError(f"{folder}: expected the folder of results, got no folder of that name.")
    try:
        folders = [path for path in folder.iterdir() if path.name.lower().endswith(_SUFFIX) and path.is_dir()]
        files = sorted(
            (path.name[: -len(_SUFFIX)].upper(), file)
            for path in folders
            for file in path.iterdir()
            if file.name.lower() == f"{path.name[: -len(_SUFFIX)]}{_TRADES}".lower()
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
    """Reads the symbol's two files; adds what is wrong with its best.json to `bad`. Raises ResearchError."""
    if not _SYMBOL.fullmatch(symbol):
        raise ResearchError(f"expected a symbol of 1 to 12 capitals or digits before {_SUFFIX}")
    rows = _read_rows(file, symbol, zone)
    if not rows.trades:
        reasons = [f"{count} {reason} ({rows.samples[reason]})" for reason, count in rows.dropped.items()]
        reasons += [f"{rows.unselected} not selected"] if rows.unselected else []
        raise ResearchError(f"expected trades, got {rows.rows} rows: {', '.join(reasons) or 'none'}")
    figures: dict[str, float] = {}
    try:
        for best in _bests_in(file.parent):
            figures = _read_best(best)
    except ResearchError as error:
        bad.append(f"{error}.")
        figures = {}
    trades = tuple(sorted(rows.trades, key=lambda trade: trade.content))
    counts = rows.rows, rows.unselected, rows.dropped, rows.samples
    return SymbolTrades(symbol, file, trades, *counts, figures)


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
    """Finds the folder's best.json, in whatever case. Raises ResearchError where there are two."""
    try:
        found = sorted(path for path in folder.iterdir() if path.name.lower() == _BEST)
    except OSError as error:
        raise ResearchError(f"{folder}: cannot be listed: {error.strerror}") from error
    if len(found) > 1:
        raise ResearchError(
            f"{folder}: expected one {_BEST}, got {' and '.join(path.name for path in found)}"
        )
    return found


def _read_best(path: Path) -> dict[str, float]:
    """Reads the numbers in a best.json; none where the file is gone. Raises ResearchError."""
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
