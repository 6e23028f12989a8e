"""Asking the doctor as a person does, and reading what it found."""

import json
from pathlib import Path

from tests.cli.command_line import Ran, called
from tests.cli.fit import Fit

MINUTE_MS = 60_000


def asked(fit: Fit, cwd: Path, *more: str) -> Ran:
    where = ["--config", str(fit.folder), "--url", fit.server.url]
    if "--portfolio" not in more:
        where += ["--portfolio", fit.bus.keys.name]
    return called("doctor", *where, *more, cwd=cwd, HOOK=fit.environ["HOOK"])


def by_check(ran: Ran) -> dict[str, dict[str, str]]:
    return {one["check"]: one for one in json.loads(ran.out)["findings"]}
