"""The fold judges the kernel: what both made of the same trades has to agree to the cent, trade by trade."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from portfold.dollars import shown
from portfold.exchange_time import utc
from portfold.research.errors import ResearchError
from portfold.research.simulate.record import Record, record_of
from portfold.research.simulate.simulator import Simulated

if TYPE_CHECKING:
    from portfold.research.kernel.kernel import Kernel


class KernelDiffers(ResearchError):
    """The kernel made something else of the same trades; `case` is all of it, to be looked into."""

    def __init__(self, message: str, case: bytes) -> None:
        super().__init__(message)
        self.case = case


def agree(kernel: "Kernel", simulations: Sequence[Simulated]) -> None:
    """Plays what the fold simulated, drawing for drawing. Raises KernelDiffers at the first difference."""
    symbols, level = simulations[0].symbols, simulations[0].max_positions
    judged, played = [record_of(one) for one in simulations], kernel.records(symbols, level)
    for drawing, (fold, own) in enumerate(zip_longest(judged, played)):
        difference = (
            "one of them drew lots, the other did not"
            if fold is None or own is None
            else _difference(kernel, fold, own)
        )
        if difference:
            named = f"{' '.join(symbols)} with {level} positions, drawing {drawing + 1}"
            raise KernelDiffers(
                f"The kernel and the fold differ on {named}: {difference}. Nothing was written of it; "
                "--kernel never searches by the fold alone.",
                _case(kernel, symbols, level, (fold, own)),
            )


def _difference(kernel: "Kernel", fold: Record, own: Record) -> str:
    """Names the first trade that differs, else what else does; nothing where they agree."""
    for number, (one, other) in enumerate(zip_longest(_trades(fold), _trades(own)), start=1):
        if one != other:
            sides = f"{_told(kernel, one)} by the fold, {_told(kernel, other)} by the kernel"
            return f"trade {number} of those taken is {sides}"
    for name, one, other in zip(Record._fields, fold, own, strict=True):
        if not np.array_equal(np.asarray(one), np.asarray(other)):
            return f"the trades are the same, but not {name}"
    return ""


_Trade = tuple[int, int, int, bool, bool]


def _trades(record: Record) -> list[_Trade]:
    columns = (record.trade, record.closed_ms, record.cents, record.forced, record.unknown)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _told(kernel: "Kernel", taken: _Trade | None) -> str:
    if taken is None:
        return "none"
    trade = kernel.scenario.timeline.trades[taken[0]]
    made = shown(Decimal(taken[2]).scaleb(-2))
    begun, ended = (f"{utc(ms):%Y-%m-%d %H:%M:%S}" for ms in (trade.entry_ms, taken[1]))
    forced = ", by a stop" if taken[3] else ""
    return f"{trade.symbol}, {begun} to {ended} UTC{forced}, {made}"


def _case(
    kernel: "Kernel", symbols: Sequence[str], level: int, both: tuple[Record | None, Record | None]
) -> bytes:
    """Writes what was played, and what came of it by the fold and by the kernel."""
    scenario = kernel.scenario
    fold, own = both
    content = {
        "symbols": symbols,
        "max_positions": level,
        "limits": scenario.limits_of(symbols, level),
        "trades": scenario.timeline.trades,
        "closes": scenario.timeline.pricing.closes,
        "taken_by_fold": _trades(fold) if fold is not None else None,
        "taken_by_kernel": _trades(own) if own is not None else None,
        "curve_by_fold": fold.curve.tolist() if fold is not None else None,
        "curve_by_kernel": own.curve.tolist() if own is not None else None,
    }
    return msgspec.json.encode(content)
