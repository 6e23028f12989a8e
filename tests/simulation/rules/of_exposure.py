"""What a seed draws of exposure, of the loss budget and of windows: what is in force, and what happens.

Drawn apart from all else, so that a seed without them is the run that it would be anyway. Of every four
hundred seeds the third hundred has them alone, and the fourth together with rules of money.
"""

from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from tests.simulation.rules_of_money import SEEDS_ALIKE, START_BALANCE, Rules
from tests.simulation.watch import OPERATOR

_WITHOUT, _OF = 2, 4
_GAP_MS = 700
_WORKERS = {"ann": "ES", "bob": "ES", "cat": "CL", "dan": "SI"}
_SYMBOLS = ("ES", "CL", "SI")
_MINUTE_MS = 60_000
_HAPPEN = {
    "move stop": 6,
    "ask elsewhere": 6,
    "mark": 4,
    "crash price": 4,
    "worker back": 4,
    "resume by force": 5,
    "exposure": 2,
    "sessions": 2,
    "news": 3,
    "clock forward": 4,
    "over an edge": 3,
    "close scope": 1,
    "flatten scope": 2,
    "open scope": 3,
}
_GROUPED = ("metals=SI,CL both=ES,SI", "all=ES,CL,SI", "energy=CL indices=ES")
_GROUPS = ("all", "both", "metals", "energy")
_WEEKLY = (
    *("mon-fri/10:01..10:03=deny", "mon-fri/10:00+1..10:05=deny:ES,CL", "mon-fri/10:01..10:02=flatten"),
    *("mon-fri/17:00-1..17:02=deny", "mon-fri/17:01..17:04=flatten:CL,SI", "wed/11:00-2..11:00+5=flatten:ES"),
    *("mon-fri/close-10..close=flatten", "mon-fri/close-30..open+5=deny:SI", "mon-thu/17:00+2..open=deny"),
)
_OF_A_GROUP = (
    *("mon-fri/10:00..10:06=deny:{}", "mon-fri/10:01..10:05=flatten:{}"),
    "wed/11:00..11:04=flatten:{}",
)
_EXPOSURE = frozenset(
    {
        *("max_request_contracts", "max_symbol_contracts", "contract_weights", "contracts_ladder"),
        *("worker_positions", "worker_contracts", "worker_entries", "worker_daily_loss"),
        *("groups", "group_positions", "group_contracts", "group_one_side"),
        *("loss_budget", "default_risk", "stop_costs", "windows"),
    }
)
BUDGET: Rules = {
    "loss_budget": "default",
    "default_risk": "ES=120 CL=90 SI=150",
    "stop_costs": "ES=4 CL=6",
}


class Happens(NamedTuple):
    """At `ms`, `what` is done by `who`, or happens to the world; `how` are the particulars."""

    ms: int
    who: str
    what: str
    how: dict[str, Any]


def is_of_exposure(rules: Rules) -> bool:
    """Whether any of the rules is one of these."""
    return not _EXPOSURE.isdisjoint(rules)


def drawn_exposure(seed: int) -> Rules | None:
    """The rules of this seed, by their keys, or None where it has none."""
    return None if seed // SEEDS_ALIKE % _OF < _WITHOUT else exposure_of(seed)


def exposure_of(seed: int) -> Rules:
    """The rules that this seed draws, where it is to have some."""
    random = Random(f"{seed}:exposure")
    return _rules(random, share=random.choice((0.2, 0.4, 0.7)))


def drawn_about_exposure(
    seed: int, leaders: tuple[str, ...], until_ms: int, *, holidays: bool
) -> list[Happens]:
    """What happens about them, in the order of time."""
    random = Random(f"{seed}:about exposure")
    found = [Happens(300, OPERATOR, "sessions", _sessions(random, holidays=holidays))]
    ms = 500 + int(random.expovariate(1 / _GAP_MS))
    while ms < until_ms:
        (what,) = random.choices(list(_HAPPEN), list(_HAPPEN.values()))
        if what == "over an edge":  # nobody leads while a window begins, or ends
            found += [Happens(ms, leader, "kill", {}) for leader in leaders]
            found.append(Happens(ms, "", "clock forward", {"ms": random.choice((1, 2, 4)) * _MINUTE_MS}))
        else:
            found.append(Happens(ms, *_particulars(random, what, holidays=holidays)))
        ms += 1 + int(random.expovariate(1 / _GAP_MS))
    return found


