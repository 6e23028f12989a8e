"""Random histories, made while they are played: who knows where the floors are finds what lies between.

From a seed: the same seed, scene and number give the same history. Half of them have marks that come late;
most moves are small against the firm's amount, some are gaps.
"""

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, Decimal
from random import Random

from portfold.coordinator.fold.equity import equity, trailing_floor
from portfold.dollars import ZERO
from portfold.research.prove.history import History, Step
from portfold.research.prove.playing import Play, Scene

MOST_STEPS = 40
MOST_DAYS = 250
"""How many days a history goes on at most: each step waits three at most, and weekends are left out."""
_MOST_SYMBOLS = 3
_MOST_WORSE_TICKS = 4
_LATE_ONCE_IN = 4
_SHARES = (Decimal("0.01"), Decimal("0.05"), Decimal("0.2"), Decimal("0.6"), Decimal("1.5"))
"""How far a price moves, as shares of the firm's amount in dollars of what is held."""
_WAITS = (5, 60, 300, 1440, 4320)
"""Minutes."""


def explored(scene: Scene, symbols: Sequence[str], random: Random) -> Play:
    """Plays one random history; it ends where the firm's rule is broken."""
    explorer = _Explorer(scene, symbols, random)
    for _ in range(random.randint(2, MOST_STEPS)):
        explorer.goes_on()
        if explorer.play.found is not None:
            break
    return explorer.play


def history_of(play: Play) -> History:
    """Returns the history that was played."""
    return History(tuple(play.taken), play.worse_ticks)


class _Explorer:
    def __init__(self, scene: Scene, symbols: Sequence[str], random: Random) -> None:
        self._scene = scene
        self._random = random
        self._symbols = random.sample(symbols, min(len(symbols), random.randint(1, _MOST_SYMBOLS)))
        self._late = random.random() < 0.5
        self.play = Play(scene, worse_ticks=random.randint(0, _MOST_WORSE_TICKS))

    def goes_on(self) -> None:
        held = sorted(self.play.held)
        kinds: list[Callable[[str], Step]] = [self._enter]
        if held:
            kinds = [self._move] * 6 + [self._towards_the_floor] * 2 + [self._leave, self._wait, self._enter]
        elif self._random.random() < 0.3:
            kinds = [self._wait]
        symbol = self._random.choice(held or self._symbols)
        self.play.take(self._random.choice(kinds)(symbol))

    def _enter(self, _: str) -> Step:
        most = max(1, min(self._scene.limits.max_contracts, 10))
        size = self._random.randint(1, most)
        return Step("enter", self._random.choice(self._symbols), self._random.choice((size, -size)))

    def _move(self, symbol: str) -> Step:
        dollars = self._scene.rule.amount * self._random.choice(_SHARES)
        most = max(1, int(dollars / self._tick_of(symbol)))
        ticks = self._random.randint(1, most) * self._random.choice((1, -1))
        late = self._late and not self._random.randrange(_LATE_ONCE_IN)
        return Step("move", symbol, ticks, late=late)

    def _towards_the_floor(self, symbol: str) -> Step:
        """Moves to the last tick above our floor: what lies between ours and the firm's shows there."""
        state, limits, capital = self.play.state, self.play.state.limits, self.play.state.capital
        if limits is None or capital is None or not limits.trailing_drawdown:
            return self._move(symbol)
        room = equity(state, capital, realized=False) - trailing_floor(limits, capital)
        ticks = int((room / self._tick_of(symbol)).to_integral_value(ROUND_CEILING)) - 1
        if room <= ZERO or ticks < 1:
            return self._move(symbol)
        return Step("move", symbol, -ticks if self.play.held[symbol].side == "long" else ticks)

    def _leave(self, symbol: str) -> Step:
        return Step("leave", symbol)

    def _wait(self, _: str) -> Step:
        return Step("wait", amount=self._random.choice(_WAITS))

    def _tick_of(self, symbol: str) -> Decimal:
        """Returns dollars a tick of what is held."""
        return self._scene.contracts[symbol].tick_value * self.play.held[symbol].size
