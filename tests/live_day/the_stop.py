"""The market crosses the daily stop, and TWS is gone in the middle of the flatten that follows."""

from decimal import Decimal

from tests.live_day.day import Day, require

_HELD = 3
_STEP_DOLLARS = 150
_MOST_STEPS = 40
_MARKED_SECONDS = 1.5
_DENIED_MINUTES = 6


def stop_while_tws_goes(day: Day) -> str:
    """Of the exits one is filled, one in part, one while TWS is gone, the rest when it is back."""
    venue, exchange, run = day.venue, day.venue.exchange, day.run
    held = day.until_held(_HELD, contracts=_HELD + 1)
    exchange.fills = "on order"
    lost = _cross_the_stop(day)
    day.until(lambda: len(venue.at_work()) >= _HELD, "the exits to be at the exchange")
    # The largest is filled in part, so that something is left.
    whole, unheard, *_, part = sorted(venue.at_work(), key=lambda order: order.remaining)
    since = len(run.lines)
    require(venue.fill(whole) and venue.fill(part, 1), "the exits were over before they were filled")
    venue.broker.stop()
    require(venue.fill(unheard), "the exit was over before TWS was gone")
    left = sum(abs(venue.held(symbol)) for symbol in held)
    require(left, "all was closed before TWS was gone")
    day.until(
        lambda: len(run.said("the gateway closed", since)) or len(run.said("No connection", since)), "a break"
    )
    for _ in range(2):
        day.tick()
    require(not day.decisions("PortfolioFlat"), "it is said to be flat while contracts are open")
    exchange.fills = "at once"
    venue.broker.start()
    day.until(lambda: _goes_on(day) and day.decisions("PortfolioFlat"), "the portfolio to be flat")
    require(not venue.held_symbols(), f"{venue.held_symbols()} is held, and it was said to be flat")
    orders = len(exchange.orders)
    venue.market.run_free()
    for _ in range(_DENIED_MINUTES):
        if _denied(day):
            break
        day.minute()
    require(_denied(day), "nobody wanted an entry after the stop, so none was denied")
    require(len(exchange.orders) == orders, "an order went out after the stop")
    return f"lost {lost}; {left} contracts open while TWS was gone; {_denied(day)} entries denied after"


def _cross_the_stop(day: Day) -> Decimal:
    """Lets all that is held run against whoever holds it, until the log says stop. Returns the day's loss."""
    venue = day.venue
    for symbol in day.office.symbols:
        venue.market.run(symbol, venue.against(symbol, _STEP_DOLLARS) if venue.held(symbol) else 0)
    for _ in range(_MOST_STEPS):
        day.tick()
        if day.came(lambda: day.decisions("StopLossTriggered"), _MARKED_SECONDS):
            break
    stops = day.decisions("StopLossTriggered")
    require(len(stops) == 1, f"the stop was triggered {len(stops)} times")
    for symbol in day.office.symbols:
        venue.market.run(symbol, 0)
    return Decimal(stops[0]["daily_pnl"])


def _goes_on(day: Day) -> bool:
    """A trade at the price of before: orders that wait are filled at it."""
    for future in day.venue.futures.values():
        exchange = day.venue.exchange
        exchange.trade(future.short, exchange.prices[future.listed.con_id])
    return True


def _denied(day: Day) -> int:
    return sum(one["code"] == "stopped_out" for one in day.decisions("EntryDenied"))
