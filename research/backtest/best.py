"""best.json: the figures of one symbol's backtest, under the names that users of such files know.

Beside the figures it says what they are of, in enough words to do it again. `Fingerprint` is of all that they
depend on: where nothing of that has changed and the trades are as they were written, nothing is done again.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from portfold.research.trades.results_folder import best_file, trades_file
from portfold.research.trades.whole_files import write_whole

_LARGEST = 1_000_000
_CAPITALS = {"Oos": "OOS", "Cpcv": "CPCV", "Cagr": "CAGR", "Usd": "USD", "Pnl": "PnL", "Sha256": "SHA256"}


def _named(field: str) -> str:
    """`sharpe_oos_cpcv` is Sharpe_OOS_CPCV."""
    words = (word.capitalize() for word in field.split("_"))
    return "_".join(_CAPITALS.get(word, word) for word in words)


class Best(Struct, frozen=True, rename=_named):
    """See docs/research.md for what each is. None is a figure that cannot be had, and a model where none is
    configured."""

    symbol: str
    sharpe_oos_cpcv: float | None
    sharpe_oos_method: str
    sharpe_oos_paths: tuple[float, ...]
    sharpe: float
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
    fingerprint: str


def write_results(folder: Path, trades: str, best: Best) -> None:
    """Writes both files of a symbol; best.json last, as it vouches for the other. Raises ResearchError."""
    write_whole(trades_file(folder, best.symbol), trades)
    content = msgspec.json.format(msgspec.json.encode(best), indent=2).decode()
    write_whole(best_file(folder, best.symbol), f"{content}\n")


def done_before(folder: Path, symbol: str, fingerprint: str) -> Best | None:
    """What was written for the very same fingerprint, if the trades beside it are those; else None."""
    try:
        with best_file(folder, symbol).open("rb") as file:
            best = msgspec.json.decode(file.read(_LARGEST), type=Best)
        trades = sha256(trades_file(folder, symbol).read_bytes())
    except (OSError, msgspec.DecodeError):
        return None  # another program's, or none: then it is done
    return best if (best.fingerprint, best.trades_sha256) == (fingerprint, trades) else None


def sha256(content: bytes) -> str:
    """In hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
