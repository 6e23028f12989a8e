"""`portfold shadow`: other limits on trial, beside those in force, as the log goes on."""

import time
from copy import deepcopy
from itertools import chain
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from portfold.cli.exits import Failure, Unusable
from portfold.cli.target import Target
from portfold.cli.typed import print_note, typed
from portfold.installing import install_command

if TYPE_CHECKING:
    from portfold.coordinator.audit.record.following import Note
    from portfold.coordinator.audit.what_if.findings import Finding
    from portfold.coordinator.audit.what_if.shadow import Shadow
    from portfold.coordinator.audit.what_if.trial import TrialBegan
    from portfold.coordinator.audit.what_if.trial_tally import TrialTally

_TARGET = Target()
_PAGE_SECONDS = 30.0


def register(app: App) -> None:
    """Adds the command."""
    app.command(shadow)


def shadow(
    *,
    page: Path | None = None,
    since: str | None = None,
    json: Annotated[bool, Parameter(show_default=False)] = False,
    target: Target = _TARGET,
) -> int:
    """Put the limits of another configuration on trial, live, without obeying them.

    Follows the log until Ctrl-C and tells each difference as it happens: what
    the trial would have denied or allowed, where it would have stopped or not.
    At the end a tally by day and rule: saved, cost, unknown. What the trial
    allows and the log denied has no outcome, and none is made up.

    It begins with the trading day under way, unless --since says otherwise, and
    only reads: nothing is put on the log.
    --config names the configuration on trial; its server and portfolio are
    those that are watched, unless --url and --portfolio say otherwise.

    For example:

        portfold shadow --config candidate --page trial.html

    Parameters
    ----------
    page
        Where the tally is kept as a page (HTML, which needs plotly, of the extra research).
    since
        Where it begins: a trading day as 2025-01-15, a time, or after the event of an ID; 0-0 for
        the log's beginning.
    json
        A JSON line for each difference, for programs; the tally is the last one.
    """
    from portfold.cli.stopping import stopped_by_signals
    from portfold.coordinator.audit.record.moment import read_moment
    from portfold.coordinator.audit.what_if.shadow import Shadow
    from portfold.coordinator.configured import configured_limits

    if target.config is None:
        raise Unusable("--config: expected the folder of the configuration on trial.")
    if page is not None and not page.parent.is_dir():
        raise Unusable(f"--page: {page} cannot be written: there is no folder {page.parent}.")
    moment = read_moment(since) if since is not None else None
    place = target.resolve()
    named = place.configuration.runtime.archive_folder
    bus = place.bus()
    try:
        with stopped_by_signals() as stop:
            archive, candidate = Path(named) if named else None, configured_limits(place.configuration)
            trial = Shadow(bus, archive, candidate, moment)
            told = _Told(trial, place.shown, target.config, page, json=json)
            try:
                for found in chain(trial.begin(), trial.follow(stop.event.wait, stop.event.is_set)):
                    told.tell(found)
            finally:
                told.end()
            return stop.exit_code
    finally:
        bus.close()


class _Told:
    """Tells what a trial finds, keeps its tally, and the page."""

    def __init__(
        self, shadow: "Shadow", place: str, candidate: str, page: Path | None, *, json: bool
    ) -> None:
        from portfold.coordinator.audit.what_if.trial_tally import TrialTally

        self._shadow = shadow
        self._place = place
        self._candidate = quote(candidate)
        self._page = page
        self._json = json
        self._tally: TrialTally = TrialTally()
        self._began: TrialBegan | None = None
        self._due = 0.0

    def tell(self, found: "TrialBegan | Finding | Note") -> None:
        """Tells one thing, at once."""
        from portfold.coordinator.audit.record.following import Note
        from portfold.coordinator.audit.what_if.trial import TrialBegan
        from portfold.coordinator.audit.what_if.trial_tally import TrialTally

        if isinstance(found, Note):
            print_note(found.text)
            return
        if isinstance(found, TrialBegan):
            self._tally, self._began = TrialTally(), found
        elif self._shadow.trial is not None:
            self._tally.add(found, self._shadow.trial.exchange)
        self._print(found)
        if self._page is not None and time.monotonic() >= self._due:
            self._write(self._page, self._so_far())
            self._due = time.monotonic() + _PAGE_SECONDS

    def end(self) -> None:
        """Tells what is open now, and the tally."""
        from portfold.cli.watch.shadow_lines import tally_lines
        from portfold.coordinator.store.entry_json import shown_json

        if self._shadow.trial is None:
            return
        for found in self._shadow.trial.so_far():
            self._print(found)
        tally = self._so_far()
        if self._json:
            print(shown_json(tally.listed()), flush=True)
        else:
            print("", *tally_lines(tally), sep="\n")
            print(typed(self._how_to_promote()), flush=True)
        if self._page is not None:
            self._write(self._page, tally)

    def _how_to_promote(self) -> str:
        since = f" --since {self._began.after}" if self._began is not None else ""
        return f"To order it: portfold limits --promote {self._candidate}{since} --by NAME --reason TEXT"

    def _so_far(self) -> "TrialTally":
        """Returns the tally with what is open now; the trial goes on with its own."""
        tally = deepcopy(self._tally)
        if self._shadow.trial is not None:
            for found in self._shadow.trial.so_far():
                tally.add(found, self._shadow.trial.exchange)
        return tally

    def _print(self, found: "TrialBegan | Finding") -> None:
        from portfold.cli.watch.shadow_lines import began_lines, finding_line
        from portfold.coordinator.audit.what_if.trial import TrialBegan
        from portfold.coordinator.store.entry_json import shown_json
        from portfold.events.fields import readable

        if self._shadow.trial is None:
            return
        if self._json:
            lines = [shown_json(found)]
        elif isinstance(found, TrialBegan):
            lines = list(began_lines(found, self._place))
        else:
            lines = list(filter(None, [finding_line(found, self._shadow.trial.exchange.zone)]))
        for line in lines:
            print(readable(line), flush=True)

    def _write(self, page: Path, tally: "TrialTally") -> None:
        from portfold.research.report.trial_page import trial_page
        from portfold.whole_files import write_durably

        if self._began is None:
            return
        try:
            content = trial_page(self._place, self._began, tally)
        except ModuleNotFoundError as missing:
            raise Failure(
                f"A page needs plotly, which is not installed: {install_command('research')}"
            ) from missing
        try:
            write_durably(page, content.encode())
        except OSError as error:
            raise Unusable(f"--page: {page} cannot be written: {error.strerror}.") from error
