"""How many positions may be open at once, reserved ones among them."""

from decimal import Decimal

from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.fold.rules.limits.occupied import occupied
from portfold.coordinator.fold.rules.rule import Denial, Reading, Rule
from portfold.coordinator.fold.state import State, slots_used
from portfold.events.incoming import EntryRequested


def may_enter(state: State, limits: Limits, request: EntryRequested) -> Denial | None:
    """Objects once every slot is taken."""
    if slots_used(state) < limits.max_positions:
        return None
    return Denial("max_positions", f"Max positions ({limits.max_positions}) reached. {occupied(state)}")


def read(state: State, limits: Limits) -> Reading:
    """Returns the slots taken against those there are."""
    used, most = Decimal(slots_used(state)), Decimal(limits.max_positions)
    return Reading("positions", most, used, max(Decimal(0), most - used), most, "open or reserved")


RULE = Rule("max_positions", may_enter, ("max_positions",), read=read)
