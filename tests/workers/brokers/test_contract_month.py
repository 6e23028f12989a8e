"""Which contract is traded on which day: the exchange's own dates, and the days around each roll."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.config.contracts import read_contracts
from portfold.config.locate import CONTRACTS_FILE, PACKAGED
from portfold.workers.brokers.contract_month import LETTERS, ROLLS, contract_name
from portfold.workers.brokers.contract_names import is_price_of
from portfold.workers.brokers.protocol import BrokerPosition

CONTRACTS = read_contracts(PACKAGED / CONTRACTS_FILE)
DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("symbol", "last_day", "before", "after"),
    [
        ("CL", date(2025, 11, 14), "CLZ2025", "CLF2026"),
        ("NG", date(2025, 11, 19), "NGZ2025", "NGF2026"),
        ("ES", date(2025, 12, 14), "ESZ2025", "ESH2026"),  # a Sunday; it rolls with Monday the 15th
        ("RTY", date(2026, 3, 15), "RTYH2026", "RTYM2026"),
        ("6A", date(2025, 12, 7), "6AZ2025", "6AH2026"),
        ("GC", date(2025, 11, 21), "GCZ2025", "GCG2026"),
        ("SI", date(2025, 11, 21), "SIZ2025", "SIH2026"),
        ("PL", date(2025, 12, 21), "PLF2026", "PLJ2026"),
        ("NKD", date(2025, 12, 7), "NKDZ2025", "NKDH2026"),
        ("BZ", date(2025, 12, 19), "BZG2026", "BZH2026"),
        ("HO", date(2025, 12, 19), "HOF2026", "HOG2026"),
        ("ZN", date(2026, 2, 21), "ZNH2026", "ZNM2026"),
        ("ZS", date(2025, 10, 21), "ZSX2025", "ZSF2026"),
        ("ZC", date(2025, 11, 21), "ZCZ2025", "ZCH2026"),
        ("MZL", date(2025, 12, 14), "MZLF2026", "MZLH2026"),
        ("HE", date(2025, 11, 30), "HEZ2025", "HEG2026"),
        ("LE", date(2025, 11, 21), "LEZ2025", "LEG2026"),
        ("GF", date(2025, 11, 7), "GFX2025", "GFF2026"),
        ("MBT", date(2025, 12, 21), "MBTZ2025", "MBTF2026"),
    ],
)
def test_the_next_contract_is_traded_from_the_roll_on(
    symbol: str, last_day: date, before: str, after: str
) -> None:
    assert contract_name(symbol, last_day) == before
    assert contract_name(symbol, last_day + timedelta(days=1)) == after


@pytest.mark.parametrize(
    ("symbol", "month", "ends"),
    [  # last trading or first notice days, from the exchange's calendar
        ("CL", "Z2025", date(2025, 11, 20)),
        ("CL", "K2020", date(2020, 4, 21)),
        ("NG", "H2026", date(2026, 2, 25)),
        ("ES", "H2026", date(2026, 3, 20)),
        ("6B", "Z2025", date(2025, 12, 15)),
        ("GC", "J2026", date(2026, 3, 31)),
        ("HG", "N2025", date(2025, 6, 30)),
        ("PL", "V2025", date(2025, 9, 30)),
        ("PA", "Z2025", date(2025, 11, 28)),
        ("NKD", "H2026", date(2026, 3, 12)),
        ("QM", "Z2025", date(2025, 11, 19)),
        ("BZ", "G2026", date(2025, 12, 31)),
        ("ZB", "H2026", date(2026, 2, 26)),
        ("ZT", "Z2025", date(2025, 11, 26)),
        ("MTN", "M2024", date(2024, 5, 30)),
        ("1OZ", "G2026", date(2026, 1, 28)),
        ("ZS", "X2025", date(2025, 10, 31)),
        ("MZC", "K2025", date(2025, 4, 25)),
        ("MZC", "H2026", date(2026, 2, 20)),
        ("HE", "M2025", date(2025, 6, 13)),
        ("LE", "Z2025", date(2025, 12, 1)),
        ("GF", "X2025", date(2025, 11, 20)),
        ("BTC", "F2026", date(2026, 1, 30)),
    ],
)
def test_a_contract_is_left_before_it_ends(symbol: str, month: str, ends: date) -> None:
    assert contract_name(symbol, ends) != f"{symbol}{month}"
    assert contract_name(symbol, ends - timedelta(days=14)) == f"{symbol}{month}"


def test_every_contract_of_the_packaged_configuration_has_a_rule_but_the_two_that_are_chosen() -> None:
    assert set(CONTRACTS) == set(ROLLS) | {"ZQ", "SR3"}


@given(symbol=st.sampled_from(sorted(ROLLS)), day=DAYS)
def test_names_only_ever_move_forward_and_to_months_that_are_traded(symbol: str, day: date) -> None:
    def place(name: str) -> tuple[int, int]:
        letter, year = name[len(symbol)], int(name[len(symbol) + 1 :])
        assert letter in ROLLS[symbol].months
        return year, LETTERS.index(letter)

    today, tomorrow = contract_name(symbol, day), contract_name(symbol, day + timedelta(days=1))
    assert place(today) <= place(tomorrow)
    assert place(today) >= (day.year, day.month - 1)


@pytest.mark.parametrize(
    ("held", "priced", "is_one"),
    [
        ("ESZ2026", "ESZ6", True),
        ("ESZ2026", "ESZ26", True),
        ("ESZ2026", "ESZ2026", True),
        ("ESZ6", "ESZ26", True),
        ("ESZ2026", "ESZ5", False),
        ("ESZ2026", "ESH7", False),
        ("ESZ2026", "ESH6", False),
        ("MESZ2026", "ESZ6", True),
        ("", "ESZ6", True),
        ("ESZ2026", "", True),
        ("ESZ2026", "ES-SPREAD", True),
    ],
)
def test_a_price_is_of_what_is_held_in_its_month_alone(held: str, priced: str, *, is_one: bool) -> None:
    position = BrokerPosition("ibs-ES", "ES", "long", 1, Decimal(5000), Decimal(0), held)
    assert is_price_of(position, priced) is is_one


def test_any_price_is_one_where_nothing_is_held() -> None:
    assert is_price_of(None, "ESZ6")
