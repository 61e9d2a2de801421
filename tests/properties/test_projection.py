"""Whatever happens to webhooks on their way, what is known ends as what Intercom has, and clients missed nothing."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from supportd.conversations.cache import Entry, PollAnswer
from supportd.conversations.deliveries import Deliveries
from supportd.conversations.projection import Need, News, Origin, Projection, project, rated
from supportd.conversations.state import Period, Rating, State, decode, encode
from supportd.intercom import wire
from supportd.metrics import Metrics
from tests.unit.driven import StillClock
from tests.unit.talk import attachment_links

CONTACT = "6762f1571bb69f9f2193bbbb"
BEGAN = 1_700_000_000
RATING = Rating(3, "Fine", BEGAN * 1000)


@dataclass
class Intercom:
    """As much of Intercom as one conversation needs."""

    text_webhooks: bool
    counts: bool
    now: int = BEGAN
    state: str = "open"
    snoozed_until: int | None = None
    tags: list[str] = field(default_factory=list)
    source_redacted: bool = False
    parts: list[dict[str, Any]] = field(default_factory=list)
    periods: list[Period] = field(default_factory=lambda: [Period(BEGAN)])
    updated_at: int = BEGAN

    def act(self, action: str, seconds: int) -> wire.Conversation:
        """Something happens; answers the webhook that tells of it."""
        self.now += seconds
        self.updated_at = self.now
        part = getattr(self, f"_{action}")()
        return self._conversation([part] if part else [], text=self.text_webhooks)

    def load(self) -> wire.Conversation:
        return self._conversation(self.parts[-500:], text=False)

    def visible(self) -> list[tuple[str, str, bool]]:
        """Each message's id, words, and whether it was deleted, oldest first."""
        shown = [part for part in self.parts if part["part_type"] != "note" and part["text"]]
        first = ("s1", "Hello", self.source_redacted)
        rest = [(part["id"], part["text"], part["redacted"]) for part in shown]
        return [(id_, "This message was deleted" if gone else text, gone) for id_, text, gone in [first, *rest]]

    def _reply(self, part_type: str, author: str) -> dict[str, Any]:
        return self._part(part_type, author, f"words {len(self.parts)}")

    def _user(self) -> dict[str, Any]:
        part_type = "open" if self.state == "closed" else "comment"
        self._reopen()
        return self._reply(part_type, "user")

    def _admin(self) -> dict[str, Any]:
        return self._reply("comment", "admin")

    def _bot(self) -> dict[str, Any]:
        return self._reply("comment", "bot")

    def _assign(self) -> dict[str, Any]:
        return self._reply("assignment", "admin")

    def _note(self) -> dict[str, Any]:
        return self._reply("note", "admin")

    def _close(self) -> dict[str, Any]:
        if self.state == "closed":
            return self._note()
        self.periods[-1] = Period(self.periods[-1].opened_at, self.now)
        self.state, self.snoozed_until = "closed", None
        return self._part("close", "admin", "")

    def _open(self) -> dict[str, Any]:
        self._reopen()
        return self._part("open", "admin", "")

    def _snooze(self) -> dict[str, Any]:
        self._reopen()
        self.state, self.snoozed_until = "snoozed", self.now + 3600
        return self._part("snoozed", "admin", "")

    def _tag(self) -> None:
        self.tags = [] if self.tags else ["csat-4"]

    def _redact(self) -> dict[str, Any] | None:
        for part in self.parts:
            if not part["redacted"] and part["text"]:
                part["redacted"] = True
                return part
        self.source_redacted = True
        return None

    def _reopen(self) -> None:
        if self.state == "closed":
            self.periods.append(Period(self.now))
        self.state, self.snoozed_until = "open", None

    def _part(self, part_type: str, author: str, text: str) -> dict[str, Any]:
        part = {
            "id": str(100 + len(self.parts)),
            "part_type": part_type,
            "author": author,
            "text": text,
            "created_at": self.now,
            "redacted": False,
        }
        self.parts.append(part)
        return part

    def _last_close_at(self) -> int | None:
        return max((period.closed_at for period in self.periods if period.closed_at is not None), default=None)

    def _conversation(self, parts: list[dict[str, Any]], *, text: bool) -> wire.Conversation:
        return wire.Conversation(
            id="1",
            created_at=BEGAN,
            updated_at=self.updated_at,
            state=self.state,
            snoozed_until=self.snoozed_until,
            source=wire.Source(
                id="s1", body="<p>Hello</p>", author=wire.Author("user", CONTACT), redacted=self.source_redacted
            ),
            contacts=wire.ContactList([wire.ContactRef(CONTACT)]),
            tags=wire.TagList([wire.Tag(name, "1", BEGAN) for name in self.tags]),
            statistics=wire.Statistics(len(self.parts), self._last_close_at()) if self.counts else None,
            conversation_parts=wire.PartList([_wire(part, text=text) for part in parts]),
        )


