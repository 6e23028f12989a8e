"""An anchor proves that history up to it is the same, also where the record by itself adds up; who signed it
can be told.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from portfold.cli.exits import FAILED, OK, UNUSABLE
from portfold.cli.main import run
from portfold.coordinator.audit.record.anchor import (
    Anchor,
    AnchorError,
    NotSigned,
    SigningError,
    anchor_of,
    read_anchor,
)
from portfold.coordinator.audit.record.record import ArchivedRecord, LiveRecord
from portfold.coordinator.audit.record.signing import check_signature, make_keys, signed
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.recorded import Difference
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Entry
from tests.archive.past import Past, on_server
from tests.audit.in_memory import realistic

Audit = Callable[..., tuple[int, str]]

ANCHOR = Anchor(
    portfolio="main",
    cursor="1736950000000-3",
    chain="0123456789abcdef" * 4,
    fold="1",
    events="4711",
    made="2025-01-15T20:30:00Z",
)
LINE = (
    "portfold-anchor 1 portfolio=main cursor=1736950000000-3 "
    "chain=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef "
    "fold=1 events=4711 made=2025-01-15T20:30:00Z"
)


# --- the line ---------------------------------------------------------------------------------------------


def test_an_anchor_is_one_line_that_is_read_back() -> None:
    assert ANCHOR.line == LINE
    assert read_anchor(LINE) == ANCHOR
    assert read_anchor(f"  {LINE}\n") == ANCHOR


WITH_SIGNATURE = replace(ANCHOR, key="ab" * 8, signature="A" * 86 + "==")


def test_a_signed_one_too() -> None:
    assert read_anchor(WITH_SIGNATURE.line) == WITH_SIGNATURE
    assert WITH_SIGNATURE.line == f"{LINE} key={'ab' * 8} signature={'A' * 86}=="


@pytest.mark.parametrize(
    ("was", "becomes", "sentence"),
    [
        (
            "portfold-anchor",
            "anchor",
            "expected a line that begins with portfold-anchor 1, got 'anchor 1 portf",
        ),
        (
            "anchor 1",
            "anchor 2",
            "expected a line that begins with portfold-anchor 1, got 'portfold-anchor 2",
        ),
        ("portfolio=main ", "", "portfolio: missing; expected a portfolio's name"),
        ("portfolio=main", "portfolio=a/b", "portfolio: expected a portfolio's name, got 'a/b'"),
        ("-3", "", "cursor: expected a stream ID such as 1736950000000-0, got '1736950000000'"),
        ("1736950000000-3", f"{2**64}-0", "cursor: expected a stream ID such as 1736950000000-0, got '1844"),
        ("1736950000000-3", "0-0", "cursor: expected an event's ID, got 0-0, which no event has"),
        ("chain=0", "chain=", "chain: expected a SHA-256 in 64 hexadecimal digits, got '123"),
        ("chain=0", "chain=G", "chain: expected a SHA-256 in 64 hexadecimal digits, got 'G123"),
        ("fold=1", "fold=one", "fold: expected the version of the rules, a whole number, got 'one'"),
        ("events=4711", "events=-1", "events: expected a whole number of events, got '-1'"),
        (
            "made=2025-01-15T20:30:00Z",
            "made=today",
            "made: expected a time such as 2025-01-15T20:30:00Z, got ",
        ),
        ("fold=1", "fold=1 more=x", "'more': not a field of an anchor, which are portfolio, cursor, chain, "),
        ("fold=1", "fold=1 key=" + "ab" * 8, "signature: missing; expected an Ed25519 signature in base 64"),
        ("fold=1", "fold=1 fold=1", "expected each field once, in this order: portfolio, cursor, "),
        ("fold=1 events=4711", "events=4711 fold=1", "expected each field once, in this order: portfolio, "),
    ],
)
def test_what_is_no_anchor_is_refused_by_the_name_of_the_field(was: str, becomes: str, sentence: str) -> None:
    with pytest.raises(AnchorError) as refused:
        read_anchor(LINE.replace(was, becomes, 1))
    assert str(refused.value).startswith(sentence)


@given(st.text(min_size=1).filter(str.strip))
def test_any_text_is_an_anchor_or_refused_in_a_printable_sentence(text: str) -> None:
    with pytest.raises(AnchorError) as refused:
        read_anchor(text)
    assert str(refused.value).isprintable()


@given(st.integers(0, len(WITH_SIGNATURE.line) - 1), st.characters(codec="ascii"))
def test_no_two_lines_are_the_same_anchor(place: int, letter: str) -> None:
    altered = WITH_SIGNATURE.line[:place] + letter + WITH_SIGNATURE.line[place + 1 :]
    try:
        read = read_anchor(altered)
    except AnchorError:
        return
    assert (read == WITH_SIGNATURE) == (altered.split() == WITH_SIGNATURE.line.split())


# --- the same history -------------------------------------------------------------------------------------


def difference(record: LiveRecord | ArchivedRecord, anchor: Anchor) -> Difference | None:
    return verify(record, anchors=[anchor]).difference


def test_an_anchor_holds_however_far_the_log_has_gone_on(past: Past, tmp_path: Path) -> None:
    past.happens(300)
    anchor = anchor_of(LiveRecord(past.bus))
    assert (anchor.portfolio, anchor.cursor, anchor.chain) == (past.bus.keys.name, *map(str, past.place[:2]))
    assert anchor.events == "300"
    assert difference(LiveRecord(past.bus), anchor) is None
    past.goes_on(["type", "TradingHalted", "by", "me", "reason", "news"])
    past.is_snapshot()
    assert difference(LiveRecord(past.bus), anchor) is None
    archive_history(past.bus, tmp_path / "archive", Keep(events=100))
    assert difference(LiveRecord(past.bus, tmp_path / "archive"), anchor) is None
    found = difference(ArchivedRecord(tmp_path / "archive"), anchor)
    assert found is not None
    assert found.event == StreamId.parse(anchor.cursor)


def test_an_archive_has_an_anchor_of_its_own(past: Past, tmp_path: Path) -> None:
    past.happens(300)
    archive_history(past.bus, tmp_path / "archive", Keep(events=100))
    anchor = anchor_of(ArchivedRecord(tmp_path / "archive"))
    assert difference(ArchivedRecord(tmp_path / "archive"), anchor) is None
    assert difference(LiveRecord(past.bus, tmp_path / "archive"), anchor) is None


def rewrite(past: Past, events: list[Entry]) -> None:
    """Makes the log one of these events, decided anew, with a head to match: it adds up again."""
    follower, keys = Follower(), past.bus.keys
    with past.client.pipeline() as commands:
        commands.delete(keys.events, keys.decisions)
        for at, fields in events:
            words = [word.encode("utf-8", "surrogateescape") for word in fields]
            commands.execute_command("XADD", keys.events, str(at), *words)
            for decision, texts in follower.advance(at, fields).entries:
                commands.execute_command("XADD", keys.decisions, str(decision), *texts)
        head = {"cursor": str(follower.cursor), "chain": follower.chain, "folded": len(events)}
        commands.hset(keys.head, mapping=head)
        commands.execute()


def test_a_cut_off_end_is_found_where_the_head_was_set_back(past: Past) -> None:
    past.happens(300)
    anchor = anchor_of(LiveRecord(past.bus))
    rewrite(past, past.whole().events[:290])
    assert verify(LiveRecord(past.bus)).difference is None
    found = difference(LiveRecord(past.bus), anchor)
    assert found is not None
    last = on_server(past.bus).events[-1].id
    assert (found.event, found.proven) == (StreamId.parse(anchor.cursor), last)
    assert found.sentence == (
        f"The record ends at event {last}, before event {anchor.cursor}, at which the anchor of "
        f"{anchor.made} was made: its end is missing."
    )


@pytest.mark.parametrize("index", [2, 150, 299])
def test_a_history_that_was_decided_anew_is_another(past: Past, index: int) -> None:
    past.happens(300)
    anchor = anchor_of(LiveRecord(past.bus))
    events = past.whole().events
    events[index] = Entry(events[index].id, ["type", "ClockTicked"])
    rewrite(past, events)
    assert verify(LiveRecord(past.bus)).difference is None
    found = difference(LiveRecord(past.bus), anchor)
    assert found is not None
    assert (found.event, found.proven) == (StreamId.parse(anchor.cursor), ORIGIN)
    assert found.sentence.startswith(f"The history up to event {anchor.cursor} adds up, but is another than ")


def test_a_history_without_the_anchors_event_is_another(past: Past) -> None:
    past.happens(300)
    anchor = anchor_of(LiveRecord(past.bus))
    past.goes_on(["type", "ClockTicked"])
    events = past.whole().events
    del events[-2]
    rewrite(past, events)
    found = difference(LiveRecord(past.bus), anchor)
    assert found is not None
    assert (
        found.sentence
        == f"Event {anchor.cursor}, at which the anchor of {anchor.made} was made, is not on record."
    )


def test_of_many_anchors_the_first_that_does_not_hold_is_named() -> None:
    record = realistic(300)
    holds, fails, later = (
        replace(ANCHOR, cursor=str(record.all[index].event.id), chain=chain)
        for index, chain in ((99, chain_at(100)), (199, chain_at(199)), (299, "0" * 64))
    )
    assert verify(record, anchors=[holds]).difference is None
    found = verify(record, anchors=[holds, fails, later])
    assert found.difference is not None
    assert found.difference.event == record.all[199].event.id
    assert found.events == 200


def chain_at(count: int) -> str:
    """The chain after so many events."""
    follower = Follower()
    for recorded in realistic(300).all[:count]:
        follower.advance(*recorded.event)
    return follower.chain


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
            timeout=50,
        )
        for more in ([], ["--key", str(key)])
    ]
    assert [one.returncode for one in ran] == [OK, UNUSABLE]
    assert ran[1].stderr == (
        "portfold: Signatures need the package cryptography: pip install 'portfold[audit]'.\n"
    )
