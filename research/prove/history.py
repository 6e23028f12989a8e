"""A history: what traders and the market do, one step after the other, and nothing of what comes of it.

Pure data, so that it can be played again, and made shorter. What is denied, stopped or closed follows when it
is played (`research/prove/playing.py`).
"""

from typing import Literal

from msgspec import Struct, structs

StepKind = Literal["enter", "move", "leave", "wait"]


class Step(Struct, frozen=True):
    """A minute later: a worker asks to `enter` so many contracts (negative: short), the price of `symbol`
    moves so many ticks, a worker leaves, or so many more minutes pass.

    `late`: of this move our mark does not come; the firm sees its price.
    """

    kind: StepKind
    symbol: str = ""
    amount: int = 0
    late: bool = False


class History(Struct, frozen=True):
    """The steps in order. What a stop closes is filled `worse_ticks` worse than with the usual slippage."""

    steps: tuple[Step, ...]
    worse_ticks: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Returns how long it is: its steps, then how much moves in them."""
        moved = sum(abs(step.amount) + step.late for step in self.steps)
        return len(self.steps), moved + self.worse_ticks

    @property
    def on_time(self) -> "History":
        """Returns the same with every mark on time."""
        return structs.replace(self, steps=tuple(structs.replace(step, late=False) for step in self.steps))
