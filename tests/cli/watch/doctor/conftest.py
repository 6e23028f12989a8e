"""A server whose settings may be changed, and a portfolio on it that is fit for the open."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from portfold.coordinator.doctor.facts import Facts
from tests.cli.fit import Fit, fit_for_the_open
from tests.server import EmbeddedServer


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A server whose settings may be changed."""
    with EmbeddedServer(tmp_path_factory.mktemp("doctor")) as running:
        yield running


@pytest.fixture(scope="module")
def facts(own_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """Those of a portfolio that is fit."""
    folder = tmp_path_factory.mktemp("facts") / "mine"
    with fit_for_the_open(own_server, "facts", folder) as planted:
        return planted.facts()


@pytest.fixture
def fit(own_server: EmbeddedServer, portfolio: str, tmp_path: Path) -> Iterator[Fit]:
    with fit_for_the_open(own_server, portfolio, tmp_path / "mine") as planted:
        yield planted
