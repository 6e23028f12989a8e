"""Counting decisions: by kind and code, bounded whatever they say, and timed only where the time is known."""

from portfold.cli.dashboard.figures.counting import OTHER, Counted, Histogram
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry

REQUESTED_MS = 1_700_000_000_000


def decision(*words: str) -> Entry:
    """A decision on an event of that millisecond."""
    return Entry(StreamId(REQUESTED_MS, 100), list(words))


def test_an_answer_took_from_its_request_to_when_it_could_be_read() -> None:
    counted = Counted()
    counted.add([decision("type", "EntryAllowed")], REQUESTED_MS + 3)
    counted.add([decision("type", "EntryDenied", "code", "halted")], REQUESTED_MS + 300)
    counted.add([decision("type", "EntryDenied", "code", "halted")], None)  # nobody knows how long
    counted.add([decision("type", "EntryExpired")], REQUESTED_MS + 9000)  # answers nothing
    assert counted.kinds[("EntryDenied", "halted")] == 2
    by_bound = dict(counted.waits.cumulated())
    assert (by_bound["0.002"], by_bound["0.005"], by_bound["0.25"], by_bound["0.5"]) == (0, 1, 1, 2)
    assert by_bound["+Inf"] == 2
    assert counted.waits.total == 0.303


def test_the_time_to_flat_is_the_one_that_was_decided() -> None:
    counted = Counted()
    for took in ("40", "2500", "-1", "x", "9" * 40):
        counted.add([decision("type", "PortfolioFlat", "took_ms", took)], REQUESTED_MS)
    assert dict(counted.flats.cumulated())["+Inf"] == 2
    assert counted.flats.total == 2.54


def test_at_a_bound_is_within_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for seconds in (1.0, 1.001, 2.0, 2.001):
        histogram.add(seconds)
    assert histogram.cumulated() == [("1", 1), ("2", 3), ("+Inf", 4)]


def test_words_that_a_hand_wrote_cannot_make_the_metrics_grow_without_end() -> None:
    counted = Counted()
    for number in range(5000):
        counted.add([decision("type", f"Kind{number}", "code", f"code{number}")], REQUESTED_MS)
    assert len(counted.kinds) <= 201
    assert {kind for kind, _ in counted.kinds} == {OTHER}
    assert counted.kinds.total() == 5000
