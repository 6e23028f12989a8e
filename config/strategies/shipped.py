"""The parameters of the strategies that ship beside internal bar strength, and which there are, by name.

Each is a struct whose fields carry their rules, as everything in runtime.json; what a parameter does is told
where the strategy is (`workers.strategies`).
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Struct

from portfold.bounds import MOST_CONTRACTS
from portfold.config.errors import UnfitError
from portfold.config.rules import RANGES, TIME_OF_DAY, Exact, Searched, Whole
from portfold.config.strategies.ibs import IbsRules

Sides = Literal["long", "short", "both"]
_SIZE = Whole(1, MOST_CONTRACTS, "contracts")
_BARS = Whole(1, 1_000, "bars")
_HELD = Whole(1, 10_000, "bars")
_REST = Whole(0, 10_000, "bars")
_DAY_MINUTES = 24 * 60
_QUARTER = Decimal("0.25")
_DEVIATIONS = Exact(Decimal("0.1"), Decimal(10), 2, "standard deviations")


class AtrDipParameters(Struct, frozen=True):
    """Buys a dip in a rising market; `workers.strategies.atr_dip` says how each is used.

    `trend_bars`, `high_bars`, `exit_bars`, `atr_bars`: over how many closes, or true ranges. `dip_atr`: how
    deep the dip is, in average true ranges. `max_bars`: out after so many bars, None for never.
    `cooldown_bars`: how many bars after a position is gone bring no new one. `size`: contracts.
    """

    dip_atr: Annotated[Decimal, RANGES, Searched(1, 4, _QUARTER)] = Decimal(2)
    atr_bars: Annotated[int, _BARS] = 14
    high_bars: Annotated[int, _BARS, Searched(5, 30, 5)] = 10
    trend_bars: Annotated[int, _BARS] = 200
    exit_bars: Annotated[int, _BARS, Searched(3, 10)] = 5
    max_bars: Annotated[int, _HELD] | None = 10
    cooldown_bars: Annotated[int, _REST] = 0
    size: Annotated[int, _SIZE] = 1


class BollingerParameters(Struct, frozen=True):
    """Fades a close outside of its bands; `workers.strategies.bollinger` says how each is used.

    `bars`: over how many closes mean and deviation are; `deviations`: how far off a band is. `max_bars`: out
    after so many bars, None for never. `cooldown_bars`: how many bars after a position is gone bring no new
    one. `size`: contracts.
    """

    bars: Annotated[int, Whole(2, 1_000, "bars"), Searched(10, 60, 5)] = 20
    deviations: Annotated[Decimal, _DEVIATIONS, Searched(1, 3, _QUARTER)] = Decimal(2)
    sides: Sides = "both"
    max_bars: Annotated[int, _HELD] | None = 20
    cooldown_bars: Annotated[int, _REST] = 0
    size: Annotated[int, _SIZE] = 1


class OpeningRangeParameters(Struct, frozen=True):
    """Follows the first close beyond the day's opening range; `workers.strategies.opening_range` says how.

    Times are HH:MM on the clocks of `trading_day.zone`. `opens_at`: when the range begins, `range_minutes`
    how long it is; `exit_at`: out at the first bar that ends then or later. `size`: contracts.
    """

    opens_at: Annotated[str, TIME_OF_DAY] = "08:30"
    range_minutes: Annotated[int, Whole(1, 720, "minutes"), Searched(15, 120, 15)] = 30
    exit_at: Annotated[str, TIME_OF_DAY] = "15:00"
    sides: Sides = "both"
    size: Annotated[int, _SIZE] = 1

    def __post_init__(self) -> None:
        opens, leaves = (int(at[:2]) * 60 + int(at[3:]) for at in (self.opens_at, self.exit_at))
        if (leaves - opens) % _DAY_MINUTES <= self.range_minutes:
            expected = f"more than range_minutes, which is {self.range_minutes}, after opens_at"
            raise UnfitError(expected, self.exit_at, field="exit_at")


SHIPPED: Mapping[str, type[Struct]] = {
    "ibs": IbsRules,
    "atr_dip": AtrDipParameters,
    "bollinger": BollingerParameters,
    "opening_range": OpeningRangeParameters,
}
