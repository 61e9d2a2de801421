"""A supportd, a simulator and a MongoDB, wired to each other, in one event loop; and a client that speaks as an SDK."""

import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jwt

from supportd.clock import Clock
from supportd.config import Settings
from supportd.server import Server, running
from supportd.simulator.app import Simulator
from supportd.simulator.config import SimulatorConfig
from tests.conformance import CHECKED
from tests.waiting import eventually

JWT_SECRET = "test-secret-of-more-than-thirty-two-bytes"
CLIENT_SECRET = "test-client-secret"
ACCESS_TOKEN = "test-access-token"
ADMIN_ID = "9001"


class DrivenClock(Clock):
    """The system's clocks plus what a test advanced them by, and by what somebody set the one on the wall."""

    def __init__(self) -> None:
        self.advanced = 0.0
        self.jumped = 0.0

    def advance(self, seconds: float) -> None:
        self.advanced += seconds

    def jump(self, seconds: float) -> None:
        """Sets the system's clock forward or back: no time passes."""
        self.jumped += seconds

    def time(self) -> float:
        return super().time() + self.advanced + self.jumped

    def monotonic(self) -> float:
        return super().monotonic() + self.advanced


def token(user: str, *, expires_in: float = 7 * 86400, secret: str = JWT_SECRET, **claims: Any) -> str:
    payload = {"userId": user, "exp": int(Clock().time() + expires_in), **claims}
    return jwt.encode(payload, secret, algorithm="HS256")


