"""How often a callback that fails is called again: by a clock that is set, so to the second."""

import io
from collections.abc import Callable, Iterator

import pytest

from portfold.events.legs import Leg
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.log import open_log
from portfold.workers.client.closing.carrier import Carrier
from portfold.workers.client.closing.flatten_order import FlattenOrder
from tests.set_clock import SetClock

ES, CL = Leg("ES", "long", 1, "ibs-ES"), Leg("CL", "long", 1, "ibs-CL")


def order(*legs: Leg, episode: str = "5-0", everything: bool = False) -> FlattenOrder:
    return FlattenOrder(episode, ORIGIN, "panic", everything=everything, positions=legs)


class Broken:
    """A callback that fails until it is mended; `called` says when, and with what."""

    def __init__(self, clock: SetClock) -> None:
        self.mended = False
        self.called: list[tuple[float, FlattenOrder]] = []
        self._clock = clock

    def __call__(self, order: FlattenOrder) -> None:
        self.called.append((self._clock.now, order))
        if not self.mended:
            raise RuntimeError("the broker is away")

    @property
    def moments(self) -> list[float]:
        return [at for at, _ in self.called]


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def broken(clock: SetClock) -> Broken:
    return Broken(clock)


@pytest.fixture
def carrier(clock: SetClock, broken: Broken) -> Iterator[Carrier]:
    log, lines = open_log("ibs-ES", target=io.StringIO())
    carries = Carrier(log=log, clock=clock, begin=lambda act: act())
    carries.add(broken)
    yield carries
    lines.close()


@pytest.fixture
def passes(clock: SetClock, carrier: Carrier) -> Callable[[float], None]:
    """Lets so many seconds pass, in which the listener looks as often as it does."""

    def passing(seconds: float) -> None:
        until = clock.now + seconds
        while clock.now < until:
            clock.sleep(0.5)
            carrier.look()

    return passing


def test_what_fails_is_tried_again_ever_more_seldom_and_not_for_ever(
    carrier: Carrier, broken: Broken, passes: Callable[[float], None]
) -> None:
    carrier.carry(order(ES))
    passes(3600)
    assert broken.moments[:8] == [0, 1, 3, 7, 15, 31, 61, 91]
    assert len(broken.called) == 20


def test_for_as_long_as_it_is_to_be(
    carrier: Carrier, broken: Broken, passes: Callable[[float], None]
) -> None:
    lost = True
    carrier.carry(order(everything=True, episode="bus lost"), lambda: lost)
    passes(3600)
    assert len(broken.called) > 100
    assert broken.moments[-1] - broken.moments[-2] == 30
    lost = False
    passes(30)
    called = len(broken.called)
    passes(3600)
    assert len(broken.called) == called


def test_a_reminder_brings_it_at_once_and_takes_the_place_of_what_waited(
    carrier: Carrier, broken: Broken, passes: Callable[[float], None]
) -> None:
    carrier.carry(order(ES))
    passes(20)
    assert broken.moments == [0, 1, 3, 7, 15]
    carrier.carry(order(ES))
    passes(70)
    assert broken.moments[5:] == [20, 50, 80], "one goes on, and as seldom as before"
    broken.mended = True
    carrier.carry(order(ES))
    passes(3600)
    assert broken.moments[8:] == [90], "what succeeded is not tried again"


def test_one_for_less_does_not_take_the_place_of_one_for_more(
    carrier: Carrier, broken: Broken, passes: Callable[[float], None]
) -> None:
    for earlier, later in [
        (order(ES, everything=True), order(ES)),
        (order(CL, episode="6-0"), order(ES, episode="6-0")),
        (order(ES, episode="7-0"), order(ES, episode="8-0")),
    ]:
        broken.mended, broken.called = False, []
        carrier.carry(earlier)
        carrier.carry(later)
        broken.mended = True
        passes(5)
        assert sorted(told for _, told in broken.called[2:]) == sorted([earlier, later])


@pytest.mark.parametrize(("before", "meanwhile", "ends"), [(100, 200, 300), (200, 100, 50)])
def test_an_order_that_is_heard_while_the_log_is_asked_is_not_set_back(
    carrier: Carrier, before: int, meanwhile: int, ends: int
) -> None:
    """So too where the log was set back, and ended before it when it was asked."""

    def flattens(ms: int) -> None:
        carrier.carry(order(everything=True)._replace(event=StreamId(ms, 0)))

    def log_ends() -> StreamId:
        flattens(meanwhile)
        return StreamId(ends, 0)

    flattens(before)
    assert not carrier.is_after_the_last(StreamId(40, 0), log_ends)
    assert not carrier.is_after_the_last(StreamId(meanwhile, 0), lambda: StreamId(1000, 0))
