"""`portfold drill`: rehearses failover, flatten and kill switch, times them, and keeps the result."""

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from cyclopts import App

from portfold.cli.exits import FAILED, OK, Failure
from portfold.cli.operate.orders import Who
from portfold.cli.operate.own_name import USER
from portfold.cli.target import Target

_TARGET = Target()
_RECORD = "drills.jsonl"
_ALL: tuple[Literal["failover", "flatten", "kill-switch"], ...] = ("failover", "flatten", "kill-switch")


def register(app: App) -> None:
    """Adds the command."""
    app.command(drill)


def drill(
    *names: Literal["failover", "flatten", "kill-switch"], by: Who = USER, target: Target = _TARGET
) -> int:
    """Rehearse what saves an account on a bad day, on a portfolio of its own.

    Starts coordinator, standby and workers, on paper, by the portfolio's own
    limits, under its name with -rehearsal behind. Then: kills the leader,
    until the other one leads; flattens; pulls the kill switch, until all is
    flat. What came of each is kept in drills.jsonl in the user's state folder.
    Nothing is done under the portfolio's own name.

    Exit code 1 where one did not go well.

    For example:

        portfold drill
        portfold drill kill-switch

    Parameters
    ----------
    names
        Which of them; by default all.
    """
    from portfold.cli.folders import made, state_folder
    from portfold.cli.operate.drill.drills import played
    from portfold.cli.operate.drill.rehearsal import Rehearsal

    resolved = target.resolve(None)
    record = made(state_folder()) / _RECORD
    went_well = True
    with tempfile.TemporaryDirectory(prefix="portfold-drill-") as folder:
        print(f"Rehearsing on {resolved.portfolio}-rehearsal, on paper …", flush=True)
        with Rehearsal(resolved, Path(folder), by) as stage:
            for name in names or _ALL:
                done = played(stage, name, by)
                print(f"{name}: {done.said}.", flush=True)
                _keep(record, {"drill": name, "portfolio": resolved.portfolio, "by": by, **done._asdict()})
                went_well = went_well and done.well
    print(f"On record in {record}.")
    return OK if went_well else FAILED


def _keep(record: Path, result: dict[str, object]) -> None:
    """Adds the result to the record. Raises Failure where that cannot be written."""
    line = json.dumps({"at": datetime.now(UTC).isoformat(timespec="seconds"), **result})
    try:
        with record.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
    except OSError as error:
        raise Failure(f"{record} cannot be written: {error.strerror}.") from error
