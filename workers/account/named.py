"""The account that a person types before a run with money: that one is traded and watched, or nothing starts.

It exists because a configuration copied from somewhere trades the wrong account without a word. Guarantees:
with `--live` an account is named, and another than the configuration's is refused. At Interactive Brokers
that one alone is traded, as the broker refuses a gateway that does not have it; a live account there has to
stand in the file too, by which the flattener closes.
"""

from msgspec.structs import replace

from portfold.config import Configuration, ConfiguredBroker
from portfold.errors import UNUSABLE, PortfoldError
from portfold.events.fields import readable
from portfold.workers.brokers.ibkr.account_check import is_paper_account

_IBKR = "ibkr"
_OPTION = "account"


class NotTheAccount(PortfoldError):
    """The account that was typed is not the one of the configuration, or none was; a sentence."""

    exit_code = UNUSABLE


def trading_the_named(configuration: Configuration, named: str | None, *, live: bool) -> Configuration:
    """Returns the configuration, which trades the account `named`. Raises NotTheAccount."""
    if not live:
        if named is not None:
            raise NotTheAccount("--account: expected with --live alone; on paper no account is traded.")
        return configuration
    if not named:
        raise NotTheAccount(
            "--live: expected --account NAME beside it: which account is traded, as the broker calls it."
        )
    runtime = configuration.runtime
    traded = runtime.broker.options.get(_OPTION)
    watched = runtime.account.name if runtime.account is not None else None
    for field, configured in (("broker.options.account", traded), ("account.name", watched)):
        if configured not in (None, named):
            file = configuration.files.runtime.path
            raise NotTheAccount(
                f"--account: expected {configured}, as {file} says ({field}), got {readable(named[:80])}."
            )
    if runtime.broker.kind != _IBKR or traded is not None:
        return configuration
    return _at_interactive_brokers(configuration, named)


def _at_interactive_brokers(configuration: Configuration, named: str) -> Configuration:
    """Returns the configuration with the account in it, which the broker then asks its gateway for."""
    runtime = configuration.runtime
    if not is_paper_account(named):
        file = configuration.files.runtime.path
        raise NotTheAccount(
            f"--account: {readable(named[:80])} is no paper account (those begin with DU), so it has to be "
            f"in {file} (broker.options.account) as well: the flattener closes there."
        )
    options = {**runtime.broker.options, _OPTION: named}
    broker = ConfiguredBroker(runtime.broker.kind, options)
    return replace(configuration, runtime=replace(runtime, broker=broker))
