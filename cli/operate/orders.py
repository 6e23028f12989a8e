"""`portfold halt`, `resume`, `flatten`, `settle`, `retire`, `acknowledge`: an operator's orders.

Each is an event on the log, with who and why. It is recorded even while no coordinator leads, takes effect as
soon as one does, and survives every restart; it can also be written by hand with XADD.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from portfold.cli.exits import Failure, Unusable
from portfold.cli.operate.flattening.kill_switch import pulled_whatever_is_unfit
from portfold.cli.operate.own_name import USER
from portfold.cli.operate.scope_options import Of, made
from portfold.cli.ordering import print_outcome, put
from portfold.cli.target import Target
from portfold.cli.typed import print_note
from portfold.events.roles.server_roles import COORDINATOR, OPERATOR

if TYPE_CHECKING:
    from portfold.events.incoming import Event, PositionSettled


@Parameter(name="*", group="What is held")
@dataclass(frozen=True)
class Held:
    """The options of what is really held."""

    size: int
    """Contracts really held; 0 for none."""

    side: Literal["long", "short"] = "long"
    """The position's side."""

    price: str | None = None
    """Its entry price; needed where something is held."""

    pnl: str = "0"
    """Net dollars made when it was closed unseen; counted in today's P&L."""

    in_book: Annotated[bool, Parameter(negative="", show_default=False)] = False
    """Correct the broker's book too: of fills that never were, or what was closed by hand."""


_TARGET = Target()
_WHOLE = Of()

_PAST_THE_COORDINATOR = (
    " What cannot wait: portfold flatten --now reaches the workers all the same, and closes everything."
)

Flag = Annotated[bool, Parameter(negative="", show_default=False)]
WHO, WHY = "Who orders this; goes on record. By default the user of this machine.", "Why; goes on record."
Who = Annotated[str, Parameter(name="--by", help=WHO, show_default=False)]
Why = Annotated[str, Parameter(name="--reason", help=WHY)]


def register(app: App) -> None:
    """Adds the commands."""
    for command in (halt, resume, flatten, settle, retire, acknowledge):
        app.command(command)


def halt(*, by: Who = USER, reason: Why, of: Of = _WHOLE, target: Target = _TARGET) -> None:
    """Deny every entry until a resume, however many days pass. Exits go on.

    Of a worker, a symbol or a group only its entries, until a resume of that one.

    For example:

        portfold halt --by jane --reason "news at 14:00"

        portfold halt --symbol CL --by jane --reason "inventories"
    """
    from portfold.events.incoming import TradingHalted

    order = made(TradingHalted, of, by=by, reason=reason)
    _give(target, order, f"Trading{of.in_words} is halted.")


def resume(
    *, by: Who = USER, reason: Why, force: bool = False, of: Of = _WHOLE, target: Target = _TARGET
) -> None:
    """Lift a halt. With --force also today's stop.

    Of a worker, a symbol or a group only what was ordered of that one; a resume
    of the whole portfolio leaves those closed.

    Exit code 1 when it is refused: stopped out today, positions are still being
    flattened, or what is named is not closed.

    For example:

        portfold resume --by jane --reason "news is out"

        portfold resume --symbol CL --by jane --reason "numbers are out"

    Parameters
    ----------
    force
        Lift today's stop as well, which goes on record; the loss may then grow by one more daily limit.
    """
    from portfold.coordinator.fold.windows.lockout import in_words
    from portfold.coordinator.views.view_field import what_can_be_read
    from portfold.events.incoming import TradingResumed

    if force and of.named:
        raise Unusable("--force: expected without a scope: what it forces is of the whole portfolio.")
    order = made(TradingResumed, of, by=by, reason=reason, force=force)
    bus = target.bus()
    lockout = what_can_be_read(bus.status()).view.lockout
    event = put(bus, order)
    resumed = f"Trading{of.in_words} is resumed."
    print_outcome(bus, event, f"{resumed} Entries stay denied: {in_words(lockout)}." if lockout else resumed)


