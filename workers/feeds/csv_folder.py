"""A folder of real bars, one file a symbol: `<SYMBOL>.csv` in one of two forms known by the header, the same
table as `<SYMBOL>.parquet`, or hourly bars in DBN (see `dbn_file`), whose dates are those in UTC.

- daily: `date,open,high,low,close`, the date as 2015-01-02. The bar ends at 15:00 America/Chicago of that
  date, a time at which every trading day is still under way, so it always falls into its own trading day. A
  date on a weekend is no trading day's, and is refused.
- hourly: `time,open,high,low,close`, the time as 2012-01-03T09:00, the start of the hour on the clock of
  the zone named for the symbol (UTC unless set). The bar ends one hour later, so bars
  nearer together than an hour are refused: they are of another length. So is a file that begins with one
  bar a day, each at the same time: by its hourly reading a day would be known before it is over.

The case of a file's name does not matter: es.csv holds ES, and is refused like ES.csv where it has bars under
another header. Other files, such as notes.csv, are passed over.

Guarantees: prices are the exact Decimals of the text; times strictly increase; reading is lazy, a line at a
time (Parquet is read whole). Whatever is not as described is a BarsError that names file, line and column and
says what was expected: a market misread by one character is worse than none.

Where clocks go back, an hour is written twice and its first line is read as the earlier one; where they go
forward, a time that never was on the clock is refused, for it means that the zone is wrong.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Literal, TextIO
from zoneinfo import ZoneInfo

from portfold.bounds import PRICE, SYMBOL
from portfold.errors import UNUSABLE, PortfoldError
from portfold.workers.feeds.bar import Bar, BarError
from portfold.workers.feeds.dbn_file import dbn_bars, dbn_stem
from portfold.workers.feeds.encoding import UTF8, no_utf8_from
from portfold.workers.feeds.parquet_file import SUFFIX, ParquetError, is_parquet, parquet_text

Form = Literal["daily", "hourly"]

_PRICES = ("open", "high", "low", "close")
_HEADERS: dict[str, Form] = {
    "date,open,high,low,close": "daily",
    "time,open,high,low,close": "hourly",
}
_TIME_COLUMN: dict[Form, str] = {"daily": "date", "hourly": "time"}
_SYMBOL = re.compile(SYMBOL)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_HOUR = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d", re.ASCII)
# No finer and no larger than what the bus carries as a price.
_PRICE = re.compile(PRICE)
# A good line is far shorter; a longer one is cut, so that no file can fill the memory, and then refused.
_LONGEST_LINE = 256

_EXCHANGE = ZoneInfo("America/Chicago")
_DAILY_CLOSE = time(15, 0)
_HOUR_LONG = timedelta(hours=1)
_HEAD_BARS = 3  # bars at the beginning of a file, each on another day at the same time
_CLOCK = len("2012-01-03")  # where the time of day begins
_MARKS = " \"'<>"  # that others put around the names of columns
_SPLIT = re.compile(r"[,;\t]")


class BarsError(PortfoldError, ValueError):
    """Bars that cannot be read: a sentence for the person who keeps the folder."""

    exit_code = UNUSABLE


class CsvFolder:
    """The bars of a folder, from the date `first` to the date `last`, both included, all where not given.

    Both dates are compared with the date as the file writes it; lines outside them are not checked beyond
    their time. `zones` gives the clock of hourly files by symbol. A feed in the sense of `protocol.Feed`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        zones: Mapping[str, tzinfo] | None = None,
        first: date | None = None,
        last: date | None = None,
    ) -> None:
        if first is not None and last is not None and last < first:
            raise BarsError(f"expected a last date from {first} on, got {last}")
        self._folder = folder
        self._zones = dict(zones or {})
        self._first = first or date.min
        self._last = last or date.max
        self._symbols = _list_symbols(folder)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Returns the symbols the folder has a file for, sorted."""
        return tuple(self._symbols)

    def form(self, symbol: str) -> Form:
        """Returns whether the symbol's bars are daily or hourly."""
        path = self._path(symbol)
        if dbn_stem(path) is not None:
            return "hourly"
        with _open(path) as file:
            return _read_form(path, file)

    def bars(self, symbol: str) -> Iterator[Bar]:
        """Returns the symbol's bars, oldest first. A missing file or a wrong header is refused at once, a bad
        line when it is reached.
        """
        if dbn_stem(self._path(symbol)) is not None:
            return self._read_dbn(symbol)
        if self.form(symbol) == "hourly":
            self._refuse_days(self._path(symbol))
        return self._read(symbol)

    def _refuse_days(self, path: Path) -> None:
        """Looks at the beginning only: no market has one hour a day, three days long."""
        with _open(path) as file:
            _read_form(path, file)
            first = [(number, line.split(",")[0]) for number, line in islice(_lines(path, file), _HEAD_BARS)]
        days, hours = {text[:_CLOCK] for _, text in first}, {text[_CLOCK:] for _, text in first}
        if (len(days), len(hours)) == (_HEAD_BARS, 1):
            raise _error(
                path,
                first[1][0],
                "time",
                f"expected hourly bars, got one a day, each at {first[0][1][_CLOCK + 1 :][:5]}: "
                f"daily bars have the header {next(iter(_HEADERS))} and dates such as 2015-01-02",
            )

    def _path(self, symbol: str) -> Path:
        if symbol not in self._symbols:
            raise BarsError(
                f"expected one of the symbols {self._folder} has a file for ({', '.join(self._symbols)}), "
                f"got '{symbol}'"
            )
        return self._symbols[symbol]

    def _read_dbn(self, symbol: str) -> Iterator[Bar]:
        path = self._path(symbol)
        try:
            for bar in dbn_bars(path, symbol):
                if self._first <= (bar.time - _HOUR_LONG).date() <= self._last:
                    yield bar
        except BarError as error:
            raise BarsError(f"{path}, {error.field}: {error}") from None

    def _read(self, symbol: str) -> Iterator[Bar]:
        path = self._path(symbol)
        with _open(path) as file:
            form = _read_form(path, file)
            clock = _DailyClock() if form == "daily" else _HourlyClock(self._zones.get(symbol, UTC))
            for number, line in _lines(path, file):
                fields = line.split(",")
                if len(fields) != 5:
                    raise _error(path, number, None, f"expected 5 columns, got {len(fields)}")
                try:
                    day, end = clock.read(fields[0])
                    if day > self._last:
                        return
                    if day >= self._first:
                        yield Bar(symbol, end, *_prices(fields))
                except BarError as error:
                    column = _TIME_COLUMN[form] if error.field == "time" else error.field
                    raise _error(path, number, column, str(error)) from None


