"""What goes wrong at the broker: orders filled in parts, refused; TWS without its servers, or gone."""

from tests.fakes.tws.orders import Order
from tests.live_day.day import Day, require

_MINUTES = 6
_COME_SECONDS = 4.0
_NO_CONNECTION = "No connection to Interactive Brokers"


def partial_fills(day: Day) -> str:
    """Orders get their contracts one by one, at two prices; an entry gets one, until it is given up."""
    venue, exchange = day.venue, day.venue.exchange
    exchange.fills, cut, whole = "on order", list[Order](), list[Order]()

    def serve() -> bool:
        for order in venue.at_work():
            if order in cut:
                continue
            if not cut and venue.opens(order) and not order.filled and venue.fill(order, 1):
                cut.append(order)
            elif order.size > 1 and not order.filled:
                venue.fill(order, 1)
            elif venue.fill(order, ticks=1) and order.size > 1:
                whole.append(order)
        return bool(cut) and cut[0].is_done and len(whole) > 1

    known = False
    for _ in range(_MINUTES):
        day.minute()
        over = day.came(serve, _COME_SECONDS)
        known = known or (bool(cut) and _has_one(day, cut[0]))
        if over:
            break
    exchange.fills = "at once"
    require(known and len(whole) > 1, f"{len(whole)} orders were filled in parts, {len(cut)} cut off")
    require(all(len(each.executions) == 2 for each in whole), "not all came in two parts")
    return f"{len(whole)} orders filled in two parts, an entry cancelled with 1 of 2"


def _has_one(day: Day, entry: Order) -> bool:
    """Waits until an entry is given up: log and account have the one contract it got, and its slot ends."""
    symbol = day.venue.symbol_of(entry)
    day.until(lambda: entry.is_done, "the rest of an entry to be cancelled")
    require((entry.status, entry.filled) == ("Cancelled", 1), f"the entry cut off is {entry.status}")
    day.until(lambda: day.agree(symbol) and abs(day.on_the_log(symbol)) == 1, f"one {symbol} on the log")
    slots = day.office.live.state.reservations

    def is_given_back() -> bool:
        day.office.look()
        return all(slot.symbol != symbol for slot in slots.values())

    day.until(is_given_back, f"the rest of the slot in {symbol} to be given back", seconds=_COME_SECONDS)
    return True


def rejects(day: Day) -> str:
    """An entry is refused after it was taken (201, Inactive); then entries and exits alike, for a while."""
    venue, run, since = day.venue, day.run, len(day.run.lines)
    entry = day.entry_at_work()
    venue.exchange.end(entry.reference, "NOT ENOUGH MARGIN", "Inactive")
    venue.exchange.fills = "at once"
    day.until(lambda: run.said("NOT ENOUGH MARGIN", since), "a worker to hear that its entry was refused")
    require(not entry.filled, "the entry that was refused got something")
    day.until_held(1)
    venue.broker.misbehaviour.orders = "refused"
    since = len(run.lines)

    def refused() -> bool:
        return bool(run.said("Entry refused by the broker", since) and run.said("NOT CLOSED; trying", since))

    for _ in range(_MINUTES):
        day.minute()
        if day.came(refused, _COME_SECONDS):
            break
    venue.broker.misbehaviour.orders = "taken"
    require(refused(), "not both an entry and an exit were refused")
    exits = {line["symbol"] for line in run.said("NOT CLOSED; trying", since)}
    day.until(lambda: not any(map(venue.held, exits)), f"{', '.join(exits)} to be closed after all")
    entries = len(run.said("Entry refused by the broker", since)) + 1
    return f"{entries} entries refused, and exits of {', '.join(sorted(exits))}, closed within seconds after"


def servers_lost(day: Day) -> str:
    """TWS loses its servers, 1100; an order is filled meanwhile, of which nobody hears before 1102."""
    venue, run = day.venue, day.run
    order = day.entry_at_work()
    symbol, since = venue.symbol_of(order), len(run.lines)
    venue.broker.lose_connectivity()
    require(venue.fill(order), "the order was over before TWS lost its servers")
    venue.exchange.fills = "at once"
    day.until(lambda: len(run.said("(1100)", since)) >= len(day.office.symbols), "all to hear of 1100")
    venue.broker.restore_connectivity(keep_data=True)
    day.until(lambda: venue.held(symbol) and day.agree(symbol), f"the log to hear of the fill of {symbol}")
    return f"{order.filled} {symbol} filled while nobody could hear, on the log after 1102"


def nightly_restart(day: Day) -> str:
    """1100, then TWS is gone while the market goes on, then it is back: all are, with what they held."""
    venue, run, since = day.venue, day.run, len(day.run.lines)
    held = venue.held_symbols()
    venue.broker.lose_connectivity()
    day.until(lambda: len(run.said("(1100)", since)) >= len(day.office.symbols), "all to hear of 1100")
    venue.broker.stop()
    since = len(run.lines)
    day.minute()
    require(not venue.broker.clients(), "somebody was connected while TWS was gone")
    venue.broker.restore_connectivity(keep_data=True)
    venue.broker.start()
    day.office.until_all_at_work()
    day.until(day.agree, "log and account to agree")
    failed = len(run.said(_NO_CONNECTION, since))
    require(failed, "nobody noticed that TWS was gone")
    back = len(venue.broker.clients())
    return f"a minute without TWS, {len(held)} positions through it; all {back} clients are back"
