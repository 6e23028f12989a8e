"""What a seed draws of the rules of pace, beside those of money: near to how often and how fast it trades."""

from collections.abc import Mapping
from random import Random
from typing import Any

Pace = Mapping[str, Any]


def pace_of(seed: int) -> Pace:
    """The rules of pace of this seed, where it is to have some: none, one or several."""
    random = Random(f"{seed}:pace")
    return drawn_pace(random, share=random.choice((0, 0.25, 0.5)))


def drawn_pace(random: Random, share: float) -> Pace:
    """Each of the rules with the probability `share`."""
    rules: dict[str, Any] = {}
    for draw in (_entries, _whole, _workers, _symbols, _rate):
        if random.random() < share:
            rules |= draw(random)
    for number in ("loss_streak", "worker_loss_streak", "symbol_loss_streak"):
        if number in rules and random.random() < share:
            minutes = random.choice((1, 3, 60))
            rules[f"{number}_within"] = minutes if number == "loss_streak" else str(minutes)
    return rules


def _entries(random: Random) -> Pace:
    return {
        "max_entries": random.choice((0, 3, 6)),
        "max_entries_week": random.choice((0, 8)),
        "worker_entries_week": random.choice(("", "4 bob=2")),
        "symbol_entries": random.choice(("", "3 ES=2")),
        "symbol_entries_week": random.choice(("", "5")),
    }


def _whole(random: Random) -> Pace:
    return {"loss_streak": random.choice((1, 2, 3)), "loss_streak_minutes": random.choice((0, 1, 2))}


def _workers(random: Random) -> Pace:
    return {
        "worker_loss_streak": random.choice(("1", "2 ann=1")),
        "worker_loss_streak_minutes": random.choice(("", "1", "1 bob=0")),
    }


def _symbols(random: Random) -> Pace:
    return {
        "symbol_loss_streak": random.choice(("1", "2 CL=1")),
        "symbol_loss_streak_minutes": random.choice(("", "1", "2 ES=0")),
    }


def _rate(random: Random) -> Pace:
    return {
        "worker_rate": random.choice(("6", "20 ann=2.5", "bob=1")),
        "worker_burst": random.choice(("", "2", "3 ann=1")),
        "rate_repeats": random.choice((0, 1, 3)),
    }
