"""What judges a soak finds what is wrong: each test shows it something that must not be."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.soak.database import Database
from tests.soak.devices import Device
from tests.soak.fates import Fates
from tests.soak.history import Thread, TicketThread
from tests.soak.journal import Journal
from tests.soak.log import unexpected
from tests.soak.sends import Fate, Kind, Sending
from tests.soak.truth import Chat, Said, Truth
from tests.soak.verdict import unlike, unlike_snapshots
from tests.unit.talk import full, known, part

SECOND = 1_700_000_000
MS = SECOND * 1000


def message(number: int, body: str = "", **more: Any) -> dict[str, Any]:
    author = {"type": "operator", "name": None, "avatarUrl": None}
    words = {"id": str(number), "author": author, "body": body or f"no. {number}", "html": None}
    return {**words, "attachments": [], "createdAt": MS + number, "redacted": False, **more}


def answer(*messages: dict[str, Any], latest: int, state: str = "open") -> dict[str, Any]:
    live = {"state": state, "snoozedUntil": None, "rated": False}
    return {"messages": list(messages), "latestTimestamp": MS + latest, **live}


def opened_with(*numbers: int) -> Thread:
    thread = Thread("1")
    assert thread.opened(answer(*map(message, numbers), latest=max(numbers))) == []
    return thread


# What a device is given


def test_what_comes_once_and_in_order_is_right() -> None:
    thread = opened_with(1, 2)
    assert thread.polled(MS + 2, answer(message(3), message(4), latest=4)) == []
    assert thread.polled(MS + 4, answer(latest=4)) == []
    assert thread.polled(MS + 4, answer(message(3, "deleted", redacted=True), latest=5)) == []
    assert thread.since == MS + 5


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (answer(message(2), latest=2), "came again, as new"),
        (answer(message(1, createdAt=MS + 3), latest=3), "was at"),
        (answer(message(9, createdAt=MS + 1), latest=3), "had passed it"),
        (answer(message(4), message(3), latest=4), "don't grow"),
        (answer(message(3), message(3), latest=3), "twice"),
        (answer(latest=1), "the cursor went back"),
    ],
)
def test_what_comes_wrongly_is_told(given: dict[str, Any], problem: str) -> None:
    problems = opened_with(1, 2).polled(MS + 2, given)
    assert any(problem in each for each in problems), problems


def test_what_comes_after_the_first_poll_is_news_and_what_the_user_wrote_is_not() -> None:
    thread = opened_with(1)
    by_user = message(4, author={"type": "user", "name": None, "avatarUrl": None})
    assert thread.polled(MS + 1, answer(message(2), latest=2)) == []
    assert thread.polled(MS + 2, answer(message(3), by_user, message(5, redacted=True), latest=5)) == []
    assert thread.polled(MS + 5, answer(message(3, "changed", redacted=True), latest=6)) == []
    ticket = TicketThread("2")
    assert ticket.opened({"messages": [message(1)]}) == []
    assert ticket.opened({"messages": [message(1), message(2)]}) == []
    assert (thread.news, ticket.news) == (["3"], ["2"])


def test_a_reply_whose_cursor_is_from_before_it_comes_again_and_one_whose_cursor_is_its_own_does_not() -> None:
    held_back, moved_on = opened_with(1), opened_with(1)
    assert held_back.sent({"message": message(3), "latestTimestamp": MS + 1}) == []
    assert held_back.polled(MS + 1, answer(message(2), message(3), latest=3)) == []
    assert moved_on.sent({"message": message(3), "latestTimestamp": MS + 3}) == []
    assert moved_on.polled(MS + 3, answer(message(3), latest=4)) != []


def test_a_message_that_leaves_a_ticket_or_moves_in_it_is_told() -> None:
    ticket = TicketThread("1")
    assert ticket.opened({"messages": [message(1), message(2)]}) == []
    assert len(ticket.opened({"messages": [message(2, createdAt=MS + 7)]})) == 2


# What a device has in the end


def said(number: int, words: str = "", *, by_user: bool = False, redacted: bool = False) -> Said:
    return Said(str(number), by_user, words or f"no. {number}", redacted, SECOND)


def chat(*messages: Said, state: str = "open", chat_id: str = "1", **more: Any) -> Chat:
    return Chat(chat_id, "ada", messages, state, **more)


def device_with(thread: Thread) -> Device:
    journal = Journal(lambda: 0.0)
    nothing: Any = None
    device = Device("ada", "ada-0", httpx.AsyncClient(), journal, random.Random(1), nothing, nothing)
    device.threads[thread.id] = thread
    return device


def test_a_device_that_has_what_intercom_has_is_right() -> None:
    assert unlike(device_with(opened_with(1, 2)), Truth({"1": chat(said(1), said(2))}, {})) == []


@pytest.mark.parametrize(
    ("in_intercom", "difference"),
    [
        (chat(said(1), said(2), said(3)), "message 3 is missing"),
        (chat(said(1)), "Intercom has no message 2"),
        (chat(said(2), said(1)), "the order is"),
        (chat(said(1), said(2, "other words")), "and in Intercom"),
        (chat(said(1), said(2, redacted=True)), "and in Intercom"),
        (chat(said(1), said(2), state="closed"), "it is"),
        (chat(said(1), said(2), tags=("csat",)), "it is"),
        (chat(chat_id="2"), "the chat is missing"),
    ],
)
def test_what_a_device_lacks_or_has_otherwise_is_told(in_intercom: Chat, difference: str) -> None:
    found = unlike(device_with(opened_with(1, 2)), Truth({in_intercom.id: in_intercom}, {}))
    assert any(difference in line.what for line in found), found


# What is stored in the end


def test_a_snapshot_that_lacks_something_or_is_otherwise_is_told() -> None:
    snapshots = {"1": known(full(part("2", "Hi", at=2)))}  # its first message is s1
    right = chat(replace(said(1), id="s1"), said(2))
    assert unlike_snapshots(snapshots, Truth({"1": right}, {})) == []
    for wrong in (chat(*right.said, said(3)), replace(right, state="closed")):
        assert len(unlike_snapshots(snapshots, Truth({"1": wrong}, {}))) == 1
    assert len(unlike_snapshots({}, Truth({"1": right}, {}))) == 1
    assert len(unlike_snapshots(snapshots, Truth({}, {}))) == 1


# What became of sends


def sending(fate: Fate, words: str = "Hello", message_id: str = "1", key: str = "key-1") -> Sending:
    told = {"message": {"id": message_id}} if fate is Fate.TOLD else {}
    return Sending("ada", Kind.REPLY, "", {}, words, key, "1", fate=fate, answer=told)


def wrongs(sendings: list[Sending], *in_intercom: Said) -> list[str]:
    return wrongs_of(sendings, chat(*in_intercom, opening="Hi"))


def wrongs_of(sendings: list[Sending], in_intercom: Chat) -> list[str]:
    journal = Journal(lambda: 0.0)
    truth = Truth({"1": in_intercom}, {})
    Fates(truth=truth, database=Database("", ""), journal=journal, sendings=sendings).judge()
    return [line.what for line in journal.wrongs]


HELLO = said(1, "Hello", by_user=True)
AGAIN = said(2, "Hello", by_user=True)


@pytest.mark.parametrize(
    ("fate", "in_intercom"),
    [
        (Fate.TOLD, [HELLO]),
        (Fate.TOLD, [said(1, "deleted", by_user=True, redacted=True)]),
        (Fate.REFUSED, []),
        (Fate.GIVEN_UP, []),
        (Fate.GIVEN_UP, [HELLO]),
    ],
)
def test_a_send_is_there_once_or_not_as_its_sender_was_told(fate: Fate, in_intercom: list[Said]) -> None:
    assert wrongs([sending(fate)], *in_intercom) == []


@pytest.mark.parametrize(
    ("fate", "in_intercom"),
    [
        (Fate.TOLD, []),
        (Fate.TOLD, [AGAIN]),
        (Fate.TOLD, [HELLO, AGAIN]),
        (Fate.REFUSED, [HELLO]),
        (Fate.GIVEN_UP, [HELLO, AGAIN]),
        (Fate.TOLD, [HELLO, said(3, "Nobody said so", by_user=True)]),
    ],
)
def test_a_send_that_is_lost_or_doubled_is_told(fate: Fate, in_intercom: list[Said]) -> None:
    assert wrongs([sending(fate)], *in_intercom) != []


@pytest.mark.parametrize(
    ("notes", "tags", "right"),
    [(1, ("Cards",), True), (0, ("Cards",), False), (2, ("Cards",), False), (1, (), False)],
)
def test_a_topic_without_its_note_or_tag_is_told(notes: int, tags: tuple[str, ...], right: bool) -> None:
    started = Sending("ada", Kind.TOPIC, "", {}, "Cards", "key-1", fate=Fate.TOLD, answer={"id": "1"})
    there = chat(opening="Cards", tags=tags, notes=("Topic: Cards",) * notes)
    assert (wrongs_of([started], there) == []) == right


def test_of_the_same_words_there_are_as_many_as_were_sent() -> None:
    first, second = sending(Fate.TOLD), sending(Fate.TOLD, message_id="2", key="key-2")
    assert wrongs([first, second], HELLO, AGAIN) == []
    assert wrongs([first, second], HELLO) != []
    assert wrongs([first, second], HELLO, AGAIN, said(3, "Hello", by_user=True)) != []
    assert wrongs([first, sending(Fate.TOLD, key="key-2")], HELLO) != []
    assert wrongs([first, sending(Fate.GIVEN_UP, key="key-2")], HELLO) == []


# What supportd logged, and how it is told


def test_a_line_that_no_fault_explains_is_told(tmp_path: Path) -> None:
    log = tmp_path / "supportd.log"
    fine = [
        {"level": "info", "event": "ready"},
        {"level": "warning", "event": "storage unavailable", "error": "AutoReconnect"},
        {"level": "warning", "event": "periodic task failed", "error": "StorageUnavailable"},
    ]
    bad = [
        json.dumps({"level": "error", "event": "unhandled exception"}),
        json.dumps({"level": "warning", "event": "periodic task failed", "error": "KeyError"}),
        "Traceback (most recent call last):",
    ]
    log.write_text("\n".join([*map(json.dumps, fine), *bad]))
    assert unexpected(log) == bad


def test_a_report_has_what_happened_around_it_in_the_same_place() -> None:
    now = iter([1.0, 2.0, 2.5, 50.0, 60.0])
    journal = Journal(lambda: next(now))
    journal.note("operator", "reply 17 'Hello'", "1")
    journal.note("FAULT", "mongod killed")
    journal.note("operator", "reply 18 'You'", "2")
    journal.note("ada-0", "polled", "1")
    journal.wrong("ada-0", "message 17 is missing", "1", about="17")
    report = journal.report("seed 7", ["t=2.0 s: mongod killed for 1.5 s"])
    assert report.splitlines() == [
        "seed 7",
        "",
        "WRONG t=   1.00 s [1] ada-0: message 17 is missing",
        "      t=   1.00 s [1] operator: reply 17 'Hello'",
        "      t=   2.00 s FAULT: mongod killed",
        "",
        "The schedule:",
        "  t=2.0 s: mongod killed for 1.5 s",
    ]
