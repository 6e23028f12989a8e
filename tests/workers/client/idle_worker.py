"""A worker that does no more than be there: `python -m tests.workers.client.idle_worker`.

Says on its log what it hears, and ends in good order with SIGTERM.
"""

import sys

from portfold.cli.stopping import stopped_by_signals
from portfold.log import open_log
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings


def main(url: str, portfolio: str, worker: str, lost_seconds: str) -> None:
    log, lines = open_log(worker)
    lost = float(lost_seconds)
    settings = GateSettings(
        url=url, portfolio=portfolio, heartbeat_seconds=lost / 5, worker_lost_seconds=lost
    )
    gate = PortfolioGate(worker, symbols=["ES"], settings=settings, log=log)

    def close_all(order: FlattenOrder) -> None:
        log.info("Ordered to flatten", cause=order.cause, everything=order.everything)

    gate.on_flatten(close_all)
    with stopped_by_signals() as stop, gate:
        log.info("Ready")
        stop.event.wait()
    lines.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
