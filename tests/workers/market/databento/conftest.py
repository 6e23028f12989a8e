"""A fake of Databento with one market, at ten o'clock in Chicago on a Wednesday."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.databento_gateway.gateway import KEY, Gateway
from tests.fakes.databento_gateway.historical import Historical
from tests.fakes.databento_gateway.market import Market
from tests.workers.market.traded import TEN


@pytest.fixture
def market() -> Market:
    """Nothing is listed, and nothing was traded."""
    return Market(TEN)


@pytest.fixture
def gateway(market: Market) -> Iterator[Gateway]:
    """The live gateway of `market`."""
    with Gateway(market) as running:
        yield running


@pytest.fixture
def history(market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Historical]:
    """The historical API of `market`, whose certificate is trusted."""
    with Historical(market, tmp_path, key=KEY, has_to_ms=TEN) as running:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(running.certificate))
        yield running
