"""What goes wrong on a day, and after which minute: the whole of it, and a short one."""

from collections.abc import Callable
from typing import NamedTuple

from tests.live_day import broker_troubles, deaths, market_troubles
from tests.live_day.day import Day
from tests.live_day.the_stop import stop_while_tws_goes

Trouble = Callable[[Day], str]
"""Makes something go wrong, and returns what was seen of it. Raises DidNotHappen."""


class Moment(NamedTuple):
    """After so many minutes of the day, at the earliest, that."""

    minute: int
    name: str
    trouble: Trouble


WHOLE_DAY = (
    Moment(1, "partial fills", broker_troubles.partial_fills),
    Moment(2, "orders refused", broker_troubles.rejects),
    Moment(3, "feed lost, with a gap that is replayed", market_troubles.feed_lost),
    Moment(4, "TWS loses its servers (1100, 1102)", broker_troubles.servers_lost),
    Moment(4, "kill -9: worker over an order", deaths.worker_over_an_order),
    Moment(4, "kill -9: worker, and its stop is hit", deaths.worker_beside_its_stop),
    Moment(5, "kill -9: account watcher", deaths.watcher),
    Moment(5, "kill -9: flattener", deaths.flattener),
    Moment(5, "nightly restart of TWS", broker_troubles.nightly_restart),
    Moment(6, "kill -9: feed", deaths.feed),
    Moment(6, "kill -9: feed that stands by", deaths.standby_feed),
    Moment(7, "data lost, a gap that stays", market_troubles.data_lost),
    Moment(7, "kill -9: leading coordinator", deaths.leader),
    Moment(7, "kill -9: coordinator that stands by", deaths.standby),
    Moment(8, "kill -9: server of the log", deaths.server),
    Moment(8, "kill -9: all workers", deaths.all_workers),
    Moment(9, "kill -9: portfold run, and a stop is hit", deaths.whole_run),
    Moment(10, "stop, TWS gone while it flattens", stop_while_tws_goes),
)
SHORT_DAY = (
    Moment(1, "partial fills", broker_troubles.partial_fills),
    Moment(1, "kill -9: worker over an order", deaths.worker_over_an_order),
    Moment(1, "stop, TWS gone while it flattens", stop_while_tws_goes),
)
