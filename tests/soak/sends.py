"""Messages that users send, each until it is settled, or until its user gives up; and what their clients were told."""

import enum
from dataclasses import dataclass, field
from typing import Any

import httpx

SETTLED = frozenset({200, 201})
AGAIN = frozenset({409, 429, 502})  # nothing is known yet; every other 4xx says that nothing was sent
MOST_TRIES_UNKEYED = 1


class Kind(enum.Enum):
    """What is sent."""

    START = "start"
    TOPIC = "start by topic"
    REPLY = "reply"
    TICKET_REPLY = "ticket reply"
    CLARIFY = "clarify"
    RATING = "rating"
    COMPLAINT = "complaint"


class Fate(enum.Enum):
    """What a client knows of what it sent."""

    OPEN = "unsettled"
    TOLD = "told that it was sent"
    REFUSED = "told that it wasn't sent"
    GIVEN_UP = "given up, unsettled"


@dataclass(eq=False)
class Sending:
    """One message. `target` is the conversation or ticket that it goes to; without a `key` it is tried once."""

    user: str
    kind: Kind
    path: str
    body: dict[str, Any]
    words: str
    key: str | None
    target: str = ""
    most_tries: int | None = None
    fate: Fate = Fate.OPEN
    tries: int = 0
    trying: bool = False
    answer: dict[str, Any] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.key is None else {"Idempotency-Key": self.key}

    @property
    def record_id(self) -> str:
        """The id of the key's record in MongoDB."""
        return f"{self.user}\n{self.key}"

    @property
    def message_id(self) -> str:
        """The id that the client was told: the message's, or of what was started; none if it wasn't told any."""
        told = self.answer.get("message") or self.answer
        return str(told.get("id", "")) if self.fate is Fate.TOLD else ""

    @property
    def place(self) -> str:
        """Where the message is, as far as the client knows."""
        return str(self.answer.get("conversationId") or self.target or self.answer.get("id", ""))

    def heard(self, response: httpx.Response | None) -> None:
        """Takes over how a try ended; None stands for no answer."""
        self.tries += 1
        if response is not None and response.status_code in SETTLED:
            self.fate, self.answer = Fate.TOLD, response.json()
        elif response is not None and 400 <= response.status_code < 500 and response.status_code not in AGAIN:
            self.fate, self.answer = Fate.REFUSED, response.json()
        elif self.most_tries is not None and self.tries >= self.most_tries:
            self.fate = Fate.GIVEN_UP

    def __str__(self) -> str:
        key = "without a key" if self.key is None else f"under {self.key}"
        return f"{self.kind.value} {self.words!r} {key}: {self.fate.value} after {self.tries} tries"
