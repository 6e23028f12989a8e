"""The folder of results: one `<SYMBOL>_optimization` for each symbol, its trades (CSV, or the same table as
Parquet) and its `best.json`; beside them the signals, where a backtest has written them.

The case of these names does not matter. A file that cannot be used is named, and the others are used: one bad
export out of sixteen does not stop the others. The result counts the rows that were read, not selected and
dropped, of signals too.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct

from portfold.bounds import MOST_SYMBOLS, SYMBOL
from portfold.research.errors import ResearchError
from portfold.research.trades.trade_file import Rows, Trade, read_rows
from portfold.workers.feeds.encoding import UTF8, no_utf8_from
from portfold.workers.feeds.parquet_file import SUFFIX, ParquetError, is_parquet, parquet_text

_SUFFIX = "_optimization"
_TRADES = "_rf_best_trades.csv"
_TRADES_PARQUET = f"_rf_best_trades{SUFFIX}"
_SIGNALS = "_signals.csv"
_BEST = "best.json"
TRADES_DIGEST, SIGNALS_DIGEST = "Trades_SHA256", "Signals_SHA256"
"""What best.json calls the SHA-256 of the two files beside it."""
_SYMBOL = re.compile(SYMBOL)
_LARGEST_BEST = 1_000_000
_LARGEST_FIGURE = 1e15


class DroppedRows(Struct, frozen=True):
    """The rows of a `file` that were dropped, by reason and of how many; a first line of each reason."""

    file: Path
    rows: int
    by_reason: Mapping[str, int]
    samples: Mapping[str, str]


class SymbolTrades(Struct, frozen=True):
    """One symbol's trades, and counts of the rows that are not among them, with the first line of each
    reason.

    `best` holds the numbers of its best.json by name, such as Sharpe_OOS_CPCV, for people to compare with;
    nothing is decided by them. It is empty where there is no such file. `signals` are the outcomes of all its
    signals; None where there are none that are of these trades. `signals_dropped` are rows of theirs.
    """

    symbol: str
    file: Path
    trades: tuple[Trade, ...]
    rows: int
    unselected: int
    dropped: Mapping[str, int]
    samples: Mapping[str, str]
    best: Mapping[str, float]
    signals: tuple[Trade, ...] | None = None
    signals_dropped: DroppedRows | None = None

    @property
    def every_drop(self) -> tuple[DroppedRows, ...]:
        """Returns what was dropped of its files, of those of which anything was."""
        of_trades = DroppedRows(self.file, self.rows, self.dropped, self.samples)
        return tuple(one for one in (of_trades, self.signals_dropped) if one is not None and one.by_reason)

    @property
    def simulated(self) -> tuple[Trade, ...]:
        """Returns what is simulated of it: its signals, where they are known, else its trades."""
        return self.trades if self.signals is None else self.signals


class Results(Struct, frozen=True):
    """All symbols that can be used, sorted; `bad` names each file that cannot be used, and why."""

    folder: Path
    symbols: tuple[SymbolTrades, ...]
    bad: tuple[str, ...]

    @property
    def trades(self) -> tuple[Trade, ...]:
        """Returns the trades of all symbols."""
        return tuple(trade for symbol in self.symbols for trade in symbol.trades)

    @property
    def simulated(self) -> tuple[Trade, ...]:
        """Returns what is simulated of all symbols: signals where they are known, else trades."""
        return tuple(trade for symbol in self.symbols for trade in symbol.simulated)


def trades_file(folder: Path, symbol: str) -> Path:
    """Returns the path of a symbol's trades, in the case that portfold writes."""
    return folder / f"{symbol}{_SUFFIX}" / f"{symbol}{_TRADES}"


def signals_file(folder: Path, symbol: str) -> Path:
    """Returns the path of a symbol's signals."""
    return folder / f"{symbol}{_SUFFIX}" / f"{symbol}{_SIGNALS}"


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
            for name in (_TRADES, _TRADES_PARQUET)
            if file.name.lower() == f"{path.name[: -len(_SUFFIX)]}{name}".lower()
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
    rows, content = _read_rows(file, symbol, zone)
    if not rows.trades:
        reasons = [f"{count} {reason} ({rows.samples[reason]})" for reason, count in rows.dropped.items()]
        reasons += [f"{rows.unselected} not selected"] if rows.unselected else []
        raise ResearchError(f"expected trades, got {rows.rows} rows: {', '.join(reasons) or 'none'}")
    best: dict[str, object] = {}
    signals, signals_dropped = None, None
    try:
        for found in _named(file.parent, _BEST):
            best = _read_best(found)
        signals, signals_dropped = _read_signals(file, symbol, zone, best, _digest(content))
    except ResearchError as error:
        bad.append(f"{error}.")
    trades = tuple(sorted(rows.trades, key=lambda trade: trade.content))
    counts = rows.rows, rows.unselected, rows.dropped, rows.samples
    return SymbolTrades(symbol, file, trades, *counts, _figures(best), signals, signals_dropped)


def _read_signals(
    trades: Path, symbol: str, zone: ZoneInfo, best: Mapping[str, object], digest: str
) -> tuple[tuple[Trade, ...] | None, DroppedRows | None]:
    """Reads the signals beside a file of trades, and what was dropped of them; None where there are none.

    Raises ResearchError, also where they are not of these trades, by what best.json says of both files.
    """
    found = _named(trades.parent, f"{symbol}{_SIGNALS}")
    if not found:
        return None, None
    rows, content = _read_rows(found[0], symbol, zone)
    if (best.get(TRADES_DIGEST), best.get(SIGNALS_DIGEST)) != (digest, _digest(content)):
        raise ResearchError(
            f"{found[0]}: expected the signals of the trades beside it, as {_BEST} names both; one of the "
            "files is another's, or was edited"
        )
    dropped = DroppedRows(found[0], rows.rows, rows.dropped, rows.samples)
    return tuple(sorted(rows.trades, key=lambda trade: trade.content)), dropped


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read_rows(file: Path, symbol: str, zone: ZoneInfo) -> tuple[Rows, bytes]:
    lines = csv.reader(())
    try:
        content = file.read_bytes()
        as_text = parquet_text(file).encode() if is_parquet(file) else content
        with io.TextIOWrapper(io.BytesIO(as_text), encoding="utf-8-sig", newline="") as text:
            lines = csv.reader(text)
            return read_rows(symbol, next(lines, []), lines, zone), content
    except ParquetError as error:
        raise ResearchError(f"{error}") from error
    except OSError as error:
        raise ResearchError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ResearchError(f"line {no_utf8_from(file) or 1}: expected {UTF8}") from error
    except csv.Error as error:
        raise ResearchError(f"line {lines.line_num}: expected comma-separated values: {error}") from error


def _named(folder: Path, name: str) -> list[Path]:
    """Finds the folder's file of that name, in whatever case. Raises ResearchError where there are two."""
    try:
        found = sorted(path for path in folder.iterdir() if path.name.lower() == name.lower())
    except OSError as error:
        raise ResearchError(f"{folder}: cannot be listed: {error.strerror}") from error
    if len(found) > 1:
        raise ResearchError(f"{folder}: expected one {name}, got {' and '.join(path.name for path in found)}")
    return found


def _read_best(path: Path) -> dict[str, object]:
    """Reads a best.json; nothing where the file is gone. Raises ResearchError."""
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
    return tree


def _figures(best: Mapping[str, object]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in best.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST_FIGURE
    }
