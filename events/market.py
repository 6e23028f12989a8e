"""One minute of the market as it lies on the bus, for many symbols at once: a step.

    time_ms 1763651460000  ES "5990.25 5991 5990 5990.75 1204 ESZ6"  source databento

Flat text, like all that lies on the bus: a symbol's field holds open, high, low and close, and, where it is
known, volume and contract. The conductor of a demo hands out its bars in the same form.

Guarantees: what is written is read back to the last digit. Pure.
"""

import re
from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from portfold.bounds import PRICE, SYMBOL
from portfold.errors import PortfoldError
from portfold.events.codec import Fields

_TIME, _SOURCE, _KNOWN_SINCE, _UNKNOWN = "time_ms", "source", "known_since_ms", "unknown"
_WHOLE = re.compile(r"[0-9]{1,15}", re.ASCII)
_SYMBOL = re.compile(SYMBOL, re.ASCII)
_PRICE = re.compile(PRICE, re.ASCII)
_CONTRACT = re.compile(r"[!-~]{1,40}", re.ASCII)
_PRICES = 4

DISCONNECTED, REFUSED, SLOW = "disconnected", "refused", "slow reader"
"""Subjects of a feed's notices that say what is wrong now."""
SILENT, WRONG = "silent ", "wrong price "
"""The same, with a symbol behind them."""
GAP, ROLL = "gap", "roll "
"""Subjects of what is only worth knowing; the second with the symbol behind it."""

FAR_AHEAD_MS = 86_400_000
"""A step that is dated so much later than it was put on the bus no feed has put there."""


def is_trouble(subject: str) -> bool:
    """Returns whether a notice of that subject says what is wrong now, and not only what is worth knowing."""
    return subject in (DISCONNECTED, REFUSED, SLOW) or subject.startswith((SILENT, WRONG))


class UnreadableStep(PortfoldError, ValueError):
    """An entry among the bars that is no step: somebody else has written it."""


class StepBar(Struct, frozen=True):
    """What one symbol traded up to the end of the step; `contract` is the month it is of, such as ESZ6."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int | None = None
    contract: str = ""


class Step(Struct, frozen=True):
    """Every minute up to `time_ms` is over, and these bars ended then; none where nothing was traded.

    All that was traded from `known_since_ms` on is in this step and those before it, as `source` says, but
    for what the symbols in `unknown` may have traded in this minute.
    """

    time_ms: int
    bars: Mapping[str, StepBar]
    source: str = ""
    known_since_ms: int = 0
    unknown: tuple[str, ...] = ()


def step_fields(step: Step) -> Fields:
    """Returns the step as it lies on the bus."""
    fields = [_TIME, str(step.time_ms)]
    for symbol, bar in step.bars.items():
        text = f"{bar.open:f} {bar.high:f} {bar.low:f} {bar.close:f}"
        if bar.volume is not None:
            text += f" {bar.volume} {bar.contract}".rstrip()
        fields += (symbol, text)
    if step.source:
        fields += (_SOURCE, step.source)
    if step.known_since_ms:
        fields += (_KNOWN_SINCE, str(step.known_since_ms))
    if step.unknown:
        fields += (_UNKNOWN, " ".join(step.unknown))
    return fields


def read_step(fields: Mapping[str, str]) -> Step:
    """Returns the step in an entry's fields. Raises UnreadableStep."""
    bars = {name: _read_bar(name, text) for name, text in fields.items() if _SYMBOL.fullmatch(name)}
    return Step(
        _whole(fields.get(_TIME, "")),
        bars,
        fields.get(_SOURCE, ""),
        _whole(fields.get(_KNOWN_SINCE, "0")),
        tuple(fields.get(_UNKNOWN, "").split()),
    )


def _read_bar(symbol: str, text: str) -> StepBar:
    words = text.split(" ")
    prices, more = words[:_PRICES], words[_PRICES:]
    if len(prices) < _PRICES or len(more) > 2 or not all(map(_PRICE.fullmatch, prices)):
        raise UnreadableStep(f"{symbol}: expected open, high, low and close, got {text[:80]!r}")
    opened, high, low, close = map(Decimal, prices)
    if not (low <= opened <= high and low <= close <= high):
        raise UnreadableStep(f"{symbol}: expected open and close from low to high, got {text[:80]!r}")
    contract = more[1] if len(more) > 1 else ""
    if contract and not _CONTRACT.fullmatch(contract):
        raise UnreadableStep(f"{symbol}: expected a contract such as ESZ6, got {contract[:80]!r}")
    return StepBar(opened, high, low, close, _whole(more[0]) if more else None, contract)


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise UnreadableStep(f"expected a whole number, got {text[:80]!r}")
    return int(text)
