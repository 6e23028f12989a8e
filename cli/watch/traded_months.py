"""Checks which months the broker would trade: each is known, not about to end, and the one of the prices.

A position is marked by no price of another month, so what is bought in one and fed in another is not watched
between bars. The rules of `contract_month` leave a month some days before it ends: a named one that they have
left is about to.
"""

from collections.abc import Mapping
from datetime import date
from zoneinfo import ZoneInfo

from portfold.config import Configuration
from portfold.coordinator.doctor.finding import Finding, fail, ok, warn
from portfold.events.wire.market import MarketSeen
from portfold.exchange_time import local_time
from portfold.workers.brokers.contract_month import ROLLS, contract_name
from portfold.workers.brokers.contract_names import ContractNames, is_same_month, month_of
from portfold.workers.brokers.protocol import BrokerError

_CHECK = "traded months"
_WITH_MONTHS = ("ibkr", "traderspost")
_NAME_IT = "name the month in runtime.json: broker.options.contracts"


def traded_months(configuration: Configuration, seen: MarketSeen) -> Finding:
    """Returns one finding on the months in which entries of all the portfolio's symbols would be."""
    runtime = configuration.runtime
    if runtime.broker.kind not in _WITH_MONTHS:
        return ok(_CHECK, f"the broker {runtime.broker.kind} has none that we choose")
    day = local_time(seen.now_ms, ZoneInfo(runtime.trading_day.zone)).date()
    given = runtime.broker.options.get("contracts")
    named = {symbol: str(name) for symbol, name in given.items()} if isinstance(given, Mapping) else {}
    names, traded, unknown = ContractNames(named, lambda: day), dict[str, str](), []
    for symbol in configuration.portfolio.symbols:
        try:
            traded[symbol] = names.today(symbol)
        except BrokerError as error:
            unknown.append(str(error))
    if unknown:
        return fail(_CHECK, "; ".join(unknown), _NAME_IT)
    ending = [f"{each} for {symbol}" for symbol, each in traded.items() if _is_left(symbol, each, day)]
    if ending:
        text = f"over, or about to end: {', '.join(ending)}"
        return warn(_CHECK, text, "name the next month in broker.options.contracts, or none there")
    of_others = [
        f"{symbol} trades {traded[symbol]} and is fed {last.contract}"
        for symbol, last in seen.prices.items()
        if symbol in traded and not is_same_month(traded[symbol], last.contract)
    ]
    if of_others:
        text = f"no price marks what is entered: {', '.join(of_others)}"
        return warn(_CHECK, text, "name one month for both: market.symbols, broker.options.contracts")
    return ok(_CHECK, ", ".join(traded.values()))


def _is_left(symbol: str, name: str, day: date) -> bool:
    """Returns whether the rules have left the month for a later one, or it is over where there are none."""
    rule = month_of(contract_name(symbol, day), day) if symbol in ROLLS else (day.year, day.month)
    mine = month_of(name, day)
    return mine is not None and rule is not None and mine < rule
