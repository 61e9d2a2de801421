"""What one device was given of one conversation or ticket, and what mustn't have been among it.

A cursor that was given stands for everything up to it. So nothing may come again that the device had by the `since` it
asked with, nothing may come for the first time from before that `since`, and a message keeps its id and place.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]


def comparable(message: Message) -> Message:
    """The message without its files' addresses, which are signed anew each time."""
    files = [{**file, "url": ""} for file in message["attachments"]]
    return {**message, "attachments": files}


@dataclass
class Known:
    """A message as the device has it. The cursor of an answer that brought it was `by`, or less.

    `unsaved` is one that only the answer to its own sending brought, with a cursor from before it.
    """

    message: Message
    by: int
    unsaved: bool = False


@dataclass
class Thread:
    """A conversation on a device. Each method takes an answer in, and says what is wrong with it.

    `news` are the messages of others that came after the first poll, which showed that the conversation was stored.
    """

    id: str
    since: int = 0
    live: dict[str, Any] = field(default_factory=dict)
    known: dict[str, Known] = field(default_factory=dict)
    polls: int = 0
    news: list[str] = field(default_factory=list)

    def opened(self, answer: dict[str, Any]) -> list[str]:
        """`GET /api/conversations/:id`, or the answer to a start."""
        found = self._take_in(answer["messages"], by=answer["latestTimestamp"])
        self._go_on_from(answer)
        return [*found, *out_of_order(answer["messages"])]

    def polled(self, since: int, answer: dict[str, Any]) -> list[str]:
        """A poll with this `since`."""
        messages, latest = answer["messages"], answer["latestTimestamp"]
        problems = [problem for message in messages for problem in self._wrong_to_come(message, since)]
        if latest < since:
            problems.append(f"the cursor went back from {since} to {latest}")
        if self.polls:
            self.news += _new_of_others(messages, self.known)
        self.polls += 1
        problems += self._take_in(messages, by=latest)
        self._go_on_from(answer)
        return [*problems, *out_of_order(messages)]

    def sent(self, answer: dict[str, Any]) -> list[str]:
        """The answer to a reply, or to a question about a ticket, which has no cursor.

        The cursor may be from before the message, which then comes again. So it is while MongoDB is away: the place
        isn't saved, and another may be found for it. A cursor that passed the message stands for its place too.
        """
        message, latest = answer["message"], answer.get("latestTimestamp", self.since)
        place = message["createdAt"]
        problems = self._take_in([message], by=max(place, latest), unsaved=latest < place)
        self.since = latest
        return problems

    def _go_on_from(self, answer: dict[str, Any]) -> None:
        self.since = answer["latestTimestamp"]
        self.live = {name: answer[name] for name in ("state", "snoozedUntil", "rated")}

    def _wrong_to_come(self, message: Message, since: int) -> list[str]:
        known = self.known.get(message["id"])
        if known is None and message["createdAt"] <= since:
            return [f"{name_of(message)} came for the first time, but the cursor {since} had passed it"]
        if known is not None and known.by <= since and known.message == comparable(message):
            return [f"{name_of(message)} came again, as new: it came by {known.by}, and the cursor was {since}"]
        return []

    def _take_in(self, messages: Iterable[Message], *, by: int, unsaved: bool = False) -> list[str]:
        problems = []
        for given in messages:
            message = comparable(given)
            known = self.known.get(message["id"])
            if known is not None and not known.unsaved and known.message["createdAt"] != message["createdAt"]:
                problems.append(f"{name_of(message)} was at {known.message['createdAt']} before")
            if known is None or known.message != message:
                self.known[message["id"]] = Known(message, by, unsaved)
            else:
                known.by = min(known.by, by)
        return problems


@dataclass
class TicketThread:
    """A ticket on a device, which is shown whole each time. `news` are the messages of others that came later."""

    id: str
    shown: dict[str, Any] = field(default_factory=dict)
    news: list[str] = field(default_factory=list)

    def opened(self, answer: dict[str, Any]) -> list[str]:
        """`GET /api/tickets/:id`."""
        messages = [comparable(message) for message in answer["messages"]]
        places = {message["id"]: message["createdAt"] for message in messages}
        problems = out_of_order(messages)
        for before in self.shown.get("messages", []):
            if before["id"] not in places:
                problems.append(f"{name_of(before)} is shown no more")
            elif places[before["id"]] != before["createdAt"]:
                problems.append(f"{name_of(before)} is at {places[before['id']]} now")
        if self.shown:
            self.news += _new_of_others(messages, {message["id"] for message in self.shown["messages"]})
        self.shown = {**answer, "messages": messages}
        return problems


def out_of_order(messages: list[Message]) -> list[str]:
    """What is wrong with the order of messages in one answer: their times grow, and no id is there twice."""
    ids = [message["id"] for message in messages]
    times = [message["createdAt"] for message in messages]
    problems = [f"{each} is there twice" for each in sorted({each for each in ids if ids.count(each) > 1})]
    if times != sorted(set(times)):
        problems.append(f"the times don't grow: {list(zip(ids, times, strict=True))}")
    return problems


def _new_of_others(messages: list[Message], known: Container[str]) -> list[str]:
    others = (message for message in messages if message["author"]["type"] != "user" and not message["redacted"])
    return [message["id"] for message in others if message["id"] not in known]


def name_of(message: Message) -> str:
    return f"message {message['id']} ({message['body'][:40]!r} at {message['createdAt']})"
