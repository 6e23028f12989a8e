"""What a seed draws of the rules of money: which are in force, and what people order about them.

Drawn apart from all else, so that a seed without them is the run that it would be anyway. Those of every
other hundred seeds have some: of few rules one often latches alone, of many they meet.
"""

from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from tests.simulation.rules.of_pace import drawn_pace, pace_of
from tests.simulation.watch import OPERATOR

SEEDS_ALIKE = 100
START_BALANCE = 50_000
_GAP_MS = 900
_ORDERS = {"pay": 2, "rules": 2, "resume": 3, "resume by force": 6}
_HAPPEN = {**_ORDERS, "next day": 3, "crash price": 6, "mark": 8}
_WORKERS = ("ann", "bob", "cat", "dan")
_SYMBOLS = ("ES", "CL", "SI")
_SECONDS = ("", "petra")
_TIERS = (
    "50%=tell 80%=deny 95%=flatten",
    "100=above:1 60%=deny",
    "30%=deny 50%=tell",
    "40=tell 90=above:2 130=above:1 90%=flatten",
)
_JUMPS = ("ES=2 CL=0.05 SI=0.1", "ES=0.5", "CL=0.02 SI=0.02")
Rules = Mapping[str, Any]


class Ordered(NamedTuple):
    """At `ms`, `what` is done by `who`, or happens to the world; `how` are the particulars."""

    ms: int
    who: str
    what: str
    how: dict[str, Any]


def drawn_rules(seed: int) -> Rules | None:
    """The rules of money of this seed, by their keys, or None where it has none."""
    return None if seed // SEEDS_ALIKE % 2 == 0 else rules_of(seed)


def rules_of(seed: int) -> Rules:
    """The rules of money that this seed draws, where it is to have some."""
    random = Random(f"{seed}:money")
    return {**_rules(random, share=random.choice((0.15, 0.4, 0.7))), **pace_of(seed)}


def drawn_together(seed: int, rules: Rules) -> Rules:
    """How long marks of one moment wait for each other, in half of the seeds in which none is doubted."""
    random = Random(f"{seed}:marks of one moment")
    seconds = random.choice((0, 0, 1, 2))
    return {} if rules.get("mark_jumps") else {"marks_together_seconds": seconds}


def drawn_orders(seed: int, until_ms: int) -> list[Ordered]:
    """What people order about money, in the order of time; and days and prices that move it."""
    random = Random(f"{seed}:orders of money")
    ms, found = 500 + int(random.expovariate(1 / _GAP_MS)), []
    while ms < until_ms:
        (what,) = random.choices(list(_HAPPEN), list(_HAPPEN.values()))
        who, how = _particulars(random, what)
        found.append(Ordered(ms, who, what, how))
        ms += 1 + int(random.expovariate(1 / _GAP_MS))
    return found


def _particulars(random: Random, what: str) -> tuple[str, dict[str, Any]]:
    match what:
        case "pay":
            return OPERATOR, {"dollars": random.choice((-300, -100, 100, 500))}
        case "rules":
            drawn = _rules(random, share=random.choice((0.2, 0.5)))
            drawn = {**drawn, **drawn_pace(Random(repr(drawn)), share=0.3)}
            return OPERATOR, {"drawn": drawn, "second": random.choice(_SECONDS)}
        case "mark":
            return random.choice(_WORKERS), {}
        case "next day":
            return "", {"days": random.choice((1, 1, 1, 3))}
        case "crash price":
            return "", {
                "symbol": random.choice(_SYMBOLS),
                "ticks": random.choice((-60, -20, -8, -4, 4, 8, 20, 60)),
            }
    return OPERATOR, {}


def _rules(random: Random, share: float) -> Rules:
    """Each of the rules with the probability `share`."""
    rules: dict[str, Any] = {"start_balance": Decimal(START_BALANCE)}
    for draw in (_floor, _trailing, _target, _lock, _consistency, _week, _rolling, _marks, _resumes):
        if random.random() < share:
            rules |= draw(random)
    if random.random() < share:
        rules["loss_tiers"] = random.choice(_TIERS)
    return rules


def _floor(random: Random) -> Rules:
    return {"equity_floor": Decimal(random.choice((49_300, 49_600, 49_850)))}


def _trailing(random: Random) -> Rules:
    at = random.choice(("", "", "10:01", "15:10", "17:00"))
    return {
        "trailing_drawdown": Decimal(random.choice((150, 300, 600))),
        "trailing_on_realized": random.random() < 0.3,
        "trailing_at": at,
        "trailing_zone": "America/Chicago" if at else "",
        "trailing_locks_at": Decimal(random.choice((0, 0, 49_900, 50_100))),
        "start_peak": Decimal(random.choice((0, 0, 50_050))),
    }


def _target(random: Random) -> Rules:
    return {
        "profit_target": Decimal(random.choice((100, 200, 500))),
        "profit_denies_only": random.random() < 0.5,
        "profit_from_now": random.random() < 0.5,
    }


def _lock(random: Random) -> Rules:
    return {
        "profit_lock_at": Decimal(random.choice((60, 150, 300))),
        "profit_lock_floor": Decimal(random.choice((0, 40))),
        "profit_lock_trail": Decimal(random.choice((0, 50, 150))),
    }


def _consistency(random: Random) -> Rules:
    return {
        "consistency_percent": random.choice((20, 30, 50)),
        "consistency_total": Decimal(random.choice((300, 600, 1000))),
    }


def _week(random: Random) -> Rules:
    return {
        "weekly_loss": Decimal(random.choice((0, 300, 800))),
        "weekly_profit": Decimal(random.choice((0, 200, 600))),
    }


def _rolling(random: Random) -> Rules:
    return {
        "rolling_loss": Decimal(random.choice((200, 400, 800))),
        "rolling_days": random.choice((1, 2, 3)),
        "rolling_pause_days": random.choice((0, 1, 2)),
    }


def _marks(random: Random) -> Rules:
    jumps = random.choice(("", *_JUMPS))
    return {
        "mark_stale_denies": random.random() < 0.7,
        "mark_jumps": jumps,
        "mark_confirm_seconds": random.choice((1, 3)) if jumps else 0,
    }


def _resumes(random: Random) -> Rules:
    return {"max_forced_resumes": random.choice((0, 1, 3))}
