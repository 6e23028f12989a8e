"""portfolio_optimization.json: the shape its users have, every bound from both sides, misspelt limits."""

from __future__ import annotations

import json
from decimal import Decimal
from shlex import split
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.config import ConfiguredPortfolio, ExpectedPerformance, loaded_line, read_portfolio
from portfold.config.locate import PACKAGED

if TYPE_CHECKING:
    from pathlib import Path

    from tests.config.conftest import Folder

FILE = "portfolio_optimization.json"
TEN = ("6A", "6B", "6C", "6N", "6S", "CL", "ES", "PL", "RTY", "SI")
LIMITS = "portfolio_constraints"


def test_the_packaged_file_is_the_optimizers_result() -> None:
    portfolio = read_portfolio(PACKAGED / FILE)

    assert (portfolio.max_positions, portfolio.daily_stop_loss) == (4, Decimal(2500))
    assert portfolio.symbols == TEN
    assert portfolio.expected_performance == ExpectedPerformance(), "nobody's figures are expected of it"
    assert portfolio.unknown_keys == portfolio.warnings == ()


def test_notes_of_an_exporter_are_tolerated_and_told(folder: Folder) -> None:
    folder.change(FILE, "optimization_metadata", {"run": 7, "p_value": 1e-12, "tried": [1, None, True]})
    folder.change(FILE, "notes", "chosen in October")
    folder.change(FILE, "expected_performance.profit_factor", "inf")

    portfolio = folder.load().portfolio

    assert portfolio.symbols == TEN
    assert set(portfolio.unknown_keys) == {
        "optimization_metadata",
        "notes",
        "expected_performance.profit_factor",
    }
    assert portfolio.warnings == ()


@pytest.mark.parametrize(
    ("key", "meant"),
    [("max_drawdown_dolars", "; was max_drawdown_dollars meant?"), ("win_rate", ".")],
)
def test_an_expectation_that_nobody_reads_is_warned_about(folder: Folder, key: str, meant: str) -> None:
    folder.change(FILE, f"expected_performance.{key}", 0.5)

    (warning,) = folder.load().portfolio.warnings

    assert warning.endswith(f"{FILE}: expected_performance.{key} is no known key and has no effect{meant}")


def test_a_misspelt_limit_is_warned_about(folder: Folder) -> None:
    folder.change(FILE, f"{LIMITS}.max_position", 3)

    portfolio = folder.load().portfolio

    assert portfolio.max_positions == 4
    assert portfolio.unknown_keys == (f"{LIMITS}.max_position",)
    (warning,) = portfolio.warnings
    assert warning.endswith(
        f"{LIMITS}.max_position is no known key and has no effect; was max_positions meant?"
    )


def test_a_missing_limit_names_what_may_have_been_meant(folder: Folder) -> None:
    folder.remove(FILE, f"{LIMITS}.max_positions")
    folder.change(FILE, f"{LIMITS}.max_position", 3)

    assert folder.refusal() == (
        f"{FILE}: {LIMITS}.max_positions: expected a whole number of positions from 1 to 50, "
        f"got nothing: the key is missing (was {LIMITS}.max_position meant?)."
    )


@pytest.mark.parametrize(
    "key", [LIMITS, f"{LIMITS}.max_positions", f"{LIMITS}.daily_stop_loss", f"{LIMITS}.symbols"]
)
def test_every_limit_is_required(folder: Folder, key: str) -> None:
    folder.remove(FILE, key)

    assert folder.refusal().startswith(f"{FILE}: {key}: expected ")


def test_expected_performance_may_be_left_out(folder: Folder) -> None:
    folder.remove(FILE, "expected_performance")

    assert folder.load().portfolio.expected_performance is None


def test_max_positions_within_its_bounds(folder: Folder) -> None:
    for value in (1, 50):
        folder.change(FILE, f"{LIMITS}.max_positions", value)

        assert folder.load().portfolio.max_positions == value


def test_max_positions_out_of_bounds_or_no_whole_number(folder: Folder) -> None:
    table: list[tuple[object, str]] = [
        (0, "0"),
        (51, "51"),
        (-1, "-1"),
        (4.0, "4.0"),
        (True, "true"),
        (None, "null"),
        ("4", '"4"'),
        ([4], "a list"),
    ]
    for value, shown in table:
        folder.change(FILE, f"{LIMITS}.max_positions", value)

        assert folder.refusal() == (
            f"{FILE}: {LIMITS}.max_positions: expected a whole number of positions from 1 to 50, got {shown}."
        )


def test_the_stop_is_read_from_its_digits(folder: Folder, subtests: pytest.Subtests) -> None:
    for digits, dollars in (
        ("2500", "2500"),
        ("2500.00", "2500"),
        ("2.5e3", "2500"),
        ("2500.10", "2500.1"),
        ("0.01", "0.01"),
        ("999999999.99", "999999999.99"),
    ):
        with subtests.test(digits):
            folder.restore(FILE)
            folder.replace(FILE, "2500.0", digits)

            assert str(folder.load().portfolio.daily_stop_loss) == dollars


def test_a_stop_out_of_bounds_or_no_number_is_refused(folder: Folder, subtests: pytest.Subtests) -> None:
    for digits in split("0 -0.0 0.00 0.009 -2500 1000000000 1e9 2500.001 1e-400 '\"2500\"' true null []"):
        with subtests.test(digits):
            folder.restore(FILE)
            folder.replace(FILE, "2500.0", digits)

            assert folder.refusal().startswith(
                f"{FILE}: {LIMITS}.daily_stop_loss: "
                "expected a number of dollars from 0.01 to 999999999.99 with at most 2 decimals, got "
            )


