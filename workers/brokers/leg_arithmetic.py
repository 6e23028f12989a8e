"""The arithmetic of legs, for brokers that keep their own book. Pure."""

from decimal import ROUND_HALF_EVEN, Decimal

from portfold.config import Contract
from portfold.workers.brokers.protocol import BrokerError, BrokerPosition

_CENT = Decimal("0.01")
# The finest price the bus carries.
_FINEST_PRICE = Decimal("1E-10")


def join(leg: BrokerPosition, fresh: BrokerPosition) -> BrokerPosition:
    """Returns the leg with more contracts, at the average price: exact, or rounded to the finest the bus
    carries.
    """
    size = leg.size + fresh.size
    average = (leg.price * leg.size + fresh.price * fresh.size) / size
    rounded = average.quantize(_FINEST_PRICE, ROUND_HALF_EVEN)
    return BrokerPosition(
        leg.owner,
        leg.symbol,
        leg.side,
        size,
        average if average == rounded else rounded,
        leg.commission_paid + fresh.commission_paid,
    )


def reduce(leg: BrokerPosition, size: int) -> tuple[BrokerPosition, Decimal]:
    """Returns the leg without `size` of its contracts, and the dollars of commission paid to enter those.

    Shares are to the cent; those of a leg that is closed bit by bit add up to what was paid.
    """
    paid = leg.commission_paid
    share = paid if size == leg.size else (paid * size / leg.size).quantize(_CENT, ROUND_HALF_EVEN)
    return BrokerPosition(leg.owner, leg.symbol, leg.side, leg.size - size, leg.price, paid - share), share


def check_order(symbol: str, side: object, size: object) -> None:
    """Raises BrokerError for an order that is not valid."""
    if side not in ("long", "short"):
        raise BrokerError(f"Expected the side of {symbol} to be long or short, got {side!r}")
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise BrokerError(f"Expected the size of {symbol} in whole contracts from 1, got {size!r}")


def check_price(symbol: str, price: object) -> None:
    """Raises BrokerError for a price that is not valid."""
    if not (isinstance(price, Decimal) and price.is_finite()):
        raise BrokerError(f"Expected the price of {symbol} as a finite Decimal, got {price!r}")


def worse(price: Decimal, contract: Contract, *, buys: bool) -> Decimal:
    """Returns the price after the contract's slippage."""
    slippage = contract.tick_size * contract.slippage_ticks
    return price + slippage if buys else price - slippage
