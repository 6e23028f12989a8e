"""The law of the broker: what it holds and what the log says differ only where somebody was told.

Looked at when an order is written to the wire, when it arrives, when a slot is granted and, in the peace,
when everybody is back: no order goes out whose slot does not stand, none is sent twice, an exit closes
nothing that was ordered after it, a flattener nothing that no order covers, and what is held counts.
"""

from collections.abc import MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import structlog

from portfold.events.account import ACCOUNT
from portfold.events.codec import decode_decision
from portfold.events.decisions import EntryAllowed
from portfold.events.wire.bus import Entry
from portfold.log import Log
from portfold.workers.brokers.protocol import BrokerPosition
from portfold.workers.client.closing.flatten_order import (
    FlattenOrder,
    handed_over,
    order_for,
    pulled,
    taken_over,
)
from portfold.workers.client.decision import Decision
from tests.simulation.broker.desk import Sent
from tests.simulation.memory.server import Commit, Observer
from tests.simulation.scheduler import Violation

if TYPE_CHECKING:
    from tests.simulation.seats.world import World

_NOBODY = "nobody"
_LOOK_THERE = ("proves nothing", "answered late")
"""What is said of an order that is believed to be one thing or the other, and that a person is to look at."""


class BrokerLaw(Observer):
    """Sees orders, arrivals, commits and what is said aloud: `said` are all processes' critical lines."""

    def __init__(self, world: "World") -> None:
        self.said: list[str] = []
        self._world = world
        keys = world.keys
        self._events, self._decisions, self._killswitch = keys.events, keys.decisions, keys.killswitch
        self._standing: dict[str, list[str]] = {}
        self._yes: dict[str, tuple[int, str]] = {}
        self._sent: set[str] = set()
        self._ordered: list[tuple[int, FlattenOrder]] = []
        self._granted_ms: dict[str, int] = {}
        self._may_fill: set[str] = set()
        self._forbidden = False
        self._resumed_ms: list[int] = []

    def log(self, process: str) -> Log:
        """For a process: keeps its critical lines, and drops them all."""
        log: Log = structlog.wrap_logger(
            None,
            processors=[partial(self._hear, process)],
            wrapper_class=structlog.make_filtering_bound_logger("critical"),
        ).bind()
        return log

    def _hear(self, process: str, _logger: object, _level: str, line: MutableMapping[str, Any]) -> NoReturn:
        text = " ".join(str(value) for value in line.values())
        self.said.append(f"{process}: {text}")
        self._world.network.tell(f"{process:9} SAYS {text}")
        raise structlog.DropEvent

    # --- an order goes out only while its slot stands ----------------------------------------------------

    def looked(self, worker: str) -> None:
        """In the moment the server is asked: of which symbols slots of his stand.

        One that is kept, since a hand wrote that he was lost, is nobody else's.
        """
        judge, now_ms = self._world.judge, self._world.server_ms()
        forbidden = self._no_entries()
        self._standing[worker] = [
            one.symbol
            for one in judge.checkpoint.state.reservations.values()
            if one.worker == worker and now_ms < one.expires_ms and not one.revoked and not forbidden
        ]

    def _no_entries(self) -> bool:
        book = self._world.judge.book
        return book.halted or bool(book.stopped_on)

    def stands(self, worker: str, decision: Decision) -> None:
        """His gate has just said yes. Violation where that was not so when the server was asked."""
        if decision.symbol not in self._standing.pop(worker, []):
            raise Violation(
                "a gate says that a slot stands only while it does", f"{worker}: {decision.event}"
            )
        self._yes[worker] = (self._world.scheduler.now, decision.symbol)

    def sent(self, order: Sent) -> None:
        """The first byte is being written."""
        self._world.network.tell(f"== sent {order}")
        if order.order in self._sent:
            raise Violation("no order is sent twice", f"{order}")
        self._sent.add(order.order)
        if order.does == "enter":
            if self._yes.get(order.owner) != (self._world.scheduler.now, order.symbol):
                raise Violation("an entry is sent only once its slot was seen to stand", f"{order}")
        elif order.sender != order.owner:
            self._flattens(order)

    def is_not_taken(self, order: Sent) -> None:
        """It certainly was not, and may be tried again."""
        self._sent.discard(order.order)

    def answered_late(self, order: Sent) -> None:
        """An answer came that nobody waited for any more: from now on the book has it."""
        for one in self._world.brokers.unsettled():
            if one.id == order.order and one.state == "unknown" and "answered late" not in one.said:
                raise Violation("a late answer is noted", f"{order}: {one.said}")

    # --- what arrives ------------------------------------------------------------------------------------

    def fills(self, order: Sent) -> None:
        """An entry arrives: nobody else may hold the symbol, as far as anybody could know."""
        account = self._world.account
        for owner, symbol in account.held:
            if symbol == order.symbol and owner != order.owner and (owner, symbol) not in account.otherwise:
                raise Violation("a symbol is in one position", f"{order}, where {owner} holds it")

    def closes(self, order: Sent, entry: Sent) -> None:
        """An exit arrives, and closes what this entry has opened."""
        if entry.owner != order.owner and (entry.owner, entry.symbol) not in self._world.account.otherwise:
            raise Violation("an exit closes what it was sent for", f"{order} closes {entry}")
        if entry.sent_ms > order.sent_ms:
            raise Violation("an exit closes nothing that was ordered after it", f"{order} closes {entry}")

    def adopts(self, held: BrokerPosition) -> None:
        """The flattener takes over what nobody owns: it is there, on that side, and no other's."""
        there = self._world.account.by_hand.get(held.symbol)
        if there is None or there.side != held.side or there.size < held.size:
            raise Violation("what is taken over is there, and nobody's", f"{held}, where there is {there}")

    def closes_unowned(self, symbol: str, size: int) -> None:
        """What was adopted is closed: so much of it must be there, for no other's may go with it."""
        there = self._world.account.by_hand.get(symbol)
        if there is None or there.size < size:
            raise Violation("what nobody owns is closed once", f"{size} {symbol}, where there is {there}")

    def _flattens(self, order: Sent) -> None:
        for entry in self._world.desk.open.values():
            if (entry.owner, entry.symbol) == (order.owner, order.symbol):
                self.flattens(f"{entry.symbol}:{entry.side}:{entry.owner}", entry.sent_ms)

    def flattens(self, leg: str, since_ms: int | None = None) -> None:
        """The flattener closes a leg that was ordered, or else granted, then: it must be told to since."""
        since_ms = self._granted_ms.get(leg, 0) if since_ms is None else since_ms
        if not any(self._covers(at_ms, order, leg, since_ms) for at_ms, order in self._ordered):
            raise Violation("a flatten closes what was open when it was ordered", f"{leg} since {since_ms}")

    def _covers(self, at_ms: int, order: FlattenOrder, leg: str, since_ms: int) -> bool:
        if not (
            order.everything or leg in {f"{one.symbol}:{one.side}:{one.worker}" for one in order.positions}
        ):
            return False
        # While a pull of the kill switch is not decided, entries go on, and it covers them.
        if at_ms >= since_ms or order.event > self._world.judge.checkpoint.cursor:
            return True
        return order.everything and not any(
            at_ms <= resumed_ms <= since_ms for resumed_ms in self._resumed_ms
        )

    def added(self, key: str, entry: Entry) -> None:
        """Takes note of orders to close; a close that is reported was made."""
        now, fields = self._world.scheduler.now, entry.fields
        if key == self._events:
            if fields[1] in ("PositionOpened", "PositionClosed"):
                self._was_made(entry.by_name)
        elif key == self._killswitch:
            self._ordered.append((now, pulled(entry)))
        elif key == self._decisions:
            order = handed_over(entry) or taken_over(entry) or order_for(_NOBODY, entry)
            if order is not None:
                self._ordered.append((now, order))
            if "pending" in fields:
                self._may_fill |= set(entry.by_name.get("pending", "").split(" "))

    def _was_made(self, said: dict[str, str]) -> None:
        fill = said.get("fill", "")
        made = self._world.account.fills.get(fill)
        if fill and fill not in self._sent and (made is None or made != int(said["size"])):
            raise Violation("a fill that is reported was made, and as large", f"{fill}: {said}, made {made}")

    # --- what the log says -------------------------------------------------------------------------------

    def committed(self, commit: Commit) -> None:
        """Where a slot is granted, all that is held counts already."""
        forbidden, before = self._no_entries(), self._forbidden
        self._forbidden = forbidden
        if before and not forbidden:
            self._resumed_ms.append(self._world.scheduler.now)
        granted = [
            one
            for _, fields in commit.decisions
            if fields[1] == "EntryAllowed"
            and isinstance(one := decode_decision(list(fields[:-4])), EntryAllowed)
        ]
        for one in granted:
            self._granted_ms[f"{one.symbol}:{one.side}:{one.worker}"] = self._world.scheduler.now
        if granted and (uncounted := self._uncounted()):
            raise Violation("what is held counts where a slot is granted", f"not {uncounted}: {granted[0]}")

    def _uncounted(self) -> list[str]:
        book = self._world.judge.book
        reserved = {leg: one.size for leg, one in book.reserved.items()}
        return [
            leg
            for leg, size in self._world.account.legs().items()
            if size > book.held.get(leg, 0) + reserved.get(leg, 0) and not self._under_way(leg)
        ]

    def _under_way(self, leg: str) -> bool:
        """Whether its owner is about to tell, or it is known that nobody knows."""
        symbol, _, name = leg.split(":")
        if (name, symbol) in self._world.account.otherwise:
            return True  # nobody can know before the account is compared: that has a law of its own
        owner = self._world.seats[name]
        about_to = not owner.idle and (owner.process is not None or not self._outlives_its_owner(leg))
        return about_to or self.is_told(leg)

    def _outlives_its_owner(self, leg: str) -> bool:
        """Whether its slot lasts until its owner can be counted lost; from then on it is kept.

        Not so where nobody had asked for one, where a clock that was put forward has ended it at once, or a
        stop has taken it back and said that it may be filled.
        """
        world = self._world
        symbol, side, owner = leg.split(":")
        if any(one.startswith(f"{symbol}:{side}:") and one.endswith(f":{owner}") for one in self._may_fill):
            return False
        ahead = world.judge.checkpoint.cursor.ms > world.server_ms()
        same_clock = world.account.ordered.get(leg) == world.skew_ms
        return same_clock and not ahead

    def is_told(self, leg: str) -> bool:
        """Whether the log or the broker's book say that it may be otherwise."""
        symbol, _, worker = leg.split(":")
        if symbol in self._world.judge.account.stands or self._nets_out(worker, symbol):
            return True
        if leg in self._world.judge.checkpoint.state.unsettled or self._is_said_of(
            f"{symbol}1! of {worker})"
        ):
            return True
        return any((one.owner, one.symbol) == (worker, symbol) for one in self._world.brokers.unsettled())

    def _is_said_of(self, whose: str) -> bool:
        return any(whose in line for line in self.said if any(words in line for words in _LOOK_THERE))

    def _nets_out(self, worker: str, symbol: str) -> bool:
        """Whether what was filled otherwise, or is nobody's, leaves the account as it is believed to be."""
        account = self._world.account
        odd = worker == ACCOUNT or (worker, symbol) in account.otherwise or symbol in account.by_hand
        return odd and account.net().get(symbol, 0) == self._net_on_log(symbol)

    def _net_on_log(self, symbol: str) -> int:
        net = 0
        for leg, size in self._world.judge.book.held.items():
            name, side, _ = leg.split(":")
            if name == symbol:
                net += size if side == "long" else -size
        return net

    def differences(self) -> dict[str, tuple[int, int]]:
        """The legs of which the broker and the log hold other numbers, with both.

        Of what nobody has ordered, those that the log has; the rest is the account's to show.
        """
        held, on_log = self._world.account.legs(), self._world.judge.book.held
        for one in self._world.account.by_hand.values():
            if (leg := f"{one.symbol}:{one.side}:{ACCOUNT}") in on_log:
                held[leg] = one.size
        return {
            leg: (held.get(leg, 0), on_log.get(leg, 0))
            for leg in sorted(held.keys() | on_log.keys())
            if held.get(leg, 0) != on_log.get(leg, 0)
        }

    def holds(self) -> bool:
        """Whether they differ only where somebody was told; not so while a report is on its way."""
        return all(self.is_told(leg) for leg in self.differences())
