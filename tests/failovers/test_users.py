"""Users that have roles, on servers that fail over: whoever takes over knows them, and goes on."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from portfold.events.codec import encode
from portfold.events.incoming import WorkerStopped
from portfold.events.roles.server_roles import COORDINATOR, worker_role
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import as_user, connect
from portfold.events.wire.errors import BusRefused, BusUnreachable
from portfold.events.wire.presence import WantedReplicas
from tests.cli.command_line import called
from tests.processes import config_folder
from tests.rig.cluster import Cluster
from tests.rig.sentinels import Sentinels
from tests.waiting import until

WORKER = "ibs-ES"
PORTFOLIO = "main"


@pytest.mark.parametrize("rig", [Sentinels, Cluster])
def test_each_has_its_role_at_whoever_takes_over(
    tmp_path: Path, rig: type[Sentinels] | type[Cluster]
) -> None:
    with rig(tmp_path / "servers", down_ms=3_000) as servers:
        config = config_folder(tmp_path / "mine", limits={"symbols": ["ES"]})
        where = ("--url", servers.url, "--portfolio", PORTFOLIO, "--config", str(config))
        ran = called("acl", "--apply", "--credentials", "users.json", *where, cwd=tmp_path)
        assert (ran.code, ran.err) == (0, "")
        passwords = json.loads((tmp_path / "users.json").read_text())

        def bus_of(user: str) -> Bus:
            return Bus(connect(as_user(servers.url, user, passwords[user])), PORTFOLIO)

        worker, coordinator = worker_role(WORKER).user(PORTFOLIO), COORDINATOR.user(PORTFOLIO)
        with closing(bus_of(worker)) as reports, closing(bus_of(coordinator)) as leads:
            event = encode(WorkerStopped(worker=WORKER, session="s1", seq=1))
            reports.append(event)
            reports.beat(WORKER, "s1", 60_000)
            assert leads.take_lead("one", 60_000).epoch == 1
            assert reports.beat_reaches(WORKER, "s1", 60_000, WantedReplicas(servers.replicas, 10_000))
            servers.fail(PORTFOLIO, "killed")

            def goes_on() -> bool:
                try:
                    return bool(reports.append(event)) and leads.keep_lead("one", 60_000)
                except BusUnreachable:
                    return False

            until(goes_on, "both to go on")
            with pytest.raises(BusRefused, match=r"(?i)permission"):
                reports.save_snapshot("not theirs")
