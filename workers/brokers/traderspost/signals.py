"""The signals sent to TradersPost, and the sentences for its answers.

Fields are those of its webhook reference (docs.traderspost.io, "Webhooks" and "Order Behavior"): `buy` and
`sell` with the `sentiment` that shall be after it enter, `exit` closes the position in the ticker and never
opens one; without a quantity, all of it. Numbers are written digit by digit, never through a float.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from portfold.exchange_time import utc
from portfold.workers.brokers.orders_book import BrokerOrder
from portfold.workers.brokers.protocol import BrokerError, OrderUnknown, Withheld
from portfold.workers.brokers.traderspost.webhook import WebhookAnswer


class Leaving(NamedTuple):
    """An exit to be sent, how much of what it closes is `sure` to be open, and whether it closes all."""

    order: BrokerOrder
    signal: Mapping[str, object]
    sure: int
    everything: bool


def entry_signal(order: BrokerOrder, price: Decimal) -> Mapping[str, object]:
    """Makes an entry at the market; `price` is the one that the decision was made at."""
    long = order.side == "long"
    return {
        "ticker": order.contract,
        "action": "buy" if long else "sell",
        "sentiment": "bullish" if long else "bearish",
        "orderType": "market",
        "quantityType": "fixed_quantity",
        "quantity": order.size,
        **_particulars(order, price),
    }


def exit_signal(order: BrokerOrder, price: Decimal, *, everything: bool) -> Mapping[str, object]:
    """Makes an exit at the market, of everything or only of the order's size."""
    part = {} if everything else {"quantityType": "fixed_quantity", "quantity": order.size}
    return {
        "ticker": order.contract,
        "action": "exit",
        "orderType": "market",
        **part,
        **_particulars(order, price),
    }


def failure(order: BrokerOrder, answer: WebhookAnswer) -> BrokerError:
    """Returns the sentence for an order that was not taken, or of which nobody knows."""
    match answer.outcome:
        case "refused":
            return BrokerError(f"TradersPost refused order {order}: {answer.message}")
        case "given_up":
            return BrokerError(
                f"TradersPost was not reached for order {order}: {answer.message}. It is given up. "
                f"Should it have been filled all the same: portfold reconcile {order.id}"
            )
        case "withheld":
            return Withheld(f"Order {order} was not sent: {answer.message}")
    return OrderUnknown(
        f"Nobody knows what became of order {order}: {answer.message}. It is not sent again. "
        f"Look at the broker, then: portfold reconcile {order.id}"
    )


def unproven(order: BrokerOrder) -> OrderUnknown:
    """Returns the sentence for an exit that was taken while nobody knew whether anything was open."""
    return OrderUnknown(
        f"TradersPost took order {order}, which proves nothing: the entry that it is to close is "
        "unknown, and may come after it. Look at the broker, then: portfold reconcile"
    )


def _particulars(order: BrokerOrder, price: Decimal) -> dict[str, object]:
    return {
        "signalPrice": price,
        "time": utc(order.at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "extras": {"order": order.id, "worker": order.owner},
    }
