"""What was done on a day, and what came of it, as a table."""

from collections.abc import Sequence

from msgspec import Struct, field

from tests.live_day.evening import Counted


class Row(Struct, frozen=True):
    """One trouble: in which minute it was made, what was seen of it, and how long it took."""

    minute: int
    name: str
    seen: str
    seconds: float


class Report(Struct):
    """`wrong` is empty when everything holds."""

    seed: int
    symbols: Sequence[str]
    rows: list[Row] = field(default_factory=list)
    minutes: int = 0
    seconds: float = 0.0
    counted: Counted | None = None
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The report as lines of text."""
        width = max((len(row.name) for row in self.rows), default=0)
        lines = [
            f"{row.minute:>3}  {row.name:<{width}}  {row.seconds:>5.1f} s  {row.seen}" for row in self.rows
        ]
        lines.append(
            f"Seed {self.seed}: {len(self.symbols)} workers, {self.minutes} minutes of market in "
            f"{self.seconds:.0f} s, {len(self.rows)} troubles."
        )
        if self.counted is not None:
            events, allowed, denied, orders, executions, made = self.counted
            lines.append(
                f"{events:,} events; {allowed} entries allowed, {denied} denied; {orders} orders, "
                f"{executions} executions, {made:,.2f} dollars: the same in account, book and log."
                if not self.wrong
                else f"{events:,} events; {allowed} entries allowed, {denied} denied; {orders} orders."
            )
        lines += [f"WRONG: {sentence}" for sentence in self.wrong] or ["Everything holds."]
        return lines
