"""A simulator in the test's event loop, its clients, and a subscriber for its webhooks."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
from intercom import AsyncIntercom
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from supportd.clock import Clock
from supportd.simulator.app import Simulator
from supportd.simulator.config import SimulatorConfig

TOKEN = "the-access-token"
SECRET = "the-client-secret"
ADMIN_ID = "3156780"
START = 1_795_000_000.0
DEADLINE_S = 10.0


class StoppedClock(Clock):
    """Stands still; the control API moves the simulator's time."""

    def time(self) -> float:
        return START


@dataclass
class Playground:
    """One simulator: its API by hand and through the official client, and the control API."""

    simulator: Simulator
    http: httpx.AsyncClient
    official: AsyncIntercom

    async def api(self, method: str, path: str, body: Any = None, *, status: int = 200, **headers: str) -> Any:
        """A call of Intercom's API; keyword headers are written with underscores."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        response = await self.http.request(
            method, path, json=body, headers={"Authorization": f"Bearer {TOKEN}"} | given
        )
        assert response.status_code == status, response.text
        return response.json()

    async def sim(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """A call of the control API."""
        response = await self.http.request(method, f"/_sim{path}", json=body)
        assert response.status_code == status, response.text
        return response.json()

    async def act(self, action: str, *, on: str = "last", **body: Any) -> Any:
        """An action on a conversation."""
        return await self.sim("POST", f"/conversations/{on}/{action}", body)

    async def faults(self, **switches: Any) -> None:
        await self.sim("POST", "/faults", switches)

    async def advance(self, seconds: float) -> None:
        await self.sim("POST", "/clock", {"advance": seconds})

    async def conversation(self, user: str = "u-1", body: str = "Hello", **more: Any) -> Any:
        """A conversation that a contact starts in the messenger."""
        return await self.sim("POST", "/conversations", {"external_id": user, "body": body, **more})

    async def ticket(self, user: str = "u-1", title: str = "The parcel", **more: Any) -> Any:
        """A ticket that the team makes for a contact."""
        return await self.sim("POST", "/tickets", {"external_id": user, "title": title, **more})

    async def act_on_ticket(self, action: str, *, on: str = "last", **body: Any) -> Any:
        """An action on a ticket."""
        return await self.sim("POST", f"/tickets/{on}/{action}", body)

    async def states(self) -> dict[str, str]:
        """The ids of the states that customers' tickets can be in, by their internal labels."""
        types = (await self.api("GET", "/ticket_types"))["data"]
        [customers] = [each for each in types if each["category"] == "Customer"]
        return {each["internal_label"]: each["id"] for each in customers["ticket_states"]["data"]}

    async def type_id(self, category: str = "Customer") -> str:
        """The id of the ticket type of a category."""
        types = (await self.api("GET", "/ticket_types"))["data"]
        [found] = [each["id"] for each in types if each["category"] == category]
        return str(found)

    async def contact(self, user: str = "u-1") -> Any:
        return await self.sim("POST", "/contacts", {"external_id": user, "name": "Joe", "email": f"{user}@x.io"})

    async def search(self, query: Any, **more: Any) -> Any:
        return await self.api("POST", "/conversations/search", {"query": query, **more})

    async def ids(self, query: Any, **more: Any) -> list[str]:
        """The ids that a search finds."""
        return [each["id"] for each in (await self.search(query, **more))["conversations"]]


def config(**changes: Any) -> SimulatorConfig:
    return SimulatorConfig(access_token=TOKEN, client_secret=SECRET, admin_id=ADMIN_ID, **changes)


def http_client(base_url: str) -> httpx.AsyncClient:
    """A client for plain HTTP, made without loading certificates."""
    verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.AsyncClient(base_url=base_url, verify=verify, trust_env=False, timeout=DEADLINE_S)


@contextlib.asynccontextmanager
async def playing(clock: Clock | None = None, **changes: Any) -> AsyncIterator[Playground]:
    simulator = Simulator(config(**changes), clock or StoppedClock())
    await simulator.start()
    try:
        async with http_client(simulator.base_url) as http:
            official = AsyncIntercom(base_url=simulator.base_url, token=TOKEN, httpx_client=http)
            yield Playground(simulator, http, official)
    finally:
        await simulator.stop()


async def eventually(predicate: Callable[[], Awaitable[bool]]) -> None:
    """Asks again until it is so."""
    async with asyncio.timeout(DEADLINE_S):
        while not await predicate():
            pass


def parts_of(conversation: Any) -> list[Any]:
    parts: list[Any] = conversation["conversation_parts"]["conversation_parts"]
    return parts


def ticket_parts_of(ticket: Any) -> list[Any]:
    parts: list[Any] = ticket["ticket_parts"]["ticket_parts"]
    return parts


def code_of(error_list: Any) -> str:
    """The code of an error answer, whose shape is checked on the way."""
    assert error_list["type"] == "error.list"
    assert len(error_list["request_id"]) == 36
    code: str = error_list["errors"][0]["code"]
    return code


@dataclass
class Delivery:
    """One webhook request as it arrived."""

    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def topic(self) -> str:
        topic: str = self.json["topic"]
        return topic

    @property
    def item(self) -> Any:
        return self.json["data"]["item"]


@dataclass
class Subscriber:
    """Receives webhooks; `statuses` are given out in turn, 200 once they are used up, 0 for no answer at all."""

    url: str = ""
    head_status: int = 200
    statuses: list[int] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def topics(self) -> list[str]:
        return [each.topic for each in self.deliveries]

    async def received(self, count: int) -> list[Delivery]:
        """Waits for that many deliveries."""
        await self.until(lambda: len(self.deliveries) >= count)
        return self.deliveries

    async def until(self, predicate: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S), self.changed:
            await self.changed.wait_for(predicate)

    async def take(self, delivery: Delivery) -> int:
        """Notes a delivery and says how to answer it."""
        async with self.changed:
            self.deliveries.append(delivery)
            self.changed.notify_all()
        return self.statuses.pop(0) if self.statuses else 200


class _Receiver(RequestHandler):
    def initialize(self, *, subscriber: Subscriber) -> None:
        self.subscriber = subscriber

    def head(self) -> None:
        self.set_status(self.subscriber.head_status)

    async def post(self) -> None:
        headers = {name.lower(): value for name, value in self.request.headers.get_all()}
        status = await self.subscriber.take(Delivery(self.request.body, headers))
        if status == 0:
            await self.subscriber.closing.wait()
        self.set_status(status or 500)


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[Subscriber]:
    """A subscriber on a port of its own."""
    subscriber = Subscriber()
    sockets = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(Application([("/hook", _Receiver, {"subscriber": subscriber})], log_function=lambda _: None))
    server.add_sockets(sockets)
    subscriber.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}/hook"
    try:
        yield subscriber
    finally:
        subscriber.closing.set()
        server.stop()
        await server.close_all_connections()


@contextlib.asynccontextmanager
async def subscribed(**changes: Any) -> AsyncIterator[tuple[Playground, Subscriber]]:
    """A simulator whose webhooks go to a subscriber."""
    async with listening() as subscriber, playing(**changes) as play:
        await play.sim("POST", "/webhook", {"url": subscriber.url})
        yield play, subscriber