def _wire(part: dict[str, Any], *, text: bool) -> wire.Part:
    words = part["text"]
    body = words if text or not words else f"<p>{words.split()[0]} <b>{words.split()[1]}</b></p>"
    return wire.Part(
        id=part["id"],
        created_at=part["created_at"],
        part_type=part["part_type"],
        body=body or None,
        author=wire.Author(part["author"], CONTACT if part["author"] == "user" else "9"),
        redacted=part["redacted"],
    )


@dataclass
class Client:
    """A client that sends back the last `latestTimestamp`, and keeps what it was given."""

    since: int = 0
    given: list[tuple[str, str, bool]] = field(default_factory=list)
    deliveries: Deliveries = field(default_factory=lambda: Deliveries(clock=StillClock(), metrics=Metrics("1")))

    def poll(self, state: State) -> None:
        entry = Entry.of(state, attachment_links(), self.deliveries, given=state.latest)
        answer = msgspec.json.decode(entry.poll(self.since), type=PollAnswer)
        self.given += [(message.id, message.body, message.redacted) for message in answer.messages]
        self.since = answer.latest_timestamp


@dataclass
class Receiver:
    """What the inbox and the reconciler do with the projection, without their parts."""

    intercom: Intercom
    state: State | None = None
    given: Rating | None = None
    ended: dict[int, int] = field(default_factory=dict)  # by when it was closed, since when it was open
    left: list[wire.Conversation] = field(default_factory=list)

    def hear(self, webhook: wire.Conversation, *, can_load: bool) -> None:
        projection = project(self.state, News(webhook, Origin.PART, heard_at=0))
        if projection.need is Need.NOTHING:
            self._keep(projection)
            return
        if can_load:
            self.load()
        elif projection.need is Need.HISTORY:
            self.left.append(webhook)
            return
        self._keep(project(self.state, News(webhook, Origin.PART, heard_at=0)))

    def load(self) -> None:
        observed_at = self.intercom.now
        self._keep(project(self.state, News(self.intercom.load(), Origin.FULL, heard_at=0, observed_at=observed_at)))

    def rate(self) -> None:
        """The user rates here; Intercom isn't told yet."""
        assert self.state is not None
        self.state, self.given = rated(self.state, CONTACT, RATING), RATING

    def reconcile(self) -> None:
        for webhook in self.left:
            self.hear(webhook, can_load=True)
        if self.state is None or self.intercom.updated_at > self.state.proven_at:
            self.load()

    def _keep(self, projection: Projection) -> None:
        for period in projection.ended:
            assert period.closed_at is not None
            self.ended.setdefault(period.closed_at, period.opened_at)
        self.state = decode(encode(projection.state))  # as a restart would


ACTIONS = st.sampled_from(
    ["user", "admin", "bot", "assign", "note", "close", "open", "snooze", "tag", "redact", "admin", "user"]
)
FATES = st.sampled_from(["arrives", "arrives", "lost", "doubled", "late"])
Step = tuple[str, int, str, bool, bool, bool]
STEP = st.tuples(ACTIONS, st.integers(0, 2), FATES, st.booleans(), st.booleans(), st.booleans())
STEPS = st.lists(STEP, max_size=25)


def lived_through(
    steps: list[Step], intercom: Intercom, *, counts: bool | None, rates_at: int
) -> tuple[Receiver, Client]:
    """What is known in the end, and what a client was given. Without `counts` each step says if Intercom counts."""
    receiver = Receiver(intercom)
    receiver.load()
    client = Client()
    late: list[wire.Conversation] = []
    for number, (action, seconds, fate, can_load, polls, counted) in enumerate(steps):
        intercom.counts = counted if counts is None else counts
        if number == rates_at:
            receiver.rate()
        webhook = intercom.act(action, seconds)
        arriving = {"arrives": [webhook], "lost": [], "doubled": [webhook, webhook], "late": []}[fate]
        for one in arriving:
            receiver.hear(one, can_load=can_load)
        late += [webhook] if fate == "late" else []
        if late and polls:
            receiver.hear(late.pop(), can_load=can_load)
        if polls and receiver.state is not None:
            client.poll(receiver.state)
    intercom.now += 10
    for webhook in late:
        receiver.hear(webhook, can_load=True)
    receiver.reconcile()
    assert receiver.state is not None
    client.poll(receiver.state)
    return receiver, client


