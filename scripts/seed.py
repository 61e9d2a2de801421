"""Fills a running demo, MongoDB and the simulator, with what users and operators do: the same for the same seed.

make demo                                  (in one terminal)
.venv/bin/python scripts/seed.py           (in another)
"""

import argparse
import asyncio
import sys
from dataclasses import asdict, fields

import httpx

from supportd.dev.seeding import Seeding, SeedingFailed
from supportd.dev.stories import Size, Story, stories
from supportd.upkeep.reporting import Reporting

SIMULATOR = "http://127.0.0.1:41180"
DEFAULTS = Size(users=10, conversations=30, tickets=10, ratings=10, complaints=5, devices=10)


async def carry_out(told: list[Story], simulator: str, report: Reporting) -> None:
    """Makes the calls. Raises `SeedingFailed` at the first that fails."""
    total = sum(len(story.steps) for story in told)
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        report.progress("calls", done, total)

    async with httpx.AsyncClient(trust_env=False) as http:
        await Seeding(simulator=simulator, http=http, told=advance).play(told)


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    found = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for kind in fields(Size):
        default = getattr(DEFAULTS, kind.name)
        found.add_argument(f"--{kind.name}", type=_count, default=default, metavar="N", help=f"(default: {default})")
    found.add_argument("--seed", type=int, default=1, help="makes the same data again (default: 1)")
    found.add_argument("--simulator", default=SIMULATOR, help=f"where the simulator listens (default: {SIMULATOR})")
    found.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    found.add_argument("--json", action="store_true", help="print the result as JSON")
    return found


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be 0 or more, not {text!r}")
    return int(text)


def main() -> int:
    """Returns 0, 1 if a call wasn't taken, or 2 for a bad argument."""
    arguments = parser().parse_args()
    size = Size(**{kind.name: getattr(arguments, kind.name) for kind in fields(Size)})
    if size.users == 0:
        parser().error("--users: must be 1 or more")
    if size.ratings > size.conversations:
        parser().error("--ratings: a conversation is rated once, so there can't be more than --conversations")
    told = list(stories(size, seed=arguments.seed))
    report = Reporting(out=sys.stdout, err=sys.stderr, as_json=arguments.json)
    if not arguments.dry_run:
        try:
            asyncio.run(carry_out(told, arguments.simulator.rstrip("/"), report))
        except SeedingFailed as error:
            report.trouble(f"seed: {error}")
            return 1
    calls = sum(len(story.steps) for story in told)
    words = ", ".join(f"{count} {kind}" for kind, count in asdict(size).items())
    did = "would make" if arguments.dry_run else "made"
    report.result({**asdict(size), "calls": calls, "dry_run": arguments.dry_run}, [f"{did} {words}: {calls} calls"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
