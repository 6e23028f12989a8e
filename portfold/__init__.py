"""Portfolio-wide position limits and a daily stop for futures strategies, by folding events on Redis Streams.

What a strategy's author needs is here by name, and imported when it is first used, so `import portfold` is
quick. Everything else lies in the six folders, see docs/architecture.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portfold.errors import PortfoldError as PortfoldError
    from portfold.events.fields import Side as Side
    from portfold.events.legs import Holding as Holding
    from portfold.workers.client.closing.flatten_order import FlattenOrder as FlattenOrder
    from portfold.workers.client.decision import Decision as Decision
    from portfold.workers.client.gate import PortfolioGate as PortfolioGate
    from portfold.workers.client.settings import GateSettings as GateSettings

_WHERE = {
    "Decision": "portfold.workers.client.decision",
    "FlattenOrder": "portfold.workers.client.closing.flatten_order",
    "GateSettings": "portfold.workers.client.settings",
    "Holding": "portfold.events.legs",
    "PortfoldError": "portfold.errors",
    "PortfolioGate": "portfold.workers.client.gate",
    "Side": "portfold.events.fields",
}

__all__ = ["Decision", "FlattenOrder", "GateSettings", "Holding", "PortfoldError", "PortfolioGate", "Side"]


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module 'portfold' has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
