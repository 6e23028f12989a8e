"""The pacing rules of Interactive Brokers: what is asked of the past waits for its turn."""

import asyncio

from portfold.workers.market.sources.ibkr.pacing import Pacing, PacingRules
from tests.set_clock import SetClock

RULES = PacingRules(most=3, window_seconds=600, apart_seconds=0.5)


def test_questions_are_apart_and_so_many_within_the_time() -> None:
    clock = SetClock()
    pacing = Pacing(clock, RULES)
    waited = []
    for _ in range(4):
        waited.append(pacing.seconds_to_wait())
        clock.sleep(waited[-1])
        asyncio.run(pacing.turn())
    assert waited == [0.0, 0.5, 0.5, 599.0]


def test_the_rules_in_use_are_within_those_of_interactive_brokers() -> None:
    rules = PacingRules()
    assert rules.most < 60
    assert rules.window_seconds >= 600
    assert 2 / rules.apart_seconds < 6
    assert rules.again_seconds > 15
