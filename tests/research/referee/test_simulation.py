"""The simulator against the referee, on random cases: every trade, every stop, every point of the account."""

from dataclasses import asdict
from datetime import date
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from msgspec import structs
from msgspec.structs import astuple

from portfold.research.simulate.prices import Closes, Pricing
from portfold.research.simulate.scenario import Scenario
from portfold.research.simulate.simulator import Simulated
from portfold.research.statistics.metrics import Metrics
from portfold.research.trades.trade_file import Asked, Trade
from tests.research.made import HOUR_MS, packaged, priced, random_trades, scenario_of
from tests.research.referee.cases import cases, unhurried
from tests.research.referee.exchange_day import day_at, weekdays
from tests.research.referee.figures import Figures, figures_of, over_drawings
from tests.research.referee.simulation import Deal, Played, Rules, Ware, play

pytestmark = unhurried

SYMBOLS = ("ES", "CL", "6E", "GC", "RTY", "SI")


def exact(number: Decimal | None) -> Fraction | None:
    return None if number is None else Fraction(number)


def deal_of(trade: Trade) -> Deal:
    prices = exact(trade.entry_price), exact(trade.exit_price)
    return Deal(
        trade.symbol,
        trade.entry_ms,
        trade.exit_ms,
        Fraction(trade.pnl),
        trade.size,
        trade.side != "short",
        *prices,
        *(astuple(trade.asked) if trade.asked is not None else ()),
    )


def wares_of(pricing: Pricing) -> dict[str, Ware]:
    return {
        symbol: Ware(
            Fraction(one.tick_value) / Fraction(one.tick_size),
            Fraction(one.tick_size),
            one.slippage_ticks,
            Fraction(one.commission_per_side),
        )
        for symbol, one in pricing.contracts.items()
    }


def closes_of(pricing: Pricing) -> dict[str, dict[int, Fraction]]:
    return {
        symbol: {ms: Fraction(price) for ms, price in zip(one.ends_ms, one.prices, strict=True)}
        for symbol, one in pricing.closes.items()
    }


def refereed(scenario: Scenario, rules: Rules) -> Played:
    pricing = scenario.timeline.pricing
    deals = [deal_of(one) for one in scenario.timeline.trades]
    return play(deals, rules, wares_of(pricing), closes_of(pricing))


def told(scenario: Scenario, played: Simulated) -> tuple[object, ...]:
    """A simulation in the words of the referee."""
    trades = [deal_of(one) for one in scenario.timeline.trades]
    taken = [(trades[one.trade], one.closed_ms, Fraction(one.pnl), one.forced) for one in played.taken]
    days = {date.fromisoformat(day.date): Fraction(day.pnl) for day in played.days if day.points}
    return (
        sorted(taken, key=str),
        sorted((trades[one.trade] for one in played.denied), key=str),
        list(map(Fraction, played.curve)),
        {day: pnl for day, pnl in days.items() if pnl},
        played.stop_days,
    )


def judged(found: Played) -> tuple[object, ...]:
    return (
        sorted(found.taken, key=str),
        sorted(found.denied, key=str),
        found.curve,
        {day: pnl for day, pnl in found.by_day.items() if pnl},
        [day_at(ms).isoformat() for ms in found.stops],
    )


def measured(figures: Metrics) -> dict[str, object]:
    known = structs.asdict(figures)
    return {
        name: None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)
        for name, value in known.items()
    }


def refereed_figures(scenario: Scenario, played: Played) -> Figures:
    first, last = (date.fromisoformat(day) for day in (scenario.days[0], scenario.days[-1]))
    account = (Fraction(scenario.account.cash), Fraction(scenario.account.breach_limit))
    return figures_of(played, weekdays(first, last), *account)


