"""What a fill costs: the rules for it, and what it costs where no file says anything.

runtime.json says it for all contracts, contracts.json may say it for one.
"""

from decimal import Decimal
from typing import Annotated

from msgspec import structs

from portfold.config.rules import Exact, Whole

_DOLLARS = Exact(Decimal(0), Decimal(1_000), 4, "dollars")
Commission = Annotated[Decimal, _DOLLARS]
"""Dollars a contract, for an entry and again for an exit."""

CommissionOrText = Annotated[Decimal, structs.replace(_DOLLARS, as_text=True)]
"""The same where decimals may be written as text."""

Slippage = Annotated[int, Whole(0, 1_000, "ticks")]
"""By how many ticks a fill is worse than its price."""

COMMISSION_PER_SIDE = Decimal("2.5")
SLIPPAGE_TICKS = 1
