"""Tiers of loss that cannot be meant: a file and an order that name such are refused.

On the log they are read as ever: what was ordered before counts, and a limit that is tightened leaves a tier
behind it that says nothing more, which is no reason to refuse it.
"""

from decimal import Decimal

_MILDEST_FIRST = ("tell", "above", "deny", "flatten")


def expected_of_tiers(tiers: str, daily_stop_loss: Decimal, max_contracts: int | None = None) -> str | None:
    """Returns what was expected of the tiers beside the other limits; None where they can be meant.

    `max_contracts` is None where that is not known.
    """
    before: tuple[Decimal, str, tuple[int, int]] | None = None
    for word in tiers.split():
        loss, _, wanted = word.partition("=")
        action, _, size = wanted.partition(":")
        dollars = _dollars(loss, daily_stop_loss)
        strictness = (_MILDEST_FIRST.index(action), -int(size or "0"))
        if dollars > daily_stop_loss:
            return f"no tier beyond the daily stop of {daily_stop_loss:f} dollars, which {word} is"
        if before is not None and dollars <= before[0]:
            return f"the smallest loss first, and {word} comes after {before[1]}"
        if before is not None and strictness < before[2]:
            return f"nothing milder at a worse loss, and {word} is milder than {before[1]}"
        if max_contracts is not None and action == "above" and int(size) >= max_contracts:
            return f"less than max_contracts, {max_contracts}, after above: {word} would deny nothing"
        before = (dollars, word, strictness)
    return None


def _dollars(loss: str, daily_stop_loss: Decimal) -> Decimal:
    amount = Decimal(loss.removesuffix("%"))
    return daily_stop_loss * amount / 100 if loss.endswith("%") else amount
