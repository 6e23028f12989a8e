"""Writes best.json: the figures of one symbol's backtest, under the names that users of such files know.

Beside the figures it has all that is needed to repeat the backtest. `Fingerprint` is the hash of all that
they depend on: while it and the file of trades are unchanged, the backtest is not repeated.
"""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from portfold.research.trades.results_folder import best_file, path_folder, signals_file, trades_file
from portfold.research.trades.whole_files import write_whole

MOST_PATHS = 5
_LARGEST = 1_000_000
_CAPITALS = {"Oos": "OOS", "Cpcv": "CPCV", "Cagr": "CAGR", "Usd": "USD", "Pnl": "PnL", "Sha256": "SHA256"}


def _named(field: str) -> str:
    """Turns `sharpe_oos_cpcv` into Sharpe_OOS_CPCV."""
    words = (word.capitalize() for word in field.split("_"))
    return "_".join(_CAPITALS.get(word, word) for word in words)


class WalkedSpan(Struct, frozen=True, rename=_named):
    """A test span of a walk-forward, by trading days, and what was fitted for it on what came before.

    `learned_until` is the end of the last bar that the fit knew, `examples` how many it learned from.
    `pnl_usd` is that of its `trades`, which began in it, `unfiltered_pnl_usd` that of all signals' trades.
    """

    first_day: str
    last_day: str
    learned_until: str
    examples: int
    model_sha256: str
    threshold: float
    trades: int
    pnl_usd: float
    unfiltered_trades: int
    unfiltered_pnl_usd: float


class TunedSpan(Struct, frozen=True, rename=_named):
    """A test span of tuned parameters, by trading days, and what was chosen for it on what came before it.

    `learned_until` is the end of the last bar that the choice knew; `sets` were compared, of which the one of
    `params` had the highest Sharpe of dollars, `sharpe_learned`, on `trades_learned`. `pnl_usd` is that of
    the `trades` that began in the span.
    """

    first_day: str
    last_day: str
    learned_until: str
    sets: int
    params: Mapping[str, Any]
    sharpe_learned: float
    trades_learned: int
    trades: int
    pnl_usd: float


class Best(Struct, frozen=True, rename=_named):
    """The figures, each defined in docs/research.md. None: a figure that cannot be measured, or no model.

    `parameters_tried` is how many sets of parameters are on record from which those traded by were chosen.
    """

    symbol: str
    sharpe_oos_cpcv: float | None
    sharpe_oos_method: str
    sharpe_oos_paths: tuple[float, ...]
    sharpe: float
    sharpe_usd: float
    sharpe_low: float
    sharpe_high: float
    profit_factor: float | None
    cagr: float
    total_pnl_usd: float
    max_drawdown_usd: float
    max_drawdown_pct: float
    trades: int
    win_rate: float
    average_trade_usd: float
    costs_usd: float
    time_in_market_pct: float
    open_at_end: int
    refused: int
    refused_without_outcome: int
    trades_on_training_bars: int
    model_threshold: float | None
    model: Mapping[str, Any] | None
    params: Mapping[str, Any]
    costs: Mapping[str, Any]
    initial_cash: str
    market: str
    first_day: str
    last_day: str
    days: int
    bars: int
    warm_up_bars: int
    version: str
    signals: int
    signals_on_training_bars: int
    walk_forward_spans: int
    walk_forward: tuple[WalkedSpan, ...]
    tuned_spans: int
    tuned: tuple[TunedSpan, ...]
    parameters_tried: int
    trades_sha256: str
    signals_sha256: str
    paths_sha256: tuple[str, ...]
    fingerprint: str


class Tables(NamedTuple):
    """The content of a symbol's two tables: its trades, and its signals."""

    trades: str
    signals: str

    @property
    def digests(self) -> tuple[str, str]:
        """Returns the SHA-256 of both."""
        return sha256(self.trades.encode()), sha256(self.signals.encode())


class _OfPath(Struct, frozen=True, rename=_named):
    """The best.json of a path of cross-validation: its number, which files belong together, and no figure."""

    symbol: str
    cross_validation_path: int
    trades_sha256: str
    signals_sha256: str


class Results(NamedTuple):
    """What is written of a symbol: its tables, those of each path of cross-validation, and its figures."""

    tables: Tables
    paths: Sequence[Tables]
    best: Best


def write_results(folder: Path, results: Results) -> None:
    """Writes a symbol's tables, those of each path of cross-validation, and best.json last, as it holds the
    hashes of the others. Raises ResearchError.
    """
    tables, paths, best = results
    symbol = best.symbol
    _write(folder, symbol, tables)
    for number, of_path in enumerate(paths, start=1):
        _write(path_folder(folder, number), symbol, of_path)
        _write_json(path_folder(folder, number), symbol, _OfPath(symbol, number, *of_path.digests))
    for number in range(len(paths) + 1, MOST_PATHS + 1):  # of a model that is no longer there
        for file in (trades_file, signals_file, best_file):
            file(path_folder(folder, number), symbol).unlink(missing_ok=True)
    _write_json(folder, symbol, best)


def _write(folder: Path, symbol: str, tables: Tables) -> None:
    write_whole(trades_file(folder, symbol), tables.trades)
    write_whole(signals_file(folder, symbol), tables.signals)


def _write_json(folder: Path, symbol: str, content: Struct) -> None:
    shown = msgspec.json.format(msgspec.json.encode(content), indent=2).decode()
    write_whole(best_file(folder, symbol), f"{shown}\n")


def done_before(folder: Path, symbol: str, fingerprint: str) -> Best | None:
    """Reads the best.json of this fingerprint; None where there is none, or the trades beside it are
    others."""
    try:
        with best_file(folder, symbol).open("rb") as file:
            best = msgspec.json.decode(file.read(_LARGEST), type=Best)
        files = _digests_of(folder, symbol)
        numbers = range(1, len(best.paths_sha256) // 2 + 1)
        paths = tuple(chain(*(_digests_of(path_folder(folder, number), symbol) for number in numbers)))
    except (OSError, UnicodeDecodeError, msgspec.DecodeError):
        return None  # another program's file, or none: the backtest is run
    written = (best.fingerprint, (best.trades_sha256, best.signals_sha256), best.paths_sha256)
    return best if written == (fingerprint, files, paths) else None


def _digests_of(folder: Path, symbol: str) -> tuple[str, str]:
    """Returns the SHA-256 of both tables as they are on disk. Raises OSError."""
    trades, signals = (file(folder, symbol).read_bytes() for file in (trades_file, signals_file))
    return sha256(trades), sha256(signals)


def sha256(content: bytes) -> str:
    """Returns the SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
