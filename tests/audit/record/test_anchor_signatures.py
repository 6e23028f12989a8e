"""Who signed an anchor can be told, and the commands that make, sign and verify one."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import asdict, replace

from portfold.cli.exits import FAILED, OK, UNUSABLE
from portfold.cli.main import run
from portfold.coordinator.audit.record.anchor import NotSigned, SigningError, read_anchor
from portfold.coordinator.audit.record.signing import check_signature, make_keys, signed
from portfold.installing import install_command
from tests.archive.past import Past
from tests.audit.record.anchors import ANCHOR, LINE, rewrite

Audit = Callable[..., tuple[int, str]]


# --- signatures -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key; the public one is beside it."""
    file = tmp_path_factory.mktemp("keys") / "anchors.key"
    make_keys(file)
    return file


def public(key: Path) -> Path:
    return key.with_name(f"{key.name}.pub")


def test_what_is_signed_is_checked_with_the_public_key(key: Path) -> None:
    made = signed(ANCHOR, key)
    assert replace(made, key="", signature="") == ANCHOR
    check_signature(read_anchor(made.line), public(key))


@pytest.mark.parametrize("name", [name for name in asdict(ANCHOR) if name not in {"key", "signature"}])
def test_a_field_that_was_altered_after_signing_is_found(key: Path, name: str) -> None:
    made = signed(ANCHOR, key)
    altered = replace(made, **{name: getattr(made, name)[:-1] + "9"})
    assert altered != made
    with pytest.raises(NotSigned, match="was altered after it was signed, or not signed with"):
        check_signature(altered, public(key))


def test_an_unsigned_anchor_does_not_pass_for_signed(key: Path) -> None:
    with pytest.raises(NotSigned, match=r"^The anchor made 2025-01-15T20:30:00Z is not signed\.$"):
        check_signature(ANCHOR, public(key))


def test_who_signed_with_another_key_is_told_so(key: Path, tmp_path: Path) -> None:
    make_keys(tmp_path / "other.key")
    made = signed(ANCHOR, tmp_path / "other.key")
    with pytest.raises(NotSigned, match=f"is signed with the key {made.key}, and "):
        check_signature(made, public(key))
    with pytest.raises(NotSigned, match="its signature is wrong"):
        check_signature(replace(made, key=signed(ANCHOR, key).key), public(key))


def test_a_private_key_is_for_its_owner_alone_and_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "mine.key"
    assert make_keys(file) == tmp_path / "mine.key.pub"
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_bytes()
    with pytest.raises(SigningError, match="is there already; no key is ever overwritten"):
        make_keys(file)
    assert file.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no key", None])
def test_a_file_that_is_no_key_is_named(tmp_path: Path, key: Path, content: bytes | None) -> None:
    file = tmp_path / "a-file"
    if content is not None:
        file.write_bytes(content)
    for use in (lambda: signed(ANCHOR, file), lambda: check_signature(signed(ANCHOR, key), file)):
        with pytest.raises(SigningError, match=f"^{file}: "):
            use()


def test_the_public_key_signs_nothing_and_the_private_one_checks_nothing(key: Path) -> None:
    with pytest.raises(SigningError, match="expected a private Ed25519 key"):
        signed(ANCHOR, public(key))
    with pytest.raises(SigningError, match="expected a public Ed25519 key"):
        check_signature(signed(ANCHOR, key), key)


# --- the commands -----------------------------------------------------------------------------------------


def test_every_evening_a_line_and_later_all_of_them_verified(
    past: Past, audit: Audit, tmp_path: Path
) -> None:
    assert audit("anchor")[0] == FAILED  # nothing has happened yet
    past.happens(300)
    make_keys(tmp_path / "anchors.key")
    lines = [audit("anchor", "--key", "anchors.key")[1]]
    past.goes_on(["type", "ClockTicked"])
    lines.append(audit("anchor", "--key", "anchors.key")[1])
    assert [line.count("\n") for line in lines] == [1, 1]
    (tmp_path / "anchors.txt").write_text("\n".join(lines))
    code, said = audit("verify", "--anchor", "@anchors.txt", "--public-key", "anchors.key.pub")
    assert code == OK
    last = read_anchor(lines[1])
    assert said.splitlines()[-1] == (
        f"All 2 anchors hold; the last one, at event {last.cursor}, made {last.made}, holds: history up to "
        "there is the same."
    )
    code, said = audit("verify", "--anchor", lines[0], "--json")
    assert (code, json.loads(said)["anchors"]) == (OK, [read_anchor(lines[0]).cursor])


def test_keygen_says_where_the_keys_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["audit", "keygen", "my.key"]) == OK
    assert capsys.readouterr().out == "The private key is in my.key, the public one in my.key.pub.\n"
    check_signature(signed(ANCHOR, Path("my.key")), Path("my.key.pub"))
    assert run(["audit", "keygen", "my.key"]) == UNUSABLE
    assert capsys.readouterr().err == "portfold: my.key: is there already; no key is ever overwritten.\n"


def test_the_key_may_be_named_in_the_environment(
    past: Past, audit: Audit, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.happens(300)
    monkeypatch.setenv("PORTFOLD_AUDIT_KEY", str(key))
    check_signature(read_anchor(audit("anchor")[1]), public(key))


def test_an_anchor_that_does_not_hold_ends_with_1(past: Past, audit: Audit) -> None:
    past.happens(300)
    line = audit("anchor")[1]
    rewrite(past, past.whole().events[:290])
    assert audit("verify")[0] == OK
    assert audit("verify", "--anchor", line)[0] == FAILED


def test_an_anchor_that_is_not_signed_as_asked_ends_with_1(past: Past, audit: Audit, key: Path) -> None:
    past.happens(300)
    code, said = audit("verify", "--anchor", audit("anchor")[1], "--public-key", str(public(key)))
    assert code == FAILED
    assert said.endswith(" is not signed.\n")


def test_an_anchor_of_another_portfolio_is_none_of_this_one(past: Past, audit: Audit) -> None:
    past.happens(300)
    code, said = audit("verify", "--anchor", LINE)
    assert code == UNUSABLE
    assert said == f"portfold: --anchor: it is of portfolio main, not of {past.bus.keys.name}.\n"


def test_without_the_package_for_signatures_that_is_said(past: Past, key: Path) -> None:
    past.happens(300)
    script = (
        "import sys\n"
        "sys.modules['cryptography'] = None\n"
        "from portfold.cli.main import run\n"
        "sys.exit(run(sys.argv[1:]))"
    )
    words = ["audit", "anchor", "--url", past.url, "--portfolio", past.bus.keys.name]
    ran = [
        subprocess.run(
            [sys.executable, "-c", script, *words, *more],
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        for more in ([], ["--key", str(key)])
    ]
    assert [one.returncode for one in ran] == [OK, UNUSABLE]
    assert ran[1].stderr == (
        f"portfold: Signatures need the package cryptography: {install_command('audit')}\n"
    )
