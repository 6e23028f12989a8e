"""The watcher as a process, with a coordinator: from the broker's book to what the log says and denies."""

import json
from pathlib import Path

from portfold.config.locate import PACKAGED
from portfold.coordinator.views.view_field import view_in
from portfold.events.wire.bus import Bus
from tests.cli.command_line import started
from tests.server import EmbeddedServer
from tests.waiting import until


def configured(folder: Path, server: EmbeddedServer, portfolio: str) -> Path:
    """A configuration that watches the account of the file account.json in the folder."""
    folder.mkdir()
    for name in ("portfolio_optimization.json", "contracts.json"):
        (folder / name).write_text((PACKAGED / name).read_text())
    runtime = json.loads((PACKAGED / "runtime.json").read_text())
    account = {
        "name": "DU1",
        "source": "file",
        "options": {"path": str(folder / "account.json")},
        "report_seconds": 0.1,
        "grace_seconds": 0.3,
        "silent_seconds": 60,
        "on_silence": "deny",
    }
    (folder / "runtime.json").write_text(
        json.dumps(runtime | {"redis_url": server.url, "portfolio": portfolio, "account": account})
    )
    return folder


def holds(folder: Path, **positions: int) -> None:
    held = {symbol: {"size": size, "price": 100} for symbol, size in positions.items()}
    written = folder / "written.json"
    written.write_text(json.dumps({"equity": 50_000, "positions": held}))
    written.replace(folder / "account.json")


def differs(bus: Bus) -> list[str]:
    view = view_in(bus.status())
    account = view.account if view else None
    return [one.subject for one in account.differing] if account else []


def test_what_the_account_holds_and_nobody_reported_is_found_and_ends(
    server: EmbeddedServer, portfolio: str, bus: Bus, tmp_path: Path
) -> None:
    folder = configured(tmp_path / "config", server, portfolio)
    holds(folder)
    named = ("--config", str(folder))

    with started("coordinator", *named, cwd=tmp_path) as coordinator:
        coordinator.says("initialized successfully")
        with started("account", *named, cwd=tmp_path) as first:
            first.says("Account watched")
            with started("account", *named, cwd=tmp_path) as second:
                second.says("Standing by: another account is at work")
                holds(folder, ES=2)
                until(lambda: differs(bus) == ["ES"], "the difference to outlast its grace")
                first.process.kill()
                second.says("Account watched")
                holds(folder)
                until(lambda: not differs(bus), "the difference to end")
