"""How long a strategy has been flat since its last position, for a rest after it."""

from portfold.workers.strategies.intent import OwnPosition


class Rest:
    """The rest of `bars` bars after a position is gone, whoever closed it; none before the first one."""

    def __init__(self, bars: int) -> None:
        self._bars = bars
        self._was_held = False
        self._bars_flat: int | None = None  # None: nothing was held yet

    def take(self, held: OwnPosition | None) -> None:
        """Takes what is held at the next bar."""
        if held is None and self._was_held:
            self._bars_flat = 0
        if held is None and self._bars_flat is not None:
            self._bars_flat += 1
        self._was_held = held is not None

    @property
    def is_over(self) -> bool:
        """Returns whether an entry may be made at this bar."""
        return self._bars_flat is None or self._bars_flat > self._bars
