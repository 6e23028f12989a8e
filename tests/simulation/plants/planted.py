"""Bugs to plant: each takes one safeguard out. The simulation has to find every one, or it proves nothing."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from typing import Any
from unittest import mock

from msgspec import structs

from portfold.coordinator.fold import fill_names, repeats
from portfold.coordinator.fold.effects import (
    entry,
    ordered_limits,
    positions,
    presence,
    resuming,
    time_passing,
)
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.state import State
from portfold.events.decisions import Decision, EntryAllowed, EventRejected
from portfold.events.fields import Side
from portfold.events.incoming import (
    EntryRequested,
    PositionClosed,
    PositionOpened,
    TradingResumed,
    WorkerLost,
    WorkerStopped,
)
from portfold.events.message import WorkerEvent
from portfold.events.stream_id import StreamId
from portfold.workers.brokers.order import ExitFill, Fill, OrderOutcome
from portfold.workers.brokers.orders_book import PERHAPS_OPEN, BrokerOrder, Orders
from portfold.workers.brokers.protocol import BrokerError, BrokerPosition, MaySend, always
from portfold.workers.brokers.traderspost import webhook
from portfold.workers.brokers.traderspost.believed import Believed
from portfold.workers.brokers.traderspost.last_moment import SendAttempt
from portfold.workers.client.requests import Requests
from portfold.workers.flattener.flattener import Flattener
from tests.simulation.broker.account import OwnBroker
from tests.simulation.memory import server as memory_server
from tests.simulation.plants.account_plants import ACCOUNT_PLANTS
from tests.simulation.plants.exposure_plants import EXPOSURE_PLANTS, EXPOSURE_RULES_TO_SHOW
from tests.simulation.plants.money_plants import MONEY_PLANTS, MONEY_RULES_TO_SHOW
from tests.simulation.plants.pace_plants import PACE_PLANTS, PACE_RULES_TO_SHOW
from tests.simulation.rules.in_force import InForce, just


@contextmanager
def _no_epoch_check() -> Iterator[None]:
    """Whoever once led may commit."""
    with mock.patch.object(memory_server, "epoch_fits", return_value=True):
        yield


@contextmanager
def _no_cursor_check() -> Iterator[None]:
    """A batch is committed wherever the log has got to."""
    with mock.patch.object(memory_server, "cursor_fits", return_value=True):
        yield


@contextmanager
def _no_dedupe() -> Iterator[None]:
    """What is published twice is folded twice."""
    notes = repeats.is_repeat

    def never(state: State, event: WorkerEvent) -> bool:
        notes(state, event)
        return False

    with mock.patch.object(repeats, "is_repeat", never):
        yield


@contextmanager
def _no_reservation() -> Iterator[None]:
    """Allowing takes no slot."""
    allows = entry.allow

    def allow(state: State, limits: Limits, at: StreamId, request: EntryRequested) -> EntryAllowed:
        before = dict(state.reservations)
        allowed = allows(state, limits, at, request)
        state.reservations = before
        return allowed

    with mock.patch.object(entry, "allow", allow):
        yield


@contextmanager
def _no_look_at_the_retired() -> Iterator[None]:
    """Who is lost may be retired, whatever it may hold."""
    with mock.patch.object(presence, "_at_stake", return_value=""):
        yield


# --- where orders meet a broker ---------------------------------------------------------------------------


@contextmanager
def _sends_again() -> Iterator[None]:
    """After a broken connection the order is sent again."""
    answered = webhook.Webhook.attempt

    def attempt(self: webhook.Webhook, *order: Any) -> webhook.WebhookAnswer:
        answer = answered(self, *order)
        return answer._replace(outcome="given_up") if answer.outcome == "unknown" else answer

    with mock.patch.object(webhook.Webhook, "attempt", attempt):
        yield


@contextmanager
def _does_not_ask() -> Iterator[None]:
    """Right before an entry is written nobody asks whether its slot still stands."""
    makes = SendAttempt.__init__

    def make(self: SendAttempt[Any], _may_send: MaySend) -> None:
        makes(self, always)

    with mock.patch.object(SendAttempt, "__init__", make):
        yield


@contextmanager
def _own_clock_alone() -> Iterator[None]:
    """Whether a slot has expired is seen by the worker's own clock, which stands still while it sleeps."""

    with mock.patch.object(Requests, "_expired", return_value=False):
        yield


