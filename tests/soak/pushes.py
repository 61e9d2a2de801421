"""What phones were told by push, compared with what was said in Intercom. Every user has one."""

import json
from collections import Counter
from collections.abc import Iterable

from tests.harness import Operator
from tests.push.fcm import Fcm
from tests.soak.truth import Truth
from tests.system.processes import Processes


def settings(fcm: Fcm) -> dict[str, str]:
    """What makes supportd push to the stand-in, whoever polls."""
    return {"FCM_SERVICE_ACCOUNT": json.dumps(fcm.account), "FCM_BASE_URL": fcm.url, "PRESENCE_WINDOW": "0"}


async def give_phones(running: Processes, users: Iterable[str]) -> None:
    """Registers a phone for each user, straight, without the network that faults befall."""
    for user in users:
        body = {"platform": "mobile", "token": _phone_of(user)}
        await running.sdk(user).post("/api/devices/register", body, status=200)


async def call_after(operator: Operator, user: str) -> None:
    """An operator writes to a user who has left."""
    body = {"external_id": user, "body": _farewell(user), "admin_initiated": True}
    await operator.control("POST", "/conversations", body)


def untold(fcm: Fcm, users: Iterable[str]) -> list[str]:
    """Who wasn't told of that by phone."""
    told = {(message["token"], message["notification"]["body"]) for message in fcm.messages}
    return [user for user in users if (_phone_of(user), _farewell(user)) not in told]


def wrong_pushes(fcm: Fcm, truth: Truth, users: Iterable[str]) -> list[str]:
    """Messages that a phone was told twice, that its user wrote, or that nobody said to its user."""
    owners = {_phone_of(user): user for user in users}
    messages = [message for message in fcm.messages if not message["notification"]["title"].endswith("changed")]
    told = Counter((each["token"], each["data"]["id"], each["notification"]["body"]) for each in messages)
    found = [f"told {count} times: {push}" for push, count in told.items() if count > 1]
    for token, target, words in told:
        chat = truth.conversations.get(target) or truth.tickets.get(target)
        if chat is None or chat.user != owners[token]:
            found.append(f"told of another's: {token} of {target}")
        elif any(said.by_user and _is_told(said.words, words) for said in chat.said):
            found.append(f"told of the user's own: {words!r} in {target}")
        elif not any(said.redacted or _is_told(said.words, words) for said in chat.said):
            found.append(f"told of what nobody said: {words!r} in {target}")
    return found


def _is_told(said: str, told: str) -> bool:
    """Whether a push tells these words: in one line, and cut where they are long."""
    line = " ".join(said.split())
    return line.startswith(told.removesuffix("…")) if told.endswith("…") else line == " ".join(told.split())


def _farewell(user: str) -> str:
    return f"{user}, we have an answer for you"


def _phone_of(user: str) -> str:
    return f"phone-of-{user}"
