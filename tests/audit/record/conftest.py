"""A scene to tamper with."""

from pathlib import Path

import pytest

from tests.archive.past import Past
from tests.audit.record.tampering import Scene


@pytest.fixture
def scene(past: Past, tmp_path: Path) -> Scene:
    """Archive and streams, untouched."""
    return Scene(past, tmp_path / "archive")
