"""What is on no log and alerted all the same: that nobody leads, how the market's data stands, and what is
without its protective stop at the broker.

The former two are looked at over and over, and alerted once they have lasted. What was told of the market is
remembered with each delivery, so a notifier that starts again, or takes over, tells only what is new; that a
stop is missing it tells again. What came and went while there was no notifier stands on the bus no more and
is not told, but for the last gap, and the last roll of each symbol. Where the clock is driven nobody expects
a leader or a feed, and nothing is told.
"""

import time
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from portfold.bounds import LONGEST_TEXT
from portfold.coordinator.expected.lived import Lived
from portfold.coordinator.expected.words import sign_text
from portfold.coordinator.views.words.message_words import AlertWords
from portfold.events.market import DISCONNECTED, GAP, ROLL, is_trouble
from portfold.events.wire.bus import Bus
from portfold.events.wire.errors import BusRefused
from portfold.events.wire.market import MarketSeen
from portfold.log import Log
from portfold.workers.notify import outage
from portfold.workers.notify.alert import Alert
from portfold.workers.notify.plan import Plan
from portfold.workers.notify.words import market, wording

_LOOK_SECONDS = 1.0
_SIGN_LASTS_MS = 4 * 86_400_000  # a long weekend
_SIGN_AGAIN_SECONDS = 3_600.0
_MOST_SUBJECTS = 256
_NO_FEED = "no feed"
_LASTING = (_NO_FEED, DISCONNECTED)
"""What is over by itself most times: a feed takes over, a connection is made again."""

Told = Mapping[str, str] | None
"""What was told of the market: sentences by subject; None where nobody has looked yet."""


class Found(NamedTuple):
    """An alert, if there is one, and what has been told of the market with it."""

    alert: Alert | None
    told: dict[str, str] | None


class Unlogged:
    """Looks for one destination, whose notifier reads from `bus` what `plan` says."""

    def __init__(self, bus: Bus, plan: Plan, log: Log) -> None:
        self._plan = plan
        self._leaderless = _Leaderless()
        self._market = _MarketWatch(bus, configured=plan.market, log=log)
        self._stops = _StopWatch(bus, log)
        self._sign = _Sign(bus)

    def say_sign(self, lived: Lived) -> None:
        """Says on the bus that less is made than was expected, for the status to show. Raises BusError."""
        if self._plan.expectation is not None:
            self._sign.say(sign_text(lived))

    def look(self, leader: str, told: Told, *, away: bool, now_ms: int) -> Iterator[Found]:
        """Yields what is to be told: `leader` leads, or nobody; the log was `away`. Raises BusError."""
        if self._plan.driven:
            return
        known = None if told is None else dict(told)
        if alone_seconds := self._leaderless.look(leader, away=away):
            since = self._plan.clock(now_ms - int(alone_seconds * 1000))
            yield Found(Alert("not_deciding", "critical", now_ms, wording.not_deciding(since)), known)
        if without := self._stops.look():
            yield Found(Alert("stop_missing", "critical", now_ms, wording.without_stop(without)), known)
        for words, now_told in self._market.look(told):
            yield Found(None if words is None else self._alert(words, now_ms), now_told)

    def _alert(self, words: AlertWords, now_ms: int) -> Alert:
        lines = wording.timed(words, self._plan.clock(now_ms))
        return Alert(words.kind, words.level, now_ms, lines, words.group, words.subject)


