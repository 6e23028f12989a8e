"""TradersPost as a worker meets it, with a true account behind it: it takes signals, and says no more.

What arrives there is executed at once, for a whole ticker: an exit closes what is open in it, whoever's that
is. Whether and when an order arrives, and whether and when it is answered, is the schedule's choice. The
judge sees each order when it is written to the wire, and when it arrives.
"""

from collections.abc import Generator
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import requests

from portfold.events.fields import Side
from portfold.workers.brokers.leg_arithmetic import worse
from portfold.workers.brokers.protocol import BrokerError
from portfold.workers.brokers.traderspost.last_moment import SendAttempt
from portfold.workers.brokers.traderspost.webhook import WebhookAnswer
from tests.simulation.broker.mishaps import Mishaps
from tests.simulation.scheduler import Crashed, Process

if TYPE_CHECKING:
    from tests.simulation.seats.world import World

NEVER_MS = 3_600_000
_LATENCY_MS = 4


class Sent(NamedTuple):
    """An order on its way: `side` of an entry; `size` is 0 where all is to be closed."""

    order: str
    owner: str
    sender: str
    symbol: str
    does: str
    side: Side
    size: int
    sent_ms: int


class Response(NamedTuple):
    """As much of an HTTP answer as is read."""

    status_code: int
    content: bytes

    @property
    def headers(self) -> dict[str, str]:
        return {}

    @property
    def raw(self) -> "Response":
        return self

    def read(self, most: int, *, decode_content: bool) -> bytes:  # noqa: ARG002 - it is short and plain
        return self.content

    def __enter__(self) -> "Response":
        return self

    def __exit__(self, *_: object) -> None:
        pass


_TAKEN = Response(200, b'{"success":true,"id":"taken"}')
_REFUSED = Response(400, b'{"success":false,"message":"not like this"}')
_TOO_MANY = Response(429, b'{"success":false,"message":"too many"}')
_FAILED = Response(502, b"<html>bad gateway</html>")


class Desk:
    """Takes orders. `on_the_way` may still arrive; `open` are those entries of which contracts are held;
    `closed` says how many contracts an exit has closed; the next entries are filled as `otherwise` says.
    """

    def __init__(self, world: "World", mishaps: Mishaps) -> None:
        self.on_the_way: set[str] = set()
        self.open: dict[str, Sent] = {}
        self.closed: dict[str, int] = {}
        self.otherwise: list[str] = []
        self._filled_as = ""
        self._world = world
        self._mishaps = mishaps

    def take(
        self, process: Process, data: bytes, attempt: SendAttempt[WebhookAnswer]
    ) -> Generator[int, None, Response]:
        """One request from its beginning to its answer; yields how long each part of it takes."""
        order = _read(data, process.name)
        mishap = self._mishaps.strike(order.does)
        kind = mishap.kind
        yield self._some_ms(process)
        if kind == "no connection":
            raise requests.ConnectionError(kind)
        if kind == "slow connection":
            yield mishap.ms
        if kind == "sleeps":
            process.machine_sleeps(mishap.ms)
        attempt.begin_to_write()
        order = order._replace(sent_ms=self._world.scheduler.now)
        self._world.law.sent(order)
        if kind in ("refused", "too many"):
            yield self._some_ms(process)
            self._world.law.is_not_taken(order)
            return _REFUSED if kind == "refused" else _TOO_MANY
        late = kind in ("late order", "broken connection", "server error", "dies")
        if mishap.arrives or kind in ("", "late answer", "late order", "slow connection", "sleeps"):
            self._arrives(order, mishap.later_ms if late else self._some_ms(process))
        if kind == "dies":
            self._world.seats[process.name].die()
            raise Crashed
        yield _LATENCY_MS
        if kind == "broken connection":
            raise requests.ConnectionError(kind)
        if kind == "server error":
            return _FAILED
        if kind in ("late answer", "late order", "no answer"):
            yield NEVER_MS if kind == "no answer" else mishap.ms + (mishap.later_ms if late else 0)
        return _TAKEN

    def answered_late(self, data: bytes, sender: str, answer: Response) -> None:
        """Whoever sent it has just got the answer, and had given it up."""
        if answer in (_TAKEN, _REFUSED):
            self._world.law.answered_late(_read(data, sender))

    def _some_ms(self, process: Process) -> int:
        return process.random.randrange(_LATENCY_MS)

    def _arrives(self, order: Sent, in_ms: int) -> None:
        self.on_the_way.add(order.order)

        def arrive() -> None:
            self.on_the_way.discard(order.order)
            (self._enter if order.does == "enter" else self._exit)(order)

        self._world.later(in_ms, arrive)

    def _enter(self, order: Sent) -> None:
        self._world.network.tell(f"== filled {order}")
        order = self._as_it_is_filled(order)
        if not order.size:
            return
        self._world.law.fills(order)
        account = self._world.account
        price = self._price(order.symbol, buys=order.side == "long")
        if self._filled_as == "other price":
            price += 8 * account.contracts[order.symbol].tick_size
        try:
            account.open(order.owner, order.symbol, order.side, order.size, price)
        except BrokerError:
            return  # what an exit of a part has left there is on the other side: the desk refuses it
        account.ordered[f"{order.symbol}:{order.side}:{order.owner}"] = account.skew_ms()
        self.open[order.order] = order

    def _as_it_is_filled(self, order: Sent) -> Sent:
        """Mostly as it is believed; where one of the schedule is to be filled otherwise, it is this one."""
        self._filled_as = self.otherwise.pop(0) if self.otherwise else ""
        if not self._filled_as:
            return order
        self._world.network.tell(f"== filled otherwise: {self._filled_as}")
        self._world.account.otherwise.add((order.owner, order.symbol))
        size = {"never": 0, "twice": 2 * order.size}.get(self._filled_as, order.size)
        return order._replace(size=size)

    def _price(self, symbol: str, *, buys: bool) -> Decimal:
        account = self._world.account
        return worse(account.prices[symbol], account.contracts[symbol], buys=buys)

    def _exit(self, order: Sent) -> None:
        """Closes what is open in the ticker, the oldest first."""
        self._world.network.tell(f"== closed by {order}")
        left = order.size or sum(one.size for one in self.open.values() if one.symbol == order.symbol)
        for entry in [one for one in self.open.values() if one.symbol == order.symbol]:
            size = min(left, entry.size)
            if not size:
                break
            self._world.law.closes(order, entry)
            account = self._world.account
            commission = 2 * size * account.contracts[entry.symbol].commission_per_side
            price = self._price(entry.symbol, buys=entry.side == "short")
            account.take_away(entry.owner, entry.symbol, size, price, commission)
            self.open[entry.order] = entry._replace(size=entry.size - size)
            if entry.size == size:
                del self.open[entry.order]
            left -= size
            self.closed[order.order] = self.closed.get(order.order, 0) + size


def _read(data: bytes, sender: str) -> Sent:
    signal = msgspec.json.decode(data)
    extras, action = signal["extras"], signal["action"]
    return Sent(
        extras["order"],
        extras["worker"],
        sender,
        signal["ticker"].removesuffix("1!"),
        "exit" if action == "exit" else "enter",
        "long" if action == "buy" else "short",
        int(signal.get("quantity", 0)),
        0,
    )
