"""`supportd dev`, as a newcomer runs it: its printed lines pasted into a shell, Ctrl-C, and again the next day."""

import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pymongo
import pytest

from supportd.dev.child import Child
from supportd.dev.demo_config import DATABASE
from supportd.dev.instructions import PASTE, STOP
from supportd.dev.mongod import Mongod
from supportd.dev.ports import free_port
from tests.dev.processes import children_of, is_alive
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(180)  # processes start, stop, and start again

UP_WITHIN_S = 40.0


@dataclass
class Demo:
    """A demo that is up."""

    process: Child
    base: int
    parts: dict[int, str]

    @property
    def printed(self) -> str:
        return self.process.log.read_text()

    @property
    def lines(self) -> str:
        """What it said to paste."""
        return self.printed.partition(PASTE)[2].partition(STOP)[0]

    async def pasted(self, folder: Path, environ: dict[str, str]) -> str:
        """What a shell prints that was given the lines."""
        bash = Child("bash", [shutil.which("bash") or "", "-c", self.lines], log=folder / "pasted", environ=environ)
        bash.start()
        await eventually(lambda: not bash.running)
        assert bash.exit_code == 0
        return bash.log.read_text()

    async def ended(self) -> int | None:
        """Its exit code, once it and all its parts are gone."""
        await eventually(lambda: not self.process.running)
        await eventually(lambda: not any(is_alive(pid) for pid in self.parts))
        return self.process.exit_code

    def part(self, name: str) -> int:
        return next(pid for pid, command in self.parts.items() if name in command)


def demo(folder: Path, base: int, environ: dict[str, str]) -> Child:
    command = [sys.executable, "-m", "supportd", "dev", "--var", str(folder / "var")]
    return Child("demo", command, log=folder / "demo.log", environ={**environ, "DEV_PORT_BASE": str(base)})


@asynccontextmanager
async def running_demo(folder: Path, **environ: str) -> AsyncIterator[Demo]:
    base = free_port(1, 17, 80)
    process = demo(folder, base, {**os.environ, **environ})
    process.start()
    try:
        await eventually(lambda: STOP in process.last_lines() or not process.running, timeout_s=UP_WITHIN_S)
        assert process.running, process.last_lines()
        yield Demo(process, base, children_of(process.pid))
    finally:
        process.stop()


def without_curl(folder: Path) -> str:
    """A PATH that has what the lines use but curl."""
    folder.mkdir()
    (folder / "python3").symlink_to(Path(sys.executable).resolve())
    for tool in ("grep", "sleep"):
        (folder / tool).symlink_to(shutil.which(tool) or "")
    return str(folder)


def answers(printed: str, key: str) -> list[Any]:
    """The JSON answers that have the key."""
    found = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return [answer for answer in found if key in answer]


async def test_a_newcomers_first_two_days(tmp_path: Path) -> None:
    async with running_demo(tmp_path) as first:
        assert len(first.parts) == 3
        printed = await first.pasted(tmp_path, dict(os.environ))
        assert answers(printed, "conversations") == [{"conversations": [], "nextCursor": None}]
        answered, closed = answers(printed, "latestTimestamp")
        assert [message["body"] for message in answered["messages"]] == ["My card was declined.", "Hello Alice"]
        assert answered["messages"][1]["html"] == "<p>Hello <b>Alice</b></p>"
        assert (answered["state"], closed["state"]) == ("open", "closed")
        assert [answer["status"] for answer in answers(printed, "status")] == ["ok", "ready"]
        assert 'supportd_http_requests_total{method="GET",route="poll",status="200"} 2.0' in printed
        token = first.lines.partition("TOKEN=")[2].split()[0]
        os.kill(first.process.pid, signal.SIGINT)
        assert await first.ended() == 0
        assert first.printed.rstrip().endswith("All stopped.")
        assert "Traceback" not in first.printed

    path = without_curl(tmp_path / "bin")
    async with running_demo(tmp_path, PATH=path) as second:
        api = f"http://127.0.0.1:{second.base}/api/conversations"
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, trust_env=False) as http:
            (found,) = (await http.get(api)).json()["conversations"]
            whole = (await http.get(f"{api}/{found['id']}")).json()
        assert [message["body"] for message in whole["messages"]] == ["My card was declined.", "Hello Alice"]
        printed = await second.pasted(tmp_path, {**os.environ, "PATH": path})
        assert answers(printed, "latestTimestamp")[0]["messages"][1]["body"] == "Hello Alice"
        os.kill(second.process.pid, signal.SIGTERM)
        assert await second.ended() == 0


async def test_when_a_part_ends_all_do(tmp_path: Path) -> None:
    async with running_demo(tmp_path) as running:
        os.kill(running.part("supportd.simulator"), signal.SIGKILL)
        assert await running.ended() == 1
        assert "supportd dev: the simulator ended with exit code -9. The end of" in running.printed
        assert "simulator ready on" in running.printed
        assert "Traceback" not in running.printed


async def test_when_it_is_killed_its_parts_end_too(tmp_path: Path) -> None:
    async with running_demo(tmp_path) as running:
        running.process.kill()
        await running.ended()


async def test_without_a_mongod_it_says_what_to_do_instead(tmp_path: Path) -> None:
    process = demo(tmp_path, free_port(1, 17, 80), {**os.environ, "MONGOD": "/nowhere"})
    process.start()
    await eventually(lambda: not process.running)
    assert process.exit_code == 1
    assert "/nowhere doesn't run here: " in process.last_lines()
    assert "install MongoDB 6 or newer" in process.last_lines()
    assert "Traceback" not in process.last_lines()


async def test_without_a_mongod_one_elsewhere_will_do(tmp_path: Path, mongod: Mongod) -> None:
    async with running_demo(tmp_path, MONGOD="/nowhere", MONGO_URI=mongod.uri) as running:
        assert len(running.parts) == 2
        printed = await running.pasted(tmp_path, dict(os.environ))
        assert answers(printed, "latestTimestamp")[0]["messages"][1]["body"] == "Hello Alice"
    with pymongo.MongoClient[dict[str, Any]](mongod.uri) as client:
        assert DATABASE in client.list_database_names()
        client.drop_database(DATABASE)
