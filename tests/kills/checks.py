"""What must hold after any number of kills, held against the log and against what the workers wrote down.

Each check returns the sentences for what does not hold.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from portfold.coordinator.audit.record.record import LiveRecord
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.store.log_reader import history
from portfold.events.wire.bus import Bus

_SHOWN = 5


class Acknowledged(NamedTuple):
    """An event that the server told a worker it has taken."""

    event: str
    session: str
    seq: str


class Told(NamedTuple):
    """The answer that a worker was given: a code, or `allowed`."""

    request: str
    answer: str


class Journals(NamedTuple):
    """What all workers wrote down."""

    acknowledged: list[Acknowledged]
    told: list[Told]


class Log(NamedTuple):
    """All events and all decisions, each by name of field."""

    events: dict[str, dict[str, str]]
    decisions: list[dict[str, str]]


def read_journals(files: Iterable[Path]) -> Journals:
    """Reads them. A last line that its writer did not live to end does not count."""
    journals = Journals([], [])
    for file in files:
        for line in file.read_text(encoding="utf-8").rpartition("\n")[0].splitlines():
            word, *rest = line.split(" ")
            if word == "acknowledged":
                journals.acknowledged.append(Acknowledged(*rest))
            elif word == "told":
                journals.told.append(Told(*rest))
    return journals


def read_log(bus: Bus, archive: Path | None = None) -> Log:
    """Reads archive and streams as one."""
    log = Log({}, [])
    for event, decisions in history(bus, archive, up_to=bus.last_event()):
        log.events[str(event.id)] = _by_name(event.fields)
        log.decisions.extend(_by_name(decision.fields) for decision in decisions)
    return log


def all_acknowledged_is_on_the_log(journals: Journals, log: Log) -> list[str]:
    """Nothing that a worker was told is safe is gone, or another's."""
    return [
        f"{one.event} was acknowledged to session {one.session} as number {one.seq}, and is not on the log"
        for one in journals.acknowledged
        if (one.session, one.seq) != _speaker(log.events.get(one.event))
    ]


def every_request_has_one_answer(log: Log) -> list[str]:
    """One yes or no to each request, and none to anything else."""
    answers: dict[str, int] = {}
    for decision in log.decisions:
        if decision["type"] in ("EntryAllowed", "EntryDenied"):
            answers[decision["event"]] = answers.get(decision["event"], 0) + 1
    requests = {event for event, fields in log.events.items() if fields.get("type") == "EntryRequested"}
    wrong = [f"{event} has {answers.get(event, 0)} answers" for event in requests if answers.get(event) != 1]
    return wrong + [f"{event} is no request, and was answered" for event in answers.keys() - requests]


def workers_were_told_what_the_log_says(journals: Journals, log: Log) -> list[str]:
    """No yes and no no but the one on record."""
    on_record = {
        decision["event"]: decision.get("code", "allowed")
        for decision in log.decisions
        if decision["type"] in ("EntryAllowed", "EntryDenied")
    }
    return [
        f"{one.request} was answered {one.answer}, and on record is {on_record.get(one.request)}"
        for one in journals.told
        if on_record.get(one.request) != one.answer
    ]


def nothing_is_missed_or_doubted(log: Log, status: dict[str, str]) -> list[str]:
    """Nobody saw further than the log, and nobody was granted more than there was room for."""
    kinds = ("LogTailMissing", "LossAcknowledged", "TradingHalted")
    wrong = [f"{event}: {fields}" for event, fields in log.events.items() if fields.get("type") in kinds]
    breaches = status.get("limit_breaches")
    return wrong + ([f"limits were breached: {breaches}"] if breaches != "0" else [])


def all_is_decided_again(bus: Bus, archive: Path | None = None) -> list[str]:
    """From the first event the same decisions follow, byte for byte, and the head counts every event."""
    replayed, head, extent = verify(LiveRecord(bus, archive)), bus.head(), bus.extent()
    wrong = [replayed.difference.sentence] if replayed.difference else []
    if head is None or not head.folded == replayed.events == extent.added:
        wrong.append(f"head {head}, log {extent}, and {replayed.events} events were decided again")
    return wrong


def shown(wrong: Sequence[str]) -> str:
    """The first few."""
    more = f" ... and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return "; ".join(wrong[:_SHOWN]) + more


def _speaker(fields: dict[str, str] | None) -> tuple[str, str] | None:
    return (fields.get("session", "-"), fields.get("seq", "-")) if fields is not None else None


def _by_name(fields: Sequence[str]) -> dict[str, str]:
    return dict(zip(fields[::2], fields[1::2], strict=True))
