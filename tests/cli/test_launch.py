"""The command runs wherever it is called, whatever lies there: our packages have names that others have too.

Checked with the wheel as it is built, unpacked as pip would, behind a PYTHONPATH that leads to other modules.
"""

import configparser
import json
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.wheel import WheelBuilder

from portfold.cli.exits import OK
from tests.cli.command_line import environment
from tests.live import Live, flat
from tests.processes import config_folder
from tests.server import EmbeddedServer

ROOT = Path(__file__).parents[2]
HOUSES = ("cli", "config", "coordinator", "events", "research", "workers")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel brings."""
    folder = tmp_path_factory.mktemp("site")
    [wheel] = WheelBuilder(str(ROOT)).build(directory=str(folder / "dist"))
    with ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder where modules of the same names as our packages lie, and none of them is to be imported."""
    folder = tmp_path / "here"
    folder.mkdir()
    for name in HOUSES:
        (folder / f"{name}.py").write_text(f"raise ImportError('the wrong {name}')\n")
    return folder


def ran(site: Path, here: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Runs the wheel's command from `here`, which Python searches first."""
    [metadata] = site.glob("*.dist-info/entry_points.txt")
    scripts = configparser.ConfigParser()
    scripts.read(metadata)
    module, _, function = scripts["console_scripts"]["portfold"].partition(":")
    path = os.pathsep.join([".", str(site)])
    return subprocess.run(
        [sys.executable, "-P", "-c", f"from {module} import {function}; {function}()", *words],
        cwd=here,
        env=environment(here) | {"PYTHONPATH": path},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        timeout=90,
    )


def test_the_wheel_holds_nothing_but_portfold(site: Path) -> None:
    names = {path.name for path in site.iterdir()} - {"dist"}
    assert {name for name in names if not name.endswith(".dist-info")} == {"portfold"}
    assert {*HOUSES, "py.typed"} <= {path.name for path in (site / "portfold").iterdir()}


def test_a_host_program_has_its_own_modules_beside_ours(site: Path, here: Path) -> None:
    """It has a `config.py`, and trades through the gate."""
    (here / "config.py").write_text("MINE = 1\n")
    script = (
        "import sys, config, portfold\n"
        "assert not [name for name in sys.modules if name.startswith('portfold.')], 'it imports when asked'\n"
        "from portfold import Decision, FlattenOrder, GateSettings, Holding, PortfolioGate\n"
        "from portfold.workers.compat import PortfolioCoordinator\n"
        "print(config.MINE, PortfolioGate.__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=here,
        env=environment(here) | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert (done.stdout, done.stderr) == ("1 PortfolioGate\n", "")


def test_the_kill_switch_works_where_a_config_py_lies(
    site: Path, here: Path, server: EmbeddedServer, portfolio: str, live: Live
) -> None:
    words = ("--now", "--by", "jane", "--reason", "enough")
    flatten = ran(site, here, "flatten", *words, "--url", server.url, "--portfolio", portfolio)
    assert (flatten.returncode, flatten.stderr) == (OK, "")
    assert flatten.stdout.startswith("The kill switch is pulled")
    assert [flat(event)["type"] for event in live.events()] == ["FlattenRequested"]


def test_the_processes_that_it_starts_work_there_too(site: Path, here: Path) -> None:
    config = config_folder(here / "mine", limits={"symbols": ["ES"]})
    words = ("--paper", "--embedded", "--bars", "synthetic", "--pace", "0", "--days", "1")
    run = ran(site, here, "run", *words, "--config", str(config))
    assert run.returncode == OK, run.stderr
    said = [json.loads(line) for line in run.stderr.splitlines()]
    assert {line.get("child") for line in said if line["event"] == "Started"} >= {"ES", "flattener"}
    assert "given_up" not in next(line for line in said if line["event"] == "All bars are traded")
