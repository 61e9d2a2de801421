"""The judge of pushes sees what it is to see."""

from typing import Any

from tests.push.fcm import Fcm
from tests.soak.history import Thread
from tests.soak.pushes import unannounced, wrong_pushes
from tests.soak.truth import Chat, Said, Truth

SAID = (
    Said("p1", True, "mine", False, 1),
    Said("p2", False, "theirs", False, 2),
    Said("p3", False, "more\n- one", False, 3),
)
CHAT = Chat("1", "ada", SAID, "open")


def push(user: str, words: str, title: str = "New message from support") -> dict[str, Any]:
    return {
        "token": f"phone-of-{user}",
        "data": {"type": "chat", "id": "1"},
        "notification": {"title": title, "body": words},
    }


def wrongs(*messages: dict[str, Any]) -> list[str]:
    fcm = Fcm()
    fcm.messages += messages
    return [wrong.split(":")[0] for wrong in wrong_pushes(fcm, Truth({"1": CHAT}, {}), ["ada", "ben"])]


async def test_each_wrong_is_found_and_nothing_else() -> None:
    changed = push("ada", "Resolved", "AW-1: status changed")
    assert wrongs(push("ada", "theirs"), changed, push("ada", "more one"), changed) == []
    assert wrongs(push("ada", "more one"), push("ada", "theirs")) == ["told out of order"]
    assert wrongs(push("ada", "theirs"), push("ada", "theirs")) == ["told 2 times"]
    assert wrongs(push("ben", "theirs")) == ["told of another's"]
    assert wrongs(push("ada", "mine")) == ["told of the user's own"]
    assert wrongs(push("ada", "a note")) == ["told of what nobody said"]


def test_news_of_which_no_push_was_due_are_found() -> None:
    shown = [Thread("1", news=["p2", "p3"])]
    assert unannounced(shown, {"1": {"p2", "p3"}}) == []
    assert unannounced(shown, {"1": {"p2"}}) == ["not due for a push: p3 in 1"]
    assert len(unannounced(shown, {})) == 2
