"""Pieces done in this process, each as it is handed in, by the thread that does so: it hears Ctrl-C."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Concatenate, Generic, ParamSpec, TypeVar

from portfold.pieces.pieces import cores

_Given = TypeVar("_Given")
_Answer = TypeVar("_Answer")
_Arguments = ParamSpec("_Arguments")


class PiecesHere(Generic[_Given]):
    """Meets `pieces.Pieces`: a piece may use every core, by threads of its own."""

    width = ahead = 1

    def __init__(self, given: _Given) -> None:
        self._given = given
        self.threads = cores()

    def submit(
        self,
        do: Callable[Concatenate[_Given, _Arguments], _Answer],
        /,
        *arguments: _Arguments.args,
        **named: _Arguments.kwargs,
    ) -> "Future[_Answer]":
        """Does the piece; what it raises is its answer's."""
        answer: Future[_Answer] = Future()
        try:
            answer.set_result(do(self._given, *arguments, **named))
        except Exception as error:  # noqa: BLE001 - whoever asks for the answer has it
            answer.set_exception(error)
        return answer


@contextmanager
def here(given: _Given) -> Iterator[PiecesHere[_Given]]:
    """Does pieces in this process."""
    yield PiecesHere(given)
