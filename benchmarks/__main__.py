"""`make bench`: measures all, prints each figure beside its target and baseline, and writes results and plots.

The table in README.md is the last run's too.
"""

import argparse
import asyncio
import importlib
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import tornado

from benchmarks.figures import BenchmarkFailed, Figure, Results, table
from benchmarks.plots import draw
from benchmarks.rig import need_wrk
from supportd.loop import fastest_loop

HERE = Path(__file__).parent
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
ALL = ("polls", "crowds", "held", "freshness", "upstream", "pauses")


class Report(msgspec.Struct):
    """What results.json holds."""

    machine: dict[str, str | int]
    figures: list[Figure]


def measure(name: str) -> Results:
    """Runs one benchmark in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=fastest_loop()) as runner:
        results: Results = runner.run(importlib.import_module(f"benchmarks.{name}").run(Path(folder)))
    return results


def _write_table(figures: list[Figure], machine: dict[str, str | int]) -> None:
    """Puts the figures in the place of those in README.md."""
    readme = HERE / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    on = f"Measured on {datetime.now(tz=UTC):%Y-%m-%d}: {machine['cores']} cores, CPython {machine['python']}, "
    told = f"{table(figures)}\n\n{on}Tornado {machine['tornado']}. Medians, where a thing was measured more than once."
    readme.write_text(f"{before}{BEGIN}\n{told}\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Runs those that were named, or all; exits with 1 if a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*ALL, []], help="default: all, which also writes the results")
    names = parser.parse_args().names or ALL
    need_wrk()
    figures: list[Figure] = []
    for name in names:
        try:
            found = measure(name)
        except BenchmarkFailed as failed:
            sys.exit(f"{name}: {failed}")
        print(table(found.figures), flush=True)
        figures += found.figures
        for plot in found.plots:
            draw(plot, HERE)
    if names == ALL:
        machine: dict[str, str | int] = {
            "cores": os.cpu_count() or 0,
            "python": platform.python_version(),
            "tornado": tornado.version,
        }
        report = Report(machine, figures)
        (HERE / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
        _write_table(figures, machine)
        print("\n" + table(figures))
    sys.exit(any(not figure.met for figure in figures))


if __name__ == "__main__":
    main()
