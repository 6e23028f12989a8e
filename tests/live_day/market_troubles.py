"""What goes wrong with the market's data: the feed's connection is lost, and what was sent is lost."""

from portfold.events.market import DISCONNECTED
from tests.fakes.databento_gateway import wire
from tests.live_day.day import Day, require


def feed_lost(day: Day) -> str:
    """The gateway hangs up and takes nobody for a minute of data: it is replayed, and nothing is left out."""
    data, bus = day.venue.data, day.office.bus
    sessions = len(data.connections)
    data.script.closes_before_answer = True
    data.drop()
    day.until(lambda: DISCONNECTED in bus.market().notices, "people to be told that the feed is disconnected")
    day.hurry()
    day.until(lambda: len(data.connections) > sessions, "the feed to try again")
    require(not day.all_on_the_bus(), "the minute of the gap was on the bus before it was over")
    data.script.closes_before_answer = False
    day.hear()
    day.until(lambda: DISCONNECTED not in bus.market().notices, "the trouble to be taken back")
    _, last = bus.last_step()
    require(last is not None and last.known_since_ms < day.venue.truth[-1].end_ms, "the gap was not filled")
    return f"a minute replayed after {len(data.connections) - sessions} attempts"


def data_lost(day: Day) -> str:
    """The gateway skips a minute, as for a slow reader: it is told as a gap, and nobody makes it up."""
    venue, bus = day.venue, day.office.bus
    day.until_heard()
    day.minute(heard=False, withheld=True)
    gap_ms = venue.truth[-1].end_ms
    venue.data.say(wire.error(gap_ms, "SKIPPED_RECORDS_AFTER_SLOW_READING", "Records were skipped"))
    day.until(lambda: "gap" in bus.market().notices, "people to be told of the gap")
    day.minute()
    _, last = bus.last_step()
    require(
        last is not None and last.known_since_ms == gap_ms, f"{last} does not say from when on all is known"
    )
    return "a minute of which nothing came, told as a gap"
