"""What a benchmark tells: figures beside their targets and baselines."""

import statistics
from collections.abc import Iterable, Sequence

from msgspec import Struct


class BenchmarkFailed(Exception):
    """What was to be measured didn't work."""


class Figure(Struct, frozen=True, kw_only=True):
    """One row of the table. `baseline` says what the measured value is a ratio to or stands beside, in the same run."""

    name: str
    measured: float
    unit: str
    target: str
    met: bool
    baseline: str
    samples: list[float] = []


class Plot(Struct, frozen=True, kw_only=True):
    """Lines to draw: each a name and its points."""

    file: str
    title: str
    x: str
    y: str
    lines: dict[str, list[tuple[float, float]]]
    log_x: bool = False


class Results(Struct, frozen=True):
    """All that one benchmark found."""

    figures: list[Figure]
    plots: list[Plot] = []


def at_least(name: str, samples: Sequence[float], least: float, *, unit: str, baseline: str) -> Figure:
    """The median of the samples, which should be `least` or more."""
    measured = statistics.median(samples)
    return Figure(
        name=name,
        measured=measured,
        unit=unit,
        target=f">= {least:g}",
        met=measured >= least,
        baseline=baseline,
        samples=list(samples),
    )


def at_most(name: str, samples: Sequence[float], most: float, *, unit: str, baseline: str) -> Figure:
    """The median of the samples, which should be `most` or less."""
    measured = statistics.median(samples)
    return Figure(
        name=name,
        measured=measured,
        unit=unit,
        target=f"<= {most:g}",
        met=measured <= most,
        baseline=baseline,
        samples=list(samples),
    )


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def table(figures: Iterable[Figure]) -> str:
    """The figures as a Markdown table."""
    rows = ["| What | Measured | Target | Met | Beside |", "|---|---|---|---|---|"]
    rows += [
        f"| {one.name} | {one.measured:.3g} {one.unit} | {one.target} | {'yes' if one.met else 'NO'} | {one.baseline} |"
        for one in figures
    ]
    return "\n".join(rows)
