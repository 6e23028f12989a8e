"""What a seed draws of the account: whether it is watched, how, and what happens to it at the broker.

Drawn apart from all else, so that a seed without a watched account is the run that it would be anyway.
"""

from random import Random
from typing import Any, Literal, NamedTuple, get_args

from portfold.events.fields import Side

Otherwise = Literal["never", "twice", "other price"]
"""How TradersPost's account may have filled an entry that is believed filled."""

OTHERWISE: tuple[Otherwise, ...] = get_args(Otherwise)
WATCHERS = ("watcher", "watcher-2")
OPERATOR = "operator"
_GAP_MS = 1_000
_SYMBOLS = ("ES", "CL", "SI")
_SIDES: tuple[Side, ...] = ("long", "short")
_AT_THE_BROKER = {"by hand": 8, "otherwise": 5, "account unreadable": 2}
_WATCHERS_DO = {"kill": 2, "leave": 2, "sleep": 2, "cut off": 1, "fault": 5}
_ORDERS = {"account is right": 6, "settle": 4, "close at broker": 3}
_FAULTS = ("late command", "twice", "pause before", "pause after", "lost answer", "crash after")
_TIMES_MS = (100, 700, 2_000, 5_000)


class Watch(NamedTuple):
    """How the account is watched; times in milliseconds. `lag_ms`: by which its balance is behind, which is
    said with each report where it is `dated`.
    """

    watchers: int
    look_ms: int
    report_ms: int
    grace_ms: int
    tolerance: int
    silent_ms: int
    on_silence: Literal["tell", "deny"]
    lag_ms: int
    dated: bool


class Odd(NamedTuple):
    """At `ms`, `what` happens to the account, or to `who` watches it; `how` are the particulars."""

    ms: int
    who: str
    what: str
    how: dict[str, Any]


def drawn_watch(seed: int) -> Watch | None:
    """How the account of this seed is watched: of every other one."""
    if seed % 2 == 0:
        return None
    random = Random(f"{seed}:watch")
    return Watch(
        watchers=random.choice((1, 1, 2)),
        look_ms=random.choice((300, 700)),
        report_ms=1_000,
        grace_ms=random.choice((300, 1_500, 3_000)),
        tolerance=random.choice((5, 40)),
        silent_ms=random.choice((2_500, 5_000)),
        on_silence=random.choice(("tell", "deny")),
        lag_ms=random.choice((0, 400, 1_200)),
        dated=random.choice((False, True)),
    )


def drawn_odd(seed: int, watch: Watch, until_ms: int) -> list[Odd]:
    """What happens to the account and its watchers, in the order of time."""
    random = Random(f"{seed}:odd")
    groups = [
        (_AT_THE_BROKER, random.choice((0, 1, 2))),
        (_WATCHERS_DO, random.choice((0, 1, 2))),
        (_ORDERS, 1),
    ]
    kinds = {what: share * weight for group, share in groups for what, weight in group.items()}
    ms, found = 500 + int(random.expovariate(1 / _GAP_MS)), []
    while ms < until_ms:
        (what,) = random.choices(list(kinds), list(kinds.values()))
        who, how = _particulars(random, watch, what)
        found.append(Odd(ms, who, what, how))
        ms += 1 + int(random.expovariate(1 / _GAP_MS))
    return found


def _particulars(random: Random, watch: Watch, what: str) -> tuple[str, dict[str, Any]]:
    who = random.choice(WATCHERS[: watch.watchers])
    match what:
        case "by hand":
            return "", {
                "symbol": random.choice(_SYMBOLS),
                "side": random.choice(_SIDES),
                "size": random.choice((1, 1, 2)),
            }
        case "otherwise":
            return "", {"as_": random.choice(OTHERWISE)}
        case "account unreadable":
            return "", {"ms": random.choice(_TIMES_MS)}
        case "leave" | "sleep" | "cut off":
            return who, {"ms": random.choice(_TIMES_MS)}
        case "fault":
            return who, {
                "kind": random.choice(_FAULTS),
                "on": random.choice(("adding an event", "adding an event", "asking for the time")),
                "skip": 0,
                "ms": random.choice(_TIMES_MS),
                "later_ms": random.choice(_TIMES_MS),
            }
        case "kill":
            return who, {}
    return OPERATOR, {}
