"""A conversation as the API shows it to one contact."""

from msgspec import Struct

from supportd.conversations.attachments import AttachmentLinks, Home
from supportd.conversations.richtext import squeezed
from supportd.conversations.state import Author, Message, Rating, Reason, State, StateName

PREVIEW_CHARS = 120


class LastMessage(Struct, rename="camel"):
    """The newest message, shortened."""

    author: Author
    preview: str
    created_at: int


class Summary(Struct, rename="camel", kw_only=True):
    """A conversation in a list."""

    id: str
    title: str | None
    state: StateName
    snoozed_until: int | None
    rated: bool
    unread: int
    reason: Reason | None
    last_message: LastMessage | None
    created_at: int
    updated_at: int


class Conversation(Summary, rename="camel", kw_only=True):
    """A conversation in full."""

    messages: tuple[Message, ...]
    rating: Rating | None
    latest_timestamp: int


class ConversationList(Struct, rename="camel"):
    """One page of summaries."""

    conversations: list[Summary]
    next_cursor: str | None


def summary(state: State, contact_id: str) -> Summary:
    """The conversation in short, as the contact sees it."""
    return Summary(
        id=state.id,
        title=state.title,
        state=state.state,
        snoozed_until=state.snoozed_until,
        rated=state.rated,
        unread=state.unread(contact_id),
        reason=state.reason,
        last_message=_last_message(state),
        created_at=state.created_at,
        updated_at=state.changed_at,
    )


def conversation(state: State, contact_id: str, links: AttachmentLinks) -> Conversation:
    """The whole conversation, as the contact sees it."""
    short = summary(state, contact_id)
    return Conversation(
        **{name: getattr(short, name) for name in Summary.__struct_fields__},
        messages=links.all_shown((part.message for part in state.parts), Home.CONVERSATION, state.id),
        rating=state.rating_of(contact_id),
        latest_timestamp=state.latest,
    )


def _last_message(state: State) -> LastMessage | None:
    if not state.parts:
        return None
    last = state.parts[-1].message
    said = squeezed(last.body) or (last.attachments[0].name if last.attachments else "")
    return LastMessage(last.author, said[:PREVIEW_CHARS], last.created_at)
