"""`portfold drill`: real coordinators, workers and kills, under a name of its own and nothing else."""

import json
import re
from pathlib import Path
from typing import Any

from portfold.cli.exits import FAILED, OK
from portfold.events.roles.server_roles import COORDINATOR
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from tests.cli.command_line import called
from tests.processes import config_folder
from tests.server import EmbeddedServer, under

TOOK = r"(?:\d+ ms|\d\.\d s)"


def test_each_is_timed_and_kept_and_the_portfolio_itself_is_untouched(
    server: EmbeddedServer, tmp_path: Path, portfolio: str, client: Any
) -> None:
    config = config_folder(tmp_path / "mine", limits={"symbols": ["CL", "ES"], "max_positions": 2})
    ran = called(
        *("drill", "--by", "ana", "--portfolio", portfolio, "--config", str(config)),
        cwd=tmp_path,
        PORTFOLD_URL=server.url,
        XDG_STATE_HOME=str(tmp_path / "state"),
    )
    assert (ran.code, ran.err) == (OK, ""), ran.out
    begins, failover, flatten, kill_switch, kept = ran.out.splitlines()
    assert begins == f"Rehearsing on {portfolio}-rehearsal, on paper …"
    assert re.fullmatch(f"failover: led again after {TOOK}, with all 2 positions.", failover)
    assert re.fullmatch(f"flatten: 2 positions closed, flat after {TOOK}.", flatten)
    assert re.fullmatch(f"kill-switch: 2 positions closed, flat after {TOOK}.", kill_switch)
    record = tmp_path / "state" / "portfold" / "drills.jsonl"
    assert kept == f"On record in {record}."
    results = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    assert [(one["drill"], one["by"], one["well"]) for one in results] == [
        *(("failover", "ana", True), ("flatten", "ana", True), ("kill-switch", "ana", True))
    ]
    assert all(one["took_ms"] >= 0 for one in results)
    assert client.keys(f"portfold:{{{portfolio}}}:*") == []


def test_one_that_somebody_else_leads_is_left_alone(
    server: EmbeddedServer, tmp_path: Path, portfolio: str
) -> None:
    rehearsal = f"{portfolio}-rehearsal"
    bus = Bus(connect(under(COORDINATOR, server.url, rehearsal)), rehearsal)
    assert bus.take_lead("somebody", 60_000).epoch == 1
    ran = called(
        *("drill", "failover", "--portfolio", portfolio),
        cwd=tmp_path,
        PORTFOLD_URL=server.url,
        XDG_STATE_HOME=str(tmp_path / "state"),
    )
    assert (ran.code, ran.out.splitlines()[1:]) == (FAILED, [])
    assert f"{rehearsal} is led by somebody already: another drill, which has to end first." in ran.err
    assert bus.leader() == "somebody"
    bus.close()
