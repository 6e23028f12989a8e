"""A fake of Tradovate for each test, and sources that read from it; none of which may show a secret."""

from collections.abc import Callable, Iterator

import pytest

from tests.fakes.tradovate.server import SECRETS, Tradovate
from tests.workers.account.tradovate.reading import Reading

Opens = Callable[..., Reading]


@pytest.fixture
def tradovate() -> Iterator[Tradovate]:
    with Tradovate() as running:
        yield running


@pytest.fixture
def opens(tradovate: Tradovate) -> Iterator[Opens]:
    """Opens sources; whatever they log, no secret is in it."""
    opened: list[Reading] = []

    def make(**how: object) -> Reading:
        opened.append(Reading(tradovate, **how))  # type: ignore[arg-type]  # a test's own words
        return opened[-1]

    yield make
    tradovate.release.set()
    for each in opened:
        logged = each.close()
        assert [secret for secret in SECRETS if secret in logged] == []


@pytest.fixture
def reading(opens: Opens) -> Reading:
    return opens()
