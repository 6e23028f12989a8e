"""What the broker of a live cerebro says is open; while it cannot say, what it said last.

Guarantees: a broker that fails raises nothing into Backtrader, which asks at every turn and would end the
run; it is logged once a stretch. Exits go by what was known last; whether that is all, `is_known` says.
"""

from portfold.log import Log
from portfold.workers.brokers.protocol import Broker, BrokerError, BrokerPosition


class BrokerHoldings:
    """The positions of one worker. Any thread may ask."""

    def __init__(self, broker: Broker, worker: str, log: Log) -> None:
        self._broker = broker
        self._worker = worker
        self._log = log
        self._last: list[BrokerPosition] = []
        self._is_over = False
        self.is_known = True
        """Whether the broker could say it when it was last asked."""

    @property
    def is_over(self) -> bool:
        """Returns whether the run has ended."""
        return self._is_over

    def positions(self) -> list[BrokerPosition]:
        """Asks the broker, while the run lasts."""
        if self._is_over:
            return self._last
        try:
            self._last = self._broker.positions(self._worker)
        except BrokerError as error:
            if self.is_known:
                self._log.critical(
                    "The broker cannot say what is held: no entries until it can", why=str(error)
                )
            self.is_known = False
        else:
            self.is_known = True
        return self._last

    def of(self, symbol: str) -> BrokerPosition | None:
        """Returns what is open of one contract."""
        return next((held for held in self.positions() if held.symbol == symbol), None)

    def end(self) -> None:
        """Lets go of the broker at the end of the run; Backtrader goes on asking."""
        self.positions()
        self._is_over = True
