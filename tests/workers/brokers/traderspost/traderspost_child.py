"""A worker that sends one order and is killed over it, as a process of its own."""

import sys
from decimal import Decimal
from pathlib import Path

from portfold.config.contracts import read_contracts
from portfold.config.locate import CONTRACTS_FILE, PACKAGED
from portfold.log import open_log
from portfold.workers.brokers.contract_names import ContractNames
from portfold.workers.brokers.traderspost.broker import TradersPost
from portfold.workers.brokers.traderspost.webhook import Webhook


def main(url: str, book: str, does: str) -> None:
    log, _ = open_log("worker")
    broker = TradersPost(
        Path(book),
        "ibs-CL",
        read_contracts(PACKAGED / CONTRACTS_FILE),
        webhook=Webhook(url, timeout_seconds=60, log=log),
        send_seconds=240,
        names=ContractNames({"CL": "CLZ2025"}),
        log=log,
    )
    if does == "enter":
        broker.enter("CL", "long", 1, Decimal("71.25"))
    else:
        broker.exit("CL", "long", 1, Decimal("72.00"))


if __name__ == "__main__":
    main(*sys.argv[1:])
