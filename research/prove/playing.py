"""Plays a history through the production fold, with the firm's judge beside it.

The market, the fills and the costs are the history's own: an order is filled at the price of its moment, so
many ticks worse, and each contract pays its commission on each side. The firm sees every price and every
commission at once. Our fold sees what live workers report: fills, closes net of costs, marks that may be
late. Nothing happens on a weekend.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct

from portfold.config import Contract
from portfold.config.profiles import FirmsRule
from portfold.coordinator.fold.fold import FOLD_VERSION, fold
from portfold.coordinator.fold.state import State
from portfold.dollars import ZERO, gross_pnl, shown, shown_price
from portfold.events.calendar import SessionsPublished
from portfold.events.decisions import Decision, EntryAllowed, EntryDenied, FlattenOrdered, StopLossTriggered
from portfold.events.fields import Side
from portfold.events.incoming import (
    ClockTicked,
    EntryRequested,
    Event,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    WorkerStarted,
)
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import StreamId
from portfold.exchange_time import local_time
from portfold.research.prove.history import History, Step
from portfold.research.prove.judge import Broken, Judge

How = Literal["unstopped", "late", "gap", "cost"]
"""How the firm's rule came to be broken: ours had not stopped; some mark had not come; one step went through
both floors at once; ours had stopped, and closing cost the rest."""

_MINUTE_MS, _DAY_MS = 60_000, 86_400_000
_FRIDAY = 4
_EXCHANGE = ZoneInfo("America/Chicago")
_SESSION = "prove"
_BEGIN_TICKS = 10_000
_EVENTS_APART = 100


class Scene(NamedTuple):
    """What histories are played on: our `limits`, the firm's `rule`, the contracts, when it begins.

    `sessions` are those of the exchange, where our limits need them.
    """

    limits: LimitsChanged
    rule: FirmsRule
    contracts: dict[str, Contract]
    begins_ms: int
    sessions: SessionsPublished | None = None


class Found(NamedTuple):
    """That the firm's rule was broken, and how."""

    broken: Broken
    how: How


class Held(Struct):
    """An open position, and whether we have seen its price as it is now."""

    side: Side
    size: int
    price: Decimal


