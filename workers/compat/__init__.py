"""A drop-in for code that was written for one process: the old class, over the bus.

    from portfold.workers.compat import PortfolioCoordinator

    coordinator = PortfolioCoordinator(4, 2500.0, emergency_exit_callback=close_everything)
    allowed, reason = coordinator.can_open_position("ES")

Code written for one process so runs in many, unchanged: each makes its own, and all share one portfolio. What
is different, because it cannot be the same:

- The coordinator decides, and limits are those of the portfolio. Of `max_positions` and `daily_stop_loss`,
  and what a configuration or another program put in force, the tighter hold, whoever started first; what a
  person has ordered holds as it is. Where they differ, a line names both.
- A slot that was granted is renewed while the process lives, until a fill is registered or it is
  released: a fill may come at the next bar, an hour later. A fill that is not the one long contract which
  `can_open_position(symbol)` asks for (name `side` and `size` to ask for something else), or that comes after
  contact was lost, is granted anew when it is registered; if there is no room left, that is on record.
- A negative size is a short position. Sizes are whole contracts.
- Exit prices were never part of the interface. A position registered without `entry_price` stands on the log
  at 0, and an exit at the price that gives its P&L, which is taken as reported, net; neither is shown to
  people as a price. Open positions make no marks, so an open loss counts only once it is closed.
- After a restart a process takes over what the log says it held (there is no broker here to ask), and whoever
  closes a position that another process opened closes that one's. A process whose name another has taken over
  meanwhile leaves all of it to that.
- Without the bus, or a coordinator, nothing may be opened, and exits wait in the outbox.

It is to be made in each process, never before a fork.
"""

from portfold.workers.compat.coordinator import PortfolioCoordinator
from portfold.workers.compat.permission import Permission

__all__ = ["Permission", "PortfolioCoordinator"]
