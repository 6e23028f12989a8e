"""Each target takes its seeds and whatever else comes, and a fault is a fault; `make fuzz` does the rest."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portfold.errors import PortfoldError
from tests.fuzz.events_from import events_from
from tests.fuzz.targets import TARGETS, fed, seeds


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_its_seeds_and_whatever_else_comes(name: str) -> None:
    for content in seeds(name):
        fed(TARGETS[name], content)

    @settings(max_examples=10, database=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=300))
    def feed(content: bytes) -> None:
        fed(TARGETS[name], content)

    feed()


@pytest.mark.parametrize("fault", [KeyError("x"), PortfoldError(" ")])
def test_an_error_that_is_for_no_user_is_a_fault_and_so_is_one_without_a_sentence(fault: Exception) -> None:
    def broken(_content: bytes) -> None:
        raise fault

    with pytest.raises((KeyError, AssertionError)):
        fed(broken, b"")


def test_of_any_bytes_comes_a_log_of_events_and_of_raw_words() -> None:
    found = list(events_from(bytes([255, 65, 66, *range(200)])))
    assert found[0] == ["A", "B"]
    assert len({words[1] for words in found[1:]}) > 5
