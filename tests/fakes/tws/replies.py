"""What the gateway says, field by field as the real client reads it for a server version."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.fakes.tws.account import Account, Holding, cents
from tests.fakes.tws.listed import Listed
from tests.fakes.tws.orders import Execution, Order
from tests.fakes.tws.tape import Bar
from tests.fakes.tws.wire import Field

UNSET = "1.7976931348623157E308"
ZONE = "US/Eastern"

_CONTRACT = (
    *("conId", "symbol", "secType", "lastTradeDateOrContractMonth", "strike", "right", "multiplier"),
    *("exchange", "currency", "localSymbol", "tradingClass"),
)
_OPEN_FIRST = (
    *("action", "totalQuantity", "orderType", "lmtPrice", "auxPrice", "tif", "ocaGroup", "account"),
    *("openClose", "origin", "orderRef", "clientId", "permId", "outsideRth", "hidden"),
    *("discretionaryAmt", "goodAfterTime", "sharesAllocation", "faGroup", "faMethod", "faPercentage"),
)
_OPEN_THEN = (
    *("modelCode", "goodTillDate", "rule80A", "percentOffset", "settlingFirm", "shortSaleSlot"),
    *("designatedLocation", "exemptCode", "auctionStrategy", "startingPrice", "stockRefPrice", "delta"),
    *("stockRangeLower", "stockRangeUpper", "displaySize", "blockOrder", "sweepToFill", "allOrNone"),
    *("minQty", "ocaType", "eTradeOnly", "firmQuoteOnly", "nbboPriceCap", "parentId", "triggerMethod"),
    *("volatility", "volatilityType", "deltaNeutralOrderType", "deltaNeutralAuxPrice"),
    *("continuousUpdate", "referencePriceType", "trailStopPrice", "trailingPercent", "basisPoints"),
    *("basisPointsType", "comboLegsDescrip", "legs", "orderLegs", "routingParams"),
    *("scaleInitLevelSize", "scaleSubsLevelSize", "scalePriceIncrement", "hedgeType"),
    *("optOutSmartRouting", "clearingAccount", "clearingIntent", "notHeld", "deltaNeutral"),
    *("algoStrategy", "solicited", "whatIf", "status", "initMarginBefore", "maintMarginBefore"),
    *("equityWithLoanBefore", "initMarginChange", "maintMarginChange", "equityWithLoanChange"),
    *("initMarginAfter", "maintMarginAfter", "equityWithLoanAfter", "commission", "minCommission"),
    *("maxCommission", "commissionCurrency", "warningText", "randomizeSize", "randomizePrice"),
    *("conditions", "adjustedOrderType", "triggerPrice", "trailStopPrice", "lmtPriceOffset"),
    *("adjustedStopPrice", "adjustedStopLimitPrice", "adjustedTrailingAmount", "adjustableTrailingUnit"),
    *("softDollarName", "softDollarValue", "softDollarDisplay", "cashQty", "dontUseAutoPriceForHedge"),
    *("isOmsContainer", "discretionaryUpToLimitPrice", "usePriceMgmtAlgo"),
)
_COMPLETED_FIRST = (
    *("action", "totalQuantity", "orderType", "lmtPrice", "auxPrice", "tif", "ocaGroup", "account"),
    *("openClose", "origin", "orderRef", "permId", "outsideRth", "hidden", "discretionaryAmt"),
    *("goodAfterTime", "faGroup", "faMethod", "faPercentage"),
)
_COMPLETED_THEN = (
    *("modelCode", "goodTillDate", "rule80A", "percentOffset", "settlingFirm", "shortSaleSlot"),
    *("designatedLocation", "exemptCode", "startingPrice", "stockRefPrice", "delta"),
    *("stockRangeLower", "stockRangeUpper", "displaySize", "sweepToFill", "allOrNone", "minQty", "ocaType"),
    *("triggerMethod", "volatility", "volatilityType", "deltaNeutralOrderType", "deltaNeutralAuxPrice"),
    *("continuousUpdate", "referencePriceType", "trailStopPrice", "trailingPercent", "comboLegsDescrip"),
    *("legs", "orderLegs", "routingParams", "scaleInitLevelSize", "scaleSubsLevelSize"),
    *("scalePriceIncrement", "hedgeType", "clearingAccount", "clearingIntent", "notHeld", "deltaNeutral"),
    *("algoStrategy", "solicited", "status", "randomizeSize", "randomizePrice", "conditions"),
    *("trailStopPrice", "lmtPriceOffset", "cashQty", "dontUseAutoPriceForHedge", "isOmsContainer"),
    *("autoCancelDate", "filledQuantity", "refFuturesConId", "autoCancelParent", "shareholder"),
    *("imbalanceOnly", "routeMarketableToBbo", "parentPermId", "completedTime", "completedStatus"),
)
_COUNTS = dict.fromkeys(("legs", "orderLegs", "routingParams", "conditions", "deltaNeutral"), "0")
_PEGGED = ("minTradeQty", "minCompeteSize", "competeAgainstBestOffset", "midOffsetAtWhole", "midOffsetAtHalf")


def error(version: int, request: int, code: int, text: str) -> list[Field]:
    return [4, 2, request, code, text, *([""] if version >= 166 else [])]


def open_order(version: int, order: Order) -> list[Field]:
    """Describes an order whole, as it stands."""
    names = [*_OPEN_FIRST, *(["faProfile"] if version < 177 else []), *_OPEN_THEN]
    names += ["duration"] if version >= 159 else []
    names += ["postToAts"] if version >= 160 else []
    names += ["autoCancelParent"] if version >= 162 else []
    names += _PEGGED if version >= 170 else ()
    return [5, order.order_id, *_contract(order.contract), *_picked(order, names)]


def completed_order(version: int, order: Order) -> list[Field]:
    """Describes an order that is over."""
    names = [*_COMPLETED_FIRST, *(["faProfile"] if version < 177 else []), *_COMPLETED_THEN]
    names += _PEGGED if version >= 170 else ()
    return [101, *_contract(order.contract), *_picked(order, names)]


def order_status(order: Order) -> list[Field]:
    last = order.executions[-1].price if order.executions else 0
    return [
        *(3, order.order_id, order.status, order.filled, order.remaining, order.average, order.perm_id),
        *(order.fields.get("parentId") or 0, last, order.client_id, order.why_held, 0),
    ]


def execution(version: int, request: int, told: Execution) -> list[Field]:
    """Describes contracts that an order got; `request` is -1 unless it was asked for."""
    order = told.order
    return [
        *(11, request, order.order_id, *_contract(order.contract), told.exec_id, moment(told.at)),
        *(order.account, order.contract.exchange, "BOT" if order.buys else "SLD", told.size, told.price),
        *(order.perm_id, order.client_id, 0, told.cumulative, told.average, order.reference, "", "", "", 2),
        *([False] if version >= 178 else []),
    ]


def commission(told: Execution, *, unset: bool = False) -> list[Field]:
    """Tells what an execution cost, or, `unset`, the number that stands for none."""
    realized = UNSET if told.realized is None or unset else told.realized
    return [59, 1, told.exec_id, UNSET if unset else told.commission, "USD", realized, UNSET, ""]


def contract_details(version: int, request: int, listed: Listed) -> list[Field]:
    """Describes a contract: what a tick is and a move is worth, when it trades and ends."""
    ends = f"{listed.last_trade_date} 08:30:00 {listed.zone}"
    version_field: list[Field] = [8] if version < 164 else []
    size_multiplier: list[Field] = [""] if version < 164 else []
    return [
        *(10, *version_field, request, listed.symbol, "FUT", ends, 0, "", listed.exchange, "USD"),
        *(listed.local_symbol, listed.symbol, listed.symbol, listed.con_id, listed.min_tick),
        *size_multiplier,
        *(listed.multiplier, "LMT,MKT,STP", listed.exchange, listed.price_magnifier, 11004968, listed.name),
        *("", listed.month, "", "", "", listed.zone, listed.hours, listed.hours, "", 0, 0),
        *(2147483647, listed.symbol, "IND", 67, listed.last_trade_date, ""),
        *([1] if version == 163 else [1, 1, 1] if version >= 164 else []),
    ]


def position(account: Account, held: Holding) -> list[Field]:
    return [61, 3, account.name, *_contract(held.contract), held.size, _short(held.average_cost)]


def portfolio(account: Account, held: Holding, price: Decimal) -> list[Field]:
    """Describes a position with its profit, as account updates do."""
    listed = held.contract.fields()
    worth = price * held.size * Decimal(held.contract.multiplier)
    names = [*_CONTRACT[:7], "primaryExchange", *_CONTRACT[8:]]
    return [
        *(7, 8),
        *(listed[name] for name in names),
        *(held.size, price, worth, _short(held.average_cost)),
        *(cents(held.open_profit(price)), cents(held.realized), account.name),
    ]


def historical_bars(request: int, bars: list[Bar], since: int, until: int, how: str) -> list[Field]:
    """Answers a request for history; `how` is its formatDate: 2 counts seconds of the epoch."""
    fields: list[Field] = [17, request, _when(since, "1"), _when(until, "1"), len(bars)]
    for bar in bars:
        average = (bar.open + bar.close) / 2
        fields += [
            _when(bar.at, how),
            bar.open,
            bar.high,
            bar.low,
            bar.close,
            bar.volume,
            average,
            bar.trades,
        ]
    return fields


def historical_update(request: int, bar: Bar, how: str) -> list[Field]:
    """Tells the newest bar of a history that is kept up to date."""
    average = (bar.open + bar.close) / 2
    return [
        *(90, request, bar.trades, _when(bar.at, how), bar.open, bar.close, bar.high, bar.low, average),
        bar.volume,
    ]


def real_time_bar(request: int, bar: Bar) -> list[Field]:
    average = (bar.open + bar.close) / 2
    return [50, 3, request, bar.at, bar.open, bar.high, bar.low, bar.close, bar.volume, average, bar.trades]


def moment(at: datetime) -> str:
    """Returns a time as the gateway writes it, with its zone."""
    return f"{at.astimezone(ZoneInfo(ZONE)):%Y%m%d %H:%M:%S} {ZONE}"


def _when(at: int, how: str) -> str:
    return str(at) if how == "2" else moment(datetime.fromtimestamp(at, ZoneInfo(ZONE)))


def _contract(listed: Listed) -> list[Field]:
    fields = listed.fields()
    return [fields[name] for name in _CONTRACT]


def _picked(order: Order, names: Iterable[str]) -> list[Field]:
    known: Mapping[str, Field] = {
        **order.fields,
        **_COUNTS,
        "account": order.account,
        "clientId": order.client_id,
        "permId": order.perm_id,
        "status": order.status,
        "commission": UNSET,
        "minCommission": UNSET,
        "maxCommission": UNSET,
        "filledQuantity": order.filled,
        "completedTime": moment(order.ended_at) if order.ended_at else "",
        "completedStatus": order.ended_because or f"Filled Size: {order.filled}",
    }
    return [known.get(name, "") for name in names]


def _short(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("1.00000000"))
