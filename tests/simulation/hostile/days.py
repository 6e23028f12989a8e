"""Twenty-four days of honest workers through the production fold, alone or beside a hostile worker.

The honest ones ask, fill, mark and close by a plan drawn beforehand, at the same moments in both runs. The
hostile one may write whatever a worker's connection can: floods under names made up, what others said again
word by word, old numbers, requests for what nobody may trade, garbage of any size. What it says of itself as
a fact counts as its own, and what it forges under another's name is what keys are for: neither is here.
"""

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import NamedTuple

from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.coordinator.fold.invariants import check
from portfold.coordinator.store.follower import Follower
from portfold.events.codec import encode
from portfold.events.decisions import Decision, EntryAllowed, EntryDenied
from portfold.events.incoming import (
    ClockTicked,
    CoordinatorStarted,
    EntryRequested,
    Event,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    WorkerStarted,
)
from portfold.events.stream_id import StreamId
from tests.coordinator.story import DAY, MINUTE, WEDNESDAY, limits

DAYS = 24
HONEST = {"ibs-ES": "ES", "ibs-CL": "CL", "ibs-SI": "SI", "ibs-6A": "6A"}
TURNS_A_DAY = 20
FLOOD = 12
"""Hostile entries after each honest one."""
_REPLAYED = 400


class Played(NamedTuple):
    """What the honest ones were answered, in order, and what each day made in dollars."""

    answers: list[tuple[str, str]]
    days: dict[str, Decimal]
    rejected: int


class _Log:
    def __init__(self) -> None:
        self._follower = Follower()
        self.ms, self._seq = WEDNESDAY, 0

    @property
    def state(self) -> "object":
        return self._follower.state

    def at(self, ms: int) -> None:
        self.ms, self._seq = ms, 0

    def hears(self, words: list[str]) -> list[Decision]:
        self._seq += 1
        here = StreamId(self.ms, self._seq)
        decided = self._follower.advance(here, words)
        check(self._follower.state, here, decided.event)
        return decided.decisions

    @property
    def rejected(self) -> int:
        return self._follower.state.stats.events_rejected

    def day(self) -> tuple[str, Decimal]:
        return self._follower.state.day.date, self._follower.state.day.realized


class _Honest:
    """One honest worker: what it does next follows from its own draws and its answers alone."""

    def __init__(self, worker: str, symbol: str, chance: Random) -> None:
        self.worker, self.symbol = worker, symbol
        self._chance = chance
        self._seq = 0
        self._fills = 0
        self._held: Decimal | None = None
        self._granted = False

    def next(self) -> Event:
        self._seq += 1
        name = (self.worker, "s", self._seq)
        if self._seq == 1:
            return WorkerStarted(*name, symbols=self.symbol)
        price = Decimal(self._chance.randrange(90, 110))
        pick = self._chance.random()
        if self._granted:
            self._granted, self._held = False, price
            self._fills += 1
            return PositionOpened(*name, self.symbol, "long", 1, price, f"{self.worker}-{self._fills}")
        if self._held is None:
            return EntryRequested(*name, self.symbol, "long", 1)
        if pick < 0.5:
            gain = (price - self._held) * 5
            return PositionMarked(*name, symbol=self.symbol, side="long", price=price, unrealized=gain)
        gain, self._held = (price - self._held) * 5, None
        self._fills += 1
        fill = f"{self.worker}-{self._fills}"
        return PositionClosed(*name, self.symbol, "long", 1, price, Decimal(0), gain, fill=fill)

    def hears(self, decisions: list[Decision]) -> Iterator[tuple[str, str]]:
        for decision in decisions:
            if isinstance(decision, EntryAllowed) and decision.worker == self.worker:
                self._granted = True
                yield self.worker, "allowed"
            elif isinstance(decision, EntryDenied) and decision.worker == self.worker:
                yield self.worker, decision.code


class _Hostile:
    """Draws what it writes from chance of its own, so that the honest ones' is as it was."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._number = 0
        self._heard: list[list[str]] = []

    def overhears(self, words: list[str]) -> None:
        self._heard = [*self._heard[-_REPLAYED:], words]

    def entries(self) -> Iterator[list[str]]:
        for _ in range(FLOOD):
            self._number += 1
            yield self._chance.choice((self._name, self._replay, self._old, self._garbage, self._asks))()

    def _name(self) -> list[str]:
        return encode(WorkerStarted(f"made-up-{self._number}", "s", 1))

    def _replay(self) -> list[str]:
        return list(self._chance.choice(self._heard)) if self._heard else ["type"]

    def _old(self) -> list[str]:
        """A fill of an honest one, under its own name for that and a number that has passed."""
        fills = [words for words in self._heard if words[1] in ("PositionOpened", "PositionClosed")]
        return list(fills[0]) if fills else ["type", "PositionOpened"]

    def _garbage(self) -> list[str]:
        longest = "x" * self._chance.choice((1, 500, 100_000))
        return self._chance.choice(
            (["type", longest], [longest] * 40, ["type", "ClockTicked", "a", "\x1b[2J"])
        )

    def _asks(self) -> list[str]:
        return encode(EntryRequested("hostile", "h", self._number, "ZZ", "long", 1))


def played(seed: int, *, hostile: bool) -> Played:
    """Plays the days, and returns what came of them for the honest ones."""
    chance, log = Random(f"{seed}:honest"), _Log()
    workers = [_Honest(name, symbol, Random(f"{seed}:{name}")) for name, symbol in HONEST.items()]
    enemy = _Hostile(Random(f"{seed}:hostile"))
    answers, days = list[tuple[str, str]](), dict[str, Decimal]()
    log.hears(encode(CoordinatorStarted("h", 1, FOLD_VERSION)))
    log.hears(encode(limits(max_positions=3, max_contracts=3, daily_stop_loss=Decimal(150))))
    for day in range(DAYS):
        for turn in range(TURNS_A_DAY):
            log.at(WEDNESDAY + day * DAY + turn * MINUTE)
            worker = chance.choice(workers)
            words = encode(worker.next())
            answers += worker.hears(log.hears(words))
            enemy.overhears(words)
            if hostile:
                for entry in enemy.entries():
                    log.hears(entry)
        log.hears(encode(ClockTicked()))
        date, made = log.day()
        days[f"{day}:{date}"] = made
    return Played(answers, days, log.rejected)
