"""How the gateway is told to behave badly: a test changes these at any time."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass
class Misbehaviour:
    """All of it is off at first.

    `silent`: takes all and answers nothing, not even a handshake. `client_ids_taken`: error 326.
    `accounts`: `late` are told to a client that connects only once it asks for something.
    `orders`: `refused` answers 201 with `refusal`; `swallowed` are lost without a word; `unanswered` reach
    the exchange, but nobody hears of them as long as this stands; `breaks before` and `breaks after` close
    the connection before the order reached the exchange, or after.
    `cancels`: `swallowed` are lost, `too late` come when the order was filled just before. `lists`:
    `swallowed` means requests for open or completed orders, executions and positions are not answered;
    `refused` answers those for executions with error 322, and no order is among the completed ones yet;
    `late` that each for open orders is answered as the one before it should have been.
    `commissions`: `held` until `Gateway.tell_commissions`; `never`; `unset first` sends 1.797e308 and then
    the amount; `unset` that alone. `repeats`: every order message twice, and the day's executions again
    after each connect, unasked. `warns_of_hours`: 2109 for every order that asks for outside hours.
    `values`: what an account is worth is told as it was when they were last `of now`, while they are `held`.
    `no_market_data`: the error code that answers requests for it; `data_type`: 3 sends prices as delayed.
    `history`: errors, code and text, each of which answers one request for the past; `no_history`: such
    requests are lost.
    """

    silent: bool = False
    client_ids_taken: set[int] = field(default_factory=set)
    accounts: Literal["told", "late"] = "told"
    orders: Literal["taken", "refused", "swallowed", "unanswered", "breaks before", "breaks after"] = "taken"
    refusal: str = "Order rejected - reason:The order was refused by the exchange."
    cancels: Literal["taken", "swallowed", "too late"] = "taken"
    lists: Literal["answered", "swallowed", "refused", "late"] = "answered"
    commissions: Literal["at once", "held", "never", "unset first", "unset"] = "at once"
    repeats: bool = False
    warns_of_hours: bool = False
    values: Literal["of now", "held"] = "of now"
    no_market_data: int | None = None
    data_type: int = 1
    history: list[tuple[int, str]] = field(default_factory=list)
    no_history: bool = False
