"""Code as it was written for one process, run in many: `python -m tests.workers.compat.old_code SYMBOL...`.

Only the import is new. Opens what it may, each with its own strategy thread, and says what came of it; then
closes the symbols it is told, with a loss of $1,300 each.
"""

import sys
import threading

from portfold.workers.compat import PortfolioCoordinator


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")  # in one piece, whatever other threads say
    sys.stdout.flush()


class LiveWorker:
    def __init__(self, symbols: list[str]) -> None:
        self.symbols = symbols
        self.portfolio_coordinator = PortfolioCoordinator(
            max_positions=4,
            daily_stop_loss=2500.0,
            emergency_exit_callback=self._on_emergency_exit,
            daily_summary_callback=self._on_daily_summary,
        )
        self.positions: dict[str, int] = {}

    def trade(self, symbol: str) -> None:
        if not self.portfolio_coordinator.can_open_position(symbol):
            say(f"denied {symbol}")
            return
        self.positions[symbol] = 1
        self.portfolio_coordinator.register_position_opened(symbol=symbol, size=1, entry_price=100.0)
        say(f"opened {symbol}")

    def run(self) -> None:
        threads = [threading.Thread(target=self.trade, args=(symbol,)) for symbol in self.symbols]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        say("ready")
        for line in sys.stdin:
            symbol = line.strip()
            del self.positions[symbol]
            self.portfolio_coordinator.register_position_closed(symbol, -1300.0)
            stopped_out = self.portfolio_coordinator.stopped_out
            say(f"closed {symbol} {stopped_out}")

    def _on_emergency_exit(self, reason: str, context: dict[str, object]) -> None:
        say(f"emergency {reason} {context['open_positions']}")
        for symbol in list(self.positions):
            del self.positions[symbol]
            self.portfolio_coordinator.register_position_closed(symbol, -10.0)

    def _on_daily_summary(self) -> None:
        say(f"summary {self.portfolio_coordinator.get_status()}")


if __name__ == "__main__":
    LiveWorker(sys.argv[1:]).run()
