"""What was proved once counts once, and no wrong clock has a true event refused: exits least of all."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfold.coordinator.fold.proofs.remembered import (
    DIGESTS_REMEMBERED,
    NAMES_REMEMBERED,
    REMEMBERED_MS,
    AllSigned,
)
from portfold.coordinator.fold.state import SESSIONS_REMEMBERED
from portfold.events.codec import encode
from portfold.events.incoming import (
    ClockTicked,
    Event,
    LossAcknowledged,
    PositionClosed,
    PositionOpened,
    TradingHalted,
    TradingResumed,
    WorkerLost,
    WorkerStarted,
)
from portfold.events.proof import Proof
from portfold.events.roles.keyring import Keyring
from portfold.events.roles.signer import Signer
from portfold.events.stream_id import StreamId
from tests.coordinator.fold.proofs.proved import (
    A_DAY,
    BEGUN,
    HALT,
    NOON,
    ProvedLog,
    ring_in,
    signed,
    why_refused,
)

RESUME = TradingResumed(by="jane", reason="over")
STARTED = WorkerStarted("ibs-ES", "s1", 1, "ES")


def opened(session: str = "s1", seq: int = 2) -> PositionOpened:
    return PositionOpened("ibs-ES", session, seq, "ES", "long", 1, Decimal(5000))


def closed(seq: int) -> PositionClosed:
    return PositionClosed("ibs-ES", "s1", seq, "ES", "long", 1, Decimal(5010), Decimal(4), Decimal(496))


def halt(number: int) -> TradingHalted:
    return TradingHalted(by="jane", reason=f"news {number}")


def test_where_the_log_is_ahead_of_the_clock_every_true_event_counts_and_no_copy() -> None:
    """Somebody wrote an ID of next year; whoever signs has not heard of it yet."""
    log = ProvedLog()
    log.puts(signed(STARTED, "ibs-ES.1", NOON + 1))
    log.puts(signed(opened(), "ibs-ES.1", NOON + 2))
    resume = signed(RESUME, "jane.1", NOON + 3)
    assert not why_refused(log.puts(resume))
    log.jumps(365 * A_DAY)
    assert not why_refused(log.puts(signed(closed(3), "ibs-ES.1", NOON + 4)))
    assert not log.state.positions
    stands_still = TradingHalted(by="coordinator", reason="time stands still")
    assert not why_refused(log.puts(signed(stands_still, "coordinator.1", NOON + 5)))
    assert "got a copy" in why_refused(log.puts(resume))
    assert log.state.halt is not None
    assert not why_refused(log.puts(signed(RESUME, "jane.1", NOON + 6)))
    assert not why_refused(log.puts(signed(HALT, "jane.1", NOON + 7)))


def test_an_order_from_a_clock_that_is_slower_counts() -> None:
    log = ProvedLog()
    log.server_ms += A_DAY
    latest = log.server_ms
    assert not why_refused(log.puts(signed(halt(1), "jane.1", latest)))
    late = latest - REMEMBERED_MS
    assert not why_refused(log.puts(signed(halt(2), "jane.1", late + 1)))
    assert "got an older one" in why_refused(log.puts(signed(halt(3), "jane.1", late)))
    assert "got a copy" in why_refused(log.puts(signed(halt(2), "jane.1", late + 1)))


def test_what_the_leader_said_counts_once_too() -> None:
    log = ProvedLog()
    log.puts(signed(STARTED, "ibs-ES.1", NOON + 1))
    lost = signed(WorkerLost("ibs-ES", "s1", 5000), "coordinator.1", NOON + 2)
    assert not why_refused(log.puts(lost))
    log.puts(signed(WorkerStarted("ibs-ES", "s2", 1, "ES"), "ibs-ES.1", NOON + 3))
    begun = signed(BEGUN, "coordinator.1", NOON)
    for copy in (lost, begun):
        assert "got a copy" in why_refused(log.puts(copy))
    assert log.state.workers["ibs-ES"].presence == "up"


def test_a_clock_that_was_far_ahead_for_once_makes_nobody_late() -> None:
    log = ProvedLog()
    assert not why_refused(log.puts(signed(halt(1), "jane.1", NOON + 365 * A_DAY)))
    assert not why_refused(log.puts(signed(halt(2), "jane.1", NOON + 1)))
    assert "got a copy" in why_refused(log.puts(signed(halt(1), "jane.1", NOON + 365 * A_DAY)))


def test_what_is_forgotten_is_refused_as_old() -> None:
    log = ProvedLog()
    for number in range(DIGESTS_REMEMBERED + 1):
        assert not why_refused(log.puts(signed(halt(number), "jane.1", NOON + number)))
    assert "got an older one" in why_refused(log.puts(signed(halt(0), "jane.1", NOON)))
    assert "got a copy" in why_refused(log.puts(signed(halt(1), "jane.1", NOON + 1)))
    assert len(log.state.signed.by("jane").digests) == DIGESTS_REMEMBERED


def test_a_fill_of_a_session_that_is_forgotten_counts_no_second_time() -> None:
    log = ProvedLog()
    log.puts(signed(STARTED, "ibs-ES.1", NOON))
    fill = signed(opened(), "ibs-ES.1", NOON + 1)
    assert log.puts(fill).took_effect
    for number in range(2, SESSIONS_REMEMBERED + 2):
        log.server_ms += 1000
        started = WorkerStarted("ibs-ES", f"s{number}", 1, "ES", "ES:long:1:5000")
        assert not why_refused(log.puts(signed(started, "ibs-ES.1", log.server_ms)))
    assert "s1" not in log.state.workers["ibs-ES"].seqs
    assert "got an older one" in why_refused(log.puts(fill))
    assert not why_refused(log.puts(signed(opened(f"s{number}"), "ibs-ES.1", log.server_ms + 1)))


def test_a_fill_of_a_worker_that_is_forgotten_counts_no_second_time() -> None:
    log = ProvedLog()
    log.server_ms += 10
    log.puts(signed(STARTED, "ibs-ES.1", NOON))
    fill = signed(opened(), "ibs-ES.1", NOON + 1)
    log.puts(fill)
    log.puts(signed(closed(3), "ibs-ES.1", NOON + 2))
    del log.state.workers["ibs-ES"]  # as the fold does where it needs the room
    assert "got an older one" in why_refused(log.puts(fill))
    assert not why_refused(log.puts(signed(STARTED, "ibs-ES.1", NOON + 3)))


def test_of_names_the_oldest_is_forgotten_and_what_it_signed_is_refused() -> None:
    known = AllSigned()
    later = StreamId(NOON + A_DAY, 0)
    for number in range(NAMES_REMEMBERED + 1):
        known.by(f"name-{number}").note(Proof(f"name-{number}.1", StreamId(NOON + number, 0), ""), later)
    assert len(known.names) == NAMES_REMEMBERED
    assert "name-0" not in known.names
    again = known.by("name-0")
    assert again.has_forgotten(Proof("name-0.1", StreamId(NOON, 0), ""))
    assert not again.has_forgotten(Proof("name-0.1", StreamId(NOON + NAMES_REMEMBERED, 0), ""))


@pytest.mark.parametrize("removed", [f"{NOON + 2}-0 {NOON + 3}-0", ""], ids=["renewal", "failover"])
def test_what_was_signed_before_a_loss_and_is_gone_counts_no_second_time(removed: str) -> None:
    """Whatever a renewal takes off, or a failover loses, nobody remembers: what goes on is signed anew."""
    log = ProvedLog()
    log.server_ms += 10
    taken_off = signed(RESUME, "jane.1", NOON + 1)
    record = LossAcknowledged(by="jane", reason="x", detail="y", removed=removed)
    assert not why_refused(log.puts(signed(record, "jane.1", NOON + 5)))
    assert not why_refused(log.puts(signed(halt(1), "jane.1", NOON + 6)))
    assert "got an older one" in why_refused(log.puts(taken_off))
    assert log.state.halt is not None


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return ring_in(tmp_path_factory.mktemp("keys"))


HAPPENS = st.one_of(
    st.tuples(st.just("jump"), st.integers(1, 3 * A_DAY)),
    st.tuples(st.just("clock"), st.integers(-3 * A_DAY, 3 * A_DAY)),
    st.tuples(st.sampled_from(["order", "tick", "report", "restart", "copy"]), st.integers(0, 1000)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(HAPPENS, max_size=40))
def test_whatever_clocks_do_what_is_true_counts_and_a_copy_does_not(
    ring: Keyring, happens: list[tuple[str, int]]
) -> None:
    """The log is led ahead, the server's clock is set, a worker's machine is paused, or starts anew."""
    log, steady, session = ProvedLog(), [0.0], 0
    worker = log.signer(ring, lambda: steady[0])
    put: list[list[str]] = []
    for number, (what, much) in enumerate(happens):
        said: tuple[Event, Signer] | None = None
        if what == "jump":
            log.jumps(much)
        elif what == "clock":  # or the worker's machine was paused, and its steady clock with it
            log.server_ms += much
        elif what == "restart":
            session, worker = session + 1, log.signer(ring, lambda: steady[0])
        elif what == "copy" and put:
            decided = log.puts(put[much % len(put)])
            assert why_refused(decided) or decided.repeated
        elif what == "order":
            said = halt(number % 3), log.signer(ring)
        elif what == "tick":
            said = ClockTicked(), log.signer(ring)
        elif what == "report":
            said = opened(f"s{session}", number), worker
        if said is not None:
            event, signer = said
            steady[0] += 1
            put.append(signer.signed(encode(event)))
            assert not why_refused(log.puts(put[-1])), f"{what}: {put[-1]}"
