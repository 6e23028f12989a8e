"""Summarizes samples: percentiles, and a histogram as text."""

import math
from collections import Counter
from collections.abc import Sequence

_BAR = 50


def percentile(samples: Sequence[float], percent: float) -> float:
    """Returns the smallest sample that `percent` of all do not exceed (nearest rank)."""
    return sorted(samples)[max(0, math.ceil(len(samples) * percent / 100) - 1)]


def compared(first: tuple[str, Sequence[float]], second: tuple[str, Sequence[float]]) -> tuple[str, float]:
    """Tabulates two named samples of milliseconds, and how many times the second the first takes.

    Returns the table, and the ratio of the medians.
    """
    points = (50, 99)
    ratios = [percentile(first[1], point) / percentile(second[1], point) for point in points]
    lines = [f"{'':24}{'median':>12}{'p99':>12}"]
    for name, samples in (first, second):
        median, worst = (f"{percentile(samples, point):.3f} ms" for point in points)
        lines.append(f"{name:24}{median:>12}{worst:>12}")
    lines.append(f"{'ratio':24}{ratios[0]:>12.2f}{ratios[1]:>12.2f}")
    return "\n".join(lines), ratios[0]


def histogram(samples: Sequence[float], unit: str, rows: int = 20) -> str:
    """Counts the samples in at most about `rows` bins of a round width; the last bin has no upper end."""
    width = _round_width(percentile(samples, 99) / rows)
    counts = Counter(min(int(sample / width), rows) for sample in samples)
    longest = max(counts.values())
    lines = []
    for row in range(min(counts), max(counts) + 1):
        span = f"{row * width:g} - {(row + 1) * width:g}" if row < rows else f"{row * width:g} and more"
        bar = "#" * math.ceil(counts[row] / longest * _BAR)
        lines.append(f"{span:>14} {unit} {counts[row]:>5} {bar}".rstrip())
    return "\n".join(lines)


def _round_width(least: float) -> float:
    """Returns the first of 1, 2, 5, 10, 20, 50, ... that is not below `least`."""
    width, steps = 1.0, (2.0, 2.5, 2.0)
    for turn in range(30):
        if width >= least:
            break
        width *= steps[turn % 3]
    return width
