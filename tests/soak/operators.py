"""Operators at work, and what else happens in Intercom itself."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from supportd.clock import Clock
from tests.harness import Operator
from tests.soak.journal import Journal
from tests.soak.sends import Fate, Kind, Sending

PAUSE_S = (0.1, 1.0)
MOST_AT_ONCE = 4
MOST_TICKETS = 3  # a user's
MOST_BEGUN = 2  # chats of a user's that the team began
SNOOZES_S = (2, 3600)
STATES = ("submitted", "in_progress", "waiting_on_customer", "resolved")
MARKUP = ("<p>{}</p>", "<p>{} <b>now</b></p>", "<p>{}</p><ul><li>one</li></ul>", "{}")


@dataclass
class Team:
    """One operator, who goes from chat to chat and from ticket to ticket."""

    name: str
    intercom: Operator
    journal: Journal
    rng: random.Random
    users: list[str]
    sendings: list[Sending]
    redactable: list[tuple[str, str]] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    tickets: list[str] = field(default_factory=list)
    said: int = 0

    async def live(self) -> None:
        """Works until cancelled."""
        for user in self.users:
            await self._make_ticket(user)
        acts: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (12, self._answer),
            (2, self._close),
            (2, self._open),
            (1, self._snooze),
            (2, self._note),
            (2, self._redact),
            (1, self._assign),
            (1, self._hear_of_contact),
            (1, self._begin),
            (6, self._work_on_ticket),
        ]
        while True:
            await asyncio.sleep(self.rng.uniform(*PAUSE_S))
            (act,) = self.rng.choices([act for _, act in acts], [weight for weight, _ in acts])
            await act()

    def _chats(self) -> list[str]:
        started = [each.place for each in self.sendings if each.fate is Fate.TOLD and _starts_a_chat(each)]
        return list(dict.fromkeys([*started, *self.begun]))

    async def _act(self, action: str, **body: Any) -> tuple[str, Any] | None:
        """Does something in some chat; the chat and what it is then."""
        chats = self._chats()
        if not chats:
            return None
        chat = self.rng.choice(chats)
        truth = await self.intercom.act(chat, action, **body)
        self.journal.note(self.name, f"{action} {list(body.values())}", chat)
        return chat, truth

    async def _answer(self) -> None:
        """Says a few things, most of them within a second, in one chat."""
        chats = self._chats()
        if not chats:
            return
        chat = self.rng.choice(chats)
        for _ in range(self.rng.randint(1, MOST_AT_ONCE)):
            action = "bot_reply" if self.rng.random() < 0.15 else "reply"
            words = self._words()
            truth = await self.intercom.act(chat, action, body=self.rng.choice(MARKUP).format(words))
            part = truth["conversation_parts"]["conversation_parts"][-1]
            self.redactable.append((chat, part["id"]))
            self.journal.note(self.name, f"{action} {part['id']} {words!r}", chat)

    async def _close(self) -> None:
        words = {"body": f"<p>{self._words()}</p>"} if self.rng.random() < 0.5 else {}
        await self._act("close", **words)

    async def _open(self) -> None:
        await self._act("open")

    async def _snooze(self) -> None:
        await self._act("snooze", until=int(Clock().time()) + self.rng.choice(SNOOZES_S))

    async def _note(self) -> None:
        await self._act("note", body=f"<p>{self._words()}, for us only</p>")

    async def _assign(self) -> None:
        await self._act("assign", body=f"<p>{self._words()}</p>")

    async def _hear_of_contact(self) -> None:
        """The user writes from elsewhere."""
        await self._act("contact_reply", body=self._words())

    async def _redact(self) -> None:
        """Only what its sender knows to be sent: a retry finds a lost message by its words."""
        told = [each for each in self.sendings if each.fate is Fate.TOLD and each.kind is Kind.REPLY]
        candidates = [*self.redactable, *((each.target, each.message_id) for each in told)]
        if candidates:
            chat, part_id = self.rng.choice(candidates)
            await self.intercom.act(chat, "redact", part_id=part_id)
            self.journal.note(self.name, f"redact {part_id}", chat)

    async def _begin(self) -> None:
        user = self.rng.choice(self.users)
        if len(self.begun) < MOST_BEGUN * len(self.users):
            body = {"external_id": user, "body": f"<p>{self._words()}</p>", "admin_initiated": True}
            made = await self.intercom.control("POST", "/conversations", body)
            self.begun.append(str(made["id"]))
            self.journal.note(self.name, f"begins a chat with {user}", str(made["id"]))

    async def _make_ticket(self, user: str) -> None:
        made = await self.intercom.make_ticket(user, title=self._words())
        self.tickets.append(str(made["id"]))
        self.journal.note(self.name, f"makes a ticket for {user}", str(made["id"]))

    async def _work_on_ticket(self) -> None:
        if len(self.tickets) < MOST_TICKETS * len(self.users) and self.rng.random() < 0.1:
            await self._make_ticket(self.rng.choice(self.users))
            return
        ticket = self.rng.choice(self.tickets)
        action, body = self.rng.choice((
            ("reply", {"body": f"<p>{self._words()}</p>"}),
            ("reply", {"body": f"<p>{self._words()}</p>"}),
            ("note", {"body": f"<p>{self._words()}, for us only</p>"}),
            ("state", {"state": self.rng.choice(STATES)}),
            ("state", {"state": self.rng.choice(STATES)}),
            ("close", {}),
            ("open", {}),
        ))  # fmt: skip
        await self.intercom.act_on_ticket(ticket, action, **body)
        self.journal.note(self.name, f"ticket {action} {list(body.values())}", ticket)

    def _words(self) -> str:
        self.said += 1
        return f"operators say no. {self.said}, {self.name}"


def _starts_a_chat(sending: Sending) -> bool:
    return sending.kind in {Kind.START, Kind.TOPIC, Kind.CLARIFY}
