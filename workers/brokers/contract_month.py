"""Which contract of a future is traded on a day, and its name: `CLZ2025` is crude oil for December 2025.

The name is the symbol, the exchange's letter for the month (F G H J K M N Q U V X Z, January to December) and
the year. The rules below follow the termination and first notice dates in CME Group's contract
specifications (cmegroup.com, "Contract Specs" and "Calendar" of each product), each some days early, so that
exchange holidays, which they do not know, cannot make them late:

| what | months | ends, by the exchange | here the next one from |
|---|---|---|---|
| equity indices | H M U Z | third Friday of the month | the Monday before it, as index futures roll |
| currencies | H M U Z | second business day before the third Wednesday | the Monday of the week before that |
| CL, MCL | all | third (MCL fourth) business day before the 25th, a month early | the 15th of that month |
| NG, MNG | all | third (MNG fourth) business day before the month | the 20th, a month early |
| GC, MGC | G J M Q V Z | first notice: last business day before the month | the 22nd, a month early |
| SI, SIL, HG, MHG | H K N U Z | the same | the same |
| PL | F J N V | the same | the same |

A position is closed in the contract it was opened in, whatever is traded by then; and a name given in the
configuration goes before these rules.
"""

from collections.abc import Callable
from datetime import date, timedelta

from msgspec import Struct

LETTERS = "FGHJKMNQUVXZ"
_MONDAY, _WEDNESDAY, _FRIDAY = 0, 2, 4


class Roll(Struct, frozen=True):
    """The months that are traded, and the first day on which a month's contract is no longer."""

    months: str
    leaves: Callable[[int, int], date]


def contract_name(symbol: str, day: date) -> str:
    """The contract of `symbol` to trade on `day`, such as CLZ2025. KeyError for a symbol without a rule."""
    roll = ROLLS[symbol]
    year, month = day.year, day.month
    while LETTERS[month - 1] not in roll.months or day >= roll.leaves(year, month):
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return f"{symbol}{LETTERS[month - 1]}{year}"


def _third(weekday: int, year: int, month: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 14)


def _index(year: int, month: int) -> date:
    return _third(_FRIDAY, year, month) - timedelta(days=_FRIDAY - _MONDAY)


def _currency(year: int, month: int) -> date:
    return _third(_WEDNESDAY, year, month) - timedelta(days=_WEDNESDAY - _MONDAY + 7)


def _month_before(on: int) -> Callable[[int, int], date]:
    def leaves(year: int, month: int) -> date:
        return date(year, month - 1, on) if month > 1 else date(year - 1, 12, on)

    return leaves


_GROUPS: tuple[tuple[str, Roll], ...] = (
    ("ES NQ RTY YM MES MNQ M2K MYM", Roll("HMUZ", _index)),
    ("6A 6B 6C 6E 6J 6M 6N 6S M6A M6B M6E", Roll("HMUZ", _currency)),
    ("CL MCL", Roll(LETTERS, _month_before(15))),
    ("NG MNG", Roll(LETTERS, _month_before(20))),
    ("GC MGC", Roll("GJMQVZ", _month_before(22))),
    ("SI SIL HG MHG", Roll("HKNUZ", _month_before(22))),
    ("PL", Roll("FJNV", _month_before(22))),
)
ROLLS = {symbol: roll for symbols, roll in _GROUPS for symbol in symbols.split()}
