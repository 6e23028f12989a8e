"""Where each rule with a number stands, nearest to its limit first: for the status and `portfold limits`."""

from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache

from msgspec import Struct

from portfold.coordinator.fold.money_state import Lock
from portfold.coordinator.fold.rules.rule import Reading, Unit
from portfold.coordinator.fold.rules.table import RULES
from portfold.coordinator.fold.state import State
from portfold.coordinator.views.amounts import refuse_no_amount
from portfold.dollars import CENT, EXACT, ZERO, plain_count, shown


class ShownRule(Struct, frozen=True):
    """A rule by the name of its limit: `now` against `limit`, `left` of the `whole` way to go, in one unit.

    `about` says what is counted, and `of` whose it is, where the limit has a number for several.
    """

    rule: str
    unit: Unit
    limit: Decimal
    now: Decimal
    left: Decimal
    whole: Decimal
    about: str = ""
    of: str = ""

    def __post_init__(self) -> None:
        refuse_no_amount(self.limit, self.now, self.left, self.whole)

    @property
    def shown(self) -> str:
        """Shows the rule, and whose number it is."""
        return f"{self.rule} of {self.of}" if self.of else self.rule

    @property
    def used(self) -> Decimal:
        """Returns how much of the way to the limit is gone, from 0 to 1."""
        return min(Decimal(1), max(ZERO, 1 - self.left / self.whole)) if self.whole > 0 else Decimal(1)


def shown_rules(state: State) -> tuple[ShownRule, ...]:
    """Returns the rules that stand somewhere, the nearest to its limit first."""
    limits = state.limits
    if limits is None:
        return ()
    readings = [(rule.keys[0], rule.read(state, limits)) for rule in RULES if rule.read is not None]
    found = [_shown(name, reading) for name, reading in readings if reading is not None]
    for rule in RULES:
        if rule.read_each is not None and rule.keys[0] in limits.present:
            found += [_shown(rule.keys[0], reading) for reading in rule.read_each(state, limits)]
    return tuple(sorted(found, key=_from_the_limit))


@lru_cache(maxsize=1024)
def _from_the_limit(one: ShownRule) -> Decimal:
    return -one.used


@lru_cache(maxsize=1024)  # most rules stand where they stood, and every answer waits for the status
def _shown(name: str, one: Reading) -> ShownRule:
    return ShownRule(
        rule=name,
        unit=one.unit,
        limit=_cents(one.limit),
        now=_cents(one.now),
        left=_cents(one.left),
        whole=_cents(one.whole),
        about=one.about,
        of=one.of,
    )


def _cents(amount: Decimal) -> Decimal:
    return EXACT.quantize(amount, CENT)


def rule_fields(one: ShownRule) -> dict[str, object]:
    """Returns where one rule stands for programs, figures as numbers."""
    return {
        "rule": one.rule,
        "of": one.of,
        "unit": one.unit,
        "now": float(one.now),
        "limit": float(one.limit),
        "left": float(one.left),
        "used": round(float(one.used), 4),
        "about": one.about,
    }


def rules_in_words(rules: Iterable[ShownRule]) -> dict[str, str]:
    """Returns the field for people."""
    return {"standing": "; ".join(map(rule_in_words, rules))}


@lru_cache(maxsize=1024)
def rule_in_words(one: ShownRule) -> str:
    """Words where a rule stands: `max_positions: 2 of 4, 2 to go`."""
    limit, now, left = (amount_in_words(one.unit, figure) for figure in (one.limit, one.now, one.left))
    return f"{one.shown}: {now} of {limit}, {left} to go"


def amount_in_words(unit: Unit, figure: Decimal) -> str:
    """Words a figure in its unit."""
    return shown(figure) if unit == "dollars" else plain_count(figure)


def locks_in_words(locks: Iterable[Lock]) -> dict[str, str]:
    """Returns the field for people."""
    return {"limits_reached": "; ".join(map(lock_in_words, locks))}


def lock_in_words(lock: Lock) -> str:
    """Words a limit that is latched: what follows from it, until when, and why."""
    follows = {
        "tell": "only told",
        "above": f"no entries above {lock.size}",
        "deny": "no entries",
        "flatten": "all is closed, no entries",
    }[lock.action]
    until = f"until {lock.until or ('then' if lock.until_ms else 'a resume')}"
    return f"{lock.rule}: {follows} {until}: {lock.reason}"
