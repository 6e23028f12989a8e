"""What the coordinator knows: the state that folding the log from its beginning arrives at.

Plain structs with small readings of themselves; only the fold changes them, and everything has a bound.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Literal, TypeVar

from msgspec import Struct, field

from portfold.bounds import MOST_DAYS
from portfold.coordinator.fold.account_state import Account
from portfold.coordinator.fold.limits import Limits, Loosening
from portfold.coordinator.fold.money_state import Apart, Capital, Day, Doubt, Lock, PastDay, Plan, WorkerDay
from portfold.coordinator.fold.pace.remembered import Pace, WorkerPace
from portfold.coordinator.fold.proofs.remembered import AllSigned
from portfold.coordinator.fold.scopes import ClosedScope
from portfold.coordinator.fold.windows.calendar import Calendar
from portfold.coordinator.fold.windows.locked_out import Lockout
from portfold.dollars import ZERO
from portfold.events.account import EQUITY
from portfold.events.decisions import EntryAllowed, EntryDenied
from portfold.events.fields import Count
from portfold.events.incoming import PositionClosed, PositionMarked, PositionOpened, PositionSettled
from portfold.events.legs import Leg, legs_text

POSITIONS_HELD = UNSETTLED_HELD = 64
CLOSES_REMEMBERED = FILLS_REMEMBERED = 1024
FILLS_OF_A_DAY = 8192
WORKERS_REMEMBERED = 256
SESSIONS_REMEMBERED = 32  # more than a crash loop makes: an event of any may still be on its way
ANSWERS_REMEMBERED = 8
CONFIGS_REMEMBERED = 64
DAYS_REMEMBERED = MOST_DAYS

Side = Literal["long", "short"]


def leg_key(symbol: str, side: str, worker: str) -> str:
    """Returns the key of a leg: what one worker holds on one side of one symbol is one position."""
    return f"{symbol}:{side}:{worker}"


def leg_of(event: PositionOpened | PositionClosed | PositionMarked | PositionSettled) -> str:
    """Returns the leg that an event about a position names."""
    return leg_key(event.symbol, event.side, event.holder)


class Reservation(Struct):
    """A slot kept free for an entry that was allowed: `size` contracts are still to be filled.

    Once its worker is lost or has stopped it may have been filled unreported: it is `kept`, and no time
    expires it. One that a flatten has taken back is `revoked`: nobody may use it, and what is filled of it
    was not granted. Each renewal makes it last `lasts_ms` more, 0 in what an earlier version granted.
    `entered`: it was filled in part. `plan` is what its request planned to lose, if it said so. `asked` is
    the session and number of the request, by which its worker knows it.
    """

    symbol: str
    side: Side
    size: int
    worker: str
    request: str
    expires_ms: int
    kept: bool = False
    lasts_ms: int = 0
    revoked: bool = False
    asked: str = ""
    entered: bool = False
    plan: Plan | None = None


class Position(Struct):
    """What one worker holds on one side of one symbol.

    `price` is the average entry, `unrealized` the last mark in dollars; `carried` is the part of it that
    already counted in an earlier trading day, `rolled` what it was when a day ended that did not count it.
    `doubt` is a mark that jumped and waits for a second one; `apart` one that waits for others of its moment,
    `moment_ms` the market's time of the last that counted, where it was told. `plan` is where its stop is,
    `made` the dollars that were realized of it, net, since it was opened.
    """

    symbol: str
    side: Side
    size: int
    price: Decimal
    worker: str
    opened: str
    opened_ms: int
    marked_ms: int
    mark: Decimal | None = None
    unrealized: Decimal = ZERO
    carried: Decimal = ZERO
    rolled: Decimal | None = None
    mark_disputed: bool = False
    mark_stale: bool = False
    doubt: Doubt | None = None
    moment_ms: int = 0
    apart: Apart | None = None
    plan: Plan | None = None
    made: Decimal = ZERO


_Held = TypeVar("_Held", Position, Reservation)


class Unsettled(Struct):
    """What log and broker disagree about: no entries on the symbol until somebody settles it."""

    symbol: str
    worker: str
    kind: str
    since: str


class Halt(Struct):
    """Entries are denied until a TradingResumed; with `flatten`, whatever still fills is closed at once."""

    by: str
    reason: str
    since: str
    flatten: bool = False


class TailMissing(Struct):
    """The log lost its end: `worker` saw the event `saw` on it, and reported at `since` that it is gone."""

    worker: str
    saw: str
    since: str


class Acknowledged(Struct):
    """Who answered, at the event `at`, to go on without `detail`; `removed`: the first and last taken off."""

    by: str
    reason: str
    detail: str
    at: str
    removed: str = ""


class Stop(Struct):
    """The day's stop has been triggered; `day` is the trading day it latched on. It `closes` what fills."""

    day: str
    daily_pnl: Decimal
    since: str
    closes: bool = True


