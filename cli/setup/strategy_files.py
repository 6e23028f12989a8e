"""The files that `portfold strategy new` writes: a strategy that runs, and its test."""

from string import Template

_STRATEGY = Template('''"""$name: buys a close below the last few, sells it some bars later. Say whose it is.

It lies beside runtime.json, which names it: "workers": {"ES": {"strategy": "$file.py:$name"}}.
"""

from decimal import Decimal
from typing import Annotated

from msgspec import Struct

from portfold.config.rules import Searched, Whole
from portfold.config.runtime import TradingDayRoll
from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.intent import Enter, Exit, Intent, OwnPosition


class $name:
    """Knows its bars and what it holds; whether it may enter, and how, is dealt with elsewhere."""

    class Parameters(Struct, frozen=True):
        """What runtime.json may say in "params", each with its bounds and its default."""

        below: Annotated[int, Whole(1, 500, "bars"), Searched(2, 8)] = 3
        hold: Annotated[int, Whole(1, 500, "bars"), Searched(2, 12)] = 5
        size: Annotated[int, Whole(1, 100, "contracts")] = 1

    def __init__(self, parameters: Parameters, trading_day: TradingDayRoll) -> None:
        self.parameters = parameters
        self.warm_up_bars = parameters.below + 1  # the first bar that may bring an entry
        self.closes: list[Decimal] = []

    def decide(self, bar: Bar, held: OwnPosition | None) -> Intent:
        """Returns what to do at the close of each bar, in order: an Enter while flat, an Exit while not."""
        earlier = self.closes[-self.parameters.below :]
        self.closes = [*earlier, bar.close]
        if held is None:
            falls = len(earlier) == self.parameters.below and bar.close < min(earlier)
            return Enter("long", self.parameters.size) if falls else None
        return Exit("held") if held.bars >= self.parameters.hold else None
''')
_TEST = Template('''"""Run it with pytest, in this folder."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal

from $file import $name

from portfold.config.runtime import TradingDayRoll
from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.intent import Enter, Exit, OwnPosition

OPENS = datetime(2025, 1, 6, 15, tzinfo=timezone.utc)


def bars(*closes):
    prices = enumerate(Decimal(close) for close in closes)
    return [Bar("ES", OPENS + timedelta(hours=n), price, price, price, price) for n, price in prices]


def test_it_buys_the_first_close_below_the_last_three():
    strategy = $name($name.Parameters(), TradingDayRoll())
    wishes = [strategy.decide(bar, None) for bar in bars(5000, 5001, 5002, 4999)]
    assert wishes == [None, None, None, Enter("long", 1)]


def test_it_sells_five_bars_later():
    strategy = $name($name.Parameters(), TradingDayRoll())
    held = [OwnPosition("long", Decimal(5000), n) for n in range(6)]
    wishes = [strategy.decide(bar, position) for bar, position in zip(bars(*[5000] * 6), held)]
    assert wishes == [None] * 5 + [Exit("held")]
''')


def written(file: str, name: str) -> dict[str, bytes]:
    """Returns the contents of both files, by name."""
    names = {"file": file, "name": name}
    strategy, test = (text.substitute(names).encode() for text in (_STRATEGY, _TEST))
    return {f"{file}.py": strategy, f"test_{file}.py": test}
