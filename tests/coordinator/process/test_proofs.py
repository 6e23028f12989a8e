"""A coordinator that has keys lets in what is proved alone; its record is decided again without any key."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest

from portfold.cli.exits import OK, UNUSABLE
from portfold.coordinator.audit.record.record import LiveRecord
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.process.entrance import Entrance
from portfold.coordinator.process.terms import CannotProve
from portfold.events.codec import encode_checked
from portfold.events.incoming import (
    COORDINATOR,
    ClockTicked,
    Event,
    PositionOpened,
    TradingHalted,
    TradingResumed,
    WorkerStarted,
    WorkerStopped,
)
from portfold.events.proof import proved
from portfold.events.roles.credentials import CredentialsError
from portfold.events.roles.keyring import Keyring, with_new_key
from portfold.events.roles.server_roles import worker_role
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus, Entry
from portfold.events.wire.connection import connect
from tests.cli.command_line import Ran, called
from tests.coordinator.story import limits
from tests.live import Live
from tests.processes import config_folder, coordinating
from tests.server import EmbeddedServer, under
from tests.waiting import until

NAMES = (COORDINATOR, "ibs-ES", "ibs-CL", "jane")


class Desk:
    """A portfolio whose every name has a key, and somebody with the connection of one worker."""

    def __init__(
        self, server: EmbeddedServer, live: Live, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.file, self.live, self.url, self.name = file, live, server.url, live.keys.name
        for name in NAMES:
            with_new_key(file, name)
        monkeypatch.setenv("PORTFOLD_KEYS", str(file))
        self.ring = Keyring(file)

    def bus(self, worker: str) -> Bus:
        """Of a worker that has the file of keys."""
        return Bus(connect(under(worker_role(worker), self.url, self.name)), self.name)

    def proved(self, event: Event, key: str, *, at: StreamId | None = None, log: str = "") -> list[str]:
        """An event as whoever has that key proves it."""
        return proved(
            encode_checked(event),
            key=key,
            secret=Keyring(self.file).secret(key),
            log=log or self.live.bus.log_name(),
            at=at or StreamId(self.live.bus.now_ms(), 0),
        )

    def answer(self, fields: list[str]) -> str:
        """What is decided on what somebody writes by hand; nothing where that is not refused."""
        at = self.live.by_hand(*fields)
        until(lambda: self.live.has_decided(at), "a decision")
        reasons = [entry.by_name.get("reason", "") for entry in self.live.bus.decisions_of(at)]
        return next((reason for reason in reasons if reason.startswith("proof: ")), "")


@pytest.fixture
def desk(
    server: EmbeddedServer, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    made = Desk(server, live, tmp_path / "keys.json", monkeypatch)
    with coordinating(server.url, made.name) as leader:
        leader.says("Every event has to prove whose it is; names with a key: 4")
        yield made


HALT = TradingHalted(by="jane", reason="news")
RESUME = TradingResumed(by="jane", reason="over")
STARTED = WorkerStarted("ibs-ES", "s1", 1, "ES")


def test_a_stolen_connection_cannot_speak_for_another(desk: Desk) -> None:
    """It can write to the log, as any worker: nothing of what it says for others changes anything."""
    theirs = "expected one by a key of ibs-ES, got"
    assert f"{theirs} none" in desk.answer(encode_checked(STARTED))
    assert f"{theirs} another" in desk.answer(desk.proved(STARTED, "ibs-CL.1"))
    altered = desk.proved(STARTED, "ibs-ES.1")
    altered[-1] = altered[-1][::-1]
    assert "expected what ibs-ES.1 makes of this event on this log" in desk.answer(altered)
    assert "expected what ibs-ES.1" in desk.answer(desk.proved(STARTED, "ibs-ES.1", log="another"))
    assert "a key of jane, got none" in desk.answer(encode_checked(RESUME))
    assert "a key of coordinator, got none" in desk.answer(encode_checked(ClockTicked()))
    assert "a key of mallory, got none" in desk.answer(
        encode_checked(TradingResumed(by="mallory", reason="x"))
    )
    assert "whoever says it" in desk.answer(["type", "Nonsense"])
    assert desk.live.status()["events_rejected"] == "8"
    assert desk.answer(desk.proved(STARTED, "ibs-ES.1")) == ""  # its number was not used up


def test_what_was_proved_once_counts_once(desk: Desk) -> None:
    """Orders, and what the leader itself said; a worker's event is a repeat by its number."""
    halt, resume = desk.proved(HALT, "jane.1"), desk.proved(RESUME, "jane.1")
    assert desk.answer(halt) == desk.answer(resume) == ""
    assert "got a copy" in desk.answer(halt)
    assert "got a copy" in desk.answer(desk.live.events()[0].fields), "that a leader began"
    assert desk.live.status()["halted"] == "false"
    assert desk.answer(desk.proved(HALT, "jane.1", at=StreamId(desk.live.bus.now_ms(), 1))) == ""


