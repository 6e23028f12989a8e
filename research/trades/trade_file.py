"""Trades as a backtest leaves them: one row of a `<SYMBOL>_rf_best_trades.csv`, read exactly or not at all.

Files have other columns beside the few that are read here, so columns are found by name and the others are
ignored. P&L is read to the cent from the digits in the file. A row that cannot be used is dropped whole and
counted under its reason.

Times without an offset are read on the clock of the exchange: in such files the week begins on Sunday evening
after 17:00 in Chicago, and on no other of the usual clocks would the market be open then.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct

from portfold.events.fields import Side
from portfold.research.errors import ResearchError
from portfold.research.trades.cells import (
    Refused,
    Unfit,
    dollars_in,
    moment_in,
    number_in,
    price_in,
    risk_in,
    side_in,
    size_in,
    stop_price_in,
)

ENTRY_TIME = "Date/Time"
EXIT_TIME = "Exit Date/Time"
ENTRY_PRICE = "Entry_Price"
EXIT_PRICE = "Exit_Price"
PNL_COLUMNS = ("Model_PnL_USD_When_Selected", "pnl_usd_when_selected", "Model_PnL_USD")
SELECTED_COLUMNS = ("Model_Selected", "selected")
SIDE = "Side"
SIZE = "Size"
STOP_PRICE = "Stop_Price"
RISK = "Risk"
FLAT_BEFORE = "Flat_Before"
LEFT = "Left"
ENDED = "Ended"


class Asked(Struct, frozen=True):
    """When a worker asks for a trade that is the outcome of one signal; times in the clock of the stream IDs.

    It asks where it holds nothing in the symbol, and had left what it held before `flat_before_ms`. `left_ms`
    is when it has left this one. `ended` is False where the bars ended first: nobody knows its exit.
    """

    flat_before_ms: int
    left_ms: int
    ended: bool = True


class Trade(Struct, frozen=True):
    """One trade: `size` contracts of `symbol` from `entry_ms` to `exit_ms`, in the clock of the stream IDs.

    `pnl` is in dollars, net of all costs, to the cent. Prices and `side` are None where the file has none.
    `asked` is that of a signal; None for a row of a file of trades alone, which is asked for at its entry.
    `stop_price`, or the dollars of `risk` for all of it, is what its entry planned to lose; None: not said.
    """

    symbol: str
    entry_ms: int
    exit_ms: int
    pnl: Decimal
    size: int = 1
    side: Side | None = None
    entry_price: Decimal | None = None
    exit_price: Decimal | None = None
    asked: Asked | None = None
    stop_price: Decimal | None = None
    risk: Decimal | None = None

    @property
    def content(self) -> tuple[object, ...]:
        """Returns the key to sort trades by, so that their order does not depend on files or rows."""
        told = (self.entry_price, self.exit_price, self.stop_price, self.risk)
        side = self.side or ""
        return (self.entry_ms, self.exit_ms, self.symbol, side, self.size, self.pnl, *map(str, told))


class Rows(NamedTuple):
    """A file as read: its `trades`, the number of `unselected` rows, and the `dropped` rows by reason.

    `samples` has for each reason the first line dropped for it: its number, its cell and what was expected.
    """

    trades: list[Trade]
    rows: int
    unselected: int
    dropped: Mapping[str, int]
    samples: Mapping[str, str]


def read_rows(symbol: str, header: Sequence[str], rows: Iterable[Sequence[str]], zone: ZoneInfo) -> Rows:
    """Reads the trades in `rows`. `zone` is the clock of times without an offset.

    Raises ResearchError where a required column is missing, and at a date that shows that other dates of the
    file would be read wrongly.
    """
    columns = _Columns.of(header)
    trades: list[Trade] = []
    dropped: Counter[str] = Counter()
    samples: dict[str, str] = {}
    count = unselected = 0
    for line, row in enumerate(rows, start=2):
        if not any(row):
            continue
        count += 1
        if not columns.selected(row):
            unselected += 1
            continue
        try:
            trades.append(columns.trade(symbol, row, zone))
        except Refused as refused:
            raise ResearchError(f"line {line}: {refused}") from refused
        except Unfit as unfit:
            dropped[unfit.why] += 1
            samples.setdefault(unfit.why, f"line {line}{unfit.sample}")
    return Rows(trades, count, unselected, dict(dropped), samples)


class _Columns(NamedTuple):
    """The position of each column in a row; None for a column that the file does not have."""

    entry_time: int
    exit_time: int
    pnl: int
    chosen: int | None
    side: int | None
    size: int | None
    entry_price: int | None
    exit_price: int | None
    flat_before: int | None
    left: int | None
    ended: int | None
    stop_price: int | None
    risk: int | None

    @classmethod
    def of(cls, header: Sequence[str]) -> "_Columns":
        positions = {name.strip(): position for position, name in reversed(list(enumerate(header)))}
        for name in (ENTRY_TIME, EXIT_TIME):
            if name not in positions:
                raise ResearchError(f"expected a column {name}, got {_listed(header)}")
        pnl = next((positions[name] for name in PNL_COLUMNS if name in positions), None)
        if pnl is None:
            raise ResearchError(
                f"expected one of the columns {', '.join(PNL_COLUMNS)}, got {_listed(header)}"
            )
        return cls(
            entry_time=positions[ENTRY_TIME],
            exit_time=positions[EXIT_TIME],
            pnl=pnl,
            chosen=next((positions[name] for name in SELECTED_COLUMNS if name in positions), None),
            side=positions.get(SIDE),
            size=positions.get(SIZE),
            entry_price=positions.get(ENTRY_PRICE),
            exit_price=positions.get(EXIT_PRICE),
            flat_before=positions.get(FLAT_BEFORE),
            left=positions.get(LEFT),
            ended=positions.get(ENDED),
            stop_price=positions.get(STOP_PRICE),
            risk=positions.get(RISK),
        )

    def selected(self, row: Sequence[str]) -> bool:
        """Returns whether the filter selected the trade; True where the file has no such column."""
        if self.chosen is None:
            return True
        text = _cell(row, self.chosen)
        number = number_in(text)
        return number == 1 if number is not None else text.lower() == "true"

    def trade(self, symbol: str, row: Sequence[str], zone: ZoneInfo) -> Trade:
        """Reads the row as a trade. Raises Unfit, which says why it cannot be used."""
        entry_ms = moment_in(_cell(row, self.entry_time), "entry time", zone)
        exit_ms = moment_in(_cell(row, self.exit_time), "exit time", zone)
        if exit_ms < entry_ms:
            raise Unfit("exit before entry")
        trade = Trade(
            symbol=symbol,
            entry_ms=entry_ms,
            exit_ms=exit_ms,
            pnl=dollars_in(_cell(row, self.pnl)),
            size=size_in(_cell(row, self.size)),
            side=side_in(_cell(row, self.side)),
            entry_price=price_in(_cell(row, self.entry_price)),
            exit_price=price_in(_cell(row, self.exit_price)),
            asked=self._asked(row, zone),
            stop_price=stop_price_in(_cell(row, self.stop_price)),
            risk=risk_in(_cell(row, self.risk)),
        )
        _refuse_unfit_plan(trade)
        return trade

    def _asked(self, row: Sequence[str], zone: ZoneInfo) -> Asked | None:
        if self.flat_before is None:
            return None
        flat_before = moment_in(_cell(row, self.flat_before), FLAT_BEFORE, zone)
        left = _cell(row, self.left)
        left_ms = moment_in(left, LEFT, zone) if left else 0
        return Asked(flat_before, left_ms, ended=_cell(row, self.ended) != "0")


def _refuse_unfit_plan(trade: Trade) -> None:
    """Raises Unfit for a plan that no worker could have named."""
    stop, entry = trade.stop_price, trade.entry_price
    if stop is None:
        return
    if trade.risk is not None:
        raise Unfit(f"both {STOP_PRICE} and {RISK}", f"{trade.risk:f}", f"{RISK} or {STOP_PRICE}, not both")
    if entry is None:
        raise Unfit(f"{STOP_PRICE} without {ENTRY_PRICE}", f"{stop:f}", f"an {ENTRY_PRICE} beside it")
    if stop == entry or (trade.side is not None and (stop < entry) != (trade.side == "long")):
        where = {"long": "below", "short": "above"}.get(trade.side or "", "below or above")
        raise Unfit(f"{STOP_PRICE} on the wrong side", f"{stop:f}", f"one {where} {ENTRY_PRICE}, {entry:f}")


def _cell(row: Sequence[str], position: int | None) -> str:
    return row[position].strip() if position is not None and position < len(row) else ""


def _listed(header: Sequence[str]) -> str:
    names = [name.strip()[:40] for name in header]
    return f"{', '.join(names[:8])}{', …' if len(names) > 8 else ''}" or "none"
