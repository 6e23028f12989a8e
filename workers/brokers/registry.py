"""The brokers there are, by name. A new one of ours is a file and a line here; a user's own is a file and an
entry in his configuration, see `workers.named` and docs/strategies.md.
"""

from inspect import signature

import msgspec

from portfold.config import ConfigError, Configuration, ConfiguredBroker
from portfold.workers.brokers.left_behind import warn_of_earlier_books
from portfold.workers.brokers.protocol import Broker, BrokerSetup, OpenedBroker
from portfold.workers.brokers.resting.protective import refuse_what_cannot_protect
from portfold.workers.named import find

PAPER = "paper"
OURS = {
    PAPER: "portfold.workers.brokers.paper:open_paper",
    "ibkr": "portfold.workers.brokers.ibkr.configured:open_ibkr",
    "traderspost": "portfold.workers.brokers.traderspost.configured:open_traderspost",
}


def open_broker(setup: BrokerSetup) -> OpenedBroker:
    """Returns the broker that the configuration names. Raises ConfigError, BrokerError."""
    runtime = setup.configuration.files.runtime.path
    kind = setup.configuration.runtime.broker.kind
    broker: OpenedBroker = find(kind, OURS, runtime, "broker.kind")(setup)
    wanted = [name for name in (*vars(Broker), *vars(OpenedBroker)) if not name.startswith("_")]
    missing = [name for name in wanted if not callable(getattr(broker, name, None))]
    if missing:
        raise ConfigError(runtime, "broker.kind", "a broker", f"one that cannot {', '.join(missing)}")
    if "may_send" not in signature(broker.enter).parameters:
        expected = "a broker whose enter takes may_send, and asks it right before it sends"
        raise ConfigError(runtime, "broker.kind", expected, "one that sends without asking")
    refuse_what_cannot_protect(setup.configuration, broker)
    if not is_paper(setup.configuration):
        warn_of_earlier_books(setup.book, setup.log)
    return broker


def on_paper(configuration: Configuration) -> Configuration:
    """Returns the same configuration with the paper broker, whichever it names, and no book of that one."""
    if is_paper(configuration):
        return configuration
    runtime = msgspec.structs.replace(configuration.runtime, broker=ConfiguredBroker(PAPER), book=None)
    return msgspec.structs.replace(configuration, runtime=runtime)


def is_paper(configuration: Configuration) -> bool:
    """Returns whether no money is at stake. A broker of the user's own is taken for a real one."""
    return configuration.runtime.broker.kind == PAPER
