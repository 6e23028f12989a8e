"""What workers plan to lose by their entries, drawn as they ask, where the seed knows a loss budget."""

from decimal import Decimal
from random import Random

from portfold.config import Contract
from portfold.events.fields import Side
from portfold.workers.client.amount import PlannedLoss
from tests.simulation.rules_of_money import Rules

_RISKS = (60, 120, 240, 600)
"""Dollars that each part of a few contracts divides without a rest."""
_TICKS = (2, 6, 12, 40)


class Plans:
    """Draws a plan for each entry that is asked for. Without a loss budget nobody names one."""

    def __init__(self, seed: int, rules: Rules | None) -> None:
        self._random = Random(f"{seed}:plans")
        self._named = rules is not None and bool(rules.get("loss_budget"))

    def of(self, contract: Contract, side: Side, price: Decimal) -> PlannedLoss:
        """The plan of the next entry, which expects to be filled at about the price."""
        if not self._named:
            return {}
        random = self._random
        match random.choice(("none", "risk", "stop", "stop", "stop without a price")):
            case "risk":
                return {"risk": random.choice(_RISKS)}
            case "stop":
                return {"stop_price": self._stop(contract, side, price), "price": price}
            case "stop without a price":
                return {"stop_price": self._stop(contract, side, price)}
        return {}

    def _stop(self, contract: Contract, side: Side, price: Decimal) -> Decimal:
        away = self._random.choice(_TICKS) * contract.tick_size
        return price - away if side == "long" else price + away
