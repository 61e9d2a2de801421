"""Draws what was measured."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.figures import Plot

MARKERS = ("o", "s", "^", "D")


def draw(plot: Plot, folder: Path) -> None:
    """Writes the plot as SVG, the same for the same figures."""
    mpl.rcParams["svg.hashsalt"] = "supportd"
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    for marker, (name, points) in zip(MARKERS, plot.lines.items(), strict=False):
        axes.plot([x for x, _ in points], [y for _, y in points], marker=marker, label=name)
    if plot.log_x:
        axes.set_xscale("log")
        ticks = sorted({x for points in plot.lines.values() for x, _ in points})
        axes.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
        axes.minorticks_off()
    else:
        axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set(title=plot.title, xlabel=plot.x, ylabel=plot.y)
    axes.set_ylim(0, 1.1 * max(y for points in plot.lines.values() for _, y in points))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(folder / plot.file, metadata={"Date": None})
