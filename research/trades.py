"""Trades as a backtest leaves them: one row of a `<SYMBOL>_rf_best_trades.csv`, read exactly or not at all.

Every user's files have their own columns beside the few that count here, so columns are found by name and the
rest is passed over. P&L is taken to the cent from the digits in the file. A row that cannot be used is never
half used: it is dropped, and why is counted.

Times without an offset are read on the clock of the exchange: in such files the week begins on Sunday evening
after 17:00 in Chicago, when no other clock of the usual ones would have the market open.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct

from coordinator.dollars import CENT
from events.fields import Side
from research.errors import ResearchError

ENTRY_TIME = "Date/Time"
EXIT_TIME = "Exit Date/Time"
ENTRY_PRICE = "Entry_Price"
EXIT_PRICE = "Exit_Price"
PNL_COLUMNS = ("Model_PnL_USD_When_Selected", "pnl_usd_when_selected", "Model_PnL_USD")
SELECTED_COLUMNS = ("Model_Selected", "selected")
SIDE = "Side"
SIZE = "Size"

_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)? ?(Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MOST_DOLLARS = Decimal(999_999_999)
_PRICE_DECIMALS = Decimal("1e-10")
_MOST_CONTRACTS = 10_000


class Trade(Struct, frozen=True):
    """One trade: `size` contracts of `symbol` from `entry_ms` to `exit_ms`, in the clock of the stream IDs.

    `pnl` is in dollars, net of all costs, to the cent. Prices and `side` are None where the file has none.
    """

    symbol: str
    entry_ms: int
    exit_ms: int
    pnl: Decimal
    size: int = 1
    side: Side | None = None
    entry_price: Decimal | None = None
    exit_price: Decimal | None = None

    @property
    def content(self) -> tuple[object, ...]:
        """All of it, to sort by: an order that does not depend on that of files or rows."""
        prices = (str(self.entry_price), str(self.exit_price))
        return (self.entry_ms, self.exit_ms, self.symbol, self.side or "", self.size, self.pnl, *prices)


class Rows(NamedTuple):
    """What came of a file: its `trades`, how many rows were not `selected`, and why others were `dropped`."""

    trades: list[Trade]
    rows: int
    unselected: int
    dropped: Mapping[str, int]


class _Unfit(ValueError):
    """A row that cannot be used; the text is the reason it is counted under."""


def read_rows(symbol: str, header: Sequence[str], rows: Iterable[Sequence[str]], zone: ZoneInfo) -> Rows:
    """The trades in `rows`. `zone` is the clock of times that name none.

    Raises ResearchError where a column is missing that nothing can be done without.
    """
    columns = _Columns.of(header)
    trades: list[Trade] = []
    dropped: Counter[str] = Counter()
    count = unselected = 0
    for row in rows:
        if not any(row):
            continue
        count += 1
        if not columns.selected(row):
            unselected += 1
            continue
        try:
            trades.append(columns.trade(symbol, row, zone))
        except _Unfit as unfit:
            dropped[str(unfit)] += 1
    return Rows(trades, count, unselected, dict(dropped))


class _Columns(NamedTuple):
    """Where in a row each thing lies; None for what the file does not have."""

    entry_time: int
    exit_time: int
    pnl: int
    chosen: int | None
    side: int | None
    size: int | None
    entry_price: int | None
    exit_price: int | None

    @classmethod
    def of(cls, header: Sequence[str]) -> "_Columns":
        places = {name.strip(): place for place, name in reversed(list(enumerate(header)))}
        for name in (ENTRY_TIME, EXIT_TIME):
            if name not in places:
                raise ResearchError(f"expected a column {name}, got {_listed(header)}")
        pnl = next((places[name] for name in PNL_COLUMNS if name in places), None)
        if pnl is None:
            raise ResearchError(
                f"expected one of the columns {', '.join(PNL_COLUMNS)}, got {_listed(header)}"
            )
        return cls(
            entry_time=places[ENTRY_TIME],
            exit_time=places[EXIT_TIME],
            pnl=pnl,
            chosen=next((places[name] for name in SELECTED_COLUMNS if name in places), None),
            side=places.get(SIDE),
            size=places.get(SIZE),
            entry_price=places.get(ENTRY_PRICE),
            exit_price=places.get(EXIT_PRICE),
        )

    def selected(self, row: Sequence[str]) -> bool:
        """Whether the filter took the trade; where there is none, it did."""
        if self.chosen is None:
            return True
        text = _cell(row, self.chosen)
        number = _number(text)
        return number == 1 if number is not None else text.lower() == "true"

    def trade(self, symbol: str, row: Sequence[str], zone: ZoneInfo) -> Trade:
        """The row as a trade; _Unfit says why it is none."""
        entry_ms = _moment(_cell(row, self.entry_time), "entry time", zone)
        exit_ms = _moment(_cell(row, self.exit_time), "exit time", zone)
        if exit_ms < entry_ms:
            raise _Unfit("exit before entry")
        return Trade(
            symbol=symbol,
            entry_ms=entry_ms,
            exit_ms=exit_ms,
            pnl=_dollars(_cell(row, self.pnl)),
            size=_size(_cell(row, self.size)),
            side=_side(_cell(row, self.side)),
            entry_price=_price(_cell(row, self.entry_price)),
            exit_price=_price(_cell(row, self.exit_price)),
        )


def _cell(row: Sequence[str], place: int | None) -> str:
    return row[place].strip() if place is not None and place < len(row) else ""


def _listed(header: Sequence[str]) -> str:
    names = [name.strip()[:40] for name in header]
    return f"{', '.join(names[:8])}{', …' if len(names) > 8 else ''}" or "none"


# --- the cells ------------------------------------------------------------------------------------------


def _moment(text: str, what: str, zone: ZoneInfo) -> int:
    """Milliseconds since 1970. Of an hour that the clocks show twice, the first."""
    if not text or text.lower() in ("nan", "nat", "none"):
        raise _Unfit(f"no {what}")
    found = _TIME.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        year, month, day, hour, minute, second = (int(part or 0) for part in found.group(1, 2, 3, 4, 5, 6))
        micro = int((found[7] or "").ljust(6, "0")[:6])
        clock = _offset(found[8]) if found[8] else zone
        moment = (datetime(year, month, day, hour, minute, second, micro, clock) - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        raise _Unfit(f"unreadable {what}") from None
    if moment < 0:
        raise _Unfit(f"{what} before 1970")
    return moment


def _offset(text: str) -> timezone:
    if text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))


def _number(text: str) -> Decimal | None:
    """The finite number in `text`, if it is one."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _dollars(text: str) -> Decimal:
    amount = _number(text)
    if amount is None:
        raise _Unfit("no P&L")
    if abs(amount) > _MOST_DOLLARS:
        raise _Unfit("P&L beyond all bounds")
    return amount.quantize(CENT, ROUND_HALF_EVEN)


def _price(text: str) -> Decimal | None:
    """A price; what is none counts as not given, as only bars make use of it."""
    price = _number(text)
    if price is None or abs(price) > _MOST_DOLLARS:
        return None
    return Decimal(f"{price.quantize(_PRICE_DECIMALS, ROUND_HALF_EVEN).normalize():f}")


def _side(text: str) -> Side | None:
    lowered = text.lower()
    if lowered in ("", "long"):
        return "long" if lowered else None
    if lowered == "short":
        return "short"
    raise _Unfit("side neither long nor short")


def _size(text: str) -> int:
    if not text:
        return 1
    size = _number(text)
    if size is None or size != size.to_integral_value() or not 1 <= size <= _MOST_CONTRACTS:
        raise _Unfit("size not a whole number of contracts")
    return int(size)
