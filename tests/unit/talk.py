"""Intercom's objects for tests: a conversation from a few words."""

from typing import Any

from supportd.clock import Clock
from supportd.conversations.attachments import AttachmentLinks
from supportd.conversations.projection import News, Origin, project
from supportd.conversations.state import State
from supportd.files.signing import FileLinks, Signer
from supportd.intercom import wire

BEGAN = 1_700_000_000
BEGAN_MS = BEGAN * 1000
CONTACT = "6762f1571bb69f9f2193bbbb"


def part(id_: str, body: str | None, *, at: int = 0, by: str = "admin", **more: Any) -> wire.Part:
    """A part `at` seconds after the conversation began."""
    author = wire.Author(type=by, id="1", name=more.pop("name", "Ciaran"))
    fields = {"part_type": "comment", **more}
    return wire.Part(id=id_, created_at=BEGAN + at, body=body, author=author, **fields)


def told(*parts: wire.Part, at: int = 0, count: int | None = None, **header: Any) -> wire.Conversation:
    """A conversation last updated `at` seconds after it began."""
    fields: dict[str, Any] = {
        "state": "open",
        "source": wire.Source(id="s1", body="<p>Hello</p>", author=wire.Author("user", CONTACT)),
        "contacts": wire.ContactList([wire.ContactRef(CONTACT)]),
        "tags": wire.TagList([]),
        "statistics": wire.Statistics(len(parts) if count is None else count),
    }
    return wire.Conversation(
        id="1",
        created_at=BEGAN,
        updated_at=BEGAN + at,
        conversation_parts=wire.PartList(list(parts)),
        **{**fields, **header},
    )


def full(*parts: wire.Part, at: int = 0, heard_at: int = BEGAN_MS, **header: Any) -> News:
    return News(told(*parts, at=at, **header), Origin.FULL, heard_at=heard_at, observed_at=BEGAN + at + 60)


def webhook(*parts: wire.Part, at: int = 0, count: int | None = None, **header: Any) -> News:
    return News(told(*parts, at=at, count=count, **header), Origin.PART, heard_at=BEGAN_MS)


def known(*news: News) -> State:
    """The state after the news, one after the other."""
    state: State | None = None
    for item in news:
        state = project(state, item).state
    assert state is not None
    return state


def tags(*names: str, applied_at: int | None = BEGAN) -> wire.TagList:
    return wire.TagList([wire.Tag(name, "1", applied_at) for name in names])


def words(state: State) -> list[str]:
    return [item.message.body for item in state.parts]


def cursors(state: State) -> list[int]:
    """Each message's cursor in ms since the conversation began."""
    return [item.cursor - BEGAN_MS for item in state.parts]


def attachment_links() -> AttachmentLinks:
    signer = Signer(secrets=("a secret of more than thirty-two bytes",), clock=Clock())
    links = FileLinks(signer=signer, ttl_s=3600, clock=Clock())
    return AttachmentLinks(links=links, public_url="https://support.example")
