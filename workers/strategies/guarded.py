"""The user's own strategy, held to what a strategy promises: whatever else it does is a StrategyFailed.

Guarantees: what passes is None, an Enter while nothing is held, or an Exit while something is; an entry only
once the bars of its warm-up are there. A call that raises, returns anything else, or does not return within
seconds ends its own worker with a sentence, and nobody else's.
"""

import copy
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

from portfold.bounds import MOST_CONTRACTS
from portfold.errors import UNUSABLE, PortfoldError
from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.context import shown
from portfold.workers.strategies.intent import Enter, Exit, Intent, OwnPosition, Strategy, tell_if_gone
from portfold.workers.strategies.priced import unfit_prices
from portfold.workers.strategies.time_limit import NotReturned, returns_within

RETURNS_SECONDS = 10.0
"""How long a call of the user's may take, unless his class says otherwise in `returns_within_seconds`."""
_MOST_SECONDS = 600.0
_LONGEST = 200
_OURS = tuple(
    str(Path(__file__).with_name(name)) for name in ("guarded.py", "context.py", "opened.py", "time_limit.py")
)
_WARM_UP_MOST = 100_000


class StrategyFailed(PortfoldError):
    """The user's own strategy cannot be gone on with. To start it again would lead to the same bar again."""

    exit_code: ClassVar[int] = UNUSABLE


class Guarded:
    """Guards `inner`, called `name` in errors, which has `seen` so many bars; meets `intent.Strategy`."""

    def __init__(self, inner: Any, name: str, seen: int = 0) -> None:
        self._inner: Strategy = inner
        self._name = name
        self.warm_up_bars = _warm_up_of(inner, name)
        self._seconds = _seconds_of(inner, name)
        self._seen = seen

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copies the strategy as it is now, for research. Raises StrategyFailed where it cannot be copied."""
        try:
            inner = copy.deepcopy(self._inner, memo)
        except Exception as error:  # the user's class may hold anything
            raise StrategyFailed(f"{self._name} cannot be copied: {said(error)}") from error
        return type(self)(inner, self._name, self._seen)

    def see(self, bar: Bar) -> None:
        """Shows the strategy a bar of its context. Raises StrategyFailed."""
        self._called(lambda: shown(self._inner, bar), _end_of(bar))

    def decide(self, bar: Bar, held: OwnPosition | None) -> Intent:
        """Returns what the strategy wants. Raises StrategyFailed."""
        at = _end_of(bar)
        intent = self._called(lambda: self._inner.decide(bar, held), at)
        self._seen += 1
        checked = self._checked(intent, held, at)
        return None if isinstance(checked, Enter) and self._seen < self.warm_up_bars else checked

    def came_and_went(self) -> None:
        """Tells the strategy that its position was gone before a bar could show it. Raises StrategyFailed."""
        self._called(lambda: tell_if_gone(self._inner, None), "told of a position that came and went")

    def _called(self, call: Callable[[], object], at: str) -> object:
        try:
            with returns_within(self._seconds):
                return call()
        except NotReturned as hung:
            longest = f"{self._seconds:g} seconds{where(hung)}"
            raise StrategyFailed(f"{self._name} did not return within {longest}, {at}") from None
        except (Exception, SystemExit) as error:  # the user's code may fail in any way there is
            raise StrategyFailed(f"{self._name} raised {said(error)}, {at}") from error

    def _checked(self, intent: object, held: OwnPosition | None, at: str) -> Intent:
        wanted = (
            "an Exit or None while it holds something" if held else "an Enter or None while it holds nothing"
        )
        if intent is None:
            return None
        if held is None and isinstance(intent, Enter):
            if not (intent.side in ("long", "short") and _is_size(intent.size)):
                wanted = f'a side, "long" or "short", and a size from 1 to {MOST_CONTRACTS} contracts'
            elif not (wanted := unfit_prices(intent)):
                return intent
        elif held is not None and isinstance(intent, Exit):
            reason: object = intent.reason
            if isinstance(reason, str) and reason:
                return intent
            wanted = "an Exit with a reason"
        got = " ".join(_shown(intent).split())[:_LONGEST]
        raise StrategyFailed(f"{self._name} returned {got}, expected {wanted}, {at}")


def said(error: BaseException) -> str:
    """Returns what was raised, in a line, and where in the user's file."""
    line = " ".join(str(error).split())[:_LONGEST]
    return f"{type(error).__name__}{f': {line}' if line else ''}{where(error)}"


def where(error: BaseException) -> str:
    """Returns the innermost line of code that led to it, but for ours."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not frame.filename.startswith(("<", *_OURS))]
    return f" (line {theirs[-1].lineno} of {Path(theirs[-1].filename).name})" if theirs else ""


def _end_of(bar: Bar) -> str:
    return f"at the bar of {bar.symbol} that ends {bar.time:%Y-%m-%d %H:%M:%S} UTC"


def _is_size(size: object) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and 1 <= size <= MOST_CONTRACTS


def _shown(intent: object) -> str:
    try:
        return repr(intent)
    except Exception:  # noqa: BLE001 - even that is the user's code
        return f"something of {type(intent).__name__}"


def _warm_up_of(inner: object, name: str) -> int:
    if not callable(getattr(inner, "decide", None)):
        raise StrategyFailed(f"{name} has no decide(bar, held)")
    if getattr(inner, "context", ()) and not callable(getattr(inner, "see", None)):
        raise StrategyFailed(f"{name} has a context and no see(bar), which is shown its bars")
    bars = getattr(inner, "warm_up_bars", 0)
    if isinstance(bars, int) and not isinstance(bars, bool) and 0 <= bars <= _WARM_UP_MOST:
        return bars
    raise StrategyFailed(
        f"{name}: expected warm_up_bars from 0 to {_WARM_UP_MOST:,}, got {_shown(bars)[:80]}"
    )


def _seconds_of(inner: object, name: str) -> float:
    seconds = getattr(inner, "returns_within_seconds", RETURNS_SECONDS)
    if isinstance(seconds, int | float) and 0 < seconds <= _MOST_SECONDS:
        return float(seconds)
    expected = f"returns_within_seconds of more than 0 and at most {_MOST_SECONDS:g}"
    raise StrategyFailed(f"{name}: expected {expected}, got {_shown(seconds)[:80]}")
