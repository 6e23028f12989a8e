"""The sources of the account there are, by name; as `workers.brokers.registry` for brokers."""

from portfold.config import ConfigError
from portfold.workers.account.source import AccountSetup, AccountSource
from portfold.workers.named import find

OURS = {
    "paper": "portfold.workers.account.paper:open_paper",
    "file": "portfold.workers.account.file:open_file",
    "ibkr": "portfold.workers.account.ibkr:open_ibkr",
    "tradovate": "portfold.workers.account.tradovate.configured:open_tradovate",
}


def open_source(setup: AccountSetup) -> AccountSource:
    """Returns the source that the account's entry names. Raises ConfigError, AccountUnreadable."""
    runtime = setup.configuration.files.runtime.path
    source: AccountSource = find(setup.account.source, OURS, runtime, "account.source")(setup)
    if not callable(getattr(source, "read", None)):
        raise ConfigError(runtime, "account.source", "a source of the account", "one that cannot read")
    return source
