"""Draws the main panels of the Grafana dashboard from what a real Prometheus scraped of a real supportd.

Users poll, write and upload for some minutes. In between Intercom is away for a while, and later loses webhooks.
Needs prometheus (Debian's package of that name) and matplotlib (`pip install -e '.[bench]'`).

    PYTHONPATH=. .venv/bin/python benchmarks/dashboard.py --out docs/dashboard.png
"""

import argparse
import asyncio
import contextlib
import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, FuncFormatter

from supportd.dev.mongod import running_mongod
from tests.harness import Sdk
from tests.system.processes import Processes, processes
from tests.system.prometheus import CONF, Prometheus, scraping
from tests.uploading import PNG, upload

SHOWN = (
    "Polls by outcome",
    "From Intercom's time to the first poll that gave it",
    "Time to answer, by route (p99)",
    "Conversations looked up, by where they were",
    "Webhooks by what became of them",
    "Drift, by the topic that should have told",
    "Calls by operation",
    "Calls that failed, by outcome",
    "Reconciler: time since all was read",
    "Webhooks: from Intercom's time until shown",
    "MongoDB: time to answer, by operation (p99)",
    "Event loop: how late",
)
USERS = 40
WARM_UP_S = 20.0  # everybody comes at once: that isn't shown
RATE_OVER = "15s"
STEP_S = 1
MOST_LINES = 6
UNITS = {"reqps": "a second", "ops": "a second", "short": "", "s": ""}


class Trouble(NamedTuple):
    """What is wrong at Intercom, from this part of the time to that."""

    begins: float
    ends: float
    faults: dict[str, Any]
    words: str
    color: str


TROUBLES = (
    Trouble(0.2, 0.35, {"outage": "error"}, "Intercom is away", "tab:red"),
    Trouble(0.6, 0.8, {"webhook_drop": 0.7}, "seven in ten webhooks are lost", "tab:orange"),
)


async def user(sdk: Sdk, rng: random.Random, house: Processes) -> None:
    """Polls as an open chat does, now and then writes or sends a file; an operator answers."""
    chat = await sdk.start(body="Hello")
    since = chat["latestTimestamp"]
    while True:
        with contextlib.suppress(AssertionError, httpx.TransportError):
            since = (await sdk.poll(chat["id"], since=since, wait=rng.choice([0, 0, 5])))["latestTimestamp"]
            dice = rng.random()
            if dice < 0.1:
                await sdk.reply(chat["id"], "Where is my card?")
            elif dice < 0.2:
                await house.operator.reply(chat["id"], "<p>On its way</p>")
            elif dice < 0.23:
                await upload(sdk, "card.png", PNG)
        await asyncio.sleep(rng.uniform(0.5, 1.5))


async def live(house: Processes, *, seconds: float) -> None:
    """Users live, and once all are there trouble comes and goes."""
    async with asyncio.TaskGroup() as group:
        users = [group.create_task(user(house.sdk(f"user-{n}"), random.Random(n), house)) for n in range(USERS)]
        began = time.monotonic() + WARM_UP_S
        for trouble in TROUBLES:
            await _until(began + trouble.begins * seconds)
            await house.operator.trouble(**trouble.faults)
            await _until(began + trouble.ends * seconds)
            await house.operator.no_trouble()
        await _until(began + seconds)
        for task in users:
            task.cancel()


async def _until(at: float) -> None:
    await asyncio.sleep(max(0.0, at - time.monotonic()))


async def measured(seconds: float) -> dict[str, list[Any]]:
    """The series of each panel, as Prometheus has them in the end."""
    panels = {panel["title"]: panel for panel in json.loads((CONF / "grafana-dashboard.json").read_text())["panels"]}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings: dict[str, Any] = {"RECONCILE_INTERVAL": "5", "FILES_DIR": f"{folder}/files"}
        async with (
            running_mongod(folder / "db") as mongod,
            processes(mongod.uri, "dashboard", folder, **settings) as house,
            scraping(int(httpx.URL(house.metrics).port or 0), folder) as prometheus,
        ):
            began = time.time() + WARM_UP_S
            await live(house, seconds=seconds)
            return {title: await series(prometheus, panels[title], began, time.time()) for title in SHOWN}


async def series(prometheus: Prometheus, panel: Any, start: float, end: float) -> list[Any]:
    """(name, times in s since the start, values) of each line of a panel."""
    found = []
    for target in panel["targets"]:
        expression = target["expr"].replace("$__rate_interval", RATE_OVER).replace("[1h]", "[1m]")
        data = await prometheus.ask("query_range", query=expression, start=str(start), end=str(end), step=str(STEP_S))
        for each in data["result"]:
            name = target["legendFormat"]
            for label, value in each["metric"].items():
                name = name.replace("{{" + label + "}}", value)
            values = [float(value) for _, value in each["values"]]
            if any(value > 0 for value in values):
                found.append((name, [at - start for at, _ in each["values"]], values))
    return sorted(found, key=lambda line: -max(v for v in line[2] if v == v))[:MOST_LINES]  # noqa: PLR0124 - NaN


def draw(panels: dict[str, list[Any]], units: dict[str, str], seconds: float, out: Path) -> None:
    """A picture of all panels, with the time of each trouble shaded."""
    figure, places = plt.subplots(4, 3, figsize=(18, 17), constrained_layout=True)
    for (title, lines), place in zip(panels.items(), places.flat, strict=True):
        for trouble in TROUBLES:
            place.axvspan(trouble.begins * seconds, trouble.ends * seconds, color=trouble.color, alpha=0.12, lw=0)
        for name, times, values in lines:
            place.plot(times, values, label=name, linewidth=1.6)
        _dress(place, title, units[title], seconds)
    shades = [Patch(color=each.color, alpha=0.25, label=each.words) for each in TROUBLES]
    figure.legend(handles=shades, loc="outside upper center", ncols=len(shades), fontsize=13, frameon=False)
    figure.savefig(out, dpi=75)


def _dress(place: Any, title: str, unit: str, seconds: float) -> None:
    place.set_title(title, fontsize=13, loc="left", fontweight="bold")
    place.set_ylabel(UNITS.get(unit, unit), fontsize=10)
    place.set_xlim(0, seconds)
    place.set_ylim(bottom=0)
    place.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{at:.0f} s"))
    if unit == "s":
        place.yaxis.set_major_formatter(EngFormatter("s"))
    place.grid(alpha=0.25)
    place.spines[["top", "right"]].set_visible(False)
    place.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=3, frameon=False)


def main() -> None:
    """Lives, asks Prometheus, draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/dashboard.png"))
    parser.add_argument("--seconds", type=float, default=180)
    arguments = parser.parse_args()
    panels = asyncio.run(measured(arguments.seconds))
    units = {
        panel["title"]: panel.get("fieldConfig", {}).get("defaults", {}).get("unit", "")
        for panel in json.loads((CONF / "grafana-dashboard.json").read_text())["panels"]
    }
    draw(panels, units, arguments.seconds, arguments.out)


if __name__ == "__main__":
    main()
