"""What the database holds of one person: found, erased, and searched for again. For scripts; `serve` never uses it.

What belongs to a person is found by named fields. The proof is another way: it reads every document of every
collection and looks for the person's identifiers in all that is in it.
"""

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import NamedTuple

from msgspec import Struct

from supportd.stores.mongo import Collection, Database, Document, translated

# In the order of erasing. What leads to the rest goes last, so that a run that was cut off can be made again.
PERSONAL = (
    "webhook_events",
    "outbox",
    "pushes",
    "durations",
    "idempotency",
    "devices",
    "preferences",
    "complaints",
    "files",
    "topics",
    "ratings",
    "tickets",
    "snapshots",
    "contacts",
)
IMPERSONAL = frozenset({"watermarks"})  # searched all the same
LONG = 10  # an identifier of so many characters is looked for within words and bytes too
SEPARATORS = re.compile(r"[/:\n]")


class Person(Struct, frozen=True):
    """A user, and what is the user's alone: a conversation that others take part in is named apart, as `shared`."""

    user_id: str
    contact_ids: frozenset[str]
    conversation_ids: frozenset[str]
    ticket_ids: frozenset[str]
    shared: frozenset[str]
    device_ids: frozenset[str]
    tokens: frozenset[str]
    file_ids: frozenset[str]
    file_keys: frozenset[str]

    @property
    def identifiers(self) -> frozenset[str]:
        """All that names the person."""
        return frozenset({self.user_id}).union(
            self.contact_ids, self.conversation_ids, self.ticket_ids, self.device_ids, self.tokens, self.file_ids
        )


class Mention(NamedTuple):
    """A document that names the person."""

    collection: str
    id: str


class PersonalStore:
    """One person's documents in every collection."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def identify(self, user_id: str) -> Person:
        """Who the user is in every collection."""
        with translated("personal.identify"):
            own = {"user_id": user_id}
            contacts = await self._values("contacts", {"_id": user_id}, "contact_id")
            contacts |= await self._values("ratings", own, "contact_id")
            snapshots, shared = await self._threads("snapshots", contacts)
            tickets, shared_tickets = await self._threads("tickets", contacts)
            return Person(
                user_id,
                frozenset(contacts),
                frozenset(snapshots),
                frozenset(tickets),
                frozenset(shared | shared_tickets),
                frozenset(await self._values("devices", own, "id")),
                frozenset(await self._values("devices", own, "_id")),
                frozenset(await self._values("files", own, "_id")),
                frozenset(await self._values("files", own, "key")),
            )

    async def find(self, person: Person, name: str) -> AsyncIterator[Document]:
        """The person's documents in a collection."""
        with translated("personal.find"):
            query = _query(person, name)
            async for document in self._database[name].find(query or {}):
                if query is not None or _is_in_queue(document, person):
                    yield document

    async def erase(self, name: str, document: Document) -> None:
        """Deletes a document."""
        with translated("personal.erase"):
            await self._database[name].delete_one({"_id": document["_id"]})

    async def search(self, person: Person) -> AsyncIterator[Mention | None]:
        """Reads the whole database: None for each document that doesn't name the person."""
        with translated("personal.search"):
            for name in await self.collections():
                async for document in self._database[name].find({}):
                    named = mentions(document, person.identifiers)
                    yield Mention(name, str(document["_id"])) if named else None

    async def collections(self) -> list[str]:
        """Every collection that there is. Raises `StorageUnavailable`."""
        with translated("personal.collections"):
            names = await self._database.list_collection_names()
        return sorted(name for name in names if not name.startswith("system."))

    async def _values(self, name: str, query: Document, field: str) -> set[str]:
        collection: Collection = self._database[name]
        return {document[field] async for document in collection.find(query, {field: 1})}

    async def _threads(self, name: str, contacts: set[str]) -> tuple[set[str], set[str]]:
        """The ids of those that are the contacts' alone, and of those that others take part in."""
        own: set[str] = set()
        shared: set[str] = set()
        found = self._database[name].find({"contact_ids": {"$in": list(contacts)}}, {"contact_ids": 1})
        async for document in found:
            (own if set(document["contact_ids"]) <= contacts else shared).add(document["_id"])
        return own, shared


def _query(person: Person, name: str) -> Document | None:
    """What finds the person's documents; None where each must be read."""
    contacts, chats = list(person.contact_ids), list(person.conversation_ids)
    targets = [*contacts, *chats, *person.ticket_ids]
    match name:
        case "webhook_events" | "pushes":
            return None
        case "outbox":
            return {"target": {"$in": targets}}
        case "durations":
            return {"conversation": {"$in": chats}}
        case "topics":
            return {"contact_id": {"$in": contacts}}
        case "snapshots" | "tickets":
            return {"contact_ids": {"$in": contacts}}
        case "contacts" | "preferences":
            return {"_id": person.user_id}
        case _:
            return {"user_id": person.user_id}


def _is_in_queue(document: Document, person: Person) -> bool:
    """Whether a stored webhook or push is the person's: by what it is of, or by an id that can be nothing else."""
    kind, _, id_ = str(document.get("key", document["_id"])).rpartition(":")
    own = person.ticket_ids if kind == "ticket" else person.conversation_ids
    return id_ in own or mentions(document, person.contact_ids | person.device_ids)


def mentions(document: Document, identifiers: Iterable[str]) -> bool:
    """Whether anything in the document, keys and encoded states included, is or has one of the identifiers.

    A short one counts as a whole value, or as a whole part of a name such as `chat:1`: as a word it may mean anything.
    """
    wanted = frozenset(identifiers)
    return any(_names(leaf, wanted) for leaf in _leaves(document))


def _leaves(value: object) -> Iterator[str | bytes]:
    match value:
        case str() | bytes():
            yield value
        case dict():
            for key, inner in value.items():
                yield str(key)
                yield from _leaves(inner)
        case list():
            for inner in value:
                yield from _leaves(inner)


def _names(leaf: str | bytes, wanted: frozenset[str]) -> bool:
    if isinstance(leaf, bytes):
        return any(_is_in(each.encode(), leaf) for each in wanted)
    if leaf in wanted or not wanted.isdisjoint(SEPARATORS.split(leaf)):
        return True
    return any(len(each) >= LONG and each in leaf for each in wanted)


def _is_in(identifier: bytes, encoded: bytes) -> bool:
    """In JSON a text has quotes around it, in MessagePack its length before it (the MessagePack format, fixstr)."""
    if len(identifier) >= LONG:
        return identifier in encoded
    return b'"' + identifier + b'"' in encoded or bytes([0xA0 | len(identifier)]) + identifier in encoded
