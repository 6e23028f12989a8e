"""A worker that sends one order and is killed over it: `python -m tests.workers.traderspost_child`."""

import sys
from decimal import Decimal
from pathlib import Path

from config.contracts import read_contracts
from config.locate import CONTRACTS_FILE, PACKAGED
from coordinator.log import open_log
from workers.brokers.traderspost import TradersPost
from workers.brokers.webhook import Webhook


def main(url: str, book: str, does: str) -> None:
    log, _ = open_log("worker")
    broker = TradersPost(
        Path(book),
        "ibs-CL",
        read_contracts(PACKAGED / CONTRACTS_FILE),
        webhook=Webhook(url, timeout_seconds=60, log=log),
        send_seconds=240,
        names={"CL": "CLZ2025"},
        log=log,
    )
    if does == "enter":
        broker.enter("CL", "long", 1, Decimal("71.25"))
    else:
        broker.exit("CL", "long", 1, Decimal("72.00"))


if __name__ == "__main__":
    main(*sys.argv[1:])