class _Sign:
    """Keeps on the bus that less is made than was expected, while a notifier lives and for days after it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._said = ""
        self._next = time.monotonic()

    def say(self, sign: str) -> None:
        """Says it where it is new, and again now and then. Raises BusError."""
        now = time.monotonic()
        if sign == self._said and (now < self._next or not sign):
            return
        self._bus.say_less_than_expected(sign, _SIGN_LASTS_MS)
        self._said, self._next = sign, now + _SIGN_AGAIN_SECONDS


class _Leaderless:
    """Finds that nobody has led for long. Time in which the log was out of reach does not count."""

    def __init__(self) -> None:
        self._led = self._looked = time.monotonic()
        self._alone_seconds = 0.0
        self._is_told = False

    def look(self, leader: str, *, away: bool) -> float:
        """Returns for how many seconds nobody has led, once, when that has lasted; else 0."""
        now = time.monotonic()
        looked, self._looked = self._looked, now
        if leader:
            self._led, self._alone_seconds, self._is_told = now, 0.0, False
            return 0.0
        if not away:
            self._alone_seconds += now - looked
        if self._is_told or self._alone_seconds <= outage.PATIENCE_SECONDS:
            return 0.0
        self._is_told = True
        return now - self._led


class _StopWatch:
    """Finds what lacks its protective stop, as the flattener says; remembered by this process alone."""

    def __init__(self, bus: Bus, log: Log) -> None:
        self._bus = bus
        self._log = log
        self._next_look = time.monotonic()
        self._told = ""
        self._is_refused = False

    def look(self) -> str:
        """Returns what lacks it, once for as long as it stands so; else nothing. Raises BusError."""
        now = time.monotonic()
        if now < self._next_look:
            return ""
        self._next_look = now + _LOOK_SECONDS
        seen = self._seen()
        told, self._told = self._told, seen
        return seen if seen != told else ""

    def _seen(self) -> str:
        """Returns what lacks it; nothing, logged once, where somebody wrote something else in its place."""
        try:
            seen = self._bus.without_stop()[:LONGEST_TEXT]
        except BusRefused as error:
            if not self._is_refused:
                self._log.error("What is without its stop cannot be read, and is not told", why=str(error))
            self._is_refused = True
            return ""
        self._is_refused = False
        return seen


class _MarketWatch:
    """Finds what is new of the market's data, where it is fed, or is to be (`configured`)."""

    def __init__(self, bus: Bus, *, configured: bool, log: Log) -> None:
        self._bus = bus
        self._configured = configured
        self._log = log
        self._since: dict[str, float] = {}
        self._next_look = time.monotonic()
        self._is_refused = False

    def look(self, told: Told) -> Iterator[tuple[AlertWords | None, dict[str, str]]]:
        """Yields an alert, if there is one, and what has been told with it. Raises BusError."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_SECONDS
        seen = self._seen()
        if seen is None or not (self._configured or seen.fed_lately):
            return
        standing = _standing(seen)
        if told is None:  # what lies there from earlier is no news, but for what is wrong now
            told = {subject: sentence for subject, sentence in standing.items() if not _is_wrong(subject)}
            yield None, told
        new = [one for one, sentence in standing.items() if _is_new(one, sentence, told)]
        over = [one for one in told if _is_wrong(one) and one not in standing]
        self._since = {one: self._since.get(one, now) for one in (*new, *over)}
        for one in new:
            if one not in _LASTING or self._has_lasted(one, now):
                told = {**told, one: standing[one]}
                yield _said(one, standing[one], seen), told
        for one in over:
            if self._has_lasted(one, now):
                told = {other: sentence for other, sentence in told.items() if other != one}
                yield market.fed_again() if one == _NO_FEED else market.said_no_longer(one), told

    def _has_lasted(self, subject: str, now: float) -> bool:
        return now - self._since[subject] >= outage.PATIENCE_SECONDS

    def _seen(self) -> MarketSeen | None:
        """Returns the market's data; None, logged once, where somebody wrote something else in its place."""
        try:
            seen = self._bus.market()
        except BusRefused as error:
            if not self._is_refused:
                self._log.error("The market's data cannot be read; nothing is told of it", why=str(error))
            self._is_refused = True
            return None
        self._is_refused = False
        return seen


def _standing(seen: MarketSeen) -> dict[str, str]:
    """Returns what the feed says, by subject, and that there is none."""
    said = ((subject, text) for subject, text in sorted(seen.notices.items()) if _is_known(subject))
    standing = {subject[:LONGEST_TEXT]: text[:LONGEST_TEXT] for subject, text in islice(said, _MOST_SUBJECTS)}
    return standing if seen.holder else {**standing, _NO_FEED: ""}


def _said(subject: str, sentence: str, seen: MarketSeen) -> AlertWords:
    return market.no_feed(seen) if subject == _NO_FEED else market.said_by_the_feed(subject, sentence)


def _is_known(subject: str) -> bool:
    return is_trouble(subject) or subject == GAP or subject.startswith(ROLL)


def _is_wrong(subject: str) -> bool:
    return subject == _NO_FEED or is_trouble(subject)


def _is_new(subject: str, sentence: str, told: Mapping[str, str]) -> bool:
    """Returns whether it is to be told: a trouble once until it is over, whatever is said of it meanwhile."""
    return subject not in told if _is_wrong(subject) else told.get(subject) != sentence
