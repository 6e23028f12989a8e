"""A market at Interactive Brokers for each test."""

from collections.abc import Iterator

import pytest

from tests.workers.market.ibkr.tws_feed import Market


@pytest.fixture
def market() -> Iterator[Market]:
    """Ten o'clock in Chicago; nothing was traded."""
    made = Market()
    with made.gateway:
        yield made
