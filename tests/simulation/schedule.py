"""What is to happen in one run, drawn from its seed beforehand: a list to read, cut down and replay.

Each seed has a temper: it leaves some kinds of happening out and repeats others, so that rare things come
together with few others as well as with many.
"""

from random import Random
from typing import Any, NamedTuple

from portfold.events.fields import Side
from tests.simulation.broker.mishaps import OF_FILLS, OF_SIGNALS, Mishap, MishapKind
from tests.simulation.memory.wire import Fault, FaultKind
from tests.simulation.rules.in_force import InForce, of_seed
from tests.simulation.rules.of_exposure import drawn_about_exposure
from tests.simulation.rules_of_money import Rules, drawn_orders
from tests.simulation.seats.lockouts import drawn_lockouts
from tests.simulation.seats.scopes import drawn_scoped
from tests.simulation.watch import OPERATOR, Watch, drawn_odd, drawn_watch

COORDINATORS = ("leader-a", "leader-b", "leader-c")
WORKERS = {"ann": "ES", "bob": "ES", "cat": "CL", "dan": "SI"}
FLATTENER = "flattener"
SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EVENTS_A_HAPPENING = 0.52
_GAP_MS = 50


class Happening(NamedTuple):
    """At `ms`, `what` happens to `who`, or is done by him; `how` are the particulars."""

    ms: int
    who: str
    what: str
    how: dict[str, Any]

    def __str__(self) -> str:
        particulars = " ".join(f"{name}={value}" for name, value in self.how.items() if value not in ("", 0))
        return f"{self.ms / 1000:8.3f} s  {self.who or 'world':9}  {self.what} {particulars}".rstrip()


class Temper(NamedTuple):
    """How this seed's portfolio and machines are set up; times in milliseconds."""

    begins_ms: int
    coordinators: int
    lease_ms: int
    max_positions: int
    max_contracts: int
    daily_stop_loss: int
    reservation_ms: int
    flatten_ms: int
    answer_ms: int
    on_worker_lost: str
    on_bus_loss: str
    broker: str
    send_ms: int
    watch: Watch | None = None
    rules: Rules | None = None


class Schedule(NamedTuple):
    """All that is drawn from one seed."""

    temper: Temper
    happenings: list[Happening]


# --- what may happen, and how often -----------------------------------------------------------------------

_TRADING = {
    "enter": 34,
    "exit": 14,
    "mark": 10,
    "enter in part": 5,
    "fill": 7,
    "cancel": 2,
    "abandon": 3,
    "order and wait": 4,
}
_ODD = {"fill unasked": 1, "close again": 1, "misreport": 4, "report twice": 1, "quit": 1}
_ORDERS = {
    "halt": 2,
    "resume": 12,
    "resume by force": 8,
    "flatten": 2,
    "kill switch": 2,
    "limits": 3,
    "settle": 16,
    "retire": 12,
}
_BY_HAND = {"garbage": 6, "copy": 5, "ahead": 1, "forged": 1}
_WORLD = {"price": 10, "crash price": 5}
_CLOCK = {"clock forward": 2, "clock back": 2, "next day": 2, "clock right": 8}
_BROKER = {"mishap": 1}
_OUTAGES = {
    "server away": 1,
    "cut off": 2,
    "kill": 2,
    "leave": 1,
    "sleep": 2,
    "stop": 1,
    "lease removed": 1,
    "snapshot lost": 1,
    "snapshot damaged": 1,
}
_GROUPS = [
    (_TRADING, 70),
    (_WORLD, 8),
    (_ODD, 4),
    (_ORDERS, 10),
    (_BY_HAND, 4),
    (_CLOCK, 4),
    (_OUTAGES, 5),
    (_BROKER, 6),
    ({"fault": 1}, 6),
]
_FAULTS: dict[FaultKind, int] = {
    "crash before": 3,
    "crash after": 4,
    "lost command": 2,
    "lost answer": 4,
    "late command": 3,
    "twice": 3,
    "pause before": 5,
    "pause after": 3,
    "sleep before": 2,
    "sleep after": 2,
}
_CALLS_OF_A_LEADER = {
    "": 3,
    "committing decisions": 6,
    "reading a stream": 2,
    "adding an event": 2,
    "taking the lead": 2,
    "renewing the lease": 2,
    "writing the snapshot": 1,
    "reading the head": 1,
}
_CALLS_OF_A_WORKER = {
    "": 2,
    "adding an event": 6,
    "reading a stream": 2,
    "reading orders": 1,
    "sending": 1,
    "asking whether": 2,
}
_PAUSES_MS = (1, 5, 30, 100, 300, 700, 1500, 4000)
_SLEEPS_MS = (300, 1500, 4000, 8000)
_NAPS_MS = (800, 1500, 2200, 2200, 6000)
_MOVES = (-40, -12, -5, -2, -1, 1, 2, 4, 8)
_SIDES: tuple[Side, ...] = ("long", "long", "short")


