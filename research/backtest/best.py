"""Writes best.json: the figures of one symbol's backtest, under the names that users of such files know.

Beside the figures it has all that is needed to repeat the backtest. `Fingerprint` is the hash of all that
they depend on: while it and the file of trades are unchanged, the backtest is not repeated.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from portfold.research.trades.results_folder import best_file, path_folder, trades_file
from portfold.research.trades.whole_files import write_whole

MOST_PATHS = 5
_LARGEST = 1_000_000
_CAPITALS = {"Oos": "OOS", "Cpcv": "CPCV", "Cagr": "CAGR", "Usd": "USD", "Pnl": "PnL", "Sha256": "SHA256"}


def _named(field: str) -> str:
    """Turns `sharpe_oos_cpcv` into Sharpe_OOS_CPCV."""
    words = (word.capitalize() for word in field.split("_"))
    return "_".join(_CAPITALS.get(word, word) for word in words)


class Best(Struct, frozen=True, rename=_named):
    """The figures, each defined in docs/research.md. None: a figure that cannot be measured, or no model."""

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
    trades_sha256: str
    paths_sha256: tuple[str, ...]
    fingerprint: str


def write_results(folder: Path, trades: str, paths: Sequence[str], best: Best) -> None:
    """Writes a symbol's trades, those of each path of cross-validation, and best.json last, as it holds the
    hashes of the others. Raises ResearchError.
    """
    write_whole(trades_file(folder, best.symbol), trades)
    for number, table in enumerate(paths, start=1):
        write_whole(trades_file(path_folder(folder, number), best.symbol), table)
    for number in range(len(paths) + 1, MOST_PATHS + 1):  # of a model that is no longer there
        trades_file(path_folder(folder, number), best.symbol).unlink(missing_ok=True)
    content = msgspec.json.format(msgspec.json.encode(best), indent=2).decode()
    write_whole(best_file(folder, best.symbol), f"{content}\n")


def done_before(folder: Path, symbol: str, fingerprint: str) -> Best | None:
    """Reads the best.json of this fingerprint; None where there is none, or the trades beside it are
    others."""
    try:
        with best_file(folder, symbol).open("rb") as file:
            best = msgspec.json.decode(file.read(_LARGEST), type=Best)
        trades = sha256(trades_file(folder, symbol).read_bytes())
        paths = tuple(
            sha256(trades_file(path_folder(folder, number), symbol).read_bytes())
            for number in range(1, len(best.paths_sha256) + 1)
        )
    except (OSError, msgspec.DecodeError):
        return None  # another program's file, or none: the backtest is run
    written = (best.fingerprint, best.trades_sha256, best.paths_sha256)
    return best if written == (fingerprint, trades, paths) else None


def sha256(content: bytes) -> str:
    """Returns the SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