class Flatten(Struct):
    """An episode: `left` names the legs not yet confirmed closed.

    `counted` is how many reminders there had been when the latest leg joined: the intervals grow from there.
    `closed_ms` is when the latest leg was confirmed closed: the account's word counts from after that. One
    that is not of `everything` is confirmed by what the account shows in its `symbols`.
    """

    episode: str
    cause: str
    started_ms: int
    deadline_ms: int
    left: list[str]
    reminders: int = 0
    next_reminder_ms: int = 0
    counted: int = 0
    closed_ms: int = 0
    everything: bool = True
    symbols: list[str] = field(default_factory=list)


class Worker(Struct):
    """A worker as its events show it.

    `seqs` holds the last number seen of each of its sessions, newest session last; `answers` the answers to
    its latest requests, by session and number, so that a repeat is answered alike. `said` is a digest of the
    last event of each session: another event of the same number is no repeat. `fills` are its latest fills
    with the events that reported them, each worker's apart; `openings`, since version 6, those that opened.
    At `forgot_ms` one of a day's names was pushed out; `closes_for_others`: it closed what others held.
    """

    session: str = ""
    symbols: tuple[str, ...] = ()
    presence: Literal["unannounced", "up", "lost", "stopped", "retired"] = "unannounced"
    seqs: dict[str, int] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    fills: dict[str, str] = field(default_factory=dict)
    openings: dict[str, str] = field(default_factory=dict)
    answers: dict[str, tuple[str, EntryAllowed | EntryDenied]] = field(default_factory=dict)
    today: WorkerDay | None = None
    pace: WorkerPace | None = None
    forgot_ms: int = 0
    closes_for_others: bool = False


class Stats(Struct):
    """Counts since the log began."""

    total_entries_requested: Count = 0
    total_entries_allowed: Count = 0
    total_entries_blocked: Count = 0
    total_exits: Count = 0
    stop_loss_triggers: Count = 0
    events_rejected: Count = 0
    limit_breaches: Count = 0
    most_positions: Count = 0


class State(Struct):
    """The whole portfolio. `positions`, `reservations` and `unsettled` are by `leg_key`.

    `lost` names the lost workers, `fills` the latest fills and the events that reported them, up to version
    3; since then they are with the worker. While `tail_missing`, entries are denied; `acknowledged` is the
    last loss that was. `config` is the digest of the configuration last put in force, `configs` those of all
    that ever were: none is put in force again. `led_since_ms` is when the latest leader took over,
    `worker_lost_ms` after how long a silence it counts a worker as lost. `account` is what is watched, and
    `net` the dollars realized since the log began, open profit apart. `capital` is the account's money where
    limits name it, `locks` are the limits that were reached, by rule, and `past` the trading days that are
    over, the latest last; `paused_on` is that of the last loss that denied entries for days. `scopes` are
    closed, by their names; `loosening` was ordered, and waits for a later day; `calendar` is there where any
    is known; `pace` is how often was entered, and lost.
    """

    limits: Limits | None = None
    day: Day = field(default_factory=Day)
    positions: dict[str, Position] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)
    unsettled: dict[str, Unsettled] = field(default_factory=dict)
    workers: dict[str, Worker] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    fills: dict[str, str] = field(default_factory=dict)
    halt: Halt | None = None
    stop: Stop | None = None
    flatten: Flatten | None = None
    tail_missing: TailMissing | None = None
    acknowledged: Acknowledged | None = None
    stats: Stats = field(default_factory=Stats)
    config: str = ""
    configs: list[str] = field(default_factory=list)
    epoch: int = 0
    fold_version: int = 0
    keys: int = 0
    signed: AllSigned = field(default_factory=AllSigned)
    led_since_ms: int = 0
    worker_lost_ms: int = 0
    account: Account | None = None
    net: Decimal = ZERO
    capital: Capital | None = None
    locks: dict[str, Lock] = field(default_factory=dict)
    past: list[PastDay] = field(default_factory=list)
    paused_on: str = ""
    scopes: dict[str, ClosedScope] = field(default_factory=dict)
    loosening: Loosening | None = None
    calendar: Calendar | None = None
    pace: Pace = field(default_factory=Pace)
    lockout: Lockout | None = None
    again: int = 0


