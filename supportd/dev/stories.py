"""What users and operators do in a demo: stories, the same for the same seed. Pure."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

QUESTIONS = (
    "My transfer has been pending since this morning.",
    "I can't verify my phone number.",
    "Which fee applies to a withdrawal?",
    "The app shows an old balance.",
    "How do I add another device?",
)
TOPICS = (("transfers", "pending"), ("cards", "declined"), ("account", "verification"), ("fees", None))
ANSWERS = (
    "<p>Hello, I am <b>looking into it</b>.</p>",
    "<p>Could you tell us:</p><ul><li>when it began</li><li>on which device</li></ul>",
    '<p>This is described in <a href="https://help.example/fees">our help pages</a>.</p>',
    "<p>It has been solved. Thank you for waiting!</p>",
)
THANKS = ("Thank you!", "It began on Monday.", "On both of my phones.", "I will try that.")
COMMENTS = (None, "Quick and friendly.", "It took long.", "Solved at once.", "I had to ask twice.")
TITLES = ("Lost card", "Refund of a fee", "Wrong name on the account", "Transfer to a closed account")
COMPLAINTS = (
    ("funds", "A withdrawal was charged twice."),
    ("security", "I was logged in on a device that isn't mine."),
    ("operator", "The answer had nothing to do with my question."),
    ("technical", "The app closes when I open the chat."),
    ("other", "The help pages are out of date."),
)


class Who(Enum):
    """Who takes a step: the user by supportd's API, an operator by the simulator's control API."""

    USER = "user"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Step:
    """One call. `{id}` in its path or body stands for the id that the story's first answer has."""

    who: Who
    path: str
    body: dict[str, Any] = field(default_factory=dict)
    method: str = "POST"


@dataclass(frozen=True)
class Story:
    """Steps that follow one another."""

    user: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many of each. Only a conversation is rated, so there are at most as many ratings."""

    users: int
    conversations: int
    tickets: int
    ratings: int
    complaints: int
    devices: int


def stories(size: Size, *, seed: int) -> Iterator[Story]:
    """Everybody's stories, in order. More of one kind doesn't change those of another."""
    names = ["alice", *(f"user-{number}" for number in range(2, size.users + 1))]
    chances = [random.Random(f"{seed} {kind}") for kind in ("chat", "ticket", "complaint", "device")]  # noqa: S311 - repeatable, not secret
    chat, ticket, complaint, device = chances
    for number in range(size.devices):
        yield Story(device.choice(names), tuple(_device(device, f"seed-{seed}-{number}")))
    for number in range(size.conversations):
        yield Story(chat.choice(names), tuple(_conversation(chat, rated=number < size.ratings)))
    for _ in range(size.tickets):
        user = ticket.choice(names)
        yield Story(user, tuple(_ticket(ticket, user)))
    for _ in range(size.complaints):
        category, description = complaint.choice(COMPLAINTS)
        body = {"category": category, "description": description}
        yield Story(complaint.choice(names), (Step(Who.USER, "/api/complaints", body),))


def _conversation(chance: random.Random, *, rated: bool) -> Iterator[Step]:
    main, sub = chance.choice(TOPICS)
    reason = {"reason": {"main": main} | ({"sub": sub} if sub else {})}
    yield Step(Who.USER, "/api/conversations", {"body": chance.choice(QUESTIONS), **chance.choice((reason, {}))})
    for _ in range(chance.randint(0, 3)):
        yield Step(Who.OPERATOR, "/_sim/conversations/{id}/reply", {"body": chance.choice(ANSWERS)})
        if chance.random() < 0.5:
            yield Step(Who.USER, "/api/conversations/{id}/reply", {"body": chance.choice(THANKS)})
    if chance.random() < 0.3:
        yield Step(Who.OPERATOR, "/_sim/conversations/{id}/note", {"body": "<p>Asked the back office.</p>"})
    if chance.random() < 0.3:
        yield Step(Who.OPERATOR, "/_sim/conversations/{id}/tags", {"name": chance.choice(("vip", "bug"))})
    closed = chance.random() < 0.4
    stars = {"stars": chance.choice((1, 2, 3, 4, 4, 5, 5, 5)), "conversationId": "{id}"}
    comment = chance.choice(COMMENTS)
    if closed or rated:
        yield Step(Who.OPERATOR, "/_sim/conversations/{id}/close")
    if rated:
        yield Step(Who.USER, "/api/csat", stars | ({"comment": comment} if comment else {}))


def _ticket(chance: random.Random, user: str) -> Iterator[Step]:
    made = {"external_id": user, "title": chance.choice(TITLES), "description": chance.choice(QUESTIONS)}
    yield Step(Who.OPERATOR, "/_sim/tickets", made)
    state = chance.choice(("submitted", "in_progress", "waiting_on_customer", "resolved"))
    if state != "submitted":
        yield Step(Who.OPERATOR, "/_sim/tickets/{id}/state", {"state": "in_progress"})
        yield Step(Who.OPERATOR, "/_sim/tickets/{id}/reply", {"body": chance.choice(ANSWERS)})
        if chance.random() < 0.5:
            yield Step(Who.USER, "/api/tickets/{id}/reply", {"body": chance.choice(THANKS)})
    if state in {"waiting_on_customer", "resolved"}:
        yield Step(Who.OPERATOR, "/_sim/tickets/{id}/state", {"state": state})


def _device(chance: random.Random, token: str) -> Iterator[Step]:
    platform = chance.choice(("mobile", "mobile", "tma"))
    # A Telegram token is a chat's id, which is a number.
    named = token if platform == "mobile" else str(chance.randrange(10**8, 10**9))
    yield Step(Who.USER, "/api/devices/register", {"platform": platform, "token": named})
    if chance.random() < 0.3:
        yield Step(Who.USER, "/api/settings/notifications", {"ticketUpdates": False}, "PUT")
