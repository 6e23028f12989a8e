"""Laws of pace over random logs: a pause ends at its time or by a person, and what is kept is bounded."""

from hypothesis import given, settings

from portfold.coordinator.fold.pace.remembered import SYMBOLS_REMEMBERED
from portfold.events.incoming import TradingResumed
from tests.coordinator.random_logs import Log, logs, moments

laws = settings(max_examples=60, deadline=None)


@laws
@given(logs)
def test_nothing_is_opened_but_at_its_time_or_by_a_person(log: Log) -> None:
    closed: dict[str, int] = {}
    paused: int | None = None
    for moment in moments(log):
        state, event = moment.state, moment.event
        for name, until_ms in closed.items():
            by_a_person = isinstance(event, TradingResumed) and str(event.scope) == name
            in_time = 0 < until_ms <= moment.at.ms
            assert name in state.scopes or by_a_person or in_time
            if in_time and name in state.scopes:  # closed anew by this very event
                assert state.scopes[name].until_ms > moment.at.ms or not state.scopes[name].until_ms
        lock = state.locks.get("loss_streak")
        if paused is not None and lock is None:
            resumed = isinstance(event, TradingResumed) and event.scope is None
            forced = isinstance(event, TradingResumed) and event.force
            assert 0 < paused <= moment.at.ms or (resumed and (forced or not paused))
        closed = {name: one.until_ms for name, one in state.scopes.items()}
        paused = lock.until_ms if lock is not None else None
        assert len(state.pace.symbols) <= SYMBOLS_REMEMBERED
