"""One run: the world of a seed, what its schedule has happen there, and the peace afterwards in which all must end.

When the schedule is through, faults stop: everybody is started who is down, clocks are put right. Then the
backlog has to drain, orders to flatten have to end, and whoever asks has to be answered.
"""

import hashlib
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any, cast
from unittest import mock

from msgspec import Struct, structs

from config import Configuration, load
from coordinator import leader
from coordinator import process as coordinator_process
from coordinator.configured import configured_limits
from events.incoming import LimitsChanged
from tests.simulation.account import Account
from tests.simulation.coordinators import CoordinatorSeat
from tests.simulation.operators import OperatorSeat, write_by_hand
from tests.simulation.schedule import (
    COORDINATORS,
    DAY,
    FLATTENER,
    OPERATOR,
    WORKERS,
    Happening,
    Schedule,
    Temper,
    drawn,
    only,
)
from tests.simulation.scheduler import Violation
from tests.simulation.traders import FlattenerSeat, WorkerSeat
from tests.simulation.wire import Fault
from tests.simulation.world import World
from workers.heartbeat import Heartbeat
from workers.listener import Listener

_PRICES = {"ES": Decimal(5000), "CL": Decimal(70), "SI": Decimal(30)}
_QUIET_MS = 60_000
_LOOK_MS = 250
_EVENTS_A_SNAPSHOT = 15


class Outcome(Struct, frozen=True):
    """What came of a run. `violation` is empty when all held; `digest` stands for everything that happened."""

    seed: int
    events: int
    decisions: int
    epochs: int
    calls: int
    struck: dict[str, int]
    decided: dict[str, int]
    digest: str
    trace: tuple[str, ...] = ()
    invariant: str = ""
    violation: str = ""


def simulate(seed: int, events: int = 300, kept: Collection[int] | None = None, *, traced: bool = False) -> Outcome:
    """Runs the schedule of `seed`; with `kept` only its happenings of these numbers."""
    schedule = only(drawn(seed, events), kept)
    return Run(seed, schedule, traced=traced).outcome()


