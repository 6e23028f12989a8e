"""How a command hears that it is to stop, whatever it is just doing."""

import random
import signal
import threading
from collections.abc import Iterator

import pytest

from portfold.cli.exits import INTERRUPTED, OK
from portfold.cli.stopping import StopSignal, stopped_by_signals


@pytest.fixture
def handlers() -> Iterator[None]:
    before = signal.getsignal(signal.SIGALRM)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, OK), (signal.SIGINT, INTERRUPTED)])
def test_the_first_signal_stops_with_its_exit_code(number: signal.Signals, code: int) -> None:
    with stopped_by_signals() as stop:
        signal.raise_signal(number)
        assert stop.event.wait(10)
    assert stop.exit_code == code


def test_ctrl_c_after_another_signal_stops_at_once() -> None:
    with stopped_by_signals() as stop:
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert stop.exit_code == OK


def test_afterwards_signals_are_what_they_were_and_no_thread_is_left() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stopped_by_signals():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
    assert [thread for thread in threading.enumerate() if thread.name == "signals"] == []


@pytest.mark.usefixtures("handlers")
def test_a_signal_in_the_middle_of_a_wait_never_leaves_it_waiting() -> None:
    """The waits are so short that signals come at every moment of them, those with the event's lock too."""
    draw = random.Random(1).random
    for _ in range(2000):
        stop = StopSignal()
        signal.signal(signal.SIGALRM, stop.receive)
        signal.setitimer(signal.ITIMER_REAL, 0.0003 * draw() + 0.000001)
        while not stop.event.wait(0.0001):
            pass
        stop.close()
