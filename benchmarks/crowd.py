"""Many users with a conversation each, written to MongoDB as supportd keeps them, and the requests of their polls."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pymongo
from bson import Binary

from benchmarks.rig import Site
from supportd.conversations.state import Author, Message, Part, State, encode
from tests.harness import token

MESSAGES = 20
WORDS = "Thank you for waiting. The transfer has arrived, and your balance is right again."
BATCH = 2_000
USER = Author("user", None)
OPERATOR = Author("operator", "Ann", "https://static.example/ann.png")
# wrk takes the requests of a file in turn: a line a request, its path and its token.
IN_TURN = """
local requests, at = {}, 0
function init(args)
  for line in io.lines("%s") do
    local path, token = line:match("(%%S+) (%%S+)")
    requests[#requests + 1] = wrk.format("GET", path, {["Host"] = "x", ["Authorization"] = "Bearer " .. token})
  end
end
function request()
  at = at %% #requests + 1
  return requests[at]
end
"""
PAUSE = """
function delay()
  return math.random(1, %d)
end
"""


@dataclass(frozen=True)
class Person:
    """A user, the session's token, and the conversation of theirs."""

    number: int
    token: str

    @classmethod
    def numbered(cls, number: int) -> "Person":
        """With a token of their own, made once: each other one would be verified anew."""
        return cls(number, token(f"user-{number}"))

    @property
    def user_id(self) -> str:
        """The user's id in tokens."""
        return f"user-{self.number}"

    @property
    def contact_id(self) -> str:
        """The contact's id in Intercom."""
        return f"{self.number:024x}"

    @property
    def conversation_id(self) -> str:
        """The conversation's id in Intercom."""
        return f"9{self.number:09d}"

    def poll(self, since: int) -> str:
        """The path of a poll."""
        return f"/api/conversations/{self.conversation_id}/poll?since={since}"


@dataclass(frozen=True)
class Crowd:
    """People whose conversations ended at `latest` (ms)."""

    people: list[Person]
    latest: int
    json_bytes: int

    def first(self, number: int) -> "Crowd":
        """The first so many of them."""
        return Crowd(self.people[:number], self.latest, self.json_bytes)

    def script(self, folder: Path, *, pause_ms: int = 0) -> str:
        """A script for wrk with which each poll is another's, on average so long after its connection's last answer."""
        lines = (f"{person.poll(self.latest)} {person.token}\n" for person in self.people)
        (folder / "requests").write_text("".join(lines), encoding="ascii")
        script = folder / "in_turn.lua"
        pause = PAUSE % (2 * pause_ms - 1) if pause_ms else ""
        script.write_text(IN_TURN % (folder / "requests") + pause, encoding="ascii")
        return str(script)


def gather(site: Site, number: int, *, sharing: dict[int, list[str]] | None = None) -> Crowd:
    """Writes `number` people's contacts and snapshots. `sharing` adds contacts to the conversation of a number."""
    now = int(time.time() * 1000)
    latest = now - 60_000
    people = [Person.numbered(at) for at in range(1, number + 1)]
    states = (state_of(person, latest, now, (sharing or {}).get(person.number, [])) for person in people)
    with pymongo.MongoClient[dict[str, Any]](site.mongod.uri) as client:
        database = client[site.database]
        for batch in _batches(people):
            database.contacts.insert_many(
                [
                    {"_id": one.user_id, "contact_id": one.contact_id, "listed": True, "tickets_listed": True}
                    for one in batch
                ]
            )
            database.snapshots.insert_many([_snapshot(next(states)) for _ in batch])
    example = state_of(people[0], latest, now, [])
    return Crowd(people, latest, len(msgspec.json.encode([part.message for part in example.parts])))


def state_of(person: Person, latest: int, now: int, others: list[str]) -> State:
    """A conversation of twenty messages, the user's and an operator's in turn; all times ms."""
    began = latest - (MESSAGES - 1) * 1000
    parts = tuple(
        Part(
            Message(
                id=f"{person.conversation_id}-{number}",
                author=OPERATOR if number % 2 else USER,
                body=f"{WORDS} {number}",
                html=f"<p>{WORDS} {number}</p>" if number % 2 else None,
                attachments=(),
                created_at=began + number * 1000,
                redacted=False,
            ),
            began + number * 1000,
        )
        for number in range(MESSAGES)
    )
    return State(
        id=person.conversation_id,
        contact_ids=(person.contact_id, *others),
        state="open",
        created_at=began,
        changed_at=latest,
        latest=latest,
        parts=parts,
        updated_at=latest // 1000,
        proven_at=latest // 1000,
        confirmed_at=now,
        part_count=MESSAGES - 1,
    )


def _snapshot(state: State) -> dict[str, Any]:
    return {
        "_id": state.id,
        "contact_ids": list(state.contact_ids),
        "changed_at": state.changed_at,
        "proven_at": state.proven_at,
        "confirmed_at": state.confirmed_at,
        "open": True,
        "deleted": False,
        "encoded": Binary(encode(state)),
    }


def _batches(people: list[Person]) -> Iterator[list[Person]]:
    for start in range(0, len(people), BATCH):
        yield people[start : start + BATCH]
