"""What a worker announces as held, even when its broker cannot answer at first.

It exists because a broker may be unable to say anything at the very start, and the worker goes on all the
same. Guarantees: what an earlier life closed and did not live to report is reported before the first
announcement of what is held, however late that comes, or the log would count those positions as vanished.
"""

from collections.abc import Callable

from portfold.events.legs import Holding
from portfold.workers.brokers.protocol import BrokerError


class FirstWords:
    """A gate's `holdings`. What is raised here puts the announcement off."""

    def __init__(self) -> None:
        self._report_leftovers: Callable[[], None] | None = None
        self._holdings: Callable[[], list[Holding]] | None = None

    def are(self, report_leftovers: Callable[[], None], holdings: Callable[[], list[Holding]]) -> None:
        """Sets what to report and announce; called before the gate is started."""
        self._report_leftovers, self._holdings = report_leftovers, holdings

    def __call__(self) -> list[Holding]:
        if self._holdings is None:
            raise BrokerError("nobody has said yet what is held")
        if self._report_leftovers is not None:
            self._report_leftovers()
            self._report_leftovers = None
        return self._holdings()
