"""What users do with their devices: they write, ask, rate, read and close, at random moments."""

import asyncio
import random
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tests.files import makers
from tests.soak.devices import Device
from tests.soak.sends import Kind, Sending

PAUSE_S = (0.3, 2.0)
MOST_CHATS = 4
MOST_UNDER_WAY = 3
COMMON_WORDS = "ok"  # said often, each time under another key
WEIGHTS = {
    "reply": 10,
    "say ok": 3,
    "start": 3,
    "start by topic": 1,
    "reply with a file": 2,
    "ask without a key": 2,
    "ticket reply": 3,
    "clarify": 1,
    "rate": 1,
    "complain": 1,
    "read": 3,
    "close": 1,
}


@dataclass
class Writer:
    """Somebody at a device. `sendings` is what was sent so far, by everybody."""

    device: Device
    rng: random.Random
    sendings: list[Sending]
    written: int = 0

    async def live(self) -> None:
        """Begins with a chat; goes on until cancelled. What was begun is brought to its end by the device."""
        self._send(self._start())
        while True:
            await asyncio.sleep(self.rng.uniform(*PAUSE_S))
            act = self.rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            open_ones = [each for each in self.sendings if each.user == self.device.user and each.trying]
            if len(open_ones) < MOST_UNDER_WAY:
                await self._do(act)

    async def _do(self, act: str) -> None:
        chats, tickets = list(self.device.threads), list(self.device.tickets)
        if act == "start" and len(chats) < MOST_CHATS:
            self._send(self._start())
        elif act == "start by topic" and len(chats) < MOST_CHATS:
            topic = self._words()
            self._send(self._sending(Kind.TOPIC, "/api/conversations", {"reason": {"main": topic}}, topic))
        elif act == "complain":
            body = {"category": "funds", "description": f"complaint {self._words()}"}
            self._send(self._sending(Kind.COMPLAINT, "/api/complaints", body, body["description"]))
        elif act in {"ticket reply", "clarify"} and tickets:
            self._send(self._about_a_ticket(act, self.rng.choice(tickets)))
        elif chats:
            await self._do_in_chat(act, self.rng.choice(chats))

    async def _do_in_chat(self, act: str, chat: str) -> None:
        path = f"/api/conversations/{chat}"
        if act == "read":
            self.device.to_read.add(chat)
        elif act == "close":
            self.device.journal.note(self.device.name, "closes", chat)
            await self.device.call("POST", f"{path}/close")
        elif act == "rate":
            body = {"stars": self.rng.randint(1, 5), "conversationId": chat}
            self._send(self._sending(Kind.RATING, "/api/csat", body, "", key=None, target=chat, most_tries=None))
        elif act == "reply with a file":
            await self._reply_with_file(chat)
        else:
            words = COMMON_WORDS if act == "say ok" else self._words()
            keyed = act != "ask without a key"
            self._send(self._reply(chat, {"body": words}, words, keyed=keyed))

    async def _reply_with_file(self, chat: str) -> None:
        file = ("receipt.png", makers.png()) if self.rng.random() < 0.5 else ("letter.pdf", makers.pdf())
        uploaded = await self.device.call("POST", "/api/files/upload", files={"file": file})
        if uploaded is not None and uploaded.status_code == 201:
            words = self._words()
            self._send(self._reply(chat, {"body": words, "attachmentIds": [uploaded.json()["id"]]}, words))

    def _start(self) -> Sending:
        words = self._words()
        return self._sending(Kind.START, "/api/conversations", {"body": words}, words)

    def _reply(self, chat: str, body: dict[str, Any], words: str, *, keyed: bool = True) -> Sending:
        sending = self._sending(Kind.REPLY, f"/api/conversations/{chat}/reply", body, words, target=chat)
        if not keyed:
            sending.key, sending.most_tries = None, 1
        return sending

    def _about_a_ticket(self, act: str, ticket: str) -> Sending:
        words = self._words()
        kind = Kind.CLARIFY if act == "clarify" else Kind.TICKET_REPLY
        path = f"/api/tickets/{ticket}/{'clarify' if kind is Kind.CLARIFY else 'reply'}"
        return self._sending(kind, path, {"body": words}, words, target="" if kind is Kind.CLARIFY else ticket)

    def _sending(
        self,
        kind: Kind,
        path: str,
        body: dict[str, Any],
        words: str,
        *,
        key: str | None = "",
        target: str = "",
        most_tries: int | None = -1,
    ) -> Sending:
        if key == "":
            key = str(UUID(int=self.rng.getrandbits(128)))
        if most_tries == -1:  # some lose patience
            most_tries = self.rng.choice((2, 3)) if self.rng.random() < 0.1 else None
        return Sending(self.device.user, kind, path, body, words, key, target, most_tries)

    def _send(self, sending: Sending) -> None:
        self.sendings.append(sending)
        self.device.journal.note(self.device.name, f"begins to send {sending}", sending.target)
        self.device.begin(self.device.deliver(sending))

    def _words(self) -> str:
        self.written += 1
        return f"{self.device.name} says no. {self.written}."
