"""The simulator as a process of its own: its start, its end, and what it remembers."""

import ast
import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.simulator.helpers import ADMIN_ID, DEADLINE_S, SECRET, TOKEN, http_client

CREDENTIALS = {
    "INTERCOM_ACCESS_TOKEN": TOKEN,
    "INTERCOM_CLIENT_SECRET": SECRET,
    "INTERCOM_ADMIN_ID": ADMIN_ID,
}
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


async def spawn(*arguments: str, credentials: dict[str, str] | None = None) -> asyncio.subprocess.Process:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("INTERCOM_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "supportd.simulator", "--port", "0", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=bare | (CREDENTIALS if credentials is None else credentials),
    )


@contextlib.asynccontextmanager
async def process(*arguments: str, end: signal.Signals = signal.SIGTERM) -> AsyncIterator[httpx.AsyncClient]:
    """A running one, ended by a signal, which it must take well."""
    child = await spawn(*arguments)
    assert child.stdout is not None
    try:
        async with asyncio.timeout(DEADLINE_S):
            line = (await child.stdout.readline()).decode()
        assert line.startswith("simulator ready on http://127.0.0.1:")
        async with http_client(line.split()[-1]) as http:
            yield http
        child.send_signal(end)
        out, err = await asyncio.wait_for(child.communicate(), DEADLINE_S)
        assert (child.returncode, out, err) == (0, b"", b"")
    finally:
        if child.returncode is None:
            child.kill()
            await child.communicate()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
async def test_what_it_holds_survives_a_restart(tmp_path: Path, end: signal.Signals) -> None:
    state = tmp_path / "var" / "simulator.json"
    start = {"external_id": "u-1", "body": "Hello"}
    async with process("--state", str(state), end=end) as http:
        await http.post("/_sim/conversations", json=start)
        before = (await http.post("/_sim/conversations/last/reply", json={"body": "hi"})).json()
    assert sorted(path.name for path in state.parent.iterdir()) == ["simulator.json"]
    async with process("--state", str(state)) as http:
        assert (await http.get("/_sim/conversations/last")).json() == before
        found = (await http.get("/_sim/status")).json()
        assert (found["conversations"], found["contacts"]) == (1, 1)
        second = (await http.post("/_sim/conversations", json={**start, "external_id": "u-2"})).json()
        assert second["id"] != before["id"]
        assert second["contacts"]["contacts"][0]["id"] != before["contacts"]["contacts"][0]["id"]


async def test_an_open_snooze_survives_a_restart(tmp_path: Path) -> None:
    state = str(tmp_path / "simulator.json")
    async with process("--state", state) as http:
        await http.post("/_sim/conversations", json={"external_id": "u-1", "body": "Hello"})
        now = (await http.get("/_sim/status")).json()["now"]
        await http.post("/_sim/conversations/last/snooze", json={"until": int(now) + 3600})
    async with process("--state", state) as http:
        await http.post("/_sim/clock", json={"advance": 3601})
        assert (await http.get("/_sim/conversations/last")).json()["state"] == "open"


async def test_tickets_survive_a_restart(tmp_path: Path) -> None:
    state = str(tmp_path / "simulator.json")
    start = {"external_id": "u-1", "title": "Lost"}
    async with process("--state", state) as http:
        await http.post("/_sim/tickets", json=start)
        await http.post("/_sim/tickets/last/reply", json={"body": "We look into it"})
        now = (await http.get("/_sim/status")).json()["now"]
        before = (await http.post("/_sim/tickets/last/snooze", json={"until": int(now) + 3600})).json()
        types = (await http.get("/ticket_types", headers=AUTHORIZED)).json()
    async with process("--state", state) as http:
        assert (await http.get("/_sim/tickets")).json() == {"tickets": [before]}
        assert (await http.get("/ticket_types", headers=AUTHORIZED)).json() == types
        query = {"query": {"field": "title", "operator": "=", "value": "Lost"}}
        found = (await http.post("/tickets/search", json=query, headers=AUTHORIZED)).json()
        assert [each["id"] for each in found["tickets"]] == [before["id"]]
        second = (await http.post("/_sim/tickets", json=start)).json()
        assert (second["ticket_type"], second["ticket_id"]) == (before["ticket_type"], "2")
        await http.post("/_sim/clock", json={"advance": 3601})
        assert "snoozed_until" not in (await http.get(f"/_sim/tickets/{before['id']}")).json()


async def test_a_state_without_tickets_is_read(tmp_path: Path) -> None:
    """As versions wrote it that had none."""
    state = tmp_path / "simulator.json"
    async with process("--state", str(state)) as http:
        await http.post("/_sim/conversations", json={"external_id": "u-1", "body": "Hello"})
    old = json.loads(state.read_text())
    for name in ("tickets", "ticket_types", "ticket_states"):
        del old[name]
    state.write_text(json.dumps(old))
    async with process("--state", str(state)) as http:
        assert (await http.get("/_sim/status")).json()["conversations"] == 1
        assert (await http.post("/_sim/tickets", json={"external_id": "u-1", "title": "Lost"})).status_code == 200


async def test_without_a_state_file_it_forgets() -> None:
    async with process() as http:
        assert (await http.get("/me", headers=AUTHORIZED)).json()["id"] == ADMIN_ID


@pytest.mark.parametrize("missing", sorted(CREDENTIALS))
async def test_a_missing_credential_is_named(missing: str) -> None:
    credentials = {name: value for name, value in CREDENTIALS.items() if name != missing}
    child = await spawn(credentials=credentials)
    out, err = await asyncio.wait_for(child.communicate(), DEADLINE_S)
    assert (child.returncode, out) == (1, b"")
    assert err.decode().startswith(f"simulator: {missing} is not set")


async def test_a_damaged_state_is_not_overwritten(tmp_path: Path) -> None:
    state = tmp_path / "simulator.json"
    state.write_text('{"contacts": ')
    child = await spawn("--state", str(state))
    _, err = await asyncio.wait_for(child.communicate(), DEADLINE_S)
    assert child.returncode == 1
    assert str(state) in err.decode()
    assert state.read_text() == '{"contacts": '


def imports(path: Path) -> set[str]:
    """Which of our modules a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith("supportd")}


def test_it_shares_nothing_with_supportd_but_the_clock() -> None:
    package = Path(__file__).resolve().parents[2] / "supportd"
    for path in package.rglob("*.py"):
        inside = {name for name in imports(path) if name.startswith("supportd.simulator")}
        if path.parent.name == "simulator":
            assert imports(path) - inside <= {"supportd.clock.Clock"}, path
        else:
            assert not inside, path
