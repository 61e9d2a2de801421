"""Compares, once all is quiet: Intercom, what each device was given, what each sender was told, and the database."""

from collections.abc import Iterable, Mapping

from supportd.conversations.messages import REDACTED_BODY
from supportd.conversations.richtext import squeezed
from supportd.conversations.state import State
from tests.soak.devices import Device
from tests.soak.history import Message
from tests.soak.journal import Line
from tests.soak.truth import Chat, Said, Truth


def unlike(device: Device, truth: Truth) -> list[Line]:
    """How what a device has differs from Intercom. A line's time is that of the message that it is about (epoch, s).

    Nothing is asked of supportd for this: it is what came by polls.
    """
    chats = {chat.id: chat for chat in truth.of(device.user)}
    tickets = {ticket.id: ticket for ticket in truth.tickets.values() if ticket.user == device.user}
    found = _unlike_ids("chat", device.threads, chats) + _unlike_ids("ticket", device.tickets, tickets)
    for chat_id, thread in device.threads.items():
        if chat_id in chats:
            messages = [known.message for known in thread.known.values()]
            found += _unlike_messages(messages, chats[chat_id])
            found += _unlike_live(thread.live, chats[chat_id])
    for ticket_id, ticket in device.tickets.items():
        if ticket_id in tickets:
            found += _unlike_messages(ticket.shown["messages"], tickets[ticket_id])
            found += _unlike_state(ticket.shown["state"], tickets[ticket_id])
    return found


def unlike_snapshots(snapshots: Mapping[str, State | None], truth: Truth) -> list[Line]:
    """How the snapshots differ from Intercom."""
    found = _unlike_ids("snapshot", snapshots, truth.conversations)
    for chat_id, chat in truth.conversations.items():
        state = snapshots.get(chat_id)
        if state is not None:
            ids = [part.message.id for part in state.parts]
            if ids != [said.id for said in chat.said]:
                found.append(Line(0, "", f"the snapshot has {ids}", chat_id))
            found += _unlike_state(state.state, chat)
    return found


def _unlike_ids(what: str, has: Iterable[str], should_have: Iterable[str]) -> list[Line]:
    missing, extra = set(should_have) - set(has), set(has) - set(should_have)
    found = [Line(0, "", f"the {what} is missing", each) for each in sorted(missing)]
    return found + [Line(0, "", f"there is no such {what}", each) for each in sorted(extra)]


def _unlike_messages(messages: list[Message], chat: Chat) -> list[Line]:
    has = {message["id"]: message for message in messages}
    should_have = {said.id: said for said in chat.said}
    missing = [said for said in chat.said if said.id not in has]
    found = [Line(said.at_s, "", f"message {said.id} is missing: {said}", chat.id) for said in missing]
    found += [Line(0, "", f"Intercom has no message {each}", chat.id) for each in has if each not in should_have]
    for each, message in has.items():
        said = should_have.get(each)
        if said is not None and not _is_same(message, said):
            found.append(Line(said.at_s, "", f"message {each} is {message}, and in Intercom {said}", chat.id))
    order = [each for each in sorted(has, key=lambda each: has[each]["createdAt"]) if each in should_have]
    in_intercom = [each for each in should_have if each in has]
    if order != in_intercom:
        found.append(Line(0, "", f"the order is {order}, and in Intercom {in_intercom}", chat.id))
    return found


def _is_same(message: Message, said: Said) -> bool:
    words = REDACTED_BODY if said.redacted else said.words
    by_user = message["author"]["type"] == "user"
    return (squeezed(message["body"]), message["redacted"], by_user) == (squeezed(words), said.redacted, said.by_user)


def _unlike_live(live: dict[str, object], chat: Chat) -> list[Line]:
    rated = any(tag.startswith("csat") for tag in chat.tags)
    should_be = {"state": chat.state, "snoozedUntil": chat.snoozed_until, "rated": rated}
    return [] if live == should_be else [Line(0, "", f"it is {live}, and in Intercom {should_be}", chat.id)]


def _unlike_state(state: str, chat: Chat) -> list[Line]:
    return [] if state == chat.state else [Line(0, "", f"it is {state}, and in Intercom {chat.state}", chat.id)]
