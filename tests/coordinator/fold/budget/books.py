"""Stories of the loss budget: two contracts whose points are worth something, and what is asked for."""

from decimal import Decimal
from typing import Any

from portfold.events.decisions import Decision
from portfold.events.incoming import StopMoved
from tests.coordinator.story import Story

POINT_VALUES = "ES=50 CL=1000 SI=5000"
BUDGET: dict[str, Any] = {"loss_budget": "default", "default_risk": "ES=500", "point_values": POINT_VALUES}


def portfolio(**limits: Any) -> Story:
    """A daily stop of $2,500 and the loss budget; nothing is open."""
    return Story(**(BUDGET | {"max_contracts": 40} | limits))


def at_stop(stop: str, price: str = "5000") -> dict[str, Any]:
    """What a request names: its stop, and the price it expects."""
    return {"stop_price": stop, "price": price}


def risking(dollars: str) -> dict[str, Any]:
    """What a request names: its risk."""
    return {"risk": Decimal(dollars)}


def moves_stop(story: Story, symbol: str, to: str, side: str = "long", worker: str = "") -> list[Decision]:
    """The worker says where its stop is from now on."""
    return story.says(StopMoved, worker or f"ibs-{symbol}", symbol=symbol, side=side, stop_price=Decimal(to))
