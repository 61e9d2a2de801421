"""supportd as a process whose network is ours, users who send through its crashes, and what became of their words."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pymongo

from supportd.conversations.richtext import as_text
from supportd.dev.ports import free_port
from tests.conformance import CHECKED
from tests.faults.boundaries import Boundaries, Boundary, Stop
from tests.files import makers
from tests.harness import MongoDatabase, Sdk
from tests.proxying import proxied
from tests.sending import is_conflict, send
from tests.system.processes import Processes, answers, processes, serve_environment, started
from tests.waiting import eventually

IMPATIENCE_S = 0.5  # how soon a client tries again that heard nothing


@dataclass
class House:
    """A supportd, the simulator, and the network between it and what it needs."""

    running: Processes
    boundaries: Boundaries
    mongo: MongoDatabase

    async def crash(self) -> None:
        """Kills supportd where it stands, and starts it again. What was under way on its connections is lost."""
        self.running.supportd.kill()
        self.boundaries.cut()
        await self.running.restart()

    def age(self, seconds: int) -> None:
        """The keys' records are as old as if so much time had passed."""
        back = dict.fromkeys(("running_until", "calling_until", "intent.at"), -seconds * 1000)
        with self._stored() as database:
            database["idempotency"].update_many({"intent": {"$exists": True}}, {"$inc": back})
            del back["intent.at"]
            begun = {"intent": {"$exists": False}, "run": {"$exists": True}}
            database["idempotency"].update_many(begun, {"$inc": back})

    def runs(self) -> set[str]:
        """The runs that keys belong to."""
        with self._stored() as database:
            return {record["run"] for record in database["idempotency"].find({"run": {"$exists": True}})}

    def complaints(self, words: str) -> list[str]:
        """The ids of those with these words."""
        with self._stored() as database:
            return [each["_id"] for each in database["complaints"].find({"description": words})]

    @contextlib.contextmanager
    def _stored(self) -> Iterator[pymongo.database.Database[dict[str, Any]]]:
        with pymongo.MongoClient[dict[str, Any]](self.mongo.uri) as client:
            yield client[self.mongo.name]


@contextlib.asynccontextmanager
async def house(mongo: MongoDatabase, folder: Path) -> AsyncIterator[House]:
    simulator_port, mongodb_port = free_port(), pymongo.uri_parser.parse_uri(mongo.uri)["nodelist"][0][1]
    async with proxied(mongodb_port) as mongodb, proxied(simulator_port) as intercom:
        port = free_port()
        settings: dict[str, Any] = {
            "INTERCOM_BASE_URL": f"http://127.0.0.1:{intercom.port}",
            "INTERCOM_TIMEOUT": "30",
            "PORT": str(port),
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "FILES_DIR": str(mongo.files_dir),
            "MOTOR_MAX_WORKERS": "200",  # a call that is stopped keeps a thread of the driver's
        }
        uri = f"mongodb://127.0.0.1:{mongodb.port}/?directConnection=true"
        async with processes(uri, mongo.name, folder, simulator_port, webhooks=True, **settings) as running:
            yield House(running, Boundaries(mongodb, intercom), mongo)


