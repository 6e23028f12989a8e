"""Questions whose answers carry no number: each answer is that of its own question, or of none."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from portfold.workers.brokers.ibkr.questions import Questions, Refused

LIST = "open orders"


class Gateway:
    """Notes what it was asked, and answers when a test says so."""

    def __init__(self) -> None:
        self.questions = Questions()

    def ask(self, seconds: float = 20.0) -> Awaitable[list[Any]]:
        return asyncio.ensure_future(self.questions.ask(LIST, lambda _key: None, seconds))

    async def give_up(self) -> None:
        with pytest.raises(TimeoutError):
            await self.ask(0.001)

    def answer(self, *rows: str) -> None:
        for row in rows:
            self.questions.take_row(LIST, row)
        self.questions.take_end(LIST)


def test_an_answer_to_a_question_that_was_given_up_answers_no_later_one() -> None:
    async def act(gateway: Gateway) -> list[Any]:
        await gateway.give_up()
        later = gateway.ask()
        await asyncio.sleep(0)
        gateway.answer("from before")
        await asyncio.sleep(0)
        gateway.answer("of now")
        return await later

    assert _done(act) == ["of now"]


def test_an_answer_that_comes_while_nothing_is_asked_is_owed_no_more() -> None:
    async def act(gateway: Gateway) -> list[Any]:
        await gateway.give_up()
        gateway.answer("late")
        later = gateway.ask()
        await asyncio.sleep(0)
        gateway.answer("of now")
        return await later

    assert _done(act) == ["of now"]


def test_a_new_connection_owes_nothing() -> None:
    async def act(gateway: Gateway) -> list[Any]:
        await gateway.give_up()
        gateway.questions.break_off()
        later = gateway.ask()
        await asyncio.sleep(0)
        gateway.answer("of now")
        return await later

    assert _done(act) == ["of now"]


def test_where_an_answer_may_have_been_taken_for_an_earlier_one_the_connection_is_made_anew() -> None:
    async def act(gateway: Gateway) -> list[Any]:
        await gateway.give_up()  # and it is never answered
        assert not gateway.questions.are_confused
        later = gateway.ask(0.05)
        await asyncio.sleep(0)
        gateway.answer("of now")
        with pytest.raises(TimeoutError):
            await later
        return [gateway.questions.are_confused]

    assert _done(act) == [True]


def test_an_error_is_no_answer_but_that_there_is_no_such_contract() -> None:
    async def act(gateway: Gateway) -> list[Any]:
        questions = gateway.questions
        refused, none = [asyncio.ensure_future(questions.ask(key, lambda _key: None, 20.0)) for key in (7, 8)]
        await asyncio.sleep(0)
        questions.take_row(7, "a part")
        questions.take_refusal(7, 322, "Error processing request")
        questions.take_refusal(8, 200, "No security definition has been found")
        with pytest.raises(Refused, match="322"):
            await refused
        return await none

    assert _done(act) == []


def _done(act: Callable[[Gateway], Awaitable[list[Any]]]) -> list[Any]:
    async def acted() -> list[Any]:
        return await act(Gateway())

    return asyncio.run(acted())