def test_an_id_that_is_years_ahead_blocks_no_exit_and_no_halt(desk: Desk) -> None:
    """Its leader halts, on record; whoever has a key says what he has to say, also the same again."""
    bus = desk.bus("ibs-ES")
    bus.append(encode_checked(STARTED))
    ahead = f"{desk.live.bus.now_ms() + 365 * 24 * 3_600_000}-0"
    desk.live.by_hand("type", "Nonsense", at=ahead)
    until(lambda: "ahead of the server's clock" in desk.live.status().get("halt_reason", ""), "a halt")
    stopped = bus.append(encode_checked(WorkerStopped("ibs-ES", "s1", 2)))
    where = ("--url", desk.url, "--portfolio", desk.name, "--by", "jane", "--reason", "news")
    for _ in range(2):
        ordered = called("flatten", *where, cwd=desk.file.parent, PORTFOLD_KEYS=str(desk.file))
        assert ordered.code == OK, ordered.err
    until(lambda: desk.live.has_decided(stopped), "a decision")
    assert desk.live.bus.decisions_of(stopped) == []
    bus.close()
    said = [entry.by_name for entry in desk.live.events() if entry.by_name["type"] == "TradingHalted"]
    assert [halt["by"] for halt in said] == [COORDINATOR], "and it does not say so again and again"


def test_whoever_has_a_key_proves_what_he_says_by_it_and_keys_are_exchanged_meanwhile(desk: Desk) -> None:
    bus = desk.bus("ibs-ES")
    at = bus.append(encode_checked(STARTED))
    until(lambda: desk.live.has_decided(at), "a decision")
    with_new_key(desk.file, "ibs-ES")
    assert desk.answer(desk.proved(WorkerStarted("ibs-ES", "s2", 1, "ES"), "ibs-ES.2")) == ""
    assert desk.answer(desk.proved(WorkerStarted("ibs-ES", "s3", 1, "ES"), "ibs-ES.1")) == ""
    bus.close()
    where = ("--url", desk.url, "--portfolio", desk.name, "--by", "jane", "--reason", "to see")
    ordered = called("halt", *where, cwd=desk.file.parent, PORTFOLD_KEYS=str(desk.file))
    assert ordered.code == OK, ordered.err
    until(lambda: desk.live.status()["halted"] == "true", "a halt")
    refused = called("resume", *where, cwd=desk.file.parent)
    assert "key of jane" in refused.out + refused.err
    assert desk.live.status()["keys"] == "4"