class Run:
    """One schedule in one world."""

    def __init__(self, seed: int, schedule: Schedule, *, traced: bool = False) -> None:
        self.schedule = schedule
        temper = schedule.temper
        configuration = _configured(temper)
        account = Account(configuration.contracts, _PRICES)
        self.world = World(seed, temper, configuration, account)
        if traced:
            self.world.network.trace = []
        self._random = Random(f"{seed}:run")
        self.leaders = [CoordinatorSeat(self.world, name) for name in COORDINATORS[: temper.coordinators]]
        self.workers = {name: WorkerSeat(self.world, name, symbol) for name, symbol in WORKERS.items()}
        self.flattener = FlattenerSeat(self.world, FLATTENER)
        self.operator = OperatorSeat(self.world, OPERATOR)

    def outcome(self) -> Outcome:
        """Runs to the end, or to the first violation."""
        violation = None
        with _in_simulated_time(self._random, configured_limits(self.world.configuration)):
            try:
                self._play()
                self._make_peace()
                self._all_ends()
                self.world.judge.audit()
            except Violation as found:
                violation = found
            finally:
                self.world.close()
        return self._told(violation)

    # --- the schedule -------------------------------------------------------------------------------------

    def _play(self) -> None:
        scheduler = self.world.scheduler
        for number, seat in enumerate(self.world.seats.values()):
            scheduler.at(20 * number, None, seat.start)
        for happening in self.schedule.happenings:
            scheduler.at(happening.ms, None, partial(self._happen, happening))
        scheduler.run(self.schedule.happenings[-1].ms if self.schedule.happenings else 0)

    def _happen(self, happening: Happening) -> None:
        _, who, what, how = happening
        self.world.network.tell(f"-- {what} {who} {how}")
        seat = self.world.seats.get(who)
        if what == "fault" and seat is not None:
            seat.faults.append(Fault(**how))
        elif what == "kill" and seat is not None:
            seat.die()
        elif isinstance(seat, CoordinatorSeat):
            self._to_coordinator(seat, what, how)
        elif isinstance(seat, WorkerSeat):
            self._to_worker(seat, what, how)
        elif isinstance(seat, OperatorSeat):
            seat.act(partial(_named(seat, what), **how))
        else:
            self._to_world(what, how)

    def _to_coordinator(self, seat: CoordinatorSeat, what: str, how: dict[str, Any]) -> None:
        if what == "stop":
            seat.stop()
        if what == "cut off":
            self._cut_off(seat.name, how["ms"])

    def _to_worker(self, seat: WorkerSeat, what: str, how: dict[str, Any]) -> None:
        if what == "cut off":
            self._cut_off(seat.name, how["ms"])
        elif seat.ready:
            seat.act(partial(_named(seat, what), **how))
        elif what == "fill":
            self.world.account.fill_working(seat.name)

    def _to_world(self, what: str, how: dict[str, Any]) -> None:
        world = self.world
        match what:
            case "price" | "crash price":
                tick = world.account.contracts[how["symbol"]].tick_size
                world.account.prices[how["symbol"]] += tick * how["ticks"]
            case "garbage" | "copy" | "forged":
                write_by_hand(world, what, how["which"])
            case "ahead":
                at = max(world.server_ms(), world.server.last(world.keys.events).ms) + how["ms"] + 1
                world.server.add(world.keys.events, f"{at}-{how['seq']}", ["type", "ClockTicked"])
            case "clock forward":
                world.skew_ms += how["ms"]
            case "clock back":
                world.skew_ms -= how["ms"]
            case "clock right":
                self._put_clock_right()
            case "next day":
                world.skew_ms += how["days"] * DAY
            case "server away":
                world.network.away = True
                world.later(how["ms"], self._server_back)
            case "lease removed":
                world.server.delete(world.keys.leader)
            case "snapshot lost":
                world.server.delete(world.keys.snapshot)
            case "snapshot damaged":
                self._damage_snapshot()

    def _put_clock_right(self) -> None:
        """To where the log is, at least."""
        behind_ms = self.world.server.last(self.world.keys.events).ms - self.world.server_ms()
        self.world.skew_ms += max(0, behind_ms + 1)

    def _server_back(self) -> None:
        self.world.network.away = False

    def _cut_off(self, name: str, ms: int) -> None:
        cut_off = self.world.network.cut_off
        cut_off.add(name)
        self.world.later(ms, partial(cut_off.discard, name))

    def _damage_snapshot(self) -> None:
        key, server = self.world.keys.snapshot, self.world.server
        text = server.value(key)
        if self._random.random() < 0.3 or not isinstance(text, str):
            server.put(key, {"some": "hash"})
        else:
            place = self._random.randrange(len(text))
            server.put(key, text[:place] + self._random.choice(("", "7", "x")) + text[place + 1 :])

    # --- the peace ----------------------------------------------------------------------------------------

    def _make_peace(self) -> None:
        """No faults any more, everybody up, the clock at least where the log is."""
        world = self.world
        world.network.away = False
        world.network.cut_off.clear()
        self._put_clock_right()
        for seat in world.seats.values():
            seat.faults.clear()
            seat.start()
        world.account.working.clear()
        self._until(lambda: self._everybody_is_up() and world.judge.drained, "the backlog drains")
        unsettled, on_log = world.judge.place.state.unsettled, world.judge.book.held
        for leg, size in self._at_broker().items():
            if on_log.get(leg, 0) < size and leg not in unsettled:
                raise Violation("what the broker holds the log holds, or says that it differs", self._situation())

    def _all_ends(self) -> None:
        """Differences are settled, everything is ordered closed and is closed, then trading goes on."""
        self._until(self._left_to_flatten_is_not_held, "ordered flattens end")
        self.operator.act(self.operator.settle_differences)
        self._until(self._settled, "the log agrees with the broker once it is settled")
        self.operator.act(self.operator.flatten)
        self._until(self._flat, "ordered flattens end")
        self.operator.act(self.operator.resume_by_force)
        self._until(self._somebody_is_answered, "whoever asks is answered")

    def _somebody_is_answered(self) -> bool:
        """Asks, and looks whether it was answered; a worker may still have something to do from before."""
        worker, stats = self.workers["cat"], self.world.judge.place.state.stats
        asked = stats.total_entries_requested
        worker.act(partial(worker.abandon, "long", 1))
        self.world.scheduler.run(self.world.scheduler.now + _LOOK_MS)
        return stats.total_entries_requested > asked

    def _until(self, come: Callable[[], bool], invariant: str) -> None:
        """Lets time pass until it has come; Violation when it does not."""
        scheduler = self.world.scheduler
        deadline = scheduler.now + _QUIET_MS
        while not come():
            if scheduler.now > deadline:
                raise Violation(invariant, self._situation())
            scheduler.run(scheduler.now + _LOOK_MS)

    def _everybody_is_up(self) -> bool:
        """Announced, and with nothing left to report."""
        return all(
            seat.ready and seat.gate._presence.announced and not seat.gate._publisher.waiting
            for seat in (*self.workers.values(), self.flattener)
        )

    def _left_to_flatten_is_not_held(self) -> bool:
        """What is still on a list to close is not at the broker as the log has it: nobody can close that."""
        flatten = self.world.judge.place.state.flatten
        held = self._at_broker()
        return flatten is None or not any(held.get(leg) for leg in flatten.left)

    def _settled(self) -> bool:
        judge = self.world.judge
        return judge.drained and not judge.place.state.unsettled and judge.book.held == self._at_broker()

    def _flat(self) -> bool:
        state, account = self.world.judge.place.state, self.world.account
        return not (state.positions or state.flatten or account.held)

    def _at_broker(self) -> dict[str, int]:
        held = self.world.account.held.values()
        return {f"{one.symbol}:{one.side}:{one.owner}": one.size for one in held}

    def _situation(self) -> str:
        judge, state = self.world.judge, self.world.judge.place.state
        return (
            f"decided up to {judge.place.cursor} of {self.world.server.last(self.world.keys.events)}; on the log "
            f"{judge.book.held}, at the broker {self._at_broker()}, unsettled {list(state.unsettled)}, "
            f"flattening {state.flatten.left if state.flatten else 'nothing'}"
        )

    # --- the story ----------------------------------------------------------------------------------------

    def _told(self, violation: Violation | None) -> Outcome:
        world = self.world
        struck: dict[str, int] = {}
        for fault in world.network.struck:
            struck[fault.kind] = struck.get(fault.kind, 0) + 1
        events, decisions = (world.server.stream(key) for key in (world.keys.events, world.keys.decisions))
        decided: dict[str, int] = {}
        digest = hashlib.sha256(repr((world.scheduler.now, world.network.calls, world.network.trace)).encode())
        for stream in (events, decisions):
            for entry in stream.entries if stream is not None else ():
                digest.update(repr(entry).encode())
                if stream is decisions:
                    decided[entry.fields[1]] = decided.get(entry.fields[1], 0) + 1
        return Outcome(
            seed=world.seed,
            events=len(events.entries) if events else 0,
            decisions=len(decisions.entries) if decisions else 0,
            epochs=world.judge.epoch,
            calls=world.network.calls,
            struck=struck,
            decided=decided,
            digest=digest.hexdigest(),
            trace=tuple(world.network.trace or ()),
            invariant=violation.invariant if violation else "",
            violation=str(violation) if violation else "",
        )


