"""What became of what users sent: told means once, refused means never, anything else at most once."""

from collections import defaultdict
from collections.abc import Iterator

from tests.soak.database import Database
from tests.soak.journal import Journal
from tests.soak.sends import Fate, Kind, Sending
from tests.soak.truth import Chat, Said, Truth

BY_OPERATORS = "operators say no."  # what users say elsewhere, and operators everywhere


class Fates:
    """Holds the messages in Intercom against what their senders were told."""

    def __init__(self, *, truth: Truth, database: Database, journal: Journal, sendings: list[Sending]) -> None:
        self._truth = truth
        self._database = database
        self._journal = journal
        self._by_words: dict[str, list[Sending]] = defaultdict(list)
        for sending in sendings:
            self._by_words[sending.words].append(sending)
        self._sendings = sendings

    def judge(self) -> None:
        """Tells the journal what is wrong."""
        for sending in self._sendings:
            if sending.kind is Kind.RATING:
                self._judge_rating(sending)
            elif len(self._by_words[sending.words]) == 1:
                self._judge(sending, self._occurrences(sending))
        for same in self._by_words.values():
            if len(same) > 1:
                self._judge_same_words(same)
        self._look_for_strangers()

    def _judge(self, sending: Sending, ids: list[str]) -> None:
        told = [sending.message_id] if sending.fate is Fate.TOLD else []
        if sending.fate is Fate.TOLD and ids != told:
            self._wrong(sending, f"is in Intercom as {ids}, and its sender was told {told}")
        if sending.fate is Fate.REFUSED and ids:
            self._wrong(sending, f"is in Intercom as {ids}")
        if len(ids) > 1:
            self._wrong(sending, f"is in Intercom {len(ids)} times: {ids}")
        for chat_id in ids if sending.kind is Kind.TOPIC else []:
            self._judge_topic(sending, self._truth.conversations[chat_id])

    def _judge_topic(self, sending: Sending, chat: Chat) -> None:
        """Operators are told of it once, by a note and a tag."""
        notes = chat.notes.count(f"Topic: {sending.words}")
        if notes != 1 or sending.words not in chat.tags:
            self._wrong(sending, f"has {notes} notes of its topic, and the tags {chat.tags}")

    def _judge_same_words(self, same: list[Sending]) -> None:
        """Each is a message of its own. In one chat there are as many as were told, and at most those left open."""
        by_place = defaultdict(list)
        for sending in same:
            if sending.kind is not Kind.RATING:
                by_place[sending.place].append(sending)
        for place, there in by_place.items():
            told = [sending for sending in there if sending.fate is Fate.TOLD]
            ids = {said.id for said in self._said_in(place) if said.words == there[0].words and said.by_user}
            for sending in told:
                if sending.message_id not in ids | self._redacted_in(place):
                    self._wrong(sending, f"isn't in Intercom as {sending.message_id}")
            told_ids = [sending.message_id for sending in told]
            if len(set(told_ids)) < len(told_ids):
                self._wrong(told[0], f"two of the same words were told to be one: {sorted(told_ids)}")
            uncertain = sum(sending.fate in {Fate.OPEN, Fate.GIVEN_UP} for sending in there)
            if len(ids - set(told_ids)) > uncertain:
                self._wrong(
                    there[0], f"is in Intercom as {sorted(ids)}, told {sorted(told_ids)}, {uncertain} uncertain"
                )

    def _judge_rating(self, sending: Sending) -> None:
        stored = self._database.ratings(sending.target)
        tags = self._truth.conversations[sending.target].tags
        if sending.fate is Fate.TOLD and len(stored) != 1:
            self._wrong(sending, f"is stored {len(stored)} times")
        expected = sorted({"csat", *(f"csat-{stars}" for stars in stored)}) if stored else []
        if [tag for tag in tags if tag.startswith("csat")] != expected:
            self._wrong(sending, f"the tags are {tags}, and stored are {stored}")

    def _occurrences(self, sending: Sending) -> list[str]:
        """The ids under which a message is in Intercom, by its words; or by the id told, where it was redacted."""
        if sending.kind is Kind.COMPLAINT:
            return self._database.complaints(sending.words)
        chats = self._truth.of(sending.user)
        if sending.kind in {Kind.START, Kind.TOPIC}:
            return [chat.id for chat in chats if chat.opening == sending.words]
        of_kind = self._truth.tickets.values() if sending.kind is Kind.TICKET_REPLY else chats
        return [said.id for chat in of_kind for said in chat.said if _is_of(said, sending)]

    def _look_for_strangers(self) -> None:
        for chat, said in self._all_said():
            by_somebody = any(_is_of(said, sending) for sending in self._by_words.get(_own(said.words), []))
            if said.by_user and not said.redacted and not by_somebody and BY_OPERATORS not in said.words:
                self._journal.wrong("Intercom", f"has a message that nobody sent: {said}", chat.id)

    def _all_said(self) -> Iterator[tuple[Chat, Said]]:
        for chat in (*self._truth.conversations.values(), *self._truth.tickets.values()):
            for said in chat.said:
                yield chat, said

    def _said_in(self, place: str) -> tuple[Said, ...]:
        chat = self._truth.conversations.get(place)
        return () if chat is None else chat.said

    def _redacted_in(self, place: str) -> set[str]:
        return {said.id for said in self._said_in(place) if said.redacted}

    def _wrong(self, sending: Sending, what: str) -> None:
        self._journal.wrong(sending.user, f"{sending} {what}", sending.place, about=sending.key or sending.words)


def _own(words: str) -> str:
    """A user's words, without the ticket's reference before what is asked about it."""
    reference, colon, rest = words.partition(": ")
    return rest if colon and reference.startswith("AW-") else words


def _is_of(said: Said, sending: Sending) -> bool:
    if said.redacted:
        return said.id == sending.message_id
    return said.by_user and _own(said.words) == sending.words