@contextmanager
def _exit_settles_unknown_entry() -> Iterator[None]:
    """An exit that was taken is believed to have closed an entry of which nobody knows."""
    exits = Believed.exited

    def exited(self: Believed, order: BrokerOrder, *, sure: int, everything: bool) -> ExitFill | None:
        for unknown in self.orders.of(order.owner, order.symbol, PERHAPS_OPEN):
            if unknown.does == "enter" and everything:
                self.note(unknown, "not_filled", "closed by the exit")
        return exits(self, order, sure=sure, everything=everything)

    with mock.patch.object(Believed, "exited", exited):
        yield


@contextmanager
def _late_answer_is_dropped() -> Iterator[None]:
    """An answer that comes after the order was given up is not heard."""
    with mock.patch.object(webhook.Webhook, "_pass_on_late"):
        yield


@contextmanager
def _not_written_down_first() -> Iterator[None]:
    """An order is in the book only once it was answered: who dies in between has never sent it."""
    writes = Orders.write

    def write(self: Orders, order: BrokerOrder) -> None:
        if order.state != "sending":
            writes(self, order)

    with mock.patch.object(Orders, "write", write):
        yield


@contextmanager
def _death_frees_the_slot() -> Iterator[None]:
    """A worker that is lost gives its slots back, whatever was filled of them."""
    loses = presence.lost

    def lost(state: State, at: StreamId, event: WorkerLost) -> list[Decision]:
        found = loses(state, at, event)
        freed = [key for key, one in state.reservations.items() if one.worker == event.worker]
        return [*found, *(entry.expire(state, key, "the worker was lost") for key in freed)]

    with mock.patch.object(presence, "lost", lost):
        yield


@contextmanager
def _stop_frees_the_slot() -> Iterator[None]:
    """A worker that stops gives its slots back, whatever was filled of them."""
    stops = presence.stopped

    def stopped(state: State, at: StreamId, event: WorkerStopped) -> list[Decision]:
        found = stops(state, at, event)
        gone = state.workers[event.worker].session == event.session
        freed = [key for key, one in state.reservations.items() if gone and one.worker == event.worker]
        return [*found, *(entry.expire(state, key, "the worker stopped") for key in freed)]

    with mock.patch.object(presence, "stopped", stopped):
        yield


@contextmanager
def _second_close_is_not_counted() -> Iterator[None]:
    """Of two closes at the same price the second counts as the first again, under whatever name."""
    knows = fill_names.reported_before

    def reported(state: State, event: PositionOpened | PositionClosed) -> EventRejected | None:
        if isinstance(event, PositionClosed) and state.day.exits:
            return EventRejected(reason="PositionClosed: closed already", rejected="PositionClosed")
        return knows(state, event)

    with mock.patch.object(positions, "reported_before", reported):
        yield


@contextmanager
def _old_order_closes_all() -> Iterator[None]:
    """An order to close covers whatever is open when it is carried out, also after a resume."""

    def covered(_: Flattener, _order: object, held: list[BrokerPosition]) -> list[BrokerPosition]:
        return list(held)

    with mock.patch.object(Flattener, "_covered_by", covered):
        yield


@contextmanager
def _failed_close_is_reported() -> Iterator[None]:
    """The flattener reports what it was to close, whether the broker did or not."""
    closes = Flattener.close_leg

    def close(self: Flattener, held: BrokerPosition, cause: str) -> None:
        try:
            closes(self, held, cause)
        except BrokerError:
            nothing = Decimal(0)
            name = f"wish-{held.owner}-{held.symbol}-{held.price}"
            self._report(ExitFill(*held_as(held), held.price, nothing, name, held.price, nothing), cause)

    def held_as(held: BrokerPosition) -> tuple[str, str, Side, int]:
        return held.owner, held.symbol, held.side, held.size

    with mock.patch.object(Flattener, "close_leg", close):
        yield