def _particulars(random: Random, what: str, *, holidays: bool) -> tuple[str, str, dict[str, Any]]:
    worker = random.choice(list(_WORKERS))
    match what:
        case "move stop":
            return worker, what, {"ticks": random.choice((-80, -12, -3, 1, 2, 6, 20))}
        case "ask elsewhere":
            others = [symbol for symbol in _SYMBOLS if symbol != _WORKERS[worker]]
            side, size = random.choice(("long", "short")), random.choice((1, 1, 2, 3))
            return worker, what, {"symbol": random.choice(others), "side": side, "size": size}
        case "mark":
            return worker, what, {}
        case "close scope" | "flatten scope" | "open scope":
            return OPERATOR, what, {"group": random.choice(_GROUPS)}
        case "resume by force":
            return OPERATOR, what, {}
        case "worker back":
            return OPERATOR, "open scope", {"worker": worker}
        case "crash price":
            ticks = random.choice((-60, -20, -8, 8, 20, 60))
            return "", what, {"symbol": random.choice(_SYMBOLS), "ticks": ticks}
        case "exposure":
            drawn = _rules(random, share=random.choice((0.2, 0.5)))
            return OPERATOR, "rules", {"drawn": drawn, "second": random.choice(("", "petra"))}
        case "sessions":
            return OPERATOR, what, _sessions(random, holidays=holidays)
        case "news":
            return OPERATOR, what, {"windows": [_news(random) for _ in range(random.choice((0, 1, 1, 2)))]}
    return "", what, {"ms": random.choice((20_000, 45_000, _MINUTE_MS, 10 * _MINUTE_MS))}


def _sessions(random: Random, *, holidays: bool) -> dict[str, Any]:
    """Sessions as published: of today one that closes in so many minutes; maybe with a holiday."""
    closes = random.choice((0, 0, 1, 3, 20))
    days = random.choice((1, 10, 10))
    return {"days": days, "closes": closes, "holiday": holidays and random.random() < 0.5}


def _news(random: Random) -> dict[str, Any]:
    action = random.choice(("deny", "deny", "flatten"))
    symbol = random.choice(("", *_SYMBOLS)) if action == "deny" else ""
    begins, lasts = random.choice((-1, 0, 1, 1, 2)), random.choice((1, 1, 2, 5))
    if action == "flatten" and begins == 1:
        symbol = _SYMBOLS[lasts % len(_SYMBOLS)]
    return {
        "begins": begins,
        "lasts": lasts,
        "action": action,
        "symbol": symbol,
    }


def _rules(random: Random, share: float) -> Rules:
    """Each of the rules with the probability `share`."""
    rules: dict[str, Any] = {"start_balance": Decimal(START_BALANCE)}
    for draw in (_of_symbols, _of_workers, _of_groups, _ladder, _worker_loss, _budget, _windows):
        if random.random() < share:
            rules |= draw(random)
    if "groups" in rules:
        rules["windows"] = _with_a_group(rules["groups"], rules.get("windows", ""))
    if random.random() < share:
        rules["contract_weights"] = random.choice(("ES=0.5", "CL=2 SI=0.1", "ES=1.5 CL=0.25"))
    return rules


def _with_a_group(groups: str, windows: str) -> str:
    """The windows, and mostly one of a group: by a draw of its own, so that all others stay."""
    random = Random(groups + windows)
    name = random.choice(groups.split()).partition("=")[0]
    return " ".join([*windows.split(), random.choice((*_OF_A_GROUP, "")).format(name)]).strip()


def _of_symbols(random: Random) -> Rules:
    return {
        "max_request_contracts": random.choice((0, 1, 2)),
        "max_symbol_contracts": random.choice(("1", "2 ES=1", "ES=2", "3 SI=1")),
    }


def _of_workers(random: Random) -> Rules:
    return {
        "worker_positions": random.choice(("", "1", "1 ann=2")),
        "worker_contracts": random.choice(("", "2", "1.5 cat=3")),
        "worker_entries": random.choice(("", "2", "3 bob=1")),
    }


def _of_groups(random: Random) -> Rules:
    return {
        "groups": random.choice(_GROUPED),
        "group_positions": random.choice(("", "1", "2")),
        "group_contracts": random.choice(("", "2", "2.5")),
        "group_one_side": random.choice(("", "1", "2")),
    }


def _ladder(random: Random) -> Rules:
    return {"contracts_ladder": random.choice(("49000=1 50000=2 50200=3", "49900=1 50100=4", "50001=1"))}


def _worker_loss(random: Random) -> Rules:
    return {"worker_daily_loss": random.choice(("100", "250 ann=60", "cat=80 dan=150"))}


def _budget(random: Random) -> Rules:
    costs = random.choice(("", "ES=4 CL=6", "ES=10 CL=10 SI=10"))
    risks: Mapping[str, str] = {
        "default": random.choice(("ES=120 CL=90 SI=150", "ES=60 SI=60")),
        "deny": random.choice(("", "ES=120 CL=90 SI=150")),
    }
    unnamed = random.choice(list(risks))
    return {"loss_budget": unnamed, "default_risk": risks[unnamed], "stop_costs": costs}


def _windows(random: Random) -> Rules:
    return {"windows": " ".join(random.sample(_WEEKLY, k=random.choice((1, 1, 2, 3))))}
