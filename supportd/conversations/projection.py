"""The one projection: what was known of a conversation, and news of it, make what is known now.

Pure. News may come doubled, late, out of order, or as a part without its history; whatever the order, the end is what
Intercom has. A message gets its place in the thread once: `second * 1000 + n`, or, if it is found only after later
ones were shown, right after those, so that no client's cursor has passed it.
"""

from enum import Enum, auto
from typing import NamedTuple

import msgspec

from supportd.conversations.messages import NO_FILES, Files, first_message, is_unknown, message_of
from supportd.conversations.periods import Course, follow
from supportd.conversations.state import Period, Rating, Reason, State, StateName, csat_stars
from supportd.conversations.thread import Thread
from supportd.intercom import wire

# A load proves nothing of the last moments (s) before it: Intercom's clock ticks in seconds, and a change may follow
# the load within the same one.
SETTLED_S = 2
MOST_PARTS = 500  # that a load brings (Intercom's docs, conversations)

STATES: dict[str, StateName] = {"open": "open", "closed": "closed", "snoozed": "snoozed"}


class Origin(Enum):
    """How much of a conversation the news brings."""

    FULL = auto()  # a load or the answer to a write: header and all parts (the newest 500)
    PART = auto()  # a webhook: header and the newest part
    HEADER = auto()  # a search: no parts at all


class Need(Enum):
    """What the news lacks."""

    NOTHING = auto()
    FORMATTING = auto()  # an operator's message came as plain text: it can be shown, but its HTML is not known
    HISTORY = auto()  # there is no state to apply it to, or something is missing in between, or the order is unclear


class News(NamedTuple):
    """A conversation as Intercom told it; `observed_at` is Intercom's time (s) of a full load, `heard_at` ours (ms).

    `files` are those of ours that its messages may have. The rest is what our own records say of one that is seen for
    the first time.
    """

    conversation: wire.Conversation
    origin: Origin
    heard_at: int
    observed_at: int = 0
    reason: Reason | None = None
    source_hidden: bool = False
    rated_by: dict[str, Rating] | None = None
    files: Files = NO_FILES


class Projection(NamedTuple):
    """What is known now, what the news lacked, the ids of its parts of unknown type, and when it was closed since."""

    state: State
    need: Need
    unknown_parts: tuple[str, ...]
    ended: tuple[Period, ...] = ()


def project(old: State | None, news: News) -> Projection:
    """Applies news to what was known.

    With a `need`, the state is the best that can be said without it: the caller decides whether to load instead.
    """
    known = old if old is not None else _blank(news)
    thread, unknown = _merge(known, news)
    newer = _is_newer(old, news)
    state = _with_header(known, news) if newer else known
    state = _with_thread(state, thread, news)
    need = _need(old, state, thread, news)
    course = follow(old, news.conversation, whole=_is_whole(news)) if newer else Course(known.period)
    state = msgspec.structs.replace(
        state,
        loaded=known.loaded or _completes(need, news),
        proven_at=max(known.proven_at, _proves(news)) if newer else known.proven_at,
        part_count=_count(old, news, need),
        period=course.period,
        confirmed_at=max(known.confirmed_at, news.heard_at),
    )
    return Projection(_revised(old, state), need, unknown, course.ended)


def rated(old: State, contact_id: str, rating: Rating) -> State:
    """The conversation with what a contact gave it here, which no news takes back; the last of several counts."""
    known = old.rated_by.get(contact_id)
    if known is not None and known.created_at >= rating.created_at:
        return old
    return _revised(old, msgspec.structs.replace(old, rated_by={**old.rated_by, contact_id: rating}))


def deleted(old: State, *, at: int) -> State:
    """What is left of a conversation that was deleted in Intercom: that it was, and when (s) that was seen."""
    return State(
        id=old.id,
        contact_ids=old.contact_ids,
        state="closed",
        created_at=old.created_at,
        changed_at=old.changed_at,
        latest=old.latest,
        revision=old.revision + 1,
        version=old.version,
        proven_at=at,
        deleted=True,
    )


def revives(old: State, news: News) -> bool:
    """Whether a load refutes a deletion: it shows something that happened after that was seen."""
    return news.origin is Origin.FULL and news.conversation.updated_at > old.proven_at


def _merge(known: State, news: News) -> tuple[Thread, tuple[str, ...]]:
    """The thread with what the news brings, and the ids of its parts of unknown type."""
    conversation = news.conversation
    thread = Thread(known.parts, latest=known.latest, partial=news.origin is Origin.PART)
    if news.origin is Origin.HEADER:
        return thread, ()
    hidden_id = _hidden_id(known, news)
    messages = (message_of(part, news.files) for part in conversation.parts)
    for found in (first_message(conversation), *messages):
        if found is not None and found.message.id != hidden_id:
            thread.add(found)
    return thread, tuple(str(part.id) for part in conversation.parts if is_unknown(part.part_type))


def _blank(news: News) -> State:
    conversation = news.conversation
    created_at = conversation.created_at * 1000
    return State(
        id=str(conversation.id),
        contact_ids=conversation.contact_ids,
        state="open",
        created_at=created_at,
        changed_at=created_at,
        latest=created_at - 1,
        source_hidden=news.source_hidden,
        rated_by=news.rated_by or {},
        loaded=False,
    )


def _hidden_id(known: State, news: News) -> str:
    """The id of a first message that is only a topic: it isn't the user's."""
    source = news.conversation.source
    if not (known.source_hidden or news.source_hidden):
        return ""
    return known.source_id or (str(source.id) if source is not None and source.id is not None else "")


