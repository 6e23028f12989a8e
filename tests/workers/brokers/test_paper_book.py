"""The paper book between real processes: it outlives them, however they end, and closes nothing twice."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from portfold.config.contracts import read_contracts
from portfold.config.locate import CONTRACTS_FILE, PACKAGED
from portfold.workers.brokers.order import ExitFill
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.profit import net_pnl
from portfold.workers.brokers.protocol import BrokerPosition

ROOT = Path(__file__).parents[3]
PATIENCE = 30

# Says "ready" once the broker is open and waits for the word to go on.
PRELUDE = """
import sys
from decimal import Decimal
from pathlib import Path
from portfold.config.contracts import read_contracts
from portfold.config.locate import CONTRACTS_FILE, PACKAGED
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.protocol import NotOpen

book, owner = Path(sys.argv[1]), sys.argv[2]
contracts = read_contracts(PACKAGED / CONTRACTS_FILE)
broker = PaperBroker(book, owner, contracts)
print("ready", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "paper.db"


@pytest.fixture
def broker(book: Path) -> Iterator[PaperBroker]:
    contracts = read_contracts(PACKAGED / CONTRACTS_FILE)
    with PaperBroker(book, "here", contracts) as broker:
        yield broker


class Process:
    """A process that holds a broker on the book and runs `script` with it once told to."""

    def __init__(self, book: Path, owner: str, script: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PRELUDE + script, str(book), owner],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def read(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def go(self) -> None:
        assert self._process.stdin
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def finish(self) -> list[str]:
        """The lines it still prints, once it has ended well."""
        rest, _ = self._process.communicate(timeout=PATIENCE)
        assert self._process.returncode == 0
        return rest.splitlines()

    def kill(self) -> list[str]:
        """The lines it had printed that were not read yet."""
        assert self._process.stdout
        self._process.kill()
        unread = [] if self._process.stdout.closed else self._process.stdout.read().splitlines()
        self._process.communicate(timeout=PATIENCE)
        return unread


@contextmanager
def processes(book: Path, owners: list[str], script: str) -> Iterator[list[Process]]:
    """One process an owner, all ready; killed at the end if still there."""
    with ExitStack() as stack:
        started = []
        for owner in owners:
            started.append(Process(book, owner, script))
            stack.callback(started[-1].kill)
        for process in started:
            assert process.read() == "ready"
        yield started


def test_a_position_outlives_the_process_that_opened_it(book: Path, broker: PaperBroker) -> None:
    with processes(book, ["there"], 'broker.enter("CL", "short", 2, Decimal("-37.63"))') as (there,):
        there.go()
        there.finish()
    assert broker.positions() == [
        BrokerPosition("there", "CL", "short", 2, Decimal("-37.64"), Decimal("5.00"))
    ]
    assert broker.exit("CL", "short", 2, None, owner="there").price == Decimal("-37.62")


def test_of_processes_that_close_the_same_leg_at_once_exactly_one_succeeds(
    book: Path, broker: PaperBroker
) -> None:
    script = """
for _ in range(50):
    try:
        broker.exit("ES", "long", 1, None, owner="here")
        print("closed", flush=True)
    except NotOpen:
        print("not open", flush=True)
    sys.stdin.readline()
"""
    with processes(book, ["one", "two", "three"], script) as rivals:
        for _ in range(50):
            broker.enter("ES", "long", 1, Decimal(5000))
            for rival in rivals:
                rival.go()
            assert sorted(rival.read() for rival in rivals) == ["closed", "not open", "not open"]
            assert broker.positions() == []


def test_processes_that_open_a_new_book_at_once_all_get_to_trade(book: Path) -> None:
    owners = [f"worker-{number}" for number in range(8)]
    script = """
for _ in range(20):
    broker.enter("ES", "long", 1, Decimal(5000))
broker.exit("ES", "long", 19, None)
print(len(broker.positions(owner)))
"""
    with processes(book, owners, script) as traders:
        for trader in traders:
            trader.go()
        assert [trader.finish() for trader in traders] == [["1"]] * 8


def test_a_process_killed_within_a_transaction_leaves_the_book_as_it_was_and_unlocked(
    book: Path, broker: PaperBroker
) -> None:
    broker.enter("ES", "long", 1, Decimal(5000))
    before = broker.positions()
    script = """
with broker._book.transaction() as entries:
    broker._close(entries, entries.leg("here", "ES"), 1, Decimal(1))
    assert entries.legs(None) == []
    print("within", flush=True)
    sys.stdin.readline()
"""
    with processes(book, ["there"], script) as (there,):
        there.go()
        assert there.read() == "within"
        there.kill()
    assert broker.positions() == before
    assert broker.unreported_exits("here") == []
    assert broker.exit("ES", "long", 1, None).price == Decimal("4999.75")


def test_the_exit_of_a_process_killed_before_it_reported_is_found_by_the_next(
    book: Path, broker: PaperBroker
) -> None:
    dies = """
broker.enter("CL", "short", 3, Decimal("10.00"))
broker.exit("CL", "short", 2, Decimal("-37.63"))
print("left", flush=True)
sys.stdin.readline()
"""
    with processes(book, ["worker"], dies) as (worker,):
        worker.go()
        assert worker.read() == "left"
        worker.kill()

    (out,) = broker.unreported_exits("worker")
    assert out == ExitFill(
        "worker",
        "CL",
        "short",
        2,
        Decimal("-37.62"),
        Decimal("5.00"),
        out.fill_id,
        Decimal("9.99"),
        Decimal(5),
    )
    point = read_contracts(PACKAGED / CONTRACTS_FILE)["CL"].point_value
    profit = net_pnl(out.side, out.entry_price, out.price, out.size, point, out.total_commission)
    assert profit == Decimal("95210.00")

    reports = """
for out in broker.unreported_exits(owner):
    print(out.symbol, out.size, out.price)
    broker.confirm_reported(out.fill_id)
"""
    for found in (["CL 2 -37.62"], []):
        with processes(book, ["worker"], reports) as (restarted,):
            restarted.go()
            assert restarted.finish() == found
    assert broker.unreported_exits("worker") == []


def test_a_process_killed_at_any_moment_leaves_a_whole_leg_or_its_exit(
    book: Path, broker: PaperBroker
) -> None:
    script = """
for _ in range(300):  # fewer than a book keeps of those nobody has reported
    broker.enter("ES", "long", 2, Decimal(5000))
    print("entered", flush=True)
    broker.exit("ES", "long", 2, Decimal(5010))
    print("left", flush=True)
sys.stdin.readline()
"""
    whole = BrokerPosition("there", "ES", "long", 2, Decimal("5000.25"), Decimal("5.00"))
    for lines in range(1, 6):
        with processes(book, ["there"], script) as (there,):
            there.go()
            said = [there.read() for _ in range(lines * 7)] + there.kill()
        open_ = broker.positions()
        assert open_ in ([], [whole])
        left = broker.unreported_exits("there")
        # It may have died before it could say what it had done last.
        assert len(open_) + len(left) - said.count("entered") in (0, 1)
        assert len(left) - said.count("left") in (0, 1)
        assert len(broker.flatten(owner="there")) == len(open_)
        for out in broker.unreported_exits("there"):
            broker.confirm_reported(out.fill_id)
