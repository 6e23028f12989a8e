"""What a client asks, read field by field as the real client writes it for a server version.

Only plain futures orders can be read: what has legs, algorithms, hedges or scales is refused in words.
"""

from collections.abc import Mapping, Sequence

CONTRACT = (
    *("conId", "symbol", "secType", "lastTradeDateOrContractMonth", "strike", "right", "multiplier"),
    *("exchange", "primaryExchange", "currency", "localSymbol", "tradingClass"),
)
_FIRST = (
    *("secIdType", "secId", "action", "totalQuantity", "orderType", "lmtPrice", "auxPrice", "tif"),
    *("ocaGroup", "account", "openClose", "origin", "orderRef", "transmit", "parentId", "blockOrder"),
    *("sweepToFill", "displaySize", "triggerMethod", "outsideRth", "hidden", "sharesAllocation"),
    *("discretionaryAmt", "goodAfterTime", "goodTillDate", "faGroup", "faMethod", "faPercentage"),
)
_THEN = (
    *("modelCode", "shortSaleSlot", "designatedLocation", "exemptCode", "ocaType", "rule80A"),
    *("settlingFirm", "allOrNone", "minQty", "percentOffset", "eTradeOnly", "firmQuoteOnly"),
    *("nbboPriceCap", "auctionStrategy", "startingPrice", "stockRefPrice", "delta", "stockRangeLower"),
    *("stockRangeUpper", "overridePercentageConstraints", "volatility", "volatilityType"),
    *("deltaNeutralOrderType", "deltaNeutralAuxPrice", "continuousUpdate", "referencePriceType"),
    *("trailStopPrice", "trailingPercent", "scaleInitLevelSize", "scaleSubsLevelSize"),
    *("scalePriceIncrement", "scaleTable", "activeStartTime", "activeStopTime", "hedgeType"),
    *("optOutSmartRouting", "clearingAccount", "clearingIntent", "notHeld", "deltaNeutral"),
    *("algoStrategy", "algoId", "whatIf"),
)
_TAKES_MORE_FIELDS = ("deltaNeutralOrderType", "scalePriceIncrement", "hedgeType", "algoStrategy")


class NotPlain(Exception):
    """A request that the fake cannot read."""


def contract_of(fields: Sequence[str]) -> dict[str, str]:
    """Returns the contract that these twelve fields name."""
    return dict(zip(CONTRACT, fields, strict=False))


def placed(fields: Sequence[str], version: int) -> tuple[int, dict[str, str], Mapping[str, str]]:
    """Returns order id, contract and order of a placeOrder, by the client's names. Raises NotPlain."""
    order_id, contract = int(fields[1]), contract_of(fields[2:14])
    if contract["secType"] == "BAG":
        raise NotPlain("a combination")
    names = (*_FIRST, *(("faProfile",) if version < 177 else ()), *_THEN)
    order = dict(zip(names, fields[14:], strict=False))
    for name in _TAKES_MORE_FIELDS:
        if order.get(name):
            raise NotPlain(f"an order with {name}")
    if order.get("whatIf") not in ("0", "1"):
        raise NotPlain("an order with other fields than this version's")
    return order_id, contract, order
