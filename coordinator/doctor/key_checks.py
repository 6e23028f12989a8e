"""Do the keys fit: whoever has to prove what it says has one, and this process has those it needs."""

from portfold.config import Configuration
from portfold.coordinator.doctor.finding import Finding, fail, ok, warn
from portfold.coordinator.fold.repeats import FLATTENER
from portfold.events.proof import ACCOUNT, COORDINATOR
from portfold.events.roles.keyring import VARIABLE, Keyring


def keys(asked_for: int, keyring: Keyring | None, configuration: Configuration) -> list[Finding]:
    """Checks the keys that the environment names, where the log asks `asked_for` names for proofs.

    Nothing is found where nobody has keys. One that cannot be read is refused before anything is looked at.
    """
    if keyring is None:
        if not asked_for:
            return []
        text = f"this log asks for proofs (names with a key: {asked_for}), and no order from here has any"
        return [warn("keys", text, f"export {VARIABLE}=FILE, a file with your own key")]
    if COORDINATOR not in keyring.names:
        text = f"of {', '.join(keyring.names) or 'nobody'}, in {keyring.file}"
        return [ok("keys", text)] if asked_for else [_not_asked(keyring)]
    if missing := [name for name in _writing(configuration) if name not in keyring.names]:
        text = f"none of {', '.join(missing)} in {keyring.file}: nothing that comes under these names counts"
        return [fail("keys", text, "portfold keys new --all")]
    if not asked_for:
        return [_not_asked(keyring)]
    return [ok("keys", f"of {len(keyring.names)} names, in {keyring.file}")]


def _not_asked(keyring: Keyring) -> Finding:
    text = f"{keyring.file} has some, and this log asks nobody for proofs: whoever may write says any name"
    return warn("keys", text, f"start the coordinator with {VARIABLE}, the file of all keys")


def _writing(configuration: Configuration) -> list[str]:
    """Returns who writes events by the configuration."""
    runtime = configuration.runtime
    symbols = configuration.portfolio.symbols
    workers = [runtime.worker_name(key) for symbol in symbols for key in runtime.keys_of(symbol)]
    return [*workers, FLATTENER, *([ACCOUNT] if runtime.account is not None else [])]