def test_a_renewal_puts_on_only_what_is_proved_and_without_the_keys_takes_nothing_off(desk: Desk) -> None:
    opened = PositionOpened("ibs-CL", "s1", 1, "CL", "long", 1, Decimal(70))
    first = ["type", "Nonsense"]
    assert desk.answer(first)
    assert desk.answer(desk.proved(opened, "ibs-ES.1"))
    assert desk.answer(desk.proved(STARTED, "ibs-ES.1")) == ""
    assert desk.answer(desk.proved(HALT, "jane.1")) == ""
    before = desk.live.events()
    since = next(str(entry.id) for entry in before if entry.fields == first)
    words = ("renew", "--url", desk.url, "--portfolio", desk.name, "--reason", "x", "--since", since)

    def renewed(by: str, keys: str) -> Ran:
        return called(*words, "--by", by, cwd=desk.file.parent, PORTFOLD_KEYS=keys)

    assert "expected the file of all keys, as this log asks for proofs there" in renewed("jane", "none").err
    assert "whose word is put on again, got none of bob" in renewed("bob", str(desk.file)).err
    assert desk.live.events() == before
    done = renewed("jane", str(desk.file))
    assert done.code == OK, done.err
    assert "Not put on again, as nothing proves whose they are: 1." in done.out
    live = Live(desk.live.bus, desk.live.client)
    live.all_decided()
    assert live.said("PositionOpened") == []
    assert (list(live.state.workers), live.status()["events_rejected"]) == (["ibs-ES"], "0")
    assert live.state.halt is not None