@contextmanager
def _part_is_taken_for_the_whole() -> Iterator[None]:
    """An order filled in part is told as filled whole."""
    enters = OwnBroker.enter

    def enter(
        self: OwnBroker, symbol: str, side: Side, size: int, price: Decimal, **more: Any
    ) -> OrderOutcome[Fill]:
        (part,) = enters(self, symbol, side, size, price, **more).fills
        return OrderOutcome(size, "filled", (structs.replace(part, size=size),))

    with mock.patch.object(OwnBroker, "enter", enter):
        yield


@contextmanager
def _loosens_at_once() -> Iterator[None]:
    """What one person orders counts at once, whatever it allows."""
    with mock.patch.object(ordered_limits, "at_once", lambda _in_force, ordered: ordered):
        yield


@contextmanager
def _new_day_opens_scopes() -> Iterator[None]:
    """What is closed apart is open again with the next trading day."""
    rolls = time_passing.roll

    def roll(state: State, at: StreamId) -> list[Decision]:
        state.scopes.clear()
        return rolls(state, at)

    with mock.patch.object(time_passing, "roll", roll):
        yield


@contextmanager
def _resume_opens_scopes() -> Iterator[None]:
    """A resume of the whole opens what is closed apart."""
    lifts = resuming.resumed

    def resumed(state: State, at: StreamId, event: TradingResumed) -> list[Decision]:
        if event.scope is None:
            state.scopes.clear()
        return lifts(state, at, event)

    with mock.patch.object(resuming, "resumed", resumed):
        yield


@contextmanager
def _resume_lifts_a_lockout() -> Iterator[None]:
    """A resume of the whole lifts a lockout before its moment."""
    lifts = resuming.resumed

    def resumed(state: State, at: StreamId, event: TradingResumed) -> list[Decision]:
        state.lockout = None
        return lifts(state, at, event)

    with mock.patch.object(resuming, "resumed", resumed):
        yield


PLANTS: Mapping[str, Callable[[], AbstractContextManager[None]]] = {
    "no-epoch-check": _no_epoch_check,
    "no-cursor-check": _no_cursor_check,
    "no-dedupe": _no_dedupe,
    "no-reservation": _no_reservation,
    "loosens-at-once": _loosens_at_once,
    "new-day-opens-scopes": _new_day_opens_scopes,
    "resume-opens-scopes": _resume_opens_scopes,
    "resume-lifts-a-lockout": _resume_lifts_a_lockout,
    "no-look-at-the-retired": _no_look_at_the_retired,
    "sends-again": _sends_again,
    "does-not-ask": _does_not_ask,
    "own-clock-alone": _own_clock_alone,
    "exit-settles-unknown-entry": _exit_settles_unknown_entry,
    "late-answer-is-dropped": _late_answer_is_dropped,
    "not-written-down-first": _not_written_down_first,
    "death-frees-the-slot": _death_frees_the_slot,
    "stop-frees-the-slot": _stop_frees_the_slot,
    "second-close-is-not-counted": _second_close_is_not_counted,
    "old-order-closes-all": _old_order_closes_all,
    "failed-close-is-reported": _failed_close_is_reported,
    "part-is-taken-for-the-whole": _part_is_taken_for_the_whole,
    **ACCOUNT_PLANTS,
    **MONEY_PLANTS,
    **EXPOSURE_PLANTS,
    **PACE_PLANTS,
}
"""By the names that `--plant` takes."""
_TO_SHOW = {**MONEY_RULES_TO_SHOW, **EXPOSURE_RULES_TO_SHOW, **PACE_RULES_TO_SHOW}
RULES_TO_SHOW: Mapping[str, InForce] = {name: just(rules) for name, rules in _TO_SHOW.items()}
"""Under which rules some of them soon show."""
