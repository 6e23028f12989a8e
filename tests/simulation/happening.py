"""Has the happenings of a schedule happen: to a process, to the world, or done by somebody in it."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, cast

from tests.simulation.broker.mishaps import Mishap
from tests.simulation.memory.wire import Fault
from tests.simulation.schedule import DAY, Happening
from tests.simulation.seats.cast import Cast
from tests.simulation.seats.coordinators import CoordinatorSeat
from tests.simulation.seats.operators import OperatorSeat, write_by_hand
from tests.simulation.seats.traders import WorkerSeat
from tests.simulation.seats.world import Seat, World


class Happenings:
    """What may happen to this cast and its world."""

    def __init__(self, cast: Cast) -> None:
        self._world = cast.world
        self._random = Random(f"{cast.world.seed}:happenings")

    def happen(self, happening: Happening) -> None:
        """Has it happen now, or begin to."""
        _, who, what, how = happening
        if self._world.network.trace is not None:
            self._world.network.tell(f"== {what} {who} {how}")
        seat = self._world.seats.get(who)
        if seat is None:
            self._to_world(what, how)
        elif what == "fault":
            seat.faults.append(Fault(**how))
        elif what == "kill":
            seat.die()
        elif what == "leave":
            seat.leave()
            self._world.later(how["ms"], partial(_is_back, self._world, seat))
        elif what == "sleep":
            self._sleep(seat, how["ms"])
        elif what == "cut off":
            self._cut_off(seat, how["ms"])
        else:
            self._by_somebody(seat, what, how)

    def _by_somebody(self, seat: Seat, what: str, how: dict[str, Any]) -> None:
        match seat:
            case CoordinatorSeat() if what == "stop":
                seat.stop()
            case WorkerSeat() if not seat.ready:
                if what == "fill":
                    self._world.account.fill_working(seat.name)  # the market does not wait for him
            case WorkerSeat() | OperatorSeat():
                act = cast("Callable[..., None]", getattr(seat, what.replace(" ", "_")))
                seat.act(partial(act, **how))

    def _to_world(self, what: str, how: dict[str, Any]) -> None:
        world = self._world
        match what:
            case "price" | "crash price":
                tick = world.account.contracts[how["symbol"]].tick_size
                world.account.prices[how["symbol"]] += tick * how["ticks"]
            case "mishap":
                world.brokers.mishaps.add(Mishap(**how))
            case "by hand":
                world.account.open_by_hand(**how)
            case "otherwise":
                world.desk.otherwise.append(how["as_"])
            case "account unreadable":
                world.account.unreadable_until = world.scheduler.now + how["ms"]
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
                world.put_clock_right()
            case "next day":
                world.skew_ms += how["days"] * DAY
            case "server away":
                world.network.away = True
                world.later(how["ms"], partial(_be_back, world))
            case "lease removed":
                world.server.delete(world.keys.leader)
            case "snapshot lost":
                world.server.delete(world.keys.snapshot)
            case "snapshot damaged":
                self._damage_snapshot()

    def _cut_off(self, seat: Seat, ms: int) -> None:
        cut_off = self._world.network.cut_off
        cut_off.add(seat.name)
        self._world.later(ms, partial(cut_off.discard, seat.name))

    def _sleep(self, seat: Seat, ms: int) -> None:
        """Its machine does."""
        if seat.process is not None:
            sleeps = partial(seat.process.machine_sleeps, ms)
            self._world.scheduler.at(self._world.scheduler.now, seat.actor(), sleeps)

    def _damage_snapshot(self) -> None:
        """One character of it is gone or another; or something else lies there."""
        key, server = self._world.keys.snapshot, self._world.server
        text = server.value(key)
        if not isinstance(text, str) or self._random.random() < 0.3:
            server.put(key, {"some": "hash"})
        else:
            place = self._random.randrange(len(text))
            server.put(key, text[:place] + self._random.choice(("", "7", "x")) + text[place + 1 :])


def _is_back(world: World, seat: Seat) -> None:
    if not world.quiet:
        seat.start()


def _be_back(world: World) -> None:
    world.network.away = False
