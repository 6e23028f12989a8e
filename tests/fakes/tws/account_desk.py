"""What a client hears of its accounts: positions, values, summary, profit; asked once or followed."""

from collections.abc import Sequence
from decimal import Decimal

from tests.fakes.tws import replies
from tests.fakes.tws.account import Account, cents
from tests.fakes.tws.exchange import Exchange, Happened
from tests.fakes.tws.listed import Listed
from tests.fakes.tws.misbehaviour import Misbehaviour
from tests.fakes.tws.order_desk import Line
from tests.fakes.tws.wire import Field


class AccountDesk:
    """Answers requests about accounts, and keeps what is followed up to date."""

    def __init__(self, exchange: Exchange, misbehaviour: Misbehaviour, line: Line) -> None:
        self._exchange = exchange
        self._misbehaviour = misbehaviour
        self._line = line
        self._positions = False
        self._updates = ""
        self._updates_by_request: dict[int, str] = {}
        self._summaries: dict[int, list[str]] = {}
        self._profits: dict[int, str] = {}
        self._profits_by_contract: dict[int, tuple[str, int]] = {}
        self._told: dict[str, list[tuple[str, Field, str]]] = {}

    def answer(self, kind: int, fields: Sequence[str]) -> bool:
        """Answers the request if it is one of these; false if not."""
        match kind:
            case 61:
                self._positions = True
                if self._misbehaviour.lists != "swallowed":
                    self._tell_positions()
            case 64:
                self._positions = False
            case 6:
                self._follow_updates(follow=fields[2] == "1", name=fields[3])
            case 62:
                self._summaries[int(fields[2])] = fields[4].split(",")
                self._tell_summary(int(fields[2]))
                self._line.send([64, 1, int(fields[2])])
            case 76:
                self._updates_by_request[int(fields[2])] = fields[3]
                self._tell_updates_multi(int(fields[2]))
                self._line.send([74, 1, int(fields[2])])
            case 92:
                self._profits[int(fields[1])] = fields[2]
                self._tell_profit(int(fields[1]))
            case 94:
                self._profits_by_contract[int(fields[1])] = fields[2], int(fields[4])
                self._tell_profit_of_contract(int(fields[1]))
            case 63:
                self._summaries.pop(int(fields[2]), None)
            case 77:
                self._updates_by_request.pop(int(fields[2]), None)
            case 93:
                self._profits.pop(int(fields[1]), None)
            case 95:
                self._profits_by_contract.pop(int(fields[1]), None)
            case _:
                return False
        return True

    def hear(self, happened: Happened) -> None:
        """Sends what changed of all that is followed: positions after fills, the rest after prices too."""
        if happened.what == "executed" and happened.order is not None and self._positions:
            order = happened.order
            account = self._exchange.accounts[order.account]
            self._line.send(replies.position(account, account.holding(order.contract)))
        if happened.what not in ("executed", "traded"):
            return
        if self._updates:
            self._tell_updates(self._exchange.accounts[self._updates])
        for request in self._updates_by_request:
            self._tell_updates_multi(request)
        for request in self._summaries:
            self._tell_summary(request)
        for request in self._profits:
            self._tell_profit(request)
        for request in self._profits_by_contract:
            self._tell_profit_of_contract(request)

    # --- telling -----------------------------------------------------------------------------------------

    def _tell_positions(self) -> None:
        for account in self._exchange.accounts.values():
            for held in account.holdings.values():
                if held.size:
                    self._line.send(replies.position(account, held))
        self._line.send([62, 1])

    def _follow_updates(self, *, follow: bool, name: str) -> None:
        account = self._exchange.accounts.get(name or next(iter(self._exchange.accounts)))
        self._updates = account.name if follow and account else ""
        if follow and account is not None:
            self._tell_updates(account)
            self._line.send([54, 1, account.name])

    def _tell_updates(self, account: Account) -> None:
        for tag, value, currency in self._values(account):
            self._line.send([6, 2, tag, value, currency, account.name])
        for held in account.holdings.values():
            price = self._exchange.prices[held.contract.con_id]
            self._line.send(replies.portfolio(account, held, price))
        self._line.send([8, 1, f"{self._exchange.now():%H:%M}"])

    def _tell_updates_multi(self, request: int) -> None:
        account = self._exchange.accounts.get(self._updates_by_request[request])
        for tag, value, currency in self._values(account) if account else ():
            self._line.send([73, 1, request, self._updates_by_request[request], "", tag, value, currency])

    def _tell_summary(self, request: int) -> None:
        wanted = self._summaries[request]
        for account in self._exchange.accounts.values():
            for tag, value, currency in self._values(account):
                if tag in wanted:
                    self._line.send([63, 1, request, account.name, tag, value, currency])

    def _tell_profit(self, request: int) -> None:
        account = self._exchange.accounts.get(self._profits[request])
        if account is not None:
            open_profit = account.open_profit(self._exchange.prices)
            daily = account.realized + open_profit
            self._line.send([94, request, daily, open_profit, account.realized])

    def _tell_profit_of_contract(self, request: int) -> None:
        name, con_id = self._profits_by_contract[request]
        account, listed = self._exchange.accounts.get(name), self._listed(con_id)
        if account is None or listed is None:
            return
        held, price = account.holding(listed), self._exchange.prices[con_id]
        open_profit, realized = cents(held.open_profit(price)), cents(held.realized)
        worth = price * held.size * Decimal(listed.multiplier)
        self._line.send([95, request, held.size, open_profit + realized, open_profit, realized, worth])

    def _listed(self, con_id: int) -> Listed | None:
        return next((each for each in self._exchange.contracts if each.con_id == con_id), None)

    def _values(self, account: Account) -> list[tuple[str, Field, str]]:
        """Returns what the account is worth, or was: tag, value, currency."""
        if self._misbehaviour.values == "of now" or account.name not in self._told:
            self._told[account.name] = self._values_of_now(account)
        return self._told[account.name]

    def _values_of_now(self, account: Account) -> list[tuple[str, Field, str]]:
        prices = self._exchange.prices
        equity, open_profit = account.equity(prices), account.open_profit(prices)
        return [
            ("AccountType", "INDIVIDUAL", ""),
            ("NetLiquidation", equity, "USD"),
            ("EquityWithLoanValue", equity, "USD"),
            ("TotalCashValue", equity - open_profit, "USD"),
            ("AvailableFunds", equity, "USD"),
            ("ExcessLiquidity", equity, "USD"),
            ("BuyingPower", equity * 4, "USD"),
            ("RealizedPnL", account.realized, "USD"),
            ("UnrealizedPnL", open_profit, "USD"),
            ("FuturesPNL", account.realized + open_profit, "USD"),
            ("InitMarginReq", Decimal(0), "USD"),
            ("MaintMarginReq", Decimal(0), "USD"),
        ]
