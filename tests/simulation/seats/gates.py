"""Processes behind a production gate: its listener and its heartbeat take their steps in simulated time."""

from collections.abc import Callable, Generator, Iterable
from functools import partial
from typing import Unpack

from portfold.events.codec import decode_decision
from portfold.events.decisions import EntryAllowed
from portfold.events.fields import Side
from portfold.events.legs import Holding
from portfold.events.wire.bus import Entry
from portfold.workers.client.amount import PlannedLoss
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.client.context import GateEnvironment
from portfold.workers.client.decision import Decision
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from tests.simulation.memory.wire import Wire
from tests.simulation.scheduler import Actor, Process, Violation
from tests.simulation.seats.world import PORTFOLIO, Seat, World, ended

_HEARS_WITHIN_MS = 150


class WatchedGate(PortfolioGate):
    """A gate whose yes is compared with what lies on the log."""

    world: World

    def request_entry(
        self,
        symbol: str,
        side: Side = "long",
        size: int = 1,
        *,
        strategy: str = "",
        hold: bool = False,
        **plan: Unpack[PlannedLoss],
    ) -> Decision:
        account = self.world.account
        plan = plan or self.world.plans.of(account.contracts[symbol], side, account.prices[symbol])
        decision = super().request_entry(symbol, side, size, strategy=strategy, hold=hold, **plan)
        if decision.allowed and not self._is_on_the_log(decision):
            raise Violation("a gate says yes only where the log does", f"{self.worker}: {decision.event}")
        return decision

    def standing(self, decision: Decision, *, seconds: float = 0.0) -> bool:
        stands = super().standing(decision, seconds=seconds)
        if stands:
            self.world.law.stands(self.worker, decision)
        return stands

    @property
    def idle(self) -> bool:
        """Whether it is announced, and has nothing left to report."""
        return self._presence.announced and not self._publisher.waiting

    def listening(self) -> Generator[float, None, None]:
        """The listener's steps, from when there is one: without the bus there is not."""
        while self._presence.listener is None:
            yield 0.1
        yield from self._presence.listener.steps()

    def beating(self) -> Generator[float, None, None]:
        """The heartbeat's steps."""
        return self._presence.heartbeat.steps()

    def _is_on_the_log(self, decision: Decision) -> bool:
        if decision.event is None:
            return False
        server, key = self.world.server, self.world.keys.decisions
        found = server.after(key, decision.event.before_decisions(), 100)
        own = [decode_decision(entry.fields[:-4]) for entry in found if entry.id.event() == decision.event]
        return any(isinstance(one, EntryAllowed) and one.symbol == decision.symbol for one in own)


class GateSeat(Seat):
    """Whoever sits here has a gate, does things (`main`), hears orders and gives signs of life."""

    main: Actor
    gate: WatchedGate

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        temper = world.temper
        runtime = world.configuration.runtime
        self.settings = GateSettings(
            portfolio=PORTFOLIO,
            answer_seconds=temper.answer_ms / 1000,
            heartbeat_seconds=runtime.heartbeat_seconds,
            worker_lost_seconds=runtime.worker_lost_seconds,
            bus_loss_seconds=runtime.bus_loss_seconds,
            on_bus_loss=runtime.on_bus_loss,
            mark_seconds=runtime.mark_seconds,
            mark_stale_seconds=runtime.mark_stale_seconds,
        )
        self.log = world.law.log(name)
        self._steps: list[Generator[float, None, None]] = []

    # --- for each kind ------------------------------------------------------------------------------------

    def open(self, process: Process, wire: Wire) -> None:
        """Makes the gate, and what stands before it; `start_gate` is the last it does."""
        raise NotImplementedError

    # --- the same for all ---------------------------------------------------------------------------------

    def begin(self, process: Process, wire: Wire) -> None:
        self.main = self.actor(self.world.temper.answer_ms)
        self._ready = False
        self._to_do = 0
        self.act(partial(self.open, process, wire))

    def act(self, action: Callable[[], None]) -> None:
        """Has the process do something, as soon as it has done what it does now."""
        if self.process is not None:
            self._to_do += 1
            self.world.scheduler.at(self.world.scheduler.now, self.main, partial(self._do, action))

    def _do(self, action: Callable[[], None]) -> None:
        action()
        self._to_do -= 1

    @property
    def idle(self) -> bool:
        """Whether somebody is here who is announced, with nothing left to do or to report."""
        return self.ready and not self._to_do and self.gate.idle

    @property
    def ready(self) -> bool:
        """Whether somebody is here who has started up."""
        return self.process is not None and self._ready

    def make_gate(
        self,
        process: Process,
        wire: Wire,
        symbols: tuple[str, ...],
        holdings: Callable[[], Iterable[Holding]] = tuple,
        hears: Callable[[Entry], FlattenOrder | None] | None = None,
    ) -> WatchedGate:
        """A gate on this process's clock and wire."""
        self.gate = WatchedGate(
            self.name,
            symbols=symbols,
            settings=self.settings,
            holdings=holdings,
            hears=hears,
            log=self.log,
            environment=GateEnvironment(clock=process, bus=wire, begin=_at_once),
        )
        self.gate.world = self.world
        return self.gate

    def start_gate(self) -> None:
        """`PortfolioGate.start`, with steps where threads would be."""
        self.gate.start()
        self._steps = [self.gate.listening(), self.gate.beating()]
        hearing, beating = (partial(next, steps, None) for steps in self._steps)
        listener = self.stepper(hearing, _HEARS_WITHIN_MS)
        self.world.wake(listener, self.world.keys.decisions, self.world.keys.killswitch)
        for stepper in (listener, self.stepper(beating, 0)):
            stepper.begin()
        self._ready = True

    def forget(self) -> None:
        for steps in self._steps:
            ended(steps.close)


def _at_once(act: Callable[[], None]) -> None:
    """Orders are carried out by whoever hears them: the listener's and the heartbeat's steps are threads."""
    act()
