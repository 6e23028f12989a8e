"""A realistic log, made from a seed: ten workers trade for weeks within the packaged limits.

Every entry has the fields it would have in the stream. Each event is decided by the production fold as soon
as it is added, and the next one follows from that answer. So the log has requests allowed and denied, fills,
withdrawals, slots that expire, marks every minute, closes, a stop on bad days with the flattening after it,
days that roll over weekends, and now and then a repeat or an entry that cannot be read.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import NamedTuple

from msgspec import Struct

from portfold.config import Configuration, Contract, load
from portfold.config.locate import PACKAGED
from portfold.coordinator.configured import configured_limits
from portfold.coordinator.fold.effects.time_passing import next_deadline
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.coordinator.fold.state import State
from portfold.coordinator.store.ledger import Decided, decide
from portfold.dollars import gross_pnl
from portfold.events.chain import GENESIS
from portfold.events.codec import encode
from portfold.events.decisions import EntryAllowed, StopLossTriggered
from portfold.events.fields import Side
from portfold.events.incoming import (
    ClockTicked,
    CoordinatorStarted,
    EntryRequested,
    EntryWithdrawn,
    Event,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    WorkerStarted,
)
from portfold.events.legs import Holding, holdings_text
from portfold.events.stream_id import StreamId

_FIRST_OPEN_MS = int(datetime(2025, 1, 5, 23, tzinfo=UTC).timestamp() * 1000)  # a Sunday, 17:00 in Chicago
_MINUTE_MS = 60_000
_DAY_MS = 1440 * _MINUTE_MS
_MINUTES_A_DAY = 23 * 60
_COMMISSION = Decimal("5.00")
_MOST_A_MINUTE = 8  # dollars that a contract moves
# Chances: of a bad day; of a price that moves in favour of a position, on a good day (about enough to pay the
# commission) and on a bad day; of a request in a minute without a position, and of a close with one.
_BAD_DAY, _IN_FAVOUR, _IN_FAVOUR_ON_A_BAD_DAY, _ASKS, _CLOSES = 0.15, 0.55, 0.25, 0.3, 0.08


class LogEntry(NamedTuple):
    """An entry of the events stream."""

    id: StreamId
    fields: list[str]


class _Worker(Struct):
    """One worker: its price in ticks, its session, the number of its last event and what it holds."""

    name: str
    contract: Contract
    ticks: int
    session: str = ""
    seq: int = 0
    held: Holding | None = None

    @property
    def price(self) -> Decimal:
        return self.ticks * self.contract.tick_size

    def event(self, kind: Callable[..., Event], **fields: object) -> Event:
        self.seq += 1
        return kind(worker=self.name, session=self.session, seq=self.seq, **fields)


def realistic_log(count: int, seed: int) -> list[LogEntry]:
    """Returns the first `count` entries of the log with this seed."""
    trading = _Trading(load(str(PACKAGED), {}, Path.cwd()), Random(seed))
    trading.begin()
    while len(trading.log) < count:
        trading.trade_a_day()
    return trading.log[:count]


class _Trading:
    """The account, the clock and the log while they are made."""

    def __init__(self, configuration: Configuration, random: Random) -> None:
        self.log: list[LogEntry] = []
        self._limits = configured_limits(configuration)
        self._workers = [
            _Worker(f"ibs-{symbol}", configuration.contracts[symbol], 5_000)
            for symbol in configuration.portfolio.symbols
        ]
        self._random = random
        self._state = State()
        self._chain = GENESIS
        self._days = 0
        self._at = StreamId(_FIRST_OPEN_MS, 0)

    def begin(self) -> None:
        """Adds the start of a coordinator and the limits it puts in force."""
        self._add(CoordinatorStarted(leader="host.1.abc", epoch=1, fold=FOLD_VERSION, version="0.1.0"))
        self._add(self._limits)

    def trade_a_day(self) -> None:
        """Trades the 23 hours of a day, minute by minute; workers start anew each day."""
        week, weekday = divmod(self._days, 5)
        opens_ms = _FIRST_OPEN_MS + (7 * week + weekday) * _DAY_MS
        self._days += 1
        bad = self._random.random() < _BAD_DAY
        for worker in self._workers:
            worker.session, worker.seq = f"{opens_ms}-{self._random.getrandbits(32):08x}", 0
            held = holdings_text([worker.held]) if worker.held else ""
            self._add(worker.event(WorkerStarted, symbols=worker.contract.symbol, positions=held), opens_ms)
        for minute in range(1, _MINUTES_A_DAY):
            self._trade_a_minute(opens_ms + minute * _MINUTE_MS, bad=bad)

    def _trade_a_minute(self, ms: int, *, bad: bool) -> None:
        due_ms = next_deadline(self._state)
        if due_ms is not None and due_ms <= ms:
            self._add(ClockTicked(), due_ms)
        self._at = max(self._at, StreamId(ms, 0))
        for worker in self._workers:
            self._move_price(worker, bad=bad)
            if worker.held is not None:
                self._manage(worker, worker.held)
            elif self._random.random() < _ASKS:
                self._ask(worker)
        if self._random.random() < 0.01:
            self._add_fields(["type", "PositionMarked", "worker", "by hand", "price", "NaN"])
        if self._random.random() < 0.01:
            self._add_fields(self.log[-1].fields)

    def _move_price(self, worker: _Worker, *, bad: bool) -> None:
        most = max(1, int(_MOST_A_MINUTE / worker.contract.tick_value))
        in_favour = self._random.random() < (_IN_FAVOUR_ON_A_BAD_DAY if bad else _IN_FAVOUR)
        up = in_favour == (worker.held is None or worker.held.side == "long")
        worker.ticks += self._random.randint(0, most) * (1 if up else -1)

    # --- what a worker does ------------------------------------------------------------------------------

    def _ask(self, worker: _Worker) -> None:
        symbol = worker.contract.symbol
        side: Side = "long" if self._random.random() < 0.6 else "short"
        decided = self._add(
            worker.event(EntryRequested, symbol=symbol, side=side, size=1, strategy="IBS on hourly bars")
        )
        if not isinstance(decided.decisions[-1], EntryAllowed):
            return
        chance = self._random.random()
        if chance < 0.93:
            worker.held = Holding(symbol, side, 1, worker.price)
            self._add(
                worker.event(
                    PositionOpened,
                    symbol=symbol,
                    side=side,
                    size=1,
                    price=worker.price,
                    fill=self._name_of_a_fill(),
                )
            )
        elif chance < 0.98:
            self._add(worker.event(EntryWithdrawn, symbol=symbol, reason="Refused by the spread filter"))

    def _manage(self, worker: _Worker, held: Holding) -> None:
        if self._random.random() < _CLOSES:
            self._close(worker, held, "ibs")
            return
        gross = self._gross(worker, held)
        self._add(
            worker.event(
                PositionMarked, symbol=held.symbol, side=held.side, price=worker.price, unrealized=gross
            )
        )

    def _close(self, worker: _Worker, held: Holding, reason: str) -> None:
        worker.held = None
        self._add(
            worker.event(
                PositionClosed,
                symbol=held.symbol,
                side=held.side,
                size=held.size,
                price=worker.price,
                commission=_COMMISSION,
                pnl=self._gross(worker, held) - _COMMISSION,
                reason=reason,
                fill=self._name_of_a_fill(),
            )
        )

    def _gross(self, worker: _Worker, held: Holding) -> Decimal:
        return gross_pnl(held.side, held.price, worker.price, held.size, worker.contract.point_value)

    def _name_of_a_fill(self) -> str:
        return f"{self._random.getrandbits(128):032x}"

    # --- the log -----------------------------------------------------------------------------------------

    def _add(self, event: Event, ms: int | None = None) -> Decided:
        """Adds the event; after a stop every worker closes at once."""
        decided = self._add_fields(encode(event), ms)
        if any(isinstance(decision, StopLossTriggered) for decision in decided.decisions):
            for worker in self._workers:
                if worker.held is not None:
                    self._close(worker, worker.held, "daily stop loss")
        return decided

    def _add_fields(self, fields: list[str], ms: int | None = None) -> Decided:
        """Adds an entry, at `ms` or a few milliseconds after the last one, and decides it."""
        later_ms = max(self._at.ms + self._random.randint(0, 5), ms or 0)
        self._at = StreamId(later_ms, self._at.seq + 1 if later_ms == self._at.ms else 0)
        decided = decide(self._state, self._chain, self._at, fields)
        self._chain = decided.chain
        self.log.append(LogEntry(self._at, fields))
        return decided
