"""contracts.json: every figure against the exchange's contract sizes, and what makes a contract unfit."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.config import Contract, read_contracts
from portfold.config.locate import PACKAGED

if TYPE_CHECKING:
    from tests.config.conftest import Folder

FILE = "contracts.json"
CURRENCIES, INDICES, ENERGY, METALS = "currencies", "equity indices", "energy", "metals"
RATES, GRAINS, LIVESTOCK, CRYPTO = "interest rates", "grains", "livestock", "crypto"

# Symbol, exchange, group, smallest move, dollars a point. The last is the size of the contract (62,500
# pounds, 1,000 barrels, 5,000 ounces; a hundredth of it where the quote is in cents or in percent of the face
# value) or the index multiplier, which the file itself does not state.
SPECIFICATIONS = [
    ("6A", "CME", CURRENCIES, "0.00005", "100000"),
    ("6B", "CME", CURRENCIES, "0.0001", "62500"),
    ("6C", "CME", CURRENCIES, "0.00005", "100000"),
    ("6E", "CME", CURRENCIES, "0.00005", "125000"),
    ("6J", "CME", CURRENCIES, "0.0000005", "12500000"),
    ("6M", "CME", CURRENCIES, "0.00001", "500000"),
    ("6N", "CME", CURRENCIES, "0.00005", "100000"),
    ("6S", "CME", CURRENCIES, "0.00005", "125000"),
    ("M6A", "CME", CURRENCIES, "0.0001", "10000"),
    ("M6B", "CME", CURRENCIES, "0.0001", "6250"),
    ("M6E", "CME", CURRENCIES, "0.0001", "12500"),
    ("ES", "CME", INDICES, "0.25", "50"),
    ("NQ", "CME", INDICES, "0.25", "20"),
    ("RTY", "CME", INDICES, "0.1", "50"),
    ("YM", "CBOT", INDICES, "1", "5"),
    ("MES", "CME", INDICES, "0.25", "5"),
    ("MNQ", "CME", INDICES, "0.25", "2"),
    ("M2K", "CME", INDICES, "0.1", "5"),
    ("MYM", "CBOT", INDICES, "1", "0.5"),
    ("NKD", "CME", INDICES, "5", "5"),
    ("EMD", "CME", INDICES, "0.1", "100"),
    ("CL", "NYMEX", ENERGY, "0.01", "1000"),
    ("NG", "NYMEX", ENERGY, "0.001", "10000"),
    ("MCL", "NYMEX", ENERGY, "0.01", "100"),
    ("MNG", "NYMEX", ENERGY, "0.001", "1000"),
    ("RB", "NYMEX", ENERGY, "0.0001", "42000"),
    ("HO", "NYMEX", ENERGY, "0.0001", "42000"),
    ("BZ", "NYMEX", ENERGY, "0.01", "1000"),
    ("QM", "NYMEX", ENERGY, "0.025", "500"),
    ("QG", "NYMEX", ENERGY, "0.005", "2500"),
    ("GC", "COMEX", METALS, "0.1", "100"),
    ("SI", "COMEX", METALS, "0.005", "5000"),
    ("HG", "COMEX", METALS, "0.0005", "25000"),
    ("PL", "NYMEX", METALS, "0.1", "50"),
    ("MGC", "COMEX", METALS, "0.1", "10"),
    ("1OZ", "COMEX", METALS, "0.25", "1"),
    ("SIL", "COMEX", METALS, "0.005", "1000"),
    ("MHG", "COMEX", METALS, "0.0005", "2500"),
    ("PA", "NYMEX", METALS, "0.5", "100"),
    ("ZB", "CBOT", RATES, "0.03125", "1000"),
    ("UB", "CBOT", RATES, "0.03125", "1000"),
    ("MWN", "CBOT", RATES, "0.03125", "100"),
    ("ZN", "CBOT", RATES, "0.015625", "1000"),
    ("TN", "CBOT", RATES, "0.015625", "1000"),
    ("MTN", "CBOT", RATES, "0.015625", "100"),
    ("ZF", "CBOT", RATES, "0.0078125", "1000"),
    ("ZT", "CBOT", RATES, "0.00390625", "2000"),
    ("ZQ", "CBOT", RATES, "0.0025", "4167"),
    ("SR3", "CME", RATES, "0.0025", "2500"),
    ("ZC", "CBOT", GRAINS, "0.25", "50"),
    ("ZS", "CBOT", GRAINS, "0.25", "50"),
    ("ZW", "CBOT", GRAINS, "0.25", "50"),
    ("KE", "CBOT", GRAINS, "0.25", "50"),
    ("ZM", "CBOT", GRAINS, "0.1", "100"),
    ("ZL", "CBOT", GRAINS, "0.01", "600"),
    ("MZC", "CBOT", GRAINS, "0.5", "5"),
    ("MZS", "CBOT", GRAINS, "0.5", "5"),
    ("MZW", "CBOT", GRAINS, "0.5", "5"),
    ("MZM", "CBOT", GRAINS, "0.2", "10"),
    ("MZL", "CBOT", GRAINS, "0.02", "60"),
    ("LE", "CME", LIVESTOCK, "0.025", "400"),
    ("GF", "CME", LIVESTOCK, "0.025", "500"),
    ("HE", "CME", LIVESTOCK, "0.025", "400"),
    ("BTC", "CME", CRYPTO, "5", "5"),
    ("ETH", "CME", CRYPTO, "0.5", "50"),
    ("MBT", "CME", CRYPTO, "5", "0.1"),
    ("MET", "CME", CRYPTO, "0.5", "0.1"),
]
# Symbol, the contract it is a part of, how many of it make one.
MICROS = [
    ("M6A", "6A", 10),
    ("M6B", "6B", 10),
    ("M6E", "6E", 10),
    ("MES", "ES", 10),
    ("MNQ", "NQ", 10),
    ("M2K", "RTY", 10),
    ("MYM", "YM", 10),
    ("MCL", "CL", 10),
    ("MNG", "NG", 10),
    ("MGC", "GC", 10),
    ("1OZ", "GC", 100),
    ("SIL", "SI", 5),
    ("MHG", "HG", 10),
    ("QM", "CL", 2),
    ("QG", "NG", 4),
    ("MTN", "TN", 10),
    ("MWN", "UB", 10),
    ("MZC", "ZC", 10),
    ("MZS", "ZS", 10),
    ("MZW", "ZW", 10),
    ("MZM", "ZM", 10),
    ("MZL", "ZL", 10),
    ("MBT", "BTC", 50),
    ("MET", "ETH", 500),
]
PEOPLE_TRADE = (
    "MBT MET MES MNQ MYM M2K MGC MCL SIL 6A 6B 6C 6E 6J 6N 6S ZN ZB ZF ZT ZC ZS ZW ZM ZL HE LE NG RB HO HG "
    "PL PA BTC ETH ES NQ YM RTY CL GC SI"
)


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return dict(read_contracts(PACKAGED / FILE))


def test_the_exchanges_specification(contracts: dict[str, Contract], subtests: pytest.Subtests) -> None:
    for symbol, exchange, group, tick, point in SPECIFICATIONS:
        with subtests.test(symbol):
            contract = contracts[symbol]
            assert (contract.symbol, contract.exchange, contract.group) == (symbol, exchange, group)
            assert (str(contract.point_value), contract.currency) == (point, "USD")
            assert contract.tick_size == Decimal(tick)
            assert contract.tick_value == contract.tick_size * contract.point_value


def test_every_contract_has_been_checked(contracts: dict[str, Contract]) -> None:
    assert list(contracts) == [symbol for symbol, *_ in SPECIFICATIONS]


def test_the_futures_that_people_trade_are_there(contracts: dict[str, Contract]) -> None:
    assert set(PEOPLE_TRADE.split()) <= set(contracts)


def test_a_micro_is_a_whole_part_of_its_contract(
    contracts: dict[str, Contract], subtests: pytest.Subtests
) -> None:
    for micro, of, parts in MICROS:
        with subtests.test(micro):
            assert contracts[micro].point_value * parts == contracts[of].point_value
            assert contracts[micro].group == contracts[of].group


def test_decimals_may_be_numbers_or_strings(folder: Folder) -> None:
    folder.change(FILE, "ES.tick_size", 0.25)
    folder.change(FILE, "ES.tick_value", 12.5)

    assert folder.load().contracts["ES"] == read_contracts(PACKAGED / FILE)["ES"]


def test_costs_are_those_of_runtime_json_where_a_contract_names_none(folder: Folder) -> None:
    folder.change("runtime.json", "commission_per_side", 1.25)
    folder.change("runtime.json", "slippage_ticks", 2)
    folder.change(FILE, "ES.commission_per_side", "0.62")
    folder.change(FILE, "CL.slippage_ticks", 0)
    contracts = folder.load().contracts
    costs = {
        name: (contracts[name].commission_per_side, contracts[name].slippage_ticks) for name in contracts
    }
    assert costs["ES"] == (Decimal("0.62"), 2)
    assert costs["CL"] == (Decimal("1.25"), 0)
    assert costs["GC"] == (Decimal("1.25"), 2)


def test_a_contracts_own_costs_are_no_edit_of_the_limits(folder: Folder) -> None:
    before = folder.load().digest()
    folder.change(FILE, "ES.commission_per_side", 0.62)
    assert folder.load().digest() == before
    folder.change(FILE, "ES.tick_value", 25)
    assert folder.load().digest() != before


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("commission_per_side", -0.01, "a number of dollars from 0 to 1000"),
        ("slippage_ticks", 1.5, "a whole number of ticks from 0 to 1000"),
    ],
)
def test_costs_that_are_none_are_refused(folder: Folder, key: str, value: object, expected: str) -> None:
    folder.change(FILE, f"ES.{key}", value)
    assert folder.refusal().startswith(f"{FILE}: ES.{key}: expected {expected}")


@pytest.mark.parametrize("key", ["tick_size", "tick_value"])
@pytest.mark.parametrize(
    "value", [0, "0", "-0.25", "1e-3", " 0.25", "0,25", "٣", "", None, True, "0.00000000001", 1e7]
)
def test_an_unfit_tick_is_refused_by_symbol_and_field(folder: Folder, key: str, value: object) -> None:
    folder.change(FILE, f"ES.{key}", value)

    assert folder.refusal().startswith(f"{FILE}: ES.{key}: expected a number")


@pytest.mark.parametrize(
    ("key", "value"),
    [("name", ""), ("name", "S&P\n500"), ("exchange", "cme"), ("group", "Energy"), ("group", "")],
)
def test_other_unfit_values_are_refused_by_symbol_and_field(folder: Folder, key: str, value: str) -> None:
    folder.change(FILE, f"ES.{key}", value)

    assert folder.refusal().startswith(f"{FILE}: ES.{key}: expected ")


def test_a_contract_quoted_in_another_currency_is_refused(folder: Folder) -> None:
    folder.change(FILE, "ES.currency", "JPY")

    assert folder.refusal() == f'{FILE}: ES.currency: expected "USD", got "JPY".'


def test_a_point_value_that_is_not_exact_is_refused(folder: Folder) -> None:
    folder.change(FILE, "ES.tick_size", "0.3")

    assert folder.refusal() == (
        f"{FILE}: ES.tick_value: expected tick_value / tick_size to be an exact dollar value "
        "of at most 9 digits and 4 decimals, got 12.5 / 0.3."
    )


def test_nine_digits_are_the_largest_point_value(folder: Folder) -> None:
    folder.change(FILE, "ES.tick_size", "0.001")
    folder.change(FILE, "ES.tick_value", "999999.999")
    assert folder.load().contracts["ES"].point_value == 999_999_999

    folder.change(FILE, "ES.tick_value", "1000000")
    assert "at most 9 digits" in folder.refusal()


def test_an_unknown_key_is_refused_with_the_nearest(folder: Folder) -> None:
    folder.change(FILE, "ES.tick_sise", "0.25")

    assert folder.refusal() == (
        f"{FILE}: ES.tick_sise: expected a known key (the nearest is tick_size), got an unknown key."
    )


def test_a_missing_key_is_refused(folder: Folder) -> None:
    folder.remove(FILE, "ES.tick_size")

    assert folder.refusal().startswith(f"{FILE}: ES.tick_size: expected a number")


def test_the_symbol_stands_above_the_contract_only(folder: Folder) -> None:
    folder.change(FILE, "ES.symbol", "NQ")

    assert folder.refusal().startswith(f"{FILE}: ES.symbol: expected no such key")


@pytest.mark.parametrize("symbol", ["es", "E S", "", "E" * 13])
def test_a_contract_under_what_is_no_symbol_is_refused(folder: Folder, symbol: str) -> None:
    folder.change(FILE, symbol, {})

    assert "symbol: expected a symbol of 1 to 12 capitals" in folder.refusal()


@pytest.mark.parametrize(("text", "said"), [("[]", "got a list."), ("{}", "got 0 of them."), ("3", "got 3.")])
def test_a_file_without_contracts_is_refused(folder: Folder, text: str, said: str) -> None:
    folder.write(FILE, text)

    assert folder.refusal().endswith(said)


def test_a_contract_that_is_no_object_is_refused(folder: Folder) -> None:
    folder.change(FILE, "ES", 50)

    assert folder.refusal() == f"{FILE}: ES: expected an object, got 50."


def test_a_users_own_contracts_replace_the_packaged(folder: Folder) -> None:
    oats = {
        "name": "Oats",
        "exchange": "CBOT",
        "group": "grains",
        "currency": "USD",
        "tick_size": "0.25",
        "tick_value": "12.50",
    }
    folder.change(FILE, "ZO", oats)

    assert folder.load().contracts["ZO"].point_value == 50


@given(
    point=st.integers(1, 9_999_999_990_000).map(lambda share: Decimal(share) / 10_000),
    tick=st.sampled_from(["1", "0.25", "0.1", "0.005", "0.00005", "0.0000005", "0.03125"]).map(Decimal),
)
def test_the_point_value_is_exact_and_written_out(point: Decimal, tick: Decimal) -> None:
    contract = Contract("X", "any", "CME", "metals", "USD", tick_size=tick, tick_value=point * tick)

    assert contract.point_value == point
    assert "E" not in str(contract.point_value)
