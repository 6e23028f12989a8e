"""A portfolio with a past to ask about."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.archive.past import Past
from tests.cli.command_line import exit_code
from tests.server import EmbeddedServer


@pytest.fixture
def past(server: EmbeddedServer, portfolio: str, client: Any) -> Iterator[Past]:
    """The test's portfolio, so far without events."""
    told = Past(server.url, portfolio, client)
    yield told
    told.bus.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a copy, or tables, go; not there yet."""
    return tmp_path / "folder"


@pytest.fixture
def audit(
    past: Past,
    server: EmbeddedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[int, str]]:
    """Runs `portfold audit` for the test's portfolio: its exit code, and what it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("PORTFOLD_CONFIG", raising=False)

    def command(question: str, *words: str, url: str = server.url) -> tuple[int, str]:
        named = [] if "--portfolio" in words else ["--portfolio", past.bus.keys.name]
        code = exit_code(["audit", question, "--url", url, *named, *words])
        said = capsys.readouterr()
        return code, said.err if code else said.out

    return command