@settings(max_examples=300, deadline=None)
@given(steps=STEPS, text=st.booleans(), counts=st.booleans(), rates_at=st.integers(0, 50))
def test_any_fate_of_webhooks_ends_in_intercoms_state(
    steps: list[Step], *, text: bool, counts: bool, rates_at: int
) -> None:
    intercom = Intercom(text_webhooks=text, counts=counts)
    receiver, client = lived_through(steps, intercom, counts=None, rates_at=rates_at)
    assert receiver.state is not None

    _is_intercoms(receiver.state, intercom, receiver.given)
    _missed_nothing(client, intercom)


@settings(max_examples=300, deadline=None)
@given(steps=STEPS, text=st.booleans())
def test_any_fate_of_webhooks_tells_every_close_once_and_no_other(steps: list[Step], *, text: bool) -> None:
    intercom = Intercom(text_webhooks=text, counts=True)
    receiver, _ = lived_through(steps, intercom, counts=True, rates_at=-1)

    earliest = {period.closed_at: period.opened_at for period in reversed(intercom.periods)}
    assert set(receiver.ended) == {closed_at for closed_at in earliest if closed_at is not None}
    for closed_at, opened_at in receiver.ended.items():
        assert earliest[closed_at] <= opened_at <= closed_at  # that it was reopened may be heard of too late


def _is_intercoms(state: State, intercom: Intercom, given: Rating | None) -> None:
    assert [(part.message.id, part.message.body, part.message.redacted) for part in state.parts] == intercom.visible()
    assert (state.state, state.snoozed_until and state.snoozed_until // 1000) == (
        intercom.state,
        intercom.snoozed_until,
    )
    assert list(state.tags) == intercom.tags
    assert state.rated == bool(intercom.tags or given)
    told = Rating(4, None, BEGAN * 1000) if intercom.tags else None
    assert (state.rating, state.rating_of(CONTACT)) == (told, given or told)
    assert state.period == intercom.periods[-1]
    created = [part.message.created_at for part in state.parts]
    assert created == sorted(set(created))
    cursors = [part.cursor for part in state.parts]
    assert len(set(cursors)) == len(cursors)
    assert state.latest >= max(cursors)


def _missed_nothing(client: Client, intercom: Intercom) -> None:
    truth = intercom.visible()
    assert {id_: (body, gone) for id_, body, gone in client.given} == {id_: (body, gone) for id_, body, gone in truth}
    firsts = list(dict.fromkeys(id_ for id_, _, _ in client.given))
    assert firsts == [id_ for id_, _, _ in truth]
    deleted = {id_ for id_, _, gone in truth if gone}
    for id_, times in Counter(id_ for id_, _, _ in client.given).items():
        formatted_later = intercom.text_webhooks
        assert times <= 1 + (id_ in deleted) + formatted_later


@given(seconds=st.lists(st.integers(0, 1), min_size=1, max_size=40))
def test_messages_that_share_a_second_get_cursors_of_their_own(seconds: list[int]) -> None:
    intercom = Intercom(text_webhooks=False, counts=True)
    receiver = Receiver(intercom)
    receiver.load()
    for step in seconds:
        receiver.hear(intercom.act("admin", step), can_load=True)
    assert receiver.state is not None
    places = [(part.message.created_at, part.cursor) for part in receiver.state.parts]
    assert all(created == cursor for created, cursor in places)
    assert [created for created, _ in places] == sorted({created for created, _ in places})
    firsts = {created // 1000: created % 1000 for created, _ in reversed(places)}
    assert set(firsts.values()) == {0}


def test_a_thread_longer_than_intercom_returns_stays_whole() -> None:
    intercom = Intercom(text_webhooks=False, counts=True)
    receiver = Receiver(intercom)
    receiver.load()
    for _ in range(1200):
        receiver.hear(intercom.act("admin", 1), can_load=True)
    receiver.load()
    assert receiver.state is not None
    assert len(receiver.state.parts) == 1201
    shorter = replace(intercom, parts=intercom.parts)
    assert len(shorter.load().parts) == 500