def daily_pnl(state: State) -> Decimal:
    """Returns the trading day's P&L: net dollars, the worse of the log's figure and a watched account's."""
    total = reported_pnl(state)
    return total if state.account is None else _worse_of_account(state, state.account, total)


def reported_pnl(state: State) -> Decimal:
    """Returns the trading day's P&L as workers reported it, whatever the account says."""
    total = state.day.realized
    if counts_open(state):
        for position in state.positions.values():
            counted = position.carried if position.rolled is None else earlier(state, position)
            total += position.unrealized - counted
    return total


def account_pnl(state: State, account: Account) -> Decimal:
    """Returns what the account made since the trading day began; open P&L included where limits count it."""
    if counts_open(state):
        return account.equity - account.day_equity
    return account.equity - account.unrealized - account.day_balance


def _worse_of_account(state: State, account: Account, total: Decimal) -> Decimal:
    """A difference within its grace may be a fill on its way, so the log's figure counts until it is over; so
    it does while the account's is from before the log's latest close, or before the trading day.
    """
    counts = account_counts(account) and account.equity_ms >= account.day_since_ms
    return min(total, account_pnl(state, account)) if counts else total


def account_counts(account: Account) -> bool:
    """Returns whether the account's figure counts where it is worse than the log's."""
    equity = account.differences.get(EQUITY)
    in_doubt = account.is_behind if equity is None else not equity.stands
    return bool(account.as_of_ms) and not in_doubt


def counts_open(state: State) -> bool:
    """Returns whether open P&L counts for the day's stop."""
    return state.limits is not None and state.limits.stop_loss_on == "total"


def earlier(state: State, held: Position) -> Decimal:
    """Returns what of a position's P&L belongs to earlier days.

    That is what an earlier day counted. Where open P&L counts now but did not when that day ended, its open
    profit belongs there too: it must not pay for a loss of today. Its open loss never counted: it counts now.
    """
    if held.rolled is None or not counts_open(state):
        return held.carried
    return max(held.carried, held.rolled)


def slots_used(state: State) -> int:
    """Counts positions, and entries allowed but not yet filled: `max_positions` bounds them."""
    return len(state.positions.keys() | state.reservations.keys())


def contracts_used(state: State) -> int:
    """Counts contracts held or reserved: `max_contracts` bounds them."""
    held = sum(one.size for one in state.positions.values())
    return held + sum(reservation.size for reservation in state.reservations.values())


def has_slot(state: State, symbol: str, worker: str) -> bool:
    """Returns whether the worker has a slot in the symbol, on either side."""
    return any((one.symbol, one.worker) == (symbol, worker) for one in state.reservations.values())


def is_kept(state: State, key: str) -> bool:
    """Returns whether a slot on the leg `key` is kept for a worker that is gone and may have filled it."""
    return key in state.reservations and state.reservations[key].kept


def first_of(held: Mapping[str, _Held], symbol: str) -> _Held | None:
    """Returns the first in the symbol, of positions or of slots."""
    return next((one for one in held.values() if one.symbol == symbol), None)


def open_symbols(state: State) -> list[str]:
    """Returns the symbols in a position, sorted."""
    return sorted({position.symbol for position in state.positions.values()})


def legs_named(state: State, keys: Iterable[str]) -> str:
    """Lists the positions named by `keys` as decisions do, in the order of their names."""
    held = (state.positions[key] for key in sorted(keys))
    return legs_text(Leg(position.symbol, position.side, position.size, position.worker) for position in held)