@pytest.mark.parametrize("digits", ["NaN", "Infinity", "-Infinity"])
def test_a_stop_that_is_not_finite_is_refused(folder: Folder, digits: str) -> None:
    folder.replace(FILE, "2500.0", digits)

    assert folder.refusal() == f"{FILE}: expected finite numbers, got {digits}."


def test_two_values_for_one_limit_are_refused(folder: Folder) -> None:
    folder.replace(FILE, '"max_positions": 4,', '"max_positions": 4, "max_positions": 40,')

    assert folder.refusal() == f'{FILE}: expected each key once in an object, got "max_positions" twice.'


def test_symbols_must_be_a_list(folder: Folder) -> None:
    folder.change(FILE, f"{LIMITS}.symbols", "ES")

    assert (
        folder.refusal()
        == f'{FILE}: {LIMITS}.symbols: expected a list of 1 to 64 symbols, each once, got "ES".'
    )


def test_no_symbols_are_refused(folder: Folder) -> None:
    folder.change(FILE, f"{LIMITS}.symbols", [])

    assert folder.refusal().endswith("each once, got 0 of them.")


def test_a_symbol_given_twice_is_refused(folder: Folder) -> None:
    folder.change(FILE, f"{LIMITS}.symbols", ["ES", "CL", "ES"])

    assert folder.refusal().endswith('each once, got "ES" twice.')


def test_what_is_no_symbol_is_refused_by_its_place(folder: Folder, subtests: pytest.Subtests) -> None:
    expected = f"{FILE}: {LIMITS}.symbols[1]: expected a symbol of 1 to 12 capitals"
    for symbol in ("", "es", "ES ", "ES\n", "É", "A" * 13, 6, None):
        with subtests.test(repr(symbol)):
            folder.change(FILE, f"{LIMITS}.symbols", ["ES", symbol])

            assert folder.refusal().startswith(expected)


def write(path: Path, symbols: list[str]) -> Path:
    limits = {"max_positions": 1, "daily_stop_loss": 1, "symbols": symbols}
    path.write_text(json.dumps({LIMITS: limits}))
    return path


def test_sixty_four_symbols_are_the_most(tmp_path: Path) -> None:
    symbols = [f"S{i}" for i in range(65)]

    assert len(read_portfolio(write(tmp_path / FILE, symbols[:64])).symbols) == 64
    with pytest.raises(Exception, match=r"got 65 of them\.$"):
        read_portfolio(write(tmp_path / FILE, symbols))


def test_a_symbol_of_twelve_characters_is_the_longest(tmp_path: Path) -> None:
    assert read_portfolio(write(tmp_path / FILE, ["A" * 12])).symbols == ("A" * 12,)


def test_a_symbol_without_a_contract_is_refused(folder: Folder) -> None:
    folder.change(FILE, f"{LIMITS}.symbols", ["ES", "ZZ"])

    assert folder.refusal() == (
        f'{FILE}: {LIMITS}.symbols[1]: expected a symbol that contracts.json describes, got "ZZ".'
    )


def test_an_expected_performance_that_is_no_number_is_refused(folder: Folder) -> None:
    folder.change(FILE, "expected_performance.breach_events", "none")

    assert folder.refusal().startswith(f"{FILE}: expected_performance.breach_events: expected a whole number")


def test_an_expected_performance_may_be_null(folder: Folder) -> None:
    folder.change(FILE, "expected_performance.cagr", None)

    performance = folder.load().portfolio.expected_performance

    assert performance is not None
    assert performance.cagr is None


def test_the_line_at_startup() -> None:
    assert loaded_line(read_portfolio(PACKAGED / FILE)) == (
        "Portfolio optimization config loaded: max_positions=4, daily_stop_loss=$2500, "
        "optimized_symbols=6A, 6B, 6C, 6N, 6S, CL, ES, PL, RTY, SI"
    )


@pytest.mark.parametrize(
    ("stop", "shown"),
    [("2500", "$2500"), ("2500.5", "$2500.50"), ("0.01", "$0.01"), ("999999999", "$999999999")],
)
def test_the_line_shows_cents_only_where_there_are_some(stop: str, shown: str) -> None:
    line = loaded_line(ConfiguredPortfolio(max_positions=1, daily_stop_loss=Decimal(stop), symbols=("ES",)))

    assert f"daily_stop_loss={shown}, optimized_symbols=ES" in line


@given(
    positions=st.integers(1, 50),
    cents=st.integers(1, 99_999_999_999),
    symbols=st.lists(st.from_regex(r"[A-Z0-9]{1,12}", fullmatch=True), min_size=1, max_size=64, unique=True),
)
def test_every_portfolio_within_the_bounds_is_read_as_written(
    tmp_path_factory: pytest.TempPathFactory, positions: int, cents: int, symbols: list[str]
) -> None:
    path = tmp_path_factory.mktemp("law") / FILE
    path.write_text(
        f'{{"{LIMITS}": {{"max_positions": {positions}, '
        f'"daily_stop_loss": {cents // 100}.{cents % 100:02}, "symbols": {json.dumps(symbols)}}}}}'
    )

    portfolio = read_portfolio(path)

    assert portfolio.max_positions == positions
    assert portfolio.daily_stop_loss * 100 == cents
    assert portfolio.symbols == tuple(symbols)