class _DailyClock:
    """Reads the dates of one daily file, in order."""

    def __init__(self) -> None:
        self._previous = ""

    def read(self, text: str) -> tuple[date, datetime]:
        """Returns the date and the end of its bar; BarError for what is no date, or none after the one
        before.
        """
        day = _parse_date(text)
        _check_order(text, self._previous, later=text > self._previous)
        if day.weekday() > 4:
            raise BarError("time", f"expected a trading day's date, Monday to Friday, got {text}, a {day:%A}")
        self._previous = text
        return day, datetime.combine(day, _DAILY_CLOSE, _EXCHANGE).astimezone(UTC)


class _HourlyClock:
    """Reads the times of one hourly file, in order, on the clock of `zone`."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._previous = ""
        self._previous_start = datetime.min.replace(tzinfo=UTC)

    def read(self, text: str) -> tuple[date, datetime]:
        """Returns the date as written and the end of the bar; BarError for what is no time of this zone, or
        none after the one before.
        """
        try:
            wall = _parse_hour(text)
            start = self._earliest_reading(wall, text)
            end = start + _HOUR_LONG
        except OverflowError:
            raise BarError("time", f"expected a time within the calendar, got '{text}'") from None
        _check_order(text, self._previous, later=start > self._previous_start)
        if self._previous and start - self._previous_start < _HOUR_LONG:
            raise BarError(
                "time", f"expected hourly bars, an hour apart or more, got {text} after {self._previous}"
            )
        self._previous, self._previous_start = text, start
        return wall.date(), end

    def _earliest_reading(self, wall: datetime, text: str) -> datetime:
        """`wall` in UTC; of an hour that comes twice the first, unless that one has been read already."""
        start = wall.replace(tzinfo=self._zone).astimezone(UTC)
        if start.astimezone(self._zone).replace(tzinfo=None) != wall:
            raise BarError(
                "time", f"expected a time that was on the clock in {self._zone}, got {text}, which it skipped"
            )
        if start <= self._previous_start:
            return wall.replace(tzinfo=self._zone, fold=1).astimezone(UTC)
        return start


def refuse_no_folder(folder: Path) -> None:
    """Raises BarsError for what is no folder."""
    if not folder.is_dir():
        raise BarsError(f"expected a folder of <SYMBOL>.csv files, and {folder} is not a folder")


def _list_symbols(folder: Path) -> dict[str, Path]:
    refuse_no_folder(folder)
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise BarsError(f"{folder} could not be listed: {error.strerror}") from error
    found: dict[str, Path] = {}
    for path in paths:
        stem = dbn_stem(path)
        if stem is None and path.suffix.lower() == SUFFIX:
            stem = path.stem
        if stem is None and path.suffix.lower() != ".csv":
            continue
        symbol = (stem or path.stem).upper()
        if stem is None and path.name != f"{symbol}.csv" and not _looks_like_bars(path):
            continue  # notes.csv is somebody's notes
        if symbol in found:
            raise BarsError(
                f"expected one file of {symbol} in {folder}, got {found[symbol].name} and {path.name}"
            )
        if _SYMBOL.fullmatch(symbol):
            found[symbol] = path
    if not found:
        raise BarsError(f"expected files such as ES.csv in {folder}, and there is none")
    return dict(sorted(found.items()))


def _looks_like_bars(path: Path) -> bool:
    """Returns whether the first line names prices in whatever form, or is a bar without a header."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:  # in UTF-16 it is bars as well
            line = file.readline(_LONGEST_LINE).replace("\0", "").strip()
    except OSError:
        return False
    cells = [cell.strip(_MARKS).lower() for cell in _SPLIT.split(line)]
    named = sum(name in cells for name in _PRICES)
    return named > 1 or sum(_PRICE.fullmatch(cell) is not None for cell in cells) >= len(_PRICES)


