"""The keys: named as documented, all of one portfolio on one node of a cluster."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from portfold.events.wire.keys import Keys

NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,32}", fullmatch=True)
"""What `runtime.json` allows as the name of a portfolio."""


WHAT = [
    *("events", "decisions", "status", "head", "log", "snapshot", "archive", "leader", "standby"),
    "killswitch",
    *(
        "bars",
        "prices",
        "contracts",
        "feed",
        "feed_head",
        "feed_notices",
        "steps",
        "book_lacks",
        "book_exceeds",
        "without_stop",
        "less_than_expected",
        "dead_mans_switch",
    ),
]


def every_key(keys: Keys) -> list[str]:
    return [*(getattr(keys, what) for what in WHAT), keys.worker("ibs-ES"), keys.worker("ibs-CL")]


def test_no_key_is_missing_here() -> None:
    declared = {name for name, thing in vars(Keys).items() if isinstance(thing, property)}
    assert declared == {"prefix", *WHAT}


@pytest.mark.parametrize("what", WHAT)
def test_a_key_is_named_after_its_portfolio_and_what_it_holds(what: str) -> None:
    assert getattr(Keys("main"), what) == f"portfolio:{{main}}:{what.replace('_', '-')}"


def test_a_worker_has_a_key_of_its_own() -> None:
    assert Keys("main").worker("ibs-ES") == "portfolio:{main}:worker:ibs-ES"


@given(NAMES)
def test_all_keys_of_a_portfolio_lie_in_one_slot_of_a_cluster(name: str) -> None:
    assert {key_slot(key.encode()) for key in every_key(Keys(name))} == {key_slot(name.encode())}


@given(NAMES, NAMES)
def test_two_portfolios_share_no_key(name: str, other: str) -> None:
    shared = set(every_key(Keys(name))) & set(every_key(Keys(other)))
    assert bool(shared) == (name == other)


def test_no_two_keys_of_a_portfolio_are_the_same() -> None:
    keys = every_key(Keys("main"))
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("worker", ["events", "decisions", "worker", "head"])
def test_a_worker_named_like_a_key_does_not_take_it(worker: str) -> None:
    assert Keys("main").worker(worker) not in every_key(Keys("main"))
