"""The rules of money that a portfolio may have: keys of `portfolio_constraints`, all of them optional.

Each key is called as the limit on the log, in its words and units; one that is absent is no such rule. What
each means, and what it does not do, is in docs/limits.md.
"""

from decimal import Decimal
from typing import Annotated

from msgspec import Struct

from portfold.bounds import CLOCK_TIME, MOST_DAYS, MOST_PERCENT, MOST_TIERS, TIER
from portfold.config.errors import UnfitError
from portfold.config.rules import Exact, Text, Whole, YesOrNo, Zone
from portfold.dollars import ZERO
from portfold.whole_rules import half_of_a_rule

_DOLLARS = Exact(ZERO, Decimal("999999999.99"), 2, "dollars")
_DAYS = Whole(0, MOST_DAYS, "trading days")
_TIERS = Text(
    rf"(?:{TIER}(?: {TIER}){{0,{MOST_TIERS - 1}}})?",
    f"up to {MOST_TIERS} tiers such as 50%=tell 1500=above:2 80%=deny 95%=flatten",
)


class ConfiguredRules(Struct, frozen=True, kw_only=True):
    """The rules of money, each at what it is where it is absent."""

    start_balance: Annotated[Decimal, _DOLLARS] = ZERO
    start_peak: Annotated[Decimal, _DOLLARS] = ZERO
    equity_floor: Annotated[Decimal, _DOLLARS] = ZERO
    trailing_drawdown: Annotated[Decimal, _DOLLARS] = ZERO
    trailing_on_realized: Annotated[bool, YesOrNo()] = False
    trailing_at: Annotated[str, Text(rf"(?:{CLOCK_TIME})?", "a time of day such as 16:00")] = ""
    trailing_zone: Annotated[str, Zone()] = ""
    trailing_locks_at: Annotated[Decimal, _DOLLARS] = ZERO
    profit_target: Annotated[Decimal, _DOLLARS] = ZERO
    profit_lock_at: Annotated[Decimal, _DOLLARS] = ZERO
    profit_lock_floor: Annotated[Decimal, _DOLLARS] = ZERO
    profit_lock_trail: Annotated[Decimal, _DOLLARS] = ZERO
    profit_denies_only: Annotated[bool, YesOrNo()] = False
    profit_from_now: Annotated[bool, YesOrNo()] = False
    consistency_percent: Annotated[int, Whole(0, MOST_PERCENT, "percent")] = 0
    consistency_total: Annotated[Decimal, _DOLLARS] = ZERO
    weekly_loss: Annotated[Decimal, _DOLLARS] = ZERO
    weekly_profit: Annotated[Decimal, _DOLLARS] = ZERO
    rolling_loss: Annotated[Decimal, _DOLLARS] = ZERO
    rolling_days: Annotated[int, _DAYS] = 0
    rolling_pause_days: Annotated[int, _DAYS] = 0
    loss_tiers: Annotated[str, _TIERS] = ""
    max_forced_resumes: Annotated[int, Whole(0, 999, "resumes")] | None = None

    def __post_init__(self) -> None:
        missing = half_of_a_rule(self)
        if missing is not None:
            raise UnfitError(missing.expected, str(getattr(self, missing.field)), field=missing.field)
