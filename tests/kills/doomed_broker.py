"""Brokers at which their process dies at a chosen place: the production trader and flattener cannot tell.

They are opened by the configuration, as any broker of a user's own is: `broker.kind` names a function here.
"""

from decimal import Decimal
from typing import Any

import urllib3.connection

from portfold.events.fields import Side
from portfold.workers.brokers.contract_names import ContractNames
from portfold.workers.brokers.order import ExitFill, Fill, OrderOutcome
from portfold.workers.brokers.orders_book import Orders, open_orders_book
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.protocol import (
    BrokerPosition,
    BrokerSetup,
    MaySend,
    OpenedBroker,
    always,
)
from portfold.workers.brokers.traderspost.broker import TradersPost
from portfold.workers.brokers.traderspost.signals import entry_signal, exit_signal
from portfold.workers.brokers.traderspost.webhook import Webhook, WebhookAnswer
from tests.kills.doomed_bus import die_if_at

ENTRY_TO_BE_SENT = "entry, to be sent"
ENTRY_SENT = "entry, sent, not answered"
ENTRY_ANSWERED = "entry, answered, not noted"
ENTRY_FILLED = "entry, filled, not reported"
EXIT_TO_BE_SENT = "exit, to be sent"
EXIT_SENT = "exit, sent, not answered"
EXIT_ANSWERED = "exit, answered, not noted"
EXIT_HALF_NOTED = "exit, half noted"
EXIT_FILLED = "exit, filled, not reported"
EXIT_REPORTED = "exit, reported, not confirmed"

PAPER_PLACES = (
    ENTRY_TO_BE_SENT,
    ENTRY_FILLED,
    EXIT_TO_BE_SENT,
    EXIT_HALF_NOTED,
    EXIT_FILLED,
    EXIT_REPORTED,
)
TRADERSPOST_PLACES = (
    ENTRY_TO_BE_SENT,
    ENTRY_SENT,
    ENTRY_ANSWERED,
    ENTRY_FILLED,
    EXIT_TO_BE_SENT,
    EXIT_SENT,
    EXIT_ANSWERED,
    EXIT_FILLED,
    EXIT_REPORTED,
)
_TIMEOUT_SECONDS = 0.5


class Doom:
    """Where this process is to die, by the names above; `sending` is what goes over the wire."""

    place = ""
    sending = ""

    def here(self, place: str) -> None:
        die_if_at(place, self.place)


DOOM = Doom()


class DoomedBroker:
    """Any broker; its process may die around each order. `plant` is a bug it has, so that it is seen to be
    found: `confirms first` forgets an exit that is not reported, `sends again` what it does not know of.
    """

    def __init__(self, broker: OpenedBroker, plant: object) -> None:
        self._broker = broker
        self._plant = plant

    def enter(
        self, symbol: str, side: Side, size: int, price: Decimal, *, may_send: MaySend = always
    ) -> OrderOutcome[Fill]:
        def asked() -> bool:
            allowed = may_send()
            if allowed:
                DOOM.here(ENTRY_TO_BE_SENT)
            return allowed

        outcome = self._broker.enter(symbol, side, size, price, may_send=asked)
        DOOM.here(ENTRY_FILLED)
        return outcome

    def exit(
        self, symbol: str, side: Side, size: int, price: Decimal | None, *, owner: str | None = None
    ) -> OrderOutcome[ExitFill]:
        outcome = self._broker.exit(symbol, side, size, price, owner=owner)
        if self._plant == "confirms first":
            for fill in outcome.fills:
                self._broker.confirm_reported(fill.fill_id)
        DOOM.here(EXIT_FILLED)
        return outcome

    def flatten(self, *, owner: str | None = None) -> list[ExitFill]:
        return self._broker.flatten(owner=owner)

    def positions(self, owner: str | None = None) -> list[BrokerPosition]:
        return self._broker.positions(owner)

    def unreported_exits(self, owner: str | None = None) -> list[ExitFill]:
        return self._broker.unreported_exits(owner)

    def confirm_reported(self, fill_id: str) -> None:
        DOOM.here(EXIT_REPORTED)
        self._broker.confirm_reported(fill_id)

    def mark(self, symbol: str, price: Decimal) -> None:
        self._broker.mark(symbol, price)

    def close(self) -> None:
        self._broker.close()


class _DoomedPaper(PaperBroker):
    """Dies before an exit, and in the middle of its transaction."""

    def exit(
        self, symbol: str, side: Side, size: int, price: Decimal | None, *, owner: str | None = None
    ) -> OrderOutcome[ExitFill]:
        DOOM.here(EXIT_TO_BE_SENT)
        return super().exit(symbol, side, size, price, owner=owner)

    def _close(self, *words: Any) -> ExitFill:
        fill = super()._close(*words)
        DOOM.here(EXIT_HALF_NOTED)
        return fill


class _DoomedWebhook(Webhook):
    """Dies right before the first byte of an exit, and with the answer in hand."""

    def post(self, payload: Any, *, may_send: MaySend = always, **more: Any) -> WebhookAnswer:
        does = "exit" if payload["action"] == "exit" else "entry"

        def asked() -> bool:
            if not may_send():
                return False
            if does == "exit":
                DOOM.here(EXIT_TO_BE_SENT)
            DOOM.sending = does
            return True

        answer = super().post(payload, may_send=asked, **more)
        if answer.outcome == "accepted":
            DOOM.here(f"{does}, answered, not noted")
        return answer


def open_paper(setup: BrokerSetup) -> DoomedBroker:
    """For the configuration to name."""
    paper = _DoomedPaper(setup.book, setup.owner, setup.configuration.contracts)
    return DoomedBroker(paper, _option(setup, "plant"))


def open_traderspost(setup: BrokerSetup) -> DoomedBroker:
    """For the configuration to name."""
    _die_over_the_answer()
    webhook = _DoomedWebhook(str(_option(setup, "url")), timeout_seconds=_TIMEOUT_SECONDS, log=setup.log)
    if _option(setup, "plant") == "sends again":
        _send_again(setup, webhook)
    broker = TradersPost(
        setup.book,
        setup.owner,
        setup.configuration.contracts,
        webhook=webhook,
        send_seconds=3 * _TIMEOUT_SECONDS,  # nobody is told here to come again later
        names=ContractNames({symbol: f"{symbol}Z2025" for symbol in setup.configuration.contracts}),
        log=setup.log,
    )
    return DoomedBroker(broker, _option(setup, "plant"))


def _option(setup: BrokerSetup, name: str) -> object:
    return setup.configuration.runtime.broker.options[name]


def _send_again(setup: BrokerSetup, webhook: Webhook) -> None:
    """As a broker would that takes an order of which nobody knows for one that did not arrive."""
    book = open_orders_book(setup.book, 5.0)
    with book.reading() as entries:
        left = [one for one in Orders(entries).in_states(["sending"]) if one.sender == setup.owner]
    book.close()
    for order in left:
        whole = exit_signal(order, order.price, everything=True)
        webhook.post(whole if order.does == "exit" else entry_signal(order, order.price))


def _die_over_the_answer() -> None:
    """In this process, that is to die: all of the request is with the system, none of the answer is read."""
    reading = urllib3.connection.HTTPConnection.getresponse

    def getresponse(connection: urllib3.connection.HTTPConnection) -> Any:
        DOOM.here(f"{DOOM.sending}, sent, not answered")
        return reading(connection)

    urllib3.connection.HTTPConnection.getresponse = getresponse  # type: ignore[assignment, method-assign]
