"""Hourly bars in DBN, Databento's format: `ES.dbn` or, compressed, `ES.dbn.zst`. Needs the extra `databento`.

Only schema ohlcv-1h is read. Closer bars are no hourly ones, and Databento's daily bars are of days in UTC,
which are no trading days of an exchange. A record names the opening of its hour; the bar ends an hour later.

Guarantees: prices are exact to the last of nine decimals; times strictly increase, so a file holds one
contract at a time; reading is lazy. Whatever is not as described is a BarError that says what was expected.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from portfold.exchange_time import utc
from portfold.installing import install_command
from portfold.workers.feeds.bar import Bar, BarError
from portfold.workers.feeds.dbn_units import UNDEFINED_PRICE, exact_price, ms_of

ZST = ".zst"
_SUFFIXES = (f".dbn{ZST}", ".dbn")
_AS_READ = 65_536
_HOUR = timedelta(hours=1)
_SCHEMA = "ohlcv-1h"


def dbn_stem(path: Path) -> str | None:
    """Returns the name before `.dbn` or `.dbn.zst`, in whatever case; None for another file."""
    name = path.name
    return next((name[: -len(end)] for end in _SUFFIXES if name.lower().endswith(end)), None)


def dbn_bars(path: Path, symbol: str) -> Iterator[Bar]:
    """Yields the bars of a file. Raises BarError, also where the extra is not installed."""
    previous = 0
    for number, record in enumerate(_records(path), start=1):
        if record.ts_event <= previous:
            raise BarError(
                "time",
                f"expected the bars of one contract, each later than the one before, got another of "
                f"{utc(ms_of(record.ts_event)):%Y-%m-%dT%H:%M} (record {number})",
            )
        previous = record.ts_event
        prices = record.open, record.high, record.low, record.close
        if UNDEFINED_PRICE not in prices:
            yield Bar(symbol, utc(ms_of(record.ts_event)) + _HOUR, *map(exact_price, prices))


def _records(path: Path) -> Iterator[Any]:
    """Yields the records after the header. Raises BarError."""
    try:
        import databento_dbn as dbn  # noqa: PLC0415 - an extra
    except ImportError as missing:
        expected = f"what reads DBN to be installed ({install_command('databento')})"
        raise BarError("file", f"expected {expected}, got no {missing.name}") from missing
    compressed = "zstd" if path.suffix.lower() == ZST else "none"
    decoder = dbn.DBNDecoder(compression=dbn.Compression.from_str(compressed))
    header = None
    try:
        with path.open("rb") as file:
            while part := file.read(_AS_READ):
                decoder.write(part)
                for record in decoder.decode():
                    if header is None:
                        header = record
                        _check(header)
                    else:
                        yield record
    except OSError as error:
        raise BarError("file", f"could not be read: {error.strerror}") from error
    except (dbn.DBNError, RuntimeError) as error:
        raise BarError("file", f"expected DBN: {error}") from error
    if header is None or decoder.buffer():
        raise BarError("file", "expected DBN to its end, and the file ends within a record")


def _check(header: Any) -> None:
    if str(header.schema) != _SCHEMA:
        raise BarError(
            "schema",
            f"expected {_SCHEMA}, bars of an hour, got {header.schema or 'records of several schemas'}",
        )