def test_its_record_is_decided_again_without_keys_and_the_next_leader_goes_on_from_it(
    server: EmbeddedServer, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(server, live, tmp_path / "keys.json", monkeypatch)
    with coordinating(server.url, desk.name):
        assert desk.answer(encode_checked(STARTED))
        copy = desk.proved(HALT, "jane.1")
        assert desk.answer(copy) == ""
        assert desk.answer(encode_checked(RESUME))
    desk.live.client.delete(desk.live.keys.snapshot)
    with coordinating(server.url, desk.name):
        assert "got a copy" in desk.answer(copy)
    monkeypatch.delenv("PORTFOLD_KEYS")
    found = verify(LiveRecord(desk.live.bus))
    assert found.difference is None
    assert found.state.halt is not None
    ran = called("coordinator", "--url", server.url, "--portfolio", desk.name, cwd=tmp_path)
    assert ran.code == UNUSABLE
    assert "this log asks for proofs (names with a key: 4), got none" in ran.err
    assert verify(LiveRecord(desk.live.bus)).events == found.events, "it did not lead"
    monkeypatch.setenv("PORTFOLD_KEYS", "none")
    with coordinating(server.url, desk.name) as leader:
        leader.says("No event has to prove whose it is: whoever may write says any name")
        assert desk.answer(encode_checked(RESUME)) == ""
    assert verify(LiveRecord(desk.live.bus)).difference is None


def test_a_program_sets_limits_by_the_key_of_its_name_and_passes_for_nobody(desk: Desk) -> None:
    tighter = limits(by="program ibs-ES", reason="its arguments", max_positions=2)
    assert desk.answer(desk.proved(tighter, "ibs-ES.1")) == ""
    theirs = limits(by="program jane", reason="its arguments", max_positions=1)
    assert "a key of jane, got another" in desk.answer(desk.proved(theirs, "ibs-ES.1"))
    status = desk.live.status()
    assert (status["max_positions"], status["limits_by"]) == ("2", "program ibs-ES")


def test_for_a_name_without_a_key_the_leader_speaks_and_nobody_else(
    server: EmbeddedServer, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bob ordered before there were keys; a new file tightens what he set, and his name stays."""
    with coordinating(server.url, live.keys.name):
        live.hears(limits(by="bob", reason="as ever", daily_stop_loss=Decimal(900)))
    desk = Desk(server, live, tmp_path / "keys.json", monkeypatch)
    folder = config_folder(tmp_path / "config", limits={"max_positions": 2})
    with coordinating(server.url, desk.name, config=folder):
        until(lambda: desk.live.status()["max_positions"] == "2", "the configuration")
        assert (live.status()["limits_by"], live.status()["daily_stop_loss"]) == ("bob", "900")
        order = limits(by="bob", reason="more", max_positions=9)
        assert "a key of bob, got none" in desk.answer(encode_checked(order))
        assert "a key of bob, got another" in desk.answer(desk.proved(order, "jane.1"))
        assert "a key of jane, got another" in desk.answer(desk.proved(HALT, "coordinator.1"))


def test_where_the_limits_of_the_configuration_are_refused_the_leader_says_so(
    server: EmbeddedServer, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = Desk(server, live, tmp_path / "keys.json", monkeypatch).name
    monkeypatch.setattr(Entrance, "refusal", lambda _, entry: "x" if "max_positions" in entry.fields else "")
    with coordinating(server.url, name) as leader:
        leader.says("THE CONFIGURATION'S LIMITS WERE REFUSED")


def test_an_order_that_was_signed_behind_where_it_came_is_one_that_a_renewal_took_off(tmp_path: Path) -> None:
    """It was signed on a log that was ahead. A worker's has a number, and is a repeat or a fact."""
    for name in NAMES:
        with_new_key(tmp_path / "keys.json", name)
    ring = Keyring(tmp_path / "keys.json")

    def why(event: Event, key: str, later_ms: int, clock: Literal["server", "driven"] = "server") -> str:
        at, signed = StreamId(10**12, 0), StreamId(10**12 + later_ms, 0)
        fields = proved(encode_checked(event), key=key, secret=ring.secret(key), log="a1", at=signed)
        return Entrance(ring, "a1", clock).refusal(Entry(at, fields))

    assert why(HALT, "jane.1", 10_000) == ""
    assert "no later than it came, got a later one" in why(HALT, "jane.1", 10_001)
    assert why(HALT, "jane.1", 10_001, "driven") == why(STARTED, "ibs-ES.1", 10_001) == ""


def test_keys_that_cannot_be_a_coordinators_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    with_new_key(file, "jane")
    with pytest.raises(CannotProve, match="expected a key of coordinator"):
        Entrance(Keyring(file), "a1", "server")
    file.write_text(json.dumps({"jane": "a-secret-of-tests"}))
    with pytest.raises(CredentialsError, match=r"expected keys such as ibs-ES\.1"):
        Keyring(file)
    file.chmod(0o644)
    with pytest.raises(CredentialsError, match="chmod 600"):
        Keyring(file)


def test_a_key_that_is_given_takes_the_place_of_another_of_its_whole_name(tmp_path: Path) -> None:
    whole, own = tmp_path / "keys.json", tmp_path / "jane.json"

    def given() -> str:
        return called("keys", "give", "jane", str(own), cwd=tmp_path, PORTFOLD_KEYS=str(whole)).err

    key = with_new_key(whole, "jane")
    assert with_new_key(own, "jane") == key
    assert given() == ""
    assert Keyring(own).secret(key) == Keyring(whole).secret(key)
    with_new_key(own, "jane")
    assert "expected no key of jane that is newer than jane.1, got jane.2, which signs" in given()


def test_keys_are_made_listed_given_and_dropped_and_no_secret_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"

    def says(*words: str, code: int = OK) -> str:
        ran = called("keys", *words, cwd=tmp_path, PORTFOLD_KEYS=str(file))
        assert ran.code == code, ran.err
        return ran.out + ran.err

    said = says("new", "--all", "jane")
    assert {"coordinator", "flattener", "account", "jane", "ibs-ES"} <= set(Keyring(file).names)
    said += says("new", "jane") + says("show")
    assert "jane: jane.2 signs; taken: jane.1 jane.2" in said
    said += says("give", "jane", str(tmp_path / "jane.json"))
    own = Keyring(tmp_path / "jane.json")
    assert (own.keys, own.secret("jane.2")) == (["jane.2"], Keyring(file).secret("jane.2"))
    said += says("drop", "jane.1")
    assert Keyring(file).newest("jane") == "jane.2"
    said += says("drop", "jane.1", code=UNUSABLE) + says("give", "bob", "x.json", code=UNUSABLE)
    says("drop", "jane.2")
    assert Keyring(file).newest("jane") is None
    said += says("new", "jane")
    assert Keyring(file).newest("jane") == "jane.3", "no number is ever another key's"
    says("give", "jane", "jane.json")
    own.read()
    assert own.newest("jane") == "jane.3"
    assert "jane.1" not in says("show")
    said += repr(Keyring(file))
    assert not [key for key in Keyring(file).keys if Keyring(file).secret(key) in said]
