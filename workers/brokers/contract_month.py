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
| 1OZ | G J M Q V Z | third last business day before the month | the same |
| SI, SIL, HG, MHG | H K N U Z | as GC | the same |
| PL | F J N V | the same | the same |
| PA | H M U Z | the same | the same |
| NKD | H M U Z | the day before the second Friday of the month | the Monday before it |
| QM | all | the business day before CL ends | the 15th of the month before |
| QG, RB, HO | all | at or after the fourth business day before the month | the 20th, a month early |
| BZ | all | last business day of the second month before | the 20th, two months early |
| ZB, UB, ZN, TN, ZF, ZT | H M U Z | notice: two business days before the month | the 22nd, a month early |
| MTN, MWN | H M U Z | two business days before the month | the same |
| ZC, ZW, KE | H K N U Z | first notice: last business day before the month | the 22nd, a month early |
| ZS; ZM, ZL | F H K N Q U X; F H K N Q U V Z | the same | the same |
| MZC … MZL | as the contract ten times as large | a Friday late in the month before | the 15th of it |
| HE | G J K M N Q V Z | tenth business day of the month | the 1st of it |
| LE | G J M Q V Z | first notice: first Monday of the month | the 22nd, a month early |
| GF | F H J K Q U V X | last Thursday, in November the one before Thanksgiving | the 8th of it |
| BTC, ETH, MBT, MET | all | last Friday of the month | the Monday before it |

ZQ and SR3 have none: their month is a view on a meeting or a quarter, and is chosen by whoever trades them;
the configuration has to name it.

A position is closed in the contract it was opened in, whatever is traded by then; and a name given in the
configuration goes before these rules.
"""

from calendar import monthrange
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
    """Returns the contract of `symbol` to trade on `day`, such as CLZ2025. KeyError for a symbol without a
    rule.
    """
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


def _nikkei(year: int, month: int) -> date:
    return _index(year, month) - timedelta(days=7)


def _crypto(year: int, month: int) -> date:
    last = date(year, month, monthrange(year, month)[1])
    return last - timedelta(days=(last.weekday() - _FRIDAY) % 7 + _FRIDAY - _MONDAY)


def _currency(year: int, month: int) -> date:
    return _third(_WEDNESDAY, year, month) - timedelta(days=_WEDNESDAY - _MONDAY + 7)


def _months_before(months: int, on: int) -> Callable[[int, int], date]:
    def leaves(year: int, month: int) -> date:
        years, index = divmod(month - 1 - months, 12)
        return date(year + years, index + 1, on)

    return leaves


def _month_before(on: int) -> Callable[[int, int], date]:
    return _months_before(1, on)


_GROUPS: tuple[tuple[str, Roll], ...] = (
    ("ES NQ RTY YM MES MNQ M2K MYM EMD", Roll("HMUZ", _index)),
    ("NKD", Roll("HMUZ", _nikkei)),
    ("6A 6B 6C 6E 6J 6M 6N 6S M6A M6B M6E", Roll("HMUZ", _currency)),
    ("CL MCL QM", Roll(LETTERS, _month_before(15))),
    ("NG MNG QG RB HO", Roll(LETTERS, _month_before(20))),
    ("GC MGC 1OZ", Roll("GJMQVZ", _month_before(22))),
    ("SI SIL HG MHG", Roll("HKNUZ", _month_before(22))),
    ("PL", Roll("FJNV", _month_before(22))),
    ("PA ZB UB ZN TN ZF ZT MTN MWN", Roll("HMUZ", _month_before(22))),
    ("BZ", Roll(LETTERS, _months_before(2, 20))),
    ("ZC ZW KE", Roll("HKNUZ", _month_before(22))),
    ("ZS", Roll("FHKNQUX", _month_before(22))),
    ("ZM ZL", Roll("FHKNQUVZ", _month_before(22))),
    ("MZC MZW", Roll("HKNUZ", _month_before(15))),
    ("MZS", Roll("FHKNQUX", _month_before(15))),
    ("MZM MZL", Roll("FHKNQUVZ", _month_before(15))),
    ("HE", Roll("GJKMNQVZ", _months_before(0, 1))),
    ("LE", Roll("GJMQVZ", _month_before(22))),
    ("GF", Roll("FHJKQUVX", _months_before(0, 8))),
    ("BTC ETH MBT MET", Roll(LETTERS, _crypto)),
)
ROLLS = {symbol: roll for symbols, roll in _GROUPS for symbol in symbols.split()}
