"""What tests of the process share: a configuration without haste, and the proof that somebody answers."""

from pathlib import Path

from tests.coordinator.story import code
from tests.live import Live
from tests.processes import config_folder


def unhurried(tmp_path: Path) -> Path:
    """A configuration whose lease and reservations outlast a machine that has no time for anybody."""
    return config_folder(tmp_path / "config", runtime={"lease_ms": 4_000, "reservation_seconds": 3_600})


def is_answered(live: Live, symbol: str = "PL") -> str:
    """Somebody coordinates: the code of an answer, and the slot given back."""
    answer = live.asks(symbol, worker="asker")
    live.withdraws(symbol, worker="asker")
    return code(answer)
