"""The familiar status: always of the same shape, whatever the status hash holds; it names what is unknown.

Pure. Code written for one process subscripts what it gets; so nothing is ever missing and nothing raises.
"""

from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.status import status_values
from portfold.coordinator.views.view_field import ViewRead

NOBODY_LED = "everything: no coordinator has led yet, or the bus was never reached"


def familiar(read: ViewRead | None, max_positions: int, daily_stop_loss: float) -> dict[str, object]:
    """Returns the status as values, with `unknown`: the names of what could not be read, which stand at
    nothing.

    Where no limits are in force, those of the arguments are shown.
    """
    view = read.view if read else PortfolioView()
    unknown = (
        [path or f"everything: {why}" for path, why in read.unreadable.items()] if read else [NOBODY_LED]
    )
    status = status_values(view) | {"unknown": unknown}
    if view.limits is None:
        status |= {"max_positions": max_positions, "daily_stop_loss": daily_stop_loss}
    return status