def _is_newer(old: State | None, news: News) -> bool:
    """Whether the news' header is to be believed over the known one."""
    conversation = news.conversation
    if old is None or conversation.updated_at != old.updated_at:
        return old is None or conversation.updated_at > old.updated_at
    if news.origin is Origin.FULL:
        return (conversation.part_count or 0) >= (old.part_count or 0) or conversation.part_count is None
    return _continues(old, conversation)


def _continues(old: State, conversation: wire.Conversation) -> bool:
    """Whether a webhook is the very next thing that happened: Intercom's count of parts grew by just what it brings.

    A known part that comes again (redacted, tagged) is no new one.
    """
    count = conversation.part_count
    if count is None or old.part_count is None:
        return False
    known = {part.message.id for part in old.parts} | {old.source_id}
    new = sum(str(part.id) not in known and not part.redacted for part in conversation.parts)
    return new > 0 and count == old.part_count + new


def _skips(old: State, conversation: wire.Conversation) -> bool:
    """Whether Intercom's count grew by more than the webhook brings: one before it was lost, or is late."""
    count = conversation.part_count
    return count is not None and old.part_count is not None and count > old.part_count + len(conversation.parts)


def _need(old: State | None, state: State, thread: Thread, news: News) -> Need:
    if news.origin is not Origin.PART:
        return Need.NOTHING
    if _lacks_history(old, state, thread, news.conversation, tied=_with_header(state, news)):
        return Need.HISTORY
    if any(part.unformatted for part in thread.fresh):
        return Need.FORMATTING
    return Need.NOTHING


def _lacks_history(
    old: State | None, state: State, thread: Thread, conversation: wire.Conversation, *, tied: State
) -> bool:
    if old is None:
        return conversation.part_count != len(conversation.parts)
    if not old.loaded or (thread.fresh and not _continues(old, conversation)) or _skips(old, conversation):
        return True
    return conversation.updated_at == old.updated_at and tied != state  # two headers of one second: which is newer?


def _completes(need: Need, news: News) -> bool:
    return news.origin is Origin.FULL or (news.origin is Origin.PART and need is not Need.HISTORY)


def _proves(news: News) -> int:
    """Up to when (Intercom's s) a load shows everything; one that lags has an older `updated_at` and proves no more."""
    if news.origin is not Origin.FULL:
        return 0
    return min(news.conversation.updated_at, news.observed_at - SETTLED_S)


def _is_whole(news: News) -> bool:
    return news.origin is Origin.FULL and len(news.conversation.parts) < MOST_PARTS


def _count(old: State | None, news: News, need: Need) -> int | None:
    """How many parts Intercom had counted when all of them were known here. A webhook's count alone proves nothing."""
    conversation = news.conversation
    if news.origin is Origin.FULL or (old is None and need is not Need.HISTORY):
        return conversation.part_count
    if old is None:
        return None
    return conversation.part_count if _continues(old, conversation) else old.part_count


def _with_header(known: State, news: News) -> State:
    conversation = news.conversation
    source = conversation.source
    tags = known.tags
    if conversation.tags is not None:
        tags = tuple(tag.name for tag in conversation.tags.tags or [] if tag.name)
    until = conversation.snoozed_until if conversation.state == "snoozed" else None
    return msgspec.structs.replace(
        known,
        contact_ids=_owners(known, news),
        state=STATES.get(conversation.state, known.state),
        snoozed_until=until * 1000 if until else None,
        title=conversation.title or None,
        tags=tags,
        rating=_rating(conversation),
        reason=known.reason or news.reason,
        source_id=str(source.id) if source is not None and source.id is not None else known.source_id,
        source_hidden=known.source_hidden or news.source_hidden,
        updated_at=conversation.updated_at,
    )


def _owners(known: State, news: News) -> tuple[str, ...]:
    """Its contacts. That it has none is believed of a load only, and where it is said."""
    conversation = news.conversation
    if news.origin is Origin.FULL and conversation.contacts is not None:
        return conversation.contact_ids
    return conversation.contact_ids or known.contact_ids


def _with_thread(state: State, thread: Thread, news: News) -> State:
    latest = thread.latest
    if news.origin is not Origin.HEADER and latest < state.created_at:
        latest = state.created_at  # a thread without a message has a cursor, and the first message comes after it
    return msgspec.structs.replace(state, parts=thread.in_order(), latest=latest)


def _revised(old: State | None, state: State) -> State:
    """The next revision, and the time of the change, if a user would see any difference."""
    if old is None:
        return msgspec.structs.replace(state, revision=1, changed_at=max(state.latest, state.updated_at * 1000))
    if _shown(old) == _shown(state):
        return state
    changed_at = max(state.changed_at, state.latest)
    if _header_shown(old) != _header_shown(state):
        changed_at = max(changed_at, state.updated_at * 1000)
    return msgspec.structs.replace(state, revision=state.revision + 1, changed_at=changed_at)


def _shown(state: State) -> tuple[object, ...]:
    return (state.latest, state.loaded, *_header_shown(state))


def _header_shown(state: State) -> tuple[object, ...]:
    ratings = (state.rating, state.rated_by, state.rated)
    return (state.state, state.snoozed_until, state.title, *ratings, state.reason, state.contact_ids)


def _rating(conversation: wire.Conversation) -> Rating | None:
    """Intercom's own rating, or what a CSAT tag with stars says."""
    rated = conversation.conversation_rating
    if rated is not None and rated.rating is not None:
        at = (rated.created_at or conversation.updated_at) * 1000
        return Rating(rated.rating, rated.remark or None, at)
    for tag in (conversation.tags and conversation.tags.tags) or []:
        stars = csat_stars(tag.name or "")
        if stars is not None:
            return Rating(stars, None, (tag.applied_at or conversation.updated_at) * 1000)
    return None