def drawn(seed: int, events: int, rules: InForce | None = None) -> Schedule:
    """The schedule of `seed`, of about `events` events; under these rules, or those of the seed."""
    random = Random(f"{seed}:schedule")
    temper = _temper(random)
    kinds, weights = _kinds(random)
    count = max(4, round(events / _EVENTS_A_HAPPENING))
    ms, happenings = 500, []
    for what in random.choices(kinds, cum_weights=weights, k=count):
        ms += 1 + int(random.expovariate(1 / _GAP_MS))
        if what == "fault":
            happenings.append(_fault(random, temper, ms))
        else:
            who, how = _particulars(random, temper, what)
            happenings.append(Happening(ms, who, what, how))
    watch = drawn_watch(seed)
    if watch is not None:
        temper = temper._replace(watch=watch)
        odd = [Happening(*one) for one in drawn_odd(seed, watch, ms)]
        happenings = sorted([*happenings, *odd], key=lambda one: one.ms)
    in_force = of_seed(seed) if rules is None else rules
    temper = temper._replace(rules=in_force.together)
    if in_force.money is not None:
        ordered = [Happening(*one) for one in drawn_orders(seed, ms)]
        happenings = sorted([*happenings, *ordered], key=lambda one: one.ms)
    if in_force.exposure is not None:
        leaders = COORDINATORS[: temper.coordinators]
        drawn_about = drawn_about_exposure(seed, leaders, ms, holidays=in_force.holidays)
        about = [Happening(*one) for one in drawn_about]
        happenings = sorted([*happenings, *about], key=lambda one: one.ms)
    scoped = [Happening(*one) for one in drawn_scoped(seed, OPERATOR, WORKERS, ms)]
    locked = [Happening(*one) for one in drawn_lockouts(seed, OPERATOR, ms)]
    happenings = sorted([*happenings, *scoped, *locked], key=lambda one: one.ms)
    return Schedule(temper, happenings)


def _temper(random: Random) -> Temper:
    # Wednesday 15 January 2025 in Chicago, 10:00, or 10 s before its roll at 17:00.
    morning = 1_736_956_800_000
    return Temper(
        begins_ms=random.choice((morning, morning, morning + 7 * HOUR - 10 * SECOND)),
        coordinators=random.choice((2, 2, 3)),
        lease_ms=random.choice((600, 1200, 2400)),
        max_positions=random.choice((1, 2, 3)),
        max_contracts=random.choice((2, 3, 5)),
        daily_stop_loss=random.choice((200, 600, 600, 1500)),
        reservation_ms=random.choice((700, 2000, 5000, 5000)),
        flatten_ms=random.choice((500, 2000)),
        answer_ms=random.choice((200, 600)),
        on_worker_lost=random.choice(("hold", "flatten")),
        on_bus_loss=random.choice(("hold", "flatten")),
        broker=random.choice(("fills", "signals")),
        send_ms=random.choice((100, 400)),
    )


