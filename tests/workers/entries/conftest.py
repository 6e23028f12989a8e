"""A trading floor, as for the traders."""

from tests.workers.run.conftest import floor

__all__ = ["floor"]
