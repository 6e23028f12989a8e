"""A process's way to the server, on which everything can go wrong that goes wrong on networks and machines.

A fault is given beforehand and strikes at a chosen call. Whatever it does, the server sees whole commands, in
some order, once, twice or never; and the process gets its answer, late, or never, or does not live to.
"""

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple, TypeVar, get_args

from portfold.events.wire.errors import BusUnreachable
from tests.simulation.memory.bus import MemoryBus
from tests.simulation.memory.server import MemoryServer
from tests.simulation.memory.stream import Refused
from tests.simulation.scheduler import Crashed, Process, Scheduler, Stepper, Violation

_Answer = TypeVar("_Answer")

FaultKind = Literal[
    "crash before",
    "crash after",
    "lost command",
    "lost answer",
    "late command",
    "twice",
    "pause before",
    "pause after",
    "sleep before",
    "sleep after",
]

KINDS: tuple[FaultKind, ...] = get_args(FaultKind)

WRITES = (
    "adding an event",
    "committing decisions",
    "taking the lead",
    "renewing the lease",
    "writing the snapshot",
    "sending a heartbeat",
    "publishing a step",
)


ASKS_WHETHER_IT_STANDS = "asking whether a yes still holds"


class Fault(NamedTuple):
    """Strikes at the call after `skip` others that begin with `on`.

    `ms`: how long the process is held up, its machine sleeps, or it waits for an answer in vain. `later_ms`:
    when a command that is late, or comes twice, arrives.
    """

    kind: FaultKind
    on: str = ""
    skip: int = 0
    ms: int = 0
    later_ms: int = 0

    def may_strike(self, doing: str) -> bool:
        return doing.startswith(self.on) and (self.kind not in ("late command", "twice") or doing in WRITES)


class Network:
    """What all wires have in common: the server may be away altogether. `calls` counts, `trace` tells."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.away = False
        self.cut_off: set[str] = set()
        self.calls = 0
        self.struck: list[Fault] = []
        self.trace: list[str] | None = None
        self.looked: Callable[[str], None] = lambda _: None
        """Is told of whoever asks whether a yes still holds, in the moment the server answers."""

    def tell(self, line: str) -> None:
        """Adds to the trace, where there is one."""
        if self.trace is not None:
            self.trace.append(f"{self.scheduler.now / 1000:8.3f}  {line}")


class Wire(MemoryBus):
    """The bus as `process` has it. `crash` ends the process."""

    def __init__(
        self, server: MemoryServer, name: str, network: Network, process: Process, crash: Callable[[], None]
    ) -> None:
        super().__init__(server, name, self._pass_time)
        self.faults: list[Fault] = []
        self._network = network
        self._scheduler = network.scheduler
        self._process = process
        self._crash = crash

    def _pass_time(self, ready: Callable[[], bool], ms: int) -> None:
        actor = self._scheduler.acting[-1]
        if isinstance(actor, Stepper):
            actor.waits_ms = ms  # between its steps
        else:
            self._scheduler.wait(self._process, ms, ready)

    def _ask(self, doing: str, effect: Callable[[], _Answer]) -> _Answer:
        process, network = self._process, self._network
        if process.dead:
            raise Crashed
        self._scheduler.go_on()
        network.calls += 1
        if network.trace is not None:
            network.tell(f"{process.name:9} {doing}")
        if network.away or process.name in network.cut_off:
            raise BusUnreachable(f"Redis did not answer while {doing}: connection refused")
        if doing == ASKS_WHETHER_IT_STANDS:
            effect = partial(self._looking, effect)
        fault = self._fault_at(doing) if self.faults else None
        try:
            return super()._ask(doing, effect) if fault is None else self._struck(fault, doing, effect)
        except Violation as found:
            self._scheduler.violation = self._scheduler.violation or found
            raise

    def _looking(self, effect: Callable[[], _Answer]) -> _Answer:
        self._network.looked(self._process.name)
        return effect()

    def _fault_at(self, doing: str) -> Fault | None:
        for index, fault in enumerate(self.faults):
            if fault.may_strike(doing):
                if fault.skip == 0:
                    return self.faults.pop(index)
                self.faults[index] = fault._replace(skip=fault.skip - 1)
        return None

    def _struck(self, fault: Fault, doing: str, effect: Callable[[], _Answer]) -> _Answer:
        kind = fault.kind
        self._network.struck.append(fault)
        self._network.tell(f"{self._process.name:9} {kind.upper()} {fault.ms} {fault.later_ms}")
        if kind == "pause before":
            self._scheduler.hold(self._process, fault.ms)
        if kind == "sleep before":
            self._process.machine_sleeps(fault.ms)
        if kind in ("twice", "late command"):
            self._arrives_later(fault, effect)
        if kind not in ("crash before", "lost command", "late command"):
            answer = super()._ask(doing, effect)
            if kind == "pause after":
                self._scheduler.hold(self._process, fault.ms)
            if kind == "sleep after":
                self._process.machine_sleeps(fault.ms)
            if kind in ("twice", "pause before", "pause after", "sleep before", "sleep after"):
                return answer
        if kind in ("crash before", "crash after"):
            self._crash()
            raise Crashed
        self._scheduler.hold(self._process, fault.ms)
        raise BusUnreachable(f"Redis did not answer while {doing}: {kind}")

    def _arrives_later(self, fault: Fault, effect: Callable[[], object]) -> None:
        def arrive() -> None:
            with contextlib.suppress(Refused):  # nobody is left to be told
                effect()

        self._scheduler.at(self._scheduler.now + fault.later_ms, None, arrive)