def flatten(
    *,
    by: Who = USER,
    reason: Why,
    now: bool = False,
    json: Flag = False,
    of: Of = _WHOLE,
    target: Target = _TARGET,
) -> None:
    """Close every position, and halt until a resume.

    Waits some seconds until all is confirmed closed, and says after how long,
    or who still holds what. Exit code 0 says that the order is on record, flat
    or not; `flat` of --json tells.

    Of a worker, a symbol or a group only its positions, and only its entries are denied.

    For example:

        portfold flatten --by jane --reason "exchange outage" --now

        portfold flatten --worker ibs-CL --by jane --reason "it trades nonsense"

    Parameters
    ----------
    now
        The kill switch: reach the workers directly too, so that it works with no coordinator running. A
        coordinator accounts for it on the log as soon as one leads. It closes everything, and takes no scope.
    json
        What came of it as one JSON object, for programs.
    """
    from portfold.events.incoming import FlattenRequested

    def order() -> FlattenRequested:
        if now and of.named:
            raise Unusable("--now: expected without a scope: the kill switch closes everything.")
        return made(FlattenRequested, of, by=by, reason=reason)

    if now:
        bus, event = pulled_whatever_is_unfit(target, order, print_note if json else print)
    else:
        asked = order()
        bus = target.bus()
        event = put(bus, asked)
    from portfold.cli.operate.flattening.until_flat import print_flattening

    denied = "its entries are denied" if of.named else "trading is halted"
    done = f"Flattening{of.in_words} is ordered, and {denied}."
    print_flattening(bus, event, done, "" if now else _PAST_THE_COORDINATOR, json=json)


def settle(
    symbol: str,
    worker: str,
    /,
    *,
    held: Held,
    by: Who = USER,
    reason: Why,
    book: Path | None = None,
    target: Target = _TARGET,
) -> None:
    """Record what is really held, where log and broker disagree; the symbol may then be traded again.

    For example:

        portfold settle CL ibs-CL --size 0 --pnl -310 --by jane --reason "by phone"

    Parameters
    ----------
    symbol
        The symbol that is unsettled.
    worker
        The worker whose position it is.
    book
        With --in-book: the broker's file, the same as the workers'.
    """
    from portfold.events.incoming import PositionSettled

    if held.size and held.price is None:  # a made-up price would be a made-up profit or loss
        raise Unusable(f"--price: expected the entry price of the {held.size} {symbol} held.")
    order = PositionSettled(
        by=by,
        reason=reason,
        symbol=symbol,
        worker=worker,
        side=held.side,
        size=held.size,
        price=_number("--price", held.price or "0"),
        pnl=_number("--pnl", held.pnl),
    )
    if held.in_book:
        _correct_book(target, book, order)
    _give(target, order, f"{symbol} of {worker} is settled.")


def _correct_book(target: Target, book: Path | None, order: "PositionSettled") -> None:
    """Corrects the book first: where the log then fails, the same command given again does the rest."""
    from portfold.cli.folders import default_book
    from portfold.events.codec import encode_checked
    from portfold.workers.brokers.book_correction import correct

    encode_checked(order)  # refuses what the log would refuse
    resolved = target.resolve(OPERATOR)
    kind = resolved.configuration.runtime.broker.kind
    correct(kind, book or default_book(resolved, kind), resolved.configuration.contracts, order)


def retire(worker: str, /, *, by: Who = USER, reason: Why, target: Target = _TARGET) -> None:
    """Record that a lost worker will not come back; others may then trade its symbols.

    If it does come back, it is a worker again, and what it holds counts.

    Exit code 1 when it is refused: the worker is alive or not lost, or it has
    positions or slots that are or may be open.

    For example:

        portfold retire ibs-CL --by jane --reason "gone; the broker is flat"

    Parameters
    ----------
    worker
        The lost worker, as portfold status names it.
    """
    from portfold.events.codec import encode_checked
    from portfold.events.incoming import WorkerRetired

    order = WorkerRetired(by=by, reason=reason, worker=worker)
    encode_checked(order)  # refuses an invalid name before the server is asked
    bus = target.bus()
    if bus.beats([worker])[0] is not None:
        raise Failure(
            f"{worker} is alive: it gives signs of life. Stop it first; only a lost worker is retired."
        )
    print_outcome(bus, put(bus, order), f"{worker} is retired.")


def acknowledge(*, by: Who = USER, reason: Why, target: Target = _TARGET) -> None:
    """Let trading go on without a part of the log that is lost for good. That stays on record.

    Needed where the coordinator refuses to lead because the log does not add up,
    or denies entries because the log lost its end. First see what is open at
    the broker: the lost part may have held fills that stand nowhere else.

    Exit code 1 when nothing is missing.

    For example:

        portfold acknowledge --by jane --reason "backup of last night; flat"
    """
    from portfold.coordinator.store import log_integrity
    from portfold.coordinator.views.overview import missed_at_the_end

    bus = target.bus(COORDINATOR)  # it mends the head, which is nobody else's
    event = log_integrity.acknowledge(bus, lambda: missed_at_the_end(bus), by=by, reason=reason)
    print_outcome(bus, event, "The loss is acknowledged.")


def _give(target: Target, order: "Event", done: str) -> None:
    bus = target.bus()
    print_outcome(bus, put(bus, order), done)


def _number(option: str, text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise Unusable(f"{option}: expected a number, got {text[:80]!r}.") from error
