"""A worker that goes in and out at a gateway until it is killed, as a process of its own."""

import sys
from decimal import Decimal
from pathlib import Path

from portfold.config.contracts import read_contracts
from portfold.config.locate import CONTRACTS_FILE, PACKAGED
from portfold.log import open_log
from portfold.workers.brokers.contract_names import ContractNames
from portfold.workers.brokers.ibkr.broker import InteractiveBrokers
from portfold.workers.brokers.ibkr.resting.desk_connection import Gateway
from portfold.workers.brokers.ibkr.sending import Waits
from portfold.workers.brokers.protocol import BrokerError


def main(port: str, book: str, stop_distance: str = "") -> None:
    log, _ = open_log("worker")
    broker = InteractiveBrokers(
        Path(book),
        "ibs-ES",
        read_contracts(PACKAGED / CONTRACTS_FILE),
        gateway=Gateway("127.0.0.1", int(port), 101),
        waits=Waits(60, 60, 60, 60),
        names=ContractNames({"ES": "ESZ2025"}),
        log=log,
    )
    distance = Decimal(stop_distance) if stop_distance else None
    while True:
        try:
            broker.enter("ES", "long", 2, Decimal(5000), stop_distance=distance)
        except BrokerError:
            if distance is None:
                raise
            continue  # the stop of before is still being ended
        broker.exit("ES", "long", 2, None)


if __name__ == "__main__":
    main(*sys.argv[1:])
