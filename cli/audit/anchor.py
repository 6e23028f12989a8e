"""`portfold audit anchor` and `keygen`: a line to keep elsewhere, and the keys to sign it with."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from portfold.cli.audit.source import Source
from portfold.cli.exits import Failure, Unusable

if TYPE_CHECKING:
    from portfold.coordinator.audit.record.anchor import Anchor

_SOURCE = Source()


def register(app: App) -> None:
    """Adds the commands."""
    app.command(anchor)
    app.command(keygen)


def anchor(
    *,
    key: Annotated[Path | None, Parameter(env_var="PORTFOLD_AUDIT_KEY")] = None,
    source: Source = _SOURCE,
) -> None:
    """Print one line to keep elsewhere: cursor and chain as they are now.

    portfold audit verify --anchor proves by it, whenever that is, that
    history up to here is the same. It is signed if a key is given, and
    nothing is verified for it.

    For example, every evening, on another machine:

        portfold audit anchor --url redis://trading:6379/0 >>anchors.txt

    Parameters
    ----------
    key
        The file of a private Ed25519 key to sign with (PEM; see portfold audit keygen).
    """
    from portfold.coordinator.audit.record.anchor import anchor_of
    from portfold.events.stream_id import ORIGIN

    with source.record() as record:
        if record.cursor == ORIGIN:
            raise Failure(f"Nothing has been decided yet for portfolio {record.shown}.")
        made = anchor_of(record)
    if key is not None:
        with _signing():
            from portfold.coordinator.audit.record.signing import signed

            made = signed(made, key)
    print(made.line)


def keygen(private_key: Path, /) -> None:
    """Make a pair of Ed25519 keys to sign anchors with, and to check them.

    The private key goes into the file, readable for you alone; the public
    one beside it, with .pub at its end. Keep the private one away from the
    machine that the log is on.

    For example:

        portfold audit keygen anchors.key

    Parameters
    ----------
    private_key
        The new file.
    """
    with _signing():
        from portfold.coordinator.audit.record.signing import make_keys

        public_key = make_keys(private_key)
    print(f"The private key is in {private_key}, the public one in {public_key}.")


def anchors_named(named: Sequence[str], public_key: Path | None) -> "list[Anchor]":
    """The anchors that `--anchor` names, by their place on the log, each signed if a key is given.

    Raises Unusable, Failure.
    """
    from portfold.coordinator.audit.record.anchor import AnchorError, read_anchors
    from portfold.events.stream_id import StreamId

    if public_key is not None and not named:
        raise Unusable("--public-key: expected --anchor with it, as nothing else is signed.")
    try:
        anchors = [anchor for text in named for anchor in read_anchors(_lines(text))]
    except AnchorError as error:
        raise Unusable(f"--anchor: {error}.") from error
    if public_key is not None:
        with _signing():
            from portfold.coordinator.audit.record.signing import check_signature

            for anchor in anchors:
                check_signature(anchor, public_key)
    return sorted(anchors, key=lambda anchor: StreamId.parse(anchor.cursor))


def _lines(text: str) -> list[str]:
    """The lines that an `--anchor` stands for: itself, or those of @FILE."""
    if not text.startswith("@"):
        return [text]
    file = Path(text[1:])
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except UnicodeDecodeError as error:
        raise Unusable(f"--anchor: {file} is no text with anchors.") from error
    except OSError as error:
        raise Unusable(f"--anchor: {file} cannot be read: {error.strerror}.") from error
    if not any(line.strip() for line in lines):
        raise Unusable(f"--anchor: {file} holds no anchor.")
    return lines


@contextmanager
def _signing() -> Iterator[None]:
    """Makes a sentence of a package that is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("cryptography"):
            raise
        raise Unusable("Signatures need the package cryptography: pip install 'portfold[audit]'.") from error
