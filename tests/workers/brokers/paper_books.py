"""Paper brokers on a book, as tests open them."""

from pathlib import Path

from portfold.config.contracts import read_contracts
from portfold.config.locate import CONTRACTS_FILE, PACKAGED
from portfold.workers.brokers.paper import PaperBroker
from tests.costs import costing

CONTRACTS = read_contracts(PACKAGED / CONTRACTS_FILE)


def open_broker(
    book: Path,
    owner: str = "ibs-ES",
    slippage_ticks: int = 1,
    commission: str = "2.50",
    patience: float = 5.0,
) -> PaperBroker:
    return PaperBroker(
        book,
        owner,
        costing(CONTRACTS, slippage_ticks=slippage_ticks, commission_per_side=commission),
        patience=patience,
    )