def _open(path: Path) -> TextIO:
    try:
        if is_parquet(path):
            return StringIO(parquet_text(path, forms=tuple(_HEADERS)))
        return path.open(encoding="utf-8-sig")
    except ParquetError as error:
        raise BarsError(f"{path}: {error}") from error
    except OSError as error:
        raise BarsError(f"{path} could not be opened: {error.strerror}") from error


def _read_form(path: Path, file: TextIO) -> Form:
    header = _read_line(path, 1, file).rstrip("\n")
    if header not in _HEADERS:
        raise _error(path, 1, None, f"expected the header {' or '.join(_HEADERS)}, got '{header[:80]}'")
    return _HEADERS[header]


def _lines(path: Path, file: TextIO) -> Iterator[tuple[int, str]]:
    """Returns the lines after the header with their numbers; empty ones are passed over."""
    number = 2
    while line := _read_line(path, number, file):
        if stripped := line.rstrip("\n"):
            yield number, stripped
        number += 1


def _read_line(path: Path, number: int, file: TextIO) -> str:
    try:
        return file.readline(_LONGEST_LINE)
    except UnicodeDecodeError:
        # Decoding runs ahead of the lines, so the place has to be looked for.
        raise _error(path, no_utf8_from(path) or number, None, f"expected {UTF8}") from None
    except OSError as error:
        raise _error(path, number, None, f"could not be read: {error.strerror}") from error


def _parse_date(text: str) -> date:
    return _parse(text, _DATE, "a date such as 2015-01-02").date()


def _parse_hour(text: str) -> datetime:
    return _parse(text, _HOUR, "a time such as 2012-01-03T09:00")


def _parse(text: str, form: re.Pattern[str], expected: str) -> datetime:
    # The pattern first: the standard library also takes week dates and the like.
    try:
        if not form.fullmatch(text):
            raise ValueError
        return datetime.fromisoformat(text)
    except ValueError:
        raise BarError("time", f"expected {expected}, got '{text[:40]}'") from None


def _check_order(text: str, previous: str, *, later: bool) -> None:
    if text == previous and not later:
        raise BarError("time", f"expected each time once, got {text} again")
    if not later:
        raise BarError("time", f"expected times to increase, got {text} after {previous}")


def _prices(fields: list[str]) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    for column, text in zip(_PRICES, fields[1:], strict=True):
        if not _PRICE.fullmatch(text):
            raise BarError(column, f"expected a plain number such as 4500.25, got '{text[:40]}'")
    _, open_, high, low, close = fields
    return Decimal(open_), Decimal(high), Decimal(low), Decimal(close)


def _error(path: Path, number: int, column: str | None, problem: str) -> BarsError:
    location = f"{path}, line {number}" + (f", column {column}" if column else "")
    return BarsError(f"{location}: {problem}")
