"""A tiny vocabulary for tests of the fold: tell a story event by event, and look at what was decided.

Every step is one event, one millisecond after the last unless said otherwise. Whatever is decided on the way
is checked to be readable from the stream again, and the state to hold, so each story also tests that.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from portfold.coordinator.fold.fold import FOLD_VERSION, fold
from portfold.coordinator.fold.invariants import check
from portfold.coordinator.fold.state import State, daily_pnl
from portfold.events.account import AccountReported, AccountSettled, CashMoved
from portfold.events.codec import decode_decision, encode
from portfold.events.decisions import Decision, EntryAllowed, EntryDenied
from portfold.events.incoming import (
    ClockTicked,
    EntryRenewed,
    EntryRequested,
    EntryWithdrawn,
    Event,
    FlattenRequested,
    Malformed,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    PositionSettled,
    TradingHalted,
    TradingResumed,
    WorkerLost,
    WorkerRetired,
    WorkerStarted,
    WorkerStopped,
)
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import DECISIONS_PER_EVENT, StreamId

Kind = TypeVar("Kind", bound=Decision)

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def chicago(*when: int) -> int:
    """The millisecond at which the clocks of Chicago show year, month, day, hour, minute, ..."""
    year, month, day, *clock = when
    hour, minute, second = (*clock, 0, 0, 0)[:3]
    shown = datetime(year, month, day, hour, minute, second, tzinfo=ZoneInfo("America/Chicago"))
    return int(shown.timestamp()) * 1000


WEDNESDAY = chicago(2025, 1, 15, 10)
"""When stories begin: 10:00 on an ordinary day."""


def limits(**changed: Any) -> LimitsChanged:
    """Limits as in the packaged configuration, but without point values: reported P&L is taken as it is."""
    ordinary: dict[str, Any] = {
        "by": "coordinator",
        "reason": "configuration",
        "max_positions": 4,
        "max_contracts": 4,
        "daily_stop_loss": Decimal(2500),
        "symbols": "6A 6B 6C 6N 6S CL ES PL RTY SI",
        "stop_loss_on": "total",
        "stop_approach_percent": 80,
        "reservation_ms": 30 * SECOND,
        "flatten_ms": 10 * SECOND,
        "mark_stale_ms": 0,
        "on_worker_lost": "hold",
        "zone": "America/Chicago",
        "roll": "17:00",
        "point_values": "",
    }
    return LimitsChanged(**(ordinary | changed))


class Story:
    """A portfolio and its log so far; `ms` is the time of the last event."""

    def __init__(self, start_ms: int = WEDNESDAY, **changed_limits: Any) -> None:
        self.state = State(fold_version=FOLD_VERSION)
        self.ms = start_ms
        self._within_ms = 0
        self.last: Event | Malformed = ClockTicked()
        self._seqs: dict[tuple[str, str], int] = defaultdict(int)
        self.first = self.hears(limits(**changed_limits), at=start_ms)

    # --- any event ---------------------------------------------------------------------------------------

    def hears(self, event: Event | Malformed, at: int | None = None) -> list[Decision]:
        """Folds `event` and returns what was decided."""
        moment = self.ms + 1 if at is None else at
        self.last = event
        self._within_ms = self._within_ms + 1 if moment == self.ms else 0
        self.ms = moment
        here = StreamId(self.ms, self._within_ms)
        decisions = fold(self.state, here, event)
        check(self.state, here, event)
        assert len(decisions) <= DECISIONS_PER_EVENT
        for decision in decisions:
            assert decode_decision(encode(decision)) == decision
        return decisions

    def hears_last_again(self) -> list[Decision]:
        """The last event is published once more, word for word."""
        return self.hears(self.last)

    def at(self, ms: int) -> list[Decision]:
        """The clock shows `ms`, and nothing else happens."""
        return self.hears(ClockTicked(), at=ms)

    def after(self, ms: int) -> list[Decision]:
        """`ms` milliseconds pass."""
        return self.at(self.ms + ms)

    # --- workers -----------------------------------------------------------------------------------------

    def says(
        self, kind: Callable[..., Event], worker: str, session: str = "s1", **fields: Any
    ) -> list[Decision]:
        """`worker` publishes its next event."""
        return self.hears(self.next_of(kind, worker, session, **fields))

    def next_of(self, kind: Callable[..., Event], worker: str, session: str = "s1", **fields: Any) -> Event:
        """The next event of `worker`, not yet published."""
        self._seqs[worker, session] += 1
        return kind(worker=worker, session=session, seq=self._seqs[worker, session], **fields)

    def asks(
        self, symbol: str, size: int = 1, side: str = "long", worker: str = "", **more: Any
    ) -> EntryAllowed | EntryDenied:
        """Asks for an entry; the worker is called after the symbol unless named. Returns the answer.

        `more`: the session, what is planned to be lost.
        """
        asked = {"symbol": symbol, "side": side, "size": size, **more}
        [*_, answer] = self.says(EntryRequested, worker or f"ibs-{symbol}", **asked)
        assert isinstance(answer, EntryAllowed | EntryDenied)
        return answer

    def fills(
        self,
        symbol: str,
        size: int = 1,
        price: str = "100",
        side: str = "long",
        worker: str = "",
        session: str = "s1",
        fill: str = "",
    ) -> list[Decision]:
        return self.says(
            PositionOpened,
            worker or f"ibs-{symbol}",
            session,
            symbol=symbol,
            side=side,
            size=size,
            price=Decimal(price),
            fill=fill,
        )

    def enters(self, *symbols: str, size: int = 1, price: str = "100", side: str = "long") -> None:
        """Each symbol is asked for, allowed and filled; its worker announces itself before, if it is new."""
        for symbol in symbols:
            if f"ibs-{symbol}" not in self.state.workers:
                self.starts(f"ibs-{symbol}")
            assert isinstance(self.asks(symbol, size, side), EntryAllowed)
            assert self.fills(symbol, size, price, side) == []

    def closes(
        self,
        symbol: str,
        pnl: str = "0",
        size: int = 1,
        price: str = "100",
        side: str = "long",
        worker: str = "",
        **more: str,
    ) -> list[Decision]:
        """`more`: the session, the commission, the owner, the broker's name for the fill."""
        session, commission = more.pop("session", "s1"), more.pop("commission", "0")
        return self.says(
            PositionClosed,
            worker or f"ibs-{symbol}",
            session,
            symbol=symbol,
            side=side,
            size=size,
            price=Decimal(price),
            commission=Decimal(commission),
            pnl=Decimal(pnl),
            **more,
        )

    def marks(
        self, symbol: str, unrealized: str, price: str = "100", side: str = "long", moment_ms: int = 0
    ) -> list[Decision]:
        dollars: dict[str, Any] = {
            "price": Decimal(price),
            "unrealized": Decimal(unrealized),
            "moment_ms": moment_ms,
        }
        return self.says(PositionMarked, f"ibs-{symbol}", symbol=symbol, side=side, **dollars)

    def withdraws(self, symbol: str, worker: str = "", session: str = "s1", **more: str) -> list[Decision]:
        """`more`: the number of the request."""
        return self.says(EntryWithdrawn, worker or f"ibs-{symbol}", session, symbol=symbol, **more)

    def renews(self, symbol: str, worker: str = "", session: str = "s1") -> list[Decision]:
        return self.says(EntryRenewed, worker or f"ibs-{symbol}", session, symbol=symbol)

    def starts(
        self, worker: str, session: str = "s1", symbols: str = "", positions: str = ""
    ) -> list[Decision]:
        return self.says(WorkerStarted, worker, session, symbols=symbols, positions=positions)

    def stops(self, worker: str, session: str = "s1") -> list[Decision]:
        return self.says(WorkerStopped, worker, session, reason="end of the day")

    # --- operators and the leader ------------------------------------------------------------------------

    def halt(self) -> list[Decision]:
        return self.hears(TradingHalted(by="ann", reason="news"))

    def resume(self, *, force: bool = False) -> list[Decision]:
        return self.hears(TradingResumed(by="ann", reason="calm again", force=force))

    def flatten(self) -> list[Decision]:
        return self.hears(FlattenRequested(by="ann", reason="going home"))

    def settle(
        self,
        symbol: str,
        size: int,
        pnl: str = "0",
        price: str = "100",
        side: str = "long",
        worker: str = "",
    ) -> list[Decision]:
        return self.hears(
            PositionSettled(
                by="ann",
                reason="as the broker says",
                symbol=symbol,
                worker=worker or f"ibs-{symbol}",
                side="long" if side == "long" else "short",
                size=size,
                price=Decimal(price),
                pnl=Decimal(pnl),
            )
        )

    # --- the account -------------------------------------------------------------------------------------

    def account_says(
        self,
        equity: str,
        positions: str = "",
        *,
        working: str = "",
        unrealized: str = "0",
        name: str = "DU1",
        after: int = SECOND,
        as_of: int | None = None,
    ) -> list[Decision]:
        """The account is reported `after` so many milliseconds, as it was half a second before."""
        now = self.ms + after
        report = AccountReported(
            account=name,
            source="paper",
            as_of_ms=now - 500 if as_of is None else as_of,
            equity=Decimal(equity),
            realized=Decimal(0),
            unrealized=Decimal(unrealized),
            positions=positions,
            working=working,
        )
        return self.hears(report, at=now)

    def settle_account(self, name: str = "DU1") -> list[Decision]:
        return self.hears(AccountSettled(by="ann", reason="as the broker says", account=name))

    def cash(self, amount: str) -> list[Decision]:
        return self.hears(CashMoved(by="ann", reason="by wire", amount=Decimal(amount)))

    def retires(self, worker: str) -> list[Decision]:
        return self.hears(WorkerRetired(by="ann", reason="its machine is gone", worker=worker))

    def change_limits(self, **changed: Any) -> list[Decision]:
        """Two people order limits, so that all of them count at once; a file is signed by nobody."""
        changed.setdefault("second", "" if changed.get("config") else "a second person")
        return self.hears(limits(**changed))

    def orders(self, by: str = "ann", at: int | None = None, **changed: Any) -> list[Decision]:
        """One person orders limits: what loosens counts from the next trading day."""
        return self.hears(limits(by=by, reason="as ordered", **changed), at=at)

    def loses_worker(self, worker: str, session: str = "s1") -> list[Decision]:
        return self.hears(WorkerLost(worker=worker, session=session, silent_ms=5000))

    # --- readings ----------------------------------------------------------------------------------------

    @property
    def pnl(self) -> Decimal:
        return daily_pnl(self.state)

    @property
    def stopped_out(self) -> bool:
        return self.state.stop is not None

    @property
    def latched(self) -> dict[str, str]:
        """What is latched of the limits of money, and until when."""
        return {rule: lock.until for rule, lock in self.state.locks.items()}

    @property
    def halted(self) -> bool:
        return self.state.halt is not None

    @property
    def open(self) -> list[str]:
        """What is open, as `ES:long:1`, sorted."""
        return sorted(f"{held.symbol}:{held.side}:{held.size}" for held in self.state.positions.values())


def only(kind: type[Kind], decisions: Iterable[Decision]) -> Kind:
    """The one decision of this kind there must be."""
    [found] = each(kind, decisions)
    return found


def each(kind: type[Kind], decisions: Iterable[Decision]) -> list[Kind]:
    return [decision for decision in decisions if isinstance(decision, kind)]


def kinds(decisions: Iterable[Decision]) -> list[str]:
    """The types of the decisions, in order."""
    return [type(decision).__name__ for decision in decisions]


def code(answer: Decision) -> str:
    """Why it was denied, or `allowed`."""
    return answer.code if isinstance(answer, EntryDenied) else "allowed"
