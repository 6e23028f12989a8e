"""How a connection is encrypted: by which authority the server is known, and which certificate is ours.

One place says so, the environment: `PORTFOLD_TLS_CA`, `PORTFOLD_TLS_CERT` and `PORTFOLD_TLS_KEY` each name a
file (PEM), for all addresses that begin with rediss://. Guarantees: the server's certificate and name are
always checked, by the machine's own authorities where no other is named; a key that others may read is
refused; what the library says of a failed handshake is turned into what it means.
"""

import os
import ssl
import stat
from collections.abc import Mapping
from pathlib import Path

from portfold.errors import UNUSABLE, PortfoldError

SCHEME = "rediss"  # of several servers rediss+sentinel and rediss+cluster
CA, CERTIFICATE, KEY = "PORTFOLD_TLS_CA", "PORTFOLD_TLS_CERT", "PORTFOLD_TLS_KEY"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OURS = f"{CERTIFICATE}=FILE and {KEY}=FILE"
_MEANINGS = (
    ("certificate has expired", "its certificate has expired"),
    ("certificate is not yet valid", "its certificate is not valid yet, or this machine's clock is wrong"),
    ("mismatch", "its certificate is for another host than the address names"),
    (
        "certificate verify failed",
        f"nobody trusted here signed its certificate: {CA}=FILE names who is",
    ),
    ("alert certificate required", f"it wants a certificate of ours: {_OURS}"),
    ("alert handshake failure", f"it wants a certificate of ours: {_OURS}"),
    ("alert unknown ca", f"it does not trust who signed our certificate, {CERTIFICATE}"),
    ("alert certificate expired", f"our certificate has expired, {CERTIFICATE}"),
    ("alert bad certificate", f"it does not take our certificate, {CERTIFICATE}"),
    ("eof occurred", f"it ended the conversation; if it wants a certificate of ours that it trusts: {_OURS}"),
    ("wrong version number", "it does not speak TLS there: use redis://, or its TLS port"),
    ("record layer failure", "it does not speak TLS there: use redis://, or its TLS port"),
)


class TlsError(PortfoldError):
    """A file that the environment names cannot be used."""

    exit_code = UNUSABLE

    def __init__(self, variable: str, expected: str, got: str) -> None:
        self.variable = variable
        super().__init__(f"{variable}: expected {expected}, got {got}.")


def encryption(url: str, environ: Mapping[str, str] = os.environ) -> dict[str, object]:
    """Returns the client library's options for that address; none where it is plain. Raises TlsError."""
    if not url.startswith(SCHEME):
        return {}
    files = {variable: environ[variable] for variable in (CA, CERTIFICATE, KEY) if environ.get(variable)}
    for variable, file in files.items():
        _check_readable(variable, Path(file))
    if KEY in files and CERTIFICATE not in files:
        raise TlsError(CERTIFICATE, f"the certificate of {KEY}", "none")
    _check_usable(files)
    return {
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        "ssl_ca_certs": files.get(CA),
        "ssl_certfile": files.get(CERTIFICATE),
        "ssl_keyfile": files.get(KEY),
    }


def meaning(words: str) -> str:
    """Returns what the library's words for a failed handshake mean; nothing where they are about another."""
    if "ssl" not in words.lower():
        return ""
    plain = words.lower().replace("_", " ")
    return next((said for found, said in _MEANINGS if found in plain), "")


def _check_readable(variable: str, file: Path) -> None:
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
    except OSError as error:
        raise TlsError(variable, f"a file that can be read, {file}", f"an error: {error.strerror}") from error
    if variable == KEY and mode & _OTHERS:
        expected = f"a file that only its owner can read: chmod 600 {file}"
        raise TlsError(variable, expected, f"the permissions {stat.S_IMODE(mode):o}")


def _check_usable(files: Mapping[str, str]) -> None:
    """Raises TlsError for a file that is not what its variable is for."""
    context = ssl.create_default_context()
    try:
        if CA in files:
            context.load_verify_locations(files[CA])
    except (ssl.SSLError, OSError):
        raise TlsError(CA, f"certificates in PEM form in {files[CA]}", "something else") from None
    try:
        if CERTIFICATE in files:
            context.load_cert_chain(files[CERTIFICATE], files.get(KEY), password=_no_password)
    except (ssl.SSLError, OSError, ValueError):
        expected = f"a certificate in PEM form in {files[CERTIFICATE]}, and its key, open, there or in {KEY}"
        raise TlsError(CERTIFICATE, expected, "something else") from None


def _no_password() -> str:
    """Answers for a key that is locked by a password, so that nobody is asked at the terminal."""
    return ""
