"""expected_days.json: the days that a portfolio was chosen for, beside its portfolio_optimization.json.

`portfold research export` writes both, so that what the portfolio does can be held against what was expected
of it. No rule depends on it. It names the portfolio it is of: days of another one are expected of nobody, and
are passed over with a warning rather than believed.
"""

import math
import re
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct

from portfold.config.errors import ConfigError
from portfold.config.strict_json import exists, read_json

EXPECTED_FILE = "expected_days.json"
FEWEST_DAYS = 20
"""Of fewer days nothing is expected: their bands would be those of a few accidents."""
_COLUMNS = ("pnl", "trades", "won", "asked", "denied", "stops")
_WHERE = re.compile(r" - at `\$\.?(.*)`$")


class ExpectedDays(Struct, frozen=True, forbid_unknown_fields=True):
    """The expected trading days, a place in each column for each, in order; `pnl` in dollars.

    `since` is the first trading day that is held against them. `symbols`, `max_positions` and
    `daily_stop_loss` name the portfolio. `block_days` is the mean length of a block by which they are
    resampled, as days that follow one another may depend on one another.
    """

    since: str
    first_day: str
    last_day: str
    symbols: tuple[str, ...]
    max_positions: int
    daily_stop_loss: float
    block_days: float
    pnl: tuple[float, ...]
    trades: tuple[int, ...]
    won: tuple[int, ...]
    asked: tuple[int, ...]
    denied: tuple[int, ...]
    stops: tuple[int, ...]

    def is_of(self, symbols: tuple[str, ...], max_positions: int, daily_stop_loss: Decimal) -> bool:
        """Returns whether these days are those of a portfolio."""
        stop = Decimal(str(self.daily_stop_loss))
        return (set(self.symbols), self.max_positions, stop) == (set(symbols), max_positions, daily_stop_loss)


def read_expected(path: Path) -> ExpectedDays | None:
    """Reads the days in `path`; None where there is no such file. Raises ConfigError."""
    if not exists(path):
        return None
    read_json(path)  # nothing ambiguous is in it
    try:
        found = msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), type=ExpectedDays)
    except msgspec.ValidationError as error:
        text = str(error)
        field = _WHERE.search(text)
        said = _WHERE.sub("", text)
        raise ConfigError(
            path, field[1] if field else "", "what portfold research export writes", said
        ) from error
    _check(found, path)
    return found


def _check(found: ExpectedDays, path: Path) -> None:
    count = len(found.pnl)
    if count < FEWEST_DAYS:
        raise ConfigError(path, "pnl", f"at least {FEWEST_DAYS} days", str(count))
    for name in _COLUMNS:
        column = getattr(found, name)
        if len(column) != count:
            raise ConfigError(path, name, f"{count} days, as pnl has", str(len(column)))
        if name != "pnl" and min(column) < 0:
            raise ConfigError(path, name, "counts of 0 or more", str(min(column)))
    if not all(math.isfinite(made) and abs(made) < 1e12 for made in found.pnl):
        raise ConfigError(path, "pnl", "dollars of a sensible size", "others")
    if not 1 <= found.block_days <= count:
        raise ConfigError(path, "block_days", f"1 to {count} days", f"{found.block_days}")
    if re.fullmatch(r"\d{4}-\d\d-\d\d", found.since) is None:
        raise ConfigError(path, "since", "a trading day such as 2025-01-15", repr(found.since[:40]))
