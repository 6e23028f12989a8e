"""What a proof came to: for people a page of lines, for programs a tree."""

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from msgspec import Struct

from portfold.config.profiles import FirmsRule, Profile
from portfold.dollars import shown, shown_limit, shown_price
from portfold.exchange_time import utc, zoned_clock
from portfold.research.prove.history import History
from portfold.research.prove.playing import How, Scene, play
from portfold.research.prove.searching import Tried
from portfold.research.prove.trades import FoundInTrades
from portfold.research.trades.trade_file import Trade

_EXCHANGE = ZoneInfo("America/Chicago")
_NOT_OURS: dict[How, str] = {
    "gap": "A gap: one step went through both floors. No limit prevents it; fewer contracts make it rarer",
    "cost": "The cost of closing, once ours had stopped: slippage, commissions. A larger margin is for that",
    "late": "A mark that did not come: ours cannot stop at a price that nobody reports. Mark more often",
}
_OURS = (
    "Ours can prevent it: by the firm's own terms where ours are others, by a larger margin where they are "
    "not, as the firm counts commissions and what a fill costs at once, ours once it is closed, or marked"
)


class Proof(Struct, frozen=True):
    """What was tried with `seed`, and what was found; `trades` None: none were given."""

    profile: Profile
    scene: Scene
    seed: int
    tried: Tried
    trades: int | None = None
    in_trades: FoundInTrades | None = None

    @property
    def holds(self) -> bool:
        """Returns whether the firm's rule was never broken before ours stopped, all marks being there."""
        unstopped = self.in_trades is not None and self.in_trades.found.how == "unstopped"
        return not unstopped and not self.tried.broken["unstopped"]


def lines_of(proof: Proof) -> Iterator[str]:
    """Yields the proof for people."""
    profile, tried = proof.profile, proof.tried
    yield f"{profile.name}, as of {profile.as_of}: {profile.source}"
    yield f"The firm: {_rule(profile.firm)}."
    yield f"Ours: {_ours(proof)}."
    yield f"Tried: {tried.histories:,} random histories, seed {proof.seed}{_trades(proof)}."
    yield ""
    if proof.holds:
        yield "The firm's rule was never broken before ours stopped."
    else:
        yield "THE FIRM'S RULE WAS BROKEN BEFORE OURS STOPPED."
        yield f"{_OURS}."
        yield from _found(proof, "unstopped")
    others = [how for how in _NOT_OURS if tried.broken[how] or _in_trades(proof, how)]
    if others:
        yield ""
        yield "What no limit of ours prevents:"
    for how in others:
        yield ""
        yield f"{_NOT_OURS[how]}."
        yield from _found(proof, how)


def tree_of(proof: Proof) -> dict[str, object]:
    """Returns the proof for programs."""
    found, tried = proof.in_trades, proof.tried
    return {
        "holds": proof.holds,
        "profile": proof.profile.origin | {"margin": proof.profile.margin},
        "seed": proof.seed,
        "histories": tried.histories,
        "broken": {how: tried.broken[how] for how in ("unstopped", *_NOT_OURS)},
        "shortest": {how: _history_tree(one, proof.scene) for how, one in sorted(tried.shortest.items())},
        "trades": proof.trades,
        "in_trades": None
        if found is None
        else {"how": found.found.how, "trades": _trade_trees(found.trades)},
    }


def _rule(firm: FirmsRule) -> str:
    when = f"the peak, which counts at {firm.at} in {firm.zone}" if firm.at else "the peak of every price"
    locks = f"; it rises no further than {shown_limit(firm.locks_at)}" if firm.locks_at else ""
    return f"floor {shown_limit(firm.amount)} below {when}, from {shown_limit(firm.start_balance)}{locks}"


def _ours(proof: Proof) -> str:
    rules, margin = proof.profile.rules, proof.profile.margin
    tighter = f", {shown_limit(margin)} tighter" if margin else ""
    return (
        f"floor {shown_limit(rules.trailing_drawdown)} below the peak{tighter}; daily stop "
        f"{shown_limit(proof.profile.daily_stop_loss)}; {proof.profile.max_positions} positions"
    )


def _trades(proof: Proof) -> str:
    return f", and {proof.trades:,} trades" if proof.trades is not None else ""


def _in_trades(proof: Proof, how: How) -> FoundInTrades | None:
    found = proof.in_trades
    return found if found is not None and found.found.how == how else None


def _found(proof: Proof, how: How) -> Iterator[str]:
    tried, in_trades = proof.tried, _in_trades(proof, how)
    if how in tried.shortest:
        history = tried.shortest[how]
        yield (
            f"{tried.broken[how]:,} of {tried.histories:,} histories; the shortest that was found, of "
            f"{_steps(history)}:"
        )
        yield from (f"  {line}" for line in _history(history, proof.scene))
    if in_trades is not None:
        yield f"In the trades; the fewest that were found to show it, {len(in_trades.trades):,}:"
        yield from (f"  {_trade(trade)}" for trade in in_trades.trades)
        broken = in_trades.found.broken
        moment = zoned_clock(broken.ms, _EXCHANGE)
        yield f"  {moment}  broken: equity {shown(broken.equity)}, the firm's floor {shown(broken.floor)}"


def _steps(history: History) -> str:
    return f"{len(history.steps)} step{'' if len(history.steps) == 1 else 's'}"


def _history(history: History, scene: Scene) -> Sequence[str]:
    lines: list[str] = []
    play(history, scene, lambda ms, line: lines.append(f"{zoned_clock(ms, _EXCHANGE)}  {line}"))
    return lines


def _trade(trade: Trade) -> str:
    begins, ends = zoned_clock(trade.entry_ms, _EXCHANGE), zoned_clock(trade.exit_ms, _EXCHANGE)
    side = f" {trade.side}" if trade.side else ""
    return f"{begins} to {ends}  {trade.symbol}{side} {trade.size}{_prices(trade)}: {shown(trade.pnl)}"


def _prices(trade: Trade) -> str:
    if trade.entry_price is None or trade.exit_price is None:
        return ""
    return f" from {shown_price(trade.entry_price)} to {shown_price(trade.exit_price)}"


def _history_tree(history: History, scene: Scene) -> dict[str, object]:
    found = play(history, scene)
    return {
        "steps": [
            {"kind": one.kind, "symbol": one.symbol, "amount": one.amount, "late": one.late}
            for one in history.steps
        ],
        "worse_ticks": history.worse_ticks,
        "lines": _history(history, scene),
        "equity": found.broken.equity if found else None,
        "floor": found.broken.floor if found else None,
    }


def _trade_trees(trades: Sequence[Trade]) -> list[dict[str, object]]:
    return [
        {
            "symbol": one.symbol,
            "side": one.side,
            "size": one.size,
            "entry": utc(one.entry_ms).isoformat(),
            "exit": utc(one.exit_ms).isoformat(),
            "pnl": one.pnl,
        }
        for one in trades
    ]
