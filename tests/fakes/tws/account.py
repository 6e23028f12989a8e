"""What an account at the fake broker holds and has made, exact to the cent.

As at Interactive Brokers an average cost holds the commission of the entry, so a realized or open profit is
net of it. Equity = opening cash + realized + open. Amounts are kept as fractions and rounded only when told.
"""

from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from tests.fakes.tws.listed import Listed

CENT = Decimal("0.01")


@dataclass
class Holding:
    """The account's position in one contract: `size` below zero is short, `cost` what was paid for it."""

    contract: Listed
    size: int = 0
    cost: Fraction = Fraction(0)
    realized: Fraction = Fraction(0)

    def open_profit(self, price: Decimal) -> Fraction:
        return Fraction(price) * self.size * Fraction(self.contract.multiplier) - self.cost

    @property
    def average_cost(self) -> Decimal:
        """Dollars a contract; zero where nothing is held."""
        if not self.size:
            return Decimal(0)
        share = self.cost / self.size
        return Decimal(share.numerator) / Decimal(share.denominator)

    def trade(self, signed: int, price: Decimal, commission: Decimal) -> Fraction | None:
        """Takes in `signed` contracts (sold: below zero). Returns what was realized, None where nothing
        was closed.
        """
        closes = min(abs(signed), abs(self.size)) if signed * self.size < 0 else 0
        opens = abs(signed) - closes
        direction = 1 if signed > 0 else -1
        worth = Fraction(price) * Fraction(self.contract.multiplier)
        each = Fraction(commission) / abs(signed)
        realized = None
        if closes:
            leaving = self.cost * closes / abs(self.size)
            realized = -direction * worth * closes - each * closes - leaving
            self.cost -= leaving
            self.size += direction * closes
            self.realized += realized
        if opens:
            self.cost += direction * worth * opens + each * opens
            self.size += direction * opens
        return realized


@dataclass
class Account:
    """One account: `cash` is what it began the day with."""

    name: str
    cash: Decimal = Decimal(100_000)
    holdings: dict[int, Holding] = field(default_factory=dict)

    def holding(self, contract: Listed) -> Holding:
        """Returns the position in the contract, of no size where there is none."""
        return self.holdings.setdefault(contract.con_id, Holding(contract))

    @property
    def realized(self) -> Decimal:
        """The day's realized profit, net of commissions."""
        return cents(sum((each.realized for each in self.holdings.values()), Fraction(0)))

    def open_profit(self, prices: dict[int, Decimal]) -> Decimal:
        """Returns the open profit at these prices, net of the commissions of the entries."""
        return cents(sum((each.open_profit(prices[key]) for key, each in self._held()), Fraction(0)))

    def equity(self, prices: dict[int, Decimal]) -> Decimal:
        """Returns what the account is worth at these prices."""
        return self.cash + self.realized + self.open_profit(prices)

    def begin_day(self) -> None:
        """Moves what the old day realized into the cash that the new one begins with."""
        self.cash += self.realized
        for each in self.holdings.values():
            each.realized = Fraction(0)

    def _held(self) -> list[tuple[int, Holding]]:
        return [(key, each) for key, each in self.holdings.items() if each.size]


def cents(amount: Fraction) -> Decimal:
    """Returns the amount, to the cent."""
    exact = Decimal(amount.numerator) / Decimal(amount.denominator)
    return exact.quantize(CENT, ROUND_HALF_EVEN)