@dataclass
class Sdk:
    """One user's client."""

    http: httpx.AsyncClient
    user: str
    token: str

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return await self.http.request(method, path, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> Any:
        response = await self.call("GET", path, **options)
        assert response.status_code == 200, response.text
        return response.json()

    async def post(self, path: str, body: Any = None, *, status: int, **options: Any) -> Any:
        response = await self.call("POST", path, json=body, **options)
        assert response.status_code == status, response.text
        return response.json()

    async def start(self, **body: Any) -> Any:
        return await self.post("/api/conversations", body, status=201)

    async def reply(self, conversation_id: str, body: str) -> Any:
        return await self.post(f"/api/conversations/{conversation_id}/reply", {"body": body}, status=201)

    async def show(self, conversation_id: str) -> Any:
        return await self.get(f"/api/conversations/{conversation_id}")

    async def poll(self, conversation_id: str, since: int = 0, **query: Any) -> Any:
        return await self.get(f"/api/conversations/{conversation_id}/poll", params={"since": since, **query})

    async def list(self, **query: Any) -> Any:
        return (await self.get("/api/conversations", params=query))["conversations"]


@dataclass
class Operator:
    """The simulator's control API: what people and accidents do to Intercom."""

    http: httpx.AsyncClient

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        response = await self.http.request(method, f"/_sim{path}", json=body)
        assert response.status_code < 300, response.text
        return response.json() if response.content else None

    async def act(self, conversation_id: str, action: str, **body: Any) -> Any:
        return await self.control("POST", f"/conversations/{conversation_id}/{action}", body)

    async def reply(self, conversation_id: str, body: str, **more: Any) -> Any:
        return await self.act(conversation_id, "reply", body=body, **more)

    async def truth(self, conversation_id: str) -> Any:
        return await self.control("GET", f"/conversations/{conversation_id}")

    async def make_ticket(self, user: str = "alice", title: str = "Lost card", **more: Any) -> Any:
        return await self.control("POST", "/tickets", {"external_id": user, "title": title, **more})

    async def act_on_ticket(self, ticket_id: str, action: str, **body: Any) -> Any:
        return await self.control("POST", f"/tickets/{ticket_id}/{action}", body)

    async def true_ticket(self, ticket_id: str) -> Any:
        return await self.control("GET", f"/tickets/{ticket_id}")

    async def trouble(self, **faults: Any) -> None:
        await self.control("POST", "/faults", faults)

    async def no_trouble(self) -> None:
        await self.control("DELETE", "/faults")

    async def calls(self) -> dict[str, int]:
        found: dict[str, int] = (await self.control("GET", "/calls"))["by_operation"]
        return found

    async def forget_calls(self) -> None:
        await self.control("DELETE", "/calls")

    async def deliver(self) -> None:
        await self.control("POST", "/webhook/flush")


@dataclass
class World:
    """Everything a test needs."""

    settings: Settings
    server: Server
    simulator: Simulator
    operator: Operator
    http: httpx.AsyncClient
    clock: DrivenClock
    sdks: dict[str, Sdk] = field(default_factory=dict)

    def sdk(self, user: str = "alice") -> Sdk:
        if user not in self.sdks:
            self.sdks[user] = Sdk(self.http, user, token(user))
        return self.sdks[user]

    async def settle(self) -> None:
        """Every webhook is delivered and processed."""
        await self.operator.deliver()
        await self.server.parts.inbox.drain()

    async def finish_jobs(self) -> None:
        """The outbox is empty: its own loop and this one did what was due."""
        await eventually(self._has_no_jobs)

    async def _has_no_jobs(self) -> bool:
        await self.server.parts.outbox.work()
        return await self.server.parts.database["outbox"].count_documents({}) == 0

    async def elapse(self, seconds: float) -> None:
        """Time passes, here and at Intercom."""
        self.clock.advance(seconds)
        await self.operator.control("POST", "/clock", {"advance": seconds})

    async def reconcile(self) -> int:
        return await self.server.parts.reconciler.run()

    def metric(self, name: str, **labels: str) -> float:
        return self.server.parts.metrics.registry.get_sample_value(f"supportd_{name}", labels) or 0.0


def settings(mongo: "MongoDatabase", intercom_url: str, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "jwt_secret": JWT_SECRET,
        "mongo_uri": mongo.uri,
        "mongo_db": mongo.name,
        "intercom_base_url": intercom_url,
        "intercom_access_token": ACCESS_TOKEN,
        "intercom_client_secret": CLIENT_SECRET,
        "intercom_admin_id": ADMIN_ID,
        "intercom_timeout": 5.0,
        "reconcile_interval": 3600,
        "port": 0,
        "metrics_port": 0,
        "files_dir": str(mongo.files_dir),
        "rate_limit_per_minute": 100_000,
        "write_rate_limit_per_minute": 100_000,
    }
    return Settings(**{**values, **changes})


@dataclass(frozen=True)
class MongoDatabase:
    """A database of its own on the session's mongod."""

    uri: str
    name: str
    files_dir: Path


@contextlib.asynccontextmanager
async def simulating(**config: Any) -> AsyncIterator[Simulator]:
    simulator = Simulator(
        SimulatorConfig(
            port=0, access_token=ACCESS_TOKEN, client_secret=CLIENT_SECRET, admin_id=ADMIN_ID, seed=1, **config
        ),
        Clock(),
    )
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.stop()


@contextlib.asynccontextmanager
async def serving(
    configuration: Settings, simulator: Simulator, *, webhooks: bool = True, clock: DrivenClock | None = None
) -> AsyncIterator[World]:
    """A supportd on the simulator. Its first reconciler run is over when the test begins."""
    clock = clock or DrivenClock()
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(running(configuration, clock=clock, rng=random.Random(1)))
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{server.port}",
                timeout=40,
                trust_env=False,
                event_hooks=CHECKED,
            )
        )
        control = await stack.enter_async_context(
            httpx.AsyncClient(base_url=simulator.base_url, timeout=40, trust_env=False)
        )
        operator = Operator(control)
        world = World(configuration, server, simulator, operator, http, clock)
        if webhooks:
            await operator.control("POST", "/webhook", {"url": f"http://127.0.0.1:{server.port}/webhooks/intercom"})
        await eventually(lambda: _first_run_is_over(world))
        await operator.forget_calls()
        yield world


@contextlib.asynccontextmanager
async def living(mongo: MongoDatabase, *, webhooks: bool = True, **changes: Any) -> AsyncIterator[World]:
    """The whole world, for tests that need one server only."""
    async with simulating() as simulator:
        configuration = settings(mongo, simulator.base_url, **changes)
        async with serving(configuration, simulator, webhooks=webhooks) as world:
            yield world


def _first_run_is_over(world: World) -> bool:
    runs = [world.metric("reconciler_runs_total", outcome=outcome) for outcome in ("ok", "outage", "breaker_open")]
    return sum(runs) > 0