@contextlib.asynccontextmanager
async def neighbour(house: House, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Another supportd on the same database, and a client of it."""
    simulator = str(house.running.operator.http.base_url)
    environ = serve_environment(house.mongo.uri, house.mongo.name, simulator, FILES_DIR=str(house.mongo.files_dir))
    api = f"http://127.0.0.1:{environ['PORT']}"
    with started("neighbour", ["supportd", "serve"], environ, folder) as child:
        async with httpx.AsyncClient(base_url=api, timeout=40, trust_env=False, event_hooks=CHECKED) as http:
            await eventually(lambda: answers(http, "/health", child))
            yield http


@dataclass
class Sending:
    """A user's message: where it goes, what it says, and how to see in Intercom what became of it."""

    sdk: Sdk
    kind: str
    path: str
    body: dict[str, Any]
    words: str
    key: str

    def stop_at(self, boundary: Boundary) -> Stop:
        return Stop(f"{self.sdk.user}\n{self.key}", self.words, boundary)

    def through(self, http: httpx.AsyncClient) -> "Sending":
        """The same, sent to another supportd."""
        return dataclasses.replace(self, sdk=dataclasses.replace(self.sdk, http=http))

    async def try_once(self) -> httpx.Response:
        return await send(self.sdk, self.path, self.body, self.key)

    async def until_sent(self) -> httpx.Response:
        """As an SDK does it: again under the same key, until there is an answer that is one."""
        while True:
            pause_s = IMPATIENCE_S
            with contextlib.suppress(httpx.TransportError):
                response = await self.try_once()
                if response.status_code == 201:
                    return response
                assert response.status_code == 502 or is_conflict(response), response.text
                pause_s = float(response.headers.get("Retry-After", IMPATIENCE_S))
            await asyncio.sleep(pause_s)


async def _request(house: House, kind: str, sdk: Sdk, words: str) -> tuple[str, dict[str, Any]]:
    """The path and the body of a message, and beforehand what it refers to."""
    if kind == "complaint":
        return "/api/complaints", {"category": "funds", "description": words}
    if kind == "start":
        return "/api/conversations", {"body": words}
    if kind == "start by topic":
        return "/api/conversations", {"reason": {"main": words}}
    if kind == "ticket reply":
        made = await house.running.operator.make_ticket(sdk.user)
        return f"/api/tickets/{made['id']}/reply", {"body": words}
    chat = await sdk.start(body="Hello")
    if kind == "clarify":
        made = await house.running.operator.make_ticket(sdk.user)
        return f"/api/tickets/{made['id']}/clarify", {"body": words}
    files = await _uploaded(sdk) if kind == "reply with files" else []
    return f"/api/conversations/{chat['id']}/reply", {"body": words, "attachmentIds": files}


async def _uploaded(sdk: Sdk) -> list[str]:
    given = [("a.png", makers.png()), ("b.pdf", makers.pdf())]
    stored = [await sdk.call("POST", "/api/files/upload", files={"file": file}) for file in given]
    return [each.json()["id"] for each in stored]


KINDS = ("reply", "reply with files", "start", "start by topic", "ticket reply", "clarify", "complaint")


async def prepared(house: House, kind: str) -> Sending:
    """A message of this kind that a user of its own is about to send; the words are in no other message."""
    sdk = house.running.sdk(f"user-{uuid4().hex[:12]}")
    words = f"Words of {sdk.user}"
    path, body = await _request(house, kind, sdk, words)
    await sdk.list()
    return Sending(sdk, kind, path, body, words, f"key-{uuid4().hex}")


async def ids_in_truth(house: House, sending: Sending, answer: Any) -> list[str]:
    """The ids of the messages with these words that are where the answer says, in Intercom; a start's is its own."""
    operator = house.running.operator
    if sending.kind == "complaint":
        return house.complaints(sending.words)
    if sending.kind == "ticket reply":
        ticket = await operator.true_ticket(sending.path.split("/")[3])
        return _saying(sending.words, ticket["ticket_parts"]["ticket_parts"])
    if sending.kind.startswith("start"):
        truth = await operator.truth(answer["id"])
        return [answer["id"]] if as_text(truth["source"]["body"]) == sending.words else []
    where = answer["conversationId"] if sending.kind == "clarify" else sending.path.split("/")[3]
    return _saying(sending.words, (await operator.truth(where))["conversation_parts"]["conversation_parts"])


def _saying(words: str, parts: list[dict[str, Any]]) -> list[str]:
    return [part["id"] for part in parts if part["author"]["type"] == "user" and words in as_text(part["body"])]


async def ids_shown(sending: Sending, answer: Any) -> list[str]:
    """The ids of the messages with these words that a poll from the beginning brings, or a ticket's thread."""
    if sending.kind == "ticket reply":
        messages = (await sending.sdk.get(sending.path.removesuffix("/reply")))["messages"]
    else:
        where = answer.get("conversationId") or (
            answer["id"] if sending.kind.startswith("start") else sending.path.split("/")[3]
        )
        messages = (await sending.sdk.poll(where))["messages"]
    return [message["id"] for message in messages if sending.words in message["body"]]