def _named(seat: object, what: str) -> Callable[..., None]:
    """What the schedule calls by this name."""
    return cast("Callable[..., None]", getattr(seat, what.replace(" ", "_")))


@cache
def _packaged() -> Configuration:
    return load(None, {}, Path("/"))


def _configured(temper: Temper) -> Configuration:
    packaged = _packaged()
    runtime = structs.replace(
        packaged.runtime,
        lease_ms=temper.lease_ms,
        max_contracts=temper.max_contracts,
        reservation_seconds=temper.reservation_ms / 1000,
        answer_seconds=temper.answer_ms / 1000,
        flatten_seconds=temper.flatten_ms / 1000,
        heartbeat_seconds=1.0,
        worker_lost_seconds=2.5,
        on_worker_lost=temper.on_worker_lost,
        bus_loss_seconds=4.0,
        on_bus_loss=temper.on_bus_loss,
        mark_seconds=0.5,
        mark_stale_seconds=20.0,
    )
    portfolio = structs.replace(
        packaged.portfolio,
        max_positions=temper.max_positions,
        daily_stop_loss=Decimal(temper.daily_stop_loss),
        symbols=("ES", "CL", "SI"),
    )
    return structs.replace(packaged, runtime=runtime, portfolio=portfolio)


@contextmanager
def _in_simulated_time(random: Random, limits: LimitsChanged) -> Iterator[None]:
    """No threads, since every loop's steps are taken by the scheduler; and names drawn from the seed."""
    with ExitStack() as patches:
        for loop in (Listener, Heartbeat):
            patches.enter_context(mock.patch.object(loop, "start", lambda _: None))
        names = lambda count: f"{random.getrandbits(8 * count):0{2 * count}x}"  # noqa: E731
        patches.enter_context(mock.patch.object(secrets, "token_hex", names))
        patches.enter_context(mock.patch.object(coordinator_process, "version", cache(version)))
        patches.enter_context(mock.patch.object(coordinator_process, "configured_limits", lambda _: limits))
        patches.enter_context(mock.patch.object(leader, "_EVENTS_A_SNAPSHOT", _EVENTS_A_SNAPSHOT))
        yield
