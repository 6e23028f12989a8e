"""`market` in runtime.json: where `portfold feed` has the market's data from, and how long a price is one."""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Struct, field

from portfold.config.errors import UnfitError
from portfold.config.rules import Duration, Options, Symbol, Text, Whole

_SOURCE = Text(
    r"[a-z_]{1,32}|(?:[A-Za-z0-9_./-]{1,200}\.py|[A-Za-z0-9_.]{1,200}):[A-Za-z_][A-Za-z0-9_]{0,63}",
    'a source such as "databento", or "FILE.py:NAME" for one of your own',
)
_VENDORS = Text(r"[!-~]{1,40}", "the vendor's name of the symbol, such as ES.v.0")


class ConfiguredMarket(Struct, frozen=True):
    """What `portfold feed` subscribes to: `source` and its own `options`, the kinds are in
    `workers.market.registry`; `symbols`: the vendor's name by ours, which all have to have a contract.

    `price_stale_seconds`: how old a price may be to count as one, for marks of open positions.
    `keep_minutes` stay on the bus, for workers that start; `warm_up_minutes`: how far back the first start
    of a feed asks for, while nothing is there yet.
    """

    source: Annotated[str, _SOURCE]
    symbols: Mapping[Symbol, Annotated[str, _VENDORS]]
    options: Annotated[Mapping[str, object], Options()] = field(default_factory=dict)
    price_stale_seconds: Annotated[float, Duration(86_400)] = 60.0
    keep_minutes: Annotated[int, Whole(60, 100_000, "minutes")] = 14_400
    warm_up_minutes: Annotated[int, Whole(0, 100_000, "minutes")] = 0

    def __post_init__(self) -> None:
        if not self.symbols:
            raise UnfitError("the symbols to subscribe to", "none", field="symbols")
        if self.warm_up_minutes > self.keep_minutes:
            expected = f"at most keep_minutes, which is {self.keep_minutes}"
            raise UnfitError(expected, f"{self.warm_up_minutes}", field="warm_up_minutes")