def random_signals(seed: int, *, each: int = 25) -> list[Trade]:
    """Signals of the symbols: they overlap, some had a cooldown, some of the last have no end, some come to
    be at the moment of the one before, as a limit's fill and a signal at the close of its bar do.
    """
    random, signals = Random(-seed), list[Trade]()
    for trade in random_trades(seed, each=each):
        cooldown, hours = random.choice([0, 0, 3]) * HOUR_MS, random.choice([0, 1]) * HOUR_MS
        begins = trade.entry_ms - random.randint(0, 6) * HOUR_MS
        if signals and signals[-1].symbol == trade.symbol and random.random() < 0.2:
            begins = signals[-1].entry_ms
        asked = Asked(begins - cooldown, trade.exit_ms - hours, ended=random.random() < 0.97)
        signals.append(structs.replace(trade, entry_ms=begins, asked=asked))
    return list({(one.symbol, one.entry_ms, _flat_before(one)): one for one in signals}.values())


def _flat_before(signal: Trade) -> int:
    return signal.asked.flat_before_ms if signal.asked is not None else signal.entry_ms


def random_bars(random: Random, trades: list[Trade], *, entry_bar: bool) -> Pricing:
    """Hourly closes of some of the symbols, near where they trade."""
    ticks = random.choice([0, 1, 3])
    contracts = priced({}, slippage_ticks=ticks).contracts
    closes = {}
    for symbol in random.sample(SYMBOLS, random.randint(1, len(SYMBOLS))):
        own = [one for one in trades if one.symbol == symbol]
        first, last = min(one.entry_ms for one in own), max(one.exit_ms for one in own)
        ends = [ms for ms in range(first, last + HOUR_MS, HOUR_MS) if random.random() < 0.9]
        level, tick = own[0].entry_price, contracts[symbol].tick_size
        assert level is not None
        closes[symbol] = Closes(ends, [level + random.randint(-90, 90) * tick for _ in ends])
    return Pricing(contracts, closes, marks_entry_bar=entry_bar)


@pytest.mark.parametrize("of", ["trades", "signals"])
def test_the_simulator_and_the_referee_agree_on_every_trade_stop_and_point(of: str) -> None:
    stops = forced = denied = 0
    for seed in cases(12):
        random = Random(seed)
        made = random_trades if of == "trades" else random_signals
        trades = made(seed, each=random.randint(2, 8))
        entry_bar, opens, level = random.random() < 0.5, random.random() < 0.7, random.randint(1, 6)
        breach = random.choice([400, 1500, 6000])
        stop, contracts = random.choice([300, 900, 2500]), random.choice([None, 2, 9])
        configuration = packaged()
        runtime = structs.replace(
            configuration.runtime,
            stop_loss_on="total" if opens else "realized",
            max_contracts=contracts,
        )
        scenario = scenario_of(
            trades,
            pricing=random_bars(random, trades, entry_bar=entry_bar),
            stop=stop,
            seed=seed,
            drawings=2,
            breach=breach,
            configuration=structs.replace(configuration, runtime=runtime),
        )
        drawn = scenario.simulations(SYMBOLS, level)
        each: list[Figures] = []
        for number, lots in enumerate((f"{seed}", f"{seed}.1")):
            found = drawn[number] if number < len(drawn) else drawn[0]  # no lot decided anything
            rules = Rules(level, contracts or level, Fraction(stop), opens, entry_bar, lots)
            expected = refereed(scenario, rules)
            assert told(scenario, found) == judged(expected), (seed, lots)
            each.append(refereed_figures(scenario, expected))
            assert measured(scenario.figures(found)) == asdict(each[-1]), (seed, lots)
            stops, denied = stops + len(found.stop_days), denied + len(found.denied)
            forced += len(found.forced)
        together = over_drawings(each[: len(drawn)])
        assert measured(scenario.mean_figures(drawn)) == asdict(together), seed
    assert min(stops, forced, denied) > 0  # it is no proof if nothing happened


def test_the_referee_knows_the_boundary_of_a_stop() -> None:
    deal = Deal("ES", 0, 2, Fraction(-2500), 1, long=True)
    for stop, count in ((2500, 1), (2501, 0)):
        found = play([deal], Rules(1, 1, Fraction(stop)), {}, {})
        assert len(found.stops) == count
