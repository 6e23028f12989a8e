"""Signing anchors with Ed25519, and checking who signed one.

The keys are files in PEM, as `portfold audit keygen` makes them and OpenSSL too. Whoever has the public one
can check; who has the private one can sign, so it does not belong on the machine that the log is on. This
module needs the package cryptography (extra `audit`).
"""

import base64
import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import structs

from portfold.coordinator.audit.record.anchor import Anchor, NotSigned, SigningError

_NAMED_BY = 16  # digits


def make_keys(private_file: Path) -> Path:
    """Makes a key pair: the private key in this file, the public one beside it. Raises SigningError."""
    public_file = private_file.parent / f"{private_file.name}.pub"
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _write_new(private_file, private, 0o600)
    _write_new(public_file, public, 0o644)
    return public_file


def signed(anchor: Anchor, private_file: Path) -> Anchor:
    """Signs the anchor. Raises SigningError."""
    try:
        key = serialization.load_pem_private_key(_read(private_file), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningError(
            f"{private_file}: expected a private Ed25519 key in PEM, without a password."
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningError(f"{private_file}: expected an Ed25519 key, got another kind.")
    named = structs.replace(anchor, key=_name_of(key.public_key()))
    return structs.replace(named, signature=base64.b64encode(key.sign(named.signed_text.encode())).decode())


def check_signature(anchor: Anchor, public_file: Path) -> None:
    """Raises NotSigned unless the anchor is signed with this key, SigningError where that is not a key."""
    try:
        key = serialization.load_pem_public_key(_read(public_file))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SigningError(f"{public_file}: expected a public Ed25519 key in PEM.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise SigningError(f"{public_file}: expected an Ed25519 key, got another kind.")
    what = f"The anchor made {anchor.made}"
    if not anchor.signature:
        raise NotSigned(f"{what} is not signed.")
    if anchor.key != _name_of(key):
        raise NotSigned(f"{what} is signed with the key {anchor.key}, and {public_file} is {_name_of(key)}.")
    try:
        key.verify(base64.b64decode(anchor.signature), anchor.signed_text.encode())
    except InvalidSignature:
        raise NotSigned(
            f"{what} was altered after it was signed, or not signed with {public_file}: its signature is "
            "wrong."
        ) from None


def _name_of(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:_NAMED_BY]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SigningError(f"{file}: cannot be read: {error.strerror}.") from error


def _write_new(file: Path, content: bytes, mode: int) -> None:
    try:
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(opened, "wb") as new:
            new.write(content)
    except FileExistsError:
        raise SigningError(f"{file}: is there already; no key is ever overwritten.") from None
    except OSError as error:
        raise SigningError(f"{file}: cannot be written: {error.strerror}.") from error
