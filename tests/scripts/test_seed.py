"""`scripts/seed.py` as a program."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.harness import MongoDatabase, living

SCRIPT = Path(__file__).parents[2] / "scripts" / "seed.py"


async def seed(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(SCRIPT), *arguments]
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=50, check=False)


def said(workspace: Any) -> list[tuple[str, ...]]:
    return [
        (chat.source.body, *(part.body or part.part_type for part in chat.parts))
        for chat in workspace.conversations.values()
    ]


async def test_it_fills_the_simulator_and_the_list_shows_it(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        arguments = ("--users", "1", "--conversations", "5", "--simulator", world.simulator.base_url, "--json")
        done = await seed(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["conversations"] == 5
        assert len(await world.sdk("alice").list()) == 5

        first = said(world.simulator.workspace)
        await world.operator.control("POST", "/reset")
        await seed(*arguments)
        assert said(world.simulator.workspace) == first


async def test_a_dry_run_does_nothing(mongo: MongoDatabase) -> None:
    async with living(mongo, webhooks=False) as world:
        done = await seed("--dry-run", "--simulator", world.simulator.base_url)
        assert (done.returncode, done.stdout.startswith("would make 30 conversations")) == (0, True)
        assert world.simulator.workspace.conversations == {}


async def test_a_simulator_that_is_not_there_is_said() -> None:
    done = await seed("--simulator", "http://127.0.0.1:1")
    assert done.returncode == 1
    assert done.stderr.startswith("seed: http://127.0.0.1:1 didn't take it")
    assert "Traceback" not in done.stderr


async def test_it_has_a_help() -> None:
    assert "--dry-run" in (await seed("--help")).stdout
