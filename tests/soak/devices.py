"""A device with the SDK's behaviour: it finds the user's chats, polls each, backs off, and sends until it is told."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from tests.harness import token
from tests.soak.history import Thread, TicketThread
from tests.soak.house import PATIENCE_S
from tests.soak.journal import Journal
from tests.soak.sends import Fate, Kind, Sending

POLL_S = 0.4  # the SDK's 4 s, ten times as fast; what follows is in polls
LIST_EVERY = 5
BACK_OFFS = (1, 2, 4, 8)
JITTER = 0.2
LONGEST_WAIT_S = 4


@dataclass
class Device:
    """One installation of the app: a token, and what was given to it."""

    user: str
    name: str
    http: httpx.AsyncClient
    journal: Journal
    rng: random.Random
    begin: Callable[[Coroutine[Any, Any, None]], object]
    may_send: asyncio.Event
    may_wait: bool = True
    threads: dict[str, Thread] = field(default_factory=dict)
    tickets: dict[str, TicketThread] = field(default_factory=dict)
    to_read: set[str] = field(default_factory=set)
    polls: int = 0

    def __post_init__(self) -> None:
        self._token = token(self.user, jti=self.name)  # two devices are two sessions

    @property
    def shown(self) -> list[Thread | TicketThread]:
        """Each chat and ticket on it."""
        return [*self.threads.values(), *self.tickets.values()]

    async def live(self) -> None:
        """Looks for chats and tickets of the user's, again and again."""
        failures = 0
        while True:
            done = [await self._look_for_chats(), await self._look_for_tickets()]
            failures = 0 if all(done) else failures + 1
            await self.pause(failures, polls=LIST_EVERY)

    async def deliver(self, sending: Sending) -> None:
        """Tries until the message is settled or given up."""
        while sending.fate is Fate.OPEN:
            await self.may_send.wait()
            sending.trying = True
            response = await self.call("POST", sending.path, json=sending.body, headers=sending.headers)
            sending.heard(response)
            sending.trying = False
            status = "no answer" if response is None else response.status_code
            self.journal.note(self.name, f"{sending} ({status})", sending.place)
            if sending.fate is Fate.OPEN:
                await self.pause(min(sending.tries, 2))
        if sending.fate is Fate.TOLD:
            self._take_over(sending)
        if sending.fate is Fate.REFUSED:
            self.journal.wrong(self.name, f"was refused: {sending}: {sending.answer}", sending.place)

    async def ask_again(self, sending: Sending) -> None:
        """Sends what was told to be sent once more, under its key: it must be told the same."""
        again = replace(sending, fate=Fate.OPEN, tries=0, most_tries=None, answer={})
        while again.fate is Fate.OPEN:
            again.heard(await self.call("POST", again.path, json=again.body, headers=again.headers))
            if again.fate is Fate.OPEN:
                await self.pause()
        self.journal.note(self.name, f"asked again: {again} as {again.message_id}", again.place)
        if (again.fate, again.message_id) != (sending.fate, sending.message_id):
            told = f"as {sending.message_id} first, and then {again.answer}"
            self.journal.wrong(self.name, f"was told otherwise: {again} {told}", sending.place, about=sending.key or "")

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        """The answer, or None if none came. One that isn't as documented, or a 500, is wrong."""
        headers = {"Authorization": f"Bearer {self._token}", **options.pop("headers", {})}
        try:
            response = await self.http.request(method, path, headers=headers, **options)
        except httpx.TransportError:
            return None
        except AssertionError as error:
            self.journal.wrong(self.name, f"{method} {path}: {error}")
            return None
        if response.status_code == 500:
            self.journal.wrong(self.name, f"{method} {path} was answered 500", "".join(path.split("/")[3:4]))
        return response

    async def pause(self, failures: int = 0, *, polls: float = 1) -> None:
        """The time between two polls, with the SDK's back-off after failures."""
        backed_off = max(polls, BACK_OFFS[min(failures, len(BACK_OFFS) - 1)])
        await asyncio.sleep(POLL_S * backed_off * self.rng.uniform(1 - JITTER, 1 + JITTER))

    def follow(self, conversation_id: str, answer: dict[str, Any]) -> None:
        """Opens a chat with an answer that has all of it, and polls it from then on."""
        if conversation_id in self.threads:
            return
        thread = self.threads[conversation_id] = Thread(conversation_id)
        said = [f"{each['id']} {each['body']!r}" for each in answer["messages"]]
        self.journal.note(self.name, f"opened at {answer['latestTimestamp']}: {said}", conversation_id)
        self._tell(thread.opened(answer), conversation_id)
        self.begin(self._poll(thread))

    async def _look_for_chats(self) -> bool:
        listed = await self.call("GET", "/api/conversations")
        if listed is None or listed.status_code != 200:
            return False
        for each in listed.json()["conversations"]:
            if each["id"] not in self.threads:
                shown = await self.call("GET", f"/api/conversations/{each['id']}")
                if shown is None or shown.status_code != 200:
                    return False
                self.follow(each["id"], shown.json())
        return True

    async def _look_for_tickets(self) -> bool:
        listed = await self.call("GET", "/api/tickets")
        if listed is None or listed.status_code != 200:
            return False
        for each in listed.json()["tickets"]:
            shown = await self.call("GET", f"/api/tickets/{each['id']}")
            if shown is None or shown.status_code != 200:
                return False
            ticket = self.tickets.setdefault(each["id"], TicketThread(each["id"]))
            self._tell(ticket.opened(shown.json()), each["id"])
        return True

    async def _poll(self, thread: Thread) -> None:
        etag, failures = "", 0
        while True:
            await self.pause(failures)
            since = thread.since
            wait_s = self.rng.choice((0, 0, 1, LONGEST_WAIT_S)) if self.may_wait else 0
            headers = {"If-None-Match": etag} if etag and self.rng.random() < 0.3 else {}
            path = f"/api/conversations/{thread.id}/poll"
            query = {"since": since, **({"wait": wait_s} if wait_s else {})}
            response = await self.call("GET", path, params=query, headers=headers, timeout=PATIENCE_S + wait_s)
            failures = failures + 1 if response is None or response.status_code not in {200, 304} else 0
            if response is not None and response.status_code == 200:
                etag = response.headers["ETag"]
                self._polled(thread, since, response.json())
                await self._read(thread)
            elif response is not None and response.status_code not in {304, 502}:
                self.journal.wrong(self.name, f"a poll was answered {response.status_code}", thread.id)

    def _polled(self, thread: Thread, since: int, answer: dict[str, Any]) -> None:
        self.polls += 1
        if answer["messages"]:
            said = [f"{each['id']} {each['body']!r}" for each in answer["messages"]]
            self.journal.note(self.name, f"polled {since} -> {answer['latestTimestamp']}: {said}", thread.id)
        self._tell(thread.polled(since, answer), thread.id)

    async def _read(self, thread: Thread) -> None:
        """Marks a chat as read whose user looks at it: at once, so that nothing is marked that wasn't shown."""
        if thread.id in self.to_read:
            self.to_read.discard(thread.id)
            self.journal.note(self.name, "has read everything", thread.id)
            await self.call("POST", f"/api/conversations/{thread.id}/read")

    def _take_over(self, sending: Sending) -> None:
        if sending.kind in {Kind.START, Kind.TOPIC}:
            self.follow(sending.answer["id"], sending.answer)
        elif sending.kind in {Kind.REPLY, Kind.CLARIFY} and sending.place in self.threads:
            self._tell(self.threads[sending.place].sent(sending.answer), sending.place)

    def _tell(self, problems: list[str], where: str) -> None:
        for problem in problems:
            self.journal.wrong(self.name, problem, where)
