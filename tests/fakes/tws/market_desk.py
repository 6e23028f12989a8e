"""What a client sees of the market: ticks, bars as they come, bars of the past."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tests.fakes.tws import replies
from tests.fakes.tws.exchange import Exchange, Happened
from tests.fakes.tws.listed import Listed, matching
from tests.fakes.tws.misbehaviour import Misbehaviour
from tests.fakes.tws.order_desk import Line
from tests.fakes.tws.requests import contract_of
from tests.fakes.tws.tape import BAR_SECONDS, Bar, duration_seconds, joined

_NO_DATA = {
    354: "Requested market data is not subscribed.",
    10197: "No market data during competing live session",
    162: "Historical Market Data Service error message:No market data permissions for CME FUT",
    420: "Invalid Real-time Query:No market data permissions for CME FUT",
}
_HMDS_EMPTY = "Historical Market Data Service error message:HMDS query returned no data: {symbol}@CME Trades"


class _Kept(NamedTuple):
    """A history that is kept up to date."""

    contract: Listed
    seconds: int
    how: str


class MarketDesk:
    """Answers requests for market data, and follows the trades of the exchange."""

    def __init__(self, exchange: Exchange, misbehaviour: Misbehaviour, line: Line) -> None:
        self._exchange = exchange
        self._misbehaviour = misbehaviour
        self._line = line
        self._ticks: dict[int, tuple[Listed, bool]] = {}
        self._tick_by_tick: dict[int, Listed] = {}
        self._bars: dict[int, Listed] = {}
        self._kept: dict[int, _Kept] = {}
        self._volume: dict[int, int] = {}

    def answer(self, kind: int, fields: Sequence[str]) -> bool:
        """Answers the request if it is one of these; false if not."""
        match kind:
            case 1:
                self._follow_ticks(fields)
            case 20:
                self._tell_history(fields)
            case 50:
                self._follow_bars(fields)
            case 97:
                request = int(fields[1])
                if listed := self._one(request, contract_of(fields[2:14]), 354):
                    self._tick_by_tick[request] = listed
            case 59:
                pass  # of prices as they are to come: here they come as `misbehaviour` says
            case 2:
                self._ticks.pop(int(fields[2]), None)
            case 51:
                self._bars.pop(int(fields[2]), None)
            case 25:
                self._kept.pop(int(fields[2]), None)
            case 98:
                self._tick_by_tick.pop(int(fields[1]), None)
            case _:
                return False
        return True

    def follows(self, local_symbol: str) -> bool:
        """Returns whether the client follows both ticks and bars of a contract."""
        ticks = (listed for listed, _ in self._ticks.values())
        return all(
            any(listed.local_symbol == local_symbol for listed in each)
            for each in (ticks, self._bars.values())
        )

    def forget(self) -> None:
        """Forgets what the client follows: data lost, 1101."""
        for followed in (self._ticks, self._tick_by_tick, self._bars, self._kept):
            followed.clear()

    def hear(self, happened: Happened) -> None:
        """Sends a trade to whoever follows the contract."""
        if happened.what != "traded" or happened.contract is None:
            return
        contract, at = happened.contract, self._exchange.now()
        price = self._exchange.prices[contract.con_id]
        for request, (listed, volume_too) in self._ticks.items():
            if listed == contract:
                self._volume[request] = self._volume.get(request, 0) + happened.size
                self._tell_ticks(request, listed, price, happened.size, at if volume_too else None)
        for request, listed in self._tick_by_tick.items():
            if listed == contract:
                seconds = int(at.timestamp())
                self._line.send([99, request, 1, seconds, price, happened.size, 0, listed.exchange, ""])
        for request, kept in self._kept.items():
            newest = self._exchange.tapes[contract.con_id].last()
            if kept.contract == contract and newest is not None:
                self._tell_update(request, kept, newest)

    def tell_bar(self, contract: Listed, bar: Bar) -> None:
        """Sends a bar of 5 seconds that is over."""
        for request, listed in self._bars.items():
            if listed == contract:
                self._line.send(replies.real_time_bar(request, bar))
        for request, kept in self._kept.items():
            if kept.contract == contract:
                self._tell_update(request, kept, bar)

    # --- following ---------------------------------------------------------------------------------------

    def _one(self, request: int, wanted: Mapping[str, str], permission: int) -> Listed | None:
        """Returns the one contract that is wanted; None after an error has been sent."""
        code = self._misbehaviour.no_market_data
        found = matching(self._exchange.contracts, wanted)
        if len(found) != 1:
            self._line.error(request, 200, "No security definition has been found for the request")
        elif code is not None:
            self._line.error(request, code if code != 354 else permission, _NO_DATA.get(permission, ""))
        else:
            return found[0]
        return None

    def _follow_ticks(self, fields: Sequence[str]) -> None:
        request, generic, snapshot = int(fields[2]), fields[16], fields[17] == "1"
        listed = self._one(request, contract_of(fields[3:15]), 354)
        if listed is None:
            return
        self._line.send([58, 1, request, self._misbehaviour.data_type])
        self._line.send([81, request, listed.min_tick, "", 3])
        self._tell_ticks(request, listed, self._exchange.prices[listed.con_id], 1, None)
        if snapshot:
            self._line.send([57, 1, request])
        else:
            self._ticks[request] = listed, "233" in generic.split(",")

    def _tell_ticks(
        self, request: int, listed: Listed, price: Decimal, size: int, at: datetime | None
    ) -> None:
        prices = ((1, price - listed.min_tick), (2, price + listed.min_tick), (4, price))
        for kind, of_kind in prices:
            self._line.send([1, 6, request, kind, of_kind, size, 0])
        self._line.send([2, 6, request, 5, size])
        self._line.send([46, 6, request, 45, int(self._exchange.now().timestamp())])
        if at is not None:
            told = f"{price:f};{size};{int(at.timestamp() * 1000)};{self._volume[request]};{price:f};true"
            self._line.send([46, 6, request, 48, told])

    def _follow_bars(self, fields: Sequence[str]) -> None:
        request = int(fields[2])
        if listed := self._one(request, contract_of(fields[3:15]), 420):
            self._bars[request] = listed

    # --- the past ----------------------------------------------------------------------------------------

    def _tell_history(self, fields: Sequence[str]) -> None:
        request = int(fields[1])
        listed = self._one(request, contract_of(fields[2:14]), 162)
        if listed is None:
            return
        ends, size, duration, _hours, _what, how, keep = fields[15:22]
        self._exchange.past_asked.append((listed.local_symbol, ends, duration))
        if self._misbehaviour.no_history:
            return
        if self._misbehaviour.history:
            code, text = self._misbehaviour.history.pop(0)
            self._line.error(request, code, text)
            return
        seconds = BAR_SECONDS.get(size)
        if seconds is None:
            self._line.error(request, 321, f"Error validating request.-'bH' : cause - no bars of {size!r}")
            return
        until = _moment(ends) if ends else int(self._exchange.now().timestamp()) + 1
        since = until - duration_seconds(duration)
        bars = self._exchange.tapes[listed.con_id].bars(seconds, since, until)
        if not bars and keep != "1":
            self._line.error(request, 162, _HMDS_EMPTY.format(symbol=listed.local_symbol))
            return
        self._line.send(replies.historical_bars(request, bars, since, until, how))
        if keep == "1":
            self._kept[request] = _Kept(listed, seconds, how)

    def _tell_update(self, request: int, kept: _Kept, newest: Bar) -> None:
        begin = newest.at // kept.seconds * kept.seconds
        tape = self._exchange.tapes[kept.contract.con_id]
        (bar,) = joined(tape.bars(5, begin, begin + kept.seconds), kept.seconds).values()
        self._line.send(replies.historical_update(request, bar, kept.how))


def _moment(text: str) -> int:
    """Returns the second of the epoch that `20251201-15:00:00`, in UTC, or the form with a zone names."""
    if "-" in text:
        return int(datetime.strptime(f"{text} +0000", "%Y%m%d-%H:%M:%S %z").timestamp())
    day, time, *zone = text.split()
    at = datetime.strptime(f"{day} {time}", "%Y%m%d %H:%M:%S").replace(
        tzinfo=ZoneInfo(zone[0] if zone else replies.ZONE)
    )
    return int(at.timestamp())
