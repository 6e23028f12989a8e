"""The same trades by live processes: a real server, a coordinator, a trader for each symbol.

Only the clock is driven: one thing is said after the other, in the order in which the simulator says them,
and the next only once all is decided and nothing is left to flatten. The order among those who speak at one
moment, or close at one stop, is chance live; so it is that of the simulator's lots, and of the stop's list.
The bars that end at one moment are all known to the broker before anybody speaks, as prices of a feed are:
what a stop closes is closed at them.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from benchmarks.measuring.stage import BenchmarkProcess, Stage
from portfold.cli.run.leash import leashed
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.views.portfolio_view import ShownFlatten
from portfold.coordinator.views.view_field import what_can_be_read
from portfold.events.codec import decode_decided, decode_event, encode_checked
from portfold.events.incoming import ClockTicked, Malformed, PositionClosed, PositionMarked
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus, at_time
from portfold.research.simulate.trade_events import Happening
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.run.conductor import Conductor
from tests.real_year.order import DONE, Order, Word
from tests.real_year.told import Told, told
from tests.real_year.year import Year
from tests.waiting import until

_AT_ONCE = 10_000_000


def played(year: Year, stage: Stage, portfolio: str) -> Told:
    """Plays the year on this stage. Raises BenchmarkFailed, ConductorError."""
    bus, opens_ms = stage.bus(portfolio), year.scenario.timeline.opening.ms
    bus.append(encode_checked(ClockTicked()), at_time(opens_ms))
    config, book = str(year.configuration.source.folder), stage.folder / f"{portfolio}.sqlite"
    stage.start(
        "coordinator",
        *(*leashed()[1:], "coordinator", "--clock", "driven"),
        *("--url", stage.url, "--portfolio", portfolio, "--config", config),
    )
    traders = {
        symbol: stage.start(
            f"trader-{symbol}",
            *("-m", "tests.real_year.trader", stage.url, portfolio, symbol, config, str(book)),
        )
        for symbol in year.symbols
    }
    Conductor(bus, (), check=lambda: None).wait_for_limits()
    portfolio_at_rest = _AtRest(bus, traders)
    for trader in traders.values():
        _does(trader, Order("start", opens_ms))
        portfolio_at_rest.comes(opens_ms)
    with PaperBroker(book, "market", year.configuration.contracts) as broker:
        market = _Market(year, broker)
        for happening in year.scenario.timeline.of(year.symbols):
            market.moves_to(happening.at.ms)
            if _does(traders[happening.symbol], _order(year, happening)):
                market.may_hold(happening.symbol)
                portfolio_at_rest.comes(happening.at.ms)
    return _read(bus)


class _AtRest:
    """When all is decided and nothing is left to flatten; until then the next on the stop's list closes."""

    def __init__(self, bus: Bus, traders: Mapping[str, BenchmarkProcess]) -> None:
        self._bus = bus
        self._traders = traders

    def comes(self, ms: int) -> None:
        while left := until(self._decided, "a decision on everything").left:
            _does(self._traders[left[0].symbol], Order("close", ms))

    def _decided(self) -> ShownFlatten | None:
        """What is left to flatten, once the status is the present; nothing to, if need be."""
        view, unreadable = what_can_be_read(self._bus.status())
        if unreadable or view.last_event != str(self._bus.last_event()):
            return None
        return view.flatten or ShownFlatten("", 0, 0)


class _Market:
    """The prices at the broker: those of a moment are all there before anybody speaks at it."""

    def __init__(self, year: Year, broker: PaperBroker) -> None:
        self._closes = year.scenario.timeline.pricing.closes
        self._broker = broker
        self._traded: set[str] = set()
        self._now_ms = 0

    def may_hold(self, symbol: str) -> None:
        self._traded.add(symbol)

    def moves_to(self, ms: int) -> None:
        if ms == self._now_ms:
            return
        self._now_ms = ms
        for symbol in sorted(self._traded):
            close = self._closes[symbol].last(ms, from_ms=ms)
            if close is not None:
                self._broker.mark(symbol, close)


def _does(trader: BenchmarkProcess, order: Order) -> bool:
    """Tells it; whether something was said on the log. What is denied is said too."""
    trader.send(msgspec.json.encode(order).decode())
    return trader.receive().strip() == DONE or order.word == "ask"


def _order(year: Year, happening: Happening) -> Order:
    """What is to be done. The broker adds the slippage, so it is given the bar's close and not the fill."""
    timeline = year.scenario.timeline
    trade, ms, fact = timeline.trades[happening.trade], happening.at.ms, happening.fact
    close = timeline.pricing.closes[trade.symbol].last(ms, from_ms=ms)
    assert close is not None, f"{trade}: no bar of {trade.symbol} ends at {ms}"
    assert not isinstance(fact, PositionMarked) or fact.price == close
    side = trade.side or "long"
    return Order(_word(happening), ms, happening.trade, side, trade.size, f"{close:f}")


def _word(happening: Happening) -> Word:
    if happening.request is not None:
        return "ask"
    return "leave" if isinstance(happening.fact, PositionClosed) else "mark"


def _read(bus: Bus) -> Told:
    """What is on the log, and what another fold of it comes to: with the same chain, or not at all."""
    follower, events = Follower(), []
    for entry in bus.events_after(ORIGIN, count=_AT_ONCE):
        event = decode_event(entry.fields)
        assert not isinstance(event, Malformed)
        events.append((entry.id, event))
        follower.advance(entry.id, entry.fields)
    head = bus.head()
    assert head is not None
    follower.prove(head.cursor, head.chain)
    written = bus.decisions_after(ORIGIN, count=_AT_ONCE)
    decided = [(entry.id.event(), decode_decided(entry.fields)[0]) for entry in written]
    return told(decided, events, follower.state)


def dollars(amount: Decimal) -> str:
    """As people read it."""
    return f"${amount:,.2f}"
