"""The familiar status: always of the same shape, whatever the status hash holds, and what is unknown is said.

Pure. Code written for one process subscripts what it gets; so nothing is ever missing and nothing raises.
"""

from collections.abc import Mapping

from portfold.coordinator.views.status import read_status

NOBODY_LED = "everything: no coordinator has led yet, or the bus was never reached"


def familiar(fields: Mapping[str, str], max_positions: int, daily_stop_loss: float) -> dict[str, object]:
    """The status as values, with `unknown`: the names of what could not be read, which stand at nothing.

    Where no limits are in force, those of the arguments are shown.
    """
    unknown = [NOBODY_LED] if not fields else []
    readable = dict(fields)
    try:
        status = read_status(fields)
    except (ValueError, KeyError, ArithmeticError):
        unknown = [name for name in fields if not _can_be_read(name, fields[name])]
        readable = {name: text for name, text in fields.items() if name not in unknown}
        status = read_status(readable)
    shape = read_status({"current_day": ""})
    status = shape | status | {"unknown": unknown}
    status["max_positions"] = status["max_positions"] or max_positions
    status["daily_stop_loss"] = status["daily_stop_loss"] or daily_stop_loss
    return status


def _can_be_read(name: str, text: str) -> bool:
    try:
        read_status({name: text})
    except (ValueError, KeyError, ArithmeticError):
        return False
    return True
