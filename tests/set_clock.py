"""A clock that stands still until a test sets it."""


class SetClock:
    """As `portfold.clock.Clock`: `now` in seconds; whoever sleeps sets it on."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
