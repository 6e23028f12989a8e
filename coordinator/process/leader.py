"""The leader: reads events, folds them, commits what follows, and lets time pass when nothing else happens.

Guarantees: every event is decided exactly once, in order, by one leader at a time. Decisions, cursor, chain
and status are committed together or not at all; after a lost reply the leader looks what was
committed, and never decides again. Whatever cannot be committed is not logged as having happened.
"""

import threading
from collections.abc import Callable, Iterator
from functools import partial

from portfold.clock import Clock
from portfold.coordinator.configured import as_logged, no_looser, puts_in_force, why_not_in_force
from portfold.coordinator.fold.effects.time_passing import next_deadline
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.coordinator.fold.invariants import check
from portfold.coordinator.process.entrance import Entrance
from portfold.coordinator.process.history_watch import HistoryWatch
from portfold.coordinator.process.leadable import proved, refuse_deaf
from portfold.coordinator.process.presence_watch import PresenceWatch
from portfold.coordinator.process.terms import LeadLost, Terms
from portfold.coordinator.store import log_integrity
from portfold.coordinator.store.clock_watch import ServerClock
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.ledger import Decided
from portfold.coordinator.store.snapshot import snapshot_text
from portfold.coordinator.views.narration import Line, narrate
from portfold.coordinator.views.status_hash import NO_STATUS, next_status
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.events.codec import encode_checked
from portfold.events.incoming import COORDINATOR, ClockTicked, CoordinatorStarted, Event, TradingHalted
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import SERVERS_TIME, Bus, Committed, Entry, Head, LeadersWord, Lease, at_time
from portfold.events.wire.errors import BusRefused, BusUnreachable
from portfold.log import Log

_READ_AT_ONCE = 256
_COMMIT_SECONDS = 1.0
_COMMIT_PAUSE_SECONDS = 0.05
_LONGEST_WAIT_MS = 1000
EVENTS_A_SNAPSHOT = 2000
_SNAPSHOT_SECONDS = 60.0
_GLANCE_SECONDS = 1.0
_BUSY_GLANCE_SECONDS = 10.0
_ORDERS_HEARD_FIRST = 100


