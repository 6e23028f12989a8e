"""Checks models and feed of runtime.json as a worker would when it starts."""

from portfold.config import ConfigError, Configuration
from portfold.coordinator.doctor.finding import Finding, fail, ok
from portfold.workers.filters.opened import open_filter
from portfold.workers.run.money import refuse_a_past_market


def models(configuration: Configuration) -> Finding:
    """Opens the filters of all the portfolio's symbols, and returns one finding on them."""
    runtime = configuration.runtime
    keys = (key for symbol in configuration.portfolio.symbols for key in runtime.keys_of(symbol))
    named = [key for key in keys if runtime.worker(key).model is not None]
    if not named:
        return ok("models", "runtime.json names none: every signal goes to the gate")
    wrong: list[str] = []
    for key in named:
        try:
            open_filter(configuration, key)
        except ConfigError as error:
            wrong.append(f"{key}: {error}")
    if wrong:
        remedy = (
            "make it anew: portfold research train SYMBOL --bars FOLDER --output FILE; or take it out of "
            "runtime.json: workers"
        )
        return fail("models", "; ".join(wrong), remedy)
    return ok(
        "models",
        f"whole and fit for how {'it trades' if len(named) == 1 else 'they trade'}: {', '.join(named)}",
    )


def feed(configuration: Configuration) -> Finding:
    """Returns one finding on whether real money would be traded on bars of the past."""
    runtime = configuration.runtime
    try:
        refuse_a_past_market(configuration, runtime.feed)
    except ConfigError as error:
        return fail(
            "feed", str(error), "name a feed of now in runtime.json: feed; run and worker refuse this one"
        )
    return ok("feed", f"{runtime.feed.kind}, for the broker {runtime.broker.kind}")
