"""`scripts/picture.py` as a program: it draws a picture from a running demo, and says so where there is none."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from supportd.dev.ports import free_port
from tests.browser.browsing import browsing, needs_chromium
from tests.harness import MongoDatabase

pytestmark = [needs_chromium, pytest.mark.timeout(120)]

SCRIPT = Path(__file__).parents[2] / "scripts" / "picture.py"


async def draw(demo: str, to: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(SCRIPT), "--demo", demo, "--to", str(to)]
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=90, check=False)


async def test_it_draws_the_running_pages(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with browsing(mongo) as shown:
        done = await draw(shown.origin, tmp_path / "pages.png")
        assert (done.returncode, done.stderr) == (0, "")
        assert (tmp_path / "pages.png").read_bytes().startswith(b"\x89PNG")


async def test_without_a_demo_it_says_so(tmp_path: Path) -> None:
    done = await draw(f"http://127.0.0.1:{free_port()}", tmp_path / "pages.png")
    assert done.returncode == 1
    assert "Start one with `make demo`" in done.stderr
