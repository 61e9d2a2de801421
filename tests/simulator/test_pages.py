"""The demo's pages and sessions, as they go over the wire."""

from pathlib import Path

import httpx
import jwt
import pytest

import supportd
from supportd.clock import Clock
from tests.harness import JWT_SECRET, simulating

API = "http://127.0.0.1:1"
PAGES = Path(supportd.__file__).parent / "simulator" / "pages"


async def get(path: str) -> httpx.Response:
    async with simulating(api_url=API, jwt_secret=JWT_SECRET) as simulator, client(simulator.base_url) as http:
        return await http.get(path)


def client(base_url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=base_url, trust_env=False)


@pytest.mark.parametrize("path", ["/demo", "/pages/demo/app.js", "/pages/shared/base.css"])
async def test_files_come_under_a_strict_policy(path: str) -> None:
    answer = await get(path)
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert f"connect-src 'self' {API}" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-cache"


async def test_nothing_outside_of_the_folder_is_served() -> None:
    assert (await get("/pages/%2e%2e/config.py")).status_code in {403, 404}


async def test_a_session_is_short_and_the_users() -> None:
    async with simulating(api_url=API, jwt_secret=JWT_SECRET) as simulator, client(simulator.base_url) as http:
        made = (await http.post("/demo/session", json={"user": "bob", "ttl": 20})).json()
        claims = jwt.decode(made["token"], JWT_SECRET, algorithms=["HS256"])
    assert (claims["userId"], made["api"], made["expiresAt"]) == ("bob", API, claims["exp"] * 1000)
    assert claims["exp"] <= Clock().time() + 20


@pytest.mark.parametrize(
    "body", [{"user": ""}, {"user": "a" * 65}, {"user": "a", "ttl": 0}, {"user": "a", "ttl": 3601}]
)
async def test_a_bad_wish_is_refused(body: dict[str, object]) -> None:
    async with simulating(api_url=API, jwt_secret=JWT_SECRET) as simulator, client(simulator.base_url) as http:
        assert (await http.post("/demo/session", json=body)).status_code == 400


async def test_a_form_gets_no_session_and_without_a_secret_nobody_does() -> None:
    async with simulating(api_url=API, jwt_secret=JWT_SECRET) as simulator, client(simulator.base_url) as http:
        assert (await http.post("/demo/session", data={"user": "bob"})).status_code == 415
    async with simulating() as simulator, client(simulator.base_url) as http:
        assert (await http.post("/demo/session", json={"user": "bob"})).status_code == 404


@pytest.mark.parametrize("path", sorted(PAGES.rglob("*.*")), ids=lambda path: str(path.relative_to(PAGES)))
def test_pages_name_no_other_host_and_run_nothing_inline(path: Path) -> None:
    text = path.read_text().replace("http://www.w3.org/2000/svg", "")
    assert "http://" not in text
    assert "https://" not in text
    assert " style=" not in text
    assert len(text.splitlines()) < 520
