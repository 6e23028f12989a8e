"""The account in a JSON file that somebody else writes: a script of one's own, an export of the platform.

    {"equity": 50123.45, "realized": 123.45, "unrealized": 0,
     "positions": {"ES": {"size": -1, "price": 5990.25}}, "working": {"ES": 1}}

Guarantees: read whole or not at all. A file that was not written for `max_age_seconds` says nothing, as what
it says may be over. Who writes it puts it in place by a rename.
"""

import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from msgspec import Struct

from portfold.bounds import MOST_CONTRACTS
from portfold.config.errors import ConfigError, UnfitError
from portfold.config.reading import read_strict
from portfold.config.rules import Duration, Exact, Folder, Symbol, Whole
from portfold.config.strict_json import read_json
from portfold.events.legs import Holding
from portfold.workers.account.source import AccountSetup, AccountSnapshot, AccountUnreadable

_DOLLARS = Exact(Decimal("-999999999.99"), Decimal("999999999.99"), 2, "dollars")
_PRICE = Exact(Decimal("-999999999"), Decimal("999999999"), 10)


class FileOptions(Struct, frozen=True):
    """`path` of the file; after `max_age_seconds` without a change it says nothing."""

    path: Annotated[str, Folder("the whole path of a file, such as /var/lib/portfold/account.json")]
    max_age_seconds: Annotated[float, Duration(86_400)] = 60.0


class _Held(Struct, frozen=True):
    size: Annotated[int, Whole(-MOST_CONTRACTS, MOST_CONTRACTS, "contracts, below 0 for short")]
    price: Annotated[Decimal, _PRICE]


class _Written(Struct, frozen=True):
    equity: Annotated[Decimal, _DOLLARS]
    realized: Annotated[Decimal, _DOLLARS] = Decimal(0)
    unrealized: Annotated[Decimal, _DOLLARS] = Decimal(0)
    positions: Mapping[Symbol, _Held] = {}
    working: Mapping[Symbol, Annotated[int, Whole(0, 9_999, "orders")]] = {}


class FileSource:
    """Reads the account from the file at `path`."""

    def __init__(self, path: Path, max_age_seconds: float) -> None:
        self._path = path
        self._max_age = max_age_seconds

    def read(self) -> AccountSnapshot:
        """Reads the file. Raises AccountUnreadable where it is missing, old, or not as described."""
        try:
            age = time.time() - self._path.stat().st_mtime
            written = read_strict(_Written, read_json(self._path), self._path)
        except (OSError, ConfigError, UnfitError) as error:
            raise AccountUnreadable(f"{self._path} does not say what the account holds: {error}") from error
        if age > self._max_age:
            raise AccountUnreadable(f"{self._path} was last written {age:.0f} s ago: it says nothing of now")
        held = (
            Holding(symbol, "long" if one.size > 0 else "short", abs(one.size), one.price)
            for symbol, one in sorted(written.positions.items())
            if one.size
        )
        working = {symbol: count for symbol, count in written.working.items() if count}
        return AccountSnapshot(written.equity, written.realized, written.unrealized, tuple(held), working)

    def close(self) -> None:
        """Holds on to nothing."""


def open_file(setup: AccountSetup) -> FileSource:
    """Returns the source of kind `file`. Raises ConfigError."""
    options = setup.options(FileOptions)
    return FileSource(Path(options.path), options.max_age_seconds)
