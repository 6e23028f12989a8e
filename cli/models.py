"""Whether the models that runtime.json names can be traded by: each is opened as its worker would."""

from config import ConfigError, Configuration
from coordinator.doctor.finding import Finding, fail, ok
from workers.filters.opened import open_filter


def models(configuration: Configuration) -> Finding:
    """One finding on the filters of all the portfolio's symbols."""
    runtime = configuration.runtime
    named = [symbol for symbol in configuration.portfolio.symbols if runtime.worker(symbol).model is not None]
    if not named:
        return ok("models", "runtime.json names none: every signal goes to the gate")
    wrong: list[str] = []
    for symbol in named:
        try:
            open_filter(configuration, symbol)
        except ConfigError as error:
            wrong.append(f"{symbol}: {error}")
    if wrong:
        remedy = "portfold train makes it anew; or take it out of runtime.json: workers"
        return fail("models", "; ".join(wrong), remedy)
    return ok("models", f"whole, and as {', '.join(named)} {'is' if len(named) == 1 else 'are'} traded")
