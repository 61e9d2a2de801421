"""Many clients that poll as the SDKs do, each over a connection that it keeps, and note whatever goes wrong."""

import asyncio
import itertools
import json
import random
from dataclasses import dataclass, field

from tests.harness import token
from tests.raw_uploads import Line, line_to


@dataclass
class Poller:
    """One client with one conversation open. With `wait_s` its polls are held, else it pauses between them."""

    user: str
    conversation_id: str
    since: int
    wait_s: int = 0
    pause_s: float = 0.0
    seen: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    polls: int = 0

    async def run(self, port: int, stop: asyncio.Event) -> None:
        """Polls until told to stop. It goes on after a failure, so that all of them are counted."""
        while not stop.is_set():
            try:
                async with line_to(port) as line:
                    await self._poll_over(line, stop)
            except (OSError, EOFError) as error:
                self.failures.append(type(error).__name__)

    async def _poll_over(self, line: Line, stop: asyncio.Event) -> None:
        session = token(self.user)
        while not stop.is_set():
            query = f"since={self.since}" + (f"&wait={self.wait_s}" if self.wait_s else "")
            await line.send(
                f"GET /api/conversations/{self.conversation_id}/poll?{query} HTTP/1.1\r\nHost: support\r\n"
                f"Authorization: Bearer {session}\r\n\r\n".encode()
            )
            status, headers, body = await line.answer()
            self._take(status, body)
            if headers.get("connection") == "close":
                return
            await self._pause(stop)

    def _take(self, status: int, body: bytes) -> None:
        self.polls += 1
        if status != 200:
            self.failures.append(f"{status}: {body[:200].decode(errors='replace')}")
            return
        poll = json.loads(body)
        self.since = poll["latestTimestamp"]
        self.seen.extend(message["body"] for message in poll["messages"])

    async def _pause(self, stop: asyncio.Event) -> None:
        if self.pause_s:
            await asyncio.wait([asyncio.ensure_future(stop.wait())], timeout=self.pause_s)


def crowd(chats: dict[str, tuple[str, int]], *, each: int, wait_s: int, pause_s: float) -> list[Poller]:
    """So many pollers for each user's conversation, half of them with held polls. Seeded pauses keep them apart."""
    rng = random.Random(1)
    kinds = itertools.cycle([(wait_s, 0.0), (0, pause_s)])
    made = []
    for user, (conversation_id, since) in chats.items():
        for _, (wait, pause) in zip(range(each), kinds, strict=False):
            made.append(Poller(user, conversation_id, since, wait_s=wait, pause_s=pause * rng.uniform(0.5, 1.5)))
    return made
