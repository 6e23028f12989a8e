"""Which rules a run is under: those of its seed, all kinds at once, or those that show a planted bug."""

from typing import NamedTuple

from tests.simulation.rules.of_exposure import drawn_exposure, exposure_of, is_of_exposure
from tests.simulation.rules_of_money import Rules, drawn_rules, drawn_together, rules_of


class InForce(NamedTuple):
    """Rules of money with those of pace, and of exposure with the budget and windows; None: none of the kind.

    With `holidays` days without a session are published: the law of money reckons days without them.
    """

    money: Rules | None = None
    exposure: Rules | None = None
    holidays: bool = False

    @property
    def together(self) -> Rules | None:
        """The rules of both kinds, by their keys."""
        if self.money is None and self.exposure is None:
            return None
        return {**(self.exposure or {}), **(self.money or {})}

    def with_marks_together(self, seed: int) -> "InForce":
        """These, and beside them how long marks of one moment wait for each other."""
        both = self.together
        if both is None:
            return self
        drawn = drawn_together(seed, both)
        if self.money is None:
            return self._replace(exposure={**both, **drawn})
        return self._replace(money={**self.money, **drawn})


def of_seed(seed: int) -> InForce:
    """Those that the seed has: of some none, of some one kind, of some both."""
    money, exposure = drawn_rules(seed), drawn_exposure(seed)
    return InForce(money, exposure, holidays=money is None).with_marks_together(seed)


def of_every_kind(seed: int) -> InForce:
    """Those of both kinds that the seed draws where it is to have them."""
    return InForce(rules_of(seed), exposure_of(seed)).with_marks_together(seed)


def just(rules: Rules) -> InForce:
    """These rules and no others, with what happens about their kind."""
    return InForce(exposure=rules) if is_of_exposure(rules) else InForce(money=rules)
