"""Contracts at costs of a test's own."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import structs

from portfold.config import Contract


def costing(
    contracts: Mapping[str, Contract], *, commission_per_side: str = "0", slippage_ticks: int = 0
) -> dict[str, Contract]:
    """The same contracts; nothing costs anything unless it is said."""
    costs = {"commission_per_side": Decimal(commission_per_side), "slippage_ticks": slippage_ticks}
    return {symbol: structs.replace(contract, **costs) for symbol, contract in contracts.items()}
