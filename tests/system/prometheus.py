"""The real Prometheus, with the configuration that is delivered; only the target and the intervals are others."""

import contextlib
import os
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

import supportd
from supportd.dev.child import Child
from supportd.dev.ports import LOOPBACK, free_port
from tests.system.processes import environment
from tests.waiting import eventually

CONF = Path(supportd.__file__).parents[1] / "conf"
PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")

# On a newcomer's machine there may be none. CI installs it: there, the tests fail without it.
needs_prometheus = pytest.mark.skipif(
    (PROMETHEUS is None or PROMTOOL is None) and "CI" not in os.environ,
    reason="there is no Prometheus here; Debian's package is prometheus",
)


@dataclass
class Prometheus:
    """A running one, and its API."""

    http: httpx.AsyncClient

    async def ask(self, path: str, **query: str) -> Any:
        response = await self.http.get(f"/api/v1/{path}", params=query)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    async def value(self, expression: str) -> float | None:
        """The value of the one series that an expression gives; None where there is none."""
        found = (await self.ask("query", query=expression))["result"]
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None


@contextlib.asynccontextmanager
async def scraping(port: int, folder: Path) -> AsyncIterator[Prometheus]:
    """A Prometheus that scrapes this port, until the context ends. It has scraped once when it begins."""
    assert PROMETHEUS is not None, "prometheus must be installed"
    own = free_port()
    (folder / "prometheus.yml").write_text(_substituted(port))
    shutil.copy(CONF / "alerts.yml", folder)
    options = [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={LOOPBACK}:{own}",
    ]
    child = Child("prometheus", [PROMETHEUS, *options], log=folder / "prometheus.log", environ=environment())
    child.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{own}", timeout=20, trust_env=False) as http:
            prometheus = Prometheus(http)
            await eventually(lambda: _has_scraped(prometheus, child))
            yield prometheus
    finally:
        child.stop()


async def _has_scraped(prometheus: Prometheus, child: Child) -> bool:
    assert child.running, child.last_lines()
    with contextlib.suppress(httpx.TransportError, AssertionError):
        return await prometheus.value("up") == 1
    return False


def _substituted(port: int) -> str:
    text = (CONF / "prometheus.yml").read_text()
    changes = {r"127\.0\.0\.1:41101": f"{LOOPBACK}:{port}", r"_interval: 15s": "_interval: 500ms"}
    for found, put in changes.items():
        text, count = re.subn(found, put, text)
        assert count, found
    return text