def _kinds(random: Random) -> tuple[list[str], list[float]]:
    """What may happen, with summed weights; trading always, each other group more, less or not at all."""
    kinds: list[str] = []
    weights: list[float] = []
    for group, share in _GROUPS:
        tempered = share * (1 if group is _TRADING or group is _WORLD else random.choice((0, 1, 1, 2)))
        for what, weight in group.items():
            kinds.append(what)
            weights.append((weights[-1] if weights else 0) + tempered * weight / sum(group.values()))
    return kinds, weights


def _chosen(random: Random, weights: dict[str, int]) -> str:
    return random.choices(list(weights), list(weights.values()))[0]


def _fault(random: Random, temper: Temper, ms: int) -> Happening:
    kind = random.choices(list(_FAULTS), list(_FAULTS.values()))[0]
    leaders = COORDINATORS[: temper.coordinators]
    who = random.choice((*leaders, *leaders, *WORKERS, FLATTENER))
    calls = _CALLS_OF_A_LEADER if who in leaders else _CALLS_OF_A_WORKER
    fault = Fault(
        kind,
        on=_chosen(random, calls),
        skip=random.choice((0, 0, 0, 1, 2, 5)),
        ms=random.choice(_PAUSES_MS),
        later_ms=random.choice(_PAUSES_MS),
    )
    return Happening(ms, who, "fault", fault._asdict())


def _mishap(random: Random, temper: Temper) -> dict[str, Any]:
    kinds = OF_SIGNALS if temper.broker == "signals" else OF_FILLS
    often: tuple[MishapKind, ...] = ("part", "part") if "part" in kinds else ("late answer", "no answer")
    kind = random.choice((*kinds, "sleeps", "dies", *often))
    return Mishap(
        kind,
        on=random.choice(("enter", "enter", "enter", "exit", "")),
        skip=random.choice((0, 0, 0, 1, 2)),
        ms=random.choice(_NAPS_MS if kind == "sleeps" else _PAUSES_MS),
        later_ms=random.choice((0, 0, *_PAUSES_MS)),
        arrives=random.random() < 0.7,
    )._asdict()


def _particulars(random: Random, temper: Temper, what: str) -> tuple[str, dict[str, Any]]:
    worker = random.choice(list(WORKERS))
    leaders = COORDINATORS[: temper.coordinators]
    symbol = random.choice(list(WORKERS.values()))
    match what:
        case "enter" | "enter in part" | "abandon" | "order and wait" | "fill unasked" | "misreport":
            return worker, {"side": random.choice(_SIDES), "size": random.choice((1, 1, 1, 2, 3))}
        case "mishap":
            return "", _mishap(random, temper)
        case "price" | "crash price":
            return "", {
                "symbol": symbol,
                "ticks": random.choice(_MOVES) * (20 if what == "crash price" else 1),
            }
        case "limits":
            return OPERATOR, {"max_positions": random.randint(1, 4), "max_contracts": random.randint(1, 5)}
        case "garbage" | "copy" | "forged":
            return "", {"which": random.randrange(10_000)}
        case "ahead":
            return "", {
                "ms": random.choice((5, SECOND, MINUTE, DAY)),
                "seq": random.choice((0, 3, 2**64 - 1)),
            }
        case "clock forward" | "clock back":
            return "", {"ms": random.choice((30, 700, 700, 5 * SECOND, HOUR))}
        case "next day":
            return "", {"days": random.choice((1, 1, 3))}
        case "server away":
            return "", {"ms": random.choice((100, 800, 3000))}
        case "cut off":
            return random.choice((*leaders, *WORKERS)), {"ms": random.choice((100, 800, 3000, 8000))}
        case "kill":
            return random.choice((*leaders, *WORKERS, FLATTENER)), {}
        case "leave":
            return worker, {"ms": random.choice((8, 15, 30)) * SECOND}
        case "sleep":
            return random.choice((*leaders, *WORKERS, *WORKERS, FLATTENER)), {"ms": random.choice(_SLEEPS_MS)}
        case "stop":
            return random.choice(leaders), {}
        case "clock right" | "lease removed" | "snapshot lost" | "snapshot damaged":
            return "", {}
        case _ if what in _ORDERS:
            return OPERATOR, {}
    return worker, {}