class Leader:
    """One term of one leader: from the lease it was given until it is lost, or stopped."""

    def __init__(
        self,
        bus: Bus,
        lease: Lease,
        follower: Follower,
        *,
        terms: Terms,
        context: log_integrity.LeaderContext,
        time: Clock,
        log: Log,
    ) -> None:
        self._bus = bus
        self._context = context
        self._shown = {"leader": lease.holder, "durability": context.durability, "clock": terms.clock}
        self._lease = lease
        self._lease_ms = terms.lease_ms
        self._limits = terms.limits
        self._limits_asked_for = terms.limits_asked_for
        self._version = terms.version
        self._clock = terms.clock
        self._log = log
        self._time = time
        self._renewed = time.monotonic()
        self._follower = follower
        measures_silence = terms.clock == "server"  # a driven clock does not
        self._silence_ms = terms.worker_lost_ms if measures_silence else 0
        self._presence = PresenceWatch(bus, worker_lost_ms=terms.worker_lost_ms, monotonic=time.monotonic)
        self._since_snapshot, self._snapshot_taken = 0, time.monotonic()
        self._folded, self._glanced = lease.folded, time.monotonic()
        self._server_clock = ServerClock(bus, time.monotonic)
        self._entrance = Entrance.of(bus, terms.clock)
        self._status = NO_STATUS
        self._ticked = ORIGIN
        self._history = HistoryWatch(bus, self._save_snapshot, log)
        self.opened = False
        self.snapshot = ""
        """The text of the last snapshot that this leader wrote."""
        self.decided = lease.cursor
        """The last event that is known to be decided and committed."""

    def lead(self, stop: threading.Event) -> Iterator[None]:
        """Leads until `stop` is set, step by step.

        Raises LeadLost, BusError, InvariantBroken, and what `proved` raises.
        """
        self.begin()
        while not stop.is_set():
            yield
            self.step()
        self._save_snapshot()

    def begin(self) -> None:
        """Proves the log, decides what was left undecided, and opens the term."""
        self._follower = proved(self._bus, self._follower, self._lease, self._clock, self._keep_lease)
        self._server_clock.ask()
        self._history.begin()
        self._deny_what_cannot_be_known()
        self._decide_backlog()
        self._open_term()

    def step(self) -> None:
        """Waits for what comes next, at most until the lease needs renewing, and deals with it."""
        self._keep_lease()
        decided = self._decide_next(block_ms=self._wait_ms())
        self._glance(busy=decided == _READ_AT_ONCE)
        self._tick_if_due()
        rested = self._time.monotonic() - self._snapshot_taken >= _SNAPSHOT_SECONDS
        if not decided and self._since_snapshot and rested:
            self._save_snapshot()
        self._watch_clock(self._follower.cursor)
        for lost in self._presence.lapsed(self._follower.state):
            self._say(lost)

    # --- taking over -------------------------------------------------------------------------------------

    def _deny_what_cannot_be_known(self) -> None:
        """Halts, on record, where time stands still or what this process has seen decided is gone."""
        self._watch_clock(self._bus.last_event())
        if self._lease.cursor < self._context.seen:
            reason = (
                f"The log is decided up to {self._lease.cursor}, and this coordinator had seen it decided up "
                f"to {self._context.seen}: it lost its end. Check what is open, then: portfold resume"
            )
            self._say(TradingHalted(by=COORDINATOR, reason=reason))

    def _open_term(self) -> None:
        """Publishes who leads now, and puts the configured limits in force where they are not."""
        self._say(
            CoordinatorStarted(
                leader=self._lease.holder,
                epoch=self._lease.epoch,
                fold=FOLD_VERSION,
                version=self._version,
                worker_lost_ms=self._silence_ms,
                keys=self._entrance.keys,
            )
        )
        warning = self._put_limits_in_force()
        self._decide_backlog()
        self._tell_of_limits(warning)
        self._note_server()
        self.opened = True
        self._log.info(self._entrance.said)
        self._log.info("Portfolio coordinator initialized successfully", epoch=self._lease.epoch)

    def _put_limits_in_force(self) -> str:
        """Puts in force what it may of the configuration, and returns the warning where that is not all.

        Orders of limits that arrive meanwhile go first. Raises LeadLost where they never end.
        """
        for _ in range(_ORDERS_HEARD_FIRST):
            state, known_to = self._follower.state, self._follower.cursor
            warning = why_not_in_force(state, self._limits, asked_for=self._limits_asked_for)
            if not puts_in_force(state, self._limits, asked_for=self._limits_asked_for):
                return warning
            limits = no_looser(state.limits, self._limits)
            if self._append(limits, limits_known_to=known_to).outcome == "done":
                return warning
            self._decide_backlog()
        raise LeadLost("Limits are ordered without end; the configuration could not be compared with them.")

    def _tell_of_limits(self, warning: str) -> None:
        """Logs what of the configuration is not in force: all of it, where it was refused."""
        state = self._follower.state
        shown = as_logged(state.limits) if state.limits is not None else {}
        if puts_in_force(state, self._limits, asked_for=self._limits_asked_for):
            self._log.critical("THE CONFIGURATION'S LIMITS WERE REFUSED; see: portfold tail", **shown)
        elif warning:
            self._log.warning(warning, **shown)

    def _note_server(self) -> None:
        """Logs that the server is another run; the log adds up, so it has the log."""
        run, before = self._context.server, self._lease.server
        if before and before != run:
            message = "The server was restarted, or is another one; the log adds up"
            self._log.info(message, run=run, before=before)
        if before != run:
            self._bus.remember_server(run)

    def _say(self, event: Event) -> StreamId:
        """Publishes an event of our own. Raises LeadLost."""
        return self._append(event).event

    def _append(self, event: Event, *, limits_known_to: StreamId | None = None) -> LeadersWord:
        """Publishes it, unless others ordered limits since. A driven clock gives the last event's time."""
        driven = self._clock == "driven"
        stamp = at_time(self._bus.last_event().ms) if driven else SERVERS_TIME
        reply = self._bus.lead_append(
            encode_checked(event), stamp, epoch=self._lease.epoch, limits_known_to=limits_known_to
        )
        if reply.outcome == "epoch":
            raise LeadLost(f"Another leads by now; ours was epoch {self._lease.epoch}.")
        return reply

    def _decide_backlog(self) -> None:
        """Decides what is on the log already."""
        while self._decide_next(block_ms=None):
            self._keep_lease()

    # --- deciding ----------------------------------------------------------------------------------------

    def _decide_next(self, block_ms: int | None) -> int:
        """Reads, folds and commits one batch; returns how many events that were."""
        entries = self._bus.events_after(self._follower.cursor, count=_READ_AT_ONCE, block_ms=block_ms)
        if not entries:
            return 0
        refuse_deaf(self._bus, entries[-1].id, self._clock)
        before = self._follower.cursor
        lines: list[Line] = []
        batch: list[Decided] = []
        for entry in entries:
            if batch:
                lines += narrate(self._follower.state, batch[-1])
            batch.append(self._fold(entry))
        self._commit(before, batch)
        lines += narrate(self._follower.state, batch[-1])  # the last only now: nobody waits for it
        if self._status is NO_STATUS:  # somebody removed the hash; the next event may be long in coming
            self._commit(self._follower.cursor, [])
        for line in lines:
            self._log.log(_LEVELS[line.level], line.text)
        self._since_snapshot += len(entries)
        if self._since_snapshot >= EVENTS_A_SNAPSHOT:
            self._save_snapshot()
        return len(entries)

    def _fold(self, entry: Entry) -> Decided:
        decided = self._follower.advance(entry.id, entry.fields, self._entrance.refusal(entry))
        check(self._follower.state, decided.at, decided.event)  # nothing of a broken state is committed
        return decided

    def _commit(self, before: StreamId, batch: list[Decided]) -> None:
        """Commits the batch and what changed in the status; all of the status where the hash is not whole."""
        after = self._follower
        status = next_status(self._status, portfolio_view(after.state, after.cursor, **self._shown))
        decisions = [entry for decided in batch for entry in decided.entries]
        commit = partial(
            self._bus.commit,
            epoch=self._lease.epoch,
            before=before,
            after=after.cursor,
            chain=after.chain,
            events=len(batch),
            decisions=decisions,
            status=status.changed,
        )
        done = self._until_answered(commit)
        already = done.outcome == "cursor" and (done.cursor, done.detail) == (str(after.cursor), after.chain)
        if done.outcome == "decisions":
            first, _ = decisions[0]
            raise BusRefused(
                f"The decisions stream refuses {first}: {done.detail}. Something else wrote to "
                f"{self._bus.keys.decisions}. Keep what is ours: copy it, up to "
                f"{first.event().before_decisions()}, to a new stream, and RENAME that over it."
            )
        if done.outcome == "epoch":
            raise LeadLost(f"Epoch {done.epoch or 'unknown'} leads now, ours was {self._lease.epoch}.")
        if done.outcome == "gone":
            raise LeadLost(f"The server lost its end: {after.cursor}, which was read, is not on the log.")
        if done.outcome == "cursor" and not already:
            raise LeadLost(f"The head is at {done.cursor}, and not where we left it, at {before}.")
        self._folded += len(batch)
        self.decided = after.cursor
        whole = done.outcome == "done" and int(done.detail) >= status.size
        self._status = status if whole else NO_STATUS

    def _until_answered(self, commit: Callable[[], Committed]) -> Committed:
        """Tries again after a lost reply, and so learns what the first try did. Raises BusUnreachable."""
        deadline = self._time.monotonic() + _COMMIT_SECONDS
        pause = _COMMIT_PAUSE_SECONDS
        while True:
            try:
                return commit()
            except BusUnreachable as unreachable:
                if self._time.monotonic() > deadline:
                    raise
                self._log.warning(
                    "A commit was not confirmed; looking whether it is there", why=str(unreachable)
                )
            self._time.sleep(pause)
            pause *= 2

    def _save_snapshot(self) -> None:
        """Writes down the state, all of which is committed, so that the next start is quick."""
        self.snapshot = snapshot_text(self._follower.checkpoint)
        self._bus.save_snapshot(self.snapshot)
        self._since_snapshot, self._snapshot_taken = 0, self._time.monotonic()

    # --- time and the lease ------------------------------------------------------------------------------

    def _keep_lease(self) -> None:
        """Renews the lease when a third of it is gone."""
        now = self._time.monotonic()
        if (now - self._renewed) * 1000 < self._lease_ms / 3:
            return
        if not self._bus.keep_lead(self._lease.holder, self._lease_ms, self._lease.epoch):
            raise LeadLost("The lease lapsed, and another took it.")
        self._renewed = now
        self._server_clock.ask()

    def _wait_ms(self) -> int:
        """Returns how long to wait for an event: until the lease needs renewing, or something falls due."""
        wait_ms = min(_LONGEST_WAIT_MS, self._lease_ms // 3)
        due_ms = next_deadline(self._follower.state)
        if due_ms is None or self._clock == "driven":
            return wait_ms
        return max(1, min(wait_ms, due_ms - self._server_clock.ms()))

    def _watch_clock(self, last: StreamId) -> None:
        """Halts, on record, while the event `last` is from the future; a resume does not change that."""
        if self._clock == "driven" or self._follower.state.halt is not None:
            return
        halt = self._server_clock.behind(last)
        if halt is not None:
            self._say(halt)

    def _glance(self, *, busy: bool) -> None:
        """Checks now and then whether an event vanished before it was read, or the server may evict the log.

        The check counts what is still to be decided, so with a backlog it is rarer; it never stops.
        """
        now = self._time.monotonic()
        if now - self._glanced >= (_BUSY_GLANCE_SECONDS if busy else _GLANCE_SECONDS):
            self._glanced = now
            decided = Head(self._lease.epoch, self._follower.cursor, self._follower.chain, self._folded)
            self._history.look(decided)

    def _tick_if_due(self) -> None:
        """Publishes a ClockTicked, once, for each deadline that has passed by the server's clock."""
        due_ms = next_deadline(self._follower.state)
        if self._clock != "server" or due_ms is None or self._server_clock.ms() < due_ms:
            return
        if self._follower.cursor < self._ticked or self._bus.now_ms() < due_ms:
            return  # the last tick is not decided yet, or our estimate of the server's clock is ahead
        self._ticked = self._say(ClockTicked())


_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
