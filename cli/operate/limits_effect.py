"""What an order of limits comes to, shown to whoever types it, who is asked once more.

What tightens counts at once, and a wrong number in it is in force until the next trading day: so a typing
error is to be seen before. A script that orders limits is not asked, as nobody is there to answer.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from portfold.cli.asking import answered
from portfold.cli.exits import Unusable

if TYPE_CHECKING:
    from portfold.coordinator.fold.limits import Limits
    from portfold.events.wire.bus import Bus

_AGAIN = "yes"


def ask_again(bus: "Bus", changes: Mapping[str, str], *, by: str, second: str) -> None:
    """Shows on a terminal what the changes come to, and asks. Raises Unusable unless the answer is yes.

    Raises RefusedField for changes that cannot be ordered, BusError.
    """
    from portfold.coordinator.fold.limits import changed_limits, limits_of
    from portfold.coordinator.views.order_outcome import limits_ordered
    from portfold.coordinator.views.view_field import view_in

    if not sys.stdin.isatty():
        return
    read, view = limits_ordered(bus), view_in(bus.status())
    if read.limits is None:
        return
    ordered = limits_of(changed_limits(read.limits, changes, by=by, reason="-", second=second))
    in_force = view.limits if view is not None and view.limits is not None else read.limits
    lines = [*effect(in_force, read.limits, ordered, second=second)]
    print("\n".join(lines or ["That changes nothing."]))
    if lines and answered(f"Type {_AGAIN} to order this: ").lower() != _AGAIN:
        raise Unusable(f"limits: expected {_AGAIN}; nothing is ordered.")


def effect(in_force: "Limits", before: "Limits", ordered: "Limits", *, second: str) -> Iterator[str]:
    """Yields a line for each limit that changes from what was ordered `before`: from, to, and since when."""
    from portfold.coordinator.fold.limits import limits_named
    from portfold.coordinator.fold.tightness import at_once

    was, wanted = limits_named(before), limits_named(ordered)
    now, loosest = limits_named(at_once(in_force, ordered)), limits_named(at_once(ordered, in_force))
    for name, value in wanted.items():
        if value == was[name]:
            continue
        if second:
            when = f"at once, as {second} agrees"
        elif now[name] != value:
            when = "from the next trading day"
        elif loosest[name] == limits_named(in_force)[name]:
            when = "at once"  # to go back counts at once as well
        else:
            when = "at once; to loosen it again waits for the next trading day"
        yield f"{name} {was[name] or 'none'} → {value or 'none'}: {when}"
