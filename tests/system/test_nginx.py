"""What nginx, as it is delivered, lets through and what it says itself: always in the API's shape."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from supportd.dev.ports import LOOPBACK, free_port
from tests.conformance import CHECKED
from tests.harness import MongoDatabase, Sdk, living, token
from tests.raw_uploads import try_upload, uploaded
from tests.system.certificates import certificate
from tests.system.nginx import fronted, needs_nginx
from tests.waiting import eventually

pytestmark = needs_nginx
JSON = {"Content-Type": "application/json"}


@contextlib.asynccontextmanager
async def through_nginx(port: int, folder: Path) -> AsyncIterator[Sdk]:
    """A client of the nginx in front of the port, over TLS."""
    tls = certificate(folder)
    with fronted(port, folder, tls) as own:
        trusted = ssl.create_default_context(cafile=str(tls.chain))
        client = httpx.AsyncClient(
            base_url=f"https://{LOOPBACK}:{own.port}", verify=trusted, timeout=40, trust_env=False
        )
        async with client as http:
            await eventually(lambda: listens(http))
            yield Sdk(http, "alice", token("alice"))


async def listens(http: httpx.AsyncClient) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return bool(await http.get("/metrics"))
    return False


def is_error(response: httpx.Response, status: int, error: str) -> bool:
    assert response.headers["Content-Type"].startswith("application/json")
    return response.status_code == status and response.json()["error"] == error and bool(response.json()["message"])


async def test_what_it_lets_through(mongo: MongoDatabase, tmp_path: Path) -> None:
    async with living(mongo, max_file_mb=2) as world, through_nginx(world.server.port, tmp_path) as alice:
        alice.http.event_hooks = {name: list(hooks) for name, hooks in CHECKED.items()}
        chat = await alice.start(body="Hello")
        held = asyncio.create_task(alice.poll(chat["id"], since=chat["latestTimestamp"], wait=25))
        await eventually(lambda: len(world.server.parts.waiters) == 1)
        await world.operator.reply(chat["id"], "news")
        assert [message["body"] for message in (await held)["messages"]] == ["news"]
        file = await uploaded(alice)
        assert (await alice.call("GET", f"/api/files/{file['id']}")).status_code == 200
        assert is_error(await try_upload(alice, b"x" * 3 * 2**20, "a.txt", "text/plain"), 400, "validation_error")
        too_long = b'{"body": "' + b"x" * 64 * 1024 + b'"}'
        assert is_error(
            await alice.call("POST", "/api/conversations", content=too_long, headers=JSON), 400, "bad_request"
        )
        for path in ("/health", "/ready", "/openapi.json", "/docs"):
            assert (await alice.http.get(path)).status_code == 200


async def test_files_of_the_full_size(mongo: MongoDatabase, tmp_path: Path) -> None:
    """20 MB go through and come back whole; what is just over it supportd refuses, what is more nginx."""
    content = ("x" * 99 + "\n").encode() * (20 * 2**20 // 100)
    content += b"y" * (20 * 2**20 - len(content))
    async with living(mongo) as world, through_nginx(world.server.port, tmp_path) as alice:
        file = await uploaded(alice, content, "log.txt")
        assert (await alice.call("GET", f"/api/files/{file['id']}")).content == content
        over = await try_upload(alice, content + b"z", "log.txt", "text/plain")
        assert is_error(over, 400, "validation_error")
        far_over = await try_upload(alice, content + content, "log.txt", "text/plain")
        assert is_error(far_over, 400, "bad_request")


async def test_what_it_says_itself(tmp_path: Path) -> None:
    async with through_nginx(free_port(), tmp_path) as alice:
        for path in ("/metrics", "/", "/nothing"):
            assert is_error(await alice.http.get(path), 404, "not_found")
        away = await alice.call("POST", "/api/conversations", json={"body": "Hello"})
        assert is_error(away, 502, "service_unavailable")
        assert int(away.headers["Retry-After"]) >= 1
        large = await alice.call("POST", "/api/conversations", content=b"x" * 2 * 2**20, headers=JSON)
        assert is_error(large, 400, "bad_request")


async def test_who_comes_without_tls_is_sent_to_it(tmp_path: Path) -> None:
    with fronted(free_port(), tmp_path, certificate(tmp_path)) as own:
        async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{own.plain_port}", trust_env=False) as http:
            await eventually(lambda: listens(http))
            sent = await http.post("/api/conversations", json={"body": "Hello"})
            assert (sent.status_code, sent.headers["Location"]) == (308, f"https://{LOOPBACK}/api/conversations")
            (tmp_path / ".well-known" / "acme-challenge").mkdir(parents=True)
            (tmp_path / ".well-known" / "acme-challenge" / "token").write_text("a certificate's")
            assert (await http.get("/.well-known/acme-challenge/token")).text == "a certificate's"


async def test_the_log_names_no_query(tmp_path: Path) -> None:
    """A link to a file is signed there."""
    async with through_nginx(free_port(), tmp_path) as alice:
        await alice.http.get("/files/1?t=secret")
    logged = (tmp_path / "nginx-access.log").read_text()
    assert "/files/1" in logged
    assert "secret" not in logged
