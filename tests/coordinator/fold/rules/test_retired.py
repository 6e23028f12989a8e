"""A lost worker that is retired blocks its symbols for nobody; only one that has nothing left can be."""

from typing import cast

import pytest

from portfold.events.decisions import EntryDenied, EventRejected
from portfold.events.stream_id import StreamId
from tests.coordinator.fold.rules.test_lost_and_stopped import lost_after_a_grant
from tests.coordinator.story import Story, code, kinds, only
from tests.seen import texts_of


def lost_and_flat() -> Story:
    """ibs-CL, which trades CL, was lost with nothing open."""
    story = Story()
    story.starts("ibs-CL", symbols="CL")
    story.loses_worker("ibs-CL")
    return story


def test_who_is_denied_for_anothers_loss_is_told_what_to_do() -> None:
    denied = lost_and_flat().asks("CL", worker="another")
    assert (code(denied), cast(EntryDenied, denied).reason) == (
        "worker_lost",
        "Worker ibs-CL, which trades CL, is lost: start it again, or portfold retire ibs-CL",
    )


def test_earlier_versions_of_the_fold_left_it_at_the_loss() -> None:
    story = lost_and_flat()
    story.state.fold_version = 4
    denied = story.asks("CL", worker="another")
    assert cast(EntryDenied, denied).reason == "Worker ibs-CL, which trades CL, is lost"


def test_who_is_lost_itself_is_told_only_that() -> None:
    denied = lost_and_flat().asks("CL")
    assert cast(EntryDenied, denied).reason == "Worker ibs-CL, which trades CL, is lost"


def test_a_retired_worker_blocks_its_symbols_for_nobody() -> None:
    story = lost_and_flat()
    assert story.retires("ibs-CL") == []
    assert code(story.asks("CL", worker="another")) == "allowed"
    assert story.state.lost == []
    assert "ibs-CL retired" in texts_of(story.state, StreamId(story.ms, 0))["workers"]


def test_a_retired_worker_that_comes_back_is_a_worker_again_and_what_it_holds_counts() -> None:
    story = lost_and_flat()
    story.retires("ibs-CL")
    denied = story.asks("CL")
    assert (code(denied), cast(EntryDenied, denied).reason) == (
        "worker_lost",
        "Worker ibs-CL was retired; it has to announce itself again",
    )
    assert kinds(story.starts("ibs-CL", symbols="CL", positions="CL:long:1:71")) == ["PositionMismatch"]
    assert story.open == ["CL:long:1"]
    story.loses_worker("ibs-CL")
    assert code(story.asks("CL", worker="another")) == "worker_lost"


def refused_to_retire(story: Story, worker: str = "ibs-CL") -> str:
    rejected = only(EventRejected, story.retires(worker))
    assert rejected.rejected == "WorkerRetired"
    return rejected.reason


@pytest.mark.parametrize(
    ("fold", "who"), [(9, "a lost worker"), (10, "one that is lost, stopped or never announced itself")]
)
def test_who_is_up_is_not_retired_nor_anybody_twice(fold: int, who: str) -> None:
    story = Story()
    story.state.fold_version = fold
    assert refused_to_retire(story) == "WorkerRetired: no worker ibs-CL is known"
    story.starts("ibs-CL", symbols="CL")
    assert refused_to_retire(story) == (
        f"WorkerRetired: ibs-CL is up, as far as the log knows; only {who} is retired"
    )
    story.loses_worker("ibs-CL")
    story.retires("ibs-CL")
    assert refused_to_retire(story) == f"WorkerRetired: ibs-CL is retired already; only {who} is retired"


def test_a_worker_that_holds_a_position_is_not_retired() -> None:
    story = Story()
    story.enters("CL")
    story.loses_worker("ibs-CL")
    assert refused_to_retire(story) == (
        "WorkerRetired: ibs-CL holds CL long 1: flatten, or close it at the broker and portfold settle"
    )
    story.settle("CL", 0)
    assert story.retires("ibs-CL") == []


def test_a_worker_whose_slot_may_be_filled_is_not_retired() -> None:
    story = lost_after_a_grant()
    assert refused_to_retire(story) == (
        "WorkerRetired: CL long 1 of ibs-CL may have been filled unreported: look at the broker, and "
        "portfold settle or reconcile"
    )
    story.settle("CL", 0)
    assert story.retires("ibs-CL") == []


def test_a_worker_about_which_log_and_broker_differ_is_not_retired() -> None:
    story = Story()
    story.starts("ibs-CL")
    story.closes("CL", pnl="-20")
    story.loses_worker("ibs-CL")
    assert refused_to_retire(story) == (
        "WorkerRetired: CL of ibs-CL is unsettled (close_unmatched): look at the broker, and portfold settle"
    )


def test_a_retired_session_is_not_lost_again() -> None:
    story = lost_and_flat()
    story.retires("ibs-CL")
    assert kinds(story.loses_worker("ibs-CL")) == ["EventRejected"]
    assert code(story.asks("CL", worker="another")) == "allowed"


def test_to_version_3_retiring_was_no_event() -> None:
    story = lost_and_flat()
    story.state.fold_version = 3
    rejected = only(EventRejected, story.retires("ibs-CL"))
    assert rejected.reason.startswith("type: expected one of EntryRequested, EntryWithdrawn, PositionOpened,")
    assert rejected.reason.endswith("ClockTicked, WorkerLost, got 'WorkerRetired'")
    assert "LossAcknowledged, LimitsChanged" in rejected.reason
    denied = cast(EntryDenied, story.asks("CL", worker="another"))
    assert denied.reason == "Worker ibs-CL, which trades CL, is lost"
