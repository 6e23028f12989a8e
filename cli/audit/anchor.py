"""`portfold audit anchor` and `keygen`: a line to keep elsewhere, and the keys to sign it with."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from portfold.cli.audit.source import Source
from portfold.cli.exits import Failure, Unusable
from portfold.installing import install_command

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

    With it portfold audit verify --anchor proves at any later time that
    history up to here is the same. The line is signed if a key is given;
    nothing is verified to make it.

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
    key into the same name with .pub added. Keep the private key off the
    machine that holds the log.

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
    """Returns the anchors that `--anchor` names, in the order of the log. Raises Unusable, Failure.

    With a public key each has to be signed with it.
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
    """Returns the lines of an `--anchor`: itself, or those of @FILE. Raises Unusable."""
    if not text.startswith("@"):
        return [text]
    file = Path(text[1:])
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except UnicodeDecodeError as error:
        raise Unusable(f"--anchor: {file} is not a text file with anchors.") from error
    except OSError as error:
        raise Unusable(f"--anchor: {file} cannot be read: {error.strerror}.") from error
    if not any(line.strip() for line in lines):
        raise Unusable(f"--anchor: {file} holds no anchor.")
    return lines


@contextmanager
def _signing() -> Iterator[None]:
    """Raises Unusable where the package for signatures is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("cryptography"):
            raise
        raise Unusable(f"Signatures need the package cryptography: {install_command('audit')}") from error
