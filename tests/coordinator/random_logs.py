"""Random logs for the laws of the fold: few names and small steps of time, so that events collide.

Everything a stream can carry may come: what workers and operators say in any order, repeats, garbage, deaths,
ticks, a weekend's silence, and between them whole trades, so that there is something to collide with.

Nearly all that a law costs is the drawing of its logs, and each draw costs alike: so what belongs together is
drawn at once, as who speaks, which leg, how long a pause.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import strategies as st
from msgspec import structs

from portfold.coordinator.fold.fold import FOLD_VERSION, fold
from portfold.coordinator.fold.state import State
from portfold.events.account import AccountReported, AccountSettled, CashMoved
from portfold.events.codec import decode_event
from portfold.events.decisions import Decision, EntryAllowed
from portfold.events.incoming import (
    ClockTicked,
    CoordinatorStarted,
    EntryRenewed,
    EntryRequested,
    EntryWithdrawn,
    Event,
    FlattenRequested,
    LogTailMissing,
    LossAcknowledged,
    Malformed,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    PositionSettled,
    StopMoved,
    TradingHalted,
    TradingResumed,
    WorkerLost,
    WorkerRetired,
    WorkerStarted,
    WorkerStopped,
)
from portfold.events.message import WorkerEvent
from portfold.events.stream_id import StreamId
from tests.coordinator.published import PUBLISHED
from tests.coordinator.random_limits import any_limits, any_of
from tests.coordinator.story import DAY, HOUR, MINUTE, SECOND, WEDNESDAY

Log = list[tuple[StreamId, Event | Malformed]]
"""Events as they lie in a stream."""


class _Said(NamedTuple):
    """An event, `gap_ms` after the one before.

    `repeat`: under a number its session has used already. `if_allowed`: where the last request was allowed.
    """

    event: Event | Malformed
    gap_ms: int
    repeat: bool = False
    if_allowed: bool = False


class Moment(NamedTuple):
    """One event as it was folded, with what could be seen of the state just before it."""

    at: StreamId
    event: Event | Malformed
    decisions: list[Decision]
    day_before: str
    open_before: frozenset[str]
    halted_before: bool
    state: State
    """The state, still the same object for all moments: look at it only while it is new."""


# --- who, what, how much ----------------------------------------------------------------------------------


_WORKERS = ["ann", "bob", "flattener"]
_SYMBOLS = ["ES"] * 3 + ["CL"] * 3 + ["SI", "NQ"]
_SIDES = ["long", "long", "short"]
_speakers = any_of(worker=_WORKERS, session=["s1"] * 7 + ["s2"], seq=[0])
_symbols = any_of(symbol=_SYMBOLS)
_legs = any_of(symbol=_SYMBOLS, side=_SIDES)
_sized_legs = any_of(symbol=_SYMBOLS, side=_SIDES, size=[1, 1, 1, 2, 3])
_prices = st.sampled_from(
    [Decimal(text) for text in ("100", "101.25", "-37.63", "0", "999999999.9999999999")]
)
_dollars = st.sampled_from(
    [Decimal(text) for text in ("0", "120", "-400", "-999.99", "-1000", "3000", "-999999999.9999999999")]
)
_pauses = any_of(
    gap_ms=[0, 0, 0] + [1] * 12 + [7, 7, SECOND, SECOND, 10 * SECOND, MINUTE, HOUR, DAY, DAY, 3 * DAY, 2**62],
    repeat=[False] * 9 + [True],
)


def _by_worker(
    kind: Any, about: st.SearchStrategy[dict[str, Any]] | None = None, **fields: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    def say(speaker: dict[str, Any], about: dict[str, Any], **drawn: Any) -> Any:
        return kind(**speaker, **about, **drawn)

    return st.builds(say, _speakers, st.just({}) if about is None else about, **fields)


_risks = st.sampled_from([Decimal(0), Decimal(0), Decimal("130.01"), Decimal(350)])
_requests = _by_worker(EntryRequested, _sized_legs, risk=_risks)
_fill_names = st.sampled_from(["", "", "", "broker-1", "broker-2", "broker-3"])
_fills = _by_worker(PositionOpened, _sized_legs, price=_prices, fill=_fill_names)
_closes = _by_worker(
    PositionClosed,
    _sized_legs,
    price=_prices,
    commission=st.sampled_from([Decimal(0), Decimal(5), Decimal("-999999999.9999999999")]),
    pnl=_dollars,
    owner=st.sampled_from(["", "", "ann", "bob"]),
    fill=_fill_names,
)
_marks = _by_worker(
    PositionMarked, _legs, price=_prices, unrealized=_dollars, owner=st.sampled_from(["", "", "ann", "bob"])
)
_stops = _by_worker(StopMoved, _legs, stop_price=_prices)
_holdings = st.lists(
    st.sampled_from(["ES:long:1:100", "ES:long:3:99.5", "ES:short:1:100", "CL:long:2:-37.63", "NQ:long:1:0"]),
    max_size=4,
).map(" ".join)


def _filled(request: EntryRequested) -> list[Event]:
    """A request and the fill it asked for."""
    return [
        request,
        PositionOpened(*_speaker(request), request.symbol, request.side, request.size, Decimal(100)),
    ]


def _traded(request: EntryRequested, price: Decimal, pnl: Decimal) -> list[Event]:
    """All of a trade: asked, filled, marked, closed."""
    leg = (request.symbol, request.side)
    return [
        *_filled(request),
        PositionMarked(*_speaker(request), *leg, price, pnl),
        PositionClosed(*_speaker(request), *leg, request.size, price, Decimal(5), pnl),
    ]


def _restarted(request: EntryRequested) -> list[Event]:
    """A trade whose worker comes back with its position."""
    holding = f"{request.symbol}:{request.side}:{request.size}:100"
    return [*_filled(request), WorkerStarted(*_speaker(request), request.symbol, holding)]


def _reported_late(request: EntryRequested, pnl: Decimal, *, opens: bool) -> list[Event]:
    """A trade whose worker comes back as another process; only then a report of the old one arrives."""
    old = structs.replace(request, session="s1")
    asked, filled, back = _restarted(old)
    closed = PositionClosed(*_speaker(old), old.symbol, old.side, old.size, Decimal(100), Decimal(5), pnl)
    return [asked, filled, structs.replace(back, session="s2"), filled if opens else closed]


def _speaker(event: WorkerEvent) -> tuple[str, str, int]:
    return event.worker, event.session, event.seq


_reports = st.builds(
    lambda said, held: AccountReported(**said, as_of_ms=0, realized=Decimal(0), positions=held),
    any_of(
        account=["DU1"] * 7 + ["DU2"],
        source=["paper"],
        equity=[Decimal(50_000)] * 3 + [Decimal(49_000), Decimal("-999999999.9999999999")],
        unrealized=[Decimal(0), Decimal(-400)],
        working=["", "", "ES=1"],
        equity_as_of_ms=[0, 1, 10**15],
    ),
    _holdings,
)
_orders = st.one_of(
    any_limits,
    st.sampled_from([TradingHalted(by="ann", reason="news"), FlattenRequested(by="ann", reason="enough")]),
    st.builds(
        lambda leg, price, pnl: PositionSettled("ann", "", **leg, price=price, pnl=pnl),
        any_of(symbol=_SYMBOLS, worker=_WORKERS, side=_SIDES, size=[0, 0, 1, 2]),
        _prices,
        _dollars,
    ),
)
_resumes = st.sampled_from([TradingResumed(by="ann", reason="", force=force) for force in (False, True)])
_leaders = any_of(
    leader=["host"],
    epoch=[*range(10)],
    fold=[FOLD_VERSION, FOLD_VERSION, 4, 3, 2, 1],
    worker_lost_ms=[0, 5000],
).map(lambda fields: CoordinatorStarted(**fields))
_comings_and_goings = st.one_of(
    _by_worker(WorkerStarted, symbols=st.sampled_from(["", "ES", "ES CL"]), positions=_holdings),
    _by_worker(WorkerStopped),
    _speakers.map(lambda lost: WorkerLost(lost["worker"], lost["session"], silent_ms=5000)),
    _leaders,
    _by_worker(LogTailMissing, saw=st.sampled_from(["1-0", f"{WEDNESDAY}-3", f"{2**62}-{2**62}"])),
    st.just(LossAcknowledged(by="ann", reason="restored")),
    st.just(LossAcknowledged(by="ann", reason="restored")),
    st.just(AccountSettled(by="ann", reason="looked", account="DU1")),
    st.sampled_from(PUBLISHED),
    st.sampled_from([CashMoved("ann", "", Decimal(500)), CashMoved("ann", "", Decimal(-500))]),
    st.sampled_from([WorkerRetired(by="ann", reason="", worker=worker) for worker in _WORKERS]),
)
_garbage = st.lists(
    st.sampled_from(["type", "EntryRequested", "seq", "NaN", "\x1b[2J", "é" * 200]), max_size=6
)

_utterances: st.SearchStrategy[list[Event | Malformed]] = st.one_of(
    _requests.map(_filled),
    _requests.map(_restarted),
    st.builds(_traded, _requests, _prices, _dollars),
    st.builds(_reported_late, _requests, _dollars, opens=st.booleans()),
    _requests.map(lambda request: [request]),
    _closes.map(lambda close: [close]),
    _marks.map(lambda mark: [mark]),
    _stops.map(lambda stop: [stop]),
    _by_worker(EntryWithdrawn, _symbols).map(lambda withdrawn: [withdrawn]),
    _by_worker(EntryRenewed, _symbols).map(lambda renewed: [renewed]),
    _orders.map(lambda order: [order]),
    _reports.map(lambda report: [report]),
    _resumes.map(lambda resume: [resume]),
    _comings_and_goings.map(lambda event: [event]),
    st.one_of(
        _fills,
        st.just(ClockTicked()),
        _garbage.map(decode_event),
    ).map(lambda event: [event]),
)


def _spaced(utterances: list[tuple[list[Event | Malformed], dict[str, Any]]]) -> list[_Said]:
    """What follows a request in one breath is only said if it was allowed."""
    return [
        _Said(event, pause["gap_ms"] if index == 0 else 1, repeat=pause["repeat"], if_allowed=index > 0)
        for events, pause in utterances
        for index, event in enumerate(events)
    ]


# --- as they lie in a stream ------------------------------------------------------------------------------


def _written(leads: Event, first: Event, said: list[_Said]) -> Log:
    """Each event with its ID, workers' events with their numbers."""
    log: Log = []
    state, at, allowed = State(), StreamId(WEDNESDAY, 0), True
    last: dict[tuple[str, str], int] = {}
    for one in [_Said(leads, 0), _Said(first, 0), *said]:
        if one.if_allowed and not allowed:
            continue
        ms = min(at.ms + one.gap_ms, 2**64 - 1)
        at = StreamId(ms, at.seq + 1 if ms == at.ms else 0)
        event = one.event
        if isinstance(event, AccountReported):
            as_of_ms = min(ms, 10**15)
            dollars_ms = min(event.equity_as_of_ms, as_of_ms)
            event = structs.replace(event, as_of_ms=as_of_ms, equity_as_of_ms=dollars_ms)
        if isinstance(event, WorkerEvent):
            session = (event.worker, event.session)
            last[session] = max(1, last.get(session, 0) + (0 if one.repeat else 1))
            event = structs.replace(event, seq=last[session])
        log.append((at, event))
        decisions = fold(state, at, event)
        if isinstance(event, EntryRequested):
            allowed = any(isinstance(decision, EntryAllowed) for decision in decisions)
    return log


logs = st.builds(
    _written,
    _leaders,
    any_limits,
    st.lists(st.tuples(_utterances, _pauses), min_size=10, max_size=60).map(_spaced),
)
"""A leader and limits first, so that something can happen; then anything."""


# --- told -------------------------------------------------------------------------------------------------


def moments(log: Log, state: State | None = None) -> Iterable[Moment]:
    """Folds the log, event by event."""
    state = State() if state is None else state
    for at, event in log:
        day, is_open, halted = state.day.date, frozenset(state.positions), state.halt is not None
        decisions = fold(state, at, event)
        yield Moment(at, event, decisions, day, is_open, halted, state)
