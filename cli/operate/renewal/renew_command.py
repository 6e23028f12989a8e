"""`portfold renew`: cuts off what makes a log useless, and goes on from the state before, on record."""

from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from portfold.cli.exits import Unusable
from portfold.cli.operate.orders import Who, Why
from portfold.cli.operate.own_name import USER
from portfold.cli.operate.renewal.evidence import Evidence
from portfold.cli.ordering import print_outcome
from portfold.cli.target import Target
from portfold.cli.typed import typed

if TYPE_CHECKING:
    from portfold.coordinator.process.renewal import Renewal
    from portfold.events.stream_id import StreamId

_TARGET = Target()
Events = Annotated[tuple[str, ...] | None, Parameter(negative="")]
Flag = Annotated[bool, Parameter(negative="")]
_KINDS_SHOWN = 12


def register(app: App) -> None:
    """Adds the command."""
    app.command(renew)


def renew(
    *,
    by: Who = USER,
    reason: Why,
    since: str | None = None,
    without: Events = None,
    evidence: Path | None = None,
    dry_run: Flag = False,
    target: Target = _TARGET,
) -> None:
    """Take off the end of the log what makes it useless, and go on from the state before that, on record.

    For what no permission forbids: an event from the far future, made-up names
    or fills, garbage by the megabyte. The log is cut before it. Facts and
    orders that came after it are put on again; requests and marks are not. An
    order to flatten that was decided goes on as the halt it was, and no limit
    that they reach closes anything a second time. All is dated now, so its net
    P&L falls on today. Where events are proved by keys, only what is proved
    goes on, and it takes the file of all keys. Entries are denied until a
    resume. All that was taken off is kept in a file.

    First stop whoever wrote it. With --dry-run nothing changes. It takes
    somebody who may do anything on the server: on the embedded one its keeper,
    else name them in --url, as for portfold acl --apply.

    Exit code 1 where there is nothing to renew, or it cannot be.

    For example:

        portfold renew --dry-run --reason "an event of the year 9892"
        portfold renew --since 1796041832501-0 --reason "names made up" --by jane

    Parameters
    ----------
    since
        The first event to take off; it is not put on again. By default the first that is ahead of the
        server's clock; that is put on again where it is a fact, such as a fill, unless --without names it.
    without
        An event that is not put on again either; may be given several times.
    evidence
        The file for what is taken off; by default portfold-taken-off-EVENT.jsonl in the working folder.
    dry_run
        Only say what would be taken off, and each order that would be put on again, and as what.
    """
    from portfold.cli.setup.acl import keepers
    from portfold.coordinator.process import renewal
    from portfold.events.wire.connection import connect
    from portfold.events.wire.importer_bus import RenewerBus

    first, others = (
        _event("--since", since) if since else None,
        [_event("--without", one) for one in without or ()],
    )
    place = target.resolve(None)
    folder = place.configuration.runtime.archive_folder
    archive = Path(folder) if folder else None
    bus = RenewerBus(connect(keepers(place.url) or place.url, password=place.password), place.portfolio)
    with closing(bus):
        plan = renewal.planned(bus, by=by, since=first, without=others, archive=archive)
        print(f"{'Would be' if dry_run else 'To be'} taken off: {_told(plan)}")
        print(*plan.told, sep="\n")
        if dry_run:
            return
        file = evidence or Path(f"portfold-taken-off-{plan.removed[0].id}.jsonl")
        planned = len(plan.removed)
        event = renewal.renew(bus, plan, reason=reason, keep=Evidence(file).keep)
        if len(plan.removed) > planned:
            print(f"The log went on meanwhile. Taken off: {_told(plan)}", *plan.told, sep="\n")
        print(f"Kept in {file}.")
        print_outcome(bus, event, "The log is renewed.")
        print(f"Entries are denied. See what is open, settle what differs, then: {typed('portfold resume')}")


def _event(option: str, text: str) -> "StreamId":
    from portfold.events.stream_id import StreamId

    try:
        return StreamId.parse(text)
    except ValueError as error:
        raise Unusable(f"{option}: {error}.") from None


def _told(plan: "Renewal") -> str:
    """Says what is taken off, by its kinds, the most frequent first."""
    from portfold.events.codec import decode_event

    kinds = Counter(type(decode_event(entry.fields)).__name__ for entry in plan.removed)
    shown = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(_KINDS_SHOWN))
    return f"{plan.in_words}. Among them: {shown}."
