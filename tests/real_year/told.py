"""What was decided and closed, in words in which simulator and live processes can be compared."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from portfold.coordinator.fold.equity import equity, trailing_floor
from portfold.coordinator.fold.state import State
from portfold.events.decisions import (
    Decision,
    EntryAllowed,
    EntryDenied,
    EventRejected,
    FlattenOrdered,
    LimitBreached,
    LimitReached,
    PnlDisputed,
    StopLossTriggered,
    TradingDayStarted,
)
from portfold.events.incoming import Event, PositionClosed
from portfold.events.stream_id import StreamId


class Money(NamedTuple):
    """Dollars in the end: net of all trades, equity, its peak, and the floor that trails it."""

    net: Decimal
    equity: Decimal
    peak: Decimal
    floor: Decimal


class Told(NamedTuple):
    """All that mattered, each with its millisecond; `odd` is what should not have been."""

    answers: list[tuple[int, str, str, str]]
    limits: list[tuple[int, LimitReached]]
    stops: list[tuple[int, Decimal, str]]
    flattened: list[tuple[int, str, str]]
    days: list[tuple[int, TradingDayStarted]]
    closes: list[tuple[int, str, Decimal, Decimal]]
    odd: list[Decision]
    money: Money

    @property
    def denied(self) -> int:
        """How many entries were."""
        return sum(bool(code) for _, _, code, _ in self.answers)


def told(
    decided: Iterable[tuple[StreamId, Decision]], events: Iterable[tuple[StreamId, Event]], state: State
) -> Told:
    """Puts decisions, events and the state in the end into these words."""
    pairs = list(decided)
    closes = [
        (at.ms, one.symbol, one.price, one.pnl) for at, one in events if isinstance(one, PositionClosed)
    ]
    return Told(
        answers=[
            (at.ms, one.symbol, one.code, one.reason)
            if isinstance(one, EntryDenied)
            else (at.ms, one.symbol, "", "")
            for at, one in pairs
            if isinstance(one, EntryAllowed | EntryDenied)
        ],
        limits=[(at.ms, one) for at, one in pairs if isinstance(one, LimitReached)],
        stops=[
            (at.ms, one.daily_pnl, one.positions) for at, one in pairs if isinstance(one, StopLossTriggered)
        ],
        flattened=[
            (at.ms, one.cause, one.positions)
            for at, one in pairs
            if isinstance(one, FlattenOrdered) and one.everything
        ],
        days=[(at.ms, one) for at, one in pairs if isinstance(one, TradingDayStarted)],
        closes=sorted(closes),
        odd=[one for _, one in pairs if isinstance(one, EventRejected | LimitBreached | PnlDisputed)],
        money=_money(state),
    )


def _money(state: State) -> Money:
    assert state.capital is not None
    assert state.limits is not None
    now = equity(state, state.capital, realized=False)
    return Money(state.net, now, state.capital.peak, trailing_floor(state.limits, state.capital))


def differences(simulated: Told, live: Told) -> list[str]:
    """Where they are not the same, a sentence each, with the first that differs; empty where they agree."""
    found = [f"money: simulated {simulated.money}, live {live.money}"] * (simulated.money != live.money)
    for name in _LISTS:
        here: list[object] = getattr(simulated, name)
        there: list[object] = getattr(live, name)
        if here == there:
            continue
        pairs = enumerate(zip(here, there, strict=False))
        place = next((i for i, (a, b) in pairs if a != b), min(len(here), len(there)))
        found.append(
            f"{name}: {len(here)} simulated, {len(there)} live; number {place} is "
            f"{here[place : place + 1]} and {there[place : place + 1]}"
        )
    return found


_LISTS = ("answers", "limits", "stops", "flattened", "days", "closes", "odd")
