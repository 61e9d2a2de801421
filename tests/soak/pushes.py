"""What phones were told by push, compared with what was said in Intercom. Every user has one."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from tests.harness import Operator
from tests.push.fcm import Fcm
from tests.soak.history import Thread, TicketThread
from tests.soak.truth import Chat, Truth
from tests.system.processes import Processes

REMEMBERED = 30  # of a chat or ticket: what came last. supportd remembers a hundred pieces of news, of states too


def settings(fcm: Fcm, port: int) -> dict[str, str]:
    """What makes supportd push to the stand-in, whoever polls, by a network that has this port."""
    address = f"http://127.0.0.1:{port}"
    return {"FCM_SERVICE_ACCOUNT": json.dumps(fcm.account), "FCM_BASE_URL": address, "PRESENCE_WINDOW": "0"}


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


def unannounced(shown: Iterable[Thread | TicketThread], announced: Mapping[str, set[str]]) -> list[str]:
    """Messages that came to a device as new, and that no phone would ever have been told of."""
    found = []
    for place in shown:
        never = set(place.news[-REMEMBERED:]) - announced.get(place.id, set())
        found += [f"not due for a push: {each} in {place.id}" for each in sorted(never)]
    return found


def wrong_pushes(fcm: Fcm, truth: Truth, users: Iterable[str]) -> list[str]:
    """What a phone was told twice or after later messages, what its user wrote, and what nobody said to its user."""
    owners = {_phone_of(user): user for user in users}
    told = defaultdict(list)
    for message in fcm.messages:
        if not message["notification"]["title"].endswith("changed"):
            told[message["token"], message["data"]["id"]].append(message["notification"]["body"])
    found = []
    for (token, target), pushes in told.items():
        chat = truth.conversations.get(target) or truth.tickets.get(target)
        if chat is None or chat.user != owners[token]:
            found.append(f"told of another's: {token} of {target}")
        else:
            found += [f"{wrong}, {token} of {target}" for wrong in _wrong_of(chat, pushes)]
    return found


def _wrong_of(chat: Chat, pushes: list[str]) -> list[str]:
    found = [f"told {count} times: {words!r}" for words, count in Counter(pushes).items() if count > 1]
    for words in dict.fromkeys(pushes):
        matching = [said for said in chat.said if _is_told(said.words, words)]
        if any(said.by_user for said in matching):
            found.append(f"told of the user's own: {words!r}")
        elif not matching and not any(said.redacted for said in chat.said):
            found.append(f"told of what nobody said: {words!r}")
    places = [place for words in pushes for place, said in enumerate(chat.said) if _is_told(said.words, words)]
    if places != sorted(places):
        found.append(f"told out of order: {pushes}")
    return found


def _is_told(said: str, told: str) -> bool:
    """Whether a push tells these words: in one line, and cut where they are long.

    While the message can't be loaded, it is told as a webhook has it: a list without its marks.
    """
    words, told_words = _bare(said), _bare(told)
    return words.startswith(told_words) if told.endswith("…") else words == told_words


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _farewell(user: str) -> str:
    return f"{user}, we have an answer for you"


def _phone_of(user: str) -> str:
    return f"phone-of-{user}"