class Play:
    """A history under way, of which so many steps are `taken`.

    `found` is the first breach of the firm's rule, if there was one. `say` is called with the moment and a
    line for each thing that happens.
    """

    def __init__(
        self, scene: Scene, *, worse_ticks: int = 0, say: Callable[[int, str], object] | None = None
    ):
        self.state = State(fold_version=FOLD_VERSION)
        self.held: dict[str, Held] = {}
        self.judge = Judge(scene.rule, scene.begins_ms)
        self.found: Found | None = None
        self.taken: list[Step] = []
        self.worse_ticks = worse_ticks
        self._scene = scene
        self._say = say or (lambda _ms, _line: None)
        self._prices: dict[str, Decimal] = {}
        self._made = ZERO
        self._now_ms = scene.begins_ms
        self._events = 0
        self._late = False
        self._tell(scene.limits)
        if scene.sessions is not None:
            self._tell(scene.sessions)

    def take(self, step: Step) -> None:
        """Plays one step."""
        self.taken.append(step)
        self._now_ms = _on_a_weekday(self._now_ms + _MINUTE_MS)
        stopped = self._does(step)
        self._look("gap" if stopped else "unstopped")
        if stopped:
            self._say(self._now_ms, f"OURS STOPPED at {self._account()}")
            self._close_all()
            self._look("cost")

    def price_of(self, symbol: str) -> Decimal:
        """Returns the market's price."""
        return self._prices.setdefault(symbol, _BEGIN_TICKS * self._scene.contracts[symbol].tick_size)

    # --- the steps --------------------------------------------------------------------------------------

    def _does(self, step: Step) -> bool:
        """Does the step; whether ours stops everything then."""
        match step.kind:
            case "enter":
                return self._enter(step)
            case "move":
                return self._move(step)
            case "leave":
                return self._leave(step)
            case "wait":
                self._now_ms = _on_a_weekday(self._now_ms + step.amount * _MINUTE_MS)
                return self._tell(ClockTicked())

    def _enter(self, step: Step) -> bool:
        side: Side = "long" if step.amount > 0 else "short"
        size, symbol = abs(step.amount), step.symbol
        worker, seq = self._worker(symbol)
        decided = self._fold(EntryRequested(worker, _SESSION, seq, symbol, side, size))
        answer = decided[-1] if decided else None
        if not isinstance(answer, EntryAllowed):
            why = answer.reason if isinstance(answer, EntryDenied) else "not answered"
            self._say(self._now_ms, f"{symbol}: {side} {size} denied: {why}")
            return is_stop(decided)
        price = self._filled_at(symbol, buys=side == "long")
        self.held[symbol] = Held(side, size, price)
        self._made -= self._commission(symbol, size)
        self._say(self._now_ms, f"{symbol}: {side} {size} filled at {shown_price(price)}")
        return self._tell(
            PositionOpened(worker, _SESSION, self._worker(symbol)[1], symbol, side, size, price)
        )

    def _move(self, step: Step) -> bool:
        symbol = step.symbol
        price = self.price_of(symbol) + step.amount * self._scene.contracts[symbol].tick_size
        self._prices[symbol] = price
        held = self.held.get(symbol)
        if held is None:
            self._say(self._now_ms, f"{symbol} at {shown_price(price)}")
            return False
        late = ", and our mark does not come" if step.late else ""
        self._say(self._now_ms, f"{symbol} at {shown_price(price)}{late}: {self._account()}")
        if step.late:
            self._late = True
            return False
        worker, seq = self._worker(symbol)
        made = self._opened(symbol, held)
        return self._tell(PositionMarked(worker, _SESSION, seq, symbol, held.side, price, made))

    def _leave(self, step: Step) -> bool:
        return step.symbol in self.held and self._close(step.symbol, worse_ticks=0)

    def _close_all(self) -> None:
        for symbol in sorted(self.held):
            self._close(symbol, worse_ticks=self.worse_ticks)

    def _close(self, symbol: str, worse_ticks: int) -> bool:
        held, contract = self.held.pop(symbol), self._scene.contracts[symbol]
        price = self._filled_at(symbol, buys=held.side == "short", worse_ticks=worse_ticks)
        gross = gross_pnl(held.side, held.price, price, held.size, contract.point_value)
        side_cost = self._commission(symbol, held.size)
        self._made += gross - side_cost
        worker, seq = self._worker(symbol)
        self._say(self._now_ms, f"{symbol}: closed at {shown_price(price)}: {self._account()}")
        costs = 2 * side_cost
        return self._tell(
            PositionClosed(
                worker=worker,
                session=_SESSION,
                seq=seq,
                symbol=symbol,
                side=held.side,
                size=held.size,
                price=price,
                commission=costs,
                pnl=gross - costs,
            )
        )

    # --- ours and theirs --------------------------------------------------------------------------------

    def _look(self, how: How) -> None:
        """Shows the account to the judge."""
        before = self.judge.broken
        opened = sum((self._opened(symbol, held) for symbol, held in self.held.items()), ZERO)
        self.judge.sees(self._now_ms, self._made, opened)
        broken = self.judge.broken
        if broken is not None and before is None:
            self.found = Found(broken, "late" if self._late else how)
            self._say(
                self._now_ms,
                f"THE FIRM'S RULE IS BROKEN: equity {shown(broken.equity)}, floor {shown(broken.floor)}",
            )

    def _account(self) -> str:
        opened = sum((self._opened(symbol, held) for symbol, held in self.held.items()), ZERO)
        equity = self._scene.rule.start_balance + self._made + opened
        return f"equity {shown(equity)}, the firm's floor {shown(self.judge.floor)}"

    def _opened(self, symbol: str, held: Held) -> Decimal:
        point_value = self._scene.contracts[symbol].point_value
        return gross_pnl(held.side, held.price, self.price_of(symbol), held.size, point_value)

    def _filled_at(self, symbol: str, *, buys: bool, worse_ticks: int = 0) -> Decimal:
        contract = self._scene.contracts[symbol]
        slippage = contract.tick_size * (contract.slippage_ticks + worse_ticks)
        return self.price_of(symbol) + (slippage if buys else -slippage)

    def _commission(self, symbol: str, size: int) -> Decimal:
        return self._scene.contracts[symbol].commission_per_side * size

    def _worker(self, symbol: str) -> tuple[str, int]:
        """Returns the symbol's worker, which starts when it is first needed, and its next number."""
        worker = f"prove-{symbol}"
        if worker not in self.state.workers:
            self._fold(WorkerStarted(worker, _SESSION, 0, symbol))
        self._events += 1
        return worker, self._events

    def _tell(self, event: Event) -> bool:
        """Has our fold take the event; whether it stops everything then."""
        return is_stop(self._fold(event))

    def _fold(self, event: Event) -> Sequence[Decision]:
        self._events += 1
        return fold(self.state, StreamId(self._now_ms, self._events * _EVENTS_APART), event)


def play(history: History, scene: Scene, say: Callable[[int, str], object] | None = None) -> Found | None:
    """Plays a history up to where the firm's rule is broken; None where it never is."""
    under_way = Play(scene, worse_ticks=history.worse_ticks, say=say)
    for step in history.steps:
        under_way.take(step)
        if under_way.found is not None:
            break
    return under_way.found


def _on_a_weekday(ms: int) -> int:
    """Returns the moment, on Monday where it would be on a weekend in Chicago."""
    days_off = max(0, local_time(ms, _EXCHANGE).weekday() - _FRIDAY)
    return ms + (3 - days_off) * _DAY_MS if days_off else ms


def is_stop(decided: Sequence[Decision]) -> bool:
    """Returns whether everything is to be closed now."""
    return any(
        isinstance(one, StopLossTriggered) or (isinstance(one, FlattenOrdered) and one.everything)
        for one in decided
    )
