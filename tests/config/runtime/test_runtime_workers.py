"""runtime.json: commissions, and the entries by worker and by symbol."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.config import IbsParameters, milliseconds
from tests.config.conftest import RUNTIME as FILE

if TYPE_CHECKING:
    from tests.config.conftest import Folder


def test_commission_is_exact(folder: Folder) -> None:
    folder.replace(FILE, "2.50", "1.1850")

    assert folder.load().runtime.commission_per_side == Decimal("1.185")


@pytest.mark.parametrize("digits", ["1.18505", "1e-5"])
def test_commission_has_at_most_four_decimals(folder: Folder, digits: str) -> None:
    folder.replace(FILE, "2.50", digits)

    assert folder.refusal().startswith(
        f"{FILE}: commission_per_side: expected a number of dollars from 0 to 1000"
    )


def test_a_workers_entry_takes_the_rest_from_the_files_default(folder: Folder) -> None:
    folder.change(
        FILE, "workers", {"default": {"entry_below": 0.1, "size": 2}, "ES": {"size": 1, "sides": "both"}}
    )

    runtime = folder.load().runtime

    assert runtime.worker("ES") == IbsParameters(entry_below=0.1, size=1, sides="both")
    assert runtime.worker("CL") == IbsParameters(entry_below=0.1, size=2)


def test_without_entries_workers_and_zones_are_the_packaged_ones(folder: Folder) -> None:
    folder.change(FILE, "workers", {})
    folder.change(FILE, "bar_zones", {})

    runtime = folder.load().runtime

    assert runtime.worker("ES") == IbsParameters()
    assert runtime.bar_zone("ES") == "UTC"


def test_bar_zones_are_by_symbol_or_default(folder: Folder) -> None:
    folder.change(FILE, "bar_zones", {"default": "America/Chicago", "ES": "America/New_York"})

    runtime = folder.load().runtime

    assert (runtime.bar_zone("ES"), runtime.bar_zone("CL")) == ("America/New_York", "America/Chicago")


@pytest.mark.parametrize(("section", "value"), [("workers", {}), ("bar_zones", "UTC")])
def test_entries_for_symbols_that_have_no_contract_are_refused(
    folder: Folder, section: str, value: object
) -> None:
    folder.change(FILE, f"{section}.ESS", value)

    assert folder.refusal() == (
        f'{FILE}: {section}.ESS: expected a symbol that contracts.json describes, got "ESS".'
    )


@pytest.mark.parametrize("section", ["workers", "bar_zones", "trading_day", "broker"])
@pytest.mark.parametrize("value", [None, [], "UTC", 3])
def test_sections_are_objects(folder: Folder, section: str, value: object) -> None:
    folder.change(FILE, section, value)

    assert folder.refusal().startswith(f"{FILE}: {section}: expected an object, got ")


@pytest.mark.parametrize("entries", [{"default": 3}, {"ES": []}, {"default": None, "ES": {}}])
def test_workers_entries_are_objects(folder: Folder, entries: object) -> None:
    folder.change(FILE, "workers", entries)

    assert "expected an object, got " in folder.refusal()


@given(st.integers(10, 86_400_000))
def test_milliseconds_are_exact(expected: int) -> None:
    assert milliseconds(float(Decimal(expected) / 1000)) == expected
