"""The parameters of internal bar strength (`workers.strategies.ibs` trades by them).

A worker's entry that names no strategy is traded by it, and has its keys beside those of the filter.
"""

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Struct

from portfold.bounds import CLOCK_TIME, MOST_CONTRACTS
from portfold.config.errors import UnfitError
from portfold.config.rules import RANGES, TIME_OF_DAY, Approximate, Exact, Searched, Text, Whole

FRACTION = Approximate(Decimal(0), Decimal(1))
MODEL_FILE = Text(r"[A-Za-z0-9_./-]{1,200}\.onnx", "the file of a model, such as models/ES.onnx")
_PERCENT = Exact(Decimal("0.01"), Decimal(100), 4, "percent")
_TWENTIETH = Decimal("0.05")
_LOW = Searched(_TWENTIETH, Decimal("0.45"), _TWENTIETH)
_HIGH = Searched(Decimal("0.55"), Decimal("0.95"), _TWENTIETH)
_HOURS = Text(
    rf"{CLOCK_TIME}-{CLOCK_TIME}",
    "two times of day as HH:MM-HH:MM, such as 08:30-15:00",
)


class IbsRules(Struct, frozen=True):
    """How one symbol's worker trades internal bar strength, (close - low) / (high - low), from 0 to 1.

    Long: in from `entry_from` to below `entry_below`, out above `exit_above` up to `exit_to`; short: the
    mirror image. `size`: contracts.

    `stop_percent` or `stop_atr`: a stop that far from the entry price, in percent of it or in average true
    ranges; `take_profit_percent` or `take_profit_atr`: out at that much profit. None for none; ranges are
    over `atr_bars`. `max_bars`: out after so many bars, None for never.

    Times are HH:MM on the clocks of `trading_day.zone`. `exit_at`: out at the first bar that ends then or
    later in its trading day, None to hold over night. `entry_hours`: in only from the one to before the
    other, None for always. `cooldown_bars`: how many bars after a position is gone bring no new one.
    """

    entry_below: Annotated[float, FRACTION, _LOW] = 0.2
    exit_above: Annotated[float, FRACTION, _HIGH] = 0.8
    entry_from: Annotated[float, FRACTION] = 0.0
    exit_to: Annotated[float, FRACTION] = 1.0
    sides: Literal["long", "short", "both"] = "long"
    stop_percent: Annotated[Decimal, _PERCENT] | None = None
    stop_atr: Annotated[Decimal, RANGES] | None = None
    take_profit_percent: Annotated[Decimal, _PERCENT] | None = None
    take_profit_atr: Annotated[Decimal, RANGES] | None = None
    atr_bars: Annotated[int, Whole(1, 1_000, "bars")] = 14
    max_bars: Annotated[int, Whole(1, 10_000, "bars"), Searched(2, 20)] | None = 8
    exit_at: Annotated[str, TIME_OF_DAY] | None = None
    entry_hours: Annotated[str, _HOURS] | None = None
    cooldown_bars: Annotated[int, Whole(0, 10_000, "bars")] = 0
    size: Annotated[int, Whole(1, MOST_CONTRACTS, "contracts")] = 1

    def __post_init__(self) -> None:
        if not self.entry_below < self.exit_above:
            expected = f"less than exit_above, which is {self.exit_above:g}"
            raise UnfitError(expected, f"{self.entry_below:g}", field="entry_below")
        for lower, upper in (("entry_from", "entry_below"), ("exit_above", "exit_to")):
            low, high = getattr(self, lower), getattr(self, upper)
            if low > high:
                raise UnfitError(f"at most {upper}, which is {high:g}", f"{low:g}", field=lower)
        for one, other in (("stop_percent", "stop_atr"), ("take_profit_percent", "take_profit_atr")):
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise UnfitError(f"null, where {one} is given", f"{getattr(self, other):f}", field=other)
        if self.entry_hours is not None and self.entry_hours[:5] == self.entry_hours[6:]:
            raise UnfitError("two different times", self.entry_hours, field="entry_hours")


class IbsParameters(IbsRules, frozen=True):
    """A worker's entry that names no strategy.

    `model`: the file of the filter that each entry must pass, from the folder of runtime.json, None for no
    filter; `min_probability`: what it must give an entry at least.
    """

    model: Annotated[str, MODEL_FILE] | None = None
    min_probability: Annotated[float, FRACTION] = 0.5
